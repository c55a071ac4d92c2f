"""Alerts as rows: each once, with what it came to and the bytes it came in, and what people hear of it."""

from __future__ import annotations

import pytest
from sqlmodel import select

from crisis.alerts import book
from crisis.alerts.alert import AlertError
from records.verify import verify
from store.alert_tables import AlertDocument
from store.engine import reading
from tests.crisis.alerts.build import EMA, KNOX, SUGGEST, alert, area, cancel, info, reference, tornado, update
from tests.crisis.alerts.room import Room

ELSEWHERE = alert(info(areas=area("SAME 048093")), name="far")
DRILL = tornado(name="X1", status="Exercise")


def test_an_alert_is_kept_with_its_verdict_its_bytes_and_an_entry_in_the_log(room: Room) -> None:
    """KS-24, RC-1: what came, from where, what it came to and why; the record is whole."""
    room.rules = SUGGEST
    (taken,) = room.take(tornado())
    (row,) = room.rows()
    assert (taken.number, taken.kind, taken.again) == (row.id, "suggest", False)
    assert (row.sender, row.identifier, row.event, row.area) == (taken.sender, "A1", "Tornado Warning", "Knox")
    assert (row.kind, row.outcome, row.source, row.by) == ("suggest", "suggested", "in/alert.xml", "standfast")
    assert any("the whole county" in line for line in row.reasons)
    with reading(room.press.engine) as session:
        assert book.document(session, row.document) == tornado()
    (entry,) = room.press.log("alert")
    assert (entry.actor, entry.subject) == ("standfast", f"alert {row.id}")
    assert row.document in entry.detail
    assert verify(room.press.engine).ok


@pytest.mark.parametrize("rules", ["suggest", "hold"])
def test_the_same_alert_is_one_row_however_often_and_wherever_it_comes_from(room: Room, rules: str) -> None:
    """KS-24: idempotent: in the same bytes, in other bytes, in a feed that holds it twice, after a restart."""
    room.rules = SUGGEST if rules == "suggest" else room.rules
    other = tornado().replace(b"\n", b"\n  ")
    feed = b"<alerts>" + tornado().split(b"?>")[1] * 2 + b"</alerts>"
    taken = room.take(tornado(), tornado(), other, feed)
    assert [item.again for item in taken] == [False, True, True, True]
    assert {item.number for item in taken} == {1}
    assert len(room.rows()) == 1
    assert len(room.press.log("alert")) == 1
    with reading(room.press.engine) as session:
        kept = [row.kept is not None for row in session.exec(select(AlertDocument))]
    assert sorted(kept) == [False, False, True]


def test_what_does_not_concern_the_city_is_kept_without_its_bytes(room: Room) -> None:
    """KS-24: a country has thousands a day: its hash and the reason are enough, and nobody is told."""
    room.take(ELSEWHERE)
    (row,) = room.rows()
    assert (row.kind, row.outcome) == ("ignore", "nothing")
    assert "holds elsewhere" in row.reasons[0]
    with reading(room.press.engine) as session:
        assert session.get_one(AlertDocument, row.document).kept is None
    assert room.press.log("alert") == []
    assert room.tell() == []


@pytest.mark.parametrize("document", [DRILL, alert(info("Required Weekly Test", "RWT"), name="X2")])
def test_tests_and_exercises_neither_hold_nor_suggest_and_are_visible(room: Room, document: bytes) -> None:
    """KS-24: also when status says Actual; the twin is the same alert without its mark, which does hold."""
    room.take(document)
    assert room.hold() == []
    (row,) = room.rows()
    assert (row.kind, row.outcome) == ("ignore", "nothing")
    assert row.mark in ("TEST", "EXERCISE")
    assert room.standing() == []
    room.take(tornado())
    room.hold()
    assert room.standing() == ["all"]


def test_a_test_is_told_under_its_mark_where_the_city_wants_that(room: Room) -> None:
    room.rules = SUGGEST
    room.take(DRILL)
    assert room.outcomes() == [("note", "told")]
    assert room.tell() == ["alert-note"]
    assert room.sent[0].subject == "For your information: EXERCISE: Tornado Warning"


def test_an_update_and_a_cancel_of_what_was_told_are_told_too(room: Room) -> None:
    """KS-24: references followed, and nothing is lifted by them."""
    room.rules = SUGGEST
    room.take(tornado())
    assert room.tell() == ["alert"]
    assert room.sent[-1].subject == "ALERT, YOU DECIDE: Tornado Warning"
    assert "standfast alert dismiss 1" in room.sent[-1].body
    room.take(update(info()), cancel())
    assert room.tell() == ["alert-note", "alert-note"]
    assert "nothing is lifted" in room.sent[-1].body
    assert [row.follows for row in room.rows()][1][0].startswith("w-nws.webmaster@noaa.gov,A1,")
    assert room.tell() == []


