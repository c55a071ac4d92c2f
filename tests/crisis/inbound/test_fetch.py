"""RC-5: what the public writes becomes record: once, with its edits and deletions, however the platform fails meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func
from sqlmodel import col, select

from config import clock
from connectors.errors import CannotTell, ConnectorError, RateLimited, Unfinished
from connectors.facebook import FacebookConnector
from connectors.protocol import Account, Connector, Deadline, Heard, Prepared, Search
from connectors.x import XConnector
from crisis.inbound import fetch, watch
from crisis.inbound.fetch import Fetcher
from records import archive, inbound, verify
from sandbox import client
from sandbox.client import Client
from store.engine import reading, writing
from store.inbound_tables import InboundCursor, InboundItem
from store.record_tables import Record, RecordContent
from store.tables import Attempt, Channel, Post
from tests.connectors.contract import message, permit

X, HALL = "parks-x", "hall-facebook"
SECRETS = {name: f"4711-{name}" for name in ("consumer_key", "consumer_secret", "access_token", "access_token_secret")}


@pytest.fixture(scope="module")
def _sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with client.start(tmp_path_factory.mktemp("sandbox") / "arrivals.jsonl") as box:
        yield box


@pytest.fixture
def box(_sandbox: Client) -> Client:
    _sandbox.reset()
    return _sandbox


def opened(box: Client) -> dict[str, Connector]:
    page = Account(HALL, "facebook", {"base_url": box.url, "page_id": "815"}, {"page_token": "815-hall"})
    return {X: XConnector(Account(X, "x", {"base_url": box.url}, SECRETS)), HALL: FacebookConnector(page)}


@pytest.fixture
def fetcher(box: Client, engine: Engine) -> Iterator[Fetcher]:
    connectors = opened(box)
    yield Fetcher(engine, connectors.__getitem__, "ann", by_hand=True)
    for connector in connectors.values():
        connector.close()


def posted(fetcher: Fetcher, channel: str) -> str:
    """The id of a post of ours there."""
    return fetcher.connector_of(channel).publish(message(), Prepared(), permit()).remote_id


def kept(engine: Engine) -> list[tuple[Record, dict[str, Any]]]:
    """The records of the series, oldest first, each with its content."""
    query = select(Record, RecordContent.body).join(RecordContent, col(RecordContent.sha256) == col(Record.sha256))
    with reading(engine) as session:
        found = session.exec(query.where(Record.series == "inbound").order_by(col(Record.id))).all()
        session.expunge_all()
    return [(record, json.loads(body or b"{}")) for record, body in found]


def changes(engine: Engine) -> list[tuple[str, str]]:
    return [(content["change"], content.get("text", "")) for _, content in kept(engine)]


def test_each_item_becomes_one_record_with_all_that_the_platform_told(
    box: Client, engine: Engine, fetcher: Fetcher, tmp_path: Path
) -> None:
    """RC-5: on each platform; who wrote it stands in the content alone; the chain names them and verifies."""
    on_x, on_page = posted(fetcher, X), posted(fetcher, HALL)
    box.say("x", "4711", "reply", "When does it open?", under=on_x)
    box.say("x", "4711", "mention", "Look at this, city")
    comment = box.say("facebook", "815", "comment", "Why so late?", under=on_page, author="Rudy Rude")
    box.say("facebook", "815", "comment", "Because", under=comment)
    box.say("facebook", "815", "visitor", "A pothole")
    assert fetcher.run(X).changes == {"new": 2}
    assert fetcher.run(HALL).changes == {"new": 3}
    found = kept(engine)
    assert sorted((record.channel, content["kind"], content["text"]) for record, content in found) == [
        (HALL, "comment", "Because"),
        (HALL, "comment", "Why so late?"),
        (HALL, "post", "A pothole"),
        (X, "mention", "Look at this, city"),
        (X, "reply", "When does it open?"),
    ]
    for record, content in found:
        assert (record.actor, record.subject) == ("ann", f"inbound {content['remote_id']}")
        assert record.at == content["at"]
        assert json.loads(content["raw"])
        assert content["link"].startswith("https://")
        for private in (content["text"], content["author"], "Rudy", "Pat"):
            assert private not in record.facts + record.subject
    answer = next(content for _, content in found if content["text"] == "Because")
    assert answer["in_reply_to"] == comment
    archive.catch_up(engine, tmp_path)
    assert verify.verify(engine).ok
    with reading(engine) as session:
        assert session.exec(select(func.count()).select_from(Record).where(col(Record.entry_seq).is_(None))).one() == 0


def test_the_same_again_is_kept_once(box: Client, engine: Engine, fetcher: Fetcher) -> None:
    """RC-5: looks overlap, and nothing is kept twice."""
    post = posted(fetcher, HALL)
    box.say("facebook", "815", "comment", "Hello", under=post)
    assert [dict(fetcher.run(HALL).changes) for _ in range(3)] == [{"new": 1}, {}, {}]
    assert len(kept(engine)) == 1


def test_what_arrives_late_is_not_lost(box: Client, engine: Engine, fetcher: Fetcher) -> None:
    """RC-5: something that the platform shows only after the look that should have had it."""
    posted(fetcher, X)
    fetcher.run(X)
    box.say("x", "4711", "mention", "Late", seconds_ago=1800)
    assert fetcher.run(X).changes == {"new": 1}
    box.say("x", "4711", "mention", "Too late", seconds_ago=7200)
    assert fetcher.run(X).changes == {}


@pytest.mark.parametrize(("channel", "kind", "owner"), [(X, "reply", "4711"), (HALL, "comment", "815")])
def test_edits_and_deletions_are_noticed(
    box: Client, engine: Engine, fetcher: Fetcher, channel: str, kind: str, owner: str
) -> None:
    """RC-5: an edit is a new record of the same id, a deletion one that says so; what stood before is still there."""
    platform = channel.partition("-")[2]
    post = posted(fetcher, channel)
    number = box.say(platform, owner, kind, "First", under=post)
    box.say(platform, owner, kind, "Other", under=post)
    fetcher.run(channel)
    box.reword(number, "Second")
    assert fetcher.run(channel).changes == {"edited": 1}
    box.unsay(number)
    assert fetcher.run(channel).changes == {"gone": 1}
    assert fetcher.run(channel).changes == {}
    mine = [(record, content) for record, content in kept(engine) if content["remote_id"] == number]
    assert [(content["change"], content.get("text")) for _, content in mine] == [
        ("new", "First"),
        ("edited", "Second"),
        ("gone", None),
    ]
    numbers = [record.id for record, _ in mine]
    assert [json.loads(record.facts).get("before") for record, _ in mine] == [None, *numbers[:2]]
    with reading(engine) as session:
        item = session.exec(select(InboundItem).where(InboundItem.remote_id == number)).one()
        assert (item.first_record, item.record) == (numbers[0], numbers[2])
        assert item.gone_at is not None


def test_a_conversation_is_led_back_to_its_post(box: Client, engine: Engine, fetcher: Fetcher) -> None:
    """RC-5: also from further down."""
    remote, now = posted(fetcher, HALL), clock.wall_us()
    with writing(engine) as session:
        times: dict[str, Any] = {"due_at": now, "ready_at": now, "lateness_us": 1, "created_at": now, "updated_at": now}
        post = Post(channel=HALL, text="t", content_hash="-", local_time="-", zone="UTC", author="ann", **times)
        session.add(post)
        session.flush()
        made: dict[str, Any] = {"state": "published", "worker": "w", "claim_epoch": 1, "claimed_at": now}
        session.add(
            Attempt(post_id=post.id, channel=HALL, idempotency_key="k", content_hash="-", remote_id=remote, **made)
        )
        number = post.id
    first = box.say("facebook", "815", "comment", "First", under=remote)
    box.say("facebook", "815", "comment", "Below", under=first)
    box.say("facebook", "815", "visitor", "Elsewhere")
    fetcher.run(HALL)
    assert {content["text"]: record.post_id for record, content in kept(engine)} == {
        "First": number,
        "Below": number,
        "Elsewhere": None,
    }


def test_a_failure_keeps_what_was_heard_and_reads_the_same_again(box: Client, engine: Engine, fetcher: Fetcher) -> None:
    """RC-5: X's mentions are read, its search fails; the next look has both, each once."""
    post = posted(fetcher, X)
    box.say("x", "4711", "mention", "Hello")
    box.say("x", "4711", "aside", "Below", under=post)
    box.fault("500", kind="other", path="search/recent")
    found = fetcher.run(X)
    assert found.changes == {"new": 1}
    assert "x answered 500" in (found.trouble or "")
    assert _cursor(engine, X).read_to is None
    assert fetcher.run(X).changes == {"new": 1}
    assert sorted(changes(engine)) == [("new", "Below"), ("new", "Hello")]
    assert _cursor(engine, X).trouble is None


