"""The checks against labelled posts of a city: what they find, and how seldom they cry wolf."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from policy import labelled
from policy.catalog import CATALOG
from policy.labelled import Labelled, SetError
from policy.post import Post
from tests.policy.support import HELD_OUT, TUNING, shipped


def test_the_aims_are_met_on_the_posts_that_the_lists_were_made_with() -> None:
    """CT-3, CT-4, CT-5"""
    scores = labelled.measure(shipped(), labelled.read(TUNING))
    assert labelled.missed_aims(shipped(), scores) == []
    assert all(score.recall is not None for score in scores.values())
    strict = [rule for rule, level in shipped().rules.levels.items() if level == "block"]
    assert [scores[rule].alarms for rule in strict] == [[]] * len(strict)


def test_numbers_raise_no_false_alarm_on_posts_that_nobody_tuned_on() -> None:
    """CT-5: the rest of that set is reported by `standfast policy test`, not judged here."""
    scores = labelled.measure(shipped(), labelled.read(HELD_OUT))
    assert (scores["ssn"].alarms, scores["payment_card"].alarms) == ([], [])


def test_a_check_that_finds_nothing_or_everything_misses_its_aims() -> None:
    """CT-5: the measure itself can fail."""
    posts = [Labelled("bad", Post("Nothing."), (("ssn", "Nothing"), ("spelling", "Nothing")))]
    posts += [Labelled(f"good-{n}", Post("It is 078-05-1120."), ()) for n in range(2)]
    lines = labelled.missed_aims(shipped(), labelled.measure(shipped(), posts))
    assert lines == [
        "ssn: false alarms on 100.0% of the good posts, more than 0%",
        "ssn: finds 0% of the labelled faults, less than 95%",
        "spelling: finds 0% of the labelled faults, less than 80%",
    ]


def test_a_finding_beside_the_quoted_words_does_not_count() -> None:
    """CT-5"""
    posts = [Labelled("bad", Post("It is 078-05-1120, at noon."), (("ssn", "at noon"),))]
    score = labelled.measure(shipped(), posts)["ssn"]
    assert (score.found, score.right, len(score.missed), len(score.wrong)) == (0, 0, 1, 1)


UNKNOWN = json.dumps({"text": "a", "platform": "x", "media": [], "expect": [{"rule": "x", "quote": ""}]})


@pytest.mark.parametrize("line", ["{", "[]", "{}", UNKNOWN])
def test_a_line_that_is_no_labelled_post_is_named(tmp_path: Path, line: str) -> None:
    """CT-5"""
    file = tmp_path / "set.jsonl"
    file.write_text(f"\n{line}\n")
    with pytest.raises(SetError, match=r"set\.jsonl:2: is no labelled post"):
        labelled.read(file)


def test_every_rule_has_its_clause_in_the_policy_s_words() -> None:
    """CT-2"""
    for rule in CATALOG.values():
        assert rule.clause
        assert rule.words
        assert rule.looks_at
        assert rule.what_to_do
