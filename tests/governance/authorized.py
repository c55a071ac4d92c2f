"""A channel on its way to authorization, for the tests: each step by itself, so that any can be left out or moved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine

from governance import access, channels, days, people, training
from governance.authority import Identity
from store.engine import writing

ZONE = "UTC"
COURSE = "social-media"
CONDITIONS = (
    "department", "approval", "platform", "tool", "administrator", "strategy", "calendar", "training", "contact",
)  # fmt: skip
WORDS = {
    "department": "no department",
    "approval": "no department approval",
    "platform": "no approved platform",
    "tool": "no approved tool",
    "administrator": "no designated administrator",
    "strategy": "no written strategy",
    "calendar": "no content calendar",
    "training": "no completed training",
    "contact": "no contact",
}
"""How the line begins that names a condition as missing."""


def day(offset: int) -> str:
    """The day so many days from today."""
    return (days.current(ZONE) + timedelta(days=offset)).isoformat()


def do(engine: Engine, act: Callable[..., Any], *arguments: Any) -> Any:
    """What `act` gave in a transaction of its own; a refusal is logged."""
    with access.acting(engine) as session:
        return act(session, *arguments)


def person(engine: Engine, by: Identity, name: str, role: str | None = None, channel: str = "*") -> Identity:
    """A new person, signed in."""
    with writing(engine) as session:
        people.add_person(session, by, name, name.title())
        if role is not None:
            people.grant(session, by, name, role, channel)
        token = people.create_token(session, by, name).token
    return access.sign_in(engine, token)


def steps(
    engine: Engine,
    asks: Identity,
    approves: Identity,
    channel: str,
    administrator: str,
    on: Mapping[str, int] | None = None,
) -> dict[str, Callable[[], Any]]:
    """Condition → what fulfils it (the platform is approved anyway); `on`: days from today for those that are dated."""
    at = {"strategy": -20, "calendar": -20, "training": -20, "approval": -10} | dict(on or {})

    def ask(**asked: str) -> Callable[[], Any]:
        return lambda: do(engine, channels.request, asks, channel, channels.Asked(**asked))

    return {
        "department": ask(department="Parks"),
        "tool": ask(tool="standfast"),
        "contact": ask(contact="parks@example.org"),
        "administrator": ask(administrator=administrator),
        "strategy": lambda: do(
            engine, channels.document, asks, channel, "strategy", "file 1", day(at["strategy"]), ZONE
        ),
        "calendar": lambda: do(
            engine, channels.document, asks, channel, "calendar", "file 2", day(at["calendar"]), ZONE
        ),
        "training": lambda: do(
            engine, training.record, approves, administrator, COURSE, day(at["training"]), None, ZONE
        ),
        "approval": lambda: do(engine, channels.approve, approves, channel, day(at["approval"]), ZONE),
    }


def go(steps: Mapping[str, Callable[[], Any]], without: Iterable[str] = ()) -> None:
    """Do all steps but some; without any request, one that says nothing."""
    for name, step in steps.items():
        if name not in without:
            step()


def authorize(engine: Engine, asks: Identity, approves: Identity, channel: str, administrator: str) -> None:
    """Take the channel all the way."""
    go(steps(engine, asks, approves, channel, administrator))
    do(engine, channels.authorize, approves, channel)
