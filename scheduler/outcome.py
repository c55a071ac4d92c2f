"""From an attempt's outcome to what its rows say: one `match`, inside the caller's write session."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlmodel import Session

from config import clock
from config.settings import Settings
from connectors.errors import NotSent, PublishError, RateLimited, SignIn, Uncertain
from connectors.exchange import Draft, Exchange
from connectors.protocol import Message, Published
from records import log
from scheduler import post_queue
from scheduler.retry import backoff_us
from store.chain import storable
from store.tables import Attempt, Post

Result = Published | PublishError
RATE_LIMIT_S = 60.0
"""How long a channel rests when a platform limits its rate without saying until when."""


@dataclass
class Claim:
    """An attempt that this worker has claimed, with all that the connector needs, read in the claim's transaction.

    For the record: the `draft` of its request once there is one, and what was `seen` to be exchanged.
    """

    attempt: int
    post: int
    channel: str
    message: Message
    draft: Draft | None = None
    seen: list[Exchange] = field(default_factory=list)


class Fenced(NotSent):
    """The stop cell did not let the attempt pass: not the platform's doing, so it does not count as a try."""


class Outcome:
    """Writes one attempt's outcome and what follows for its post, inside the caller's session."""

    def __init__(self, session: Session, settings: Settings, claim: Claim) -> None:
        self.session, self.settings, self.claim = session, settings, claim
        self.now = clock.wall_us()

    def write(self, result: Result) -> str:
        """The attempt's state from now on; one `match` from outcome to next state."""
        if isinstance(result, PublishError):
            result.detail = storable(result.detail)
        match result:
            case Published():
                return self._published(result)
            case Uncertain():
                return self._unknown(result)
            case NotSent():
                return self._not_sent(result)
            case RateLimited():
                return self._rate_limited(result)
            case SignIn():
                return self._rejected(result, "held", f"sign-in refused by the platform: {result.detail}")
            case _:
                return self._rejected(result, "failed", f"refused by the platform: {result.detail}")

    def _end(self, state: str, result: PublishError) -> bool:
        return post_queue.move_attempt(
            self.session, self.claim.attempt, state, finished_at=self.now, outcome=result.outcome, detail=result.detail
        )

    def _published(self, result: Published) -> str:
        return mark_published(self.session, self.claim.attempt, self.claim.post, result, "publish")

    def _unknown(self, result: Uncertain) -> str:
        if self._end("unknown", result):
            look_at = self.now + int(self.settings.look_every * clock.SECOND)
            attempt = self.session.get_one(Attempt, self.claim.attempt, populate_existing=True)
            attempt.look_at = look_at
            post_queue.move_post(self.session, self.claim.post, "unknown", only_from=("publishing",))
            self._log("unknown", result.detail)
        return "unknown"

    def _not_sent(self, result: NotSent) -> str:
        if self._end("not_sent", result):
            post = self.session.get_one(Post, self.claim.post)
            tries = post.tries + (0 if isinstance(result, Fenced) else 1)
            if tries > self.settings.retries:
                reason = f"not sent after {tries} attempts: {result.detail}"
                post_queue.hold(self.session, self.claim.post, reason, only_from=("publishing",))
            else:
                wait = 0 if tries == post.tries else self._backoff(tries)
                self._again(self.now + wait, tries, result.detail)
        return "not_sent"

    def _backoff(self, tries: int) -> int:
        return backoff_us(tries, self.settings.retry_first, self.settings.retry_most)

    def _rate_limited(self, result: RateLimited) -> str:
        if self._end("rejected", result):
            until = self.now + int((result.retry_after_s or RATE_LIMIT_S) * clock.SECOND)
            channel = post_queue.locked_channel(self.session, self.claim.channel)
            if channel is not None:
                channel.not_before_at = max(channel.not_before_at, until)
            self._again(until, self.session.get_one(Post, self.claim.post).tries, result.detail)
        return "rejected"

    def _rejected(self, result: PublishError, post_state: str, reason: str) -> str:
        if self._end("rejected", result):
            post_queue.move_post(
                self.session, self.claim.post, post_state, only_from=("publishing",), hold_reason=reason
            )
            self._log("rejected", reason)
        return "rejected"

    def _again(self, ready_at: int, tries: int, reason: str) -> None:
        attempt = self.session.get_one(Attempt, self.claim.attempt)
        post_queue.put_back(self.session, attempt, ready_at=ready_at, tries=tries, reason=reason)

    def _log(self, action: str, detail: str) -> None:
        about = {"attempt": self.claim.attempt, "channel": self.claim.channel, "detail": detail}
        log.record(self.session, "standfast", action, f"post {self.claim.post}", about)


def mark_published(session: Session, attempt: int, post: int, found: Published, how: str) -> str:
    """``published``, after both rows say so (from ``sending`` or ``unknown``), with the link a person can open."""
    now = clock.wall_us()
    values = {"remote_id": storable(found.remote_id), "link": storable(found.link)}
    if post_queue.move_attempt(session, attempt, "published", finished_at=now, outcome="published", **values):
        at = (_sent_at(session, attempt) if how == "reconcile" else None) or now
        post_queue.move_post(session, post, "published", published_at=at, **values)
        about = {"attempt": attempt, "how": how, **values}
        log.record(session, "standfast", "published", f"post {post}", about)
    return "published"


def _sent_at(session: Session, attempt: int) -> int | None:
    return session.get_one(Attempt, attempt, populate_existing=True).sending_at
