"""Mutation testing of the switch and the publisher, by hand: ``python -m tests.mutation [--again] [--only NAME]``.

Each mutant is one small fault in a copy of the tree; the judges of `mutation.toml` have to see it. What they do not see is a
survivor, and has to stand in `survivors.toml` with its reason. Ends with 1 when one is missing there, or stands there and does
not survive. An interrupted run goes on where it was as long as no code has changed; `--again` tries only what survived the last
run and believes it about the rest: quick while tests are being written, and no figure to report.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support import source
from tests.support.city import CHECKOUT

SESSIONS = CHECKOUT / ".cache" / "mutation"
MEMORY = Path("/dev/shm")
"""Where the copy goes when there is one: the judges write thousands of small databases, and none needs a disk."""


def copy(place: Path) -> None:
    """Lay the project down in `place` as it stands here."""
    for file in source.files():
        (place / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(CHECKOUT / file, place / file)


def main() -> int:
    """The exit code of the trials in the copy."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the copy is removed then, too
    command = [sys.executable, "-m", "tests.mutation.trial", "--sessions", str(SESSIONS), *sys.argv[1:]]
    with tempfile.TemporaryDirectory(
        prefix="mutants-", dir=MEMORY if MEMORY.is_dir() else None, ignore_cleanup_errors=True
    ) as folder:
        copy(Path(folder))
        return subprocess.run(command, cwd=folder, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
