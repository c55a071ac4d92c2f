"""Whether every branch of the gate's files was taken: ``python -m tests.branch_coverage [--run]``, 1 when one was not.

Judges what ``pytest -p tests.branch_coverage.plugin`` has recorded; ``--run`` runs the suites that suffice first.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from coverage.exceptions import NoDataError

from tests.branch_coverage.recorder import DATA, FILES, recorder, suites
from tests.support.city import CHECKOUT

PYTEST = (sys.executable, "-m", "pytest", "-p", "tests.branch_coverage.plugin", "-n")


def judge(folder: Path = DATA) -> int:
    """0 when the parts in `folder` hold every branch of every file, else 1; the table and one line say which are missing."""
    record = recorder(folder)
    try:
        record.combine([str(folder)], strict=True, keep=True)
        reached = record.report([str(CHECKOUT / file) for file in FILES], show_missing=True)
    except NoDataError:
        print("branches: nothing was recorded: run pytest with -p tests.branch_coverage.plugin, or add --run")
        return 1
    print(f"branches: {reached:.2f} % of the lines and branches of {len(FILES)} files (100 % is asked)")
    return int(reached < 100)


def passes() -> bool:
    """True when the watched suites pass; what fails on a loaded machine is run once more, alone, as `./dev test` does."""
    once = subprocess.run([*PYTEST, "2", *suites()], cwd=CHECKOUT, check=False)
    return (
        not once.returncode
        or not subprocess.run([*PYTEST, "0", "--lf", *suites()], cwd=CHECKOUT, check=False).returncode
    )


def main() -> int:
    """The exit code: 0 when all is covered."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.branch_coverage", description="Are all branches of the gate taken?"
    )
    parser.add_argument("--run", action="store_true", help="run the suites that are to take them first")
    if parser.parse_args().run and not passes():
        print("branches: not judged, a test failed")
        return 1
    return judge()


if __name__ == "__main__":
    sys.exit(main())
