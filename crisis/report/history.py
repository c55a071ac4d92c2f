"""What the hash chain says of a suspension: what was done or refused by whom, and what people decided about its posts."""
# ruff: noqa: S608  # statements are put together from constants and parameter marks; every value is a parameter

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from crisis.report.plain import excerpt
from crisis.report.scene import Cut, Scene

MOST_ENTRIES = 200
BATCH = 500
FIRST_OF_ALL = (
    "suspend",
    "begin",
    "plan",
    "lift",
    "lift_part",
    "ask_resume",
    "refused",
    "break_glass",
    "crisis.post",
    "content.override",
    "plan.in_force",
)
"""These stand in the timeline before all others when there are too many."""
DECIDING = ("release", "reschedule", "cancel")
LONGEST_DETAIL = 200


@dataclass(frozen=True)
class Entry:
    """One entry of the chain, with its detail in words."""

    seq: int
    at: int
    actor: str
    action: str
    subject: str
    words: str


@dataclass(frozen=True)
class Decision:
    """What a person did last with a held post; `verb`: one of `DECIDING`; `was_due`: its time before they gave it a new one."""

    verb: str
    by: str
    at: int
    was_due: int | None = None


@dataclass(frozen=True)
class History:
    """The chain from the stop on. `acts`: (actor, action) → how many entries; `head`: the chain's newest number and hash."""

    entries: Cut[Entry]
    acts: Mapping[tuple[str, str], int]
    first: int
    head: tuple[int, str]


def first_of(scene: Scene) -> int:
    """The number of the first entry about these suspensions."""
    query = f"SELECT min(seq) FROM log_entry WHERE action IN ('suspend', 'begin') AND subject IN ({scene.marks})"
    found = scene.ask(query, _subjects(scene))[0][0]
    if found is None:  # the log was changed: `records verify` says where
        found = scene.ask("SELECT min(seq) FROM log_entry WHERE at >= ?", (scene.start,))[0][0]
    return int(found or 0)


def _subjects(scene: Scene) -> list[str]:
    return [f"suspension {number}" for number in scene.numbers]


def read(scene: Scene) -> History:
    """All that was done or refused while they stood, and what was said of them later."""
    first = first_of(scene)
    where = f"seq >= ? AND (at <= ? OR subject IN ({scene.marks}))"
    parameters = (first, scene.end, *_subjects(scene))
    acts = scene.ask(f"SELECT actor, action, count(*) FROM log_entry WHERE {where} GROUP BY actor, action", parameters)
    counted = {(actor, action): int(number) for actor, action, number in acts}
    entries = Cut(tuple(_entries(scene, where, parameters)), sum(counted.values()))
    head = scene.ask("SELECT seq, hash FROM chain_head WHERE id = 1")
    return History(entries, counted, first, (int(head[0][0]), str(head[0][1])) if head else (0, ""))


def _entries(scene: Scene, where: str, parameters: tuple[Any, ...]) -> list[Entry]:
    marks = ", ".join("?" * len(FIRST_OF_ALL))
    query = (
        f"SELECT seq, at, actor, action, subject, detail FROM log_entry WHERE {where} "
        f"ORDER BY CASE WHEN action IN ({marks}) THEN 0 ELSE 1 END, seq LIMIT {MOST_ENTRIES}"
    )
    found = scene.ask(query, (*parameters, *FIRST_OF_ALL))
    made = [
        Entry(int(seq), int(at), who, what, subject, _words(detail)) for seq, at, who, what, subject, detail in found
    ]
    return sorted(made, key=lambda entry: entry.seq)


def detail_of(text: str) -> dict[str, Any]:
    """An entry's detail; empty where it was changed by hand and cannot be read."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


HIDDEN = frozenset({"request", "hash", "content_hash", "digest", "sha256", "asked_at", "starts_at", "due_at"})


def _words(text: str) -> str:
    """The detail for people: what is empty or means nothing to them is left out."""
    shown = {
        key: value for key, value in detail_of(text).items() if key not in HIDDEN and value not in (None, "", [], {})
    }
    if isinstance(shown.get("posts"), list):
        shown["posts"] = f"{len(shown['posts'])} in all"
    words = "; ".join(f"{key.replace('_', ' ')}: {_value(value)}" for key, value in shown.items())
    return excerpt(words, LONGEST_DETAIL)


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def decisions(scene: Scene, first: int) -> dict[int, Decision]:
    """By post: the last time from entry `first` on that a person released, rescheduled or cancelled it."""
    found: dict[int, Decision] = {}
    for at, actor, action, detail in _deciding(scene, first):
        for post, was_due in _posts(detail):
            before = found.get(post)
            earliest = was_due if before is None or before.was_due is None else before.was_due
            found[post] = Decision(action.rpartition(".")[2], actor, int(at), earliest)
    return found


def _deciding(scene: Scene, after: int) -> Iterator[tuple[int, str, str, str]]:
    """The entries in batches: one can name five hundred posts."""
    likely = " OR ".join(f"action LIKE '%.{verb}'" for verb in DECIDING)
    query = (
        f"SELECT seq, at, actor, action, detail FROM log_entry WHERE seq >= ? AND ({likely}) ORDER BY seq LIMIT {BATCH}"
    )
    while found := scene.ask(query.replace("%", "%%") if scene.dialect == "postgresql" else query, (after,)):
        yield from ((at, actor, action, detail) for _seq, at, actor, action, detail in found)
        after = int(found[-1][0]) + 1


def _posts(detail: str) -> Iterator[tuple[int, int | None]]:
    """(post, its time before it was given a new one) of an entry."""
    rows = detail_of(detail).get("posts")
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict) and isinstance(row.get("id"), int):
            moved = row.get("due_at")
            yield row["id"], moved[0] if isinstance(moved, list) and moved and isinstance(moved[0], int) else None


def facts_of(scene: Scene, action: str) -> list[tuple[str, int, dict[str, Any]]]:
    """(subject, at, detail) of the entries of one action about these suspensions, oldest first."""
    query = f"SELECT subject, at, detail FROM log_entry WHERE action = ? AND subject IN ({scene.marks}) ORDER BY seq"
    found = scene.ask(query, (action, *_subjects(scene)))
    return [(subject, int(at), detail_of(detail)) for subject, at, detail in found]


def parts(scene: Scene) -> dict[tuple[int, str], int]:
    """(suspension, channel) → the epoch from which somebody resumed that channel before the rest."""
    found: dict[tuple[int, str], int] = {}
    for subject, _, detail in facts_of(scene, "lift_part"):
        channels, epoch = detail.get("channels"), detail.get("epoch")
        if isinstance(channels, list) and isinstance(epoch, int):
            found |= {(int(subject.rpartition(" ")[2]), str(channel)): epoch for channel in channels}
    return found
