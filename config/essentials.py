"""The few settings that stopping needs, read with tomllib and python-dotenv alone.

Values come from ``standfast.toml``, then ``.env`` beside it, then ``STANDFAST_*`` variables; the later wins. The full,
checked settings (`config.settings`) are built from the same values, so the two cannot disagree. Nothing here raises for
a broken file: the trigger must work at 2 a.m. with a typo in the settings, so it goes on with what can be read of it, and with
defaults, and says so.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from config import failpoint

FILE_NAME = "standfast.toml"
SYSTEM_FILE = Path("/etc/standfast") / FILE_NAME
PREFIX = "STANDFAST_"
NOT_SETTINGS = frozenset(
    {"STANDFAST_TOKEN", "STANDFAST_CONFIG", "STANDFAST_CLOCK", "STANDFAST_DEBUG", failpoint.VARIABLE}
)
"""Variables with our prefix that are no settings."""

DEFAULTS: Mapping[str, Any] = {
    "data_dir": "data",
    "state_dir": "",
    "database_url": "",
    "send_deadline": "30s",
    "recall": "60m",
    "resume_two_persons": False,
    "resume_code_life": "15m",
    "reconfirm": "0s",
}

ALSO_READ = frozenset({"timezone", "stop_page", "stop_page_certificate", "stop_page_key", "stop_page_proxy"})
"""What the stop page needs beside the essentials: read, like them, from the lines that can be read of a broken file."""

WANTED = frozenset(DEFAULTS) | ALSO_READ

_UNTIL_THEN = "until then the lines that can be read count"
_NAME_THE_STORE = frozenset({"STANDFAST_DATA_DIR", "STANDFAST_DATABASE_URL"})
"""Variables that leave no doubt which store and which stop cell are meant, whatever a file says."""
_SETTINGS_IN_IT = re.compile(rb"STANDFAST_|XDG_|HOME")
"""What a ``.env`` must mention to say anything of the settings; reading one of many secrets takes a tenth of a stop's time."""
_DURATION = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>ms|s|m|h|d)?")
_UNITS = {"ms": 0.001, "s": 1, None: 1, "m": 60, "h": 3600, "d": 86400}
MOST_BYTES = 2**20
"""Of the settings file; more is no settings file."""
_LONGEST_S = 1e10
"""Three centuries: beyond it a moment no longer fits a database's integers."""


@dataclass(frozen=True)
class Loaded:
    """The merged values, where they came from, and what was wrong with the sources (one line each)."""

    values: dict[str, Any]
    file: Path | None
    root: Path
    environ: dict[str, str]
    warnings: tuple[str, ...] = ()
    doubt: str = ""
    """Why another store than this may be meant; empty when there is no doubt."""


@dataclass(frozen=True)
class Essentials:
    """What the switch needs. Durations in seconds."""

    root: Path
    data_dir: Path
    state_dir: Path
    database_url: str
    send_deadline_s: float
    recall_s: float
    resume_two_persons: bool
    resume_code_life_s: float
    reconfirm_s: float
    token: str | None
    warnings: tuple[str, ...]
    doubt: str
    """Why another store than this may be the city's; empty when there is no doubt."""

    @property
    def cell_file(self) -> Path:
        """The STOP cell of this host."""
        return self.data_dir / "stop.cell"

    @property
    def workers_dir(self) -> Path:
        """The lock files of the processes of this host that write to the store."""
        return self.data_dir / "workers"

    @property
    def authority_file(self) -> Path:
        """Who may suspend, for when the database does not answer."""
        return self.data_dir / "authority.json"


def seconds(value: object) -> float:
    """A duration in seconds from a number (seconds) or text such as ``30s``, ``5m``, ``2h``, ``1d``.

    Raises ValueError naming the value.
    """
    given = value
    if isinstance(value, str) and (found := _DURATION.fullmatch(value.strip())) is not None:
        given = float(found["number"]) * _UNITS[found["unit"]]
    if isinstance(given, int | float) and not isinstance(given, bool) and 0 <= given < _LONGEST_S:
        return float(given)
    raise ValueError(f"{value!r} is not a duration: write a number with s, m, h or d, such as 30s or 5m")


