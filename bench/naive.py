"""The design that comes to mind first, kept to be measured beside ours: one APScheduler job per post, pause by a flag.

Every post is a job in APScheduler's own store, with its defaults; a job looks at the flag, sends, and marks the post. The
pause sets the flag and says so. Nothing here is used by the product.
"""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from threading import Thread
from typing import Annotated, Any

import typer
from sqlmodel import Field, Session, SQLModel, create_engine, select

from bench.seed import token_of
from bench.waiting import pause as let_pass
from config import clock
from tests.support.city import CHECKOUT

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
FAR = timedelta(days=30)
EVERY = timedelta(seconds=3)
FIRST = 1_000_000_000
"""The number of the first post that falls due in a run."""
WIDTH = 8
NOTICE_S = 0.2
COLUMNS = "apscheduler_jobs (id, next_run_time, job_state)"
INSERT = f"INSERT INTO {COLUMNS} VALUES (?, ?, ?)"  # noqa: S608 (constants only)
SCRIPT = "from bench import naive; naive.main()"
Address = Annotated[str, typer.Argument()]


class NaiveFlag(SQLModel, table=True):
    """One row: is publishing paused?"""

    __tablename__ = "naive_flag"

    id: int = Field(primary_key=True)
    paused: bool = False


class NaivePost(SQLModel, table=True):
    """A post that falls due in a run."""

    __tablename__ = "naive_post"

    id: int = Field(primary_key=True)
    channel: int
    text: str
    state: str = "scheduled"


def environ() -> dict[str, str]:
    """The environment in which its processes find this package."""
    return {**os.environ, "PYTHONPATH": str(CHECKOUT)}


def command(verb: str, url: str, *more: str) -> list[str]:
    """The command line of a process of the naive design."""
    return [sys.executable, "-c", SCRIPT, verb, url, *more]


@dataclass
class Running:
    """A process of the naive design: `ready_s` from its start to its word that it is ready."""

    process: subprocess.Popen[str]
    ready_s: float


@contextmanager
def running(url: str, sandbox: str) -> Iterator[Running]:
    """The naive daemon, ready; ended with the block."""
    start = clock.boot_s()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command("daemon", url, sandbox),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            env=environ(),
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            while "READY" not in (line := process.stdout.readline()):
                if not line:
                    raise RuntimeError("the naive daemon did not start")
            yield Running(process, clock.boot_s() - start)
        finally:
            process.stdin.close()
            process.stdout.close()
            process.kill()
            process.wait()


def await_moment(moment: datetime, more_s: float) -> None:
    """Return `more_s` seconds after `moment` of wall time."""
    let_pass(max(0.0, (clock.from_datetime(moment) - clock.wall_us()) / clock.SECOND) + more_s)


# --- the program ------------------------------------------------------------------------------------------------------


@app.command()
def pause(url: Address) -> None:
    """Set the flag, and say so."""
    with Session(create_engine(url)) as session:
        flag = session.exec(select(NaiveFlag)).one()
        flag.paused = True
        session.add(flag)
        session.commit()
    print("PAUSED", flush=True)


@app.command()
def daemon(url: Address, sandbox: Address) -> None:
    """Run the jobs until the standard input closes."""
    from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
    from apscheduler.schedulers.background import BackgroundScheduler

    _Place.url, _Place.sandbox = url, sandbox
    scheduler = BackgroundScheduler(jobstores={"default": SQLAlchemyJobStore(url=url)}, timezone=UTC)
    scheduler.start()
    print("READY", flush=True)
    closed = Thread(target=sys.stdin.read, daemon=True)
    closed.start()
    while closed.is_alive():  # jobs that another process added are noticed, as ours are
        closed.join(NOTICE_S)
        scheduler.wakeup()
    scheduler.shutdown(wait=False)


@app.command()
def load(url: Address, file: Address) -> None:
    """Read a calendar in CSV and add a job for each entry, as anybody would write it."""
    import csv

    from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
    from apscheduler.schedulers.background import BackgroundScheduler

    scheduler = BackgroundScheduler(jobstores={"default": SQLAlchemyJobStore(url=url)}, timezone=UTC)
    scheduler.start(paused=True)
    with open(file, encoding="utf-8", newline="") as stream, Session(create_engine(url)) as session:  # noqa: PTH123
        rows = csv.DictReader(line for line in stream if not line.startswith("#"))
        for number, row in enumerate(rows, start=1):
            session.add(NaivePost(id=number, channel=number % 10, text=row["text"]))
            moment = datetime.fromisoformat(row["at"]).replace(tzinfo=UTC)
            session.commit()
            scheduler.add_job(send, "date", run_date=moment, args=[str(number)], id=str(number))
    scheduler.shutdown()


class _Place:
    url = ""
    sandbox = ""


