"""Somebody leaves: they sign in no more, and what they have scheduled waits for somebody else (GV-8)."""

from __future__ import annotations

from sqlmodel import Session

from governance import access, people
from governance.access import Actor
from records.log import record
from scheduler import post_queue


def leave(session: Session, actor: Actor, person: str) -> tuple[int, int]:
    """How many tokens were revoked, and how many posts are held. Raises Refused, PeopleError.

    The posts come before the chain's head, as everybody locks them in this order.
    """
    access.check(session, actor, "people", "*", action="people.leave", subject=person)
    posts = post_queue.hold_all_of(session, person, f"{person}, whose post it is, has left")
    tokens = people.mark_left(session, actor, person)
    if posts:
        record(session, actor.person, "post.hold", f"{posts} posts", {"author": person, "reason": f"{person} has left"})
    return tokens, posts
