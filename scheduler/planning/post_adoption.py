"""Posts that go out in the name of who lets them go, for nobody else can answer for them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlmodel import Session, col, select

from governance.access import Actor
from scheduler.planning.post_selection import PostError
from store.crisis_tables import NativePost
from store.tables import Person, Post


@dataclass(frozen=True)
class Step:
    """What shall become of one post."""

    post: Post
    after: str
    values: dict[str, Any]
    words: str
    late: bool = False


def adopted(session: Session, actor: Actor, steps: Sequence[Step]) -> list[Step]:
    """The steps, with `actor` as the author of what is scheduled and was copied by a sweep (who scheduled it on the platform is
    not known here), or is by somebody who has left.

    Raises PostError for a copy whose original was not seen to be gone: both would go out.
    """
    return _taken_up(actor, steps, _copies(session, steps) | _of_the_departed(session, steps))


def taken_up(session: Session, actor: Actor, steps: Sequence[Step]) -> list[Step]:
    """The steps, with `actor` as the author of what is by somebody who has left: who hands it in answers for it."""
    gone = departed(session)
    return _taken_up(actor, steps, {step.post.id for step in steps if step.post.author in gone})


def _taken_up(actor: Actor, steps: Sequence[Step], orphans: Collection[int | None]) -> list[Step]:
    return [
        replace(step, values={**step.values, "author": actor.person}) if step.post.id in orphans else step
        for step in steps
    ]


def departed(session: Session) -> frozenset[str]:
    """Everybody who has left."""
    return frozenset(session.exec(select(Person.id).where(col(Person.state) == "left")))


def _copies(session: Session, steps: Sequence[Step]) -> set[int | None]:
    copies = {row.post_id: row for row in session.exec(select(NativePost))}
    own = [step for step in steps if step.after == "scheduled" and step.post.id in copies]
    if lying := [step.post.id for step in own if copies[step.post.id or 0].gone_at is None]:
        named = ", ".join(map(str, lying[:20]))
        remedy = "take it out there and run `standfast crisis sweep`"
        raise PostError([f"post {named}: it still lies in the platform's own scheduler: {remedy}"])
    return {step.post.id for step in own}


def _of_the_departed(session: Session, steps: Sequence[Step]) -> set[int | None]:
    gone = departed(session)
    return {step.post.id for step in steps if step.after == "scheduled" and step.post.author in gone}
