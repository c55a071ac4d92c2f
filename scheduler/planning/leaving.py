"""Somebody leaves: they sign in no more, and what they wrote waits for somebody who is here (GV-8).

What is scheduled is held at once. What is in review is sent back: an approval of words for which nobody answers would be worth
nothing. Drafts stay what they are, and are shown as those of somebody who has left. Whoever hands one in, releases or
reschedules it becomes its author (`scheduler.planning.post_adoption`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, col, func, select

from governance import access, approvals, people
from governance.access import Actor
from records.log import record
from scheduler import post_queue
from scheduler.post_queue import Move
from store import bulk
from store.tables import Post

BECOMES: Mapping[str, str] = {"scheduled": "held", "in_review": "draft"}
"""State of a leaver's post → what it becomes."""
GONE = "its author has left"


@dataclass(frozen=True)
class Left:
    """How many tokens were revoked, posts held and sent back, and how many drafts wait for somebody who takes them up."""

    tokens: int
    held: int
    sent_back: int
    drafts: int


def leave(session: Session, actor: Actor, person: str) -> Left:
    """What became of what `person` had. Raises Refused, PeopleError.

    The posts come before the chain's head, and by their numbers, as everybody locks them in this order.
    """
    access.check(session, actor, "people", "*", action="people.leave", subject=person)
    moved: dict[str, list[int]] = {state: [] for state in BECOMES}
    page = post_queue.locked_page(session, person, tuple(BECOMES))
    while page:
        _move(session, person, page)
        for number, state in page:
            moved[state].append(number)
        page = post_queue.locked_page(session, person, tuple(BECOMES), after=page[-1][0])
    approvals.close(session, moved["in_review"], GONE)
    approvals.void(session, moved["in_review"], GONE)
    tokens, drafts = people.mark_left(session, actor, person), _drafts(session, person) - len(moved["in_review"])
    _record(session, actor, person, moved)
    return Left(tokens, len(moved["scheduled"]), len(moved["in_review"]), drafts)


def _move(session: Session, person: str, page: Sequence[tuple[int, str]]) -> None:
    why = {"scheduled": {"hold_reason": f"{person}, whose post it is, has left"}, "in_review": {}}
    values: Mapping[str, dict[str, Any]] = why
    post_queue.move_posts(session, [Move(number, state, BECOMES[state], values[state]) for number, state in page])


def _drafts(session: Session, person: str) -> int:
    query = select(func.count()).select_from(Post).where(Post.author == person, col(Post.state) == "draft")
    return session.exec(query.where(~post_queue.is_staged())).one()


def _record(session: Session, actor: Actor, person: str, moved: Mapping[str, Sequence[int]]) -> None:
    """One entry for each thing that was done; of posts sent back, which."""
    detail: dict[str, Any] = {"author": person, "reason": f"{person} has left"}
    if held := len(moved["scheduled"]):
        record(session, actor.person, "post.hold", f"{held} posts", detail)
    back = moved["in_review"]
    for numbers in bulk.pieces(back):
        record(session, actor.person, "post.return", f"{len(numbers)} posts", detail | {"numbers": list(numbers)})
