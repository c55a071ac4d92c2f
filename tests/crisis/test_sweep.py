"""KS-16: what people scheduled on the platforms themselves is copied, taken out there, and held here."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests
from sqlmodel import col, delete, select

from config import clock
from connectors.errors import CannotTell, Rejected
from connectors.facebook import FacebookConnector
from connectors.protocol import Account, Deadline, Planned
from crisis.sweep import NO_INTERFACE, Sweeper, Swept
from sandbox.client import Client
from scheduler import receipt
from scheduler.planning import post_verbs
from scheduler.planning.post_selection import PostError, Wanted
from scheduler.planning.post_verbs import Request
from store.crisis_tables import NativePost, Sweep, Tick
from store.engine import StoreError, reading, writing
from store.tables import Attempt, Channel, Post
from tests.scheduler.press import STEWARD, Press

LATENESS_US = 60 * clock.SECOND


@dataclass
class Planner:
    """A platform with a scheduler of its own, in this process."""

    there: dict[str, Planned] = field(default_factory=dict)
    keeps: bool = False
    fails_after: int = 99
    stubborn: str = ""
    calls: list[str] = field(default_factory=list)

    def _called(self, what: str) -> None:
        self.calls.append(what)
        if len(self.calls) > self.fails_after:
            raise CannotTell("the platform is away")

    def planned(self, deadline: Deadline) -> list[Planned]:
        self._called("list")
        return [*self.there.values()]

    def cancel_planned(self, remote_id: str, deadline: Deadline) -> None:
        self._called(remote_id)
        if remote_id not in self.there:
            raise Rejected("there is no such post")
        if remote_id == self.stubborn:
            raise Rejected("too late to change it")
        if not self.keeps:
            del self.there[remote_id]


def _planner(*texts: str) -> Planner:
    at = clock.wall_us() + 3600 * clock.SECOND
    return Planner(
        {f"r{number}": Planned(f"r{number}", text, at, "https://there") for number, text in enumerate(texts)}
    )


def _sweep(press: Press, number: int, **planners: object) -> list[Swept]:
    for name in planners:
        press.change(Channel, name, platform="facebook")
    return [*Sweeper(press.engine, planners.__getitem__, "dora", LATENESS_US).run(number, 5)]


def _receipt(press: Press, number: int) -> receipt.Receipt:
    found: receipt.Receipt = press.ask(receipt.build, number, 3600.0)
    return found


def test_what_lies_there_is_copied_taken_out_and_held(press: Press) -> None:
    number, planner = press.suspend().suspension, _planner("Farmers' market", "Pool\0")
    assert _sweep(press, number, parks=planner) == [Swept("parks", 2, 2, None)]
    assert planner.there == {}
    for native, text in ((1, "Farmers' market"), (2, "Pool\N{REPLACEMENT CHARACTER}")):
        row = press.row(NativePost, native)
        copy = press.post(row.post_id)
        assert (row.suspension_id, row.gone_at is not None) == (number, True)
        assert (copy.state, copy.text, copy.channel, copy.due_at) == ("held", text, "parks", row.planned_at)
        assert f"taken out in suspension {number}" in str(copy.hold_reason)
    assert [entry.action for entry in press.log("sweep.copy")] == ["sweep.copy"] * 2


def test_a_copy_is_durable_before_anything_is_taken_out(press: Press) -> None:
    """A sweep that is cut off loses nothing; the next one copies nothing twice."""
    number, planner = press.suspend().suspension, _planner("Market", "Pool")
    planner.fails_after = 1
    (swept,) = _sweep(press, number, parks=planner)
    assert swept == Swept("parks", 2, 0, "not known to be empty: the platform is away")
    assert [press.post(press.row(NativePost, key).post_id).text for key in (1, 2)] == ["Market", "Pool"]
    assert press.row(NativePost, 1).gone_at is None
    planner.fails_after = 99
    assert _sweep(press, number, parks=planner) == [Swept("parks", 2, 2, None)]
    assert [press.row(NativePost, key).gone_at is not None for key in (1, 2)] == [True, True]
    assert len(press.log("sweep.copy")) == 2


def test_nothing_is_taken_out_whose_copy_was_lost_with_the_store(press: Press, tmp_path: Path) -> None:
    """KS-16: an older store is put in place as one is swept; what has gone is copied in neither, what is left stays there."""
    number = press.suspend().suspension
    older = tmp_path / "older.sqlite"
    _copy_store(press, older)

    class Struck(Planner):
        def cancel_planned(self, remote_id: str, deadline: Deadline) -> None:
            super().cancel_planned(remote_id, deadline)
            if remote_id == "r0":
                _put_back(press, older)

    planner = Struck(_planner("Market", "Pool").there)
    with pytest.raises(
        StoreError, match=r"^the store was replaced .*: nothing more was taken out; `standfast crisis sweep` again$"
    ):
        _sweep(press, number, parks=planner)
    assert [*planner.there] == ["r1"]
    press.engine.dispose()
    assert _sweep(press, number, parks=planner) == [Swept("parks", 1, 1, None)]
    with reading(press.engine) as session:
        copied = session.exec(select(Post.text).join(NativePost, col(NativePost.post_id) == Post.id)).all()
    assert copied == ["Pool"]


def _copy_store(press: Press, older: Path) -> None:
    if press.engine.dialect.name == "sqlite":
        with (
            closing(sqlite3.connect(str(press.engine.url.database))) as source,
            closing(sqlite3.connect(older)) as target,
        ):
            source.backup(target)


def _put_back(press: Press, older: Path) -> None:
    """On SQLite the file is another one from now on; PostgreSQL has other rows."""
    if press.engine.dialect.name == "sqlite":
        older.replace(str(press.engine.url.database))
        return
    with writing(press.engine) as session:
        session.execute(delete(NativePost))


def test_what_is_still_there_is_never_called_empty(press: Press) -> None:
    number, planner = press.suspend().suspension, _planner("Market")
    planner.keeps = True
    assert _sweep(press, number, parks=planner) == [Swept("parks", 1, 0, "1 post(s) are still there")]
    assert press.row(NativePost, 1).gone_at is None
    assert not _receipt(press, number).complete


def test_a_platform_without_such_an_interface_waits_for_a_person(press: Press) -> None:
    number = press.suspend().suspension
    assert _sweep(press, number, parks=press.connector) == [Swept("parks", 0, 0, NO_INTERFACE)]


def test_only_channels_that_are_covered_and_can_have_something_are_looked_at(press: Press) -> None:
    """The outbox has no scheduler; a part that goes on is nobody's business."""
    number = press.suspend("channel:parks").suspension
    parks, police = _planner("Market"), _planner("Parade")
    assert [item.channel for item in _sweep(press, number, parks=parks, police=police)] == ["parks"]
    assert police.calls == []