def _cursor(engine: Engine, channel: str) -> InboundCursor:
    with reading(engine) as session:
        found = inbound.cursor_of(session, channel)
        session.expunge_all()
    return found


def test_a_platform_that_asks_to_wait_is_not_asked_before(box: Client, engine: Engine, fetcher: Fetcher) -> None:
    """RC-5: rate limits are respected."""
    posted(fetcher, X)
    box.fault("429_reset", kind="other", seconds=300, path="mentions")
    fetcher.run(X)
    before = len(box.arrivals("other"))
    assert "asked to wait until" in (fetcher.run(X).trouble or "")
    assert len(box.arrivals("other")) == before
    with writing(engine) as session:
        session.get_one(InboundCursor, X).not_before = clock.wall_us() - 1
    assert fetcher.run(X).trouble is None
    assert len(box.arrivals("other")) > before


class Scripted:
    """A connector that tells what it was given; whoever would publish with it fails."""

    platform = "scripted"

    def __init__(self, *looks: Sequence[Heard] | Exception) -> None:
        self.looks, self.asked = list(looks), list[Search]()
        self.now: dict[str, Heard | None] | Exception = {}

    def inbound(self, search: Search, deadline: Deadline) -> Iterator[Heard]:
        self.asked.append(search)
        told = self.looks.pop(0) if self.looks else []
        yield from told if not isinstance(told, Exception) else []
        if isinstance(told, Exception):
            raise told

    def again(self, remote_ids: Sequence[str], deadline: Deadline) -> dict[str, Heard | None]:
        if isinstance(self.now, Exception):
            raise self.now
        return {number: item for number, item in self.now.items() if number in remote_ids}


