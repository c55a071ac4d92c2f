"""Records, in whatever processes pytest runs its tests, which branches of the gate's files the watched suites take.

``pytest -p tests.branch_coverage.plugin``: each process leaves a part of its own, which ``python -m tests.branch_coverage``
brings together. Processes that tests start are not watched: what covers a branch is a test that can look at it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.branch_coverage.recorder import DATA, is_watched, recorder

RECORDER = recorder()
RECORDER.start()  # before any conftest imports one of them


def pytest_configure(config: pytest.Config) -> None:
    """What an earlier run left counts only when this one repeats what failed in it."""
    if not hasattr(config, "workerinput") and not config.getoption("lf"):
        shutil.rmtree(DATA, ignore_errors=True)
    DATA.mkdir(parents=True, exist_ok=True)


def pytest_collection_finish() -> None:
    """All imports are done: from here on only the watched suites are slowed down."""
    RECORDER.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Watch the tests of the watched suites, with their fixtures."""
    if not is_watched(item.path.relative_to(item.config.rootpath)):
        return (yield)
    RECORDER.start()
    try:
        return (yield)
    finally:
        RECORDER.stop()


def pytest_sessionfinish() -> None:
    """Write down what this process has seen, before it is reported as finished (and may be ended)."""
    RECORDER.stop()
    RECORDER.save()