def test_complete_is_said_only_when_every_channel_is_confirmed(press: Press) -> None:
    """KS-16: by the sweep, or by a named person's tick; a later trouble takes it back."""
    number, planner = press.suspend().suspension, _planner("Market")
    assert _receipt(press, number).complete
    press.change(Channel, "pool", platform="x")
    _sweep(press, number, parks=planner, pool=press.connector)
    told = _receipt(press, number)
    looks = {item["channel"]: (item["own_scheduler"], item["look"]) for item in told.channels}
    assert looks == {
        "parks": ("empty (1 of 1 taken out)", False),
        "police": ("none", False),
        "pool": (NO_INTERFACE, True),
    }
    assert not told.complete
    with writing(press.engine) as session:
        session.add(Tick(suspension_id=number, item="planner:pool", by="omar", at=clock.wall_us()))
    told = _receipt(press, number)
    assert told.complete
    assert any(str(item["own_scheduler"]).startswith("ticked by omar") for item in told.channels)
    with writing(press.engine) as session:
        session.add(Sweep(suspension_id=number, channel="parks", by="dora", at=clock.wall_us(), trouble="away"))
    assert not _receipt(press, number).complete
    assert "parks  away  https://business.facebook.com" in receipt.words(_receipt(press, number))


def test_a_real_page_s_planner_is_emptied(press: Press, box: Client) -> None:
    """The connector itself at the sandbox: nothing goes out when its time comes, and the words are kept here."""
    token, at = "page-token", clock.wall_us() // clock.SECOND + 3600
    fields = {"message": "Market", "published": "false", "scheduled_publish_time": str(at), "access_token": token}
    requests.post(f"{box.url}/v26.0/815/feed", data=fields, timeout=10).raise_for_status()
    page = FacebookConnector(
        Account("parks", "facebook", {"page_id": "815", "base_url": box.url}, {"page_token": token})
    )
    number = press.suspend().suspension
    assert _sweep(press, number, parks=page) == [Swept("parks", 1, 1, None)]
    assert page.planned(Deadline.after(5)) == []
    assert press.post(press.row(NativePost, 1).post_id).text == "Market"


