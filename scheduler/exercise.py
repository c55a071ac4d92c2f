"""What a drill is called, and how everything that is said in one is marked (KS-20)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

DRILL = "drill"
"""The kind of a suspension that is an exercise: it holds like every other, and reaches no live platform."""
EXERCISE = "EXERCISE"
NOT_KNOWN = "the plan cannot be read, so who must answer is not known: see `standfast doctor`"


def marked(text: str) -> str:
    """`text` with the mark before every line."""
    return "\n".join(f"{EXERCISE}  {line}" for line in text.splitlines())


def told(kind: str, text: str) -> str:
    """`text` as people hear it of a suspension of `kind`."""
    return marked(text) if kind == DRILL else text


@dataclass(frozen=True)
class Answers:
    """Of the people who must say that they know of a suspension: who has, and who is silent."""

    suspension: int
    answered: list[str]
    silent: list[str]

    @classmethod
    def of(cls, suspension: int, must: Sequence[str], known: Collection[str]) -> Answers:
        """`must`: who must answer; `known`: everybody who has acknowledged it."""
        return cls(suspension, [who for who in must if who in known], [who for who in must if who not in known])

    def lines(self, kind: str) -> list[str]:
        """What people are told of it, in a suspension of `kind`: nothing where nobody must answer."""
        done = ", ".join(self.answered)
        if self.silent:
            else_ = "or the drill is not passed" if kind == DRILL else "or the next in line is told"
            told = f"  must answer {', '.join(self.silent)}: each by `standfast crisis ack`, {else_}"
            return [f"{told} (answered: {done})" if done else told]
        return [f"  answered    {done}: everybody who must has"] if done else []
