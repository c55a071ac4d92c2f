"""Many trials at once: a process that has imported everything forks one process per trial, a few at a time."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

from config import clock
from sandbox import client
from sandbox.client import Client
from tests.chaos import trial, warm
from tests.chaos.crew import STUCK_S
from tests.chaos.evidence import Verdict
from tests.chaos.plan import Variant
from tests.chaos.slots import slot
from tests.chaos.trial import Bench
from tests.chaos.weakened import WEAKENED
from tests.support.databases import Databases
from tests.support.forked import die_with_parent

WIDTH = 24
"""Trials begun at once; how many really run is the machine's matter (`slots`)."""
WEAK_STUCK_S = 10.0
"""A design that is meant to fail is not waited for."""


@contextmanager
def _store(databases: Databases, database: str, folder: Path) -> Iterator[str]:
    if database == "sqlite":
        yield databases.sqlite(folder)
        return
    with databases.postgres() as url:
        yield url


def memory_folder() -> str | None:
    """A folder in memory where there is one: no trial pulls the machine's plug, so nothing it shows rests on a disk's wait."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK | os.X_OK) else None


class Pool:
    """Runs trials on one database. `keep`: where the folders of trials stay for a person to look at (`all_kept`: of all)."""

    def __init__(
        self,
        server: Path,
        scratch: Path,
        database: str,
        publisher: str = "standfast",
        variant: Variant | None = None,
    ) -> None:
        self.server, self.databases, self.database = server, Databases(server, scratch), database
        self.publisher, self.variant = publisher, variant
        self.keep: Path | None = None
        self.all_kept = True
        self.weakened: str | None = None
        self.log: Path | None = None
        """Where a line about each trial is appended as soon as it has ended."""

    def run(self, seeds: list[int], width: int = WIDTH) -> list[Verdict]:
        """The verdicts, by seed."""
        with tempfile.TemporaryDirectory(prefix="chaos-", dir=memory_folder()) as scratch, ExitStack() as stack:
            root = self.keep if self.keep and self.all_kept else Path(scratch)
            root.mkdir(parents=True, exist_ok=True)
            box = stack.enter_context(client.start(root / "arrivals.jsonl"))
            self._warm(root, box)
            warm.freeze()
            waiting, running = list(reversed(seeds)), dict[int, int]()
            while waiting or running:
                while waiting and len(running) < width:
                    seed = waiting.pop()
                    running[self._fork(seed, root, box)] = seed
                running.pop(os.wait()[0], None)
            return [self._verdict(root, seed) for seed in seeds]

    def _warm(self, root: Path, box: Client) -> None:
        """Make the template before trials ask for it all at once, and do once what each of their processes would do."""
        folder = root / "warm"
        folder.mkdir()
        warm.share_compiled_statements()
        with _store(self.databases, self.database, folder) as url:
            warm.rehearse(url, folder, box)

    def _fork(self, seed: int, root: Path, box: Client) -> int:
        folder = root / f"seed-{seed}"
        folder.mkdir()
        if pid := os.fork():
            return pid
        try:
            die_with_parent()
            if self.weakened:
                WEAKENED[self.weakened][0]()
            weak = self.weakened or self.publisher == "naive"
            bench = Bench(Client(box.url, box.log, box.pid), self.publisher, WEAK_STUCK_S if weak else STUCK_S)
            with slot(self.server), _store(self.databases, self.database, folder) as url:
                verdict = trial.run(seed, url, folder, bench, self.variant)
        except BaseException:
            verdict = Verdict(seed, [f"trial: {traceback.format_exc()}"])
        if not (self.keep and self.all_kept):
            if verdict.violations and self.keep:
                shutil.copytree(folder, self.keep / folder.name, symlinks=True, dirs_exist_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(exist_ok=True)
        (folder / "verdict.json").write_text(json.dumps(asdict(verdict)))
        if self.log is not None:
            self._append(self.log, verdict)
        os._exit(0)

    def _append(self, log: Path, verdict: Verdict) -> None:
        line = {"at": clock.to_text(clock.wall_us()), "database": self.database, **asdict(verdict)}
        descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        os.write(descriptor, json.dumps(line).encode() + b"\n")
        os.close(descriptor)

    @staticmethod
    def _verdict(root: Path, seed: int) -> Verdict:
        file = root / f"seed-{seed}" / "verdict.json"
        if not file.exists():
            return Verdict(seed, ["trial: it ended without a verdict"])
        return Verdict(**json.loads(file.read_text()))
