"""``python -m bench [--rows NAMES] [--quick] [--out FOLDER]``: measure, write the page, end with one summary line.

The exit code is 0 when every aim is met, 1 when one is missed or a row could not be measured. A quick run proves only that
the harness works: its sizes are small, its aims are shown and not judged.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import machine, page
from bench.bench import Bench
from bench.figure import Result
from bench.rows import ROWS
from bench.store import BOTH, Stores
from config import clock
from tests.support.city import CHECKOUT


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks; the exit code."""
    options = _parse(arguments)
    _forget_settings()
    scratch = Path(tempfile.mkdtemp(prefix="standfast-bench-"))
    scratch.chmod(0o755)
    stores = Stores(scratch)
    start = clock.boot_s()
    try:
        bench = Bench(stores, options.quick, lambda line: print(f"  {line}", file=sys.stderr, flush=True))
        results = [_measured(bench, row, database) for row in options.rows for database in options.databases]
        about = machine.described(scratch, stores.postgres_version() if "postgresql" in options.databases else "")
    finally:
        stores.close()
        shutil.rmtree(scratch, ignore_errors=True)
    page.write(options.out, results, about, quick=options.quick)
    return _summary(results, clock.boot_s() - start, quick=options.quick)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--rows", type=_listed(tuple(ROWS)), default=list(ROWS), help=f"of {', '.join(ROWS)}")
    parser.add_argument("--databases", type=_listed(BOTH), default=list(BOTH), help=f"of {', '.join(BOTH)}")
    parser.add_argument("--quick", action="store_true", help="small sizes: does the harness work?")
    parser.add_argument("--out", type=Path, help="where the page is written (docs; of a quick run, .cache/bench)")
    asked = parser.parse_args(arguments)
    asked.out = asked.out or CHECKOUT / (".cache/bench" if asked.quick else "docs")
    return asked


def _listed(known: Sequence[str]) -> Callable[[str], list[str]]:
    def names(text: str) -> list[str]:
        found = text.split(",")
        if unknown := [name for name in found if name not in known]:
            raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(known)}")
        return found

    return names


def _forget_settings() -> None:
    """Nothing of the caller's own city is seen or touched, and processes find the bytecode that an installed program has."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    for name in [name for name in os.environ if name.startswith("STANDFAST_")]:
        del os.environ[name]


def _measured(bench: Bench, row: str, database: str) -> Result:
    """The row's result, or why there is none: one row that fails must not lose the others."""
    start, load = clock.boot_s(), machine.load()
    try:
        result = ROWS[row](bench, database)
    except Exception as error:
        traceback.print_exc()
        result = Result(row, fault=f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")
    result.measured = {
        "database": database,
        "at": clock.to_text(clock.wall_us())[:16] + "Z",
        "commit": machine.commit(),
        "load_before": load,
        "load_after": machine.load(),
        "seconds": round(clock.boot_s() - start),
        "quick": bench.quick,
    }
    for line in page.lines(result):
        print(line, flush=True)
    return result


def _summary(results: Sequence[Result], seconds: float, *, quick: bool) -> int:
    judged = [figure for result in results for figure in result.figures if figure.met is not None]
    missed = [figure for figure in judged if not figure.met]
    broken = [result for result in results if result.fault]
    met = (
        f"{len(judged)} aims, not judged in a quick run"
        if quick
        else f"{len(judged) - len(missed)} of {len(judged)} aims met"
    )
    told = f"{len(results) - len(broken)} of {len(results)} rows measured, {met}"
    if missed and not quick:
        told += "; missed: " + "; ".join(f"{figure.what} ({figure.database}): {figure.words()}" for figure in missed)
    print(f"bench: {told}; {seconds:.0f} s")
    return int(bool(broken or (missed and not quick)))


if __name__ == "__main__":
    sys.exit(main())
