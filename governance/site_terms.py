"""The terms under which the public writes on the city's sites, as the city's data: clause id → its words."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from config import essentials, small_file
from config.fault import Fault
from config.wording import unfit_character
from governance import roles

SHIPPED = roles.SHIPPED.with_name("site_terms.toml")
CLAUSE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)
MOST_BYTES = 2**20
MOST_CLAUSES = 500
MOST_WORDS = 5000
Terms = Mapping[str, str]
"""Clause id → the terms' words."""


class TermsError(Fault):
    """The file of site terms cannot be used: one line per mistake."""


def of_settings(root: Path, file: Path | None) -> Terms:
    """The terms of a city whose settings name `file`. Raises TermsError."""
    return read(SHIPPED if file is None else essentials.path_below(root, str(file)))


def read(file: Path) -> Terms:
    """The clauses in `file`. Raises TermsError with every fault."""
    try:
        data = tomllib.loads(small_file.text(file, MOST_BYTES))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise TermsError(f"{_told(file)}: the site terms cannot be read ({why}): mend the file") from None
    if faults := list(_faults(data)):
        raise TermsError("\n".join(f"{_told(file)}: {fault}" for fault in faults))
    return {name: " ".join(words.split()) for name, words in data["clauses"].items()}


def _told(file: Path) -> str:
    return ascii(str(file))[1:-1]


def _faults(data: Mapping[str, Any]) -> Iterator[str]:
    for key in data:
        if key != "clauses":
            yield f"{key[:60]!a} is not known here: write [clauses] only"
    clauses = data.get("clauses")
    if not isinstance(clauses, dict) or not 0 < len(clauses) <= MOST_CLAUSES:
        yield f'[clauses] must hold one to {MOST_CLAUSES} clauses: write id = "the terms\' words" below it'
        return
    for name, words in clauses.items():
        if (fault := _fault(name, words)) is not None:
            yield f"clause {name[:60]!a} {fault}"


def _fault(name: str, words: object) -> str | None:
    if CLAUSE.fullmatch(name) is None:
        return "cannot be an id: use up to 63 letters, digits, '.', '_' and '-'"
    if not isinstance(words, str):
        return 'must be text: write id = "the terms\' words" (an id that holds a dot stands in quotes)'
    if not words.strip():
        return "says nothing: write the terms' words"
    if len(words) > MOST_WORDS:
        return f"has {len(words)} characters, more than {MOST_WORDS}: shorten it"
    unfit = unfit_character(words)
    return None if unfit is None else f"holds the character {unfit}: take it out"