@cache
def _engine() -> Any:
    return create_engine(_Place.url, connect_args={"timeout": 30} if _Place.url.startswith("sqlite") else {})


def send(number: str) -> None:
    """The job: look at the flag, send, mark the post."""
    with Session(_engine()) as session:
        if session.exec(select(NaiveFlag)).one().paused:
            return
        post = session.get_one(NaivePost, int(number))
        client(post.channel, _Place.sandbox).create_tweet(text=post.text)
        post.state = "published"
        session.add(post)
        session.commit()


def work_once(url: str, call: Callable[[], None]) -> bool:
    """True after one post of a worker that checks the flag and then acts; False when it is paused."""
    _Place.url = url
    with Session(_engine()) as session:
        if session.exec(select(NaiveFlag)).one().paused:
            return False
    call()
    with Session(_engine()) as session:
        session.add(NaivePost(id=uuid.uuid4().int >> 98, channel=0, text="x", state="published"))
        session.commit()
    return True


def set_flag(url: str, paused: bool) -> None:
    """Pause or go on."""
    engine = create_engine(url, connect_args={"timeout": 30} if url.startswith("sqlite") else {})
    with Session(engine) as session:
        flag = session.exec(select(NaiveFlag)).one()
        flag.paused = paused
        session.add(flag)
        session.commit()
    engine.dispose()


@cache
def client(channel: int, sandbox: str) -> Any:
    """A tweepy client of a channel that calls `sandbox` where tweepy would call X; it keeps its connection."""
    import tweepy

    made = tweepy.Client(
        consumer_key="key",
        consumer_secret="secret",  # noqa: S106 (made up)
        access_token=token_of(channel),
        access_token_secret="secret",  # noqa: S106 (made up)
    )
    real = made.session.request

    def request(method: str, url: str, **named: Any) -> Any:
        return real(method, url.replace("https://api.twitter.com", sandbox), **named)

    made.session.trust_env = False
    made.session.request = request
    return made


# --- its store --------------------------------------------------------------------------------------------------------


def lay_down(url: str, jobs: int) -> None:
    """Tables, an open flag, and `jobs` jobs a month ahead."""
    from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore

    engine = create_engine(url)
    SQLModel.metadata.create_all(engine, [SQLModel.metadata.tables[name] for name in ("naive_flag", "naive_post")])
    SQLAlchemyJobStore(engine=engine).jobs_t.create(engine, checkfirst=True)
    with Session(engine) as session:
        session.add(NaiveFlag(id=1))
        session.commit()
    if jobs:
        _fill(engine, _states(jobs))
    engine.dispose()


def queue(url: str, moments: Sequence[datetime], channels: int, words: str) -> None:
    """A post and its job for each moment, round robin over the channels; the text is `words` and the post's number."""
    engine = create_engine(url)
    first = FIRST
    with Session(engine) as session:
        session.add_all(
            NaivePost(id=first + index, channel=index % channels, text=f"{words} {first + index}")
            for index in range(len(moments))
        )
        session.commit()
    jobs = [
        (f"n{first + index}", moment.timestamp(), _state(f"n{first + index}", moment))
        for index, moment in enumerate(moments)
    ]
    _fill(engine, iter(jobs))
    engine.dispose()


def _state(name: str, moment: datetime) -> bytes:
    """A job as APScheduler keeps it, with its defaults."""
    from apscheduler.job import Job
    from apscheduler.schedulers.background import BackgroundScheduler
    from apscheduler.triggers.date import DateTrigger

    job = Job(
        BackgroundScheduler(timezone=UTC),
        id=name,
        trigger=DateTrigger(moment, UTC),
        executor="default",
        func=send,
        args=(name.removeprefix("n"),),
        kwargs={},
        name="send",
        misfire_grace_time=1,
        coalesce=True,
        max_instances=1,
        next_run_time=moment,
    )
    return pickle.dumps(job.__getstate__(), pickle.HIGHEST_PROTOCOL)


def _states(jobs: int) -> Iterator[tuple[str, float, bytes]]:
    """(id, next run, state) of jobs a month ahead; only the number in the state differs, for none of them will run."""
    first = datetime.now(UTC) + FAR
    mark = "0" * WIDTH
    state = _state(f"n{mark}", first)
    for index in range(jobs):
        name = f"{index:0{WIDTH}d}"
        yield f"n{name}", (first + index * EVERY).timestamp(), state.replace(mark.encode(), name.encode())


def _fill(engine: Any, rows: Iterator[tuple[str, float, bytes]]) -> None:
    raw = engine.raw_connection()
    try:
        cursor = raw.cursor()
        if engine.dialect.name == "sqlite":
            cursor.executemany(INSERT, rows)
        else:
            with cursor.copy(f"COPY {COLUMNS} FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        raw.commit()
    finally:
        raw.close()


def main() -> None:
    """Run the program."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    app()
