"""Attacks on the stop by way of calendars that once succeeded; each stays here so that it fails."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from config import clock
from scheduler import killswitch, lifting, post_queue
from scheduler.killswitch import Order
from scheduler.planning import calendar_sync
from store.engine import cursor, dialect, writing
from tests.support.calendar_city import SetClock, open_desk


@pytest.mark.parametrize("edit", ["changed", "gone", "removed"])
def test_a_calendar_does_not_touch_what_may_be_out(engine: Engine, tmp_path: Path, edit: str) -> None:
    """I3, I5: held after looks that found nothing: a new text would never be found, a cancelled post would be called unsent."""
    hand = SetClock()
    with clock.use(hand):
        desk = open_desk(engine, tmp_path)
        row = "a,2026-12-03 09:00,The park opens"
        desk.applied(desk.write("parks.csv", row, "b,2026-12-04 09:00,Other").name)
        post = desk.posts()[0]
        desk.set_post(post.id, state="held", hold_reason="it may be out")
        with writing(engine) as session:
            post_queue.add_attempt(session, post, "w", 1, "k", state="unknown")
        if edit == "removed":
            assert calendar_sync.remove(engine, "parks.csv", "ada") == 1
        else:
            rows = ["a,2026-12-03 09:00,Another text"] if edit == "changed" else []
            desk.applied(desk.write("parks.csv", *rows, "b,2026-12-04 09:00,Other").name)
        found = next(item for item in desk.posts() if item.id == post.id)
    assert (found.state, found.text) == ("held", "The park opens")


def test_a_calendar_applied_across_a_lift_brings_nothing_that_came_due_before_it(
    engine: Engine, tmp_path: Path
) -> None:
    """I7: planned during a stop, laid down as drafts, real only after the lift, which could not see them."""
    hand = SetClock()
    with clock.use(hand):
        desk = open_desk(engine, tmp_path)
        path = desk.write("parks.csv", "a,2026-12-03 09:00,The park opens")
        planned = calendar_sync.check(engine, path, desk.settings).plan
        assert planned is not None
        hand.wall = planned.add[0].moments[0].at_us + clock.SECOND
        with writing(engine) as session:
            found, name = cursor(session), dialect(session)
            stopped = killswitch.suspend(found, name, Order("r", "dora"))
            lifting.lift(found, name, stopped.suspension, by="omar", reason="over", asked_epoch=stopped.epoch)
        assert calendar_sync.apply(engine, planned, "ada") is False
    assert desk.posts() == []
