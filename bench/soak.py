"""An hour of the daemon with a million queued posts and a post every few seconds: does its memory grow?

``python -m bench.soak --database sqlite --minutes 60 --out FILE`` writes a line every ten seconds: seconds since the daemon
was ready, resident MB, open files, threads, posts sent. The daemon row reads these samples.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from bench import machine, seed
from bench.arrival import Tail
from bench.city import BenchCity, bench_city, resident_mb
from bench.figure import Figure, median
from bench.store import BOTH, Stores
from bench.waiting import pause
from config import clock
from store.engine import StoreError
from tests.support.city import CHECKOUT

EVERY_S, POST_EVERY_S = 10.0, 3.0
SETTLED_S = 600.0
"""The first ten minutes do not count: libraries, caches and the allocator's arenas are still being filled."""
GROWTH_MB = 2.0
COLUMNS = ("seconds", "resident_mb", "files", "threads", "sent")
FOLDER = CHECKOUT / "docs" / "benchmarks"


def samples_file(database: str) -> Path:
    """Where the samples of a soak are kept."""
    return FOLDER / f"soak-{database}.csv"


def read(file: Path) -> list[tuple[float, ...]]:
    """The samples, oldest first; none when there is no file."""
    if not file.exists():
        return []
    rows = csv.reader(line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    return [tuple(map(float, row)) for row in list(rows)[1:]]


def begun(file: Path) -> str:
    """When and on which commit a soak was begun, as its file says."""
    return file.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")


def figures(database: str) -> list[Figure]:
    """The growth that a soak showed, in the last ten minutes against the first ten that count; nothing without one."""
    samples = [row for row in read(samples_file(database)) if row[0] >= SETTLED_S]
    if not samples:
        return []
    last = samples[-1][0]
    early = [row[1] for row in samples if row[0] <= SETTLED_S + 600]
    late = [row[1] for row in samples if row[0] >= last - 600]
    growth = median(late) - median(early)
    since = f"begun {begun(samples_file(database))}"
    beside = f"{since}: {median(early):.1f} MB, then {median(late):.1f} MB; {samples[-1][4]:.0f} posts sent"
    what = f"growth of resident memory over {last / 60:.0f} minutes"
    return [Figure(what, database, growth, "MB", GROWTH_MB, runs=len(samples), beside=beside)]


def soak(city: BenchCity, minutes: float, out: Path) -> None:
    """Sample the daemon for `minutes`, queueing a post on the next channel every few seconds."""
    daemon = city.start_daemon()
    tail, sent, start = Tail(city.sandbox.log), 0, clock.boot_s()
    next_sample = next_post = start
    number = 0
    with out.open("w", encoding="utf-8", newline="") as stream:
        stream.write(f"# {clock.to_text(clock.wall_us())[:16]}Z, commit {machine.commit()}\n")
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        while (now := clock.boot_s()) < start + minutes * 60:
            if now >= next_post:
                next_post += POST_EVERY_S
                number += 1
                with suppress(StoreError):  # a machine that stalled: the daemon is what is watched
                    city.queue_one(number % seed.CHANNELS, f"soak {number}", clock.wall_us() + clock.SECOND)
            if now >= next_sample:
                next_sample += EVERY_S
                sent += len(tail.drain("soak"))
                writer.writerow(_sample(daemon.process.pid, now - start, sent))
                stream.flush()
            pause(max(0.0, min(next_post, next_sample) - clock.boot_s()))


def _sample(pid: int, seconds: float, sent: int) -> Sequence[object]:
    files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    threads = len(list(Path(f"/proc/{pid}/task").iterdir()))
    return f"{seconds:.1f}", f"{resident_mb(pid):.3f}", files, threads, sent


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a soak; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--database", choices=BOTH, default=BOTH[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--posts", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    scratch = Path(tempfile.mkdtemp(prefix="standfast-soak-"))
    out = options.out or samples_file(options.database)
    stores = Stores(scratch)
    try:
        with bench_city(stores, options.database, options.posts) as city:
            soak(city, options.minutes, out)
    finally:
        stores.close()
        shutil.rmtree(scratch, ignore_errors=True)
    rows = read(out)
    print(
        f"soak: {options.database}, {rows[-1][0] / 60:.0f} minutes, {rows[-1][4]:.0f} posts sent, {len(rows)} samples"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
