"""A suspension that a person lifts for some channels first: it stands for the rest, and for what is yet to come."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from config import clock, essentials
from config.fault import Fault
from connectors.errors import NotSent
from connectors.protocol import Permit
from governance import people
from governance.authority import Refusal
from scheduler import hold_reason, killswitch, lifting, receipt, stop_cell, stop_ledger, switch
from scheduler.killswitch import Order, Scope, SwitchError
from scheduler.resumption import Lifted, Offer, Resumption
from scheduler.status import Status
from store.engine import writing
from store.release_tables import SuspensionRelease
from store.tables import Attempt, Channel, ChannelGroup, Suspension
from tests.scheduler.press import PUBLISHED, STEWARD, ManualClock, Press

PARKS, POLICE, OUTDOORS = Scope("channel", "parks"), Scope("channel", "police"), Scope("group", "outdoors")
FAR_US = 2**62


def _run(press: Press, person: str, act: Callable[[Resumption], Any], **settings: str) -> Any:
    environ = {name: value for name, value in essentials.merged().environ.items() if name != "STANDFAST_TOKEN"}
    own = Resumption(
        essentials.load(environ | settings), environ | settings | {"STANDFAST_TOKEN": press.tokens[person]}
    )
    try:
        return act(own)
    finally:
        own.close()


def _ask(press: Press, *only: Scope, who: str = "omar", number: int | None = None, **settings: str) -> Offer:
    found: Offer = _run(press, who, lambda own: own.ask("clear", scope=None, suspension=number, only=only), **settings)
    return found


def _confirm(press: Press, code: str, who: str = "omar", **settings: str) -> Lifted:
    found: Lifted = _run(press, who, lambda own: own.confirm(code, "clear"), **settings)
    return found


def _resume(press: Press, *only: Scope, number: int | None = None) -> Lifted:
    return _confirm(press, _ask(press, *only, number=number).code)


def _closed(press: Press, channel: str) -> list[int]:
    found: list[int] = press.ask(killswitch.closed_by, channel, clock.wall_us())
    return found


def _receipt(press: Press, number: int) -> receipt.Receipt:
    found: receipt.Receipt = press.ask(receipt.build, number, 3600.0)
    return found


# --- what it does --------------------------------------------------------------------------------------------------------


def test_one_channel_goes_on_and_the_rest_stays_stopped(hands: ManualClock, press: Press) -> None:
    """KS-10, KS-11: gate, what was missed, epoch, cell, ledger, log; the twin is the lift of the rest."""
    number = press.suspend().suspension
    missed = {channel: press.queue(channel, in_s=-5) for channel in ("parks", "police")}
    soon = {channel: press.queue(channel, in_s=60) for channel in ("parks", "police")}
    offer = _ask(press, PARKS)
    assert (offer.channels, offer.will_be_held_by_channel, offer.remaining) == (["parks"], {"parks": 1}, [number])
    assert [item["post"] for item in offer.next_hour] == [soon["parks"]]
    assert _closed(press, "parks") == [number]
    lifted = _confirm(press, offer.code)
    assert (lifted.suspension, lifted.epoch, lifted.held, lifted.channels, lifted.left) == (number, 3, 1, ["parks"], 2)
    assert (lifted.remaining, lifted.warning, lifted.still_closed) == ([number], None, {})
    assert (_closed(press, "parks"), _closed(press, "police")) == ([], [number])
    assert press.ask(killswitch.closed_channels, clock.wall_us()) == {"police", "pool"}
    assert press.post(missed["parks"]).hold_reason == hold_reason.passed(number)
    assert [press.post(post).state for post in (missed["police"], *soon.values())] == ["scheduled"] * 3
    assert stop_cell.read(press.essential.cell_file) == stop_cell.Cell(3)
    row = press.row(SuspensionRelease, (number, "parks"))
    assert (row.epoch, row.by, row.at) == (3, "omar", hands.wall)
    assert json.loads(press.log("lift_part")[0].detail) == {
        "epoch": 3,
        "reason": "clear",
        "held": 1,
        "channels": ["parks"],
    }
    hands.pass_s(61)
    rest = _resume(press)
    assert (rest.held, rest.remaining, rest.channels) == (2, [], None)
    assert press.post(soon["parks"]).state == "scheduled"
    assert _closed(press, "police") == []


def test_what_is_resumed_publishes_and_what_is_not_does_not(press: Press) -> None:
    """KS-10: with the publisher itself."""
    press.suspend()
    _resume(press, PARKS)
    goes, waits = press.queue("parks"), press.queue("police")
    assert press.publisher.publish_post(goes) == "published"
    assert press.publisher.publish_post(waits) == "not_claimed"
    assert (press.post(goes).state, press.post(waits).state) == ("published", "scheduled")
    assert len(press.connector.published) == 1


def test_a_group_is_what_it_was_when_it_was_asked_for(press: Press) -> None:
    """KS-10: who confirms, confirms what was shown; who joins or leaves the group meanwhile changes nothing about it."""
    number = press.suspend().suspension
    offer = _ask(press, OUTDOORS)
    assert offer.channels == ["parks", "pool"]
    with writing(press.engine) as session:
        session.add(ChannelGroup(channel="police", name="outdoors"))
        session.delete(session.get_one(ChannelGroup, ("pool", "outdoors")))
    assert _confirm(press, offer.code).channels == ["parks", "pool"]
    assert (_closed(press, "pool"), _closed(press, "police")) == ([], [number])


def test_several_parts_at_once_and_one_after_another(press: Press) -> None:
    press.suspend()
    assert _resume(press, PARKS).left == 2
    lifted = _resume(press, OUTDOORS, POLICE)
    assert (lifted.channels, lifted.left) == (["police", "pool"], 0)


def test_a_channel_that_comes_later_is_stopped_also_when_all_others_were_resumed(press: Press) -> None:
    """KS-4, I6: the suspension stands until it is lifted, and the words say so."""
    number = press.suspend().suspension
    _resume(press, OUTDOORS, POLICE)
    assert "it stands for those to come" in receipt.words(_receipt(press, number))
    with writing(press.engine) as session:
        session.add(Channel(name="zoo", platform="outbox", created_at=1))
    assert _closed(press, "zoo") == [number]
    assert press.row(Suspension, number).lifted_epoch is None
    _resume(press)
    assert _closed(press, "zoo") == []


def test_a_part_of_a_group_s_suspension_can_go_on_first(press: Press) -> None:
    number = press.suspend("group:outdoors").suspension
    _resume(press, PARKS)
    assert (_closed(press, "parks"), _closed(press, "pool")) == ([], [number])


def test_what_another_stop_closes_stays_closed_and_is_said(press: Press) -> None:
    """KS-7."""
    everything, parks = press.suspend().suspension, press.suspend("channel:parks").suspension
    offer = _ask(press, PARKS, number=everything)
    assert (offer.still_closed, offer.remaining) == ({"parks": [parks]}, [everything, parks])
    assert _confirm(press, offer.code).still_closed == {"parks": [parks]}
    assert _closed(press, "parks") == [parks]


def test_the_city_can_have_what_comes_soon_wait_here_too(press: Press) -> None:
    """KS-12: of the resumed channel alone."""
    number = press.suspend().suspension
    soon = {channel: press.queue(channel, in_s=60) for channel in ("parks", "police")}
    offer = _ask(press, PARKS, STANDFAST_RECONFIRM="20m")
    assert offer.will_be_held_by_channel == {"parks": 1}
    assert _confirm(press, offer.code, STANDFAST_RECONFIRM="20m").held == 1
    assert press.post(soon["parks"]).hold_reason == hold_reason.to_be_confirmed(number)
    assert press.post(soon["police"]).state == "scheduled"


# --- what was in hand at the stop ----------------------------------------------------------------------------------------


def test_what_was_in_hand_at_the_stop_waits_although_its_channel_was_resumed(press: Press) -> None:
    """I7: stopped and resumed while the call was under way; a stop that does not cover the channel any more still was one."""
    found: list[int] = []

    def meanwhile(permit: Permit) -> Exception:
        found.append(press.suspend().suspension)
        _resume(press, PARKS)
        return NotSent("no route")

    number = press.queue()
    press.connector.on_publish = meanwhile
    assert press.publisher.publish_post(number) == "not_sent"
    assert press.states(number) == (["not_sent"], "held")
    assert press.post(number).hold_reason == hold_reason.not_sent(found[0], "no route")


def test_what_was_in_flight_at_the_stop_stays_in_doubt_and_what_came_later_is_none_of_it(press: Press) -> None:
    """I1, I2: quiet is said of what passed before the stop, whatever was resumed since."""
    before = press.attempt(press.queue(state="publishing"), "sending")
    number = press.suspend().suspension
    lifted = _resume(press, PARKS)
    press.attempt(press.queue(state="publishing"), "sending", claim_epoch=lifted.epoch)
    late = press.attempt(press.queue("police", state="publishing"), "unknown", claim_epoch=lifted.epoch)
    assert press.ask(killswitch.unconfirmed, number) == [before, late]
    found = _receipt(press, number)
    assert ([call.attempt for call in found.in_flight], found.quiet_confirmed) == ([before], False)
    press.change(Attempt, before, state="published")
    press.change(Attempt, late, state="published")
    assert _receipt(press, number).quiet_confirmed


def test_an_attempt_of_the_release_s_own_epoch_is_after_it(press: Press) -> None:
    """The border: one epoch less was before."""
    number = press.suspend().suspension
    epoch = _resume(press, PARKS).epoch
    older = press.attempt(press.queue(state="publishing"), "sending", claim_epoch=epoch - 1)
    press.attempt(press.queue(state="publishing"), "sending", claim_epoch=epoch)
    assert press.ask(killswitch.unconfirmed, number) == [older]


def test_a_worker_frozen_across_stop_and_resume_is_fenced(press: Press) -> None:
    """I1: the epoch rises with a part, too, and so does the fence."""
    press.suspend()
    epoch = _resume(press, PARKS).epoch
    assert "fence stands" in str(stop_cell.refusal(press.essential.cell_file, epoch - 1))
    assert stop_cell.refusal(press.essential.cell_file, epoch) is None


def test_a_stop_told_anew_stops_also_what_was_resumed_under_its_hands(press: Press) -> None:
    """I6: its acknowledgement was lost, a person resumed a part, and then it says SUSPENDED of everything."""
    order = Order("r", "dora", "tornado")

    def record() -> killswitch.Recorded:
        with press.switched() as own, switch.exclusive(own) as found:
            return killswitch.suspend(found, own.name, order)

    first = record()
    assert record() == first
    _resume(press, PARKS)
    again = record()
    assert (again.request_id, _closed(press, "parks")) == ("r+", [again.suspension])


# --- the cell ------------------------------------------------------------------------------------------------------------


def test_a_lost_cell_is_no_less_a_stop_while_a_part_is_resumed(press: Press) -> None:
    """I6: it may have held a stop that nothing else keeps; under a stop that stands whole (the twin) it is laid anew."""
    press.suspend()
    press.essential.cell_file.write_bytes(b"garbage")
    assert press.ask(stop_ledger.raise_fence, press.essential) is None
    _resume(press, PARKS)
    press.essential.cell_file.write_bytes(b"garbage")
    assert "until `standfast resume`" in press.ask(stop_ledger.raise_fence, press.essential)
    assert [order.by for order in press.ask(stop_ledger.unrecorded, press.essential)] == [killswitch.STOP_CELL]
    assert stop_cell.refusal(press.essential.cell_file, FAR_US) is not None


def test_a_lost_cell_is_not_laid_anew_by_a_resume_of_a_part_or_of_the_rest(press: Press) -> None:
    """I6: only the lift of a stop of everything that stood whole stands for what the lost cell knew."""
    press.suspend()
    for only in ((PARKS,), ()):
        code = _ask(press, *only, number=1).code
        press.essential.cell_file.write_bytes(b"garbage")
        assert "until `standfast resume`" in str(_confirm(press, code).warning)
        assert stop_cell.refusal(press.essential.cell_file, FAR_US) is not None
        if only:
            stop_cell.raise_fence(press.essential.cell_file, 3, ())


# --- what is refused -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("only", "why"),
    [
        ((Scope(),), "names a part"),
        ((Scope("channel", "zoo"),), "there is no channel 'zoo'"),
        ((Scope("group", "zoo"),), "there is no group 'zoo'"),
        ((POLICE,), "covers nothing of channel:police now"),
    ],
)
def test_a_part_that_is_none_is_refused(press: Press, only: tuple[Scope, ...], why: str) -> None:
    press.suspend("group:outdoors")
    with pytest.raises(SwitchError, match=why):
        _ask(press, *only)


def test_what_was_resumed_cannot_be_resumed_again(press: Press) -> None:
    press.suspend()
    _resume(press, PARKS)
    with pytest.raises(SwitchError, match=r"covers nothing of channel:parks now.*NOT LIFTED"):
        _ask(press, PARKS)


def test_a_stop_of_one_channel_has_no_part(press: Press) -> None:
    press.suspend("channel:parks")
    with pytest.raises(SwitchError, match="leave --only out"):
        _ask(press, PARKS)


def test_no_part_of_what_has_not_begun(press: Press) -> None:
    number = press.suspend(kind="planned", starts_at=clock.wall_us() + 3600 * clock.SECOND).suspension
    with pytest.raises(SwitchError, match="covers nothing of channel:parks now"):
        _ask(press, PARKS, number=number)


def test_a_resume_in_between_voids_what_was_shown(press: Press) -> None:
    """KS-10, I6: the person agreed to another state of things."""
    number = press.suspend().suspension
    whole, part = _ask(press).code, _ask(press, PARKS).code
    _resume(press, POLICE)
    for code in (whole, part):
        with pytest.raises(SwitchError, match="the request is void"):
            _confirm(press, code)
    assert (_closed(press, "parks"), press.row(Suspension, number).lifted_epoch) == ([number], None)


def test_a_part_that_is_not_covered_any_more_lifts_nothing(press: Press) -> None:
    """The law itself, below the codes: all or nothing."""
    number = press.suspend("group:outdoors").suspension

    def lift() -> None:
        with press.switched() as own, switch.exclusive(own) as found:
            named: dict[str, Any] = {"by": "omar", "reason": "", "asked_epoch": 2}
            lifting.lift_part(found, own.name, number, ["parks", "police"], **named)

    with pytest.raises(SwitchError, match="does not cover channel 'police'"):
        lift()
    assert _closed(press, "parks") == [number]


def _grant(press: Press, person: str, channel: str) -> None:
    with writing(press.engine) as session:
        people.grant(session, STEWARD, person, "operator", channel=channel)


def test_in_an_older_copy_a_resumed_channels_calls_count_again(press: Press) -> None:
    """I1: what the copy has of them stands for what nobody knows any more; the twin is the same call before the restore."""
    number = press.suspend().suspension
    _resume(press, PARKS)
    since = press.attempt(press.queue(state="publishing"), "sending", claim_epoch=press.ask(killswitch.epoch))
    assert press.ask(killswitch.unconfirmed, number) == []
    press.suspend(kind=stop_ledger.RESTORE)
    assert press.ask(killswitch.unconfirmed, number) == [since]


def test_who_may_resume_one_channel_takes_it_out_of_no_stop_of_everything(press: Press) -> None:
    """KS-10: what was declared over more than a channel is cleared, in part too, by who may resume everywhere."""
    press.suspend("group:outdoors")
    number = press.suspend().suspension
    _grant(press, "ann", "parks")
    for only in ((), (PARKS,), (OUTDOORS,)):
        with pytest.raises(Refusal, match=r"'resume'.*NOT LIFTED"):
            _ask(press, *only, number=number, who="ann")
    with pytest.raises(Refusal, match=r"'resume'.*NOT LIFTED"):
        _confirm(press, _ask(press, PARKS, number=number).code, "ann")
    _confirm(press, _ask(press, PARKS, number=number).code)
    assert number not in _closed(press, "parks")


def test_who_may_resume_one_channel_lifts_what_was_declared_over_it(press: Press) -> None:
    """The twin."""
    number = press.suspend("channel:parks").suspension
    _grant(press, "ann", "parks")
    assert _confirm(press, _ask(press, who="ann").code, "ann").suspension == number


def test_where_the_city_asks_for_two_a_part_needs_two(press: Press) -> None:
    """KS-10."""
    two = {"STANDFAST_RESUME_TWO_PERSONS": "yes"}
    press.suspend()
    code = _ask(press, PARKS, **two).code
    with pytest.raises(Fault, match="another person must confirm"):
        _confirm(press, code, **two)
    assert _confirm(press, code, "olga", **two).channels == ["parks"]


# --- what is told --------------------------------------------------------------------------------------------------------


def test_receipt_and_status_say_what_was_resumed(press: Press) -> None:
    """KS-19, KS-15: only what is still behind the gate counts as covered; what a resumed channel sends is no recall."""
    number = press.suspend().suspension
    for channel in ("parks", "police"):
        press.queue(channel, in_s=60)
    _resume(press, PARKS)
    press.connector.on_publish = PUBLISHED
    assert press.publisher.publish_post(press.queue("parks")) == "published"
    found = _receipt(press, number)
    assert [item["channel"] for item in found.released] == ["parks"]
    assert ([item["channel"] for item in found.channels], found.covered) == (["police", "pool"], 1)
    assert found.published_recently == []
    code, data, words = Status(press.essential).run(wait=False)
    assert (code, data["suspensions"][0]["released"][0]["by"]) == (0, "omar")
    assert "  released    parks (by omar at " in words


def test_what_a_resumed_channel_sent_before_the_stop_stays_on_the_recall_list(press: Press) -> None:
    """KS-15."""
    post = press.queue()
    assert press.publisher.publish_post(post) == "published"
    number = press.suspend().suspension
    _resume(press, PARKS)
    assert [item["post"] for item in _receipt(press, number).published_recently] == [post]
