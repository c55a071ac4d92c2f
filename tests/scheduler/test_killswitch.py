"""The switch's statements, each by itself, on both databases: scopes, the record, the lift, a gate that is gone."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from config import clock
from scheduler import killswitch, lifting, stop_cell, stop_ledger, switch, witness
from scheduler.killswitch import GateClosed, Order, Recorded, Scope, SwitchError
from store.engine import writing
from store.tables import Attempt, ChannelGroup, Gate, Post, Suspension, SuspensionInflight
from tests.scheduler.press import Press

PLACES = ("parks", "pool", "police")


def _open(press: Press) -> set[str]:
    return {name for name in PLACES if not press.ask(killswitch.closed_by, name, clock.wall_us())}


@pytest.mark.parametrize("text", ["all", "channel:parks", "group:outdoors", " all ", "channel:a:b"])
def test_a_scope_is_read_and_written_alike(text: str) -> None:
    assert str(Scope.parse(text)) == text.strip()


@pytest.mark.parametrize("text", ["", "everything", "all:", "channel", "channel:", "group:", "ALL", "post:1", ":"])
def test_a_scope_that_is_none_is_refused_by_its_value(text: str) -> None:
    """KS-1: nothing is guessed."""
    with pytest.raises(SwitchError, match="is none of all, channel:NAME, group:NAME") as caught:
        Scope.parse(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    ("scope", "still_open"),
    [("all", set()), ("channel:parks", {"pool", "police"}), ("group:outdoors", {"police"})],
)
def test_a_stop_covers_its_scope_and_nothing_else_until_it_is_lifted(
    press: Press, scope: str, still_open: set[str]
) -> None:
    """KS-7, I6."""
    assert _open(press) == set(PLACES)
    recorded = press.suspend(scope)
    assert _open(press) == still_open
    press.lift(recorded.suspension)
    assert _open(press) == set(PLACES)


def test_overlapping_stops_are_all_there(press: Press) -> None:
    """KS-7: a channel is open when no active suspension covers it."""
    one, two = press.suspend("channel:parks"), press.suspend()
    assert press.ask(killswitch.closed_by, "parks", 0) == [one.suspension, two.suspension]
    press.lift(two.suspension)
    assert _open(press) == {"pool", "police"}


@pytest.mark.parametrize(
    ("scope", "shut"), [("all", PLACES), ("channel:parks", {"parks"}), ("group:outdoors", {"parks", "pool"})]
)
def test_the_closed_channels_are_those_that_a_stop_in_force_covers(press: Press, scope: str, shut: set[str]) -> None:
    """KS-7: by name, as a worker asks before it looks for posts."""
    assert press.ask(killswitch.closed_channels, clock.wall_us()) == frozenset()
    number = press.suspend(scope).suspension
    assert press.ask(killswitch.closed_channels, clock.wall_us()) == frozenset(shut)
    press.lift(number)
    assert press.ask(killswitch.closed_channels, clock.wall_us()) == frozenset()


def test_leaving_or_joining_a_group_lifts_nothing(press: Press) -> None:
    press.suspend("group:outdoors")
    with writing(press.engine) as session:
        session.delete(session.get_one(ChannelGroup, ("parks", "outdoors")))
        session.add(ChannelGroup(channel="police", name="outdoors"))
    assert _open(press) == set()


def test_a_scope_that_is_not_understood_covers_everything(press: Press) -> None:
    """I8."""
    number = press.suspend("channel:parks").suspension
    press.change(Suspension, number, scope_kind="district", scope_value="north")
    assert _open(press) == set()


def test_a_planned_stop_holds_from_its_moment_and_no_clock_opens_another(press: Press) -> None:
    number = press.suspend().suspension
    later = clock.wall_us() + clock.SECOND
    press.change(Suspension, number, starts_at=later)
    assert press.ask(killswitch.closed_by, "parks", later - 1) == [number]
    press.change(Suspension, number, begun_at=None)
    assert press.ask(killswitch.closed_by, "parks", later - 1) == []
    assert press.ask(killswitch.closed_by, "parks", later) == [number]


def test_the_stop_records_what_was_in_flight_and_aborts_what_was_claimed(press: Press) -> None:
    """I2: the list is read inside the suspension's own transaction, and is nothing but what it covers."""
    states = {
        name: press.queue(state="publishing") for name in ("claimed", "sending", "unknown", "published", "rejected")
    }
    attempts = {name: press.attempt(post, name) for name, post in states.items()}
    elsewhere = press.attempt(press.queue("police", state="publishing"), "sending")
    claimed_elsewhere = press.attempt(press.queue("police", state="publishing"), "claimed")
    recorded = press.suspend("group:outdoors")
    assert recorded.in_flight == (attempts["sending"], attempts["unknown"])
    assert recorded.aborted == 1
    assert press.row(Attempt, attempts["claimed"]).state == "aborted"
    assert press.post(states["claimed"]).state == "held"
    assert f"suspension {recorded.suspension}" in str(press.post(states["claimed"]).hold_reason)
    assert press.row(Attempt, claimed_elsewhere).state == "claimed"
    assert press.ask(killswitch.unconfirmed, recorded.suspension) == [attempts["sending"], attempts["unknown"]]
    assert elsewhere not in recorded.in_flight
    for name, then in (("sending", "sending"), ("unknown", "unknown")):
        assert press.row(SuspensionInflight, (recorded.suspension, attempts[name])).state_then == then
    press.change(Attempt, attempts["sending"], state="published")
    press.change(Attempt, attempts["unknown"], state="closed_by_person")
    assert press.ask(killswitch.unconfirmed, recorded.suspension) == []


