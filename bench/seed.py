"""A city of many channels and any number of queued posts, written in a few set-based statements on either database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, text

from config import clock
from governance import people
from governance.authority import Identity
from scheduler.planning import content
from store.engine import writing
from store.tables import Channel, Post

CHANNELS = 50
STEWARD, DIRECTOR, AUTHOR = "stew", "dora", "ann"
FAR_US = 30 * 86_400 * clock.SECOND
"""Queued posts begin a month ahead and come one every three seconds of wall time: none falls due in a run."""
EVERY_US = 3 * clock.SECOND
SECRETS = ("consumer_key", "consumer_secret", "access_token", "access_token_secret")
TEXT = "Queued post: the library opens at ten on Saturday, and the reading room stays open until six."

POSTS = """
INSERT INTO post (channel, state, text, media, tags, content_hash, local_time, zone, due_at, ready_at, lateness_us, tries,
  author, created_at, updated_at)
WITH RECURSIVE n(i) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :count)
SELECT {channel}, 'scheduled', :text, '[]', '[]', :hash, '-', 'UTC',
  :first + i * :every, COALESCE(:ready, :first + i * :every), :lateness, 0, :author, :now, :now FROM n
"""
CHANNEL_OF = {
    "sqlite": "printf('channel-%02d', i % :channels)",
    "postgresql": "'channel-' || lpad((i % CAST(:channels AS BIGINT))::text, 2, '0')",
}


def channel_name(number: int) -> str:
    """The name of channel `number`, counted from 0."""
    return f"channel-{number:02d}"


def token_of(number: int) -> str:
    """The access token of channel `number`: an account of its own at the sandbox, told by its digits."""
    return f"{4700 + number}-token"


def settle(engine: Engine, channels: int = CHANNELS) -> None:
    """People, and `channels` channels on X whose address is still to be given (`point_to`)."""
    now = clock.wall_us()
    with writing(engine) as session:
        people.bootstrap(session, STEWARD, "Stew Ward")
        for number in range(channels):
            secrets = {name: f"{name}_{number}".upper() for name in SECRETS}
            row = Channel(name=channel_name(number), platform="x", settings={}, secrets=secrets, created_at=now)
            session.add(row)
    stew = Identity(STEWARD, "Stew Ward", "token")
    for person, role in ((DIRECTOR, "director"), (AUTHOR, "administrator")):
        with writing(engine) as session:
            people.add_person(session, stew, person, person.title())
            people.grant(session, stew, person, role)


def add_person(engine: Engine, person: str, role: str) -> None:
    """One more person, with `role` on all channels."""
    stew = Identity(STEWARD, "Stew Ward", "token")
    with writing(engine) as session:
        people.add_person(session, stew, person, person.title())
        people.grant(session, stew, person, role)


def secrets_file(channels: int = CHANNELS) -> str:
    """The ``.env`` with every channel's made-up credentials."""
    lines = []
    for number in range(channels):
        for name in SECRETS:
            value = token_of(number) if name == "access_token" else f"{name}-{number}"
            lines.append(f"{name}_{number}".upper() + f"={value}\n")
    return "".join(lines)


def point_to(engine: Engine, url: str) -> None:
    """Let every channel publish at `url`."""
    with engine.begin() as connection:
        connection.execute(text("UPDATE channel SET settings = :s"), {"s": f'{{"base_url": "{url}"}}'})


def queue(
    engine: Engine,
    count: int,
    *,
    first_us: int,
    every_us: int,
    channels: int = CHANNELS,
    words: str = TEXT,
    lateness_us: int = 1800 * clock.SECOND,
    ready_us: int | None = None,
) -> None:
    """Add `count` scheduled posts, round robin over the channels, due from `first_us` on, one every `every_us`.

    They can be claimed when they are due, or from `ready_us` on.
    """
    if not count:
        return
    values = {
        "count": count,
        "channels": channels,
        "text": words,
        "hash": content.content_hash(words, []),
        "first": first_us,
        "ready": ready_us,
        "every": every_us,
        "lateness": lateness_us,
        "author": AUTHOR,
        "now": clock.wall_us(),
    }
    with engine.begin() as connection:
        connection.execute(text(POSTS.format(channel=CHANNEL_OF[engine.dialect.name])), values)


def queue_one(engine: Engine, channel: str, words: str, due_us: int, lateness_us: int = 1800 * clock.SECOND) -> None:
    """Add one scheduled post, as `post add` does."""
    now = clock.wall_us()
    made: dict[str, Any] = {
        "due_at": due_us,
        "ready_at": due_us,
        "lateness_us": lateness_us,
        "created_at": now,
        "updated_at": now,
    }
    plain: dict[str, Any] = {
        "content_hash": content.content_hash(words, []),
        "local_time": "-",
        "zone": "UTC",
        "author": AUTHOR,
    }
    with writing(engine) as session:
        session.add(Post(channel=channel, text=words, **made, **plain))


def queue_far(engine: Engine, count: int) -> None:
    """Add `count` posts that stay queued for the whole run, and let the database know how many there are."""
    queue(engine, count, first_us=clock.wall_us() + FAR_US, every_us=EVERY_US)
    tidy(engine)


def tidy(engine: Engine) -> None:
    """As a server's own housekeeping would have done long before a million posts had gathered."""
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
        return
    with engine.connect() as connection:
        _checkpoint(connection)


def _checkpoint(connection: Connection) -> None:
    connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
