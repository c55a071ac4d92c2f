"""RC-4: a legal hold covers whatever fits it, now and later; it stops disposition and names itself."""

from __future__ import annotations

import json
from email.message import EmailMessage
from typing import Any

import pytest

from records import log
from records.retention import holds, texts
from records.retention.holds import RetentionError
from records.retention.schedule import SERIES
from store.engine import writing
from store.moderation_tables import Moderation
from store.retention_tables import LegalHold
from store.tables import Person
from tests.records.retention.store import Old, ago, plan, rule

EVERYTHING = plan(rule("all", "1 day", records=[name for name in SERIES if name not in ("disposition", "moderation")]))


def _held(old: Old) -> dict[str, int]:
    return dict(old.due(EVERYTHING).held)


def _due(old: Old) -> list[int]:
    return [item.number for item in old.due(EVERYTHING).due]


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ({"channel": "parks"}, [1, 2]),
        ({"channel": "police"}, [3]),
        ({"since": ago(150)}, [2, 3]),
        ({"until": ago(150)}, [1]),
        ({"since": ago(150), "until": ago(80)}, [2]),
        ({"words": "FLOOD street"}, [1]),
        ({"words": "street"}, [1, 2]),
        ({"words": "nothing"}, []),
        ({"person": "Bea"}, [2]),
        ({"post": 1}, [1]),
        ({"suspension": 1}, [3]),
        ({"channel": "parks", "words": "street", "person": "ann"}, [1]),
    ],
)
def test_a_hold_covers_what_fits_all_that_it_says(old: Old, query: dict[str, Any], kept: list[int]) -> None:
    """RC-4: and the rest is due (the twin)."""
    old.post("A flood on Mill Street", 200)
    old.post("Mill Street is open", 100, author="bea")
    old.record(body=b"Storm", days=50, channel="police", suspension=old.suspension(lifted_days=40))
    assert _due(old) == [1, 2, 3]
    old.hold("case", **query)
    assert _due(old) == [number for number in (1, 2, 3) if number not in kept]
    assert _held(old) == ({"case": len(kept)} if kept else {})
    old.release("case")
    assert _due(old) == [1, 2, 3]


def test_a_post_is_held_by_the_day_it_was_made_and_by_the_day_it_went_out(old: Old) -> None:
    old.post("Spring", 100, published_at=ago(50))
    for name, query in (("made", {"until": ago(90)}), ("out", {"since": ago(60)})):
        old.hold(name, **query)
    assert _held(old) == {"made": 1, "out": 1}


def test_what_comes_later_and_fits_is_held_too(old: Old) -> None:
    """RC-4."""
    old.hold("case", words="flood")
    old.record(body=b"The flood!", days=100)
    old.record(body=b"The pool!", days=100)
    assert (_due(old), _held(old)) == ([2], {"case": 1})


def test_words_of_any_version_hold_all_of_a_post(old: Old) -> None:
    """An image and the platform's answer hold no words: they belong to what the post said."""
    from store.tables import Post

    post = old.post("About the flood", 100)
    old.change(Post, post, text="About the pool", changed_at=ago(90))
    old.name()
    old.record("answer", body=b"{}", mime="application/json", post=post, channel="parks")
    old.record("media", body=b"\x89PNG", mime="image/png", post=post, channel="parks")
    old.hold("case", words="flood")
    assert (_due(old), _held(old)) == ([], {"case": 4})


def _mail(words: str, charset: str) -> bytes:
    message = EmailMessage()
    message["Subject"] = "Überschwemmung"
    message.set_content(words, charset=charset, cte="base64")
    return message.as_bytes()


@pytest.mark.parametrize(
    ("body", "mime"),
    [
        (b'{"text": "\\u00dcberschwemmung am Fluss"}', "application/json"),
        ("ÜBERSCHWEMMUNG am Fluss".encode(), "text/plain"),
        (_mail("am Fluss", "iso-8859-1"), "message/rfc822"),
        (b"POST / HTTP/1.1\r\nHost: x\r\n\r\ntext=%C3%9Cberschwemmung+am+Fluss", "application/http; msgtype=request"),
        (b'HTTP/1.1 200 OK\r\n\r\n{"t": "\\u00fcberschwemmung am Fluss"}', "application/http; msgtype=response"),
        (b"<p>&Uuml;berschwemmung am Fluss</p>", "text/html"),
        ("Über\u00adschwem\u200bmung am Fluss".encode(), "text/plain"),
        (b"From: " + b"(" * 5000 + "\r\n\r\nÜberschwemmung am Fluss".encode(), "message/rfc822"),
        (b"Content-Type: message/rfc822\r\n\r\n" * 3000 + "Überschwemmung am Fluss".encode(), "message/rfc822"),
    ],
)
def test_words_are_found_however_they_are_written(old: Old, body: bytes, mime: str) -> None:
    old.record(body=body, mime=mime)
    old.hold("case", words="überschwemmung am fluss")
    assert _held(old) == {"case": 1}
    old.hold("other", words="überschwemmung am bach")
    assert _held(old) == {"case": 1}


