"""RC-4: what was approved goes in small steps, everything else stays, and the chain still verifies."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from config import clock
from records import log, seal
from records.retention import carrying, certificate, dispositions
from records.retention.holds import RetentionError
from records.verify import verify
from scheduler.planning import content, post_views
from store.engine import reading, writing
from store.record_tables import Record
from store.retention_tables import Disposition, DispositionItem
from store.tables import Alarm, Post, Suspension
from tests.records.retention.store import Old, ago, plan, rule

ROUTINE = plan(rule("routine", trigger="published"))
KEEPS = plan(rule("routine", "900 days", trigger="published"))


def test_the_content_goes_and_a_tombstone_stays(old: Old) -> None:
    """RC-4: of the post that is due; the young one stays (the twin)."""
    due, young = old.post("Old words", 100), old.post("Young words", 3)
    number = old.approved(ROUTINE)
    before = {record.id: record.hash for record in old.records()}
    outcome = old.carry_out(number, ROUTINE)
    assert (outcome.disposed, outcome.kept, outcome.files) == (1, {}, 0)
    gone, kept = old.records(series="post")
    assert (gone.post_id, gone.disposed_by, kept.post_id, kept.disposed_by) == (due, number, young, None)
    assert {gone.sha256, kept.sha256} & old.contents() == {kept.sha256}
    post = old.row(Post, due)
    assert (post.text, post.media, post.disposed_at is not None) == ("", [], True)
    assert old.row(Post, young).text == "Young words"
    assert old.row(Post, young).disposed_at is None
    with reading(old.engine) as session:
        said = {number: post_views.shown(session, number)["disposed_at"] for number in (due, young)}
    assert said == {due: clock.to_text(post.disposed_at), young: None}
    assert {record.id: record.hash for record in old.records() if record.id in before} == before
    for record in old.records():
        assert seal.of_record([getattr(record, name) for name in seal.FIELDS]) == record.hash
    assert verify(old.engine).ok
    old.name()
    assert len(old.records(series="post")) == 2, "blanking is no new version"


def test_the_certificate_is_a_record_that_says_it_all(old: Old) -> None:
    """RC-4."""
    old.post("Old words", 100)
    old.post("Held words", 100)
    old.hold(words="held")
    number = old.approved(ROUTINE)
    outcome = old.carry_out(number, ROUTINE)
    text, data = old.records(series="disposition")
    assert outcome.certificate == data.id
    with reading(old.engine) as session:
        said = certificate.read(session, session.get_one(Disposition, number))
    assert said["rules"] == [
        {"rule": "routine", **ROUTINE.rules["routine"].described(), "disposed": 1, "bytes": old.records(id=1)[0].size}
    ]
    assert (said["proposed"]["by"], said["approved"]["by"], said["carried_out"]["by"]) == ("rosa", "ramon", ["rick"])
    assert (said["disposed"], said["records"], said["moderation"]) == (1, [[1, 1]], [])
    assert said["sha256"] == seal.of_batch([old.records(id=1)[0].hash])
    words = certificate.text(said)
    assert text.sha256 == seal.of_content(words.encode())
    for part in ("GR routine", "Proposed by rosa", "Approved by ramon", "Carried out by rick", "records 1"):
        assert part in words
    assert [entry["action"] for entry in log.entries(old.engine) if entry["action"].startswith("records.d")] == [
        "records.dispose.propose",
        "records.dispose.approve",
        "records.disposed",
        "records.dispose.done",
    ]


def test_what_another_record_says_as_well_stays(old: Old) -> None:
    first = old.record(body=b"the same", days=100)
    second = old.record(body=b"the same", days=3)
    schedule = plan(rule("public", records=["inbound"]))
    old.carry_out(old.approved(schedule), schedule)
    assert old.disposed() == [first]
    assert seal.of_content(b"the same") in old.contents()
    later = plan(rule("public", "1 day", records=["inbound"]))
    old.carry_out(old.approved(later), later)
    assert old.disposed() == [first, second]
    assert seal.of_content(b"the same") not in old.contents()


def test_words_of_the_log_hold_no_words_of_records(old: Old) -> None:
    old.post("Secretive", 100)
    old.hold(words="Secretive")
    old.release()
    old.carry_out(old.approved(ROUTINE), ROUTINE)
    assert "secretive" not in json.dumps(log.entries(old.engine)).casefold()


# --- who and which list ----------------------------------------------------------------------------------------------


def test_nobody_approves_their_own(old: Old) -> None:
    """RC-4: also where every command is passed by, the database refuses it."""
    old.post()
    number = old.propose(ROUTINE)
    with pytest.raises(RetentionError, match="another person"), writing(old.engine) as session:
        dispositions.approve(session, "rosa", number, ROUTINE)
    with pytest.raises(Exception, match=r"(?i)constraint"):
        old.change(Disposition, number, approved_by="rosa")


def test_what_is_not_approved_is_not_carried_out(old: Old) -> None:
    old.post()
    number = old.propose(ROUTINE)
    with pytest.raises(RetentionError, match="proposed"):
        old.carry_out(number, ROUTINE)
    assert old.disposed() == []


@pytest.mark.parametrize("change", [{"rule": "other"}, {"hash": "0" * 64}, {"due_at": 1}])
def test_another_list_voids_the_approval(old: Old, change: dict[str, Any]) -> None:
    """RC-4: an approval is for the exact list."""
    old.post()
    number = old.approved(ROUTINE)
    old.change(DispositionItem, (number, "record", 1), **change)
    assert old.carry_out(number, ROUTINE).void == dispositions.CHANGED_LIST
    assert old.disposed() == []
    assert old.row(Disposition, number).state == "void"
    with pytest.raises(RetentionError, match="void"):
        old.carry_out(number, ROUTINE)


def test_a_longer_list_voids_the_approval(old: Old) -> None:
    old.post()
    young = old.record("post", days=3)
    number = old.approved(ROUTINE)
    with writing(old.engine) as session:
        item = {"disposition_id": number, "kind": "record", "rule": "routine", "due_at": 1, "hash": "h", "size": 1}
        session.add(DispositionItem(number=young, **item))
    assert old.carry_out(number, ROUTINE).void == dispositions.CHANGED_LIST
    assert old.disposed() == []


def test_another_schedule_voids_the_approval(old: Old) -> None:
    old.post()
    number = old.approved(ROUTINE)
    assert old.carry_out(number, KEEPS).void == dispositions.CHANGED_SCHEDULE
    assert old.disposed() == []


def test_a_list_that_changed_before_is_not_approved(old: Old) -> None:
    old.post()
    number = old.propose(ROUTINE)
    old.change(DispositionItem, (number, "record", 1), rule="other")
    with writing(old.engine) as session:
        assert dispositions.approve(session, "ramon", number, ROUTINE) == dispositions.CHANGED_LIST
    assert old.row(Disposition, number).state == "void"


def test_a_record_that_is_no_longer_what_was_listed_is_kept(old: Old) -> None:
    old.post()
    number = old.approved(ROUTINE)
    old.change(Record, 1, hash="0" * 64)
    assert old.carry_out(number, ROUTINE).kept == {"it is not what was listed": 1}


def test_what_stands_in_an_open_disposition_is_not_proposed_twice(old: Old) -> None:
    old.post()
    number = old.propose(ROUTINE)
    assert old.due(ROUTINE).due == []
    with writing(old.engine) as session:
        dispositions.withdraw(session, "rosa", number, "too soon")
    assert len(old.due(ROUTINE).due) == 1


def test_the_shipped_example_disposes_of_nothing(old: Old) -> None:
    from records.retention import schedule

    old.post(days=4000)
    example = schedule.read(schedule.SHIPPED)
    assert len(old.due(example).due) == 1
    with pytest.raises(RetentionError, match="example"):
        old.propose(example)


def test_whoever_loses_the_right_is_stopped_between_two_steps(old: Old, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carrying, "STEP", 1)
    for _ in range(3):
        old.post()
    number = old.approved(ROUTINE)
    asked: list[int] = []

    def check(_: object) -> None:
        asked.append(1)
        if len(asked) == 3:
            raise RetentionError("no longer")

    with pytest.raises(RetentionError, match="no longer"):
        carrying.carry_out(old.run(number, ROUTINE, check=check))
    assert old.disposed() == [1]
    assert old.carry_out(number, ROUTINE).disposed == 3


# --- what changes between the approval and the step ---------------------------------------------------------------------


def test_a_hold_after_the_approval_wins_and_names_itself(old: Old) -> None:
    """RC-4."""
    old.post("About the flood", 100)
    old.post("About the pool", 100)
    number = old.approved(ROUTINE)
    old.hold("flood-case", words="FLOOD")
    outcome = old.carry_out(number, ROUTINE)
    assert (outcome.disposed, outcome.kept) == (1, {"hold flood-case": 1})
    assert old.disposed() == [2]
    assert [item.why for item in old.items(number)] == ["hold flood-case", ""]


def test_a_suspension_that_is_not_lifted_stops_it(old: Old) -> None:
    number = old.record(days=100, suspension=old.suspension(lifted_days=100))
    schedule = plan(rule("public", records=["inbound"]))
    listed = old.approved(schedule)
    old.change(Suspension, 1, lifted_epoch=None)
    outcome = old.carry_out(listed, schedule)
    assert outcome.kept == {"suspension 1 is not lifted": 1}
    assert number not in old.disposed()


def test_a_schedule_that_another_rule_makes_longer_keeps_it(old: Old) -> None:
    """The rule that was approved says the same, but another one now covers the record as well."""
    old.post()
    number = old.approved(ROUTINE)
    both = plan(ROUTINE.rules["routine"], rule("longer", "900 days", trigger="published"))
    outcome = old.carry_out(number, both)
    assert outcome.disposed == 0
    assert next(iter(outcome.kept)).startswith("not due before")
    assert next(iter(outcome.kept)).endswith("by longer")


def test_by_a_clock_in_doubt_nothing_is_due(old: Old) -> None:
    old.post()
    number = old.approved(ROUTINE)
    with writing(old.engine) as session:
        session.add(Alarm(kind="clock", host="h", detail="a jump", raised_at=1))
    for act in (lambda: old.carry_out(number, ROUTINE), lambda: old.propose(ROUTINE)):
        with pytest.raises(RetentionError, match="clock is in doubt"):
            act()
    old.change(Alarm, 1, confirmed_at=2)
    assert old.carry_out(number, ROUTINE).disposed == 1


# --- files -----------------------------------------------------------------------------------------------------------


def _picture(old: Old, name: str = "a.png", age_s: float = 7200) -> dict[str, str]:
    body = name.encode()
    path = old.media / name
    path.write_bytes(body)
    then = clock.machine_wall_us() / 1e6 - age_s
    os.utime(path, (then, then))
    return {"file": name, "alt": "A tree", "mime": "image/png", "sha256": seal.of_content(body)}


def test_a_file_goes_when_nobody_uses_it_any_more(old: Old) -> None:
    shared, own = _picture(old, "shared.png"), _picture(old, "own.png")
    old.post("First", 100, media=[shared, own])
    second = old.post("Second", 3, media=[shared])
    old.carry_out(old.approved(ROUTINE), ROUTINE)
    assert sorted(path.name for path in old.media.iterdir()) == ["shared.png"]
    old.change(Post, second, published_at=ago(100))
    old.carry_out(old.approved(ROUTINE), ROUTINE)
    assert list(old.media.iterdir()) == []


@pytest.mark.parametrize("kind", ["draft", "staged"])
def test_a_file_of_a_post_that_is_no_record_yet_stays(old: Old, kind: str) -> None:
    item = _picture(old)
    old.post("First", 100, media=[item])
    number = old.approved(ROUTINE)
    with writing(old.engine) as session:
        key = "staged:m:a.csv 1" if kind == "staged" else None
        session.add(
            Post(
                channel="parks", text="Next", media=[item], state="draft", content_hash="h", local_time="-", zone="UTC",
                due_at=1, ready_at=1, lateness_us=1, author="ann", created_at=1, updated_at=1, source_key=key,
            )
        )  # fmt: skip
    outcome = old.carry_out(number, ROUTINE)
    assert (outcome.disposed, outcome.files) == (2, 0)
    assert [path.name for path in old.media.iterdir()] == ["a.png"]


def test_a_file_that_was_just_taken_up_waits_for_a_later_run(old: Old) -> None:
    item = _picture(old, age_s=10)
    old.post("First", 100, media=[item])
    number = old.approved(ROUTINE)
    outcome = old.carry_out(number, ROUTINE)
    assert (outcome.disposed, outcome.files, outcome.certificate) == (2, 1, None)
    assert [path.name for path in old.media.iterdir()] == ["a.png"]
    _picture(old)
    outcome = old.carry_out(number, ROUTINE)
    assert (outcome.disposed, outcome.files) == (2, 0)
    assert outcome.certificate is not None
    assert list(old.media.iterdir()) == []


def test_an_image_that_is_taken_up_again_is_marked_as_just_used(old: Old) -> None:
    """A new post whose image lies there already does not copy it: between that and its own commit nobody else knows of it."""
    item = _picture(old)
    old.post("First", 100, media=[item])
    number = old.approved(ROUTINE)
    content._copy(b"a.png", old.media / "a.png")
    assert old.carry_out(number, ROUTINE).files == 1
    assert (old.media / "a.png").read_bytes() == b"a.png"


def test_a_post_that_says_what_is_no_record_yet_is_not_blanked(old: Old) -> None:
    post = old.post("First", 100)
    number = old.approved(ROUTINE)
    old.change(Post, post, text="Second", changed_at=ago(50))
    outcome = old.carry_out(number, ROUTINE)
    assert outcome.disposed == 1
    assert old.row(Post, post).text == "Second"
