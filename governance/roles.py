"""Roles as data: which role holds which permissions. Standard library only, for the switch reads them too."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from config import clock
from config.fault import Fault

PERMISSIONS = ("suspend", "resume", "emergency", "queue", "release", "override", "people", "channels", "records")
STEWARD = "steward"
"""The role that must hold everything, so that nobody can lock the city out."""
SHIPPED = Path(clock.__file__).with_name("data") / "roles.toml"

Roles = Mapping[str, frozenset[str]]


class RolesError(Fault):
    """The roles file cannot be used: `faults` has one line per mistake."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class _Current:
    file: Path | None = None
    chosen = False
    roles: Roles | None = None


def use(file: Path | None) -> None:
    """Take the roles from `file` from here on (None: the shipped ones). Raises RolesError and changes nothing then."""
    roles = read(file or SHIPPED)
    _Current.file, _Current.chosen, _Current.roles = file, True, roles


def in_force() -> Roles:
    """The roles of this process: those of `use`, else of the settings, read once. Raises RolesError."""
    if _Current.roles is None:
        use(_file_of_settings())
    assert _Current.roles is not None
    return _Current.roles


def _file_of_settings() -> Path | None:
    from config import essentials

    loaded = essentials.merged()
    named = loaded.values.get("roles")
    return essentials.path_below(loaded.root, str(named)) if named else None


def read(file: Path) -> Roles:
    """Permissions by role, from a TOML file. Raises RolesError with every fault, each with its remedy."""
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise RolesError([f"{file}: the roles cannot be read ({error}): mend the file"]) from None
    faults = [f"{file}: {fault}" for role, body in tables.items() for fault in _faults_of(role, body)]
    if not faults:
        faults = _steward_faults(file, tables)
    if faults:
        raise RolesError(faults)
    return {role: frozenset(body["permissions"]) for role, body in tables.items()}


def _faults_of(role: str, body: Any) -> list[str]:
    permissions = body.get("permissions") if isinstance(body, dict) else None
    if not isinstance(permissions, list):
        return [f'role {role!r} has no list of permissions: write permissions = ["queue"]']
    extra = sorted(set(body) - {"permissions", "about"})
    return [
        *(f"role {role!r}: {key!r} is not known here: write permissions and about only" for key in extra),
        *(
            f"role {role!r}: {word!r} is not a permission: {did_you_mean(str(word), PERMISSIONS)}"
            for word in permissions
            if word not in PERMISSIONS
        ),
    ]


def _steward_faults(file: Path, tables: Mapping[str, Any]) -> list[str]:
    held = tables.get(STEWARD, {"permissions": []})["permissions"]
    missing = [word for word in PERMISSIONS if word not in held]
    if not missing:
        return []
    return [f"{file}: role {STEWARD!r} lacks {', '.join(missing)}: it must hold every permission"]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A remedy that names the nearest of `known`, else all of them."""
    import difflib

    names = sorted(known)
    near = difflib.get_close_matches(word[:100], names, n=1)
    return f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(names) or 'none there are yet'}"


def holding(permission: str) -> list[str]:
    """The roles that hold `permission`, by name."""
    return sorted(role for role, permissions in in_force().items() if permission in permissions)
