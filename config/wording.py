"""What every reader of a city's files says of names and texts: the nearest known name, and characters that cannot be shown."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

# Control characters and surrogates; the last five are neither, but no platform takes them (twitter-text calls them invalid).
_UNFIT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\ufeff\ufffe\uffff]")


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like `name`, or None when nothing is near."""
    folded = {word.casefold(): word for word in known}
    found = difflib.get_close_matches(name[:100].casefold(), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A remedy that names the nearest known name, else all of them (at most ten)."""
    names = sorted(known)
    near = nearest(name, names)
    if near is not None:
        return f"did you mean {near!r}?"
    more = ", …" if len(names) > 10 else ""
    return f"known are {', '.join(names[:10])}{more}" if names else "none is known"


def unfit_character(text: str) -> str | None:
    """The first control or non-character of `text` as ``U+XXXX``; None when there is none. Line breaks and tabs are fit."""
    found = _UNFIT.search(text)
    return None if found is None else f"U+{ord(found[0]):04X}"
