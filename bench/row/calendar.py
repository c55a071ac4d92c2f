"""Row 7: how long `standfast calendar sync` takes for a hundred thousand entries: new, unchanged, and with a few changes."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from bench import lock_wait, naive, probe, seed
from bench.bench import Bench
from bench.city import BenchCity, bench_city
from bench.figure import Figure, Result, median, number
from config import clock

AIMS = {"csv": 5.0, "yaml": 20.0, "xlsx": 20.0, "ics": 30.0}
UNCHANGED_S = 3.0
MISSING = ("xlsx", "ics")
"""Formats that the product cannot read yet: the page says so by name."""
WHAT = ("new", "unchanged", "few")
CHANGED = 100
NAIVE_ENTRIES = 2_000
BARE = {
    "csv": "import csv,sys; print(sum(1 for _ in csv.reader(open(sys.argv[1], encoding='utf-8'))))",
    "yaml": "import sys; from ruamel.yaml import YAML; print(len(YAML(typ='safe').load(open(sys.argv[1], 'rb'))['entries']))",
}
"""What only takes the file apart, in Python's own csv and in ruamel.yaml's fastest loader."""


def measure(bench: Bench, database: str) -> Result:
    """For each format: a new calendar, the same one again, and a few changes, in a store of its own each time."""
    entries, turns = bench.size(100_000, 200), bench.size(3, 1)
    figures: list[Figure] = []
    series: dict[str, list[float]] = {}
    for form in BARE:
        made = []
        for turn in range(turns):
            bench.tell(f"calendar, {database}: {form} {turn + 1} of {turns}")
            made.append(_synced(bench, database, form, entries))
        found = {what: [sync[what] for sync in made] for what in WHAT}
        figures += _figures(database, form, entries, found, _beside(bench, form, entries))
        series |= {f"{database}: {form} {what}": [sync.s for sync in syncs] for what, syncs in found.items()}
    naive_s = _naive(bench, database, bench.size(NAIVE_ENTRIES, 50))
    figures[0] = Figure(**{**vars(figures[0]), "beside": f"{figures[0].beside}; {naive_s}"})
    return Result("calendar", figures, series)


@dataclass(frozen=True)
class Sync:
    """A sync's whole process: `wait_s` is the longest that a stop waited for the store's lock meanwhile."""

    s: float
    cpu_s: float
    peak_mb: float
    wait_s: float


def _figures(database: str, form: str, entries: int, found: dict[str, list[Sync]], beside: str) -> Iterator[Figure]:
    told = {
        "new": f"sync of {entries:,} entries",
        "unchanged": "the same again, unchanged",
        "few": f"{CHANGED} changed",
    }
    for what, syncs in found.items():
        cost = f"{number(median([sync.cpu_s for sync in syncs]), 's')} CPU, {number(max(sync.peak_mb for sync in syncs), 'MB')}"
        words = f"{beside}; {cost}" if what == "new" else cost
        aim = AIMS[form] if what == "new" else UNCHANGED_S if what == "unchanged" else None
        took = median([sync.s for sync in syncs])
        yield Figure(f"{told[what]}, {form.upper()}", database, took, "s", aim, runs=len(syncs), beside=words)
        longest = max(sync.wait_s for sync in syncs)
        yield Figure("… a stop's longest wait for the lock", database, longest, "s", runs=len(syncs))


def _synced(bench: Bench, database: str, form: str, entries: int) -> dict[str, Sync]:
    """The new calendar, the unchanged one, and one with a few changes; whole processes."""
    with bench_city(bench.stores, database, 0) as city:
        file, begins = city.city.calendars_dir / f"plan.{form}", _begins()
        made = {}
        for what in WHAT:
            if what != "unchanged":
                WRITERS[form](file, entries, begins, CHANGED if what == "few" else 0)
            made[what] = _sync(city)
            _expect(city, entries)
    return made


def _sync(city: BenchCity) -> Sync:
    command, environ = city.city.command("calendar", "sync"), city.environ_of(seed.AUTHOR)
    with lock_wait.beside(city.city.url) as waits:
        said = probe.run(command, city.city.root, environ)
    if said.code:
        raise RuntimeError(f"the sync ended with {said.code}: {[line for _, line in said.lines[-5:]]}")
    return Sync(said.ended_s, said.cpu_s, said.peak_mb, max(waits))


def _expect(city: BenchCity, entries: int) -> None:
    with city.engine.connect() as connection:
        found = connection.execute(text("SELECT count(*) FROM post WHERE state = 'scheduled'")).scalar_one()
    if found != entries:
        raise RuntimeError(f"{found} posts are scheduled after a sync of {entries}")


def _begins() -> datetime:
    """When the first entry goes out: none falls due in a run."""
    return datetime.fromtimestamp(clock.wall_us() // clock.SECOND, UTC).replace(microsecond=0) + timedelta(days=30)


def _words(index: int, changed: int) -> str:
    greeting = "Changed" if index < changed else "Entry"
    return (
        f"{greeting} {index}: the reading room opens at ten, and the bus to Mill Street runs every quarter of an hour."
    )


def write_csv(file: Path, entries: int, begins: datetime, changed: int = 0) -> None:
    """A CSV calendar of `entries` posts over the first channels, the first `changed` of them with other words."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        stream.write(f"# owner: {seed.AUTHOR}\n# timezone: America/Chicago\n")
        writer = csv.writer(stream)
        writer.writerow(["id", "at", "channels", "text"])
        for index in range(entries):
            when = f"{begins + timedelta(minutes=3 * index):%Y-%m-%d %H:%M}"
            writer.writerow([f"entry-{index}", when, seed.channel_name(index % 10), _words(index, changed)])


def write_yaml(file: Path, entries: int, begins: datetime, changed: int = 0) -> None:
    """The same calendar as YAML."""
    with file.open("w", encoding="utf-8") as stream:
        stream.write(f"owner: {seed.AUTHOR}\ntimezone: America/Chicago\nentries:\n")
        for index in range(entries):
            when = f"{begins + timedelta(minutes=3 * index):%Y-%m-%d %H:%M}"
            stream.write(f"  - id: entry-{index}\n    at: {when}\n    channels: [{seed.channel_name(index % 10)}]\n")
            stream.write(f'    text: "{_words(index, changed)}"\n')


WRITERS: dict[str, Callable[..., None]] = {"csv": write_csv, "yaml": write_yaml}


def _beside(bench: Bench, form: str, entries: int) -> str:
    """What a process takes that only takes the file apart."""
    file = bench.scratch / f"bare.{form}"
    WRITERS[form](file, entries, _begins())
    start = clock.boot_s()
    subprocess.run([sys.executable, "-c", BARE[form], str(file)], check=True, capture_output=True)
    file.unlink()
    return f"only parsed: {clock.boot_s() - start:.2g} s"


def _naive(bench: Bench, database: str, entries: int) -> str:
    """The naive design's way: a job for each entry, each added by itself."""
    bench.tell(f"calendar, {database}: the naive design")
    file = bench.scratch / "naive.csv"
    write_csv(file, entries, _begins())
    with bench.stores.empty(database) as url:
        naive.lay_down(url, 0)
        start = clock.boot_s()
        subprocess.run(naive.command("load", url, str(file)), check=True, capture_output=True, env=naive.environ())
        took = clock.boot_s() - start
    file.unlink()
    return f"naive: {entries:,} entries in {took:.2g} s"