def test_one_that_will_not_go_keeps_none_of_the_others_there(press: Press) -> None:
    """KS-16: a platform takes nothing out in a post's last minutes; what comes later must not wait for that."""
    number, planner = press.suspend().suspension, _planner("Market", "Pool")
    planner.stubborn = "r0"
    assert _sweep(press, number, parks=planner) == [Swept("parks", 2, 1, "1 post(s) are still there")]
    assert [*planner.there] == ["r0"]
    reasons = [str(press.post(press.row(NativePost, key).post_id).hold_reason) for key in (1, 2)]
    assert "not known to be taken out" in reasons[0]
    assert f"and taken out in suspension {number}" in reasons[1]


@pytest.mark.parametrize("left_s", [-1, 30, 90])
def test_whose_time_came_as_it_was_swept_is_not_said_to_have_been_taken_out(press: Press, left_s: int) -> None:
    """I5: the platform may have published it a moment before, also where its deletion is answered well."""
    number, at = press.suspend().suspension, clock.wall_us() + left_s * clock.SECOND
    planner = Planner({"r": Planned("r", "Market", at, "https://there")})
    assert _sweep(press, number, parks=planner) == [Swept("parks", 1, 1, None)]
    reason = str(press.post(press.row(NativePost, 1).post_id).hold_reason)
    assert ("may have gone out" in reason, "and taken out" in reason) == (
        (False, True) if left_s > 60 else (True, False)
    )


def test_what_fired_between_two_sweeps_is_not_said_to_have_been_taken_out(press: Press) -> None:
    """I5: copied by a sweep that was cut off, and out before the next one, which finds nothing there."""
    number, at = press.suspend().suspension, clock.wall_us()
    planner = Planner({"r": Planned("r", "Market", at, "https://there")}, keeps=True)
    _sweep(press, number, parks=planner)
    planner.there.clear()
    assert _sweep(press, number, parks=planner) == [Swept("parks", 0, 0, None)]
    row = press.row(NativePost, 1)
    assert row.gone_at is not None
    assert "may have gone out" in str(press.post(row.post_id).hold_reason)


def test_what_was_looked_at_before_the_drain_had_ended_is_looked_at_again(press: Press) -> None:
    """PROTOCOL: the sweep comes after the drain; a call under way may leave something there. The twin is the next sweep."""
    attempt = press.attempt(press.queue(state="publishing"), "sending")
    number, planner = press.suspend().suspension, _planner("Market")
    (early,) = _sweep(press, number, parks=planner)
    assert (early.found, early.gone) == (1, 1)
    assert str(early.trouble).startswith("1 call(s) to it were not confirmed")
    press.change(Attempt, attempt, state="published")
    told = _receipt(press, number)
    assert (told.quiet_confirmed, told.complete) == (True, False)
    assert _sweep(press, number, parks=planner) == [Swept("parks", 0, 0, None)]
    assert _receipt(press, number).complete


def test_what_is_swept_in_an_older_copy_is_looked_at_again(press: Press) -> None:
    """KS-16, I2: the copy does not know every call that this host has sent; the twin knows them all."""
    number = press.suspend().suspension
    press.change(Channel, "parks", platform="facebook")
    for older in (True, False):
        own = Sweeper(press.engine, {"parks": _planner()}.__getitem__, "dora", LATENESS_US, older_copy=older)
        assert [item.trouble is not None for item in own.run(number, 5)] == [older]
        assert _receipt(press, number).complete != older


def test_a_call_to_another_channel_keeps_no_sweep_from_counting(press: Press) -> None:
    """KS-16: what is waited for is the channel's own."""
    press.attempt(press.queue("police", state="publishing"), "sending")
    number = press.suspend().suspension
    assert _sweep(press, number, parks=_planner("Market")) == [Swept("parks", 1, 1, None)]