def find_file(environ: Mapping[str, str], start: Path) -> Path | None:
    """The settings file: STANDFAST_CONFIG, else the nearest ``standfast.toml`` upwards of `start`, else the system's."""
    if named := environ.get("STANDFAST_CONFIG"):
        return Path(named).absolute()
    for folder in (start, *start.parents):
        if is_there(folder / FILE_NAME):
            return folder / FILE_NAME
    return SYSTEM_FILE if is_there(SYSTEM_FILE) else None


def is_there(file: Path) -> bool:
    """False also for a file in a folder that this account may not look into."""
    try:
        return file.is_file()
    except OSError:
        return False


def _here() -> Path:
    """The working directory, the root when it is gone."""
    try:
        return Path.cwd()
    except OSError:
        return Path("/")


def merged(environ: Mapping[str, str] | None = None, start: Path | None = None, *, secrets: bool = True) -> Loaded:
    """All settings as written, file under ``.env`` under variables; unreadable sources become warnings, and of a source that
    is broken in one place the lines that can be read count.

    Without `secrets` a ``.env`` that says nothing of settings is left aside: a stop signs in nowhere.
    """
    environ = os.environ if environ is None else environ
    start = (start or _here()).absolute()
    file = find_file(environ, start)
    root = file.parent if file else start
    values, warnings = _file_values(file)
    env_values, more = _dotenv(root / ".env", secrets)
    together = {**env_values, **environ}
    for name, value in together.items():
        if name.startswith(PREFIX) and name not in NOT_SETTINGS:
            values[name.removeprefix(PREFIX).lower()] = value
    refused = [fault] if (fault := failpoint.fault()) else []
    doubt = "" if environ.keys() >= _NAME_THE_STORE else _doubt(file, values, broken=bool(warnings or more))
    return Loaded(values, file, root, together, (*warnings, *more, *refused), doubt)


def _doubt(file: Path | None, values: Mapping[str, Any], broken: bool) -> str:
    if broken:
        return "the settings cannot be read as a whole"
    if file is None and not values.keys() & {"data_dir", "database_url"}:
        return f"there is no {FILE_NAME} here"  # a folder of another city, or of a trial, may hold a store, too
    return ""


def _file_values(file: Path | None) -> tuple[dict[str, Any], list[str]]:
    if file is None:
        return {}, []
    try:
        with file.open("rb") as stream:  # a device that never ends must not hold up the stop
            data = stream.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise ValueError(f"it is larger than {MOST_BYTES // 2**20} MiB")
    except (OSError, ValueError) as error:
        return {}, [f"{file}: cannot be read ({error}): mend the file; defaults are used until then"]
    try:
        return tomllib.loads(data.decode("utf-8")), []
    except (ValueError, RecursionError) as error:  # ValueError: of TOML, of UTF-8, of a number's length
        return _readable_lines(data), [f"{file}: cannot be read ({error}): mend the file; {_UNTIL_THEN}"]


def _readable_lines(data: bytes) -> dict[str, Any]:
    """What the lines of a broken settings file say of the essentials, each read by itself: a typo elsewhere in the file must
    not send the stop to another store."""
    found: dict[str, Any] = {}
    for line in data.decode("utf-8", "replace").splitlines():
        with suppress(ValueError, RecursionError):
            found |= {name: value for name, value in tomllib.loads(line).items() if name in WANTED}
    return found


