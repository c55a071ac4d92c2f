"""The city of a trial: its settings, its channels on the sandbox, and its posts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from config import clock
from scheduler.planning import content
from store.tables import Channel, ChannelGroup, Post
from tests.chaos.plan import Plan, PlannedPost

SETTINGS = {
    "send_deadline": 1.2,
    "prepare_deadline": 2,
    "lateness": 120,
    "spacing": 0,
    "release_spacing": 0,
    "retries": 4,
    "retry_first": 0.1,
    "retry_most": 0.5,
    "settle": 1.2,
    "look_every": 0.4,
    "threads": 3,
    "busy_timeout": 3,
}
PATIENT: dict[str, dict[str, float]] = {
    "": {},
    "word": {"send_deadline": 3.5, "settle": 3.5},
    "lift": {"send_deadline": 15, "settle": 15},
}
"""Who lies in ambush has time to write the whole request after it."""
SECRETS = {
    "x": ("consumer_key", "consumer_secret", "access_token", "access_token_secret"),
    "facebook": ("page_token",),
}
TOKEN = {"x": "access_token", "facebook": "page_token"}


def settings(drawn: Plan) -> dict[str, float]:
    """The city's settings."""
    patient = drawn.ambush == "receipt" or drawn.variant == "planner"  # a sweep has as long as a call
    return {**SETTINGS, **PATIENT["word" if patient else drawn.ambush]}


def city(drawn: Plan, url: str) -> Iterator[Channel | ChannelGroup]:
    """The channels of a plan and their groups; the secrets are in this process's environment from here on."""
    yield from (_channel(drawn, url, name) for name in drawn.channels)
    for group, members in drawn.groups.items():
        yield from (ChannelGroup(channel=member, name=group) for member in members)


def _channel(drawn: Plan, url: str, name: str) -> Channel:
    platform, owner = drawn.channels[name], _owner(drawn, name)
    settings = {"base_url": url}
    settings |= {"user_id": owner, "handle": "city"} if platform == "x" else {"page_id": owner}
    secrets = {secret: f"{name}_{secret}".upper() for secret in SECRETS[platform]}
    os.environ.update({variable: f"{owner}-{secret}" for secret, variable in secrets.items()})
    return Channel(name=name, platform=platform, settings=settings, secrets=secrets, created_at=0)


def _owner(drawn: Plan, name: str) -> str:
    return f"{9_000_000 + drawn.seed * 10 + list(drawn.channels).index(name)}{os.getpid()}"


def token(drawn: Plan, name: str) -> str:
    """The account by which the sandbox knows this channel of this trial."""
    return f"{_owner(drawn, name)}-{TOKEN[drawn.channels[name]]}"


def tag_of(text: str) -> str:
    """The first word of a post's text: by it the post is known whatever else is edited or restored."""
    return text.partition(" ")[0]


def post(item: PlannedPost, tag: str, now_us: int) -> Post:
    """A post that falls due as planned, counted from `now_us`."""
    due, text = now_us + int(item.due_s * clock.SECOND), f"{tag} A word."
    return Post(
        channel=item.channel,
        text=text,
        content_hash=content.content_hash(text, []),
        local_time="",
        zone="UTC",
        due_at=due,
        ready_at=due,
        lateness_us=int(SETTINGS["lateness"]) * clock.SECOND,
        author="ana",
        created_at=now_us,
        updated_at=now_us,
    )


def told(row: Post) -> dict[str, Any]:
    """What a diary keeps of a post."""
    return {"id": row.id, "post": tag_of(row.text), "text": row.text, "channel": row.channel, "due_us": row.due_at}
