"""A communications desk for the tests of what people can ask for: channels, people, and posts in any state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine
from sqlmodel import select

from calendars import zones
from calendars.entry import Occurrence
from config import clock
from governance import access, people
from governance.authority import Identity
from scheduler import killswitch, lifting
from scheduler.planning import content
from scheduler.planning.post_selection import Wanted
from scheduler.planning.post_verbs import Request
from store.engine import cursor, dialect, reading, writing
from store.tables import Attempt, Channel, LogEntry, Post

HOUR = 3600 * clock.SECOND
MINUTE = 60 * clock.SECOND
CHICAGO = "America/Chicago"


@dataclass(frozen=True)
class Desk:
    """`ana` may do everything, `otis` works the desk, `pat` queues on parks, `uma` may do nothing."""

    engine: Engine
    token: str
    ana: Identity
    people: dict[str, Identity] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    def post(self, channel: str = "parks", state: str = "scheduled", due_in: int = HOUR, **values: Any) -> int:
        """The id of a post that was put straight into `state`, due in so many µs."""
        text = values.pop("text", "The pool opens at nine.")
        at = clock.wall_us() + due_in
        local, digest = zones.local_of(at, CHICAGO), content.content_hash(text, [])
        post = Post(channel=channel, text=text, content_hash=digest, author="ana", local_time=local, zone=CHICAGO)
        post.state, post.due_at, post.ready_at = state, at, at
        post.lateness_us, post.created_at, post.updated_at = 30 * MINUTE, at, at
        for name, value in values.items():
            setattr(post, name, value)
        with writing(self.engine) as session:
            session.add(post)
            session.flush()
            assert post.id is not None
            return post.id

    def attempt(self, post: int, state: str) -> int:
        """The id of an attempt at `post` in `state`."""
        row = Attempt(post_id=post, channel="parks", state=state, worker="w", idempotency_key="k", content_hash="h")
        row.claim_epoch, row.claimed_at, row.sending_at = 1, clock.wall_us(), clock.wall_us()
        with writing(self.engine) as session:
            session.add(row)
            session.flush()
            assert row.id is not None
            return row.id

    def found(self, post: int) -> Post:
        """The post as it stands."""
        with reading(self.engine) as session:
            row = session.get(Post, post)
            assert row is not None
            session.expunge_all()
            return row

    def attempt_row(self, attempt: int) -> Attempt:
        """The attempt as it stands."""
        with reading(self.engine) as session:
            row = session.get(Attempt, attempt)
            assert row is not None
            session.expunge_all()
            return row

    def states(self) -> list[tuple[int, str]]:
        """Every post's id and state."""
        with reading(self.engine) as session:
            return [(int(i or 0), state) for i, state in session.exec(select(Post.id, Post.state).order_by(Post.id))]

    def log(self, action: str) -> list[LogEntry]:
        """The chain's entries of this action, oldest first."""
        with reading(self.engine) as session:
            rows = session.exec(select(LogEntry).where(LogEntry.action == action).order_by(LogEntry.seq)).all()
            session.expunge_all()
            return list(rows)

    def suspend(self, scope: str = "all") -> int:
        """The number of a suspension of `scope`."""
        order = killswitch.Order("r-" + scope, "ana", scope=killswitch.Scope.parse(scope))
        with writing(self.engine) as session:
            return killswitch.suspend(cursor(session), dialect(session), order).suspension

    def lift(self, number: int) -> int:
        """How many posts the lift of suspension `number` held."""
        with writing(self.engine) as session:
            epoch = killswitch.epoch(cursor(session), dialect(session))
            return lifting.lift(cursor(session), dialect(session), number, by="ana", reason="over", asked_epoch=epoch)[
                1
            ]


def settle(engine: Engine) -> Desk:
    """A desk in the store of `engine`."""
    with writing(engine) as session:
        token = people.bootstrap(session, "ana", "Ana Alba")
        for name, platform, spacing in (("parks", "outbox", 30), ("police", "outbox", 30), ("library", "x", 600)):
            session.add(Channel(name=name, platform=platform, spacing_us=spacing * clock.SECOND, created_at=1))
    ana = access.sign_in(engine, token)
    desk = Desk(engine, token, ana)
    for person, role, channel in (("otis", "operator", "*"), ("pat", "administrator", "parks"), ("uma", None, "*")):
        with writing(engine) as session:
            people.add_person(session, ana, person, person.title())
            if role is not None:
                people.grant(session, ana, person, role, channel)
            desk.tokens[person] = people.create_token(session, ana, person).token
        desk.people[person] = access.sign_in(engine, desk.tokens[person])
    return desk


def asked(
    actor: Identity, ids: Sequence[int] = (), *, dry: bool = False, series: bool = False, **query: Any
) -> Request:
    """A request of `actor` for these posts, or for those of the query."""
    return Request(Wanted(tuple(ids), **query), actor, dry, series)


def at(local: str, zone: str = CHICAGO) -> Occurrence:
    """The moment of a wall time."""
    return zones.resolve(local, zone)
