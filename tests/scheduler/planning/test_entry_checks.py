"""A calendar's entries before the content checks: what its owner lets pass by name; each date by its own day (CT-2, CT-4)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine

from scheduler.planning import content_checks, entry_checks, stager
from store.engine import reading, writing
from store.tables import RoleGrant
from tests.support.calendar_city import Desk, SetClock, open_desk, texts

SSN = "Her number is 078-05-1120."
POLITICS = "Vote for Proposition 4."
WINDOW = '[[election]]\nname = "Runoff"\nfirst = 2026-12-12\nlast = 2026-12-16\n'
LATER = WINDOW.replace("12-12", "12-24").replace("12-16", "12-25")
HEAD = "id,at,text,repeat,except,override:ssn,override:political"
WEEKLY = "walk,2026-12-05 09:00,{},FREQ=WEEKLY;COUNT=6,{},,{}"
"""The Saturdays from December 5 to January 9."""


@pytest.fixture
def desk(engine: Engine, tmp_path: Path, now: SetClock) -> Desk:
    """A city with its own file of checks, whose ada may queue and override, and whose cal may queue alone."""
    made = open_desk(engine, tmp_path, checks="checks.toml", horizon=10 * 86400.0)
    window(made, "")
    with writing(engine) as session:
        session.add(RoleGrant(person="ada", role="director", channel="*", granted_by="ada", granted_at=0))
        session.add(RoleGrant(person="bob", role="administrator", channel="*", granted_by="ada", granted_at=0))
    return made


def window(desk: Desk, text: str) -> None:
    """The city's election windows from here on."""
    (desk.settings.root / "checks.toml").write_text(text)
    content_checks._built.cache_clear()


def faults(desk: Desk, *rows: str, owner: str = "ada", channels: str = "parks") -> list[str]:
    """The mistakes of a calendar that was not applied."""
    desk.write("parks.csv", *rows, head=HEAD, owner=owner, channels=channels)
    before = desk.rows()
    outcome = desk.sync("parks.csv")
    assert not outcome.applied
    assert {**desk.rows(), "LogEntry": 0} == {**before, "LogEntry": 0}
    return [fault.message for fault in outcome.faults]


def applied(desk: Desk, *rows: str, **named: str) -> None:
    desk.write("parks.csv", *rows, head=HEAD, **named)
    desk.applied("parks.csv")


def once(text: str, why: str = "") -> str:
    return f"open,2026-12-05 09:00,{text},,,{why},"


def test_what_its_owner_lets_pass_is_applied_and_recorded_as_on_the_command_line(desk: Desk) -> None:
    """CT-2: who, why, the finding without the number, and the words by their hash; once, while the entry stays."""
    assert ["'override' in the entry" in line for line in faults(desk, once(SSN))] == [True]
    applied(desk, once(SSN, "from a lesson"), channels="parks;library")
    found = [(entry.actor, entry.subject, json.loads(entry.detail)) for entry in desk.logged("content.override")]
    assert [(who, about, told["channel"], told["why"]) for who, about, told in found] == [
        ("ada", "calendar parks.csv entry open", channel, "from a lesson") for channel in ("parks", "library")
    ]
    hashes = {post.content_hash for post in desk.posts()}
    assert {told["content_hash"] for _, _, told in found} == hashes
    assert found[0][2]["finding"]["quote"] == "•••-••-••20"
    with reading(desk.engine) as session:
        assert content_checks.overridden(session, *hashes) == {"ssn": "from a lesson"}
    desk.applied("parks.csv")
    applied(desk, once(SSN, "from a lesson"), "next,2026-12-06 09:00,Open.,,,,", channels="parks;library")
    assert len(desk.logged("content.override")) == 2
    applied(desk, once(f"{SSN} Really.", "from a lesson"), channels="parks;library")
    assert len(desk.logged("content.override")) == 4


def test_each_channel_s_own_words_are_let_pass_for_that_channel(desk: Desk) -> None:
    """CT-2"""
    head = f"{HEAD},text:library"
    desk.write("parks.csv", f"{once('Open.', 'a lesson')},{SSN}", head=head, channels="parks;library")
    desk.applied("parks.csv")
    assert [json.loads(entry.detail)["channel"] for entry in desk.logged("content.override")] == ["library"]


def test_who_may_not_override_lets_nothing_pass(desk: Desk) -> None:
    """CT-2, GV-4: the owner's right on each channel, as on the command line."""
    (line,) = faults(desk, once(SSN, "a lesson"), owner="bob")
    assert line.startswith(
        "may not let pass the check ssn on channel parks: bob does not hold 'override' on channel parks"
    )
    applied(desk, once("Open.", "not needed"), owner="bob")
    assert desk.logged("content.override") == []