def test_the_epoch_rises_with_every_stop_and_lift(press: Press) -> None:
    one = press.suspend()
    assert one.epoch == 2
    assert press.lift(one.suspension) == (3, 0)
    two = press.suspend("channel:parks")
    assert (two.epoch, press.ask(killswitch.epoch)) == (4, 4)
    assert stop_cell.read(press.essential.cell_file).fence == 4
    seen = witness.read(press.witness_file)
    assert seen is not None
    assert seen.epoch == 4


def test_the_same_request_is_recorded_once(press: Press) -> None:
    """A commit whose acknowledgement was lost is asked for again under the same id."""
    order = Order("same", "dora", "tornado")
    with press.switched() as own:
        with switch.exclusive(own) as found:
            first = killswitch.suspend(found, own.name, order)
        with switch.exclusive(own) as found:
            again = killswitch.suspend(found, own.name, order)
    assert (first.suspension, first.epoch, first.at) == (again.suspension, again.epoch, again.at)
    assert [entry.subject for entry in press.log("suspend")] == [f"suspension {first.suspension}"]
    assert press.ask(killswitch.epoch) == 2


def test_a_request_is_found_with_what_was_in_flight_at_it_and_no_other(press: Press) -> None:
    """I2: the second stop sees the same call in flight, and one more."""
    early = press.attempt(press.queue(state="publishing"), "sending")
    one = press.suspend("channel:parks")
    late = press.attempt(press.queue("police", state="publishing"), "sending")
    two = press.suspend()
    for made, in_flight in ((one, (early,)), (two, (early, late))):
        found = press.ask(killswitch.find, made.request_id)
        assert (found.suspension, found.in_flight) == (made.suspension, in_flight)
    assert press.ask(killswitch.find, "another") is None


def test_the_words_that_stores_hold_stay_as_they_are() -> None:
    """A store may be in the middle of a restore when the program under it is renewed; its log is a record."""
    assert (killswitch.RESTORING, lifting.CONFIRM_CLOCK) == ("restore_under_way", "confirm_clock")


@pytest.mark.parametrize(("scope", "known"), [("channel:nowhere", "parks, police, pool"), ("group:none", "outdoors")])
def test_a_scope_that_does_not_exist_changes_nothing(press: Press, scope: str, known: str) -> None:
    with press.switched() as own, pytest.raises(SwitchError, match=known), switch.exclusive(own) as found:
        killswitch.suspend(found, own.name, Order("r", "dora", scope=Scope.parse(scope)))
    assert press.ask(killswitch.epoch) == 1
    assert press.log("suspend") == []


