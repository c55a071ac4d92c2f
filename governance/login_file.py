"""Where a person's token is kept between commands: found without a database, for the crisis path reads it too.

One file per person, ``login.json`` in the configuration folder, holds a token for each data directory.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from governance import private_file

VARIABLE = "STANDFAST_TOKEN"


def file_of(environ: Mapping[str, str]) -> Path:
    """The login file of the person whose environment this is."""
    base = environ.get("XDG_CONFIG_HOME") or f"{environ.get('HOME') or _home()}/.config"
    return Path(base) / "standfast" / "login.json"


def _home() -> str:
    try:
        return str(Path.home())
    except RuntimeError:  # an account without a home keeps no login: STANDFAST_TOKEN is left to it
        return "/nonexistent"


def token_for(data_dir: Path, environ: Mapping[str, str]) -> str | None:
    """The token to sign in with: STANDFAST_TOKEN, else the one stored for `data_dir`, else None. Never raises."""
    return environ.get(VARIABLE) or _stored(file_of(environ)).get(_key(data_dir))


def store(data_dir: Path, environ: Mapping[str, str], token: str) -> Path:
    """Keep `token` for `data_dir`; the file it is in. Raises OSError."""
    file = file_of(environ)
    _replace(file, {**_stored(file), _key(data_dir): token})
    return file


def forget(data_dir: Path, environ: Mapping[str, str]) -> bool:
    """Drop the token kept for `data_dir`; False when there was none. Raises OSError."""
    file = file_of(environ)
    tokens = _stored(file)
    if tokens.pop(_key(data_dir), None) is None:
        return False
    _replace(file, tokens)
    return True


def _key(data_dir: Path) -> str:
    return str(data_dir.absolute())


def _stored(file: Path) -> dict[str, str]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {str(key): value for key, value in found.items() if isinstance(value, str)}


def _replace(file: Path, tokens: Mapping[str, str]) -> None:
    private_file.write(file, json.dumps(tokens, indent=1) + "\n")
