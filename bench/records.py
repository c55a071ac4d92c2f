"""Search over a million records, and a package of a hundred thousand posts: ``python -m bench.records [--quick]``.

Records and index rows are laid down by the database; what a search or an export does with them is the product's own code.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy import Engine, text

from bench import probe, record_seed, seed
from bench.bench import Bench
from bench.city import BenchCity, bench_city
from bench.figure import AT_LEAST, Figure, median, number, percentile
from bench.record_seed import EVERY_US
from bench.store import BOTH, Stores
from config import clock
from records import archive, index, search
from records.keep import About, document
from records.wish import Wish
from store.engine import writing

SEARCH_MS, EXPORT_S, GROWTH = 300.0, 300.0, 1.5
RECORDS, POSTS, INDEXED = 1_000_000, 100_000, 20_000
TURNS = 7
OFFICER = "rita"
FURNISHED = "UPDATE post SET text = text || ' ' || id, state = CASE WHEN id % 3 = 0 THEN 'held' ELSE 'published' END"


def wishes(count: int) -> dict[str, Wish]:
    """What is searched for: common and rare words, with and without the rest."""
    end = clock.wall_us()
    start = end - count * EVERY_US // 2
    return {
        "a common word": Wish("pool"),
        "a rare word": Wish("w4711"),
        "two words": Wish("pool seldom"),
        "a phrase": Wish('"pool library"'),
        "the beginning of a word": Wish("seld*"),
        "a word of long ago": Wish("bygone"),
        "a common word on one channel": Wish("library", channel=seed.channel_name(7)),
        "a common word in a span": Wish("library", since=start, until=start + 90 * 86_400 * clock.SECOND),
        "a rare word on one channel in a span": Wish("seldom", start, end, seed.channel_name(7)),
        "a common word and a state": Wish("daily", state="held"),
        "a word that is nowhere": Wish("nowhere"),
    }


def searches(bench: Bench, database: str) -> Iterator[Figure]:
    """How long each search takes in a process that has looked before, excerpts and all."""
    count = bench.size(RECORDS, 1_000)
    with bench_city(bench.stores, database, 0) as city:
        bench.tell(f"search, {database}: {count} records are laid down")
        record_seed.lay_down(city.engine, count)
        for name, wish in wishes(count).items():
            took = [_took(city.engine, wish) for _ in range(bench.size(TURNS, 1))]
            beside = f"p99 {number(percentile(took, 0.99), 'ms')}"
            yield Figure(f"search: {name}", database, median(took), "ms", SEARCH_MS, runs=len(took), beside=beside)
        yield _indexing(bench, database, city.engine)


def _took(engine: Engine, wish: Wish) -> float:
    start = clock.boot_s()
    search.found(engine, wish, 50)
    return (clock.boot_s() - start) * 1000


def _indexing(bench: Bench, database: str, engine: Engine) -> Figure:
    """How fast the index takes in what the archive has named."""
    count = bench.size(INDEXED, 100)
    with writing(engine) as session:
        for place in range(count):
            said = {"text": f"A new text about the pool, number {place}", "author": "ann"}
            document(session, About("inbound", "x", place), said)
    archive.catch_up(engine, Path("/nowhere"))
    start = clock.boot_s()
    index.catch_up(engine)
    return Figure("texts taken into the index", database, count / (clock.boot_s() - start), "a second", runs=count)


def packages(bench: Bench, database: str) -> Iterator[Figure]:
    """A package of many posts, by the command; memory beside that of a tenth of them."""
    posts = bench.size(POSTS, 100)
    peaks = []
    for count in (posts // 10, posts):
        with bench_city(bench.stores, database, 0) as city:
            bench.tell(f"export, {database}: {count} posts")
            said = _exported(city, count)
        peaks.append(said.peak_mb)
        took = said.ended_s
    yield Figure(f"export of {posts:,} posts", database, took, "s", EXPORT_S, beside=f"peak {peaks[1]:.0f} MB")
    yield Figure(
        "memory of ten times the posts", database, peaks[1] / peaks[0], "×", GROWTH, beside=f"of {peaks[0]:.0f} MB"
    )
    yield Figure("posts exported", database, posts / took, "a second", posts / EXPORT_S, AT_LEAST)


def _exported(city: BenchCity, count: int) -> probe.Said:
    first = clock.wall_us() - count * EVERY_US
    seed.queue(city.engine, count, first_us=first, every_us=EVERY_US)
    with city.engine.begin() as connection:
        connection.execute(text(FURNISHED))
    archive.catch_up(city.engine, city.essential.data_dir / "media")
    index.catch_up(city.engine)
    seed.add_person(city.engine, OFFICER, "records_officer")
    line = city.city.command(
        "records", "export", "--to", str(city.city.root / "package"), "--request", "1", "--series", "post"
    )
    said = probe.run(line, city.city.root, city.environ_of(OFFICER))
    if said.code:
        raise RuntimeError(f"the export ended with {said.code}: {said.lines}")
    return said


PARTS = {"search": searches, "export": packages}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 1 when an aim is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.records", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="small sizes: does the harness work?")
    parser.add_argument("--databases", default=",".join(BOTH), help=f"of {', '.join(BOTH)}")
    parser.add_argument("--only", choices=[*PARTS], help="one of the two")
    asked = parser.parse_args(arguments)
    scratch = Path(tempfile.mkdtemp(prefix="standfast-bench-"))
    scratch.chmod(0o755)
    stores = Stores(scratch)
    figures: list[Figure] = []
    try:
        bench = Bench(stores, asked.quick, lambda line: print(f"  {line}", file=sys.stderr, flush=True))
        for database in asked.databases.split(","):
            for name, part in PARTS.items():
                for figure in part(bench, database) if asked.only in (None, name) else ():
                    figures.append(figure)
                    _print(figure)
    finally:
        stores.close()
        shutil.rmtree(scratch, ignore_errors=True)
    return int(not asked.quick and any(figure.met is False for figure in figures))


def _print(figure: Figure) -> None:
    told = (figure.database, figure.what, figure.words(), figure.aim_words(), figure.verdict, figure.beside)
    print("  ".join(filter(None, told)), flush=True)


if __name__ == "__main__":
    sys.exit(main())
