"""RC-4: the schedule is the city's file, every mistake in it is told at once, and the longest rule wins."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from config import clock
from records.retention import facts, judge, schedule
from records.retention.facts import Incident, Item, PostFacts
from records.retention.period import Period
from records.retention.schedule import ScheduleError
from tests.records.retention.store import UTC, plan, rule

CHICAGO = ZoneInfo("America/Chicago")
GOOD = {
    "title": '"Routine"',
    "source": '"GR1000-26b"',
    "period": '"2 years"',
    "trigger": '"published"',
    "records": '["post"]',
}


def _written(folder: Path, text: str) -> Path:
    file = folder / "retention.toml"
    file.write_text(text, encoding="utf-8")
    return file


def _faults(folder: Path, **changed: str | None) -> list[str]:
    lines = [f"{key} = {value}" for key, value in ({**GOOD, **changed}).items() if value is not None]
    try:
        schedule.read(_written(folder, "[series.a]\n" + "\n".join(lines)))
    except ScheduleError as error:
        return error.faults
    return []


# --- the file --------------------------------------------------------------------------------------------------------


def test_the_shipped_example_can_be_read_and_is_nobodys_own(tmp_path: Path) -> None:
    found = schedule.of_settings(tmp_path, None)
    assert not found.own
    assert {rule.trigger for rule in found.rules.values()} == set(schedule.TRIGGERS) - {"superseded"}
    assert all(rule.source and rule.title for rule in found.rules.values())


def test_a_file_of_the_citys_own_stands_alone(tmp_path: Path) -> None:
    assert _faults(tmp_path) == []
    found = schedule.of_settings(tmp_path, Path("retention.toml"))
    assert (found.own, list(found.rules)) == (True, ["a"])


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"title": None}, "series.a.title is missing"),
        ({"source": '""'}, "series.a.source"),
        ({"period": '"2 fortnights"'}, 'write period = "2 years"'),
        ({"period": '"0 days"'}, "is no period"),
        ({"period": '"501 years"'}, "at most 500 years"),
        ({"period": "2"}, "series.a.period"),
        ({"trigger": '"publishd"'}, "did you mean 'published'"),
        ({"records": '["blog"]'}, "'blog' is not known"),
        ({"records": "[]"}, "series.a.records is empty"),
        ({"records": '"post"'}, "is not a list"),
        ({"channels": "[]"}, "series.a.channels is empty"),
        ({"tags": '["a b"]'}, "is not a tag"),
        ({"incidents": '["flood"]'}, "'flood' is not known"),
        ({"records": '["mail"]'}, "'published' is no moment of mail"),
        ({"trigger": '"superseded"', "records": '["media"]'}, "no moment of media"),
        ({"trigger": '"created"', "records": '["moderation"]', "tags": '["x"]'}, "has no tags and no incidents"),
        ({"keep": '"2 years"'}, "series.a.keep is not known"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, changed: dict[str, str | None], told: str) -> None:
    found = _faults(tmp_path, **changed)
    assert len(found) == 1
    assert found[0].startswith(f"{tmp_path / 'retention.toml'}: ")
    assert told in found[0]


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    assert len(_faults(tmp_path, title=None, period='"x"', trigger='"y"', tags="[]", keep="1")) == 5


@pytest.mark.parametrize("text", ["", "[series]\n", "x = [", "\x00"])
def test_a_file_without_a_rule_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ScheduleError, match=r"retention\.toml"):
        schedule.read(_written(tmp_path, text))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScheduleError, match="setting `retention`"):
        schedule.of_settings(tmp_path, Path("gone.toml"))


# --- periods ---------------------------------------------------------------------------------------------------------


def _us(text: str, zone: ZoneInfo = UTC) -> int:
    return clock.from_datetime(datetime.fromisoformat(text).replace(tzinfo=zone))


@pytest.mark.parametrize(
    ("period", "start", "due", "zone"),
    [
        ("2 years", "2024-03-05 10:00", "2026-03-06 00:00", UTC),
        ("1 day", "2024-03-05 23:59", "2024-03-07 00:00", UTC),
        ("1 year", "2024-02-29 00:00", "2025-03-01 00:00", UTC),
        ("1 month", "2024-01-31 12:00", "2024-03-01 00:00", UTC),
        ("6 months", "2024-05-05 23:30", "2024-11-06 00:00", CHICAGO),
    ],
)
def test_a_period_ends_with_the_last_of_its_days(period: str, start: str, due: str, zone: ZoneInfo) -> None:
    assert Period.parse(period).due(_us(start, zone), zone) == _us(due, zone)


def test_the_day_is_the_citys(tmp_path: Path) -> None:
    """In Chicago it is still the 5th: the period ends a day earlier than in UTC."""
    start = _us("2024-03-06 03:00")
    assert Period.parse("1 day").due(start, CHICAGO) == _us("2024-03-07 00:00", CHICAGO)
    assert Period.parse("1 day").due(start, UTC) == _us("2024-03-08 00:00")


def test_permanent_never_ends() -> None:
    assert Period.parse("permanent").due(0, UTC) is None
    assert [str(Period.parse(text)) for text in ("1 day", "2 days", "permanent")] == ["1 day", "2 days", "permanent"]


# --- the verdict -----------------------------------------------------------------------------------------------------

AT = _us("2020-01-10 12:00")
PUBLISHED = _us("2020-02-10 12:00")
LATER = _us("2020-03-10 12:00")


def _item(**values: Any) -> Item:
    fresh: dict[str, Any] = {
        "kind": "record",
        "number": 1,
        "series": "post",
        "channel": "parks",
        "at": AT,
        "actor": "ann",
    }
    return Item(**{**fresh, "hash": "h", "size": 1, "post_id": 1, "post": _post(), **values})


def _post(state: str = "published", published_at: int | None = PUBLISHED, **values: Any) -> PostFacts:
    fresh: dict[str, Any] = {"tags": frozenset(), "author": "ann", "changed_by": "", "kept": True}
    return PostFacts(1, state, published_at, LATER, **{**fresh, **values})


def _due(item: Item, *rules: schedule.Rule) -> str | None:
    found = judge.judge(item, plan(*rules), UTC).due_at
    return None if found is None else clock.to_text(found)[:10]


DAYS = "10 days"


@pytest.mark.parametrize(
    ("trigger", "item", "due"),
    [
        ("created", _item(), "2020-01-21"),
        ("published", _item(), "2020-02-21"),
        ("published", _item(post=_post("cancelled", None)), "2020-03-21"),
        ("published", _item(post=None, post_id=None), None),
        ("superseded", _item(), None),
        ("superseded", _item(superseded_at=PUBLISHED), "2020-02-21"),
        ("incident ended", _item(), None),
        ("incident ended", _item(incidents=(Incident(1, "crisis", PUBLISHED),)), "2020-02-21"),
        (
            "incident ended",
            _item(incidents=tuple(Incident(n, "crisis", at) for n, at in enumerate((LATER, AT), 1))),
            "2020-03-21",
        ),
    ],
)
def test_each_trigger_starts_the_clock(trigger: str, item: Item, due: str | None) -> None:
    """RC-4."""
    assert _due(item, rule("a", DAYS, trigger)) == due


@pytest.mark.parametrize(("ended", "due"), [(None, None), (PUBLISHED, "2020-02-21")])
def test_moderation_counts_from_its_end(ended: int | None, due: str | None) -> None:
    item = _item(kind="moderation", series="moderation", post=None, post_id=None, moderation_ended_at=ended)
    assert _due(item, rule("a", DAYS, "moderation ended", records=["moderation"])) == due


def test_the_longest_rule_wins() -> None:
    """RC-4: whichever stands first, and whatever each counts from."""
    short, long = rule("short", DAYS, "published"), rule("long", "1 year", "created")
    for rules in ((short, long), (long, short)):
        verdict = judge.judge(_item(), plan(*rules), UTC)
        assert (verdict.rule, clock.to_text(verdict.due_at or 0)[:10]) == ("long", "2021-01-11")
    assert _due(_item(), short) == "2020-02-21"


@pytest.mark.parametrize("longer", [rule("p", "permanent"), rule("s", "1 day", "superseded", records=["post"])])
def test_what_has_no_end_or_has_not_begun_is_longer_than_all(longer: schedule.Rule) -> None:
    assert _due(_item(), rule("short", DAYS), longer) is None
    assert longer.name in judge.judge(_item(), plan(rule("short", DAYS), longer), UTC).why


@pytest.mark.parametrize("state", ["draft", "in_review", "scheduled", "publishing", "held", "unknown", "failed"])
def test_a_post_that_may_still_go_out_keeps_everything(state: str) -> None:
    for series in schedule.OF_POSTS:
        item = _item(series=series, post=_post(state, None))
        assert state in judge.judge(item, plan(rule("a", "1 day")), UTC).why
        assert _due(item, rule("a", "1 day")) is None
    assert facts.ENDED == ("published", "cancelled")


def test_an_incident_that_is_not_over_keeps_it_whatever_the_rule() -> None:
    """RC-4."""
    incidents = (Incident(1, "drill", AT), Incident(2, "crisis", None))
    assert _due(_item(incidents=incidents), rule("a", "1 day")) is None
    assert _due(_item(incidents=incidents[:1]), rule("a", "1 day")) == "2020-01-12"


@pytest.mark.parametrize(
    ("narrow", "covered"),
    [
        ({}, True),
        ({"records": ["media"]}, False),
        ({"channels": ["parks"]}, True),
        ({"channels": ["pool"]}, False),
        ({"tags": ["council", "budget"]}, True),
        ({"tags": ["pool"]}, False),
        ({"incidents": ["crisis"]}, True),
        ({"incidents": ["drill"]}, False),
        ({"channels": ["parks"], "tags": ["council"], "incidents": ["drill"]}, False),
    ],
)
def test_a_rule_covers_what_fits_all_that_it_says(narrow: dict[str, Any], covered: bool) -> None:
    item = _item(post=_post(tags=frozenset({"council"})), incidents=(Incident(1, "crisis", AT),))
    found = judge.judge(item, plan(rule("a", DAYS, **narrow)), UTC)
    assert (found.due_at is not None) == covered
    assert covered or found.why == "no rule covers it"
