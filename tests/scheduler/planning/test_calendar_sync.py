"""A calendar applied as a difference, on both databases."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest

from config import clock
from scheduler.planning import calendar_sync, stager
from store.engine import writing
from store.tables import Channel, RoleGrant
from tests.support.calendar_city import Desk, SetClock, texts

YEAR = "2026-12"


def png() -> bytes:
    """The smallest picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")


def test_a_new_file_becomes_one_post_per_channel_in_its_owners_name(desk: Desk) -> None:
    desk.write("parks.csv", f"open,{YEAR}-03 09:00,The park opens", channels="parks;library")
    outcome = desk.applied("parks.csv")
    posts = desk.posts()
    assert outcome.applied
    assert [(post.channel, post.state, post.author, post.local_time) for post in posts] == [
        ("library", "scheduled", "ada", f"{YEAR}-03T09:00"),
        ("parks", "scheduled", "ada", f"{YEAR}-03T09:00"),
    ]
    assert posts[1].source_key == f"parks.csv#open@{YEAR}-03T09:00|parks"
    assert clock.to_text(posts[0].due_at) == "2026-12-03T15:00:00.000Z"
    assert posts[0].ready_at == posts[0].due_at
    assert [entry.actor for entry in desk.logged("calendar_sync")] == ["ada"]


def test_a_second_sync_of_the_same_file_changes_nothing(desk: Desk) -> None:
    desk.write("parks.csv", f"open,{YEAR}-03 09:00,The park opens")
    desk.applied("parks.csv")
    before = desk.rows()
    outcome = desk.applied("parks.csv")
    assert not outcome.applied
    assert outcome.plan is not None
    assert outcome.plan.counts() == {"add": 0, "change": 0, "cancel": 0, "keep": 1}
    assert desk.rows() == before


def test_added_changed_and_removed_entries_are_all_that_moves(desk: Desk) -> None:
    desk.write("parks.csv", *(f"e{i},{YEAR}-0{i} 09:00,Text {i}" for i in (3, 4, 5)))
    desk.applied("parks.csv")
    kept = {post.entry: post for post in desk.posts()}["e3"]
    desk.write("parks.csv", f"e3,{YEAR}-03 09:00,Text 3", f"e4,{YEAR}-04 10:30,Text four", f"e6,{YEAR}-06 09:00,Text 6")
    plan = desk.applied("parks.csv").plan
    assert plan is not None
    assert plan.counts() == {"add": 1, "change": 1, "cancel": 1, "keep": 1}
    by_entry = {post.entry: post for post in desk.posts()}
    assert by_entry["e3"] == kept
    assert (by_entry["e4"].text, by_entry["e4"].local_time, by_entry["e4"].state) == (
        "Text four",
        f"{YEAR}-04T10:30",
        "scheduled",
    )
    assert by_entry["e4"].content_hash != kept.content_hash
    assert (by_entry["e5"].state, by_entry["e5"].source_key) == ("cancelled", None)
    assert by_entry["e6"].state == "scheduled"


def test_an_entry_that_comes_back_is_planned_again(desk: Desk) -> None:
    rows = [f"e3,{YEAR}-03 09:00,Text 3", f"e4,{YEAR}-04 09:00,Text 4"]
    for written in (rows, rows[:1], rows):
        desk.write("parks.csv", *written)
        desk.applied("parks.csv")
    assert texts(desk.posts("scheduled")) == ["Text 3", "Text 4"]
    assert texts(desk.posts("cancelled")) == ["Text 4"]


def test_a_renamed_entry_is_cancelled_under_its_old_name_and_planned_under_its_new_one(desk: Desk) -> None:
    for name in ("old", "new"):
        desk.write("parks.csv", f"{name},{YEAR}-03 09:00,Text")
        desk.applied("parks.csv")
    assert [post.entry for post in desk.posts("scheduled")] == ["new"]
    assert [post.entry for post in desk.posts("cancelled")] == ["old"]


