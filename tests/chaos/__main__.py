"""Run chaos by hand: ``python -m tests.chaos --trials 200`` or ``--seed 17 --database sqlite --keep FOLDER``.

The last line is the summary; the code is 1 when there was a violation.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from config import clock
from tests.chaos.evidence import Verdict
from tests.chaos.plan import VARIANTS
from tests.chaos.pool import WIDTH, Pool
from tests.chaos.weakened import WEAKENED
from tests.conftest import BOTH
from tests.support.postgres_server import PostgresSession

TRIALS = 200


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--trials", type=int, help=f"how many per database ({TRIALS}; 1 where --seed is given alone)")
    parser.add_argument("--seed", type=int, help="the first trial's seed; the others follow it")
    parser.add_argument("--seeds", help="FIRST:AFTER_LAST", default="")
    parser.add_argument("--database", choices=(*BOTH, "both"), default="both")
    parser.add_argument("--publisher", choices=("standfast", "naive"), default="standfast")
    parser.add_argument("--variant", choices=VARIANTS)
    parser.add_argument("--width", type=int, default=WIDTH, help="trials at once")
    parser.add_argument("--keep", type=Path, help="a folder where the trials' files stay")
    parser.add_argument("--keep-failing", type=Path, help="a folder where the files of trials with a violation stay")
    parser.add_argument("--log", type=Path, help="a file to which a JSON line per trial is appended as it ends")
    parser.add_argument("--weakened", choices=tuple(WEAKENED), help="try this weakened design, which should fail")
    parser.add_argument("--server", type=Path, help="the folder of a running test server")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def seeds_of(asked: argparse.Namespace) -> list[int]:
    """The seeds that the command line names."""
    if asked.seeds:
        first, _, last = asked.seeds.partition(":")
        return list(range(int(first), int(last)))
    alone = asked.seed is not None and asked.trials is None
    first = asked.seed or 0
    return list(range(first, first + (1 if alone else asked.trials or TRIALS)))


def main() -> int:
    """1 when there was a violation."""
    asked, start_s = arguments(), clock.boot_s()
    databases = BOTH if asked.database == "both" else (asked.database,)
    with ExitStack() as stack:
        if asked.server is None:
            session = PostgresSession()
            stack.callback(session.end)
            asked.server = session.folder
        found = {database: _run(asked, stack, database) for database in databases}
    verdicts = [verdict for some in found.values() for verdict in some]
    if asked.json:
        print(json.dumps([asdict(verdict) for verdict in verdicts]))
    else:
        for database, some in found.items():
            _tell(database, some)
        print(_summary(verdicts, clock.boot_s() - start_s))
    return int(any(verdict.violations for verdict in verdicts))


def _run(asked: argparse.Namespace, stack: ExitStack, database: str) -> list[Verdict]:
    variant = WEAKENED[asked.weakened][1] if asked.weakened and not asked.variant else asked.variant
    scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-template-")))
    pool = Pool(asked.server, scratch, database, asked.publisher, variant)
    keep = asked.keep or asked.keep_failing
    pool.keep, pool.all_kept = keep.absolute() / database if keep else None, asked.keep_failing is None
    pool.weakened, pool.log = asked.weakened, asked.log.absolute() if asked.log else None
    return pool.run(seeds_of(asked), asked.width)


def _tell(database: str, verdicts: list[Verdict]) -> None:
    total: Counter[str] = Counter()
    for verdict in verdicts:
        total.update(verdict.seen)
        for line in verdict.violations:
            print(f"seed {verdict.seed} on {database}: {line}")
            print(f"    again: python -m tests.chaos --seed {verdict.seed} --database {database}")
    for name, count in sorted(total.items()):
        print(f"{count:6}  {name}")


def _summary(verdicts: list[Verdict], seconds: float) -> str:
    bad = sum(bool(verdict.violations) for verdict in verdicts)
    count = sum(len(verdict.violations) for verdict in verdicts)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    each = (used.ru_utime + used.ru_stime) / max(1, len(verdicts))
    return f"chaos: {len(verdicts)} trials, {count} violations in {bad} trials, {seconds:.0f} s, {each:.2f} CPU s each"


if __name__ == "__main__":
    sys.exit(main())
