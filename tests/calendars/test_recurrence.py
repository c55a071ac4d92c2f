"""Rules: what they yield, what they refuse, and that none of them can hang."""

from __future__ import annotations

import re

import pytest

from calendars import recurrence
from calendars.entry import Entry
from calendars.recurrence import occurrences
from calendars.zones import resolve
from config import clock

EVER = 2**52
ZONE = "America/Chicago"


def entry(local: str, rule: str | None, *left_out: str) -> Entry:
    return Entry("a", 1, ("city",), local, ZONE, "text", rrule=rule, except_locals=left_out)


def dates(local: str, rule: str, *left_out: str, limit: int = 5) -> list[str]:
    return [moment.local[:10] for moment in occurrences(entry(local, rule, *left_out), 0, EVER, limit)]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("FREQ=WEEKLY;COUNT=2", ["2027-03-03", "2027-03-10"]),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=WE;COUNT=2", ["2027-03-03", "2027-03-17"]),
        ("FREQ=MONTHLY;BYDAY=1WE;COUNT=3", ["2027-03-03", "2027-04-07", "2027-05-05"]),
        ("FREQ=YEARLY;COUNT=2", ["2027-03-03", "2028-03-03"]),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE;BYSETPOS=3;COUNT=2", ["2027-03-03", "2027-04-07"]),
        ("FREQ=DAILY;UNTIL=20270304", ["2027-03-03", "2027-03-04"]),
        ("FREQ=DAILY;UNTIL=20270304T090000", ["2027-03-03", "2027-03-04"]),
        ("FREQ=DAILY;UNTIL=20270304T085959", ["2027-03-03"]),
        ("FREQ=DAILY;UNTIL=20270304T150000Z", ["2027-03-03", "2027-03-04"]),
        ("FREQ=DAILY;UNTIL=20270304T145959Z", ["2027-03-03"]),
    ],
)
def test_a_rule_yields_its_dates(rule: str, expected: list[str]) -> None:
    assert recurrence.canonical(rule) == rule
    recurrence.check(rule, "2027-03-03T09:00", ZONE)
    assert dates("2027-03-03T09:00", rule) == expected


def test_an_exception_is_left_out_and_still_counts() -> None:
    found = dates("2027-03-03T09:00", "FREQ=DAILY;COUNT=3", "2027-03-04T09:00")
    assert found == ["2027-03-03", "2027-03-05"]


def test_an_entry_without_a_rule_occurs_once() -> None:
    found = occurrences(entry("2027-03-03T09:00", None), 0, EVER, 10)
    assert found == [resolve("2027-03-03T09:00", ZONE)]


def test_the_window_takes_its_start_and_leaves_its_end() -> None:
    first, second, third = occurrences(entry("2027-03-03T09:00", "FREQ=DAILY"), 0, EVER, 3)
    daily = entry("2027-03-03T09:00", "FREQ=DAILY")
    assert occurrences(daily, first.at_us, third.at_us, 10) == [first, second]
    assert occurrences(daily, first.at_us + 1, third.at_us, 10) == [second]
    assert occurrences(daily, 0, EVER, 0) == []
    assert occurrences(daily, third.at_us, second.at_us, 10) == []


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("FREQ=SECONDLY", "has FREQ=SECONDLY: give DAILY, WEEKLY, MONTHLY or YEARLY"),
        (
            "DTSTART=20270101;FREQ=DAILY",
            "is no rule Standfast takes: leave DTSTART out, the first date comes from 'at'",
        ),
        ("every day", "is no rule Standfast takes: write for example FREQ=WEEKLY;BYDAY=SA;COUNT=8"),
        ("FREQ=DAILY;BYHOUR=1,2", "leave BYHOUR out, the time of day comes from 'at'"),
        ("FREQ=DAILY;BYDAYS=MO", "'BYDAYS' is unknown, did you mean 'BYDAY'?"),
        ("BYDAY=MO", "has no FREQ"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20270401", "has both COUNT and UNTIL: keep one"),
        ("FREQ=DAILY;COUNT=0", "has COUNT=0: give a number from 1 to 10000"),
        ("FREQ=DAILY;COUNT=10001", "has COUNT=10001: give a number from 1 to 10000"),
        ("FREQ=DAILY;INTERVAL=1000", "has INTERVAL=1000: give a number from 1 to 999"),
        ("FREQ=DAILY;FREQ=DAILY", "says FREQ twice: keep one"),
        ("FREQ=WEEKLY;BYDAY=1MO", "numbers the weekdays in BYDAY=1MO: that needs FREQ=MONTHLY or YEARLY"),
        ("FREQ=WEEKLY;BYMONTHDAY=3", "has BYMONTHDAY in a weekly rule: use FREQ=MONTHLY"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "has BYMONTHDAY=32: give days from 1 to 31 or -1 to -31"),
        ("FREQ=DAILY;BYSETPOS=1", "has BYSETPOS alone: add BYDAY or BYMONTHDAY"),
        ("", "is no rule Standfast takes: write for example FREQ=WEEKLY;BYDAY=SA;COUNT=8"),
    ],
)
def test_a_rule_that_is_not_taken_says_why(rule: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        recurrence.canonical(rule)


HOSTILE = [
    "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=MONTHLY;BYMONTH=4;BYMONTHDAY=31",
    "FREQ=MONTHLY;BYDAY=9MO",
    "FREQ=DAILY;BYMONTH=3;BYMONTHDAY=3;BYDAY=TU;INTERVAL=999",
    "FREQ=YEARLY;BYDAY=MO;BYSETPOS=366",
    "FREQ=DAILY;UNTIL=20200101",
    "FREQ=DAILY;UNTIL=00010101T000000Z",
]


@pytest.mark.parametrize("rule", HOSTILE)
def test_a_rule_that_never_falls_on_its_first_date_is_refused_quickly(rule: str) -> None:
    before = clock.boot_s()
    with pytest.raises(
        ValueError, match="does not fall on its own first date 2027-03-03 09:00: change 'at' or the rule"
    ):
        recurrence.check(recurrence.canonical(rule), "2027-03-03T09:00", ZONE)
    assert clock.boot_s() - before < 2


def test_a_day_that_does_not_exist_as_end_is_refused() -> None:
    with pytest.raises(ValueError, match="has UNTIL=20270230: no such day or time"):
        recurrence.check("FREQ=DAILY;UNTIL=20270230", "2027-03-03T09:00", ZONE)


@pytest.mark.parametrize(
    "rule", ["FREQ=DAILY", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29;BYDAY=TU", "FREQ=YEARLY;INTERVAL=999"]
)
def test_a_rule_without_end_costs_a_bounded_search(rule: str) -> None:
    before = clock.boot_s()
    local = "2028-02-29T09:00"  # a Tuesday
    recurrence.check(rule, local, ZONE)
    assert occurrences(entry(local, rule), 0, 10**30, 3)
    assert occurrences(entry(local, rule), 10**20, 10**30, 3) == []
    assert clock.boot_s() - before < 5


def test_the_next_date_is_named() -> None:
    with pytest.raises(ValueError, match=r"the next one would be 2027-03-06 09:00"):
        recurrence.check("FREQ=WEEKLY;BYDAY=SA", "2027-03-03T09:00", ZONE)