def test_a_cancel_that_came_first_leaves_its_alert_to_a_person(room: Room) -> None:
    """KS-24: feeds keep no order: an alert that its sender has cancelled already never holds by itself."""
    room.take(cancel(), tornado())
    assert room.outcomes() == [("ignore", "nothing"), ("suggest", "suggested")]
    assert "cancelled it since" in room.rows()[1].doubts[0]
    assert room.hold() == []
    assert room.standing() == []


@pytest.mark.parametrize("sender", ["w-nws.webmaster@noaa.gov", EMA])
def test_only_its_own_sender_says_so_beforehand(room: Room, sender: str) -> None:
    """KS-24: the twin: somebody else's cancel keeps no alert from holding."""
    room.take(cancel(sender=sender), tornado())
    room.hold()
    assert bool(room.standing()) is (sender == EMA)


def test_an_update_that_came_first_has_held_for_both(room: Room) -> None:
    """KS-24: a chain holds once, in whatever order it comes."""
    room.take(update(info()))
    room.hold()
    room.press.lift(room.rows()[0].suspensions[0])
    room.take(tornado(), update(info(), name="A3", references=reference("A1")))
    assert room.hold() == []
    assert room.standing() == []
    assert [row.kind for row in room.rows()] == ["hold", "note", "note"]


def test_what_is_no_alert_is_kept_once_and_goes_to_a_person(room: Room) -> None:
    """KS-24, SE-4: once for the same bytes; of many, the first ones are told."""
    own = room.intake()
    document = alert(info()).replace(b"<severity>Extreme", b"<severity>Terrible")
    first, second = own.take(document, "a.xml"), own.take(document, "b.xml")
    assert [(item.kind, item.again) for item in (*first, *second)] == [("unreadable", False), ("unreadable", True)]
    assert room.outcomes() == [("unreadable", "told")]
    assert room.tell() == ["alert-unreadable"]
    assert "Terrible" in room.sent[-1].body
    for number in range(30):
        own.unreadable(f"rubbish {number}".encode(), "c.xml", AlertError("c.xml", "is rubbish"))
    assert len(room.tell()) == 9
    assert len(room.rows()) == 31


def test_a_bad_alert_in_a_feed_costs_only_itself(room: Room) -> None:
    room.rules = SUGGEST
    bad = tornado(name="B1").replace(b"Actual", b"Perhaps")
    feed = b"<alerts>" + bad.split(b"?>")[1] + tornado().split(b"?>")[1] + b"</alerts>"
    assert sorted(item.kind for item in room.take(feed)) == ["suggest", "unreadable"]


def test_while_the_rules_cannot_be_read_one_alert_is_told_and_all_are_judged_later(room: Room) -> None:
    """KS-24: nothing holds without rules, nobody is flooded, and nothing is lost."""
    room.rules = None
    room.take(tornado(), tornado(name="A7"), ELSEWHERE, tornado())
    assert room.outcomes() == [("unjudged", "nothing")] * 3
    assert room.intake().judge_waiting() == []
    assert (room.hold(), room.tell(), room.tell()) == ([], ["alert-unjudged"], [])
    room.rules = SUGGEST
    assert len(room.intake().judge_waiting()) == 3
    assert room.outcomes() == [("suggest", "suggested"), ("suggest", "suggested"), ("ignore", "nothing")]
    assert room.tell() == ["alert", "alert"]
    assert room.intake().judge_waiting() == []


def test_an_alert_that_waited_for_the_rules_too_long_holds_nothing(room: Room) -> None:
    room.rules = None
    room.take(tornado())
    room.hands.pass_s(7200)
    room.rules = SUGGEST
    room.intake().judge_waiting()
    assert room.outcomes() == [("ignore", "nothing")]
    assert "was over when it came" in room.rows()[0].reasons[0]


def test_an_alert_that_waits_for_the_rules_is_judged_when_it_comes_again(room: Room) -> None:
    room.rules = None
    room.take(tornado())
    room.rules = SUGGEST
    room.take(tornado().replace(b"\n", b"\n "))
    assert room.outcomes() == [("suggest", "suggested")]


def test_a_second_wording_is_a_row_of_its_own_when_it_says_more(room: Room) -> None:
    """KS-24: the stronger wording is told once, then neither changes anything."""
    room.rules = SUGGEST
    weak = alert(info(degrees="Severe Expected Likely"))
    room.take(weak, tornado(), weak, tornado().replace(b"\n", b"\n "), weak.replace(b"\n", b"\n "))
    assert room.outcomes() == [("suggest", "suggested")] * 2
    assert "in other words" in room.rows()[1].doubts[0]


def test_what_came_yesterday_is_no_news(room: Room) -> None:
    room.rules = SUGGEST
    room.take(tornado())
    room.hands.pass_s(25 * 3600)
    assert room.tell() == []


def test_long_names_and_many_references_are_kept(room: Room) -> None:
    """SE-4: what a sender may write, both databases can index."""
    room.rules = SUGGEST
    many = " ".join(reference(f"R{n}" + "é" * 20) for n in range(3000))
    (taken,) = room.take(alert(info(areas=KNOX), name="é" * 500, sender="ß" * 499, references=many))
    assert taken.kind == "suggest"
    assert len(room.rows()[0].identifier) == 500
