"""The plan's file: what it says is read, and whatever is wrong with it is told at once, with file, key and remedy."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crisis import plan, plan_table
from crisis.plan_table import Faults, PlanError, Table
from governance import people, roles
from scheduler.killswitch import Scope
from tests.crisis import plans
from tests.crisis.plans import CANARY, changed, filled, read

BARE = 'version = "1"\nreview_interval = "365d"\nlanguages = ["en"]\n'


def _faults(folder: Path, text: str) -> list[str]:
    """The mistakes of a plan, each one line that names the file; without its name."""
    with pytest.raises(PlanError) as caught:
        read(folder, text)
    assert str(caught.value) == "\n".join(caught.value.faults)
    name = f"{folder / 'crisis-plan.toml'}: "
    assert all(line.startswith(name) and len(line.splitlines()) == 1 for line in caught.value.faults)
    return [line.removeprefix(name) for line in caught.value.faults]


def test_the_shipped_plan_is_read_whole() -> None:
    found = plan.read()
    assert found.is_shipped
    assert (found.version, found.reviewed, found.review_interval_s) == ("1", None, 365 * 86400)
    assert {"tornado-watch", "boil-water", "road-closure", "active-incident", "all-clear"} <= found.statements.keys()
    assert {"watch", "local", "city-wide", "compromise"} == found.levels.keys()
    assert [bool(found.checklist[phase]) for phase in plan.PHASES] == [True] * 5
    assert all(role.people == () for role in found.roles.values())
    assert found.levels["compromise"].kind == "compromise"


def test_what_a_city_fills_in_is_read(tmp_path: Path) -> None:
    found = read(tmp_path, changed(('scope = "all"', 'scope = "group:outdoors"')))
    assert not found.is_shipped
    assert found.reviewed == date(2026, 1, 31)
    assert found.roles["duty-officer"].people == ("dora", "omar")
    assert found.levels["watch"].scope == Scope("group", "outdoors")
    dora, omar = found.notices
    assert (dora.person, dora.targets, dora.acknowledge_within_s, dora.escalate_to) == (
        "dora",
        ("NOTICE_DORA",),
        600.0,
        "omar",
    )
    assert (omar.language, omar.acknowledge_within_s, omar.escalate_to) == ("es", 0.0, "")
    assert found.reminder is not None
    assert (found.reminder.first_s, found.reminder.every_s, found.reminder.escalate_after_s) == (1800, 3600, 7200)


def test_a_plan_may_be_as_good_as_empty(tmp_path: Path) -> None:
    """What it lacks is for the doctor: reading refuses only what cannot be understood."""
    found = read(tmp_path, BARE)
    assert (found.roles, found.levels, found.notices, found.statements) == ({}, {}, (), {})
    assert found.checklist == dict.fromkeys(plan.PHASES, ())
    assert found.rights == {"suspend": (), "resume": (), "confirm": ()}
    assert found.reminder is None


WRONG: dict[str, tuple[tuple[str, str], str]] = {
    "unknown key": (('version = "1"', 'version = "1"\nrevieved = 2026-01-01'), "revieved is not known here: did you"),
    "unknown in role": (("people = [", 'poeple = []\npeople = ["omar"]\n#'), "director.poeple is not known here: did you"),
    "missing": (('version = "1"', ""), 'version is missing: write version = "1"'),
    "missing in table": (("people = [", "# ["), "role.communications-director.people is missing: write people ="),
    "no text": (('version = "1"', "version = 1"), 'version = 1 is not text: write version = "1"'),
    "blank text": (('version = "1"', 'version = " "'), "version = ' ' is not text"),
    "break": (('version = "1"', 'version = "1\\n2"'), "(it holds a line break)"),
    "control": (('version = "1"', 'version = "1\\u001b"'), "(it holds U+001B)"),
    "long text": (('version = "1"', f'version = "{"v" * 2001}"'), "version has 2001 characters, more than 2000"),
    "no date": (("reviewed = 2026-01-31", 'reviewed = "2026-01-31"'), "reviewed = '2026-01-31' is not a date without quotes"),
    "with time": (("reviewed = 2026-01-31", "reviewed = 2026-01-31T10:00:00"), "is not a date without quotes"),
    "no duration": (('"365d"', '"a year"'), "review_interval = 'a year' is not a duration of more than nothing"),
    "no time at all": (('first = "30m"', "first = 0"), "reminder.first = 0 is not a duration of more than nothing"),
    "negative": (('first = "30m"', "first = -1"), "reminder.first = -1 is not a duration"),
    "not a number": (('first = "30m"', "first = nan"), "reminder.first = nan is not a duration"),
    "no list": (('["en", "es"]', '"en"'), "languages = 'en' is not a list: write languages = [\"en\", \"es\"]"),
    "no language": (('["en", "es"]', '["English"]'), "languages = 'English' is not a language's code"),
    "person": (('["dora", "omar"]', '["Dora Lind"]'), "people = 'Dora Lind' is not a person's short name"),
    "person twice": (('["dora", "omar"]', '["dora", "dora"]'), "people names 'dora' more than once"),
    "no table": (("[blank.place]", "[level]\nx = 5\n[blank.place]"), "level.x = 5 is not a table: write [level.x] above"),
    "name": (("[level.watch]", "[level.Watch]"), "level.Watch is not a name here"),
    "odd name": (("[level.watch]", '[level."a\\nb"]'), "level.'a\\nb' is not a name here"),
    "kind": (('kind = "crisis"', 'kind = "crysis"'), "level.watch.kind = 'crysis' is not known here: did you mean 'crisis'?"),
    "drill": (('kind = "crisis"', 'kind = "drill"'), "level.watch.kind = 'drill' is not known here: known are"),
    "scope": (('scope = "all"', 'scope = "channel:"'), "level.watch.scope is not understood (scope 'channel:' is none of"),
    "right": (("resume = [", "resumee = ["), "rights.resumee is not known here: did you mean 'resume'?"),
    "phase": (("[[checklist.hold]]", "[[checklist.holds]]"), "checklist.holds is not known here: did you mean 'hold'?"),
    "no rows": (("[[checklist.hold]]", "[checklist.hold]"), "cannot be read (Cannot"),
    "item twice": (('id = "recall"', 'id = "stop"'), "checklist.id = 'stop' stands there more than once"),
    "owner": (('owner = "duty-officer"', 'owner = ""'), "checklist.first-minutes[3].owner = '' is not text"),
    "listed twice": (('person = "omar"', 'person = "dora"'), "notice[2].person is on the list already"),
    "blank's name": (("[blank.place]", "[blank.Place]"), "blank.Place is not a blank's name"),
    "longest": (("longest = 40", "longest = 0"), "blank.place.longest = 0 is not a whole number from 1 to 500"),
    "longest flag": (("longest = 40", "longest = true"), "blank.place.longest = True is not a whole number"),
    "no words": (("[blank.place]", '[statement.x]\nabout = "x"\n[blank.place]'), "statement.x.text is missing"),
    "empty words": (("[blank.place]", '[statement.x]\nabout = "x"\ntext.en = []\n[blank.place]'), "text.en has no text"),
    "brace": (("for {place} until", "for {Place} until"), "holds a brace that marks no blank: write blanks as {place}"),
    "lone brace": (("for {place} until", "for place} until"), "statement.tornado-watch.text.en = 'A tornado watch"),
    "no language's key": (("text.es = [", "text.Spanish = ["), "statement.tornado-watch.text.Spanish is not a language's code"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_is_named_with_key_value_and_remedy(tmp_path: Path, name: str) -> None:
    """SE-4: one line each; the twin is the same plan without the edit."""
    edit, says = WRONG[name]
    assert [says in line for line in _faults(tmp_path, changed(edit))].count(True) == 1
    assert read(tmp_path, filled()).version == "1"


@pytest.mark.parametrize("value", ["0x" + "f" * 5000, "[0b" + "1" * 20_000 + "]", "{" + "a." * 20_000 + "a = 1}"])
def test_a_value_that_cannot_even_be_shown_is_a_mistake_like_any(tmp_path: Path, value: str) -> None:
    """SE-4: numbers and tables whose text Python itself refuses to make."""
    faults = _faults(tmp_path, f"version = {value}\nreview_interval = {value}\n")
    assert [line.partition(" is ")[0] for line in faults][:2] == ["version = …", "review_interval = …"]


@pytest.mark.parametrize("value", ["5", '"stop"', "[1]", "[[]]", "{}"])
def test_a_list_of_tables_that_is_none_is_named(tmp_path: Path, value: str) -> None:
    assert _faults(tmp_path, f"checklist.hold = {value}\n{BARE}") == [
        f"checklist.hold = {plan_table.shown(tomllib.loads(f'a = {value}')['a'])} is not a list of tables: "
        "write [[checklist.hold]] above each"
    ]


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    edits = ("no date", "no duration", "no language", "person", "kind", "right", "longest", "brace")
    faults = _faults(tmp_path, changed(*(WRONG[name][0] for name in edits)))
    assert [sum(WRONG[name][1] in line for line in faults) for name in edits] == [1] * len(edits)
    assert len(faults) == len(edits)


SECRET = f"tgram://{CANARY}/1"


@pytest.mark.parametrize(
    "edit",
    [
        ('["NOTICE_DORA"]', f'["{SECRET}"]'),
        ('["NOTICE_DORA"]', f'"{SECRET}"'),
        ('["NOTICE_DORA"]', f'["STANDFAST_{CANARY}"]'),
        ('person = "dora"', f'person = "{SECRET}"'),
        ('language = "en"', f'language = "{SECRET}"'),
        ('acknowledge_within = "10m"', f'acknowledge_within = "{SECRET}"'),
        ('escalate_to = "omar"', f'escalate_to = "{SECRET}"'),
        ('escalate_to = "omar"', f'escalate_to = "omar"\nurl = "{SECRET}"'),
    ],
)
def test_an_address_pasted_into_the_notice_list_is_not_shown(tmp_path: Path, edit: tuple[str, str]) -> None:
    """SE-3: it is a secret, and belongs into .env."""
    with pytest.raises(PlanError) as caught:
        read(tmp_path, changed(edit))
    assert CANARY not in str(caught.value)
    assert "notice" in str(caught.value)


def test_an_address_in_place_of_the_notice_list_is_not_shown(tmp_path: Path) -> None:
    """SE-3"""
    assert _faults(tmp_path, f'notice = "{SECRET}"\n{BARE}') == [
        "notice is not a list of tables: write [[notice]] above each"
    ]


def test_a_target_that_is_no_variable_hears_where_the_address_belongs(tmp_path: Path) -> None:
    (fault,) = _faults(tmp_path, changed(('["NOTICE_DORA"]', f'["{SECRET}"]')))
    assert fault.startswith("notice[1].targets is not a variable's name (in capitals")
    assert "belongs into .env" in fault


@pytest.mark.parametrize("content", [b"\xff", b"[role", b"version = ", b"a = " + b"[" * 5000, b"x = " + b"9" * 5000])
def test_what_is_no_plan_at_all_is_one_line(tmp_path: Path, content: bytes) -> None:
    """SE-4"""
    file = plans.written(tmp_path, "")
    file.write_bytes(content)
    with pytest.raises(PlanError, match=r"crisis-plan\.toml: the plan cannot be read \(.*mend the file") as caught:
        plan.read(file)
    assert len(caught.value.faults) == 1


def test_a_file_that_is_missing_no_file_or_without_end_is_one_line(tmp_path: Path) -> None:
    """SE-4: a pipe must not hold anybody up."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path in (tmp_path / "none", tmp_path, tmp_path / "pipe", tmp_path / "loop", Path("/dev/zero"), Path("a\0b")):
        with pytest.raises(PlanError, match="the plan cannot be read") as caught:
            plan.read(path)
        assert len(caught.value.faults) == 1


