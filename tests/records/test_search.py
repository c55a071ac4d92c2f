"""RC-3: records and log are found by words, and by whose, where and when; what was disposed of is found no more."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from config import clock
from governance import people
from records import archive, index, log, search, tokens
from records.keep import About, blob, document
from records.wish import Asked, RecordsError, Wish, terms
from scheduler import killswitch
from scheduler.killswitch import Order, Scope
from store.engine import cursor, dialect, writing
from store.governance_tables import ChannelAuthorization
from store.tables import Post
from tests.scheduler.press import STEWARD, Press

MAIL = (
    b"From: a@b.example\r\nSubject: =?utf-8?q?Caf=C3=A9_closing?=\r\nContent-Type: text/html\r\n\r\n"
    b"<b>Terrace</b> is &amp; stays"
)


@dataclass(frozen=True)
class Desk:
    """A press, and the folder of its media."""

    press: Press
    media: Path

    @property
    def engine(self) -> Engine:
        return self.press.engine

    def up(self) -> None:
        """Records and index as of now."""
        archive.catch_up(self.engine, self.media)
        index.catch_up(self.engine)


@pytest.fixture
def desk(press: Press, tmp_path: Path) -> Desk:
    return Desk(press, tmp_path)


def _found(desk: Desk, words: str = "", limit: int = 100, **wish: Any) -> list[str]:
    desk.up()
    found, _ = search.found(desk.engine, Wish(words, **wish), limit)
    return sorted(f"{item.series} {item.number if item.series == 'log' else item.subject}" for item in found)


def _keep(desk: Desk, *about: Any, body: bytes = b"", mime: str = "text/plain", **more: Any) -> int:
    with writing(desk.engine) as session:
        return blob(session, About(*about, **more), body, mime)


def test_posts_and_their_versions_are_found_by_their_words(desk: Desk) -> None:
    post = desk.press.queue(text="The Pool opens; ÉCLAIR for everyone.")
    other = desk.press.queue(text="Other words")
    assert _found(desk, "pool eclair") == [f"post post {post}"]
    desk.press.change(Post, post, text="Changed wholly", changed_by="omar")
    assert _found(desk, "pool") == _found(desk, "changed") == [f"post post {post}"]
    assert _found(desk, "pool changed") == []
    assert _found(desk, "words") == [f"post post {other}"]


@pytest.mark.parametrize(
    ("words", "is_found"),
    [
        ('"nine sharp"', True),
        ('"sharp nine"', False),
        ("shar*", True),
        ("shar", False),
        ('"at nine sh"*', True),
        ("NINE", True),
        ("ＮＩＮＥ", True),
        ("don't", True),
        ("t'don", False),
        ("図書", True),
        ("書図", False),
        ("🎉", True),
        ("🎈", False),
        ("hidden", True),
        ("'; DROP TABLE record; --", False),
        ('nine AND NOT "', False),
        ("words : nine", False),
        ("nine & !sharp | (", True),
        ("c:7061726b73", False),
    ],
)
def test_what_is_meant_by_words(desk: Desk, words: str, is_found: bool) -> None:
    _keep(desk, "inbound", "x", 1, body="At nine sharp! I don't know 図書館 🎉 hid\u200b\u202eden".encode())
    assert (_found(desk, words, series="inbound") == ["inbound x"]) is is_found


def test_words_without_a_word_are_refused(desk: Desk) -> None:
    for words in ("...", '""', "*", "\u202e"):
        with pytest.raises(RecordsError, match="holds no letter, digit or picture"):
            _found(desk, words)


def test_the_log_is_found_by_its_words(desk: Desk) -> None:
    with writing(desk.engine) as session:
        number = log.record(session, "maria", "suspend", "suspension 3", {"reason": "Storm surge in the harbor"})
    assert _found(desk, '"storm surge"') == [f"log {number}"]
    assert _found(desk, "storm", series="post") == []
    assert _found(desk, "storm", person="maria", series="log") == [f"log {number}"]
    assert _found(desk, "records kept") == []


def test_messages_and_mails_are_found_by_what_they_say(desk: Desk) -> None:
    mime = "application/http; msgtype=request"
    said = (
        (
            "request",
            b"POST /2/tweets HTTP/1.1\r\nContent-Type: application/json\r\n\r\n" + rb'{"text": "Fl\u00fcchtling"}',
            mime,
        ),
        (
            "answer",
            b"HTTP/1.1 200 OK\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\nmessage=blue+whale%21",
            mime,
        ),
        ("mail", MAIL, "message/rfc822"),
        ("inbound", b"\xff\xfe broken \x00 bytes", "text/plain"),
        ("media", b"invisible words", "image/png"),
    )
    for series, body, kind in said:
        _keep(desk, series, series, 1, body=body, mime=kind)
    cases = {
        "fluchtling": "request",
        '"blue whale"': "answer",
        '"cafe closing"': "mail",
        "terrace": "mail",
        "broken": "inbound",
    }
    assert {words: _found(desk, words) for words in cases} == {words: [f"{s} {s}"] for words, s in cases.items()}
    assert _found(desk, "invisible") == []


def test_each_filter_narrows(desk: Desk) -> None:
    with writing(desk.engine) as session:
        people.add_person(session, STEWARD, "ines", "Ines", department="Parks")
        session.add(
            ChannelAuthorization(
                channel="pool", department="Leisure", requested_by="ines", requested_at=1, changed_at=1
            )
        )
    day = 86_400 * clock.SECOND
    for number, (channel, actor) in enumerate((("parks", "ann"), ("pool", "ann"), ("pool", "ines"))):
        _keep(desk, "inbound", f"n{number}", 40 * number * day, actor, channel, body=b"hello")
    wishes: list[tuple[dict[str, Any], list[int]]] = [
        ({}, [0, 1, 2]),
        ({"channel": "pool"}, [1, 2]),
        ({"channel": "police"}, []),
        ({"person": "ines"}, [2]),
        ({"department": "parks"}, [2]),
        ({"department": "LEISURE"}, [1, 2]),
        ({"since": 40 * day}, [1, 2]),
        ({"until": 40 * day}, [0]),
        ({"since": day, "until": 80 * day}, [1]),
        ({"since": 80 * day, "until": 80 * day + 1}, [2]),
        ({"series": "inbound"}, [0, 1, 2]),
        ({"series": "mail"}, []),
        ({"channel": "pool", "person": "ann"}, [1]),
    ]
    for words in ("hello", ""):
        for wish, expected in wishes:
            found = [item for item in _found(desk, words, **wish) if item.startswith("inbound")]
            assert found == [f"inbound n{number}" for number in expected], (words, wish)
    with pytest.raises(
        RecordsError, match=r"no channel and no person is of department 'Sewers' \(known: Leisure, Parks\)"
    ):
        _found(desk, department="Sewers")


def test_a_channel_or_suspension_that_there_is_not_is_refused(desk: Desk) -> None:
    """RC-3: a slip in a name must not find nothing, and so make a package that says there is nothing."""
    with pytest.raises(RecordsError, match=r"there is no channel 'parkz': did you mean 'parks'\?"):
        _found(desk, channel="parkz")
    with pytest.raises(RecordsError, match=r"there is no suspension 9: `standfast crisis report`"):
        _found(desk, suspension=9)


def test_a_state_is_that_of_the_post_now(desk: Desk) -> None:
    held, free = desk.press.queue(text="one word", state="held"), desk.press.queue(text="one word")
    assert _found(desk, "word", state="held") == [f"post post {held}"]
    desk.press.change(Post, held, state="cancelled")
    assert _found(desk, "word", state="held") == []
    assert (
        _found(desk, "word", state="scheduled")
        == _found(desk, state="scheduled", series="post")
        == [f"post post {free}"]
    )
    monkey = pytest.MonkeyPatch()
    with monkey.context() as patched:
        patched.setattr(search, "FEW", 0)
        assert _found(desk, "word", state="cancelled") == [f"post post {held}"]


def test_an_incident_has_what_it_met(desk: Desk) -> None:
    before = desk.press.queue(text="word", in_s=-3600)
    with writing(desk.engine) as session:
        order = Order("r1", "ana", "word of the storm", Scope.parse("channel:parks"))
        number = killswitch.suspend(cursor(session), dialect(session), order).suspension
    inside, elsewhere = desk.press.queue(text="word", in_s=0.0), desk.press.queue("pool", text="word", in_s=0.0)
    own = _keep(desk, "inbound", "own", 5, body=b"word", suspension=number)
    found = _found(desk, "word", suspension=number)
    assert [item for item in found if not item.startswith("log")] == ["inbound own", f"post post {inside}"]
    assert len([item for item in found if item.startswith("log")]) == 1
    assert before != elsewhere != own


def test_the_newest_come_first_and_it_is_said_that_there_are_more(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """On PostgreSQL by either way: among the newest, and from the index."""
    for number in range(12):
        _keep(desk, "inbound", f"n{number}", number, body=b"word " + (b"rare" if number < 3 else b"often"))
    desk.up()
    for near in (search.NEWEST, 2):
        monkeypatch.setattr(search, "NEWEST", near)
        found, more = search.found(desk.engine, Wish("word"), 5)
        assert ([item.subject for item in found], more) == ([f"n{number}" for number in (11, 10, 9, 8, 7)], True)
        found, more = search.found(desk.engine, Wish("rare"), 5)
        assert ([item.subject for item in found], more) == (["n2", "n1", "n0"], False)


def test_what_is_disposed_of_leaves_the_index_and_its_place_stays(desk: Desk) -> None:
    gone = _keep(desk, "inbound", "gone", 1, "ann", "parks", body=b"private words")
    late = _keep(desk, "inbound", "late", 1, "ann", "parks", body=b"private too")
    archive.catch_up(desk.engine, desk.media)
    with writing(desk.engine) as session:
        session.execute(text("UPDATE record SET disposed_by = 1 WHERE id = :id"), {"id": late})
    assert _found(desk, "private") == ["inbound gone"]
    with writing(desk.engine) as session:
        session.execute(text("UPDATE record SET disposed_by = 1 WHERE id = :id"), {"id": gone})
    assert _found(desk, "private") == _found(desk, "words", series="inbound") == []
    assert _found(desk, channel="parks", series="inbound") == ["inbound gone", "inbound late"]
    assert not search.found(desk.engine, Wish(channel="parks", series="inbound"), 1)[0][0].excerpt


def test_who_comes_second_adds_nothing(desk: Desk) -> None:
    _keep(desk, "inbound", "x", 1, body=b"once")
    archive.catch_up(desk.engine, desk.media)
    step = index._prepared(desk.engine, 0)
    assert index._written(desk.engine, step)
    assert not index._written(desk.engine, step)
    assert _found(desk, "once") == ["inbound x"]


def test_much_text_is_kept_by_its_words(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten megabytes: the last word is found though the order is not kept so far."""
    body = b"first " + b" ".join(b"w%d" % (number % 5000) for number in range(1_600_000)) + b" needle"
    assert len(body) > 8_000_000
    _keep(desk, "mail", "long", 1, body=b"Subject: x\r\n\r\n" + body, mime="message/rfc822")
    _keep(desk, "mail", "wide", 1, body="".join(chr(0x4E00 + n % 20_000) for n in range(3_000_000)).encode())
    assert _found(desk, "first needle") == ["mail long"]
    assert _found(desk, '"w4 w5"') == ["mail long"]
    assert "mail wide" in _found(desk, chr(0x4E00 + 19_000))


@given(st.text())
def test_any_text_is_taken_apart_into_words_that_are_found_again(said: str) -> None:
    words = tokens.capped(tokens.of(said))
    assert [again for word in words for again in tokens.of(word)] == words
    assert not set("'\"\\: \0") & set("".join(words))


@given(st.text(), st.text())
def test_any_words_make_a_question_that_is_one(said: str, words: str) -> None:
    """No sign of the databases' own languages comes through."""
    try:
        found = terms(words)
    except RecordsError:
        return
    asked = Asked(found, [])
    assert set(asked.fts5()) - set("".join("".join(term.words) for term in found)) <= set('words: ()"AND*')
    assert set(asked.words_query()) - set("".join("".join(term.words) for term in found)) <= set("'()&<->:* ")


def test_a_record_s_words_are_those_of_its_document(desk: Desk) -> None:
    with writing(desk.engine) as session:
        document(
            session, About("inbound", "d", 1), {"a": {"text": "deep \0 words"}, "sha256": "f" * 64, "list": ["x1", 2]}
        )
    assert _found(desk, '"deep words" x1') == ["inbound d"]
    assert _found(desk, "f" * 64) == []
