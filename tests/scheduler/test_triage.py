"""What step one of a resume shows: whole counts, lists that end somewhere, what is unknown and what to do about it."""

from __future__ import annotations

from typing import Any

import pytest

from commands import resuming
from scheduler import lifting, triage
from scheduler.resumption import Offer
from scheduler.triage import Part
from store.engine import cursor, dialect, writing
from tests.scheduler.press import Press


class Counting:
    """A cursor that counts what it is asked."""

    def __init__(self, own: Any) -> None:
        self.own, self.asked = own, 0

    def execute(self, *arguments: Any) -> Any:
        self.asked += 1
        return self.own.execute(*arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.own, name)


def _outlook(press: Press, number: int, channels: list[str] | None = None) -> triage.Outlook:
    found: triage.Outlook = press.ask(triage.outlook, Part(number, channels), 0)
    return found


def _words(found: triage.Outlook) -> list[str]:
    about: dict[str, Any] = {"code": "C", "suspension": 1, "scope": "all", "channels": None, "expires_at": "then"}
    return [
        *resuming.of_offer(Offer(**vars(found), **about, kind="crisis", remaining=[], still_closed={}, released=[]))
    ]


def test_what_is_unknown_is_named_with_its_remedy(press: Press) -> None:
    """KS-10: a call under way and one of unknown outcome are not the same to who decides; what ended is neither."""
    sending = press.attempt(press.queue(state="publishing"), "sending")
    unknown_post = press.queue("police", state="unknown")
    unknown = press.attempt(unknown_post, "unknown")
    press.attempt(press.queue(state="published"), "published")
    number = press.suspend().suspension
    found = _outlook(press, number)
    assert [(item["attempt"], item["channel"], item["state"]) for item in found.unknown] == [
        (sending, "parks", "sending"),
        (unknown, "police", "unknown"),
    ]
    assert (found.unknown_count, found.unconfirmed) == (2, 2)
    assert "crisis status --wait" in found.unknown[0]["remedy"]
    assert f"standfast post close {unknown_post} --published URL" in found.unknown[1]["remedy"]
    assert [item["channel"] for item in _outlook(press, number, ["police"]).unknown] == ["police"]
    assert any(found.unknown[1]["remedy"] in line for line in _words(found))


def test_counts_are_whole_where_lists_end(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    """KS-10: by channel, too."""
    monkeypatch.setattr(triage, "LISTED", 3)
    number = press.suspend().suspension
    for channel, count in (("parks", 3), ("police", 2)):
        for _ in range(count):
            press.queue(channel, in_s=-5)
            press.queue(channel, in_s=60)
    found = _outlook(press, number)
    assert (len(found.will_be_held), found.will_be_held_count) == (3, 5)
    assert (len(found.next_hour), found.next_hour_count) == (3, 5)
    assert found.will_be_held_by_channel == found.next_hour_by_channel == {"parks": 3, "police": 2}


def test_people_see_the_first_and_how_many_on_which_channel(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resuming, "SHOWN", 2)
    number = press.suspend().suspension
    for channel in ("parks", "parks", "police"):
        press.queue(channel, in_s=-5)
    lines = _words(_outlook(press, number))
    assert sum("  post " in line for line in lines) == 2
    assert "    … and 1 more: `--json` lists them" in lines
    assert "    by channel: parks 2, police 1" in lines


def test_a_resume_takes_the_same_statements_for_few_posts_and_many(press: Press) -> None:
    """Ten thousand missed posts cost no round trip more than one."""
    taken = []
    for more in (1, 60):
        number = press.suspend().suspension
        for _ in range(more):
            press.queue(in_s=-5)
            press.queue(in_s=60)
        with writing(press.engine) as session:
            own = Counting(cursor(session))
            triage.outlook(own, dialect(session), Part(number), 0)
            epoch = 2 if more == 1 else 4
            lifting.lift(own, dialect(session), number, by="omar", reason="", asked_epoch=epoch)
        taken.append(own.asked)
    assert taken[0] == taken[1]
