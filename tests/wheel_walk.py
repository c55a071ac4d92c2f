"""A walk with an installed `standfast` in the working directory, by a program that knows nothing but its commands.

``python wheel_walk.py STANDFAST``: a calendar of one's own, the daemon, a crisis and a resume. `./dev wheel-check` runs
it in an environment that holds the wheel alone; it prints each step and ends with code 1 at the first that is not as promised.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

HEAD = "owner: walker\ntimezone: UTC\nchannel: town-hall\nentries:\n"
FILE = Path("calendars/town.yaml")


class Walk:
    """The steps, in order."""

    def __init__(self, program: str) -> None:
        self.program = program
        self.daemon: subprocess.Popen[bytes] | None = None

    def run(self, *arguments: str, code: int = 0) -> str:
        """What a command printed; the walk ends when its exit code is not `code`."""
        ran = subprocess.run([self.program, *arguments], capture_output=True, text=True, timeout=120, check=False)
        print(f"standfast {' '.join(arguments)} -> {ran.returncode}", flush=True)
        if ran.returncode != code:
            raise SystemExit(f"wanted {code}: {ran.stdout}{ran.stderr}")
        return ran.stdout

    def states(self) -> dict[str, str]:
        """Entry -> state of its post."""
        listed: Any = json.loads(self.run("post", "list", "--json"))
        posts = listed["posts"] if isinstance(listed, dict) else listed
        return {str(post["entry"]): str(post["state"]) for post in posts}

    def await_state(self, entry: str, state: str) -> None:
        """Return when the entry's post is in `state`."""
        until = time.monotonic() + 60
        while not self.states().get(entry, "").startswith(state):
            if time.monotonic() > until:
                raise SystemExit(f"{entry} is not {state} after a minute: {self.states()}")

    def write(self, entry: str, in_s: float) -> datetime:
        """The moment of the entry that was added to the calendar (the running daemon applies the file by itself)."""
        moment = (datetime.now(UTC) + timedelta(seconds=in_s)).replace(microsecond=0)
        before = FILE.read_text(encoding="utf-8") if FILE.exists() else HEAD
        added = f"  - id: {entry}\n    at: {moment:%Y-%m-%d %H:%M:%S}\n    text: We say good morning for the {entry} time.\n"
        FILE.write_text(before + added, encoding="utf-8")
        return moment

    def steps(self) -> None:
        """Everything, once."""
        self.run("init", "--person", "walker")
        self.run("doctor")
        self.run("channel", "add", "town-hall", "--platform", "outbox", "--spacing", "0s")
        self.write("first", in_s=20)
        self.run("calendar", "check")
        self.run("calendar", "sync")
        self.daemon = subprocess.Popen([self.program, "daemon"])
        self.await_state("first", "published")
        receipt = json.loads(self.run("crisis", "--reason", "walk", "--json"))
        assert receipt["quiet_confirmed"], receipt
        due = self.write("second", in_s=20)
        self.await_state("second", "scheduled")
        while datetime.now(UTC) < due + timedelta(seconds=1):
            self.run("crisis", "status")
        assert self.states()["second"].startswith("scheduled"), self.states()
        offer = json.loads(self.run("resume", "--reason", "over", "--json"))
        lifted = json.loads(self.run("resume", "--reason", "over", "--confirm", offer["code"], "--json"))
        assert lifted["held"] == 1, lifted
        self.write("third", in_s=20)
        self.await_state("third", "published")
        assert self.states() == {"first": "published", "second": "held", "third": "published"}, self.states()
        self.run("records", "verify")

    def end(self) -> None:
        """Stop the daemon and see that it ends well."""
        if self.daemon is not None:
            self.daemon.send_signal(signal.SIGTERM)
            if self.daemon.wait(timeout=60) != 0:
                raise SystemExit("the daemon did not end well")


def main() -> None:
    """Walk, and end the daemon whatever happens."""
    walk = Walk(sys.argv[1])
    try:
        walk.steps()
    finally:
        walk.end()
    sent = sorted(path.name for path in Path("data/outbox/town-hall").glob("sf-*"))
    if len(sent) != 2:
        raise SystemExit(f"the outbox holds {sent}, not two posts")
    print("walked: 2 published, 1 held, chain whole", flush=True)


if __name__ == "__main__":
    main()
