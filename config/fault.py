"""The base of the project's own expected errors."""

from __future__ import annotations


class Fault(Exception):
    """Something a person can put right: one line that says what, which value and what to do. `code` is the exit code."""

    code: int = 1
