"""One publish, step by step: claim, prepare, authorise, last look, send, record. PROTOCOL.md is the law of this file.

No byte leaves before the row that says ``sending`` is durable, and nothing is called published, rejected or not sent that is
not known to be. This module holds the only call of a connector's `publish` in the project.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

import structlog
from sqlalchemy import Engine
from sqlmodel import Session

from config import clock, failpoint
from config.settings import Settings
from connectors import exchange
from connectors.errors import (
    ConnectorError,
    Duplicate,
    NotSent,
    PublishError,
    Refused,
    SignIn,
    Uncertain,
)
from connectors.protocol import Connector, Deadline, Media, Message, Permit, Prepared
from governance import clearance, rules, tiers
from governance.clearance import Case
from governance.rules import Rules
from records import log
from scheduler import capture, claim_rows, post_queue, states, stop_cell, witness
from scheduler.claim_rows import AttemptRow, Look, PostRow, StoreState
from scheduler.clock_guard import ClockGuard
from scheduler.outcome import Claim, Fenced, Outcome, Result
from scheduler.tier_watch import TierWatch
from store.engine import writing
from store.tables import Attempt, Post

logger = structlog.get_logger()


@dataclass(frozen=True)
class Place:
    """Where a publisher works: the store, this host's files, and who it is there. `rules`: what is asked now (None: what
    `settings` ask)."""

    engine: Engine
    settings: Settings
    cell_file: Path
    witness_file: Path
    media_dir: Path
    worker: str
    key_prefix: str
    clock_guard: ClockGuard = field(default_factory=ClockGuard)
    is_same_store: Callable[[], bool] = lambda: True
    rules: Callable[[], Rules] | None = None


@dataclass(frozen=True)
class Leave:
    """Leave to send: the epoch in which the attempt was authorised and the moment after which it must not be."""

    epoch: int
    deadline: Deadline


class Hold(str):
    """A reason that makes a post wait for a person."""

    __slots__ = ()


class Publisher:
    """Publishes one post at a time per call; safe to use from several threads."""

    def __init__(self, place: Place, connector_of: Callable[[str], Connector]) -> None:
        self.place = place
        self.connector_of = connector_of
        self._owed: deque[Callable[[], object]] = deque()
        self._extent = (0, 0)
        began = rules.of(place.settings)
        self._rules = place.rules or (lambda: began)
        self._tiers = TierWatch(tiers.file_of(place.settings.root, place.settings.approvals))
        self.store_went_back = False
        """True once the store was seen to know less than before: it was replaced by an older copy under this process."""

    def publish_post(self, post_id: int) -> str:
        """What came of it: an attempt's final state, or why there was no attempt (``not_claimed``, ``held``)."""
        claim = self._claim(post_id)
        if isinstance(claim, str):
            return claim
        with exchange.collected() as claim.seen:
            try:
                connector = self.connector_of(claim.channel)
                prepared = connector.prepare(claim.message, Deadline.after(self.place.settings.prepare_deadline))
                claim.draft = connector.draft(claim.message, prepared)
                capture.refuse_when_full(self.place.engine)
            except ConnectorError as error:
                return self._record(claim, _before_sending(error))
            except Exception as error:  # a fault of ours or the library's: nothing public has been asked for yet
                logger.exception("prepare failed", action="prepare", post=claim.post)
                return self._record(claim, NotSent(f"the upload failed: {type(error).__name__}: {error}"))
            return self._send(claim, connector, prepared)

    def _send(self, claim: Claim, connector: Connector, prepared: Prepared) -> str:
        try:
            leave = self._authorise(claim)
        except Exception as error:  # the COMMIT was not acknowledged: do not send, and keep trying to say so
            return self._record(claim, NotSent(f"the leave to send was not recorded: {error}"))
        if leave is None:
            return "aborted"
        try:
            witness.note(self.place.witness_file, attempt=claim.attempt, post=claim.post, step="publish.witness")
            permit = Permit(leave.deadline, lambda: self._last_look(leave.epoch))
            permit.check()
        except NotSent as error:
            return self._record(claim, error)
        except witness.WitnessError as error:
            return self._record(claim, NotSent(str(error)))
        return self._record(claim, self._call(connector, claim.message, prepared, permit))

    @staticmethod
    def _call(connector: Connector, message: Message, prepared: Prepared, permit: Permit) -> Result:
        try:
            return connector.publish(message, prepared, permit)
        except PublishError as error:
            return error
        except Exception as error:  # anything unforeseen may have happened after the request was written
            logger.exception("publish failed", action="send", post=message.post_id)
            return Uncertain(f"the connector failed: {type(error).__name__}: {error}")

    def _last_look(self, epoch: int) -> None:
        if not self.place.is_same_store():  # a stop in the store that stands there now is not seen from here
            raise Fenced("the store was replaced under this process")
        with failpoint.step("publish.look.read"):
            reason = stop_cell.refusal(self.place.cell_file, epoch)
        if reason is not None:
            raise Fenced(reason)

    # --- claim -------------------------------------------------------------------------------------------------------

    def _claim(self, post_id: int) -> Claim | str:
        claim: Claim | str = "not_claimed"
        try:
            with writing(self.place.engine, step="publish.claim") as session:
                claim = self._claim_in(session, post_id)
        except Exception:  # the COMMIT was not acknowledged: the claim may stand, and nobody would take it up
            if isinstance(claim, Claim):
                self._owed.append(partial(self._unclaim, claim))
            raise
        return claim

    def _claim_in(self, session: Session, post_id: int) -> Claim | str:
        channel = claim_rows.locked_channel(session, post_id)
        post = claim_rows.locked_post(session, post_id)
        now = clock.wall_us()
        if (
            channel is None
            or post is None
            or post.state != "scheduled"
            or max(post.ready_at, channel.rests_until) > now
        ):
            return "not_claimed"
        look, is_open = self._look(session, post_id)
        if not is_open or (look.override is None and channel.free_at > now):
            return "not_claimed"
        if (reason := self._why_hold(post, look, now)) is not None:
            post_queue.hold(session, post_id, reason, only_from=("scheduled",))
            log.record(session, "standfast", "hold", f"post {post_id}", {"reason": reason})
            return "held"
        return self._take(session, post, look, now + channel.spacing_us)

    def _unclaim(self, claim: Claim) -> None:
        """End a claim that may or may not stand. What is not ``claimed`` stays: the number may be another attempt's by now."""
        with writing(self.place.engine, step="publish.unclaim") as session:
            # The claim held this row: a COMMIT that is still on its way in the server ends before the look.
            post_queue.locked_post(session, claim.post)
            attempt = self._own(session, claim)
            if attempt is not None and attempt.state == "claimed":
                self._give_up(session, session.get_one(Attempt, claim.attempt), "the claim was not acknowledged")

    def _own(self, session: Session, claim: Claim) -> AttemptRow | None:
        """The claim's row; None when the store, undone or put back under us, has none or gave its number to another's."""
        return claim_rows.own_attempt(session, claim.attempt, claim.post, self.place.worker)

    def may_claim(self, session: Session) -> bool:
        """True when store and clock are the ones we began with, no alarm waits, and the stop cell would let this epoch pass."""
        before = self._extent
        return self._may_go_on(before, claim_rows.store_state(session))

    def _may_go_on(self, before: tuple[int, int], state: StoreState) -> bool:
        """`may_claim` of a store in this `state`; `before` was seen before it was read: all of that must still be there."""
        if not self.place.is_same_store() or self._is_behind(before, state):
            return False
        if self.place.clock_guard.jumped_s() is not None or state.alarms:
            return False
        return stop_cell.refusal(self.place.cell_file, state.epoch) is None

    def _is_behind(self, before: tuple[int, int], state: StoreState) -> bool:
        """True when the store once showed a later epoch or attempt: a standby that lagged, or a copy put back under us."""
        now = (state.epoch or before[0], state.attempt)
        if now[0] < before[0] or now[1] < before[1] or state.restoring:
            self.store_went_back = True
        self._extent = (max(before[0], now[0]), max(before[1], now[1]))
        return self.store_went_back

    def note_extent(self) -> None:
        """Tell this host's witness how far the store was seen to have come, also by other hosts' attempts."""
        epoch, attempt = self._extent
        witness.note(self.place.witness_file, epoch=epoch, attempt=attempt, step="daemon.witness")

    def _look(self, session: Session, post_id: int) -> tuple[Look, bool]:
        """What stands beside the post, and whether the gate is open for it: `may_claim`, and no suspension covers its channel
        or it has an override. A gate that cannot be read is closed.
        """
        before = self._extent
        look = claim_rows.look(session, post_id, self._rules())
        return look, self._may_go_on(before, look.store) and bool(look.store.epoch) and (
            not look.covered or look.override is not None
        )

    def _why_hold(self, post: PostRow, look: Look, now: int) -> str | None:
        if (reason := _why_wait(post, look.channel_state, now)) is not None:
            return reason
        if look.live is not None:
            return f"its attempt {look.live.id} is {look.live.state} already: see `standfast post show`"
        return self._uncleared(post, look, now)

    def _uncleared(self, post: PostRow, look: Look, now: int) -> str | None:
        """Why its author, its channel or its approval is no longer good, as it was when it was queued (GV-5)."""
        emergency = look.override is not None
        case = Case(post.author, post.channel, post.content_hash, post.due_at, now, emergency)
        tier = self._tiers.in_force().of(post.channel, look.facts.tags) if look.rules.approval else None
        return clearance.refusal(case, look.author, look.facts, look.rules, tier)

    def _take(self, session: Session, post: PostRow, look: Look, next_free_at: int) -> Claim:
        key = post_queue.key_of(self.place.key_prefix, post.id)
        attempt = claim_rows.add_attempt(
            session, post, self.place.worker, look.store.epoch, key, next_free_at, look.override
        )
        if not post_queue.move_post(session, post.id, "publishing", only_from=("scheduled",)):
            raise states.WrongState(f"post {post.id} is no longer scheduled")  # undoes the claim
        media = tuple(self._media(item) for item in post.media)
        return Claim(attempt, post.id, post.channel, Message(post.id, key, post.text, media))

    def _media(self, item: dict[str, str]) -> Media:
        return Media(self.place.media_dir / item["file"], item["alt"], item["mime"], item["sha256"])

    # --- authorise ---------------------------------------------------------------------------------------------------

    def _authorise(self, claim: Claim) -> Leave | None:
        """Leave to send once the row is durably ``sending``; None when the gate, the author or a rescue said no."""
        with writing(self.place.engine, step="publish.authorise") as session:
            post = claim_rows.locked_post(session, claim.post)
            if post is None:
                return None
            look, is_open = self._look(session, claim.post)
            own = look.live
            if own is None or (own.id, own.worker, own.state) != (claim.attempt, self.place.worker, "claimed"):
                return None
            if (reason := self._why_not(post, own, look, is_open)) is not None:
                self._give_up(session, session.get_one(Attempt, claim.attempt), reason)
                return None
            if look.override is not None:
                post_queue.use_override(session, look.override)
            leave = Leave(look.store.epoch, Deadline.after(self.place.settings.send_deadline))
            moved = post_queue.move_attempt(
                session,
                claim.attempt,
                "sending",
                only_from=("claimed",),
                authorise_epoch=leave.epoch,
                sending_at=clock.wall_us(),
                deadline_boot_ns=leave.deadline.boot_ns,
            )
            if moved and claim.draft is not None:
                capture.requested(session, claim.attempt, claim.post, claim.channel, claim.draft)
        return leave if moved else None

    def _why_not(self, post: PostRow, own: AttemptRow, look: Look, is_open: bool) -> str | Hold | None:
        """What the claim checked, checked again: None, why the gate is closed, or a reason to hold the post."""
        if not is_open or (look.covered and look.override != own.override):
            return "the gate closed after the claim"
        if own.content_hash != post.content_hash:
            return Hold("its content changed after the claim")
        # A process that was stopped since its claim wakes hours later, in a world where the claim would have been refused.
        now = clock.wall_us()
        reason = _why_wait(post, look.channel_state, now) or self._uncleared(post, look, now)
        return Hold(reason) if reason is not None else None

    def _give_up(self, session: Session, attempt: Attempt, reason: str | Hold) -> None:
        now = clock.wall_us()
        values: dict[str, Any] = {"finished_at": now, "outcome": "aborted", "detail": str(reason)}
        post_queue.move_attempt(session, cast(int, attempt.id), "aborted", **values)
        if isinstance(reason, Hold):
            post_queue.hold(session, attempt.post_id, str(reason), only_from=("publishing",))
        else:
            tries = session.get_one(Post, attempt.post_id).tries
            post_queue.put_back(session, attempt, ready_at=now, tries=tries, reason=reason)

    # --- record ------------------------------------------------------------------------------------------------------

    def _record(self, claim: Claim, result: Result) -> str:
        """The attempt's final state, written now, or kept in mind and tried again until the store takes it."""
        try:
            return self._write(claim, result)
        except Exception as error:  # whatever the store's trouble is, the outcome must not be lost
            logger.error("outcome not recorded yet", action="record", attempt=claim.attempt, error=str(error))
            self._owed.append(partial(self._write, claim, result))
            return "owed"

    def pay(self) -> int:
        """How many outcomes are still owed to the store after trying again, up to the first that fails."""
        for _ in range(len(self._owed)):
            action = self._owed.popleft()
            try:
                action()
            except Exception as error:
                logger.error("outcome still not recorded", action="record", error=str(error))
                self._owed.append(action)  # behind the others: one that never goes in must not keep them out
                break
        return len(self._owed)

    def _write(self, claim: Claim, result: Result) -> str:
        with writing(self.place.engine, step="publish.record") as session:
            if self._own(session, claim) is None:
                logger.error("the store does not know the attempt", action="record", attempt=claim.attempt)
                return "not_known"
            capture.answered(session, claim.attempt, claim.post, claim.channel, claim.seen, claim.draft)
            state = Outcome(session, self.place.settings, claim).write(result)
        logger.info("attempt ended", action="record", attempt=claim.attempt, post=claim.post, state=state)
        return state


def _why_wait(post: PostRow, channel_state: str, now: int) -> str | None:
    """Why a person must decide about the post now, whoever its author is: its channel is off, or its time has passed."""
    if channel_state != "active":
        return f"the channel {post.channel} is {channel_state}"
    if now > post.due_at + post.lateness_us:
        late = (now - post.due_at) // clock.SECOND
        return f"late by {late} s, more than its limit of {post.lateness_us // clock.SECOND} s"
    return None


def _before_sending(error: ConnectorError) -> PublishError:
    """An error of the preparation as an outcome: nothing public was asked for, so it is never uncertain.

    An account that lacks something is treated like a refused sign-in: the post waits for a person.
    """
    if isinstance(error, Refused):
        return error
    if isinstance(error, Duplicate | Uncertain | NotSent):
        return NotSent(error.detail)
    return SignIn(error.detail)
