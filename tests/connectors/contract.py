"""What every connector does, whatever its platform. A platform's test file subclasses and gives its `world`."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from config import clock
from connectors import exchange
from connectors.errors import NotSent
from connectors.protocol import Connector, Deadline, Inbound, Media, Message, Permit, Prepared, Search

TEXT = "The library on 3rd Street opens at 9 & closes at 5."
HOUR_US = 3600 * clock.SECOND


@dataclass(frozen=True)
class World:
    """A connector and its platform: `arrived` counts the publish requests that the platform has seen."""

    connector: Connector
    arrived: Callable[[], int]


def message(text: str = TEXT, media: tuple[Media, ...] = (), key: str = "post-7") -> Message:
    """A message of one key."""
    return Message(7, key, text, media)


def permit(seconds: float = 10.0, look: Callable[[], object] = lambda: None) -> Permit:
    """Leave for one request within `seconds`."""

    def last_look() -> None:
        look()

    return Permit(Deadline.after(seconds), last_look)


def search(not_these: frozenset[str] = frozenset()) -> Search:
    """The hour around now."""
    now = clock.wall_us()
    return Search(now - HOUR_US, now + HOUR_US, not_these)


def refuse() -> None:
    """A last look that finds the stop cell set."""
    raise NotSent("the stop cell holds S")


def broken() -> None:
    """A last look that fails in a way nobody foresaw."""
    raise RuntimeError("no such cell")


def clean(error: BaseException, canaries: tuple[str, ...]) -> None:
    """Fail when `error`, its traceback or its repr shows a URL or a canary, or its message is not one line."""
    shown = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
    assert "\n" not in str(error)
    assert "://" not in repr(error) + repr(vars(error))
    assert "access_token=" not in shown
    for canary in canaries:
        assert canary not in shown


class ConnectorContract:
    """Subclass it in tests/connectors/test_<platform>.py, with a fixture `world`: a platform without faults.

    `hears`: the connector offers what the public writes; then the subclass is an `InboundContract` as well.
    """

    hears = False

    def test_it_offers_what_the_public_writes_or_says_that_it_does_not(self, world: World) -> None:
        """RC-5: offered whole, or not at all."""
        offered = [name for name in ("inbound", "again") if hasattr(world.connector, name)]
        assert isinstance(world.connector, Inbound) is self.hears
        assert offered == (["inbound", "again"] if self.hears else [])
        world.connector.close()

    def test_it_is_a_connector(self, world: World) -> None:
        assert isinstance(world.connector, Connector)
        world.connector.close()

    def test_it_publishes_once_with_an_id_and_a_link(self, world: World) -> None:
        """KS-23 (twin): with leave, the post goes out."""
        published = world.connector.publish(message(), Prepared(), permit())
        assert published.remote_id
        assert "://" in published.link
        assert world.arrived() == 1

    def test_a_draft_is_what_is_sent_and_sends_nothing(self, world: World) -> None:
        """RC-1: the record that is made before the call tells the call."""
        draft = world.connector.draft(message(), Prepared())
        assert world.arrived() == 0
        assert b"Street" in draft.body
        with exchange.collected() as seen:
            world.connector.publish(message(), Prepared(), permit())
        assert [item.sent for item in seen] == [draft]
        assert seen[0].answer is not None
        assert world.arrived() == 1

    @pytest.mark.parametrize("look", [refuse, broken])
    def test_a_refused_last_look_means_that_nothing_arrives(self, world: World, look: Callable[[], None]) -> None:
        """KS-2, KS-4: whatever the last look raises, no byte goes out."""
        with pytest.raises(NotSent):
            world.connector.publish(message(), Prepared(), permit(look=look))
        assert world.arrived() == 0

    def test_a_deadline_that_has_passed_means_that_nothing_arrives(self, world: World) -> None:
        with pytest.raises(NotSent):
            world.connector.publish(message(), Prepared(), permit(-0.001))
        assert world.arrived() == 0

    def test_the_last_look_is_taken_once_and_before_anything_arrived(self, world: World) -> None:
        """KS-2: the look comes before the first byte."""
        seen: list[int] = []
        world.connector.publish(message(), Prepared(), permit(look=lambda: seen.append(world.arrived())))
        assert seen == [0]
        assert world.arrived() == 1

    def test_a_post_that_went_out_is_found_and_another_is_not(self, world: World) -> None:
        """KS-3: an unknown outcome can be settled by asking."""
        published = world.connector.publish(message(), Prepared(), permit())
        other = message("Something else.", key="post-8")
        assert world.connector.find(message(), search(), Deadline.after(10)) == published
        assert world.connector.find(other, search(), Deadline.after(10)) is None

    def test_a_post_known_to_be_another_is_not_found(self, world: World) -> None:
        published = world.connector.publish(message(), Prepared(), permit())
        known = search(frozenset({published.remote_id}))
        assert world.connector.find(message(), known, Deadline.after(10)) is None

    def test_an_empty_post_and_one_too_long_are_problems(self, world: World) -> None:
        limit = world.connector.length("").limit
        assert world.connector.problems(message()) == []
        assert len(world.connector.problems(message(""))) == 1
        assert world.connector.problems(message("a" * limit)) == []
        assert str(limit + 1) in world.connector.problems(message("a" * (limit + 1)))[0]
        assert world.connector.length("abc").count == 3

    def test_the_account_names_itself(self, world: World) -> None:
        assert world.connector.test(Deadline.after(10))
        assert world.arrived() == 0
