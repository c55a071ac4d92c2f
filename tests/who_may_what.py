"""The table of ``docs/who-may-what.md``, written from `governance.matrix`: ``python -m tests.who_may_what``."""

from __future__ import annotations

from pathlib import Path

from governance import matrix, roles

PAGE = Path(__file__).resolve().parents[1] / "docs" / "who-may-what.md"


def table() -> str:
    """The table for the shipped roles."""
    return "\n".join(matrix.lines(roles.read(roles.SHIPPED))) + "\n"


def rewritten(text: str) -> str:
    """The page with its table as the code has it."""
    head, rest = text.split("\n| verb |", 1)
    below = rest.split("\n\n", 1)
    return f"{head}\n{table()}" + (f"\n{below[1]}" if len(below) > 1 else "")


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