def test_an_override_that_names_no_check_is_a_mistake(desk: Desk) -> None:
    """CT-2"""
    desk.write("parks.csv", "open,2026-12-05 09:00,Open.,why", head="id,at,text,override:snn")
    (fault,) = desk.sync("parks.csv").faults
    assert (fault.value, fault.message) == ("snn", "is no check that could be let pass: did you mean 'ssn'?")


def test_not_more_is_let_pass_at_once_than_the_log_takes(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry_checks, "MOST_LET_PASS", 1)
    (line,) = faults(desk, once(SSN, "a lesson"), channels="parks;library")
    assert line == "lets pass 2 findings at once, more than 1: split the file"
    applied(desk, once(SSN, "a lesson"))


def test_a_series_is_judged_by_each_of_its_own_days(desk: Desk) -> None:
    """CT-4: begun before the window, with one date in it; left out, or over before it begins, it may go out."""
    window(desk, WINDOW)
    (line,) = faults(desk, WEEKLY.format(POLITICS, "", ""))
    assert line.startswith("on 2026-12-12 (leave them out with 'except'): political (block): 'Vote for")
    applied(desk, WEEKLY.format(POLITICS, "2026-12-12", ""))
    assert texts(desk.posts()) == [POLITICS]  # the tenth is the last day of the horizon


def test_a_series_that_begins_in_a_window_is_not_judged_by_that_day_alone(desk: Desk) -> None:
    """CT-4: its first date is left out, and the others lie behind the window."""
    window(desk, WINDOW.replace("12-12", "12-03").replace("12-16", "12-08"))
    assert len(faults(desk, WEEKLY.format(POLITICS, "", ""))) == 1
    applied(desk, WEEKLY.format(POLITICS, "2026-12-05", ""))


def test_a_date_beyond_the_horizon_is_judged_as_well(desk: Desk) -> None:
    """CT-4: nobody has to wait until it is planned to be told."""
    window(desk, WINDOW.replace("12-12", "12-30").replace("12-16", "12-31") + LATER.replace("12-25", "12-29"))
    (line,) = faults(desk, WEEKLY.format(POLITICS, "", ""))
    assert line.startswith("on 2026-12-26 (leave")
    window(desk, WINDOW.replace("2026-12-12", "2027-01-10").replace("2026-12-16", "2027-01-31"))
    applied(desk, WEEKLY.format(POLITICS, "", ""))


def test_what_is_over_is_not_judged(desk: Desk, now: SetClock) -> None:
    """CT-4: a window that lies behind us forbids nothing of a series that goes on."""
    window(desk, WINDOW)
    now.wall += 13 * stager.DAY_US
    applied(desk, WEEKLY.format(POLITICS, "", ""))


def test_a_window_is_let_pass_by_name(desk: Desk) -> None:
    """CT-2: one entry of the chain for the series; its days are in the words that people read."""
    window(desk, WINDOW)
    applied(desk, WEEKLY.format(POLITICS, "", "the county clerk says how"))
    (entry,) = desk.logged("content.override")
    assert json.loads(entry.detail)["why"] == "the county clerk says how"


def staged(desk: Desk, now: SetClock) -> dict[str, tuple[str, str | None]]:
    """By day: state and reason of the series' posts, a month after it was applied."""
    for _ in range(5):
        now.wall += 7 * stager.DAY_US
        stager.stage_due_horizon(desk.engine, desk.settings, now.wall)
    return {post.local_time[5:10]: (post.state, post.hold_reason) for post in desk.posts()}


def test_a_date_planned_after_a_window_was_set_waits_for_a_person(desk: Desk, now: SetClock) -> None:
    """CT-4: held from its first day, with the reason, and entered in the log; the other dates go out."""
    applied(desk, WEEKLY.format(POLITICS, "", ""))
    window(desk, LATER.replace("12-25", "12-27"))
    found = staged(desk, now)
    why = "it is due in an election window: political (block): "
    assert {day: state for day, (state, _) in found.items()} == {
        "12-05": "scheduled", "12-12": "scheduled", "12-19": "scheduled", "12-26": "held", "01-02": "scheduled",
        "01-09": "scheduled",
    }  # fmt: skip
    assert (found["12-26"][1] or "").startswith(why)
    (entry,) = desk.logged("hold")
    assert json.loads(entry.detail)["posts"] == ["parks.csv#walk@2026-12-26T09:00|parks"]


@pytest.mark.parametrize("text", ["The walk begins at nine.", POLITICS])
def test_what_may_go_out_in_a_window_is_planned_as_ever(desk: Desk, now: SetClock, text: str) -> None:
    """The twin: other words, and words that a person let pass in the window."""
    window(desk, LATER.replace("12-25", "12-27"))
    applied(desk, WEEKLY.format(text, "", "the county clerk's"))
    assert {state for state, _ in staged(desk, now).values()} == {"scheduled"}
