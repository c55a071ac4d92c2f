"""The harness at tiny sizes: every row is measured on both databases, and its figures can be true. No speed is judged here."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.bench import Bench
from bench.figure import Result
from bench.rows import ROWS
from bench.store import BOTH, Stores

AIMS = {
    "stop": (1.6, 1.2),
    "commit": (100.0, 0.0, 2.0),
    "quiet": (1.0, 1.0),
    "lateness": (15.0, 60.0),
    "burst": (0.5,),
    "daemon": (2.0, 150.0),
    "calendar": (5.0, 3.0, 20.0, 3.0),
    "triage": (1.0, 2.0),
    "records": (1.0, 32.0),
}
"""What the table of promises says; the page must not drift from it."""
TAKES_TIME = {"calls begun after a suspension's commit"}
"""Figures that should be nought."""


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    scratch = tmp_path_factory.mktemp("bench")
    for folder in (scratch, *scratch.parents):
        if folder.stat().st_uid == scratch.stat().st_uid and str(folder) != "/":
            folder.chmod(folder.stat().st_mode | 0o055)
    made = Stores(scratch)
    yield made
    made.close()


@pytest.mark.parametrize("database", BOTH)
@pytest.mark.parametrize("row", ROWS)
def test_a_row_is_measured(stores: Stores, row: str, database: str) -> None:
    told: list[str] = []
    result = ROWS[row](Bench(stores, True, told.append), database)
    assert [figure.aim for figure in result.figures if figure.aim is not None][: len(AIMS[row])] == list(AIMS[row])
    assert all(figure.database == database and math.isfinite(figure.value) for figure in result.figures)
    assert _sane(result) == []


def _sane(result: Result) -> list[str]:
    """What cannot be true: a figure of nothing, or a sample that took no time."""
    wrong = [figure.what for figure in result.figures if figure.value <= 0 and not _may_be_nought(figure.what)]
    return wrong + [name for name, samples in result.series.items() if not samples or min(samples) <= 0]


def _may_be_nought(what: str) -> bool:
    return what in TAKES_TIME or "QUIET" in what or "growth" in what


def test_a_store_has_the_posts_asked_for(stores: Stores, tmp_path: Path) -> None:
    from sqlalchemy import create_engine, text

    for database in BOTH:
        with stores.copy(database, 120) as url:
            engine = create_engine(url)
            with engine.connect() as connection:
                found = connection.execute(text("SELECT count(*), count(DISTINCT channel) FROM post")).one()
            engine.dispose()
        assert tuple(found) == (120, 50)