def test_a_restore_rises_above_all_that_was_witnessed(press: Press) -> None:
    with press.switched() as own, switch.exclusive(own) as found:
        assert killswitch.suspend(found, own.name, Order("r", "standfast"), at_least_epoch=40).epoch == 40
    assert press.suspend().epoch == 41


def test_the_epoch_never_falls_below_the_ledger_even_when_the_gate_s_row_was_lost(press: Press) -> None:
    """An override or a fence of an old epoch must not come true again."""
    first = press.suspend()
    press.lift(first.suspension)
    _lose_gate(press)
    assert press.suspend().epoch == 4


def _lose_gate(press: Press) -> None:
    with writing(press.engine) as session:
        session.delete(session.get_one(Gate, 1))


def test_the_gate_is_the_row_with_number_one_whatever_stands_beside_it(press: Press) -> None:
    with writing(press.engine) as session:
        session.add(Gate(id=0, epoch=99, generation=0))
    assert press.ask(killswitch.epoch) == 1


def test_a_gate_that_is_gone_is_closed(press: Press) -> None:
    """I8, KS-4."""
    _lose_gate(press)
    with pytest.raises(GateClosed, match="standfast resume"):
        press.ask(killswitch.closed_by, "parks", clock.wall_us())
    with pytest.raises(GateClosed):
        press.ask(killswitch.closed_channels, clock.wall_us())
    with pytest.raises(GateClosed):
        press.ask(killswitch.epoch)
    assert press.ask(killswitch.epoch_or_zero) == 0


def test_the_lift_holds_what_was_missed_and_leaves_the_rest(press: Press) -> None:
    """I7, KS-11, KS-12."""
    number = press.suspend("group:outdoors").suspension
    missed, retried = press.queue(in_s=-5), press.queue(in_s=-5, ready_at=clock.wall_us() + clock.SECOND * 60)
    kept = {press.queue(in_s=60): "scheduled", press.queue("police", in_s=-5): "scheduled"}
    kept |= {press.queue(in_s=-5, state=state): state for state in ("draft", "cancelled", "unknown", "failed")}
    assert press.ask(lifting.missed, number) == 2
    assert press.lift(number)[1] == 2
    for post in (missed, retried):
        assert press.post(post).state == "held"
        assert press.post(post).hold_reason == f"its time passed during suspension {number}"
    assert {post: press.post(post).state for post in kept} == kept
    row = press.row(Suspension, number)
    assert (row.lifted_by, row.lift_reason, row.lifted_epoch) == ("omar", "over", 3)


def test_a_lift_that_was_asked_in_another_epoch_changes_nothing(press: Press) -> None:
    """KS-10: a crisis in between voids it."""
    number = press.suspend().suspension
    asked = press.ask(killswitch.epoch)
    press.suspend("channel:parks")
    missed = press.queue(in_s=-5)
    with (
        press.switched() as own,
        pytest.raises(SwitchError, match="the request is void"),
        switch.exclusive(own) as found,
    ):
        lifting.lift(found, own.name, number, by="omar", reason="over", asked_epoch=asked)
    assert press.post(missed).state == "scheduled"
    assert press.row(Suspension, number).lifted_epoch is None


def test_what_is_lifted_is_not_lifted_again(press: Press) -> None:
    number = press.suspend().suspension
    press.lift(number)
    for other in (number, 4711):
        with pytest.raises(SwitchError, match=f"suspension {other} is not active"):
            press.lift(other)


@pytest.mark.parametrize("made", [Scope(), Order("r", "ada"), Recorded(1, 1, 0, "r", ())])
def test_what_the_switch_was_told_and_recorded_is_not_changed_afterwards(made: Any) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(made, dataclasses.fields(made)[0].name, "other")


def test_quiet_is_noted_once(press: Press) -> None:
    number = press.suspend().suspension
    _note_quiet(press, number)
    at = press.row(Suspension, number).quiet_at
    assert at <= clock.wall_us()
    press.change(Suspension, number, quiet_at=at - 1)
    _note_quiet(press, number)
    assert press.row(Suspension, number).quiet_at == at - 1


def _note_quiet(press: Press, number: int) -> None:
    with press.switched() as own, switch.exclusive(own) as found:
        killswitch.note_quiet(found, own.name, number)


