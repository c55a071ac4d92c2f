"""What every process of a trial would do for itself, done once before all are forked: imports, compiled statements, caches."""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from threading import Event, Thread
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import LRUCache
from sqlmodel import create_engine

from config import clock
from sandbox.client import Client
from store import engine as store_engine
from tests.chaos import acts, desk, exercises, lane, stage, worker
from tests.chaos.draw import draw
from tests.chaos.plan import Native, PlannedPost
from tests.chaos.trial import Bench, Trial
from tests.chaos.worker import Config, read_diary

LATE_IMPORTS = (
    "commands.drill",
    "connectors.facebook",
    "connectors.x",
    "scheduler.settling",
    "scheduler.switch_postgres",
    "scheduler.switch_sqlite",
)
"""What the product imports when it is needed; one of them compiles patterns for half a second."""
COMPILED: Any = LRUCache(2000)
PUBLISHED_WITHIN_S = 60.0


def share_compiled_statements() -> None:
    """Let all engines of a dialect use one cache of compiled statements: each would make its own from nothing."""
    for kind in (SQLiteDialect_pysqlite, PGDialect_psycopg):
        kind.__eq__ = lambda self, other: type(self) is type(other)  # type: ignore[method-assign]  # one cache key per dialect
        kind.__hash__ = lambda self: hash(type(self))  # type: ignore[method-assign]  # one cache key per dialect
    store_engine.create_engine = _create_engine  # type: ignore[attr-defined]  # the name it imports


def _create_engine(*given: Any, **named: Any) -> Engine:
    made = create_engine(*given, **named)
    made._compiled_cache = COMPILED
    return made


def rehearse(url: str, folder: Path, box: Client) -> None:
    """Publish, suspend, resume and work with posts once, in this process, which has no other threads before and after."""
    for module in LATE_IMPORTS:
        import_module(module)
    kept, here = dict(os.environ), Path.cwd()
    trial = Trial(draw(0, "quiet twin"), url, folder, Bench(box))
    trial._set_up()
    stop = Event()
    config = Config("rehearsal", str(folder / "workers.jsonl"), "")
    daemon = Thread(target=worker.serve, args=(config, trial.memory, stop))
    daemon.start()
    try:
        _people(trial)
    finally:
        stop.set()
        daemon.join()
        os.chdir(here)
        os.environ.clear()
        os.environ.update(kept)


STALLED = ("does not answer", "is locked by another")


def _people(trial: Trial) -> None:
    now, diary = clock.wall_us(), trial._note()
    posts = [PlannedPost(name, 0.1 + 600 * far) for name in trial.plan.channels for far in (0, 0, 1, 1)]
    rows = lambda: [stage.post(item, f"{trial.tag}-{number}", now) for number, item in enumerate(posts)]  # noqa: E731
    desk.add(diary, rows)
    _until(lambda: len([a for a in trial.bench.box.arrivals() if a.text.startswith(trial.tag)]) >= len(posts) // 2)
    trial._lay(Native("facebook1", 0, 600), f"{trial.tag}-n0")
    acts.stop(diary, "all", True)
    lane.flare(diary, {name: f"{trial.tag}-e{name} Boil water." for name in trial.plan.channels})
    lane.sweep(diary)
    for verb in ("edit", "reschedule", "cancel"):
        desk.do(diary, verb, verb)
    acts.status(diary, True)
    acts.resume_all(diary, False)
    exercises.drill(diary, "all")
    acts.resume_all(diary, False)
    desk.release_all(diary)
    trial._evidence(True)
    refused = [line for line in read_diary(trial.people) if line["what"].startswith("not ")]
    # A machine that stalls for a second ends a session by the protocol's own rule; what was to be warmed is warm all the same.
    wrong = [line for line in refused if not any(words in json.dumps(line) for words in STALLED)]
    assert wrong == [], wrong


def _until(done: Callable[[], bool]) -> None:
    until = clock.boot_s() + PUBLISHED_WITHIN_S
    while not done():
        if clock.boot_s() > until:
            raise TimeoutError("the rehearsal published nothing")
        Event().wait(0.05)


def freeze() -> None:
    """Leave what is there out of all garbage collections to come; a process of a trial lives too short for its own."""
    gc.collect()
    gc.freeze()
    gc.disable()
