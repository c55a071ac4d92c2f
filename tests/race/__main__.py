"""Run races by hand: ``python -m tests.race --seed 17 --database sqlite`` (``--keep FOLDER``: its files stay there)."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from tests.race.oracle import Verdict
from tests.race.pool import WIDTH, Pool
from tests.race.weakened import WEAKENED
from tests.support.postgres_server import PostgresSession


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.race", description=__doc__)
    parser.add_argument("--seed", type=int, action="append", default=[])
    parser.add_argument("--seeds", help="FIRST:AFTER_LAST", default="")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--publisher", choices=("standfast", "naive"), default="standfast")
    parser.add_argument("--variant", choices=("crisis", "ambush", "calm", "quiet twin", "gate lost", "store locked"))
    parser.add_argument("--width", type=int, default=WIDTH, help="trials at once")
    parser.add_argument("--keep", type=Path, help="a folder where the trials' files stay")
    parser.add_argument("--keep-failing", type=Path, help="a folder where the files of trials with a violation stay")
    parser.add_argument("--weakened", choices=tuple(WEAKENED), help="race this weakened design, which should fail")
    parser.add_argument("--server", type=Path, help="the folder of a running test server")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def main() -> int:
    """1 when there was a violation."""
    asked = arguments()
    variant = WEAKENED[asked.weakened][1] if asked.weakened and not asked.variant else asked.variant
    first, _, last = asked.seeds.partition(":")
    seeds = asked.seed or list(range(int(first or 0), int(last or 1)))
    with ExitStack() as stack:
        server = asked.server
        if server is None:
            session = PostgresSession()
            stack.callback(session.end)
            server = session.folder
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="races-template-")))
        pool = Pool(server, scratch, asked.database, asked.publisher, variant)
        keep = asked.keep or asked.keep_failing
        pool.keep, pool.all_kept = keep.absolute() if keep else None, asked.keep_failing is None
        pool.weakened = asked.weakened
        verdicts = pool.run(seeds, asked.width)
    if asked.json:
        print(json.dumps([asdict(verdict) for verdict in verdicts]))
    else:
        _tell(verdicts)
    return int(any(verdict.violations for verdict in verdicts))


def _tell(verdicts: list[Verdict]) -> None:
    total: Counter[str] = Counter()
    for verdict in verdicts:
        total.update(verdict.seen)
        for line in verdict.violations:
            print(f"seed {verdict.seed}: {line}")
    for name, count in sorted(total.items()):
        print(f"{count:6}  {name}")
    print(f"{sum(bool(verdict.violations) for verdict in verdicts)} of {len(verdicts)} trials with a violation")


if __name__ == "__main__":
    sys.exit(main())