def _dotenv(file: Path, secrets: bool) -> tuple[dict[str, str], list[str]]:
    try:
        if not file.exists():
            return {}, []
        if not file.is_file():
            raise ValueError("it is no ordinary file")
        data = file.read_bytes()
    except (OSError, ValueError) as error:
        return {}, [f"{file}: cannot be read ({error}): mend the file; it is left out until then"]
    if not (secrets or _SETTINGS_IN_IT.search(data)):
        return {}, []
    return _dotenv_values(file, data)


def _dotenv_values(file: Path, data: bytes) -> tuple[dict[str, str], list[str]]:
    from dotenv import dotenv_values

    warnings = []
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        text = data.decode("utf-8", "replace")
        warnings = [f"{file}: cannot be read ({error}): mend the file; {_UNTIL_THEN}"]
    found = dotenv_values(stream=StringIO(text))
    return {name: value for name, value in found.items() if value is not None}, warnings


def load(
    environ: Mapping[str, str] | None = None, start: Path | None = None, *, loaded: Loaded | None = None
) -> Essentials:
    """The essentials, always: what cannot be read is replaced by its default and named in `warnings`.

    `loaded`: what `merged` has read already.
    """
    loaded = loaded or merged(environ, start)
    warnings = list(loaded.warnings)
    if loaded.file is None and "data_dir" not in loaded.values:
        warnings.append(f"no {FILE_NAME} from {loaded.root} upwards: go to the city's folder or set STANDFAST_CONFIG")
    get = _reader(loaded.values, warnings)
    data_dir = path_below(loaded.root, str(get("data_dir", str)))
    return Essentials(
        root=loaded.root,
        data_dir=data_dir,
        state_dir=state_dir(loaded.root, str(get("state_dir", str)), loaded.environ),
        database_url=database_url(loaded.root, data_dir, str(get("database_url", str))),
        send_deadline_s=get("send_deadline", seconds),
        recall_s=get("recall", seconds),
        resume_two_persons=get("resume_two_persons", flag),
        resume_code_life_s=get("resume_code_life", seconds),
        reconfirm_s=get("reconfirm", seconds),
        token=loaded.environ.get("STANDFAST_TOKEN") or None,
        warnings=tuple(warnings),
        doubt=loaded.doubt,
    )


def _reader(values: Mapping[str, Any], warnings: list[str]) -> Any:
    def get(name: str, convert: Any) -> Any:
        try:
            return convert(values.get(name, DEFAULTS[name]))
        except (ValueError, RecursionError) as error:
            warnings.append(f"{name}: {error}; {DEFAULTS[name]!r} is used until then")
            return convert(DEFAULTS[name])

    return get


def flag(value: object) -> bool:
    """A yes or no from a boolean or its usual spellings. Raises ValueError naming the value."""
    words = {"true": True, "yes": True, "1": True, "on": True, "false": False, "no": False, "0": False, "off": False}
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in words:
        return words[value.strip().lower()]
    raise ValueError(f"{value!r} is neither true nor false: write true or false")


def path_below(root: Path, text: str) -> Path:
    """`text` as a path, relative ones from the folder of the settings file."""
    return (root / _expanded(Path(text))).absolute()


def _expanded(path: Path) -> Path:
    """`path` with its ``~`` replaced; as it stands when there is no such home, so that the stop goes on and names it."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def state_dir(root: Path, text: str, environ: Mapping[str, str]) -> Path:
    """Where the witness lives: outside the data directory, so that a restored backup cannot bring it along."""
    if text:
        return path_below(root, text)
    home = _expanded(Path(environ.get("HOME") or "~"))
    return root / (environ.get("XDG_STATE_HOME") or home / ".local" / "state") / "standfast"


def database_url(root: Path, data_dir: Path, text: str) -> str:
    """The database URL with a relative SQLite path made absolute; default ``standfast.db`` in the data directory."""
    if not text:
        return f"sqlite:///{data_dir / 'standfast.db'}"
    prefix = "sqlite:///"
    if text.startswith(prefix):
        return prefix + str(path_below(root, text.removeprefix(prefix)))
    return text
