"""What was right when a post was queued is looked at again when it is claimed, and again before it is sent (GV-5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from config import clock
from connectors.protocol import Prepared
from governance import catalog, channels, people, rules, training
from scheduler.planning import channel_service
from scheduler.planning.channel_service import House, Spec
from store.engine import writing
from store.governance_tables import Approval, ChannelAuthorization
from store.tables import Post
from tests.scheduler import cleared
from tests.scheduler.press import STEWARD, Press
from tests.scheduler.test_round_trips import ENOUGH, PUBLISH
from tests.support.round_trips import RoundTrips

Act = Callable[[Press, int], object]


@pytest.fixture(autouse=True)
def _no_rules() -> Iterator[None]:
    yield
    rules.use(rules.Rules())


def _do(act: Callable[..., Any], *arguments: Any) -> Act:
    def done(press: Press, _: int) -> None:
        with writing(press.engine) as session:
            act(session, STEWARD, *arguments)

    return done


def _changed(table: Any, **values: Any) -> Act:
    return lambda press, number: press.change(table, number if table is Post else 1, **values)


def _moved(press: Press, number: int) -> None:
    press.change(Post, number, due_at=press.post(number).due_at - 48 * 3600 * clock.SECOND, lateness_us=10**13)


def _account_changed(press: Press, _: int) -> None:
    house = House(press.essential.root, press.essential.data_dir, 0, clock.SECOND)
    with writing(press.engine) as session:
        channel_service.add(session, STEWARD, [Spec("parks", "outbox", settings={"folder": "elsewhere"})], house)


REVOKED: dict[str, tuple[Act, str]] = {
    "the author leaves": (_do(people.mark_left, "ann"), "ann has left"),
    "the author loses the role": (_do(people.revoke_grant, "ann", "administrator"), "ann does not hold 'queue'"),
    "the author is no employee": (_do(people.employ, "ann", "contractor", None), "ann is here as contractor"),
    "the author's training is revoked": (_do(training.revoke, 1), "ann has no training 'social-media' on record"),
    "the approver leaves": (_do(people.mark_left, "omar"), "its approval no longer counts: omar has left"),
    "the approver loses the role": (_do(people.revoke_grant, "omar", "operator"), "omar does not hold 'release'"),
    "the approver is no employee": (_do(people.employ, "omar", "volunteer", None), "omar is here as volunteer"),
    "the approver's training is revoked": (_do(training.revoke, 2), "omar has no training"),
    "the channel is suspended": (_do(channels.suspend, "parks", "a look"), "the channel parks is suspended"),
    "the channel is retired": (_do(channels.retire, "parks", "merged"), "the channel parks is retired"),
    "its account is changed": (_account_changed, "the channel parks is requested, not authorized (its account was changed"),
    "its administrator leaves": (_do(people.mark_left, "sam"), "the authorization of parks has lapsed: its administrator"),
    "its administrator's training is revoked": (_do(training.revoke, 5), "sam has no training"),
    "the platform is prohibited": (
        _do(catalog.decide, "platform", "outbox", "prohibited", "law", "memo"), "its platform outbox is prohibited",
    ),
    "the tool is retired": (_do(catalog.decide, "tool", "standfast", "retired", "old", "memo"), "its tool standfast is"),
    "it is asked for anew": (_do(channels.request, "parks", channels.Asked(contact="x")), "the channel parks is requested"),
    "the approval expires": (_changed(Approval, expires_at=1), "its approval expired at 1970-01-01"),
    "the approval is voided": (_changed(Approval, voided_at=1, void_reason="so"), "its approval is void: so"),
    "the approval was for other words": (_changed(Approval, content_hash="h"), "its content changed after it was approved"),
    "its time was moved": (_moved, "and moved by more than 24 h"),
    "its topic asks for more": (_changed(Post, tags=["election"]), "only 1 of the 2 approvals that sensitive asks for"),
    "the author is the approver": (_changed(Post, author="omar"), "omar approved a post of their own"),
}  # fmt: skip


@pytest.fixture
def asking(press: Press) -> Press:
    """A press in a city that asks for everything."""
    cleared.furnish(press)
    return press


def test_a_post_that_lacks_nothing_goes_out(asking: Press) -> None:
    """GV-5, CT-1: the twin of all that follow."""
    number = cleared.approved(asking)
    assert asking.publisher.publish_post(number) == "published"


@pytest.mark.parametrize("what", REVOKED)
def test_what_ends_before_the_claim_holds_the_post(asking: Press, what: str) -> None:
    """GV-3, GV-5, CT-1: held with the reason, nothing sent, and entered in the log."""
    number, (act, expected) = cleared.approved(asking), REVOKED[what]
    act(asking, number)
    assert asking.publisher.publish_post(number) == "held"
    assert expected in (asking.post(number).hold_reason or "")
    assert asking.connector.published == []
    assert asking.log("hold")[-1].subject == f"post {number}"


@pytest.mark.parametrize("what", REVOKED)
def test_what_ends_between_claim_and_leave_sends_nothing(asking: Press, what: str) -> None:
    """GV-5: the leave to send looks again at all that the claim looked at."""
    number, (act, expected) = cleared.approved(asking), REVOKED[what]

    def meanwhile() -> Prepared:
        act(asking, number)
        return Prepared()

    asking.connector.on_prepare = meanwhile
    assert asking.publisher.publish_post(number) == "aborted"
    assert asking.connector.published == []
    assert asking.states(number) == (["aborted"], "held")
    assert expected in (asking.post(number).hold_reason or "")


def test_without_any_approval_nothing_goes_out(asking: Press) -> None:
    """CT-1."""
    number = asking.queue()
    assert asking.publisher.publish_post(number) == "held"
    assert asking.post(number).hold_reason == "nobody has approved it"


def test_a_channel_that_nobody_asked_for_publishes_nothing(asking: Press) -> None:
    """GV-1, GV-5."""
    number = cleared.approved(asking, channel="pool")
    assert asking.publisher.publish_post(number) == "held"
    assert "pool is not authorized" in (asking.post(number).hold_reason or "")


@pytest.mark.parametrize("setting", ["channel_authorization", "approval"])
def test_what_the_city_does_not_ask_for_holds_nothing(asking: Press, setting: str) -> None:
    """The twin: without the setting the same post goes out; the other one still counts."""
    without: Any = {"channel_authorization": False, "approval": "none"}[setting]
    asking.publisher = asking.publisher_of(**(cleared.ASKED | {setting: without}))
    is_approval = setting == "approval"
    number = asking.queue() if is_approval else cleared.approved(asking, channel="pool")
    assert asking.publisher.publish_post(number) == "published"
    other = asking.queue("pool") if is_approval else asking.queue()
    assert asking.publisher.publish_post(other) == "held"


def test_two_approvals_are_two_people(asking: Press) -> None:
    """CT-1: a tier that asks for two."""
    number = asking.queue(in_s=3600, tags=["election"])
    cleared.review(asking, number)
    cleared.review(asking, number, by="olga", submit=False)
    asking.change(Post, number, ready_at=1, due_at=asking.post(number).created_at)
    assert asking.publisher.publish_post(number) == "published"


def test_an_emergency_message_waits_for_no_paper(asking: Press) -> None:
    """KS-14: the lane asks for its author's right and employment; GV-4: a contractor's message is held."""
    number = cleared.emergency_message(asking)
    with writing(asking.engine) as session:
        session.delete(session.get_one(ChannelAuthorization, "parks"))
    assert asking.publisher.publish_post(number) == "published"


def test_an_emergency_message_of_a_contractor_is_held(asking: Press) -> None:
    """GV-4."""
    number = cleared.emergency_message(asking)
    _do(people.employ, "erin", "contractor", None)(asking, number)
    assert asking.publisher.publish_post(number) == "held"
    assert "only employees may post" in (asking.post(number).hold_reason or "")


def test_what_the_city_asks_for_costs_no_further_round_trip(postgres_press: Press, tmp_path: Any) -> None:
    """GV-5: read with the post, in the statement that a claim makes anyway."""
    cleared.furnish(postgres_press)
    for _ in range(ENOUGH):
        assert postgres_press.publisher.publish_post(cleared.approved(postgres_press)) == "published"
    number = cleared.approved(postgres_press)
    with writing(postgres_press.engine) as session:
        trips = RoundTrips(session.connection().connection.driver_connection, tmp_path / "trace")
    with trips.counting():
        assert postgres_press.publisher.publish_post(number) == "published"
    assert trips.count <= sum(PUBLISH.values())
