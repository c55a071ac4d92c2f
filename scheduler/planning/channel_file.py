"""``channels.toml``: a city's channels in one file, every mistake told at once.

[channel.parks]
platform = "x"
groups = ["public-spaces"]
spacing = "30s"
settings = {handle = "plainsboro_parks"}
secrets = {consumer_key = "PARKS_X_KEY", …}
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from calendars.draft import did_you_mean
from config import clock, essentials, small_file
from scheduler.planning.channel_service import ChannelError, Spec

KEYS = ("platform", "groups", "spacing", "settings", "secrets")
MOST_SPACING_S = 86_400.0
MOST_BYTES = 4 * 2**20


def read(file: Path) -> list[Spec]:
    """The channels described in `file`, in its order. Raises ChannelError with every fault."""
    try:
        data = tomllib.loads(small_file.text(file, MOST_BYTES))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ChannelError(f"{file}: cannot be read ({why}): mend the file") from None
    channels = data.get("channel")
    extra = [f"{name!r} is not known here: only [channel.NAME] tables are" for name in data if name != "channel"]
    if not isinstance(channels, dict) or not channels:
        extra.append("there is no [channel.NAME] table: write one for each channel")
        channels = {}
    faults = extra + [f"channel {name!r}: {line}" for name, body in channels.items() for line in _faults(body)]
    if faults:
        raise ChannelError("\n".join(f"{file}: {fault}" for fault in faults))
    return [_spec(name, body) for name, body in channels.items()]


def _faults(body: Any) -> list[str]:
    if not isinstance(body, dict):
        return ["is not a table: write [channel.NAME] above its settings"]
    found = [f"{key!r} is not known: {did_you_mean(key, KEYS)}" for key in body if key not in KEYS]
    if not isinstance(body.get("platform"), str):
        found.append('has no platform: write platform = "outbox"')
    if not _all_text(body.get("groups", [])):
        found.append('groups must be a list of names: write groups = ["parks"]')
    found += [
        f'{key} must be a table of words: write {key} = {{name = "value"}}'
        for key in ("settings", "secrets")
        if not _words(body.get(key, {}))
    ]
    try:
        spacing_us(body.get("spacing", 0))
    except ValueError as error:
        found.append(f"spacing {error}")
    return found


def _all_text(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _words(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    return all(
        isinstance(item, str) or (isinstance(item, int) and not isinstance(item, bool)) for item in value.values()
    )


def spacing_us(value: object) -> int:
    """A spacing (``30s``, or a number of seconds) in µs. Raises ValueError with the remedy."""
    found = essentials.seconds(value)
    if not found <= MOST_SPACING_S:
        raise ValueError(f"{value!r} is more than a day: give less")
    return int(found * clock.SECOND)


def _spec(name: str, body: dict[str, Any]) -> Spec:
    return Spec(
        name,
        body["platform"],
        tuple(body.get("groups", [])),
        {key: str(value) for key, value in body.get("settings", {}).items()},
        {key: str(value) for key, value in body.get("secrets", {}).items()},
        spacing_us(body["spacing"]) if "spacing" in body else None,
    )