def test_a_renamed_file_is_refused_while_the_old_ones_posts_wait(desk: Desk) -> None:
    desk.write("parks.csv", f"open,{YEAR}-03 09:00,Text")
    desk.applied("parks.csv")
    desk.path("parks.csv").rename(desk.path("green.csv"))
    before = desk.rows()
    (fault,) = desk.sync("green.csv").faults
    assert "calendar sync --remove parks.csv" in fault.message
    assert desk.rows() == before
    assert calendar_sync.remove(desk.engine, "parks.csv", "ada") == 1
    assert desk.applied("green.csv").applied
    assert [post.file for post in desk.posts("scheduled")] == ["green.csv"]


def test_a_copied_file_is_refused(desk: Desk) -> None:
    path = desk.write("parks.csv", f"open,{YEAR}-03 09:00,Text")
    desk.applied("parks.csv")
    desk.path("copy.csv").write_bytes(path.read_bytes())
    (fault,) = desk.sync("copy.csv").faults
    assert "is a copy of parks.csv" in fault.message


def test_a_file_outside_the_folder_is_refused(desk: Desk, tmp_path: Path) -> None:
    path = desk.write("parks.csv", f"open,{YEAR}-03 09:00,Text").rename(tmp_path / "parks.csv")
    (fault,) = calendar_sync.sync(desk.engine, path, desk.settings).faults
    assert "does not lie in the calendars folder" in fault.message
    assert desk.posts() == []


def test_posts_edited_by_hand_stay_until_their_entry_changes(desk: Desk) -> None:
    desk.write("parks.csv", f"e3,{YEAR}-03 09:00,Text 3", f"e4,{YEAR}-04 09:00,Text 4")
    desk.applied("parks.csv")
    for post in desk.posts():
        desk.set_post(post.id, text="by hand", due_at=post.due_at + 60_000_000, ready_at=post.due_at + 60_000_000)
    desk.write("parks.csv", f"e3,{YEAR}-03 09:00,Text 3", f"e4,{YEAR}-04 09:00,Text four")
    due = [post.due_at for post in desk.posts()]
    desk.applied("parks.csv")
    assert texts(desk.posts()) == ["by hand", "Text four"]
    assert [post.due_at for post in desk.posts()] == due, "a time set by hand stays when only the text changed"


@pytest.mark.parametrize("state", ["published", "publishing", "unknown", "cancelled"])
def test_what_went_out_or_may_have_is_left_alone_and_said(desk: Desk, state: str) -> None:
    """Whether its text changes, its time changes or its entry goes."""
    desk.write("parks.csv", f"e3,{YEAR}-03 09:00,Text 3", f"e4,{YEAR}-04 09:00,Text 4", f"e5,{YEAR}-05 09:00,Text 5")
    desk.applied("parks.csv")
    for post in desk.posts():
        desk.set_post(post.id, state=state)
    before = desk.posts()
    desk.write("parks.csv", f"e3,{YEAR}-03 09:00,New text", f"e4,{YEAR}-09 09:00,Text 4")
    plan = desk.applied("parks.csv").plan
    assert plan is not None
    assert desk.posts() == before
    assert len(plan.notes) == (2 if state == "cancelled" else 3)
    assert all("left alone" in note for note in plan.notes)


def test_a_held_post_takes_its_entrys_new_text_and_time_and_stays_held(desk: Desk) -> None:
    desk.write("parks.csv", f"e3,{YEAR}-03 09:00,Text 3")
    desk.applied("parks.csv")
    (post,) = desk.posts()
    desk.set_post(post.id, state="held", hold_reason="a person said so")
    desk.write("parks.csv", f"e3,{YEAR}-08 09:00,New text")
    desk.applied("parks.csv")
    (changed,) = desk.posts()
    assert (changed.id, changed.state, changed.hold_reason) == (post.id, "held", "a person said so")
    assert (changed.text, changed.local_time) == ("New text", f"{YEAR}-08T09:00")


def test_a_held_post_whose_time_passed_takes_a_new_text_without_a_new_time(desk: Desk, now: SetClock) -> None:
    desk.write("parks.csv", f"e3,{YEAR}-03 09:00,Text 3")
    desk.applied("parks.csv")
    desk.set_post(desk.posts()[0].id, state="held", hold_reason="late")
    now.wall += 5 * stager.DAY_US
    desk.write("parks.csv", f"e3,{YEAR}-03 09:00,New text")
    desk.applied("parks.csv")
    (post,) = desk.posts()
    assert (post.state, post.text) == ("held", "New text")


