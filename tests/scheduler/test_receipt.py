"""The receipt: what it says is what the ledger says, and no word of it is kinder."""

from __future__ import annotations

import json

from config import clock
from scheduler import receipt
from scheduler.receipt import Receipt
from store.crisis_tables import Sweep, Tick
from store.engine import writing
from store.tables import Attempt, Channel, Suspension
from tests.scheduler.press import Press

HOUR = 3600 * clock.SECOND


def _build(press: Press, number: int) -> Receipt:
    found: Receipt = press.ask(receipt.build, number, 3600.0)
    return found


def test_it_counts_what_waits_and_names_what_had_begun(press: Press) -> None:
    """KS-3, I2."""
    for state in ("scheduled", "scheduled", "held", "draft"):
        press.queue(state=state)
    press.queue("police")
    begun = {state: press.attempt(press.queue(state="publishing"), state) for state in ("sending", "unknown")}
    number = press.suspend("group:outdoors").suspension
    found = _build(press, number)
    assert (found.covered, found.held, found.scope, found.epoch) == (2, 1, "group:outdoors", 2)
    assert (
        [call.attempt for call in found.in_flight]
        == [call.attempt for call in found.unconfirmed]
        == list(begun.values())
    )
    assert (found.quiet_confirmed, found.complete, found.quiet_at) == (False, False, None)
    assert {item["channel"]: (item["covered"], item["unconfirmed"]) for item in found.channels} == {
        "parks": (2, 2),
        "pool": (0, 0),
    }
    told = receipt.words(found)
    assert told.startswith("SUSPENDED, NOT CONFIRMED  suspension 1 of group:outdoors, epoch 2, by dora")
    assert "2 call(s) that began before the stop may be out, or still go out" in told
    assert f"process {press.process.pid} on {press.process.host}" in told
    press.change(Attempt, begun["sending"], state="published", link="https://example.org/1")
    press.change(Attempt, begun["unknown"], state="closed_by_person")
    found = _build(press, number)
    assert (found.quiet_confirmed, found.unconfirmed) == (True, [])
    assert [call.result for call in found.in_flight] == ["published", "closed by a person"]
    told = receipt.words(found)
    assert told.startswith("QUIET CONFIRMED")
    assert "published https://example.org/1" in told


def test_a_call_that_appeared_later_is_unconfirmed_too(press: Press) -> None:
    """The report is never from its own snapshot of then alone."""
    number = press.suspend().suspension
    late = press.attempt(press.queue(state="publishing"), "sending")
    found = _build(press, number)
    assert (found.in_flight, [call.attempt for call in found.unconfirmed]) == ([], [late])
    assert f"attempt {late} " in receipt.words(found)
    assert "0 call(s) had begun when the stop was recorded\n  in doubt    1 more" in receipt.words(found)


def test_complete_is_quiet_and_nothing_left_to_look_at_by_hand(press: Press) -> None:
    number = press.suspend().suspension
    assert _build(press, number).complete
    press.change(Channel, "police", platform="facebook")
    found = _build(press, number)
    assert (found.quiet_confirmed, found.complete) == (True, False)
    assert "not complete: what people scheduled on the platforms themselves may still go out" in receipt.words(found)
    assert "police  look by hand  https://" in receipt.words(found)
    press.change(Channel, "police", platform="a platform of tomorrow")
    assert not _build(press, number).complete


def test_the_recall_list_has_the_last_hour_newest_first(press: Press) -> None:
    """KS-15."""
    now = clock.wall_us()
    posts = [
        press.queue(channel, state=state, published_at=at, link=f"https://example.org/{n}", text=f"text {n}")
        for n, (channel, state, at) in enumerate(
            [
                ("parks", "published", now - HOUR // 2),
                ("parks", "published", now - 1),
                ("parks", "published", now - 2 * HOUR),
                ("police", "published", now - 1),
                ("parks", "held", now - 1),
            ]
        )
    ]
    found = _build(press, press.suspend("channel:parks").suspension)
    assert [item["post"] for item in found.published_recently] == [posts[1], posts[0]]
    assert "https://example.org/1  text 1" in receipt.words(found)


def test_it_is_json_and_keeps_when_it_was_quiet(press: Press) -> None:
    number = press.suspend().suspension
    press.attempt(press.queue(state="publishing"), "sending", "a worker nobody wrote down")
    press.change(Suspension, number, quiet_at=0)
    found = json.loads(json.dumps(_build(press, number).as_json()))
    assert {"suspension", "suspended_at", "epoch", "quiet_confirmed", "complete", "covered"} <= found.keys()
    assert {"in_flight", "unconfirmed", "published_recently", "channels"} <= found.keys()
    assert "(process" not in receipt.words(_build(press, number))
    press.change(Suspension, number, quiet_at=clock.wall_us())
    assert str(_build(press, number).quiet_at).endswith("Z")


def test_an_excerpt_is_one_short_line() -> None:
    assert receipt.excerpt("  two\n\twords ") == "two words"
    assert receipt.excerpt("x" * 60) == "x" * 60
    assert receipt.excerpt("x" * 61) == "x" * 59 + "…"


def test_warnings_and_the_ended_are_told(press: Press) -> None:
    found = _build(press, press.suspend().suspension)
    found.warnings.append("the cell is gone")
    found.ended.append("process 7")
    told = receipt.words(found)
    assert "warning     the cell is gone" in told
    assert "ended       process 7" in told


def test_a_sweep_that_saw_posts_after_a_tick_is_not_hidden_by_it(press: Press) -> None:
    """KS-16: complete is said only when nothing was seen there since somebody looked; a later tick counts again."""
    number = press.suspend().suspension
    press.change(Channel, "police", platform="facebook")
    seen = {"suspension_id": number, "channel": "police", "by": "dora"}
    with writing(press.engine) as session:
        session.add(Tick(suspension_id=number, item="planner:police", by="dora", at=10))
        session.add(Sweep(**seen, at=20, found=2, gone=0, trouble="2 post(s) are still there"))
    assert not _build(press, number).complete
    with writing(press.engine) as session:
        session.get_one(Tick, 1).at = 30
    assert _build(press, number).complete
