"""Row 7: how long `standfast calendar sync` takes for a calendar of a hundred thousand entries, new and unchanged."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from bench import naive, probe, seed
from bench.bench import Bench
from bench.city import BenchCity, bench_city
from bench.figure import Figure, Result, median
from config import clock

AIMS = {"csv": 5.0, "yaml": 20.0, "xlsx": 20.0, "ics": 30.0}
UNCHANGED_S = 3.0
MISSING = ("xlsx", "ics")
"""Formats that the product cannot read yet: the page says so by name."""
NAIVE_ENTRIES = 2_000
BARE = {
    "csv": "import csv,sys; print(sum(1 for _ in csv.reader(open(sys.argv[1], encoding='utf-8'))))",
    "yaml": "import sys; from ruamel.yaml import YAML; print(len(YAML(typ='safe').load(open(sys.argv[1], 'rb'))['entries']))",
}
"""What only takes the file apart, in Python's own csv and in ruamel.yaml's fastest loader."""


def measure(bench: Bench, database: str) -> Result:
    """For each format: a new calendar and the same one again, in a store of its own each time."""
    entries, turns = bench.size(100_000, 200), bench.size(3, 1)
    figures: list[Figure] = []
    series: dict[str, list[float]] = {}
    for form in BARE:
        new, again = [], []
        for turn in range(turns):
            bench.tell(f"calendar, {database}: {form} {turn + 1} of {turns}")
            first, second = _synced(bench, database, form, entries)
            new.append(first)
            again.append(second)
        beside = _beside(bench, form, entries)
        figures += [
            Figure(
                f"sync of {entries:,} entries, {form.upper()}",
                database,
                median(new),
                "s",
                AIMS[form],
                runs=turns,
                beside=beside,
            ),
            Figure(f"the same again, unchanged, {form.upper()}", database, median(again), "s", UNCHANGED_S, runs=turns),
        ]
        series |= {f"{database}: {form} new": new, f"{database}: {form} unchanged": again}
    naive_s = _naive(bench, database, bench.size(NAIVE_ENTRIES, 50))
    figures[0] = Figure(**{**vars(figures[0]), "beside": f"{figures[0].beside}; {naive_s}"})
    return Result("calendar", figures, series)


def _synced(bench: Bench, database: str, form: str, entries: int) -> tuple[float, float]:
    """(seconds for the new calendar, for the unchanged one), whole processes."""
    with bench_city(bench.stores, database, 0) as city:
        file = city.city.calendars_dir / f"plan.{form}"
        WRITERS[form](file, entries)
        first = _sync(city)
        _expect(city, entries)
        second = _sync(city)
        _expect(city, entries)
    return first, second


def _sync(city: BenchCity) -> float:
    said = probe.run(city.city.command("calendar", "sync"), city.city.root, city.environ_of(seed.AUTHOR))
    if said.code:
        raise RuntimeError(f"the sync ended with {said.code}: {[line for _, line in said.lines[-5:]]}")
    return said.ended_s


def _expect(city: BenchCity, entries: int) -> None:
    with city.engine.connect() as connection:
        found = connection.execute(text("SELECT count(*) FROM post WHERE state = 'scheduled'")).scalar_one()
    if found != entries:
        raise RuntimeError(f"{found} posts are scheduled after a sync of {entries}")


def _moment(index: int) -> datetime:
    return datetime.fromtimestamp(clock.wall_us() // clock.SECOND, UTC).replace(microsecond=0) + timedelta(
        days=30, minutes=3 * index
    )


def _words(index: int) -> str:
    return f"Entry {index}: the reading room opens at ten, and the bus to Mill Street runs every quarter of an hour."


def write_csv(file: Path, entries: int) -> None:
    """A CSV calendar of `entries` posts over the first channels."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        stream.write(f"# owner: {seed.AUTHOR}\n# timezone: America/Chicago\n")
        writer = csv.writer(stream)
        writer.writerow(["id", "at", "channels", "text"])
        for index in range(entries):
            when = f"{_moment(index):%Y-%m-%d %H:%M}"
            writer.writerow([f"entry-{index}", when, seed.channel_name(index % 10), _words(index)])


def write_yaml(file: Path, entries: int) -> None:
    """The same calendar as YAML."""
    with file.open("w", encoding="utf-8") as stream:
        stream.write(f"owner: {seed.AUTHOR}\ntimezone: America/Chicago\nentries:\n")
        for index in range(entries):
            when = f"{_moment(index):%Y-%m-%d %H:%M}"
            stream.write(f"  - id: entry-{index}\n    at: {when}\n    channels: [{seed.channel_name(index % 10)}]\n")
            stream.write(f'    text: "{_words(index)}"\n')


WRITERS: dict[str, Callable[[Path, int], None]] = {"csv": write_csv, "yaml": write_yaml}


def _beside(bench: Bench, form: str, entries: int) -> str:
    """What a process takes that only takes the file apart."""
    file = bench.scratch / f"bare.{form}"
    WRITERS[form](file, entries)
    start = clock.boot_s()
    subprocess.run([sys.executable, "-c", BARE[form], str(file)], check=True, capture_output=True)
    file.unlink()
    return f"only parsed: {clock.boot_s() - start:.2g} s"


def _naive(bench: Bench, database: str, entries: int) -> str:
    """The naive design's way: a job for each entry, each added by itself."""
    bench.tell(f"calendar, {database}: the naive design")
    file = bench.scratch / "naive.csv"
    write_csv(file, entries)
    with bench.stores.empty(database) as url:
        naive.lay_down(url, 0)
        start = clock.boot_s()
        subprocess.run(naive.command("load", url, str(file)), check=True, capture_output=True, env=naive.environ())
        took = clock.boot_s() - start
    file.unlink()
    return f"naive: {entries:,} entries in {took:.2g} s"
