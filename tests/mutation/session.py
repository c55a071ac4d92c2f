"""One file's mutants and what became of them, kept in a cosmic-ray session so that an interrupted run goes on where it was."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cosmic_ray import plugins
from cosmic_ray.commands.init import _all_work_items
from cosmic_ray.mutating import use_mutation
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import TestOutcome, WorkerOutcome, WorkItem, WorkResult

from tests.mutation.judge import TIMED_OUT
from tests.mutation.mutant import Mutant, named

ONLY_ROW = "[ -1]"


@dataclass(frozen=True)
class Session:
    """The mutants of `path` (relative to the working directory) and their results in `database`."""

    path: Path
    database: WorkDB
    mutants: dict[str, Mutant]
    """By job id."""

    def believe(self, killed: frozenset[Mutant]) -> None:
        """Take these as killed without asking again."""
        for job, mutant in self.mutants.items():
            if mutant in killed:
                self.database.set_result(job, WorkResult(WorkerOutcome.NORMAL, "an earlier run", TestOutcome.KILLED))

    def run(self, judge: Callable[[], str | None]) -> Iterator[tuple[Mutant, bool]]:
        """Each mutant that had no result yet, and whether it survived: `judge` had nothing to say against the tree."""
        for item in self.database.pending_work_items:
            (spec,) = item.mutations
            operator = plugins.get_operator(spec.operator_name)(**spec.operator_args)
            with use_mutation(spec.module_path, operator, spec.occurrence):
                said = judge()
            outcome = TestOutcome.SURVIVED if said is None else TestOutcome.KILLED
            self.database.set_result(item.job_id, WorkResult(WorkerOutcome.NORMAL, said, outcome))
            yield self.mutants[item.job_id], said is None

    def ended(self, outcome: TestOutcome) -> list[Mutant]:
        """The mutants that ended so; two places in a function may bear one name."""
        return [self.mutants[job] for job, result in self.database.results if result.test_outcome is outcome]

    @property
    def timed_out(self) -> int:
        """How many were killed by the clock."""
        return sum(result.output == TIMED_OUT for _, result in self.database.results)


@contextmanager
def opened(file: Path, path: Path, excluded: Sequence[str]) -> Iterator[Session]:
    """The session kept in `file`, laid down when there is none, of `path` without the operators that `excluded` match.

    The file as it was mutated stands beside it: what a mutant is called comes from there.
    """
    original = file.with_suffix(".py")
    with use_db(file) as database:
        if not original.exists():
            database.clear()
            database.add_work_items(_different(path, re.compile("|".join(excluded))))
            shutil.copyfile(path, original)
        source = original.read_text(encoding="utf-8")
        found = {item.job_id: named(item.mutations[0], source) for item in database.work_items}
        yield Session(path, database, {job: mutant for job, mutant in found.items() if mutant is not None})


def _different(path: Path, excluded: re.Pattern[str]) -> Iterator[WorkItem]:
    """The mutants of `path`, without those of excluded operators and without one that another operator makes as well."""
    source, seen = path.read_text(encoding="utf-8"), set[Any]()
    for item in _all_work_items([path], {}):
        spec = item.mutations[0]
        if excluded.match(spec.operator_name):
            continue
        mutant = named(spec, source)
        if mutant is not None and _is_only_row(mutant):
            continue
        if mutant is not None and (mutant, spec.start_pos[0]) not in seen:
            seen.add((mutant, spec.start_pos[0]))
            yield item


def _is_only_row(mutant: Mutant) -> bool:
    """True when the last is asked for in place of the first of what is one row by its query (the second is tried, too)."""
    return ONLY_ROW in mutant.becomes and mutant.becomes.replace(ONLY_ROW, "[0]") == mutant.was
