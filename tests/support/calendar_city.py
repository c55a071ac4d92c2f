"""A city whose calendars can be synced: an owner with rights, two channels, settings, and files written in one line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from config import clock
from config.settings import Settings
from scheduler.planning import calendar_sync
from store.engine import reading, writing
from store.tables import CalendarEntry, CalendarFile, Channel, LogEntry, Person, Post, RoleGrant

START_US = 1_796_083_200_000_000
"""2026-12-01 00:00 UTC: what the tests call now, unless they say otherwise."""
HEAD = "id,at,text"


class SetClock:
    """A clock that stands still until it is moved."""

    def __init__(self, wall_us: int = START_US) -> None:
        self.wall = wall_us

    def wall_us(self) -> int:
        return self.wall

    def boot_ns(self) -> int:
        return clock.SystemClock().boot_ns()


@dataclass(frozen=True)
class Desk:
    """A folder of calendars and the store they are applied to."""

    engine: Engine
    settings: Settings

    def path(self, name: str) -> Path:
        return self.settings.calendars_dir / name

    def write(
        self, name: str, *rows: str, owner: str = "ada", channels: str = "parks", head: str = HEAD, more: str = ""
    ) -> Path:
        """A CSV calendar of these rows."""
        comments = [f"# owner: {owner}", "# timezone: America/Chicago", f'"# channels: {channels}"']
        self.path(name).write_text("\n".join([*comments, *([more] if more else []), head, *rows]) + "\n")
        return self.path(name)

    def sync(self, name: str, **options: Any) -> calendar_sync.Outcome:
        return calendar_sync.sync(self.engine, self.path(name), self.settings, **options)

    def applied(self, name: str, **options: Any) -> calendar_sync.Outcome:
        """The outcome of a sync that must have had no fault."""
        outcome = self.sync(name, **options)
        assert not outcome.faults, outcome.faults
        return outcome

    def posts(self, *states: str) -> list[Post]:
        """The posts in these states (all but staged ones), by due time and channel."""
        with reading(self.engine) as session:
            query = select(Post).order_by(col(Post.due_at), col(Post.channel), col(Post.id))
            found = session.exec(query).all()
            session.expunge_all()
        return [post for post in found if not states or post.state in states]

    def set_post(self, post_id: int | None, **values: Any) -> None:
        """What another part of the project would have done to a post."""
        with writing(self.engine) as session:
            post = session.get_one(Post, post_id)
            for name, value in values.items():
                setattr(post, name, value)

    def rows(self) -> dict[str, list[Any]]:
        """Every row of the tables that a sync writes, to be compared."""
        with reading(self.engine) as session:
            return {
                table.__name__: sorted(map(str, session.exec(select(table)).all()))
                for table in (Post, CalendarEntry, CalendarFile, LogEntry)
            }

    def file(self, name: str) -> CalendarFile | None:
        with reading(self.engine) as session:
            found = session.get(CalendarFile, name)
            session.expunge_all()
        return found

    def logged(self, action: str) -> list[LogEntry]:
        with reading(self.engine) as session:
            found = list(session.exec(select(LogEntry).where(LogEntry.action == action)))
            session.expunge_all()
        return found


def open_desk(engine: Engine, root: Path, **settings: Any) -> Desk:
    """A city in `root` with the channels ``parks`` and ``library`` (outbox), ada who may queue on both and bob on none."""
    desk = Desk(engine, Settings(root=root, timezone="America/Chicago", **settings))
    desk.settings.calendars_dir.mkdir(exist_ok=True)
    with writing(engine) as session:
        _people(session)
        session.add_all(Channel(name=name, platform="outbox", created_at=0) for name in ("parks", "library"))
    return desk


def _people(session: Session) -> None:
    session.add_all(Person(id=name, name=name.title(), created_at=0) for name in ("ada", "bob"))
    session.add(RoleGrant(person="ada", role="administrator", channel="*", granted_by="ada", granted_at=0))


def texts(posts: Iterable[Post]) -> list[str]:
    """What the posts say, in order."""
    return [post.text for post in posts]
