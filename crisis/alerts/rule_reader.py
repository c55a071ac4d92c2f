"""The rules file as `config.toml_table` reads it: what is wrong with it is a RulesError; and how its codes are written."""

from __future__ import annotations

import re
from typing import ClassVar

from config import toml_table
from config.toml_table import Form, TableError
from config.toml_table import Table as Table

ALL = "all"
SCOPE = Form(re.compile(r"all|(channel|group):\S(.*\S)?"), "a scope (all, channel:NAME or group:NAME)")
SAME = Form(
    re.compile(r"\d(?!00)\d{2}(?!000)\d{3}", re.ASCII),
    "the SAME code of a county (six digits: 0 for the whole county, then its FIPS number; no whole state)",
)
UGC = Form(
    re.compile(r"[A-Z]{2}[CZ](?!000)\d{3}", re.ASCII),
    "the UGC code of a county or zone (the state's letters, C or Z, and three digits; no whole state)",
)
EVENT = Form(re.compile(r"[A-Z]{3}", re.ASCII), "an event code (three capital letters; a name stands under 'events')")
_VISIBLE = r"[^\s\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f]+"
LINE = Form(re.compile(rf"(?=.{{1,80}}$){_VISIBLE}(?: {_VISIBLE})*"), "a name on one line, of at most 80 characters")
"""A sender, or the name of an event."""


class RulesError(TableError):
    """The rules cannot be used: `faults` has one line per mistake."""


class Faults(toml_table.Faults):
    """The mistakes found so far in a rules file."""

    error: ClassVar[type[TableError]] = RulesError
