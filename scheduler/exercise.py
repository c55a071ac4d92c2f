"""What a drill is called, and how everything that is said in one is marked (KS-20)."""

from __future__ import annotations

DRILL = "drill"
"""The kind of a suspension that is an exercise: it holds like every other, and reaches no live platform."""
EXERCISE = "EXERCISE"


def marked(text: str) -> str:
    """`text` with the mark before every line."""
    return "\n".join(f"{EXERCISE}  {line}" for line in text.splitlines())


def told(kind: str, text: str) -> str:
    """`text` as people hear it of a suspension of `kind`."""
    return marked(text) if kind == DRILL else text
