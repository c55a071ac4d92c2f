"""Runs the judges over a mutated tree in a process forked from one that has loaded all that no mutant changes.

Starting Python, the database libraries and pytest anew takes four times as long as the judges need. Python's own fork server
does it once; each judge begins there, without one module of the project that knows the mutated ones.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

LOADED = (
    *(
        "pytest",
        "_pytest.fixtures",
        "_pytest.logging",
        "_pytest.tmpdir",
        "alembic.command",
        "psycopg",
        "sqlmodel",
        "structlog",
    ),
    *(
        "sqlalchemy.dialects.postgresql",
        "sqlalchemy.dialects.sqlite",
        "whenever",
        "config.settings",
        "connectors.registry",
    ),
    *("governance.people", "records.log", "store.migration", "tests.support.databases", "tests.support.city"),
)
NOT_LOADED = "scheduler"
"""The package of the mutated files: each judge imports it for itself."""
OPTIONS = ("-x", "--tb=line", "-p", "no:cacheprovider", "--basetemp=scratch")
TIMED_OUT = "timeout"


def run(words: Sequence[str], report: str, is_mutated: bool) -> None:
    """Be a judge: pytest with these words, what it says into `report`, and its exit code for ours."""
    os.setsid()
    sys.dont_write_bytecode = is_mutated  # two mutants of one second and one length would be taken for each other
    output = os.open(report, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    if known := [name for name in sys.modules if name.partition(".")[0] == NOT_LOADED]:
        raise RuntimeError(f"{known} were loaded before their mutant was written")
    sys.exit(int(pytest.main([*OPTIONS, *words])))


class Bench:
    """The judges of one file. Works in the current directory, which is the mutated tree."""

    def __init__(self, judges: Sequence[str]) -> None:
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        self._judges = tuple(judges)
        self._processes = multiprocessing.get_context("forkserver")
        self._processes.set_forkserver_preload(list(LOADED))

    def faults(self, timeout_s: float, *, is_mutated: bool = True) -> str | None:
        """What a judge said against the tree, `TIMED_OUT`, or None when all let it pass on both databases.

        PostgreSQL is asked only about what passes on SQLite, and its verdict counts when it gives it twice: on a loaded
        machine it ends sessions by the one-second rule.
        """
        found = self._ask("not postgresql", timeout_s, is_mutated)
        if found is None and (found := self._ask("postgresql", timeout_s, is_mutated)) is not None:
            found = self._ask("postgresql", timeout_s, is_mutated)
        return found

    def _ask(self, which: str, timeout_s: float, is_mutated: bool) -> str | None:
        report = Path("report.txt")
        judge = self._processes.Process(target=run, args=(("-k", which, *self._judges), str(report), is_mutated))
        judge.start()
        judge.join(timeout_s)
        if judge.exitcode is None:
            _end(judge)
            return TIMED_OUT
        return report.read_text(encoding="utf-8", errors="replace") if judge.exitcode else None


def _end(judge: BaseProcess) -> None:
    if judge.pid is not None:
        os.killpg(judge.pid, signal.SIGKILL)
    judge.join()
