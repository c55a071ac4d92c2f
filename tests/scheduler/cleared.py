"""A press in a city that asks for everything, and a post that lacks nothing: each test takes one thing away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from calendars.entry import Occurrence
from config import clock
from governance import access, people, rules, tiers, training
from governance.authority import Identity
from scheduler.planning import emergency, post_review
from scheduler.planning.post_run import Request
from scheduler.planning.post_selection import Wanted
from store.engine import writing
from store.tables import Post
from tests.governance import authorized
from tests.scheduler.press import STEWARD, Press

COURSE = "social-media"
ASKED = {"channel_authorization": True, "training": COURSE, "approval": "required"}
RULES = rules.Rules(COURSE, True, True)
CORA, SAM = Identity("cora", "Cora", "token"), Identity("sam", "Sam", "token")


def furnish(press: Press) -> None:
    """`ann` writes, `omar` and `olga` approve, `sam` administers `parks`, `cora` authorizes it; all are trained.

    The publisher asks for everything from here on.
    """
    rules.use(RULES)
    with writing(press.engine) as session:
        for person, role in (("cora", "steward"), ("sam", "administrator")):
            people.add_person(session, STEWARD, person, person.title())
            people.grant(session, STEWARD, person, role)
        for person in ("ann", "omar", "olga", "cora"):
            training.record(session, STEWARD, person, COURSE, authorized.day(-20), None, authorized.ZONE)
    authorized.authorize(press.engine, SAM, CORA, "parks", "sam")
    press.publisher = press.publisher_of(**ASKED)


def signed(person: str) -> Identity:
    """Somebody of the press, signed in."""
    return Identity(person, person.title(), "token")


def approved(press: Press, by: str = "omar", **values: Any) -> int:
    """The id of a scheduled post of ann's, due now, that was approved while it was still to come."""
    number = press.queue(in_s=3600, **values)
    review(press, number, by)
    press.change(Post, number, ready_at=press.post(number).created_at, due_at=press.post(number).created_at)
    return number


def review(press: Press, number: int, by: str = "omar", submit: bool = True) -> None:
    """Hand the post in as its author, and approve it."""
    found = tiers.read(tiers.SHIPPED)
    acts: list[tuple[str, Callable[..., Any]]] = [("ann", post_review.submit)] if submit else []
    for person, act in [*acts, (by, post_review.approve)]:
        with access.acting(press.engine) as session:
            act(session, Request(Wanted((number,)), signed(person)), found)


def emergency_message(press: Press) -> int:
    """The id of erin's message to parks, with leave to pass the gate that a stop closes."""
    press.suspend()
    at = Occurrence("2026-04-01T02:00", "UTC", clock.wall_us())
    message = emergency.Message({"parks": "Take shelter now."}, at, 60 * clock.SECOND)
    with access.acting(press.engine) as session:
        return emergency.send(session, signed("erin"), message).ids["parks"]
