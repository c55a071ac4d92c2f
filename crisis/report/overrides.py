"""What the content checks block and people let pass while a suspension stood: by name, and by the emergency lane."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from crisis.report.history import detail_of
from crisis.report.plain import excerpt
from crisis.report.scene import Scene
from scheduler.planning.content_checks import OVERRIDE

LANE, LANE_WHY = "crisis.post", "an emergency message: nothing is blocked there"


@dataclass(frozen=True)
class LetPass:
    """A finding that blocks, let pass. `about`: the posts, or the channel of an emergency message; `emergency`: by the lane."""

    at: int
    by: str
    about: str
    check: str
    what: str
    why: str
    emergency: bool


ENTRIES = """SELECT at, actor, action, subject, detail FROM log_entry WHERE seq >= ? AND ((action = ? AND at <= ?)
  OR (action = ? AND subject IN ({marks}))) ORDER BY seq"""


def let_pass(scene: Scene, first: int) -> list[LetPass]:
    """Every one from the log's entry `first` on, oldest first, as the log has it."""
    subjects = [f"suspension {number}" for number in scene.numbers]
    found = scene.ask(ENTRIES.format(marks=scene.marks), (first, OVERRIDE, scene.end, LANE, *subjects))
    return [one for at, by, action, subject, detail in found for one in _of(int(at), by, action, subject, detail)]


def _of(at: int, by: str, action: str, subject: str, detail: str) -> Iterator[LetPass]:
    told = detail_of(detail)
    if action == OVERRIDE:
        finding, on = told.get("finding"), told.get("channel")
        about = f"{subject} on {on}" if isinstance(on, str) else subject
        yield _made(at, by, about, finding, str(told.get("why", "")), emergency=False)
        return
    by_channel, posts = told.get("not_blocked"), told.get("posts")
    for channel, findings in by_channel.items() if isinstance(by_channel, dict) else ():
        number = posts.get(channel, "") if isinstance(posts, dict) else ""
        for finding in findings if isinstance(findings, list) else ():
            yield _made(at, by, f"post {number} on {channel}", finding, LANE_WHY, emergency=True)


def _made(at: int, by: str, about: str, finding: Any, why: str, *, emergency: bool) -> LetPass:
    """Of an entry that was changed by hand, what can still be read: `records verify` says where."""
    said = finding if isinstance(finding, dict) else {}
    quote, where = str(said.get("quote", "")), str(said.get("where", ""))
    what = f"{quote!r} in the {where}" if quote else f"in the {where}"
    return LetPass(
        at, by, excerpt(about, 100), str(said.get("rule", "not known")), excerpt(what), excerpt(why), emergency
    )
