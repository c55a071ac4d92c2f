"""The city's rules: the shipped file, a city's own, and every mistake at once with file, key, value and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from crisis.alerts import rules
from crisis.alerts.rule_reader import RulesError
from tests.crisis.alerts.build import NWS, SUGGEST, WHITELIST, decided, tornado

GOOD = Path(__file__).with_name("whitelist.toml").read_text(encoding="utf-8")


def _file(folder: Path, text: str) -> Path:
    path = folder / "alerts.toml"
    path.write_text(text, encoding="utf-8")
    return path


def _faults(folder: Path, text: str) -> list[str]:
    with pytest.raises(RulesError) as caught:
        rules.read(_file(folder, text))
    assert str(caught.value) == "\n".join(caught.value.faults)
    assert all(fault.startswith(f"{folder / 'alerts.toml'}: ") and "\n" not in fault for fault in caught.value.faults)
    return [fault.removeprefix(f"{folder / 'alerts.toml'}: ") for fault in caught.value.faults]


def test_the_shipped_rules_hold_nothing_and_know_no_place() -> None:
    """KS-24: by default an alert is a suggestion at most, and without the city's codes not even that."""
    shipped = rules.read(rules.SHIPPED)
    assert shipped.holds == ()
    assert not shipped.place
    assert shipped.tests == "note"
    assert (shipped.suggest.severity, shipped.suggest.urgency, shipped.suggest.certainty) == (
        "Severe",
        "Expected",
        "Likely",
    )
    assert not shipped.suggest.codes | shipped.suggest.events
    assert decided(tornado(), shipped).kind == "ignore"


def test_the_example_of_the_shipped_rules_can_be_used(tmp_path: Path) -> None:
    """The whitelist that stands there as a comment is read, once its marks are taken away."""
    text = rules.SHIPPED.read_text(encoding="utf-8")
    above, mark, example = text.partition("# [[hold]]\n")
    assert mark
    city = above.replace("same = []", 'same = ["047093"]') + "[[hold]]\n" + example.replace("# ", "")
    made = rules.read(_file(tmp_path, city))
    assert decided(tornado(), made).kind == "hold"


def test_a_citys_own_rules() -> None:
    """KS-24: places, events and degrees for a suggestion, and a whitelist by sender, event and scope."""
    assert WHITELIST.place.same == {"047093"}
    assert WHITELIST.place.ugc == {"TNC093", "TNZ069"}
    assert WHITELIST.tests == "ignore"
    assert WHITELIST.suggest.events == {"severe thunderstorm warning"}
    first, second = WHITELIST.holds
    assert (first.number, first.scope, first.senders) == (1, "all", frozenset({NWS}))
    assert (second.number, second.scope, second.bar.severity) == (2, "group:safety", "Severe")
    assert SUGGEST.holds == ()


