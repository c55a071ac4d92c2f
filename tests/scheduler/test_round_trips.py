"""How often a publish asks PostgreSQL: each time costs both sides more than the work itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scheduler import claim_rows
from scheduler.worker import Worker
from store.engine import writing
from tests.scheduler.press import Press
from tests.support.round_trips import RoundTrips

PUBLISH = {"claim": 7, "account": 1, "leave": 6, "outcome": 7}
"""Step → its round trips, the first to begin with the store's lock and the last to commit among them; one of the leave's keeps
the request, and a platform's answer would be one more."""
LOOK = 6
"""Round trips of a look at what is due, however many posts wait."""
ENOUGH = 8
"""Publishes after which the driver has prepared every statement."""


@pytest.fixture
def press(postgres_press: Press) -> Press:
    """On PostgreSQL alone, each publish asking for its channel's account as the daemon's do."""

    def connector_of(channel: str) -> Any:
        assert claim_rows.account_of(postgres_press.engine, channel) is not None
        return postgres_press.connector

    postgres_press.publisher.connector_of = connector_of
    return postgres_press


@pytest.fixture
def trips(press: Press, tmp_path: Path) -> RoundTrips:
    """Of the one connection that the press needs."""
    for _ in range(ENOUGH):
        assert press.publisher.publish_post(press.queue()) == "published"
    with writing(press.engine) as session:
        return RoundTrips(session.connection().connection.driver_connection, tmp_path / "trace")


def test_a_publish_takes_no_more_round_trips_than_the_protocol_asks_for(press: Press, trips: RoundTrips) -> None:
    number = press.queue()
    with trips.counting():
        assert press.publisher.publish_post(number) == "published"
    assert trips.count <= sum(PUBLISH.values())


def test_a_look_at_what_is_due_costs_the_same_for_one_post_and_many(press: Press, trips: RoundTrips) -> None:
    worker = Worker(press.engine, press.publisher, threads=1, poke=lambda: None)
    for more in (1, 20):
        for _ in range(more):
            press.queue(in_s=60)
        with trips.counting():
            worker._waiting()
        assert trips.count <= LOOK
    worker.close()
