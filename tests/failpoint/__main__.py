"""The kill matrix by hand: ``python -m tests.failpoint --all``, ``--double 100``, or ``--case 'SCENE / STEP:SIDE@HIT'``.

Without any of these: the part that runs with every change. The last line says how it went; the exit code is 1 when anything
is wrong. ``--keep FOLDER``: the files of cases that failed stay there.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from config import clock
from tests.failpoint import table
from tests.failpoint.case import TRACE, Case, Result
from tests.failpoint.pool import WIDTH, Pool
from tests.failpoint.scenes import SCENES
from tests.failpoint.weakened import WEAKENED
from tests.support.postgres_server import PostgresSession


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.failpoint", description=__doc__)
    parser.add_argument("--database", choices=table.DATABASES, default="sqlite")
    parser.add_argument("--case", action="append", default=[], help="the name of one case (may be repeated)")
    parser.add_argument("--scene", action="append", default=[], help="only the cases of this scene (may be repeated)")
    parser.add_argument("--all", action="store_true", help="every case of the matrix")
    parser.add_argument("--double", type=int, metavar="N", help="N double crashes, spread over all of them")
    parser.add_argument(
        "--part", default="0/1", metavar="N/M", help="the N-th (from 0) of M parts of what was asked for"
    )
    parser.add_argument("--trace", action="store_true", help="what the first process of each scene comes by")
    parser.add_argument("--weakened", choices=tuple(WEAKENED), help="with this weakened design, which should fail")
    parser.add_argument("--width", type=int, default=WIDTH, help="cases at once")
    parser.add_argument("--keep", type=Path, help="a folder where the files of failed cases stay")
    parser.add_argument("--server", type=Path, help="the folder of a running test server")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def wanted(asked: argparse.Namespace) -> list[Case]:
    """The cases that the command line asks for. Raises ValueError for a name that is none."""
    if asked.case:
        return [Case.named(text) for text in asked.case]
    if asked.trace:
        return [Case(scene, TRACE) for scene in asked.scene or SCENES]
    found: list[Case] = []
    if asked.all or asked.scene:
        found += table.singles()
    if asked.double is not None:
        found += table.spread(table.doubles(), asked.double)
    found = found or table.ours(asked.database)
    return [case for case in found if case.scene in asked.scene] if asked.scene else found


def main() -> int:
    """1 when a case was violated, or not reached."""
    asked = arguments()
    start = clock.boot_s()
    with ExitStack() as stack:
        server = asked.server
        if server is None:
            session = PostgresSession()
            stack.callback(session.end)
            server = session.folder
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="failpoints-template-")))
        pool = Pool(server, scratch, asked.database, asked.keep.absolute() if asked.keep else None)
        if asked.weakened:
            pool.weaken, pool.limit_s = WEAKENED[asked.weakened], WEAK_LIMIT_S
        part, _, parts = asked.part.partition("/")
        results = pool.run(wanted(asked)[int(part) :: int(parts)], asked.width)
    if asked.json:
        print(json.dumps([asdict(result) | {"wrong": result.complaints()} for result in results]))
    elif asked.trace:
        _tell_trace(results)
    else:
        _tell(results, asked.database, clock.boot_s() - start)
    return int(any(result.is_bad for result in results))


WEAK_LIMIT_S = 12.0
"""A design that is meant to fail is not waited for."""


def _tell(results: Sequence[Result], database: str, seconds: float) -> None:
    for result in results:
        for line in result.complaints():
            print(
                f"{result.name}: {line}\n  again: python -m tests.failpoint --database {database} --case '{result.name}'"
            )
    bad = sum(result.is_bad for result in results)
    double = sum(result.second_hit for result in results)
    fell = sum(result.first_hit for result in results)
    cpu_s = sum(result.cpu_s for result in results) / max(1, len(results))
    print(
        f"failpoints: {len(results)} cases on {database}, {fell} fell at their point, {double} of them twice; {bad} failed; "
        f"{seconds:.0f} s, {cpu_s:.2f} CPU s a case"
    )


def _tell_trace(results: Sequence[Result]) -> None:
    for result in results:
        print(result.name, *result.violations, sep="\n  ")
        for point, count in sorted(result.reached.items()):
            print(f"  {count:4}  {point}")
    print(f"failpoints: {len(results)} scenes traced, {sum(bool(item.violations) for item in results)} failed")


if __name__ == "__main__":
    sys.exit(main())
