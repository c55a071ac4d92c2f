"""What people do in a trial, each in a process of its own that writes down what it learned, and when."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Event
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session

from config import clock, essentials
from config.fault import Fault
from governance.authority import Identity
from records import log
from scheduler import emergency_stop, post_selection, post_verbs
from scheduler import status as status_command
from scheduler.killswitch import Scope
from scheduler.resumption import Resumption, active
from scheduler.switch import open_switch, reading
from store.engine import StoreError, open_engine, writing
from store.lock import LOCK_KEY
from store.tables import Post
from tests.chaos.family import die_with_parent
from tests.chaos.worker import Diary

TRIES = 20
DRAIN_MARGIN_S = 2.0
"""A trial has no five seconds for what will not become quiet."""
PERSON = Identity("ana", "Ana", "token")


def stop(diary: Diary, scope: str, wait: bool) -> None:
    """`standfast crisis` without starting Python anew."""
    loaded = essentials.merged()
    request = emergency_stop.Request(Scope.parse(scope), "chaos", wait=wait)
    emergency_stop.DRAIN_MARGIN_S = DRAIN_MARGIN_S
    diary.write("begun", scope=scope)
    answer = emergency_stop.EmergencyStop(essentials.load(), loaded.environ, lambda line: _told(diary, line)).run(
        request
    )
    told = answer.receipt.as_json() if answer.receipt else None
    diary.write("answer", code=answer.code, receipt=told, words=answer.words)


def stop_by_command(diary: Diary, scope: str, wait: bool) -> None:
    """`standfast crisis` itself."""
    arguments = ["crisis", "--scope", scope, "--json", *([] if wait else ["--no-wait"])]
    diary.write("begun", scope=scope)
    with _command(arguments) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        for line in process.stderr:
            _told(diary, line.rstrip())
        told = process.stdout.read()
    receipt = json.loads(told) if told.strip() else None
    diary.write("answer", code=process.returncode, receipt=receipt, words="")


def _told(diary: Diary, line: str) -> None:
    if line.startswith("SUSPENDED  "):
        diary.write("suspended", line=line, suspension=int(line.partition("(suspension ")[2].partition(",")[0]))


@contextmanager
def _command(arguments: list[str]) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", "import cli; cli.main()", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, preexec_fn=die_with_parent) as process:
        yield process


def status(diary: Diary, wait: bool) -> None:
    """`standfast crisis status`."""
    status_command.DRAIN_MARGIN_S = DRAIN_MARGIN_S  # type: ignore[attr-defined]  # the name it imports
    try:
        code, data, words = status_command.Status(essentials.load()).run(wait=wait)
    except Fault as error:
        return diary.write("no status", why=str(error))
    return diary.write("status", code=code, data=data, words=words)


def resume_all(diary: Diary, by_command: bool) -> None:
    """Ask for and lift one suspension after another until there is none; give up after eight that were void."""
    for _ in range(8):
        try:
            found = open_suspensions()
            if not found:
                return
            (lift_by_command if by_command else lift)(diary, found[0])
        except Fault as error:
            diary.write("not lifted", why=str(error))


def lift(diary: Diary, suspension: int) -> None:
    """`standfast resume` in both steps."""
    own = Resumption(essentials.load(), dict(os.environ))
    try:
        offer = own.ask("chaos", scope=None, suspension=suspension)
        diary.write("confirming", suspension=suspension)
        lifted = own.confirm(offer.code, "chaos")
        diary.write("lifted", suspension=suspension, epoch=lifted.epoch, held=lifted.held, warning=lifted.warning)
    finally:
        own.close()


def lift_by_command(diary: Diary, suspension: int) -> None:
    """`standfast resume` itself, in both steps."""
    with _command(["resume", "--reason", "chaos", "--suspension", str(suspension), "--json"]) as asking:
        offer = asking.communicate()[0]
    diary.write("confirming", suspension=suspension)
    with _command(["resume", "--confirm", json.loads(offer)["code"], "--reason", "chaos", "--json"]) as confirming:
        lifted = confirming.communicate()[0]
    if confirming.returncode:
        raise Fault(f"resume --confirm ended with {confirming.returncode}")
    told = json.loads(lifted)
    diary.write("lifted", suspension=suspension, epoch=told["epoch"], held=told["held"], warning=told["warning"])


def open_suspensions() -> list[int]:
    """The suspensions that are not lifted."""
    own = open_switch(essentials.load())
    try:
        with reading(own) as cursor:
            return [item.id for item in active(cursor, own.name)]
    finally:
        own.close()


def persist(engine: Engine, act: Callable[[Session], object]) -> None:
    """Do `act` in a write session, again when a machine that stands still let the database end it."""
    for left in reversed(range(TRIES)):
        try:
            with writing(engine) as session:
                act(session)
            break
        except StoreError:
            if not left:
                raise
    engine.dispose()


def add(diary: Diary, make: Callable[[], list[Post]]) -> None:
    """Queue posts; `diary` gets their ids, in order."""
    ids: list[int | None] = []

    def act(session: Session) -> None:
        rows = make()
        session.add_all(rows)
        session.flush()
        ids[:] = [row.id for row in rows]
        log.record(session, "ana", "post.add", f"{len(rows)} posts", {"ids": ids})  # by which the workers notice them

    persist(open_engine(essentials.load().database_url, busy_timeout_s=30), act)
    diary.write("added", posts=ids)


def cancel(diary: Diary, post: int) -> None:
    """`standfast post cancel`; refused when a worker has the post."""
    _verb(diary, "cancelled", lambda session: post_verbs.cancel(session, _request((post,))))


def release(diary: Diary, posts: tuple[int, ...]) -> None:
    """`standfast post release` of held posts, one by one: those with an open attempt are refused."""
    for post in posts:
        _verb(diary, "released", partial(_release, post))


def _release(post: int, session: Session) -> post_verbs.Done:
    return post_verbs.release(session, _request((post,)), 0)


def _request(posts: tuple[int, ...]) -> post_verbs.Request:
    return post_verbs.Request(post_selection.Wanted(posts), PERSON, series=True)


def _verb(diary: Diary, word: str, act: Callable[[Any], post_verbs.Done]) -> None:
    engine = open_engine(essentials.load().database_url)
    try:
        with writing(engine) as session:
            diary.write(f"{word}?")
            done = act(session)
        diary.write(word, posts=[item.id for item in done.changed])
    except (Fault, StoreError) as error:
        diary.write(f"not {word}", why=str(error))
    finally:
        engine.dispose()


def lose_gate(diary: Diary) -> None:
    """Delete the gate's row; what was being sent at that very moment is read in the same transaction."""
    _under_lock(diary, "gate lost", lambda cursor: cursor.execute("DELETE FROM gate"), lambda: None)


def lock_store(diary: Diary, seconds: float) -> None:
    """Keep the store's lock for some time: nobody can write, so nothing may be authorised."""
    _under_lock(diary, "store locked", lambda cursor: None, lambda: Event().wait(seconds))


def _under_lock(diary: Diary, word: str, act: Callable[[Any], object], hold: Callable[[], object]) -> None:
    engine: Engine = open_engine(essentials.load().database_url, busy_timeout_s=30)
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.exec_driver_sql("SET idle_in_transaction_session_timeout = 0")
            connection.commit()
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK_KEY})")
        cursor = connection.connection.cursor()
        cursor.execute("SELECT post_id FROM attempt WHERE state IN ('sending', 'unknown')")
        in_flight = [row[0] for row in cursor.fetchall()]
        act(cursor)
        locked_ns = clock.boot_ns()
        hold()
        open_ns = clock.boot_ns()
        connection.commit()
        diary.write(word, in_flight=in_flight, locked_ns=locked_ns, open_ns=open_ns)
    engine.dispose()