def test_what_no_platform_should_do_keeps_no_other_channel_from_its_sweep(press: Press) -> None:
    """A defect of one connector, or an answer that nobody foresaw."""
    number, planner = press.suspend().suspension, _planner("Parade")

    class Broken(Planner):
        def planned(self, deadline: Deadline) -> list[Planned]:
            raise KeyError("scheduled_publish_time")

    found = _sweep(press, number, parks=Broken(), police=planner)
    trouble = "not known to be empty: KeyError: 'scheduled_publish_time'"
    assert found == [Swept("parks", 0, 0, trouble), Swept("police", 1, 1, None)]
    assert not _receipt(press, number).complete


def test_a_person_s_own_reason_is_kept(press: Press) -> None:
    number, planner = press.suspend().suspension, _planner("Market")
    planner.keeps = True
    _sweep(press, number, parks=planner)
    copy = press.row(NativePost, 1).post_id
    press.change(Post, copy, hold_reason="omar holds it")
    planner.keeps = False
    _sweep(press, number, parks=planner)
    assert press.post(copy).hold_reason == "omar holds it"


@pytest.mark.parametrize("at", [None])
def test_a_time_that_the_platform_does_not_tell_is_said_to_be_unknown(press: Press, at: None) -> None:
    number, planner = press.suspend().suspension, Planner({"r": Planned("r", "Market", at, "https://there")})
    _sweep(press, number, parks=planner)
    assert "a time that it does not tell" in str(press.post(press.row(NativePost, 1).post_id).hold_reason)


def test_what_has_pictures_stays_and_is_said_to(press: Press) -> None:
    """KS-16: a copy has the words alone; to delete the rest would lose it."""
    number = press.suspend().suspension
    planner = _planner("words alone")
    planner.there["p"] = Planned(
        "p", "with a picture", clock.wall_us() + 3600 * clock.SECOND, "https://there", media=True
    )
    (swept,) = _sweep(press, number, police=planner)
    assert [*planner.there] == ["p"]
    assert (
        swept.trouble
        == "1 post(s) are still there, 1 with media that a copy would lose: save it and take them out by hand"
    )


def test_a_suspension_that_was_lifted_meanwhile_is_not_swept(press: Press) -> None:
    """What people scheduled is theirs again."""
    number = press.suspend().suspension
    press.lift(number)
    planner = _planner("the market opens")
    assert _sweep(press, number, police=planner) == []
    assert planner.calls == []


def test_a_copy_goes_out_in_the_name_of_who_lets_it_go_and_never_beside_its_original(press: Press) -> None:
    number = press.suspend().suspension
    _sweep(press, number, police=_planner("the market opens"))
    with writing(press.engine) as session:
        native = session.get_one(NativePost, 1)
        post, native.gone_at = native.post_id, None
    with (
        pytest.raises(PostError, match="it still lies in the platform's own scheduler"),
        writing(press.engine) as session,
    ):
        post_verbs.release(session, Request(Wanted(ids=(post,)), STEWARD), 0)
    with writing(press.engine) as session:
        session.get_one(NativePost, 1).gone_at = 1
    with writing(press.engine) as session:
        post_verbs.release(session, Request(Wanted(ids=(post,)), STEWARD), 0)
    with writing(press.engine) as session:
        assert (session.get_one(Post, post).state, session.get_one(Post, post).author) == ("scheduled", "stew")


def test_calls_are_counted_before_the_look(press: Press) -> None:
    """KS-16: one that ends between the look and its count may have left something there after the look; the twin had ended
    before."""
    attempt = press.attempt(press.queue(state="publishing"), "sending")
    number = press.suspend().suspension

    class Ends(Planner):
        def planned(self, deadline: Deadline) -> list[Planned]:
            press.change(Attempt, attempt, state="published")
            return super().planned(deadline)

    (early,) = _sweep(press, number, parks=Ends())
    assert str(early.trouble).startswith("1 call(s) to it were not confirmed")
    assert _sweep(press, number, parks=Ends()) == [Swept("parks", 0, 0, None)]


def test_a_store_that_fails_ends_the_sweep(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would fail for every channel, and nothing may be called swept that could not be kept; the twin is a platform that
    fails, which keeps the others from nothing."""
    number = press.suspend().suspension

    def away(*_: object) -> None:
        raise StoreError("the store is away")

    with monkeypatch.context() as patched:
        patched.setattr(Sweeper, "_take_over", away)
        with pytest.raises(StoreError, match="the store is away"):
            _sweep(press, number, parks=_planner("Market"))
    assert len(_sweep(press, number, parks=Planner(fails_after=0), police=_planner("Parade"))) == 2