def test_one_bad_entry_among_fifty_changes_nothing(desk: Desk) -> None:
    desk.write("parks.csv", f"first,{YEAR}-03 09:00,Text")
    desk.applied("parks.csv")
    before = desk.rows()
    rows = [f"e{i},{YEAR}-05 09:{i:02},Text {i}" for i in range(50)]
    rows[30] = "e30,2026-11-05 09:00,Text 30"
    desk.write("parks.csv", *rows)
    (fault,) = desk.sync("parks.csv").faults
    assert (fault.line, fault.value) == (35, "2026-11-05 09:00 America/Chicago")
    assert "--skip-past" in fault.message
    assert desk.rows() == before


def test_the_past_is_skipped_when_asked_and_stays_skipped(desk: Desk) -> None:
    desk.write("parks.csv", "old,2026-11-05 09:00,Old", f"new,{YEAR}-03 09:00,New")
    assert desk.applied("parks.csv", skip_past=True).applied
    assert texts(desk.posts()) == ["New"]
    assert desk.applied("parks.csv").plan is not None


def test_all_mistakes_are_told_at_once_with_their_lines(desk: Desk) -> None:
    desk.path("bad.png").write_bytes(b"not a picture")
    desk.write(
        "parks.csv",
        "e1,2026-11-05 09:00,Late,,",
        f"e2,{YEAR}-05 09:00,Picture,bad.png,A tree",
        "e3,2026-11-06 09:00,Late too,,",
        owner="bob",
        head="id,at,text,media,alt",
    )
    faults = desk.sync("parks.csv").faults
    assert [fault.line for fault in faults] == [1, 5, 6, 7]
    assert faults[0].value == "bob"
    assert "parks" in faults[0].message
    assert desk.posts() == []


@pytest.mark.parametrize(("owner", "why"), [("bob", "does not hold 'queue'"), ("eve", "there is no person 'eve'")])
def test_the_owner_must_be_able_to_queue_on_every_channel_of_the_file(desk: Desk, owner: str, why: str) -> None:
    """GV-4: a calendar file is held to the same rights as a person."""
    desk.write("parks.csv", f"open,{YEAR}-03 09:00,Text", owner=owner, channels="parks;library")
    faults = desk.sync("parks.csv").faults
    assert [(fault.value, why in fault.message) for fault in faults] == [(owner, True)] * 2
    assert ["library" in faults[0].message, "parks" in faults[1].message] == [True, True]
    assert desk.posts() == []


def test_an_unknown_channel_is_named(desk: Desk) -> None:
    desk.write("parks.csv", f"open,{YEAR}-03 09:00,Text", channels="prks")
    assert any("did you mean 'parks'" in fault.message for fault in desk.sync("parks.csv").faults)


def test_a_text_too_long_for_its_platform_is_a_fault(desk: Desk) -> None:
    with writing(desk.engine) as session:
        session.add(Channel(name="chirp", platform="x", created_at=0))
    desk.write("parks.csv", f"open,{YEAR}-03 09:00,{'long ' * 100}", channels="chirp")
    (fault,) = desk.sync("parks.csv").faults
    assert fault.line == 5
    assert "280" in fault.message


def test_images_are_kept_under_their_digest_and_a_new_picture_is_a_change(desk: Desk, tmp_path: Path) -> None:
    desk.path("tree.png").write_bytes(png())
    desk.write("parks.csv", f"open,{YEAR}-03 09:00,Text,tree.png,An oak in autumn", head="id,at,text,media,alt")
    desk.applied("parks.csv")
    (first,) = desk.posts()
    (row,) = first.media
    assert row["alt"] == "An oak in autumn"
    assert (tmp_path / "data" / "media" / row["file"]).read_bytes() == png()
    desk.path("tree.png").write_bytes(png() + b"\0")
    desk.applied("parks.csv")
    (second,) = desk.posts()
    assert second.media[0]["sha256"] != row["sha256"]
    assert second.content_hash != first.content_hash


