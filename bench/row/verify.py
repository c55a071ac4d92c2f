"""Row 9: the verification of many records with their contents, beside a bare loop that hashes the same bytes."""

from __future__ import annotations

import hashlib
import resource
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from bench import seed
from bench.bench import Bench
from bench.figure import AT_LEAST, Figure, Result, median, spread
from config import clock
from records import archive, keep, seal, verify_all
from records.keep import About
from store import migration
from store.engine import open_engine, reading, writing

A_SECOND, OF_BARE = 50_000, 0.5
RECORDS, STEP = 1_000_000, 5000
SAMPLE = 20_000
"""Records whose bytes the bare loop has in memory: it hashes them again until it has hashed as many as there are."""
CONTENT: dict[str, Any] = {
    "text": seed.TEXT,
    "media": [],
    "tags": [],
    "share_of": "",
    "source_checked": False,
    "content_hash": "0" * 64,
    "local_time": "2026-12-01 09:00",
    "zone": "UTC",
    "lateness_us": 1800 * clock.SECOND,
    "author": seed.AUTHOR,
    "file": None,
    "entry": None,
}


def measure(bench: Bench, database: str) -> Result:
    """Verifications and bare loops in turn."""
    count, turns = bench.size(RECORDS, 1000), bench.size(3, 1)
    bare, turned = list[float](), list[_Turn]()
    with bench.stores.empty(database) as url:
        engine = open_engine(url, busy_timeout_s=60)
        try:
            bench.tell(f"records, {database}: making {count}")
            _make(engine, count, bench.scratch)
            sample = _sample(engine)
            for turn in range(turns):
                bench.tell(f"records, {database}: turn {turn + 1} of {turns}")
                bare.append(_bare(sample, count))
                turned.append(_verified(engine, count, bench.scratch))
        finally:
            engine.dispose()
    return _result(database, count, turned, bare)


def _make(engine: Engine, count: int, folder: Path) -> None:
    """Records of posts, and the chain's entries that name them."""
    migration.initialise(engine)
    for first in range(1, count + 1, STEP):
        with writing(engine) as session:
            keep.documents(session, [_one(number) for number in range(first, min(first + STEP, count + 1))])
    archive.catch_up(engine, folder)
    if engine.dialect.name == "postgresql":  # as a server's own housekeeping would have done meanwhile
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")


def _one(number: int) -> tuple[About, dict[str, Any]]:
    channel = seed.channel_name(number % seed.CHANNELS)
    about = About("post", f"post {number}", number, seed.AUTHOR, channel, number)
    return about, {**CONTENT, "post": number, "channel": channel, "by": seed.AUTHOR, "at": number, "due_at": number}


def _sample(engine: Engine) -> list[bytes]:
    """The bytes that are hashed of some records: of each its own, and its content's."""
    fields = ", ".join(f"r.{name}" for name in seal.FIELDS)
    query = f"""SELECT c.body, {fields} FROM record r JOIN record_content c ON c.sha256 = r.sha256
      ORDER BY r.id LIMIT {SAMPLE}"""  # noqa: S608 (constants only)
    found: list[bytes] = []
    with reading(engine) as session:
        for body, *values in session.connection().exec_driver_sql(query):
            found += [seal.bytes_of_record(values), bytes(body)]
    return found


def _bare(sample: list[bytes], count: int) -> float:
    """Seconds for a loop over the bytes of `count` records."""
    start, left = clock.boot_s(), 2 * count
    while left > 0:
        for body in sample[:left]:
            hashlib.sha256(body).hexdigest()
        left -= len(sample)
    return clock.boot_s() - start


@dataclass(frozen=True)
class _Turn:
    """One verification: its time, the process's own time on a core (s), and the growth of its memory (MB)."""

    took_s: float
    cpu_s: float
    grown_mb: float


def _verified(engine: Engine, count: int, folder: Path) -> _Turn:
    """One verification. Raises RuntimeError when it finds a fault, or fewer records."""
    before, start = resource.getrusage(resource.RUSAGE_SELF), clock.boot_s()
    found = verify_all.look(engine, folder)
    took, after = clock.boot_s() - start, resource.getrusage(resource.RUSAGE_SELF)
    if not found.ok or found.records != count:
        raise RuntimeError(f"{found.records} of {count} records are whole: {found.reason}")
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return _Turn(took, cpu_s, (after.ru_maxrss - before.ru_maxrss) * 1024 / 1e6)


def _result(database: str, count: int, turned: list[_Turn], bare: list[float]) -> Result:
    ours = [turn.took_s for turn in turned]
    rate, own = count / median(ours), count / median(bare)
    share = rate / own
    reached = max(rate / A_SECOND, share / OF_BARE)
    beside = f"{rate:.0f} records a second; bare loop {own:.0f}, ratio {share:.2f}"
    runs = len(ours)
    cpu = f"{spread(ours, 's')}; {median([turn.cpu_s for turn in turned]):.1f} s of this process's own on a core"
    figures = [
        Figure(
            f"of {A_SECOND} records a second, or half a bare loop", database, reached, "×", 1.0, AT_LEAST, runs, beside
        ),
        Figure(f"{count} records verified", database, median(ours), "s", runs=runs, beside=cpu),
        Figure(
            "growth of memory in a verification", database, max(turn.grown_mb for turn in turned), "MB", 32.0, runs=runs
        ),
    ]
    return Result("records", figures, {f"{database}: verify": ours, f"{database}: bare loop": bare})
