"""The demo's city: a copy of the example in a folder of its own, and the processes that run in it."""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copytree
from threading import Event
from typing import Any

import config.clock
from config import clock
from config.clock import RehearsalClock
from config.fault import Fault

SPEED = 86_400.0
"""A second of the demo is a day of the city."""
POLL_S = 0.02
TOKENS = ("access_token", "page_token")
"""The secrets by which a platform tells accounts apart."""
COMMAND_S = 60.0
"""Longest that any command may take, on a busy machine."""
HOUSE = Path(__file__).resolve().parent.parent
"""Where the rooms are imported from: the checkout, or the environment's site-packages."""
SETTINGS = """\
# The demo's settings: a second here is a day in the city, and these limits are stretched as much.
timezone = "{zone}"
data_dir = "data"
state_dir = "state"
calendars = "calendars"
send_deadline = "20s"
lateness = "10d"
release_spacing = "12h"
settle = "5d"
look_every = "6h"
retry_first = "6h"
retry_most = "2d"
recall = "1d"
resume_code_life = "60d"
"""


class DemoFault(Fault):
    """The demo cannot go on: one line that says what failed."""


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """Its JSON."""
        return json.loads(self.out)


@dataclass
class DemoCity:
    """The folder `root` and everything started in it; `close` ends what still runs."""

    root: Path
    clock: RehearsalClock
    channels: dict[str, dict[str, Any]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    """Person → sign-in token."""
    daemon: subprocess.Popen[bytes] | None = None
    last_s: float = 0.0
    """How long the last command took: the measure of how busy this machine is."""
    _running: set[subprocess.Popen[Any]] = field(default_factory=set)
    _closed: bool = False

    @property
    def daemon_log(self) -> Path:
        """What the daemon said."""
        return self.root / "daemon.log"

    def set_pace(self, start_us: int, factor: float) -> None:
        """From now on the city's time is `start_us` and runs `factor` times as fast, for processes started from here on."""
        self.clock = RehearsalClock(start_us, clock.boot_ns(), factor)

    def furnish(self, example: Path, zone: str) -> None:
        """Copy the example, and write the settings and made-up credentials."""
        copytree(example, self.root, dirs_exist_ok=True)
        (self.root / "standfast.toml").write_text(SETTINGS.format(zone=zone), encoding="utf-8")
        self.channels = tomllib.loads((example / "channels.toml").read_text(encoding="utf-8"))["channel"]
        lines = [f"{variable}={value}\n" for variable, value in self._credentials().items()]
        (self.root / ".env").write_text("".join(lines), encoding="utf-8")

    def _credentials(self) -> dict[str, str]:
        """Variable → a made-up value; a token begins with the number of the account that it stands for."""
        found = {}
        for number, body in enumerate(self.channels.values(), start=1):
            account = str(body.get("settings", {}).get("page_id", 900_000 + number))
            for secret, variable in body.get("secrets", {}).items():
                found[variable] = f"{account}-demo" if secret in TOKENS else f"demo-{variable.lower()}"
        return found

    def point_channels(self, url: str) -> None:
        """Write channels.toml anew with every platform at `url`."""
        tables = []
        for name, body in self.channels.items():
            if body["platform"] != "outbox":
                body["settings"] = {**body.get("settings", {}), "base_url": url}
            tables.append(f"[channel.{name}]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in body.items()))
        (self.root / "channels.toml").write_text("\n".join(tables), encoding="utf-8")

    @property
    def accounts(self) -> dict[tuple[str, str], str]:
        """(Platform, token as it is seen there) → channel."""
        known = self._credentials()
        return {
            (body["platform"], known[variable]): name
            for name, body in self.channels.items()
            for secret, variable in body.get("secrets", {}).items()
            if secret in TOKENS
        }

    @property
    def outboxes(self) -> dict[str, Path]:
        """Channel → its outbox folder."""
        return {
            name: self.root / body["settings"]["folder"]
            for name, body in self.channels.items()
            if body["platform"] == "outbox"
        }

    # --- processes ---------------------------------------------------------------------------------------------------

    def environ(self, person: str | None = None) -> dict[str, str]:
        """The environment of the city's processes: nothing of the caller's own Standfast, sign-ins or state."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("STANDFAST_", "XDG_"))}
        own = {
            "HOME": str(self.root / "home"),
            "PYTHONPATH": os.pathsep.join(part for part in (str(HOUSE), kept.get("PYTHONPATH", "")) if part),
            "STANDFAST_CONFIG": str(self.root / "standfast.toml"),
            config.clock.REHEARSAL_VARIABLE: self.clock.variable(),
        }
        token = {} if person is None else {"STANDFAST_TOKEN": self.tokens[person]}
        return {**kept, **own, **token}

    def _start(self, arguments: tuple[str, ...], person: str | None, out: Any, err: Any) -> subprocess.Popen[bytes]:
        if self._closed:
            raise DemoFault("the demo is ending")
        # -P: the folder has a `calendars` of its own, which must not be taken for the package.
        command = [sys.executable, "-P", "-m", "cli", *arguments]
        process = subprocess.Popen(
            command, cwd=self.root, env=self.environ(person), stdin=subprocess.DEVNULL, stdout=out, stderr=err
        )
        self._running.add(process)
        return process

    def run(
        self,
        *arguments: str,
        person: str | None = None,
        meanwhile: Callable[[], object] = lambda: None,
        codes: tuple[int, ...] = (0,),
    ) -> Said:
        """What ``standfast ARGUMENTS`` said, run by `person` (the steward when None). Raises DemoFault."""
        began = clock.boot_s()
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = self._start(arguments, person, out, err)
            while process.poll() is None:
                if clock.boot_s() - began > COMMAND_S:
                    raise DemoFault(f"{words(arguments)} did not end within {COMMAND_S:g} s")
                meanwhile()
                Event().wait(POLL_S)
            self._running.discard(process)
            said = Said(process.returncode, _text(out), _text(err))
        self.last_s = clock.boot_s() - began
        if said.code not in codes:
            last = [*said.err.splitlines(), *said.out.splitlines(), "no message"][0]
            raise DemoFault(f"{words(arguments)} ended with exit code {said.code}: {last}")
        return said

    def start_daemon(self) -> None:
        """Start `standfast daemon`; what it says goes to `daemon_log`."""
        with self.daemon_log.open("wb") as log:
            self.daemon = self._start(("daemon",), None, log, log)

    def daemon_is_ready(self) -> bool:
        """True once the daemon said that it publishes."""
        return "standfast: ready" in self.daemon_log.read_text(encoding="utf-8", errors="replace")

    def check_daemon(self) -> None:
        """Raises DemoFault when the daemon has ended."""
        if self.daemon is not None and (code := self.daemon.poll()) is not None:
            how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
            lines = self.daemon_log.read_text(encoding="utf-8", errors="replace").splitlines()
            raise DemoFault(f"the daemon died ({how}); its last words: {lines[-1] if lines else 'none'}")

    def end_daemon(self, limit_s: float) -> int:
        """The exit code of the daemon after SIGTERM. Raises DemoFault when it does not end in time."""
        assert self.daemon is not None
        self.daemon.terminate()
        try:
            return self.daemon.wait(limit_s)
        except subprocess.TimeoutExpired:
            raise DemoFault(f"the daemon did not end within {limit_s:g} s of SIGTERM") from None

    def close(self) -> None:
        """End every process that still runs, gently at first, and start no other."""
        self._closed = True
        for process in list(self._running):
            process.terminate()
        for process in list(self._running):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def reserved_port() -> Iterator[int]:
    """A port of this machine that nobody else is given until the block ends; the sandbox may listen on it meanwhile."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield int(holder.getsockname()[1])


def example_city() -> Path:
    """The folder of the example city, in the wheel or in the checkout. Raises DemoFault when neither has one."""
    for folder in (Path(config.clock.__file__).with_name("data") / "examples", HOUSE / "examples"):
        cities = sorted(file.parent for file in folder.glob("*/channels.toml"))
        if cities:
            return cities[0]
    raise DemoFault(f"there is no example city below {HOUSE}: install Standfast again")


def words(arguments: tuple[str, ...]) -> str:
    """The command as a person would type it."""
    return shlex.join(("standfast", *arguments))


def _text(file: Any) -> str:
    file.seek(0)
    content: bytes = file.read()
    return content.decode("utf-8", "replace")


def _toml(value: Any) -> str:
    """A value of channels.toml as TOML; its text is written as JSON writes it, which TOML reads."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }" if value else "{}"
    return json.dumps(value, ensure_ascii=False)