def test_a_new_owner_answers_for_what_still_waits(desk: Desk) -> None:
    desk.write("parks.csv", f"e3,{YEAR}-03 09:00,Text", f"e4,{YEAR}-04 09:00,Text")
    desk.applied("parks.csv")
    desk.set_post(desk.posts()[0].id, state="published")
    with writing(desk.engine) as session:
        session.add(RoleGrant(person="bob", role="administrator", channel="parks", granted_by="ada", granted_at=0))
    desk.write("parks.csv", f"e3,{YEAR}-03 09:00,Text", f"e4,{YEAR}-04 09:00,Text", owner="bob")
    desk.applied("parks.csv")
    assert [post.author for post in desk.posts()] == ["ada", "bob"]


def test_a_time_that_does_not_exist_is_moved_and_said(desk: Desk) -> None:
    """PROTOCOL: a gap takes the first valid instant and says so."""
    desk.write("parks.csv", "gap,2027-03-14 02:30,Spring")
    plan = desk.applied("parks.csv").plan
    (post,) = desk.posts()
    assert clock.to_text(post.due_at) == "2027-03-14T08:00:00.000Z"
    assert post.time_note is not None
    assert "does not exist" in post.time_note
    assert plan is not None
    assert post.time_note in plan.notes[0]


def test_recurring_entries_are_planned_from_now_to_the_horizon(desk: Desk) -> None:
    """KS-17: a series backfills nothing."""
    desk.write("parks.csv", "walk,2026-11-01 09:00,Walk,FREQ=DAILY", head="id,at,text,repeat")
    desk.applied("parks.csv")
    posts = desk.posts()
    assert len(posts) == 60
    assert posts[0].local_time == "2026-12-01T09:00"
    row = desk.file("parks.csv")
    assert row is not None
    assert row.staged_until == clock.from_datetime(clock.to_datetime(SetClock().wall)) + 60 * stager.DAY_US


def test_a_series_moved_on_its_day_says_no_date_twice(desk: Desk, now: SetClock) -> None:
    """KS-17: a date that went out does not go out again because its time of day changed."""
    head = "id,at,text,repeat"
    desk.write("parks.csv", f"walk,{YEAR}-01 09:00,Walk,FREQ=DAILY;COUNT=3", head=head)
    desk.applied("parks.csv")
    first, second, third = desk.posts()
    now.wall = first.due_at + 1
    desk.set_post(first.id, state="published")
    desk.set_post(second.id, state="held")
    desk.write("parks.csv", f"walk,{YEAR}-01 17:00,Walk,FREQ=DAILY;COUNT=3", head=head)
    desk.applied("parks.csv")
    assert [(post.id, post.state, post.local_time) for post in desk.posts()] == [
        (first.id, "published", f"{YEAR}-01T09:00"),
        (second.id, "held", f"{YEAR}-02T17:00"),
        (third.id, "scheduled", f"{YEAR}-03T17:00"),
    ]


def test_a_date_taken_out_of_a_series_is_cancelled(desk: Desk) -> None:
    head = "id,at,text,repeat,except"
    desk.write("parks.csv", f"walk,{YEAR}-01 09:00,Walk,FREQ=DAILY;COUNT=3,", head=head)
    desk.applied("parks.csv")
    desk.write("parks.csv", f"walk,{YEAR}-01 09:00,Walk,FREQ=DAILY;COUNT=3,{YEAR}-02", head=head)
    desk.applied("parks.csv")
    assert [(post.local_time[8:10], post.state) for post in desk.posts()] == [
        ("01", "scheduled"),
        ("02", "cancelled"),
        ("03", "scheduled"),
    ]


def test_a_series_moved_into_todays_past_sends_nothing_today(desk: Desk, now: SetClock) -> None:
    """KS-17."""
    head = "id,at,text,repeat"
    desk.write("parks.csv", f"walk,{YEAR}-01 17:00,Walk,FREQ=DAILY;COUNT=2", head=head)
    desk.applied("parks.csv")
    now.wall = desk.posts()[0].due_at - 3_600_000_000
    desk.write("parks.csv", f"walk,{YEAR}-01 09:00,Walk,FREQ=DAILY;COUNT=2", head=head)
    desk.applied("parks.csv")
    assert [(post.state, post.local_time) for post in desk.posts()] == [
        ("cancelled", f"{YEAR}-01T17:00"),
        ("scheduled", f"{YEAR}-02T09:00"),
    ]
