"""Which department answers for a channel, as the settings say it."""

from __future__ import annotations

HOW = 'names no departments: write {"parks-x" = "Parks and Recreation"}, or "parks-x: Parks and Recreation; hall: City Hall"'
MOST = 200


def by_channel(value: object) -> dict[str, str]:
    """Channel → department, from a table or from text with semicolons between. Raises ValueError."""
    pairs = _pairs(value) if isinstance(value, str) else value
    if not isinstance(pairs, dict):
        raise ValueError(HOW)
    found = {str(channel).strip(): name.strip() if isinstance(name, str) else "" for channel, name in pairs.items()}
    if not all(channel and name and len(name) <= MOST and name.isprintable() for channel, name in found.items()):
        raise ValueError(HOW)
    return found


def _pairs(text: str) -> dict[str, str]:
    parts = [item.partition(":") for item in text.split(";") if item.strip()]
    return {channel: name for channel, _, name in parts}
