"""The emergency lane and the platforms' own schedulers in a trial: messages sent, leave renewed, planners swept.

Each in a process of its own that writes down what it meant to do and what came of it: who dies in between may have done it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing

from calendars import zones
from calendars.entry import Occurrence
from commands import crisis as command
from commands.context import Context
from config import clock, essentials
from config.fault import Fault
from crisis import sweep as sweeper
from governance import access
from governance.authority import Identity
from scheduler import exercise, killswitch, restore
from scheduler.planning import emergency
from scheduler.planning.emergency import Message
from store.engine import StoreError, cursor, dialect
from store.tables import Post
from tests.chaos import acts, desk, stage
from tests.chaos.worker import Diary

EVE = Identity("eve", "Eve", "token")
"""May send emergency messages, and nothing else."""


def flare(diary: Diary, texts: Mapping[str, str]) -> None:
    """`standfast crisis post` of these words by channel."""
    now = clock.wall_us()
    at = Occurrence(zones.local_of(now, "UTC"), "UTC", now)
    message = Message(texts, at, int(stage.SETTINGS["lateness"]) * clock.SECOND)
    posts = [{"post": stage.tag_of(text), "channel": channel} for channel, text in texts.items()]
    engine = desk.opened(diary)
    diary.write("emergency?", posts=posts)
    try:
        with access.acting(engine) as session:
            restore.refuse_older_copy(session, essentials.load())
            sent = emergency.send(session, EVE, message)
        diary.write("emergency", posts=posts, epoch=sent.epoch, suspension=sent.suspension)
    except (Fault, StoreError) as error:
        diary.write("not emergency", posts=posts, why=str(error))
    finally:
        engine.dispose()


def renew(diary: Diary) -> None:
    """`standfast crisis post --renew`."""
    engine = desk.opened(diary)
    diary.write("renew?")
    try:
        with access.acting(engine) as session:
            restore.refuse_older_copy(session, essentials.load())
            numbers = emergency.renew(session, EVE)
            epoch = killswitch.epoch(cursor(session), dialect(session))
            posts = [{"post": stage.tag_of(session.get_one(Post, number).text)} for number in numbers]
        diary.write("renew", posts=posts, epoch=epoch)
    except (Fault, StoreError) as error:
        diary.write("not renew", why=str(error))
    finally:
        engine.dispose()


def sweep(diary: Diary) -> None:
    """`standfast crisis sweep` of the newest real suspension."""
    standing = [item for item in acts.open_suspensions(diary) if item.has_come and item.kind != exercise.DRILL]
    if not standing:
        return diary.write("not swept", why="nothing real stands")
    return swept(diary, standing[-1].id, str(standing[-1].scope), "ana")


def swept(diary: Diary, suspension: int, scope: str, by: str) -> None:
    """What `standfast crisis` does once it has told its receipt, and `standfast crisis sweep` alone."""
    sweeper.NEAR_US = 0
    diary.write("sweeping", suspension=suspension, scope=scope)
    try:
        with closing(Context()) as context:
            for item in command.swept(context, suspension, by):
                diary.write("swept", **vars(item))
    except (Fault, StoreError) as error:
        diary.write("not swept", why=str(error))
