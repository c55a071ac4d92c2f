"""``standfast records timeline``: the story of one post or one suspension, each line with its proof (RC-1)."""

from __future__ import annotations

import json

import pytest
from sqlmodel import select, update

from records import verify
from scheduler import killswitch, lifting
from store.engine import cursor, dialect, writing
from store.record_tables import Record, RecordContent
from tests.commands.office import Office

TEXT = "The pool opens at nine."


def _told(office: Office, *arguments: str) -> dict[str, object]:
    said = office.run("records", "timeline", *arguments, "--json")
    assert said.code == 0, said
    found: dict[str, object] = json.loads(said.out)
    return found


def _queue(office: Office) -> str:
    said = office.run("post", "add", "--channel", "parks", "--at", "2099-01-01 09:00", "--text", TEXT, "--json")
    assert said.code == 0, said
    return str(json.loads(said.out)["posts"][0]["id"])


def _suspend(office: Office) -> int:
    """The epoch of a suspension of everything."""
    order = killswitch.Order("r-1", "ana", "storm", killswitch.Scope.parse("all"))
    with writing(office.engine) as session:
        return killswitch.suspend(cursor(session), dialect(session), order).epoch


def test_the_story_of_a_post_is_told_in_order_with_its_proof(office: Office) -> None:
    """RC-1: each version with who made it, each act, and the stop that stood over it."""
    post = _queue(office)
    assert office.run("post", "edit", post, "--text", "The pool opens at ten.").code == 0
    _suspend(office)
    assert office.run("post", "hold", post, "--reason", "until the storm is over").code == 0
    found = _told(office, "--post", post)
    events = [(event["what"], event["said"]) for event in found["events"]]  # type: ignore[index,attr-defined]  # JSON
    whats = [what for what, _ in events]
    assert whats.index("queued it") < whats.index("changed it") < whats.index("held it")
    assert whats.count("this version was kept") == 2
    assert next(said for what, said in events if what == "this version was kept").startswith(f"“{TEXT}”")
    assert ("its channel was suspended (crisis)", "storm") in events
    assert all(event["proof"] for event in found["events"])  # type: ignore[attr-defined]  # JSON
    assert found["about"]["state"] == "held"  # type: ignore[index]  # JSON


def test_a_post_on_another_channel_and_another_post_tell_nothing_of_each_other(office: Office) -> None:
    """The twin: an act on one post is not told of the next."""
    first, second = _queue(office), _queue(office)
    assert office.run("post", "hold", first, "--reason", "x").code == 0
    whats = [event["what"] for event in _told(office, "--post", second)["events"]]  # type: ignore[attr-defined]  # JSON
    assert "held it" not in whats
    assert whats.count("queued it") == 1


def test_an_act_on_many_posts_is_told_of_each(office: Office) -> None:
    first, second = _queue(office), _queue(office)
    assert office.run("post", "cancel", "--state", "scheduled").code == 0
    for post in (first, second):
        whats = [event["what"] for event in _told(office, "--post", post)["events"]]  # type: ignore[attr-defined]  # JSON
        assert whats[-1] == "cancelled it"


def test_the_story_of_a_suspension_begins_with_it_and_ends_with_its_lift(office: Office) -> None:
    epoch = _suspend(office)
    with writing(office.engine) as session:
        own, name = cursor(session), dialect(session)
        lifting.lift(own, name, 1, by="ana", reason="all clear", asked_epoch=epoch)
    found = _told(office, "--suspension", "1")
    whats = [event["what"] for event in found["events"]]  # type: ignore[attr-defined]  # JSON
    assert whats[0] == "suspended publishing"
    assert whats[-1] == "lifted the suspension (step two)"
    assert found["about"]["lift_reason"] == "all clear"  # type: ignore[index]  # JSON


def test_what_was_disposed_of_is_said_to_be(office: Office) -> None:
    """RC-4: the story goes on without the words."""
    post = _queue(office)
    _told(office, "--post", post)
    with writing(office.engine) as session:
        body = session.exec(select(Record.sha256).where(Record.series == "post")).one()
        session.delete(session.get_one(RecordContent, body))
        session.execute(update(Record).where(Record.sha256 == body).values(disposed_by=1))
    kept = [event for event in _told(office, "--post", post)["events"] if event["what"] == "this version was kept"]  # type: ignore[attr-defined]  # JSON
    assert [event["said"] for event in kept] == ["its content was disposed of"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "say of what: --post N or --suspension N"),
        (("--post", "1", "--suspension", "1"), "say of what: --post N or --suspension N"),
        (("--post", "4711"), "there is no post 4711"),
        (("--suspension", "4711"), "there is no suspension 4711"),
    ],
)
def test_what_cannot_be_told_is_said_in_one_line(office: Office, arguments: tuple[str, ...], words: str) -> None:
    said = office.run("records", "timeline", *arguments)
    assert said.code != 0
    assert words in said.err
    assert len(said.err.strip().splitlines()) == 1


def test_people_read_it_with_the_log_s_head(office: Office) -> None:
    post = _queue(office)
    said = office.run("records", "timeline", "--post", post)
    assert said.code == 0
    assert "queued it" in said.out
    assert TEXT in said.out
    assert "the log's newest entry is" in said.err
    assert verify.verify(office.engine).ok
