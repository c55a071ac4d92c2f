"""The running daemon hears the public: its words become records, while the city is silent as well, and answer nobody (RC-5)."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from sqlmodel import col, select

from store.engine import reading
from store.record_tables import Record, RecordContent
from store.tables import LogEntry
from tests.support.city import City
from tests.support.live_city import FACEBOOK, LiveCity, X, live_city, until

WORDS = "When does the pool open?"


@pytest.fixture
def live(city: City) -> Iterator[LiveCity]:
    with live_city(city) as made:
        yield made


def _heard(live: LiveCity) -> dict[str, str]:
    """By channel: the words that records hold of the public, once the chain names them."""
    query = select(Record.channel, RecordContent.body).join(RecordContent, RecordContent.sha256 == Record.sha256)
    sealed = query.where(Record.series == "inbound", col(Record.entry_seq).is_not(None))
    with reading(live.engine) as session:
        return {str(channel): json.loads(body or b"{}")["text"] for channel, body in session.exec(sealed).all()}


def test_the_public_is_heard_while_the_city_is_silent(live: LiveCity) -> None:
    """RC-5, KS-2: a stop keeps nothing of what others write from the records; after the resume posts go out as before."""
    live.crisis("--reason", "tornado")
    live.sandbox.say("facebook", "100200", "visitor", WORDS)
    waiting = live.queue(X, "The pool opens at ten.")
    live.start_daemon()
    until(lambda: _heard(live) == {FACEBOOK: WORDS}, "the words are a record that the chain names", 60)
    assert live.sandbox.arrivals() == []
    assert live.post(waiting).state == "scheduled"
    live.resume()
    assert live.run("post", "release", str(waiting), who="omar").returncode == 0
    live.await_state(waiting, "published")
    assert live.texts() == ["The pool opens at ten."]
    with reading(live.engine) as session:
        told = [entry.detail for entry in session.exec(select(LogEntry)).all()]
    assert not any(WORDS in json.dumps(detail) for detail in told)
