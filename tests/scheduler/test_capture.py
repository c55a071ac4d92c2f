"""RC-1: each attempt's request is a record before it goes out, its answer with the outcome; neither holds a secret."""

from __future__ import annotations

import json
import shutil
from collections import namedtuple
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import select

from connectors.errors import Uncertain
from connectors.facebook import FacebookConnector
from connectors.protocol import Account
from connectors.x import XConnector
from records import archive, verify
from sandbox.client import Client
from scheduler import capture, reconciler
from store.engine import reading, writing
from store.record_tables import Record, RecordContent
from store.tables import Attempt
from tests.scheduler.press import Press

SECRETS = {
    "consumer_key": "consumer-key-1",
    "consumer_secret": "consumer-secret-1",
    "access_token": "815-token+one/x",
    "access_token_secret": "token-secret-1",
}


def _kept(press: Press) -> list[tuple[Record, bytes]]:
    query = select(Record, RecordContent.body).join(RecordContent, RecordContent.sha256 == Record.sha256)
    with reading(press.engine) as session:
        found = session.exec(query.where(Record.series.in_(("request", "answer"))).order_by(Record.id)).all()
        session.expunge_all()
    return [(record, bytes(body or b"")) for record, body in found]


def _series(press: Press) -> list[tuple[str, int | None]]:
    return [(record.series, record.attempt_id) for record, _ in _kept(press)]


def _page(box: Client) -> FacebookConnector:
    settings = {"page_id": "815", "base_url": box.url}
    return FacebookConnector(Account("parks", "facebook", settings, {"page_token": "page-token-1"}))


def _x(box: Client) -> XConnector:
    return XConnector(Account("parks", "x", {"base_url": box.url, "user_id": "815", "handle": "city"}, SECRETS))


@pytest.mark.parametrize("make", [_page, _x])
def test_a_published_post_has_its_request_and_its_answer(press: Press, box: Client, make: Any) -> None:
    """Byte for byte as messages of HTTP, and with no secret in any form."""
    connector = make(box)
    press.publisher.connector_of = lambda _: connector
    post = press.queue(text="The pool opens at nine — bring a towel.")
    assert press.publisher.publish_post(post) == "published"
    (request, sent), (answer, told) = _kept(press)
    assert (request.series, request.post_id, request.attempt_id) == ("request", post, 1)
    assert sent.startswith(b"POST /")
    assert b"bring" in sent
    assert told.startswith(b"HTTP/1.1 20")
    assert json.loads(answer.facts)["status"] in (200, 201)
    arrived = box.arrivals()[-1]
    assert any(secret in str(arrived) for secret in ("page-token-1", "815-token", "consumer-key-1"))
    for data in (sent, told, request.facts.encode(), answer.facts.encode()):
        assert not [secret for secret in ("page-token-1", *SECRETS.values(), "815-token%2B") if secret.encode() in data]


def test_the_request_is_kept_before_it_goes_out(press: Press) -> None:
    """Whoever dies in the call leaves its request."""
    seen: list[list[tuple[str, int | None]]] = []
    press.connector.on_publish = lambda _: seen.append(_series(press)) or (_ for _ in ()).throw(Uncertain("no answer"))
    assert press.publisher.publish_post(press.queue()) == "unknown"
    assert seen == [[("request", 1)]]


def test_without_leave_there_is_no_request(press: Press) -> None:
    press.connector.on_prepare = lambda: press.suspend() and None
    assert press.publisher.publish_post(press.queue()) == "aborted"
    assert _series(press) == []
    assert press.connector.published == []


def test_a_store_that_takes_no_record_lets_nothing_out(press: Press) -> None:
    """The twin is every other test here."""
    with writing(press.engine) as session:
        session.execute(text("ALTER TABLE record RENAME TO lost"))
    assert press.publisher.publish_post(press.queue()) in ("not_sent", "owed")
    assert press.connector.published == []


@pytest.mark.parametrize("free", [0, capture.ROOM])
def test_nothing_is_sent_where_its_record_would_find_no_room(
    sqlite_press: Press, monkeypatch: pytest.MonkeyPatch, free: int
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1, 1, free))
    post = sqlite_press.queue()
    state = sqlite_press.publisher.publish_post(post)
    assert (state, len(sqlite_press.connector.published)) == (("published", 1) if free else ("not_sent", 0))
    with reading(sqlite_press.engine) as session:
        detail = session.exec(select(Attempt.detail)).one()
    assert ("make room" in str(detail)) is not bool(free)


def test_what_was_found_later_has_the_look_that_found_it(press: Press, box: Client) -> None:
    connector = _page(box)
    press.publisher.connector_of = lambda _: connector
    post = press.queue()
    box.fault(name="reset_after", platform="facebook")
    assert press.publisher.publish_post(post) == "unknown"
    before = _series(press)
    assert before == [("request", 1), ("answer", 1)]
    assert "failure" in json.loads(_kept(press)[1][0].facts)
    found = reconciler.reconcile(
        press.engine, press.settings, lambda _: connector, press.essential.data_dir, only=frozenset((1,))
    )
    assert found == {1: "published"}
    assert _series(press) == [*before, ("request", 1), ("answer", 1)]
    assert b"published_posts" in _kept(press)[2][1]


def test_the_chain_names_what_was_exchanged(press: Press, box: Client) -> None:
    """RC-2."""
    connector = _page(box)
    press.publisher.connector_of = lambda _: connector
    press.publisher.publish_post(press.queue())
    archive.catch_up(press.engine, press.essential.data_dir)
    assert {record.entry_seq is not None for record, _ in _kept(press)} == {True}
    assert verify.verify(press.engine).ok
