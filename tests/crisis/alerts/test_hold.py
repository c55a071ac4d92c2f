"""The whitelist's hold through the switch: once for ever, by the cell where it is the whole city, and never a lift."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from crisis.alerts.hold import BY, Holder
from scheduler import emergency_stop, killswitch, stop_cell, switch
from scheduler.killswitch import Scope
from store.tables import Suspension
from tests.crisis.alerts.build import EMA, KNOX, WHITELIST, alert, cancel, info, tornado, update
from tests.crisis.alerts.room import Room

EVACUATE = alert(info("Evacuation Immediate", "EVI", areas=KNOX), name="E1", sender=EMA)


def test_an_alert_of_the_whitelist_suspends_as_crisis_does(room: Room) -> None:
    """KS-24: by name, with event, sender and area as its reason, kind crisis; claimed attempts end, the fence rises."""
    post = room.press.queue(state="publishing")
    attempt = room.press.attempt(post, "claimed")
    room.take(tornado())
    assert room.outcomes() == [("hold", "holding")]
    (held,) = room.hold()
    found = room.press.row(Suspension, held.suspensions[0])
    assert (found.by, found.kind, found.scope_kind) == (BY, "crisis", "all")
    assert all(word in found.reason for word in ("Tornado Warning", "w-nws.webmaster@noaa.gov", "Knox", "alert 1"))
    assert room.told == [f"SUSPENDED  everything  (suspension {found.id}, epoch {found.epoch})"]
    assert room.press.states(post) == (["aborted"], "held")
    assert room.press.attempts(post)[0].id == attempt
    assert stop_cell.read(room.press.essential.cell_file) == stop_cell.Cell(found.epoch, ())
    assert room.outcomes() == [("hold", "held")]
    assert [row.suspensions for row in room.rows()] == [[found.id]]
    assert [entry.actor for entry in room.press.log("suspend")] == [BY]
    assert json.loads(room.press.log("alert.hold")[0].detail)["suspensions"] == [found.id]
    assert room.tell() == ["suspended", "alert-held"]


def test_a_part_of_the_city_leaves_the_cell_alone(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    cells: list[str] = []
    monkeypatch.setattr(stop_cell, "stop", lambda *_: cells.append("set"))
    room.take(EVACUATE)
    room.hold()
    assert (room.standing(), cells) == (["group:outdoors"], [])
    room.take(tornado())
    room.hold()
    assert (room.standing(), cells) == (["group:outdoors", "all"], ["set"])


def test_it_is_declared_once_however_often_it_is_carried_out(room: Room) -> None:
    """KS-24: also where a process ended between the switch and the row."""
    room.take(tornado())
    room.hold()
    row = room.rows()[0]
    for _ in range(3):
        room.press.change(type(row), row.id, outcome="holding")
        room.hold()
    assert room.outcomes() == [("hold", "held")]
    assert len(room.press.log("suspend")) == 1


def test_what_a_person_has_lifted_is_not_declared_anew(room: Room) -> None:
    """KS-24, I6: neither by the same alert, read again or carried out again, nor by an update of it."""
    room.take(tornado())
    number = room.hold()[0].suspensions[0]
    room.press.lift(number)
    row = room.rows()[0]
    room.press.change(type(row), row.id, outcome="holding")
    room.hold()
    room.take(tornado(), update(info()), tornado().replace(b"\n", b"\n "))
    room.hold()
    assert room.standing() == []
    assert room.outcomes() == [("hold", "held"), ("note", "told")]


def test_the_switch_itself_refuses_what_was_lifted_since(room: Room) -> None:
    """The twin, for a process that looked before the lift: the order stands once for ever, unlike a person's."""
    room.take(tornado())
    number = room.hold()[0].suspensions[0]
    room.press.lift(number)
    known = room.press.row(Suspension, number)
    order = killswitch.Order(known.request_id, BY, "again")
    own = emergency_stop.EmergencyStop(room.press.essential, {}, room.told.append)
    with pytest.raises(killswitch.SwitchError, match="was lifted since"):
        own.run(emergency_stop.Request(Scope(), wait=False, order=order))
    with room.press.switched() as plain, switch.exclusive(plain) as cursor:
        assert killswitch.suspend(cursor, plain.name, order).suspension != number


def test_a_cancel_and_an_all_clear_lift_nothing(room: Room) -> None:
    """KS-24, I6."""
    room.take(tornado())
    room.hold()
    clear = info(responses=("AllClear",), degrees="Minor Past Unlikely")
    room.take(cancel(), update(clear, name="A3", sent="2026-05-01T12:03:00-05:00"))
    assert room.hold() == []
    assert room.standing() == ["all"]
    assert [kind for kind, _ in room.outcomes()] == ["hold", "note", "note"]


def test_a_scope_that_does_not_exist_is_left_to_a_person(room: Room) -> None:
    """KS-24: a mistake in the whitelist is a suggestion that names it; nothing is suspended, and nobody is told that it was."""
    room.rules = WHITELIST
    room.take(EVACUATE)
    (held,) = room.hold()
    assert (held.suspensions, len(held.refused)) == ([], 1)
    assert room.outcomes() == [("suggest", "suggested")]
    assert "group:safety was not suspended by itself" in room.rows()[0].doubts[-1]
    assert (room.standing(), room.told, room.tell()) == ([], [], ["alert"])
    assert not room.rows()[0].held


def test_a_store_that_cannot_record_it_is_tried_again_while_the_cell_stops_this_host(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KS-4, KS-24: what is not recorded is not called held."""

    def away(*_: object, **__: object) -> object:
        raise switch.SwitchUnavailable("the store is away")

    room.take(tornado())
    with monkeypatch.context() as patched:
        patched.setattr(emergency_stop.switch, "exclusive", away)
        (held,) = room.hold()
    assert "NOT RECORDED" in held.unrecorded[0]
    assert room.outcomes() == [("hold", "holding")]
    assert stop_cell.read(room.press.essential.cell_file).stops != ()
    room.hold()
    assert room.outcomes() == [("hold", "held")]
    assert stop_cell.read(room.press.essential.cell_file).stops == ()
    assert len(room.press.log("suspend")) == 1


def test_two_hosts_that_carry_it_out_at_once_declare_it_once(room: Room) -> None:
    room.take(tornado())
    other = Holder(room.press.engine, replace(room.press.essential), {}, room.told.append)
    rows = room.rows()
    for own in (room.holder(), other):
        own._hold(rows[0])
    assert len(room.press.log("suspend")) == 1
    assert len(room.press.log("alert.hold")) == 1