def heard(number: str, text: str = "Hello", ago_s: float = 60, **more: Any) -> Heard:
    at = clock.wall_us() - int(ago_s * clock.SECOND)
    return Heard(**({"remote_id": number, "kind": "reply", "author": "Pat", "text": text, "at_us": at} | BARE | more))


BARE: dict[str, Any] = {"in_reply_to": "", "link": "https://x.example/1", "raw": b"{}"}


def scripted(engine: Engine, connector: Scripted, **more: Any) -> Fetcher:
    def of(channel: str) -> Any:
        return connector

    return Fetcher(engine, of, "standfast", **more)


def test_a_look_without_end_goes_on_where_it_ended_and_then_with_what_came_meanwhile(engine: Engine) -> None:
    """RC-5: a flood is read in several looks, and nothing between them is lost."""
    until = clock.wall_us() - 50 * clock.SECOND
    connector = Scripted(Unfinished("more", until), [heard("2")], [heard("3")])
    own = scripted(engine, connector)
    begun = clock.wall_us()
    assert own.run("c").unfinished
    between = clock.wall_us()
    assert not own.run("c").unfinished
    own.run("c")
    first, second, third = connector.asked
    assert (second.since_us, second.until_us) == (first.since_us, until)
    assert begun <= third.since_us + inbound.OVERLAP_US <= between
    assert third.until_us > between
    assert [content["remote_id"] for _, content in kept(engine)] == ["2", "3"]


@pytest.mark.parametrize(
    "error", [CannotTell("no"), RateLimited("limit"), RuntimeError("nobody foresaw it"), ConnectorError("x")]
)
def test_a_surprise_is_told_and_nothing_is_called_gone(engine: Engine, error: Exception) -> None:
    """RC-5: of any kind."""
    connector = Scripted([heard("1")], error)
    own = scripted(engine, connector, by_hand=True)
    connector.now = {}
    own.run("c")
    assert own.run("c").trouble
    connector.now = error
    assert own.run("c").trouble if not isinstance(error, RateLimited) else True
    assert [content["change"] for _, content in kept(engine)] == ["new"]


