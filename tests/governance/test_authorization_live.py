"""Between queueing and the due time somebody loses what they need: the running daemon holds the post, and the sandbox saw none.

Each post has its twin, which lacks nothing and goes out first on the same channel by the same people.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from config import clock
from governance import access, people, rules, tiers, training
from governance.authority import Identity
from scheduler.planning import post_review
from scheduler.planning.post_run import Request
from scheduler.planning.post_selection import Wanted
from store.engine import writing
from tests.governance import authorized
from tests.support.city import City
from tests.support.live_city import LiveCity, X, live_city, until

STEW = Identity("stew", "Stew Ward", "token")
COURSE = "social-media"
ASKED = {"channel_authorization": True, "training": COURSE, "approval": "required"}
DECIDED = ("--status", "prohibited", "--reason", "the law", "--source", "memo 7")
REVOKED: dict[str, tuple[tuple[str, ...], str]] = {
    "author": (("people", "revoke", "ann", "administrator"), "ann does not hold 'queue' on channel parks-x"),
    "author's employment": (("people", "employ", "ann", "--employment", "contractor"), "only employees may post"),
    "training": (("people", "untrain", "1"), "ann has no training 'social-media' on record"),
    "approver": (("people", "revoke", "olga", "operator"), "its approval no longer counts: olga does not hold 'release'"),
    "approver leaves": (("people", "leave", "olga"), "its approval no longer counts: olga has left"),
    "channel": (("channel", "suspend", X, "--reason", "under review"), f"the channel {X} is suspended"),
    "administrator": (("people", "leave", "sam"), f"the authorization of {X} has lapsed: its administrator"),
    "platform": (("channel", "platform", "x", *DECIDED), "its platform x is prohibited"),
}  # fmt: skip


@pytest.fixture
def live(city: City) -> Iterator[LiveCity]:
    """A city that asks for authorization, training and approval, with everything in order; once on each database."""
    with live_city(city, **ASKED) as made:
        rules.use(rules.Rules(COURSE, True, True))
        _furnish(made)
        yield made
        rules.use(rules.Rules())


def _furnish(live: LiveCity) -> None:
    """`ann` writes, `olga` approves, `sam` administers, `omar` asks and `stew` authorizes."""
    with writing(live.engine) as session:
        people.add_person(session, STEW, "sam", "Sam")
        people.grant(session, STEW, "sam", "administrator")
        for person in ("ann", "olga"):
            training.record(session, STEW, person, COURSE, authorized.day(-20), None, authorized.ZONE)
    omar = Identity("omar", "Omar", "token")
    authorized.authorize(live.engine, omar, STEW, X, "sam")


def _approved(live: LiveCity, text: str, in_s: float) -> int:
    """The id of ann's post, approved by olga, due in so many seconds."""
    number = live.queue(X, text, in_s)
    found = tiers.read(tiers.SHIPPED)
    for person, act in (("ann", post_review.submit), ("olga", post_review.approve)):
        with access.acting(live.engine) as session:
            act(session, Request(Wanted((number,)), Identity(person, person.title(), "token")), found)
    return number


@pytest.mark.parametrize("what", REVOKED)
def test_what_is_revoked_after_queueing_is_not_sent(live: LiveCity, what: str) -> None:
    """GV-3, GV-5, GV-8: revoked by a command while the daemon runs; the post is held with that reason, nothing has arrived."""
    command, expected = REVOKED[what]
    twin, number = _approved(live, "the twin", 1), _approved(live, "never", 12)
    live.start_daemon()
    live.await_state(twin, "published")
    ran = live.run(*command, who="stew")
    assert ran.returncode == 0, ran.stderr
    assert clock.wall_us() < live.post(number).due_at, "this machine is too slow for the test"
    live.await_state(number, "held", within_s=40)
    assert expected in (live.post(number).hold_reason or "")
    until(lambda: clock.wall_us() > live.post(number).due_at + clock.SECOND, "its time has passed")
    assert live.texts() == ["the twin"]
    assert [item.state for item in live.attempts(number)] == []


def test_who_leaves_has_their_posts_held_at_once(live: LiveCity) -> None:
    """GV-8: not only when due; the twin is another person's."""
    number, other = _approved(live, "ann's", 20), live.queue(X, "olga's", 6, author="olga")
    with access.acting(live.engine) as session:
        found = tiers.read(tiers.SHIPPED)
        post_review.submit(session, Request(Wanted((other,)), Identity("olga", "Olga", "token")), found)
    with access.acting(live.engine) as session:
        training.record(session, STEW, "omar", COURSE, authorized.day(-1), None, authorized.ZONE)
        post_review.approve(session, Request(Wanted((other,)), Identity("omar", "Omar", "token")), found)
    live.start_daemon()
    ran = live.run("people", "leave", "ann", who="stew")
    assert "1 scheduled post(s) held" in ran.stderr
    assert clock.wall_us() < live.post(number).due_at
    assert live.post(number).hold_reason == "ann, whose post it is, has left"
    assert live.run("whoami", who="ann").returncode == 1
    live.await_state(other, "published")
    assert live.texts() == ["olga's"]
