"""The feed over real HTTP: bounded in time and size, to listed hosts alone, asked at its interval and for what is new."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from config import clock
from config.clock import SECOND
from crisis.alerts import feed_source
from crisis.alerts.feed_source import FeedSource
from tests.crisis.alerts import server
from tests.crisis.alerts.build import SUGGEST, cancel, info, tornado, update
from tests.crisis.alerts.room import Room
from tests.crisis.alerts.server import Web

HERE = frozenset({"127.0.0.1"})


@pytest.fixture
def web() -> Iterator[Web]:
    with server.web() as made:
        yield made


class Ticking:
    """Wall time stands at the moment of the documents; boot time runs, for deadlines live by it."""

    def __init__(self, wall: int) -> None:
        self.wall, self.ahead = wall, 0

    def wall_us(self) -> int:
        return self.wall

    def boot_ns(self) -> int:
        return self._real.boot_ns() + self.ahead

    @property
    def _real(self) -> clock.Clock:
        return clock.SystemClock()


@pytest.fixture
def ticking(room: Room) -> Iterator[Ticking]:
    room.rules = SUGGEST
    made = Ticking(room.hands.wall)
    with clock.use(made):
        yield made


def _source(room: Room, address: str, **changed: object) -> FeedSource:
    given = {"hosts": HERE, "interval_s": 60.0, "intake": room.intake(), **changed}
    return FeedSource(address, **given)  # type: ignore[arg-type]  # a test changes any of them


@pytest.mark.usefixtures("ticking")
def test_a_document_itself_is_a_feed_of_one(room: Room, web: Web) -> None:
    turn = _source(room, web.page("/alert.xml", tornado())).turn()
    assert ([item.kind for item in turn.taken], turn.trouble) == (["suggest"], None)
    assert web.asked[0][1]["accept"].startswith("application/cap+xml")


@pytest.mark.usefixtures("ticking")
def test_links_are_followed_once(room: Room, web: Web) -> None:
    """KS-24: relative and absolute ones, each once; the same alert behind two links is one alert."""
    web.page("/1", tornado())
    web.page("/2", tornado())
    own = _source(room, web.page("/feed", web.atom("/1", f"{web.url}/2", "1")))
    assert [item.again for item in own.turn().taken] == [False, True]
    own.turn()
    assert web.paths == ["/feed", "/1", "/2", "/feed"]
    assert len(room.rows()) == 1


def test_a_link_is_looked_at_again_after_a_while(room: Room, web: Web, ticking: Ticking) -> None:
    web.page("/1", tornado())
    own = _source(room, web.page("/feed", web.atom("/1")))
    own.turn()
    web.page("/1", update(info()))
    own.turn()
    ticking.ahead = int(feed_source.LINK_AGAIN_S * 1e9)
    own.turn()
    assert [row.identifier for row in room.rows()] == ["A1", "A2"]


@pytest.mark.usefixtures("ticking")
def test_what_has_not_changed_is_not_sent_again(room: Room, web: Web) -> None:
    """Conditional requests, but only after everything behind the feed was read."""
    own = _source(room, web.page("/feed", web.atom("/1"), ETag='"a"', Last_Modified="Fri, 01 May 2026 17:00:00 GMT"))
    assert "/1 answers 404" in (own.turn().trouble or "")
    web.page("/1", tornado())
    own.turn()
    assert [("if-none-match" in headers) for path, headers in web.asked if path == "/feed"] == [False, False]
    web.page("/feed", b"", status=304)
    turn = own.turn()
    assert (turn.taken, turn.trouble) == ([], None)
    headers = web.asked[-1][1]
    assert (headers["if-none-match"], headers["if-modified-since"]) == ('"a"', "Fri, 01 May 2026 17:00:00 GMT")


@pytest.mark.usefixtures("ticking")
@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n<feed"])
def test_a_host_that_hangs_is_given_up(room: Room, web: Web, monkeypatch: pytest.MonkeyPatch, first: bytes) -> None:
    """KS-24: one deadline for all of it, however the host drips."""
    monkeypatch.setattr(feed_source, "FEED_S", 0.3)
    begun = clock.boot_s()
    trouble = _source(room, web.hangs("/feed", first)).turn().trouble
    assert trouble is not None
    assert "timed out" in trouble
    assert clock.boot_s() - begun < 5


@pytest.mark.usefixtures("ticking")
def test_a_link_that_hangs_keeps_no_other_waiting(room: Room, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_source, "LINK_S", 0.3)
    web.page("/2", tornado())
    own = _source(room, web.page("/feed", web.atom(web.hangs("/1"), "/2")))
    turn = own.turn()
    assert [item.kind for item in turn.taken] == ["suggest"]
    assert "/1" in (turn.trouble or "")
    web.page("/3", update(info()))
    web.page("/feed", web.atom("/1", "/2", "/3"))
    own.turn()
    assert web.paths[-2:] == ["/3", "/1"]


@pytest.mark.usefixtures("ticking")
@pytest.mark.parametrize("where", ["feed", "link"])
def test_a_body_that_is_too_long_is_not_read_on(room: Room, web: Web, where: str) -> None:
    """SE-4: 5 MB where an alert is expected, 9 MB where a feed is."""
    if where == "feed":
        address, says = web.page("/feed", b"<feed>" + b" " * 9_000_000), "longer than 8 MiB"
    else:
        web.page("/1", tornado() + b" " * 5_000_000)
        address, says = web.page("/feed", web.atom("/1")), "longer than 1 MiB"
    assert says in (_source(room, address).turn().trouble or "")
    assert room.rows() == []


@pytest.mark.usefixtures("ticking")
@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("where", ["feed", "link"])
def test_a_redirect_is_not_followed(room: Room, web: Web, status: int, where: str) -> None:
    """SE-4: it leads where nobody has looked; not on the same host either."""
    web.page("/elsewhere", tornado())
    web.page("/1", b"", status, Location=f"{web.url}/elsewhere")
    address = f"{web.url}/1" if where == "feed" else web.page("/feed", web.atom("/1"))
    assert f"answers {status}: it leads elsewhere" in (_source(room, address).turn().trouble or "")
    assert "/elsewhere" not in web.paths


@pytest.mark.usefixtures("ticking")
def test_links_to_hosts_that_the_city_does_not_list_are_not_asked(room: Room, web: Web) -> None:
    """SE-4: `localhost` is this very server, and is not listed; the twin is the link that is."""
    port = web.url.rpartition(":")[2]
    web.page("/1", tornado())
    own = _source(room, web.page("/feed", web.atom(f"http://localhost:{port}/1", "http://a.example/2")))
    turn = own.turn()
    assert (turn.taken, web.paths) == ([], ["/feed"])
    assert "'localhost', which is not among the hosts of alerts_hosts" in (turn.trouble or "")
    web.page("/feed", web.atom("/1"))
    assert len(own.turn().taken) == 1


@pytest.mark.usefixtures("ticking")
def test_plain_http_to_another_machine_is_refused_even_when_listed(room: Room, web: Web) -> None:
    own = _source(room, web.page("/feed", web.atom("http://a.example/2")), hosts=HERE | {"a.example"})
    assert "is plain http to 'a.example'" in (own.turn().trouble or "")


@pytest.mark.usefixtures("ticking")
@pytest.mark.parametrize(
    "body",
    [
        b"<!DOCTYPE alert [<!ENTITY a 'b'>]>" + tornado().split(b"?>")[1],
        b"<html><body>Sign in</body></html>",
        b"",
        tornado().replace(b"Actual", b"Perhaps"),
    ],
    ids=["a document type", "a page", "nothing", "not as CAP has it"],
)
def test_what_is_no_alert_behind_a_link_goes_to_a_person_once(room: Room, web: Web, body: bytes) -> None:
    """KS-24, SE-4."""
    web.page("/1", body)
    own = _source(room, web.page("/feed", web.atom("/1")))
    own.turn()
    _source(room, own.address).turn()
    assert room.outcomes() == [("unreadable", "told")]
    assert room.rows()[0].source == f"{web.url}/1"


@pytest.mark.usefixtures("ticking")
def test_a_feed_with_a_document_type_is_a_trouble(room: Room, web: Web) -> None:
    """SE-4: nothing of it is read."""
    body = b"<!DOCTYPE feed SYSTEM 'http://127.0.0.1/x.dtd'>" + web.atom("/1")
    assert "may not declare a document type" in (_source(room, web.page("/feed", body)).turn().trouble or "")
    assert web.paths == ["/feed"]


@pytest.mark.usefixtures("ticking")
def test_keys_in_an_address_are_asked_with_and_never_kept(room: Room, web: Web) -> None:
    """SE-3: some hosts want a key in the query."""
    web.page("/1", tornado())
    web.page("/feed", web.atom(f"{web.url}/1?pin=canary", "/2?pin=canary"))
    turn = _source(room, f"{web.url}/feed?pin=canary").turn()
    assert web.paths == ["/feed?pin=canary", "/1?pin=canary", "/2?pin=canary"]
    assert "canary" not in f"{turn} {[vars(row) for row in room.rows()]}"
    assert "/2 answers 404" in (turn.trouble or "")


@pytest.mark.usefixtures("ticking")
def test_a_cancel_that_a_feed_lists_before_its_alert_comes_after_it(room: Room, web: Web) -> None:
    """KS-24: feeds list the newest first; within one answer the earliest is judged first."""
    body = (
        b"<alerts>"
        + b"".join(x.split(b"?>")[1] for x in (cancel(sent="2026-05-01T12:03:00-05:00"), tornado()))
        + b"</alerts>"
    )
    _source(room, web.page("/feed", body)).turn()
    assert [(row.identifier, row.kind) for row in room.rows()] == [("A1", "suggest"), ("A9", "note")]


def test_a_feed_that_fails_is_asked_less_often_until_it_answers(room: Room, web: Web, ticking: Ticking) -> None:
    own = _source(room, f"{web.url}/feed")
    waits = []
    for _ in range(6):
        own.turn()
        begun = own._next_s
        waits.append(round((begun - clock.boot_s()) / 60))
    assert waits == [1, 2, 4, 8, 8, 8]
    assert not own.is_due
    web.page("/feed", tornado())
    own.turn()
    own.turn()
    assert round((own._next_s - clock.boot_s()) / 60) == 1
    ticking.ahead = 61 * SECOND * 1000
    assert own.is_due


@pytest.mark.usefixtures("ticking")
def test_no_turn_is_endless(room: Room, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left over comes in the next turn, and the feed is not taken for unchanged before."""
    monkeypatch.setattr(feed_source, "LINKS_S", -1.0)
    web.page("/1", tornado())
    own = _source(room, web.page("/feed", web.atom("/1"), ETag='"a"'))
    assert (own.turn().taken, web.paths) == ([], ["/feed"])
    monkeypatch.undo()
    assert len(own.turn().taken) == 1
    assert "if-none-match" not in web.asked[1][1]
