"""Store faults by hand: ``python -m tests.faults`` (each operation fails once; ``--all``: in every way, once and lasting)."""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.faults import rig
from tests.faults.fault import Fault
from tests.faults.loop import SCENARIOS, Broken, Loop, loop
from tests.faults.scenario import Scenario
from tests.support.databases import Databases
from tests.support.postgres_server import PostgresSession

DATABASES = ("sqlite", "postgresql")


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--all", action="store_true", help="each kind of trouble at each operation, once and lasting")
    parser.add_argument("--database", choices=DATABASES, action="append")
    parser.add_argument("--only", choices=[kind.name for kind in SCENARIOS], action="append", metavar="SCENARIO")
    parser.add_argument("--kind", help="one kind of trouble", default="")
    parser.add_argument("--nth", type=int, default=1, help="at this operation")
    parser.add_argument("--lasts", action="store_true", help="and at all later ones")
    parser.add_argument("--late", action="store_true", help="only when its rows are fetched")
    return parser.parse_args()


def main() -> int:
    """1 when a run did not hold."""
    asked = arguments()
    kinds = [kind for kind in SCENARIOS if not asked.only or kind.name in asked.only]
    results: list[Loop | None] = []
    with ExitStack() as stack:
        session = PostgresSession()
        stack.callback(session.end)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="faults-")))
        for database in asked.database or DATABASES:
            results += [_told(kind, database, folder, session.folder, asked) for kind in kinds]
    whole = [result for result in results if result is not None]
    runs, operations = sum(item.runs for item in whole), sum(item.operations for item in whole)
    print(
        f"faults: {len(whole)} of {len(results)} loops passed clean: {operations} operations, {runs} runs with a fault inside"
    )
    return int(len(whole) < len(results))


def _told(kind: type[Scenario], database: str, folder: Path, server: Path, asked: argparse.Namespace) -> Loop | None:
    """What a loop came to, after it was printed; None when a run in it did not hold."""
    own = Path(tempfile.mkdtemp(dir=folder))
    only = Fault(asked.kind, asked.nth, asked.lasts, asked.late) if asked.kind else None
    with rig.opened(database, own, Databases(server, own)) as made:
        try:
            found = loop(kind, made, everything=asked.all, only=only)
        except Broken as error:
            print(f"{database:10}  BROKEN  {error}", flush=True)
            return None
    print(f"{database:10}  {found}", flush=True)
    return found


if __name__ == "__main__":
    sys.exit(main())
