"""The city's file over the shipped one, and every mistake in it named at once."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy import rules, wording
from policy.catalog import CATALOG
from policy.checks import Checks
from policy.post import Post
from policy.reading import Reading
from policy.rules import ChecksError


def _read(folder: Path, text: str) -> rules.Rules:
    file = folder / "checks.toml"
    file.write_text(text, encoding="utf-8")
    return rules.read(file)


def test_a_city_changes_what_it_names_and_keeps_the_rest(tmp_path: Path) -> None:
    """CT-2: levels, a list replaced, a list added to, an election window."""
    own = _read(
        tmp_path,
        '[levels]\nprofanity = "block"\nacronym = "off"\n[profanity]\nterms = ["heck"]\n[acronym]\nmore_known = ["MPO"]\n'
        '[[election]]\nname = "Runoff"\nfirst = 2026-06-01\nlast = 2026-06-07\n',
    )
    shipped = rules.read(None)
    assert (own.levels["profanity"], own.levels["acronym"], own.levels["ssn"]) == ("block", "off", "block")
    assert own.words("profanity", "terms") == ("heck",)
    assert own.words("acronym", "known") == (*shipped.words("acronym", "known"), "MPO")
    assert own.words("legal", "terms") == shipped.words("legal", "terms")
    found = Checks(own).run(Post("What the heck is the XYZQ?"), {"profanity", "acronym"})
    assert [(finding.rule, finding.level, finding.quote) for finding in found] == [("profanity", "block", "heck")]


def test_every_mistake_is_one_line_with_file_key_value_and_remedy(tmp_path: Path) -> None:
    """CT-2"""
    with pytest.raises(ChecksError) as caught:
        _read(
            tmp_path,
            'election_level = "blok"\nother = 1\n[levels]\nssn = "no"\nsssn = "block"\n[legal]\nterms = ["(a", "a{3}"]\n'
            "more = 1\n"
            '[acronym]\nknown = ["A B"]\n[[election]]\nname = "E"\nfirst = 2026-06-02\nlast = 2026-06-01\n'
            '[[election]]\nname = "F"\n',
        )
    faults = caught.value.faults
    assert all(fault.startswith(f"{tmp_path / 'checks.toml'}: ") and "\n" not in fault for fault in faults)
    said = [fault.partition(": ")[2] for fault in faults]
    assert [line.split()[0] for line in said] == [
        "levels.ssn", "levels.sssn", "election[1].last", "election[2].first", "election[2].last", "election_level",
        "legal.terms", "legal.terms", "legal.more", "acronym.known", "other",
    ]  # fmt: skip
    assert said[0] == "levels.ssn = 'no' is not known here: known are block, off, review, warn"
    assert "did you mean 'ssn'?" in said[1]
    assert "did you mean 'block'?" in said[5]


def test_a_group_stands_for_its_terms_and_a_city_adds_to_it(tmp_path: Path) -> None:
    """CT-2"""
    own = _read(tmp_path, '[groups]\nmore_illness = ["cedar fever"]\n[legal]\nterms = ["<illness> claim"]\n')
    checks = Checks(own)
    found = checks.run(Post("She has cedar fever. A cedar fever claim."), {"health", "legal"})
    assert [(finding.rule, finding.quote) for finding in found] == [
        ("health", "She has cedar fever"),
        ("legal", "cedar fever claim"),
    ]
    with pytest.raises(ChecksError) as caught:
        _read(tmp_path, '[legal]\nterms = ["<ilness> claim"]\n[groups]\none = ["<illness>"]\n')
    assert [fault.partition(": ")[2] for fault in caught.value.faults] == [
        "groups.one = '<illness>' names the group <illness>: a group names none",
        "legal.terms = '<ilness> claim' names the group <ilness>: known are one, illness, people, office, measure, trade",
    ]


@pytest.mark.parametrize("text", ["a = ", "\x00", "[levels]\nssn = 1", "levels = 1", "[[levels]]\nssn = 'block'"])
def test_what_is_no_file_of_checks_is_refused(tmp_path: Path, text: str) -> None:
    """CT-2"""
    with pytest.raises(ChecksError, match=r"checks\.toml: "):
        _read(tmp_path, text)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """CT-2"""
    with pytest.raises(ChecksError, match=r"the checks cannot be read .*mend the file, or the setting `checks`"):
        rules.read(tmp_path / "gone.toml")


def test_the_shipped_file_has_a_level_for_every_check() -> None:
    """CT-3, CT-4"""
    levels = rules.read(None).levels
    strict = {rule for rule, level in levels.items() if level == "block"}
    assert strict == {"ssn", "payment_card", "missing_alt", "fancy_letters", "platform_length"}
    assert {rule for rule, level in levels.items() if level == "review"} == set(list(CATALOG)[5:11])
    assert set(levels.values()) == {"block", "review", "warn"}


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("ab*()|?^_…~ #'.+[]{}\\$<>"), min_size=1, max_size=12))
def test_a_term_is_read_or_refused_and_never_hangs(term: str) -> None:
    """CT-2"""
    if wording.PLAIN_TERM.fullmatch(term):
        with suppress(ValueError):
            found = wording.WordList([term], [term])
            assert list(found.find(Reading("text", "ab" * 500))) == []
