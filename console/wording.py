"""The stop page's texts (the data file ``stop_page.toml``) in a visitor's language."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

DEFAULT = "en"
MOST_ACCEPTED = 400
"""Characters of an Accept-Language that are looked at."""


@cache
def texts() -> Mapping[str, Mapping[str, str]]:
    """Language → name → text."""
    data = (resources.files("config") / "data" / "stop_page.toml").read_text(encoding="utf-8")
    return tomllib.loads(data)


def language(accepted: str) -> str:
    """The language that an Accept-Language likes best among ours; English when it likes none of them."""
    liked = {DEFAULT: (0.0, 0)}
    for place, item in enumerate(accepted[:MOST_ACCEPTED].split(",")):
        name, _, rest = item.partition(";")
        own = name.strip().lower().partition("-")[0]
        if own in texts():
            liked[own] = max(liked.get(own, (0.0, 0)), (_weight(rest), -place))
    return max(liked, key=lambda own: liked[own])


def _weight(rest: str) -> float:
    _, _, number = rest.partition("q=")
    try:
        return float(number.strip()) if number else 1.0
    except ValueError:
        return 0.0
