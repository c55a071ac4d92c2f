"""How much approval a post needs: tiers by channel or topic, and the words that submitters attest to, as the city's data."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from config import clock, essentials, small_file
from config.fault import Fault
from governance import roles

SHIPPED = roles.SHIPPED.with_name("approvals.toml")
MOST_BYTES = 2**20
KEYS = {"about", "approvals", "roles", "window", "expires"}
DEFAULT = "standard"


class TierError(Fault):
    """The file of tiers cannot be used: one line per mistake."""


@dataclass(frozen=True)
class Tier:
    """`approvals`: by how many different people; `roles`: of which each must hold one (empty: any that may approve);
    `window_us`: how far the time may move afterwards; `expires_us`: how long an approval is good."""

    name: str
    approvals: int
    roles: tuple[str, ...]
    window_us: int
    expires_us: int

    @property
    def strictness(self) -> tuple[int, bool, int]:
        """By how many, whether by certain roles alone, and by how few: each role that is named lets more people approve."""
        return self.approvals, bool(self.roles), -len(self.roles)


@dataclass(frozen=True)
class Rule:
    """Posts on one of `channels`, or with one of `tags`, are of this tier."""

    tier: str
    channels: frozenset[str]
    tags: frozenset[str]


@dataclass(frozen=True)
class Tiers:
    """The whole file. `categories`: what a submitter attests that the post does not hold."""

    tiers: Mapping[str, Tier]
    rules: tuple[Rule, ...]
    categories: tuple[str, ...]

    def of(self, channel: str, tags: Iterable[str]) -> Tier:
        """The tier of a post: of the rules that fit, the one that asks for most; the standard one when none does."""
        topics = frozenset(tags)
        fitting = [self.tiers[rule.tier] for rule in self.rules if channel in rule.channels or topics & rule.tags]
        return max(fitting, key=lambda tier: tier.strictness, default=self.tiers[DEFAULT])


State = tuple[int, int, int]
"""Of a file: time of change, size and number; another one means another content."""


def of_settings(root: Path, file: Path | None) -> Tiers:
    """The tiers of a city whose settings name `file`. Raises TierError."""
    return read(file_of(root, file))


def file_of(root: Path, file: Path | None) -> Path:
    """Where the tiers of a city lie whose settings name `file`."""
    return SHIPPED if file is None else essentials.path_below(root, str(file))


def state_of(file: Path) -> State | None:
    """What tells a changed file; None when it is not there."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def read(file: Path) -> Tiers:
    """The tiers in `file`, read once for each state of it. Raises TierError with every fault."""
    return _read(file, state_of(file))


@lru_cache(maxsize=8)
def _read(file: Path, _state: State | None) -> Tiers:
    try:
        data = tomllib.loads(small_file.text(file, MOST_BYTES))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise TierError(f"{file}: the tiers of approval cannot be read ({why}): mend the file") from None
    if faults := _faults(data):
        raise TierError("\n".join(f"{file}: {fault}" for fault in faults))
    tiers = {name: _tier(name, body) for name, body in data["tier"].items()}
    rules = tuple(
        Rule(row["tier"], frozenset(row.get("channels", [])), frozenset(row.get("tags", [])))
        for row in data.get("rule", [])
    )
    return Tiers(tiers, rules, tuple(" ".join(line.split()) for line in data["attestation"]["categories"]))


def _tier(name: str, body: Mapping[str, Any]) -> Tier:
    window, expires = (int(essentials.seconds(body[key]) * clock.SECOND) for key in ("window", "expires"))
    return Tier(name, body["approvals"], tuple(body.get("roles", [])), window, expires)


def _faults(data: Mapping[str, Any]) -> list[str]:
    found = [
        f"{key!r} is not known here: write tier, rule and attestation only"
        for key in data
        if key not in ("tier", "rule", "attestation")
    ]
    tables = data.get("tier")
    if not isinstance(tables, dict) or DEFAULT not in tables:
        return [*found, f"there is no [tier.{DEFAULT}]: it is the one for all posts that no rule names"]
    for name, body in tables.items():
        found += [f"tier {name!r}: {fault}" for fault in _tier_faults(body)]
    rows = data.get("rule", [])
    for number, row in enumerate(rows if isinstance(rows, list) else [rows], 1):
        found += [f"rule {number}: {fault}" for fault in _rule_faults(row, tables)]
    return found + _attestation_faults(data.get("attestation"))


def _tier_faults(body: Any) -> list[str]:
    if not isinstance(body, dict):
        return ["is no table: write [tier.NAME] above its settings"]
    found = [f"{key!r} is not known: {roles.did_you_mean(key, KEYS)}" for key in body if key not in KEYS]
    count = body.get("approvals")
    if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= 9:
        found.append("approvals must be a number from 0 to 9: write approvals = 1")
    for key, example in (("window", "24h"), ("expires", "30d")):
        try:
            if essentials.seconds(body.get(key, "")) > 10 * 366 * 86400:
                raise ValueError
        except (ValueError, TypeError, OverflowError):
            found.append(f'{key} must be a duration: write {key} = "{example}"')
    if not _words(body.get("roles", [])):
        found.append('roles must be a list of roles: write roles = ["director"]')
    return found


def _rule_faults(row: Any, tables: Mapping[str, Any]) -> list[str]:
    if not isinstance(row, dict) or not set(row) <= {"tier", "channels", "tags"}:
        return ["a rule has a tier, and channels or tags: write [[rule]] above them"]
    found = (
        []
        if row.get("tier") in tables
        else [f"there is no tier {row.get('tier')!r}: {roles.did_you_mean(str(row.get('tier')), tables)}"]
    )
    named = [row[key] for key in ("channels", "tags") if key in row]
    if not named or not all(_words(value) and value for value in named):
        found.append('it fits nothing: write channels = ["police"] or tags = ["election"]')
    return found


def _attestation_faults(body: Any) -> list[str]:
    lines = body.get("categories") if isinstance(body, dict) else None
    if _words(lines) and lines and all(line.strip() for line in lines):
        return []
    return ["there is no [attestation] with its categories: copy it from the shipped approvals.toml"]


def _words(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
