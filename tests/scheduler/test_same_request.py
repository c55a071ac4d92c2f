"""A stop that is asked for again under its own id: by the cell first, by a process that stood still, by another person."""

from __future__ import annotations

import json

from scheduler import killswitch, switch
from scheduler.killswitch import STOP_CELL, Order, Recorded
from store.tables import Suspension
from tests.scheduler.press import Press


def _record(press: Press, order: Order, *, at_least_epoch: int = 0) -> Recorded:
    with press.switched() as own, switch.exclusive(own) as found:
        return killswitch.suspend(found, own.name, order, at_least_epoch=at_least_epoch)


def test_who_is_told_suspended_is_suspended_although_the_same_request_was_lifted_meanwhile(press: Press) -> None:
    """KS-2, I1: recorded from the cell and lifted while its own process stood still; it stops anew, under an id of its own."""
    order = Order("r", "dora", "tornado")
    first = _record(press, order)
    press.lift(first.suspension)
    again = _record(press, order, at_least_epoch=40)
    assert (again.suspension != first.suspension, again.epoch, again.request_id) == (True, 40, "r+")
    assert press.ask(killswitch.closed_by, "parks", 0) == [again.suspension]
    assert _record(press, order) == again
    press.lift(again.suspension)
    assert _record(press, order).request_id == "r++"


def test_what_is_found_again_names_what_was_in_flight(press: Press) -> None:
    """I2: the list of the suspension's own transaction, also for who asks a second time."""
    attempts = tuple(press.attempt(press.queue(state="publishing"), "sending") for _ in range(2))
    first = _record(press, Order("r", "dora"))
    press.attempt(press.queue(state="publishing"), "sending")
    assert first.in_flight == attempts
    assert press.ask(killswitch.find, "r") == first
    assert press.ask(killswitch.find, "other") is None


def test_a_stop_taken_from_the_cell_gets_its_person_s_name_and_both_stand_in_the_log(press: Press) -> None:
    """RC-1: the cell knows no names; whoever set it comes later under the same id. Another stop keeps its own name."""
    other = _record(press, Order("other", "omar", "flood")).suspension
    number = _record(press, Order("r", STOP_CELL, "the cell was set")).suspension
    assert _record(press, Order("r", "dora", "tornado")).suspension == number
    row = press.row(Suspension, number)
    assert (row.by, row.reason) == ("dora", "tornado")
    assert press.row(Suspension, other).by == "omar"
    entries = press.log("suspend")[1:]
    assert [(entry.actor, entry.subject) for entry in entries] == [
        (STOP_CELL, f"suspension {number}"),
        ("dora", f"suspension {number}"),
    ]
    detail = {"reason": "tornado", "request": "r", "first_taken_from": STOP_CELL}
    assert json.loads(entries[1].detail) == detail


def test_only_the_cell_s_suspension_is_named_and_only_by_a_person(press: Press) -> None:
    cell = _record(press, Order("cell", STOP_CELL, "the cell was set")).suspension
    _record(press, Order("cell", STOP_CELL, "set again"))
    assert press.row(Suspension, cell).reason == "the cell was set"
    person = _record(press, Order("person", "dora", "tornado")).suspension
    _record(press, Order("person", "omar", "flood"))
    row = press.row(Suspension, person)
    assert (row.by, row.reason) == ("dora", "tornado")
    assert len(press.log("suspend")) == 2
