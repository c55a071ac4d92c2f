"""The leaves of emergency messages, by what people were told: for which epochs each had one."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from tests.chaos.stage import tag_of

if TYPE_CHECKING:
    from tests.chaos.evidence import Case, Request

ALWAYS = 1 << 62
"""The epoch of a leave that nobody can know any more."""


class Lane:
    """The emergency messages of a trial. A leave counts from when somebody set about giving it."""

    def __init__(self, case: Case) -> None:
        self._case = case

    @cached_property
    def tags(self) -> frozenset[str]:
        """The emergency messages, by tag; also those of which nobody was told whether they were queued."""
        return frozenset(item["post"] for line in self._case.said("emergency?") for item in line["posts"])

    def passes(self, request: Request, epoch: int) -> bool:
        """True for an emergency message that had leave in `epoch` or a later one."""
        return request.tag in self.tags and self.newest(request.tag, request.line.boot_ns) >= epoch

    def newest(self, tag: str, before_ns: int) -> int:
        """The latest epoch for which the message had a leave that was being given before that moment; 0 for none."""
        return max((epoch for begun_ns, epoch in self.all_of(tag) if begun_ns < before_ns), default=0)

    def all_of(self, tag: str) -> list[tuple[int, int]]:
        """(since when, for which epoch) of each leave of a message."""
        given = [(line["begun_ns"], line["epoch"]) for line in self._given if tag in line["tags"]]
        return given + (self._untold(tag) if self._may_have_more(tag) else [])

    @cached_property
    def _given(self) -> list[dict[str, object]]:
        case = self._case
        return [
            {"begun_ns": self._begun(line), "epoch": line["epoch"], "tags": {item["post"] for item in line["posts"]}}
            for line in case.said("emergency", "renew")
        ]

    def _begun(self, told: dict[str, object]) -> object:
        asked = [line for line in self._case.said(f"{told['what']}?") if line["pid"] == told["pid"]]
        return asked[-1]["boot_ns"]

    def _may_have_more(self, tag: str) -> bool:
        """True when somebody who set about giving it a leave was not told that it was given."""
        case = self._case
        told = {line["pid"] for line in case.said("emergency", "renew")}
        asked = [line for line in case.said("emergency?") if any(item["post"] == tag for item in line["posts"])]
        return any(line["pid"] not in told for line in [*asked, *case.said("renew?")])

    def _untold(self, tag: str) -> list[tuple[int, int]]:
        """What the ledger says; where it was put back nobody knows any more."""
        case = self._case
        if case.restored is not None:
            return [(0, ALWAYS)]
        numbers = {post.id for post in case.evidence.posts if tag_of(post.text) == tag}
        return [(0, row.epoch) for row in case.evidence.overrides if row.post_id in numbers]
