"""A city's folder for a test: its own settings, data, state and home, and the environment for its processes."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class City:
    """Where everything of the test's city lives. `environ` is what its processes are started with."""

    root: Path
    url: str
    environ: dict[str, str]

    @property
    def settings_file(self) -> Path:
        return self.root / "standfast.toml"

    @property
    def data_dir(self) -> Path:
        return self.root / "data"

    @property
    def state_dir(self) -> Path:
        return self.root / "state"

    @property
    def calendars_dir(self) -> Path:
        return self.root / "calendars"

    def set(self, **settings: object) -> None:
        """Add settings to ``standfast.toml`` (text, numbers and booleans)."""
        with self.settings_file.open("a", encoding="utf-8") as file:
            file.writelines(f"{name} = {_toml(value)}\n" for name, value in settings.items())

    def command(self, *arguments: str) -> list[str]:
        """The command line of ``standfast ARGUMENTS`` in this checkout."""
        return [sys.executable, "-c", "import cli; cli.main()", *arguments]

    def run(
        self, *arguments: str, timeout: float = 60.0, stdin: str = "", **environ: str
    ) -> subprocess.CompletedProcess[str]:
        """What ``standfast ARGUMENTS`` as a process of its own said and answered."""
        return subprocess.run(
            self.command(*arguments),
            cwd=self.root,
            env={**self.environ, **environ},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )


def make(root: Path, url: str) -> City:
    """A city in `root` whose store is `url`."""
    city = City(root, url, _environ(root))
    for folder in (city.data_dir, city.state_dir, city.calendars_dir):
        folder.mkdir(parents=True, exist_ok=True)
    city.settings_file.touch()
    city.set(data_dir="data", state_dir="state", database_url=url, calendars="calendars")
    return city


def _environ(root: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STANDFAST_")}
    return {**kept, "PYTHONPATH": str(CHECKOUT), "STANDFAST_CONFIG": str(root / "standfast.toml"), "TERM": "dumb"}


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
