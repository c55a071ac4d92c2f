"""The trials, in the copy of the tree that `python -m tests.mutation` has made: not to be run in a checkout."""

from __future__ import annotations

import argparse
import hashlib
import sys
import tomllib
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from cosmic_ray.work_item import TestOutcome

from config import clock
from tests.mutation import session, survivor
from tests.mutation.judge import Bench
from tests.mutation.mutant import Mutant
from tests.support import source

CONFIGURATION: dict[str, Any] = tomllib.loads(Path(__file__).with_name("mutation.toml").read_text(encoding="utf-8"))
EXCLUDED: list[str] = CONFIGURATION["cosmic-ray"]["filters"]["operators-filter"]["exclude-operators"]
JUDGING = ("conftest.py", "scheduler", "support", "mutation")
"""What of the tests has a say in whether a mutant survives."""
WITHIN = 5
"""A mutant that takes this many times as long as the original runs for ever."""
AT_LEAST_S = 120.0


def digest() -> str:
    """A name for the code of the product and of the judges: other code has another session."""
    ours = [file for file in source.python_files() if file.parts[0] != "tests" or file.parts[1] in JUDGING]
    content = b"".join(str(file).encode() + file.read_bytes() for file in ours)
    return hashlib.sha256(content + repr(CONFIGURATION).encode()).hexdigest()[:12]


def databases(folder: Path, path: Path) -> tuple[Path, Path | None]:
    """(the file of this code's session of `path`, the newest of other code)."""
    own = folder / f"{path.stem}-{digest()}.sqlite"
    others = sorted(set(folder.glob(f"{path.stem}-*.sqlite")) - {own}, key=lambda file: file.stat().st_mtime)
    return own, others[-1] if others else None


def earlier_kills(file: Path | None, path: Path) -> frozenset[Mutant]:
    """What the session in `file` saw killed wherever it stands."""
    if file is None:
        return frozenset()
    with session.opened(file, path, EXCLUDED) as made:
        return frozenset(made.ended(TestOutcome.KILLED)) - frozenset(made.ended(TestOutcome.SURVIVED))


def baseline_s(bench: Bench) -> float:
    """How long the judges take over the unchanged tree. Raises SystemExit when they do not let it pass."""
    began = clock.boot_s()
    if said := bench.faults(3600, is_mutated=False):
        sys.exit(f"{said}\nmutants: the unchanged tree does not pass: mend that first")
    return clock.boot_s() - began


def try_all(entry: dict[str, Any], folder: Path, again: bool) -> tuple[int, list[Mutant], int]:
    """(mutants made, those that survived, how many only the clock ended) of one file."""
    path = Path(entry["path"])
    own, earlier = databases(folder, path)
    believed = earlier_kills(earlier, path) if again and not own.exists() else frozenset()
    bench = Bench(entry["judges"])
    limit_s = max(AT_LEAST_S, WITHIN * baseline_s(bench))
    with session.opened(own, path, EXCLUDED) as made:
        made.believe(believed)
        print(f"{path}: {len(made.mutants)} mutants, {made.database.num_results} judged before", flush=True)
        for mutant, survives in made.run(lambda: bench.faults(limit_s)):
            if survives:
                print(f"survives: {mutant.function}: {mutant.was}\n       -> {mutant.becomes}", flush=True)
        return len(made.mutants), made.ended(TestOutcome.SURVIVED), made.timed_out


def verdict(made: int, survived: Sequence[Mutant], timed_out: int, files: Sequence[str]) -> int:
    """0 when exactly the explained mutants survived; says which do not fit, and one line at the end."""
    explained = {entry.mutant for entry in survivor.explanations() if entry.file in files}
    found = {(mutant.file, mutant.function, mutant.was, mutant.becomes) for mutant in survived}
    for said, odd in (("unexplained", found - explained), ("explained, but does not survive", explained - found)):
        for file, function, was, becomes in sorted(odd):
            print(f"{said}: {file}: {function}\n  was     {was}\n  becomes {becomes}")
    fit = sum((mutant.file, mutant.function, mutant.was, mutant.becomes) in explained for mutant in survived)
    print(
        f"mutants: {made} made, {made - len(survived)} killed ({timed_out} by the clock), {fit} explained, "
        f"{len(survived) - fit} unexplained, {len(explained - found)} stale explanations"
    )
    return int(found != explained)


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutation", description="Small faults that some test must see."
    )
    parser.add_argument("--again", action="store_true", help="try only what survived the last run")
    parser.add_argument("--only", choices=[Path(entry["path"]).stem for entry in CONFIGURATION["file"]])
    parser.add_argument("--sessions", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.sessions.mkdir(parents=True, exist_ok=True)
    entries = [entry for entry in CONFIGURATION["file"] if options.only in (None, Path(entry["path"]).stem)]
    tried = [try_all(entry, options.sessions, options.again) for entry in entries]
    made, survived, timed_out = zip(*tried, strict=True)
    return verdict(sum(made), list(chain.from_iterable(survived)), sum(timed_out), [entry["path"] for entry in entries])


if __name__ == "__main__":
    sys.exit(main())
