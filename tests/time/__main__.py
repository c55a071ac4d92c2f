"""Time by hand: ``python -m tests.time`` (as CI does), ``--all`` (every change of every zone, jumps on both databases)."""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from pathlib import Path

import pytest

from config import clock
from tests.time.zone import EVERYTHING


class Count:
    """Counts how tests ended."""

    def __init__(self) -> None:
        self.ended: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test by its call, or by what failed around it."""
        if report.when == "call" or report.failed:
            self.ended[report.outcome] += 1


def main() -> int:
    """Pytest's exit code, 0 when all held."""
    parser = argparse.ArgumentParser(prog="python -m tests.time", description=__doc__)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("-n", default="2", help="processes at once")
    parser.add_argument("-k", default="", help="only tests of this name")
    asked = parser.parse_args()
    os.environ[EVERYTHING] = "1" if asked.all else ""
    count, began = Count(), clock.boot_s()
    here = str(Path(__file__).parent)
    code = int(pytest.main(["-q", "-n", asked.n, "-k", asked.k, here], plugins=[count]))
    ended = count.ended
    print(f"time: {ended['passed']} held, {ended['failed']} did not, in {clock.boot_s() - began:.0f} s")
    return code


if __name__ == "__main__":
    sys.exit(main())
