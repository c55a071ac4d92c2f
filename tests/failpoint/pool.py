"""Many cases at once: a process that has imported everything forks one process per case, a few at a time."""

from __future__ import annotations

import gc
import json
import os
import shutil
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from sandbox import client
from sandbox.client import Client
from tests.failpoint import case as cases
from tests.failpoint.case import Case, Result
from tests.failpoint.stage import LIMIT_S, Bench
from tests.support.databases import Databases
from tests.support.forked import die_with_parent

WIDTH = 3 * len(os.sched_getaffinity(0))
"""Cases at once: each mostly waits."""
TRIES = 3
LATE_IMPORTS = (
    "connectors.facebook",
    "connectors.outbox",
    "connectors.x",
    "scheduler.settling",
    "scheduler.switch_postgres",
    "scheduler.switch_sqlite",
)
"""What the product imports when it is needed; one of them compiles patterns for half a second."""


@contextmanager
def _store(databases: Databases, database: str, folder: Path) -> Iterator[str]:
    if database == "sqlite":
        yield databases.sqlite(folder)
        return
    with databases.postgres() as url:
        yield url


class Pool:
    """Runs cases on one database. `keep`: where the folders of cases that failed stay for a person to look at."""

    def __init__(self, server: Path, scratch: Path, database: str, keep: Path | None = None) -> None:
        self.databases, self.database, self.keep = Databases(server, scratch), database, keep
        self.weaken: Callable[[], None] = lambda: None
        self.limit_s = LIMIT_S

    def run(self, wanted: Sequence[Case], width: int = WIDTH) -> list[Result]:
        """The results, in order. A case whose point was not reached is tried again: on a busy machine a deadline may pass."""
        with tempfile.TemporaryDirectory(prefix="failpoints-") as scratch, ExitStack() as stack:
            root = self.keep or Path(scratch)
            root.mkdir(parents=True, exist_ok=True)
            self._box = stack.enter_context(client.start(Path(scratch) / "arrivals.jsonl"))
            self._warm(Path(scratch))
            results = self._run(wanted, root, width)
            for _ in range(TRIES - 1):
                missed = [n for n, result in enumerate(results) if result.is_bad and not result.violations]
                for number, result in zip(missed, self._run([wanted[n] for n in missed], root, width), strict=True):
                    results[number] = result
            return results

    def _run(self, wanted: Sequence[Case], root: Path, width: int) -> list[Result]:
        results: dict[int, Result] = {}
        waiting, running = list(enumerate(wanted))[::-1], dict[int, tuple[int, Path]]()
        while waiting or running:
            while waiting and len(running) < width:
                number, case = waiting.pop()
                folder = Path(tempfile.mkdtemp(dir=root, prefix=f"{number}-"))
                running[self._fork(case, folder)] = (number, folder)
            number, folder = running.pop(os.wait()[0])
            results[number] = self._result(wanted[number], folder)
        return [results[number] for number in range(len(wanted))]

    def _warm(self, root: Path) -> None:
        """Make the template, and import what the processes of cases would each import."""
        folder = root / "warm"
        folder.mkdir()
        with _store(self.databases, self.database, folder):
            pass
        for module in LATE_IMPORTS:
            import_module(module)
        gc.collect()
        gc.freeze()

    def _fork(self, case: Case, folder: Path) -> int:
        if pid := os.fork():
            return pid
        try:
            die_with_parent()
            self.weaken()
            bench = Bench(Client(self._box.url, self._box.log, self._box.pid), self.limit_s)
            with _store(self.databases, self.database, folder) as url:
                result = cases.run(case, url, folder, bench)
        except BaseException:
            result = Result(case.name, violations=[f"harness: {traceback.format_exc()}"])
        (folder / "result.json").write_text(json.dumps(asdict(result)))
        os._exit(0)

    @staticmethod
    def _result(case: Case, folder: Path) -> Result:
        file = folder / "result.json"
        if not file.exists():
            return Result(case.name, violations=["harness: the case ended without a result"])
        result = Result(**json.loads(file.read_text()))
        if not result.is_bad:
            shutil.rmtree(folder, ignore_errors=True)
        return result
