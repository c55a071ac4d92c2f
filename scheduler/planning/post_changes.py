"""What a verb did to posts, or with a dry run would do: post by post, and channel by channel."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Changed:
    """What became (or with a dry run would become) of one post, with a line for people."""

    id: int
    channel: str
    before: str
    after: str
    due_at: int
    old_due_at: int
    old_hash: str
    new_hash: str
    words: str
    late: bool = False
    """True when spacing puts a missed post further off than its lateness limit: it goes out then all the same."""


@dataclass(frozen=True)
class Slots:
    """How many posts go out on a channel, the first and the last moment (wall µs), and how many of them are `Changed.late`."""

    channel: str
    posts: int
    first: int
    last: int
    late: int


def _slots(channel: str, rows: Sequence[Changed]) -> Slots:
    dues = [row.due_at for row in rows]
    return Slots(channel, len(rows), min(dues), max(dues), sum(row.late for row in rows))


@dataclass(frozen=True)
class Done:
    """All that was changed, in the order planned; `left` counts the query's posts that are in a worker's hands."""

    changed: tuple[Changed, ...]
    left: int
    closed: tuple[str, ...]
    """The channels among them whose gate is closed now."""

    def slots(self) -> tuple[Slots, ...]:
        """When those that are scheduled now go out, by channel."""
        found: dict[str, list[Changed]] = defaultdict(list)
        for row in self.changed:
            if row.after == "scheduled":
                found[row.channel].append(row)
        return tuple(_slots(channel, rows) for channel, rows in sorted(found.items()))