@pytest.mark.parametrize("scope", ["all", "channel:parks", "group:outdoors"])
def test_declared_since_looks_at_what_covers_and_came_after(press: Press, scope: str) -> None:
    """I7: lifted or not."""
    number = press.suspend(scope).suspension
    press.lift(number)
    assert press.ask(killswitch.declared_since, "parks", 1)
    assert not press.ask(killswitch.declared_since, "parks", 2)
    assert press.ask(killswitch.declared_since, "police", 1) == (scope == "all")


# --- ledger and cell -----------------------------------------------------------------------------------------------------


def _adopt(press: Press) -> int:
    with press.switched() as own, switch.exclusive(own) as found:
        return len(stop_ledger.adopt(found, own.name, press.essential))


def _raise_fence(press: Press, *, lifted_all: bool = False) -> str | None:
    with press.switched() as own, switch.reading(own) as found:
        return stop_ledger.raise_fence(found, own.name, press.essential, lifted_all=lifted_all)


def test_a_stop_that_only_the_cell_knows_is_recorded_by_the_next_writer(press: Press) -> None:
    """I6: it becomes a suspension, which only resume lifts, and then the fence."""
    stop_cell.stop(press.essential.cell_file, "at-night")
    assert _adopt(press) == 1
    assert _adopt(press) == 0
    assert _raise_fence(press) is None
    assert stop_cell.read(press.essential.cell_file) == stop_cell.Cell(2)
    assert _open(press) == set()
    recorded = press.ask(killswitch.find, "at-night")
    assert press.row(Suspension, recorded.suspension).by == "stop cell"


def test_a_stop_that_the_ledger_lacks_stays_in_the_cell(press: Press) -> None:
    press.suspend()
    stop_cell.stop(press.essential.cell_file, "at-night")
    _raise_fence(press)
    assert stop_cell.read(press.essential.cell_file).stops == ("at-night",)


@pytest.mark.parametrize("content", [None, b"rubbish"])
def test_a_lost_cell_is_a_stop_that_only_a_lift_of_everything_ends(press: Press, content: bytes | None) -> None:
    """A cell that cannot be read means stop; it is not quietly laid down anew."""
    cell = press.essential.cell_file
    cell.unlink()
    if content is not None:
        cell.write_bytes(content)
    assert "nothing is sent from this host" in str(_raise_fence(press))
    assert stop_cell.refusal(cell, 99) is not None
    assert _adopt(press) == 1
    assert _adopt(press) == 0
    assert _raise_fence(press) is None
    assert stop_cell.read(cell).fence == 2


def test_a_lost_cell_is_laid_down_again_when_a_person_has_lifted_everything(press: Press) -> None:
    press.essential.cell_file.unlink()
    assert _raise_fence(press, lifted_all=True) is None
    assert stop_cell.refusal(press.essential.cell_file, 1) is None


def test_a_lost_cell_is_not_laid_down_by_a_stop_of_one_channel(press: Press) -> None:
    press.essential.cell_file.unlink()
    with press.switched() as own, switch.exclusive(own) as found:
        killswitch.suspend(found, own.name, Order("r", "dora", scope=Scope.parse("channel:police")))
    assert _raise_fence(press) is not None
    assert stop_cell.refusal(press.essential.cell_file, 99) is not None


def test_a_fence_that_cannot_be_written_is_told(press: Press) -> None:
    press.essential.cell_file.unlink()
    press.essential.cell_file.mkdir()
    assert "Is a directory" in str(_raise_fence(press, lifted_all=True))


def test_a_witness_that_cannot_be_written_is_told(press: Press) -> None:
    press.witness_file.write_bytes(b"rubbish")
    assert "not a witness's" in str(_raise_fence(press))


def test_a_missing_witness_is_left_for_the_daemon_to_judge(press: Press) -> None:
    press.witness_file.unlink()
    assert _raise_fence(press) is None
    assert not press.witness_file.exists()


def test_a_post_of_a_claim_is_held_but_one_that_moved_on_is_not(press: Press) -> None:
    """The stop moves a post only from ``publishing``."""
    number = press.queue(state="cancelled")
    press.attempt(number, "claimed")
    press.suspend()
    assert press.post(number).state == "cancelled"
    assert press.row(Post, number).hold_reason is None