@pytest.mark.parametrize("body", [b"", b"\xff\xfe\x00", b"{" * 5000, b"Content-Type: text/plain; charset=no-such\n\nx"])
@pytest.mark.parametrize("mime", ["message/rfc822", "application/json", "application/http; msgtype=request"])
def test_a_content_that_is_broken_is_read_as_far_as_it_goes(body: bytes, mime: str) -> None:
    assert isinstance(texts.readable(body, mime), str)


def test_contents_are_read_a_few_at_a_time(old: Old, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        old.record(body=f"Flood {number}".encode())
    old.record(body=b"x")
    old.hold("case", words="flood")
    read: list[int] = []
    real = texts.of_items
    monkeypatch.setattr(holds, "AT_ONCE", 15)
    monkeypatch.setattr(
        texts, "of_items", lambda session, items, known: read.append(len(items)) or real(session, items, known)
    )
    assert _held(old) == {"case": 5}
    assert read == [2, 2, 2]


def test_the_words_of_the_moderation_register_are_held(old: Old) -> None:
    with writing(old.engine) as session:
        session.add(_entry())
        detail = {"entry_sha256": "x"}
        log.record(session, "ana", "moderation.add", "moderation 1", detail)
    schedule = plan(rule("m", "1 day", "created", records=["moderation"]))
    assert [item.number for item in old.due(schedule).due] == [1]
    for query in ({"words": "hurt"}, {"person": "@rude"}, {"person": "ana"}, {"channel": "parks"}, {"since": ago(120)}):
        old.hold("case", **query)
        assert dict(old.due(schedule).held) == {"case": 1}
        old.release("case")
        with writing(old.engine) as session:
            session.delete(session.get_one(LegalHold, "case"))


def _entry() -> Moderation:
    moments = {"captured_at": ago(101), "acted_at": ago(100), "recorded_at": ago(99)}
    said = {"words": "I will hurt you", "member": "@rude", "clause_words": "No threats"}
    return Moderation(id=1, channel="parks", action="hide", clause="threats", actor="ana", **said, **moments)


# --- placing and releasing -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"owner": "nobody"}, "nobody who is here"),
        ({"owner": "gone"}, "nobody who is here"),
        ({"query": {}}, "nothing says what is held"),
        ({"query": {"post": 77}}, "no such post"),
        ({"name": "smith"}, "a name is for ever"),
    ],
)
def test_a_hold_that_would_not_hold_is_refused(old: Old, values: dict[str, Any], told: str) -> None:
    old.hold("smith", channel="parks")
    old.release("smith")
    with writing(old.engine) as session:
        session.add(Person(id="gone", name="Gone", state="left", created_at=1))
    fresh = {"name": "new", "owner": "rosa", "reason": "x", "query": {"channel": "parks"}}
    with pytest.raises(RetentionError, match=told), writing(old.engine) as session:
        holds.place(session, "rosa", LegalHold(**{**fresh, **values}, placed_by="", placed_at=0))


def test_a_hold_is_released_once_and_only_one_that_there_is(old: Old) -> None:
    old.hold("smith", channel="parks")
    old.release("smith")
    for name, told in (("smith", "was released at"), ("jones", "there is no hold")):
        with pytest.raises(RetentionError, match=told):
            old.release(name)


def test_the_log_has_the_hold_without_its_words(old: Old) -> None:
    old.hold("smith", words="flood")
    old.release("smith")
    placed, released = (entry for entry in log.entries(old.engine) if entry["action"].startswith("records.hold"))
    assert (placed["subject"], placed["actor"]) == ("hold smith", "rosa")
    assert placed["detail"] == {"owner": "rosa", "sha256": holds.digest(old.row(LegalHold, "smith"))}
    assert released["action"] == "records.hold.release"
    assert "flood" not in json.dumps([placed, released])