def test_a_file_that_is_too_large_is_refused_before_it_is_understood(tmp_path: Path) -> None:
    """SE-4"""
    comment = "#" + "x" * (plan.MOST_BYTES - len(filled().encode()) - 1)
    assert read(tmp_path, filled() + comment).version == "1"
    assert "larger than 1 MiB" in _faults(tmp_path, filled() + comment + "x")[0]


def test_a_file_that_is_wrong_throughout_ends_the_reading(tmp_path: Path) -> None:
    """SE-4: nobody waits for a thousand suggestions."""
    faults = _faults(tmp_path, BARE + "".join(f"unknown{n} = 1\n" for n in range(20_000)))
    assert len(faults) == plan_table.MOST_FAULTS + 1
    assert faults[-1] == "more than 200 mistakes: mend these and look again"


def test_a_person_is_written_here_as_everywhere_else() -> None:
    with pytest.raises(people.PeopleError):
        people.check_new("Dora Lind", "Dora Lind")
    assert plan.PERSON.pattern.fullmatch("dora.lind")
    assert not plan.PERSON.pattern.fullmatch("Dora Lind")


def test_every_right_takes_a_permission_that_there_is() -> None:
    assert set(plan.RIGHTS.values()) <= set(roles.PERMISSIONS)


# --- whatever stands in it -------------------------------------------------------------------------------------------

ODD = st.recursive(
    st.one_of(st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.dates(), st.datetimes(), st.times()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
WHOLE = tomllib.loads(filled())


def _places(body: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from _places(value, (*path, key))


def _with(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copy = list(body) if isinstance(body, list) else dict(body)
    copy[path[0]] = _with(copy[path[0]], path[1:], value)
    return copy


@given(place=st.sampled_from(list(_places(WHOLE))), value=ODD)
@settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_stands_in_a_place_is_a_plan_or_lines(place: tuple[Any, ...], value: Any) -> None:
    """SE-4: a plan, or mistakes in one line each; never anything else."""
    faults = Faults(Path("plan.toml"))
    with suppress(PlanError):  # there were too many
        plan._plan(faults.file, Table(_with(WHOLE, place, value), faults))
    assert [line for line in faults.lines if len(line.splitlines()) != 1 or not line.startswith("plan.toml: ")] == []