def test_what_comes_back_is_a_record_too(engine: Engine) -> None:
    connector = Scripted([heard("1")], [], [heard("1")])
    connector.now = {"1": None}
    own = scripted(engine, connector, by_hand=True)
    assert [dict(own.run("c").changes) for _ in range(3)] == [{"new": 1}, {"gone": 1}, {"back": 1}]


@pytest.mark.parametrize(
    "item",
    [
        heard("1", "\0\ud800\U0001f600" + "x" * 100_000),
        heard("1", "", author=""),
        heard("\0\ud800" + "9" * 1000),
        heard("1", at_us=None),
        heard("1", at_us=-1, raw=b"\xff\0"),
        heard("1", in_reply_to="\0", author="\ud800"),
    ],
)
def test_strange_words_are_kept_as_they_came_and_once(engine: Engine, item: Heard) -> None:
    """RC-5."""
    own = scripted(engine, Scripted([item], [item]))
    assert [dict(own.run("c").changes) for _ in range(2)] == [{"new": 1}, {}]
    ((_, content),) = kept(engine)
    assert (content["text"], content["author"], content["at"]) == (item.text, item.author, item.at_us)


def test_the_daemon_looks_again_ever_more_seldom(engine: Engine) -> None:
    """RC-5: what is an hour old after an hour, what is two days old after two days; after a week no more."""
    connector = Scripted([heard("1", ago_s=3600), heard("2", ago_s=2 * 86400), heard("3", ago_s=8 * 86400)])
    scripted(engine, connector).run("c")

    def due(hours: float) -> list[str]:
        with writing(engine) as session:
            for item in session.exec(select(InboundItem)):
                item.written_at -= int(hours * 3600 * clock.SECOND)
                item.looked_at -= int(hours * 3600 * clock.SECOND)
        with reading(engine) as session:
            return sorted(inbound.due(session, "c", 10))

    assert due(0.4) == []
    assert due(0.7) == ["1"]
    assert due(47) == ["1", "2"]
    assert due(24 * 7) == []
    with reading(engine) as session:
        assert inbound.due(session, "c", 10, all_recent=True) == []


def test_a_platform_without_says_so_and_a_channel_that_is_off_is_not_asked(engine: Engine) -> None:
    """RC-5."""
    own = Fetcher(engine, _silent, "ann")
    found = own.run("desk")
    assert (found.offered, found.trouble) == (False, fetch.NOT_OFFERED)
    with writing(engine) as session:
        session.add(Channel(name="on", platform="x", created_at=1))
        session.add(Channel(name="out", platform="x", settings={"inbound": "off"}, created_at=1))
    assert watch.due(engine, 600) == ["on"]


def _silent(channel: str) -> Any:
    return object()


def test_a_turn_looks_at_what_is_due_and_says_a_trouble_once(
    engine: Engine, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with writing(engine) as session:
        session.add(Channel(name="c", platform="x", created_at=1))
    connector = Scripted(CannotTell("no way in"), CannotTell("no way in"), [heard("1")])

    def of(channel: str) -> Any:
        return connector

    own = watch.Watch(engine, of, 0)
    for _ in range(3):
        own.look()
    assert (capsys.readouterr().out + caplog.text).count("no way in") == 1
    own.every_s = 600
    assert own.look() == []
    assert [content["change"] for _, content in kept(engine)] == ["new"]


def test_a_turn_is_never_waited_for(engine: Engine) -> None:
    """KS-18: a platform that hangs keeps no duty and no end of the daemon waiting."""
    from threading import Event

    begun, over = Event(), Event()
    with writing(engine) as session:
        session.add(Channel(name="c", platform="x", created_at=1))

    def of(channel: str) -> Any:
        begun.set()
        assert over.wait(10)
        raise CannotTell("late")

    own = watch.Watch(engine, of, 0)
    own.turn()
    assert begun.wait(10)
    own.turn()  # returns although the first one hangs, and begins no second
    over.set()
    waited: Callable[[], bool] = lambda: own._at_it.acquire(timeout=10)  # noqa: E731
    assert waited()
