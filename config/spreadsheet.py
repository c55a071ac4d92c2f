"""Cells of files that people open with a spreadsheet: none of them is ever taken for a formula."""

from __future__ import annotations

RISKY = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "'")
"""How a cell begins that a spreadsheet may run as a formula; and what says that it was defused, so that this can be undone."""


def cell(value: object) -> str:
    """`value` as text that begins with an apostrophe where it would be risky otherwise."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(RISKY) else text