MISTAKES = [  # what is replaced, by what, the fault
    ('["047093"]', '["47093"]', "place.same = '47093' is not the SAME code of a county (six digits"),
    (
        '["047093"]',
        '["047000"]',
        "place.same = '047000' is not the SAME code of a county (six digits",
    ),
    ('["047093"]', '["000093"]', "place.same = '000093' is not the SAME code"),
    ('["047093"]', "[47093]", "place.same = 47093 is not text: write same = ["),
    ('["047093"]', '"047093"', "place.same = '047093' is not a list: write same = ["),
    ('"TNZ069"', '"tnz069"', "place.ugc = 'tnz069' is not the UGC code of a county or zone (the state's letters"),
    ('"TNZ069"', '"TNZ000"', "place.ugc = 'TNZ000' is not the UGC code of a county or zone"),
    ('same = ["047093"]\n', "", "place.same is missing: write same = ["),
    ("[place]", "[palce]", "palce is not known here: did you mean 'place'?"),
    (
        'codes = ["CAE"]',
        'codes = ["Tornado"]',
        "suggest.codes = 'Tornado' is not an event code (three capital letters",
    ),
    ('codes = ["CAE"]', 'code = ["CAE"]', "suggest.code is not known here: did you mean 'codes'?"),
    (
        'certainty = "Likely"\n\n',
        "\n",
        'suggest.certainty is missing: write certainty = "Likely"',
    ),
    (
        'urgency = "Expected"',
        'urgency = "Unknown"',
        "suggest.urgency = 'Unknown' is not known here: known are Expected, Future, Immediate, Past",
    ),
    ('urgency = "Expected"', "urgency = 3", "suggest.urgency = 3 is not text: write urgency = "),
    ('tests = "ignore"', 'tests = "hold"', "tests = 'hold' is not known here: known are ignore, note"),
    (
        'scope = "all"',
        'scope = "everything"',
        "hold[1].scope = 'everything' is not a scope (all, channel:NAME or group:NAME): write scope = ",
    ),
    ('scope = "all"', 'scope = "group:"', "hold[1].scope = 'group:' is not a scope"),
    ('scope = "all"', "", 'hold[1].scope is missing: write scope = "all"'),
    (f'senders = ["{NWS}"]', "senders = []", "hold[1].senders is empty: name whose alerts"),
    (f'senders = ["{NWS}"]', "", "hold[1].senders is missing"),
    (
        f'senders = ["{NWS}"]',
        'senders = ["a\\nb"]',
        "hold[1].senders = 'a\\nb' is not text that can be shown (it holds a line break)",
    ),
    ('codes = ["EVI", "TOR"]\n', "", "hold[2].codes is missing: name the events that may stop by themselves"),
    ('codes = ["EVI", "TOR"]', "codes = []", "hold[2].codes is missing: name the events"),
    (
        'severity = "Extreme"',
        'severity = "extreme"',
        "hold[1].severity = 'extreme' is not known here: did you mean 'Extreme'?",
    ),
    (f'senders = ["{NWS}"]', 'senders = ["a\\u200bb"]', "hold[1].senders = 'a"),
    (f'senders = ["{NWS}"]', f'senders = ["{"x" * 81}"]', "hold[1].senders = 'xxx"),
    ('scope = "group:safety"', 'scope = "all"\nlift = true', "hold[2].lift is not known here"),
]


@pytest.mark.parametrize(("old", "new", "fault"), MISTAKES, ids=[mistake[2][:40] for mistake in MISTAKES])
def test_a_mistake_is_named_with_its_remedy(tmp_path: Path, old: str, new: str, fault: str) -> None:
    """KS-24: rules are read strictly: what is misspelt must not be a rule that is not there."""
    assert old in GOOD
    assert any(said.startswith(fault) for said in _faults(tmp_path, GOOD.replace(old, new, 1)))


def test_every_mistake_is_named_at_once(tmp_path: Path) -> None:
    text = (
        'tests = 1\nplace = 3\nhold = "no"\nother = 1\n[suggest]\nseverity = "High"\nurgency = "Past"\ncodes = "TOR"\n'
    )
    faults = _faults(tmp_path, text)
    assert [fault.split(" ")[0] for fault in faults] == [
        "place",
        "place.same",
        "place.ugc",
        "suggest.severity",
        "suggest.certainty",
        "suggest.codes",
        "hold",
        "tests",
        "other",
    ]


def test_an_empty_file_lacks_its_tables(tmp_path: Path) -> None:
    assert _faults(tmp_path, "") == ["place is missing: write [place]", "suggest is missing: write [suggest]"]


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "torn").write_text("[place\nsame = 1")
    for path in (tmp_path / "none.toml", tmp_path / "binary", tmp_path / "torn", tmp_path):
        with pytest.raises(RulesError) as caught:
            rules.read(path)
        (fault,) = caught.value.faults
        assert fault.startswith(f"{path}: the rules for alerts cannot be read (")
        assert fault.endswith("): mend the file")
        assert len(fault.splitlines()) == 1


def test_a_file_without_end_or_too_large_is_refused_before_it_is_understood(tmp_path: Path) -> None:
    """SE-4: a pipe in its place must not keep the daemon waiting; the twin is a file that an editor marked."""
    (tmp_path / "alerts.toml").write_text("#" * (rules.MOST_BYTES + 1), encoding="utf-8")
    for file, why in ((tmp_path / "alerts.toml", "larger than 1 MiB"), (Path("/dev/zero"), "no ordinary file")):
        with pytest.raises(RulesError, match=why):
            rules.read(file)
    (tmp_path / "alerts.toml").write_text(f"\ufeff{GOOD}", encoding="utf-8")
    assert rules.read(tmp_path / "alerts.toml") == rules.read(_file(tmp_path, GOOD))
