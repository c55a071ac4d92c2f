"""KS-22: the report's figures come from the store, are whole where lists are cut, and call nothing sent that is held."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import select

from config import clock
from connectors.errors import NotSent
from crisis.report import as_json, choice, office, scene
from crisis.report.choice import ReportError
from crisis.report.report import Report
from governance import break_glass
from records import log
from scheduler import killswitch, lifting, switch
from scheduler.killswitch import PLANNED
from store import bulk
from store.crisis_tables import BreakGlassCode
from store.engine import reading, writing
from store.tables import Channel, LogEntry, Post, Suspension
from tests.crisis.report import incident
from tests.crisis.report.incident import Incident
from tests.scheduler.press import ManualClock, Press

HOUR = 3600 * clock.SECOND


def _by_outcome(report: Report) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for item in report.held.items:
        found.setdefault(item.outcome, []).append(item.post)
    return found


def test_a_whole_incident_is_told(hands: ManualClock, press: Press) -> None:
    """KS-22, KS-3: who, when, what became of each call and each post, who was told and who was not, and what is to change."""
    made = incident.whole(press, hands)
    report, posts = incident.read(press), made.posts
    (told,) = report.stops
    assert (told.stop.by, told.stop.reason, told.stop.lifted_by, told.stop.lift_reason) == (
        *("dora", "tornado", "omar", "the storm has passed"),
    )
    fates = {call.post: (call.fate, call.link) for call in report.calls.items}
    assert fates == {
        posts["escaped"]: ("escaped", "https://example.org/1"),
        posts["refused"]: ("not published", None),
        posts["unknown"]: ("unknown", None),
    }
    outcomes = _by_outcome(report)
    assert {name: outcomes[name] for name in ("released", "rescheduled", "cancelled")} == {
        "released": [posts["missed 0"]],
        "rescheduled": [posts["missed 1"]],
        "cancelled": [posts["missed 2"]],
    }
    assert {posts["aborted"], posts["missed 3"]} < set(outcomes["still held"])
    assert [(item.post, item.state, item.by) for item in report.emergencies.items] == [
        (posts["emergency"], "published", "erin")
    ]
    assert [(item.person, item.variable, item.detail) for item in report.failed.items] == [
        ("dora", "DORA_PHONE", "no such number")
    ]
    assert [(item.person, item.acknowledged_at is not None) for item in report.heard.items] == [
        ("dora", False),
        ("omar", True),
    ]
    assert [(item.item, item.by, item.note) for item in report.ticks.items] == [("stop", "dora", "at once")]
    assert [(item.by, item.reason, item.used_at is not None) for item in report.resumes.items] == [
        ("omar", "it is over", True)
    ]
    assert [(item.text, item.done_by) for item in report.actions.items] == [
        ("Mend Dora's number.", "omar"),
        ("Drill again.", None),
    ]
    assert [item.text for item in report.recall.items] == ["shortly before"] * 2
    assert (report.interim, report.exercise, report.overlapping) == (False, False, ())
    assert report.counts.refused == 1
    assert any(entry.action == "refused" and "ann may not resume" in entry.words for entry in report.entries.items)


def test_what_was_measured(hands: ManualClock, press: Press) -> None:
    """KS-20, KS-22: from the command to the commit, to quiet, to the last acknowledgement, and how long it stood."""
    made = incident.whole(press, hands)
    measures = incident.read(press).stops[0].measures
    assert (measures.to_suspended, measures.to_quiet, measures.silent) == (clock.SECOND // 4, None, ("dora",))
    row = press.row(Suspension, made.number)
    assert measures.duration == row.lifted_at - row.begun_at
    press.change(Suspension, made.number, quiet_at=row.begun_at + 3 * clock.SECOND)
    with writing(press.engine) as session:
        session.execute(
            text(f"INSERT INTO acknowledgement (suspension_id, person, at) VALUES (1, 'dora', {row.begun_at + HOUR})")
        )
    measures = incident.read(press).stops[0].measures
    assert (measures.to_quiet, measures.to_all_acknowledged, measures.silent) == (3 * clock.SECOND, HOUR, ())


DIRECT = {
    "in_flight": "SELECT count(DISTINCT attempt_id) FROM suspension_inflight",
    "escaped": "SELECT count(*) FROM attempt WHERE state = 'published' AND id IN (SELECT attempt_id FROM suspension_inflight)",
    "unknown": "SELECT count(*) FROM attempt WHERE state = 'unknown' AND id IN (SELECT attempt_id FROM suspension_inflight)",
    "still held": "SELECT count(*) FROM post WHERE state = 'held' AND {held}",
    "cancelled": "SELECT count(*) FROM post WHERE state = 'cancelled' AND {held}",
    "held": "SELECT count(*) FROM post WHERE {held}",
    "sent_since": "SELECT count(*) FROM post WHERE state = 'published' AND {held}",
    "emergencies": "SELECT count(DISTINCT post_id) FROM override",
    "failed_notices": "SELECT count(*) FROM delivery WHERE state = 'failed'",
    "actions_open": "SELECT count(*) FROM corrective_action WHERE done_at IS NULL",
}
HELD = (
    "id IN (SELECT post_id FROM suspension_post UNION SELECT post_id FROM native_post "
    "UNION SELECT post_id FROM attempt WHERE outcome = 'suspended')"
)


def _direct(press: Press) -> dict[str, int]:
    with reading(press.engine) as session:
        return {name: int(session.execute(text(sql.format(held=HELD))).scalar_one()) for name, sql in DIRECT.items()}


def _told(report: Report) -> dict[str, int]:
    counts = {**vars(report.counts), **report.counts.fates, **report.counts.outcomes}
    return {name: counts[name] for name in DIRECT}


def test_the_counts_are_those_of_direct_queries(hands: ManualClock, press: Press) -> None:
    """KS-22; and every part adds up to its whole, at each step of the incident."""
    made = Incident(press, hands)
    for step in (made.begin, made.work, made.lift, made.decide, made.learn):
        step()
        report = incident.read(press)
        assert _told(report) == _direct(press)
        counts = report.counts
        assert sum(counts.outcomes.values()) == counts.held == report.held.total
        assert sum(counts.fates.values()) == counts.in_flight == report.calls.total
        assert counts.past_the_gate == 0
        assert Counter(item.outcome for item in report.held.items) == {k: v for k, v in counts.outcomes.items() if v}


def test_a_held_post_is_never_counted_as_sent(hands: ManualClock, press: Press) -> None:
    """KS-13: also when it was released and is held again, and when an older link still stands on it."""
    made = incident.whole(press, hands)
    for name in ("missed 0", "missed 1", "missed 3"):
        press.change(Post, made.posts[name], state="held", link="https://example.org/old", published_at=1)
    report = incident.read(press)
    held = {item.post for item in report.held.items if item.state == "held"}
    assert {made.posts[name] for name in ("missed 0", "missed 1", "missed 3")} <= held
    assert {item.outcome for item in report.held.items if item.state == "held"} == {"still held"}
    assert [item.link for item in report.held.items if item.state == "held"] == [None] * len(held)
    assert report.counts.sent_since == 0
    assert not held & {item.post for item in report.recall.items}


def test_what_went_out_past_the_gate_would_be_named(hands: ManualClock, press: Press) -> None:
    """KS-2: the report looks for it itself, and finds what somebody put there; a post of another channel is none."""
    number = press.suspend("channel:parks").suspension
    epoch = press.row(Suspension, number).epoch
    for channel in ("parks", "police"):
        post = press.queue(channel)
        press.attempt(post, "published", claim_epoch=epoch, authorise_epoch=epoch)
    report = incident.read(press)
    assert (report.counts.past_the_gate, [item.channel for item in report.past.items]) == (1, ["parks"])


def test_one_that_still_stands_is_interim(hands: ManualClock, press: Press) -> None:
    made = Incident(press, hands)
    made.begin()
    report = incident.read(press)
    assert (report.interim, report.counts.covered, report.counts.passed) == (True, 4, 0)
    hands.pass_s(3600)
    report = incident.read(press)
    assert (report.counts.covered, report.counts.passed, report.counts.held) == (4, 4, 1)
    assert report.stops[0].measures.duration == 3601 * clock.SECOND


def test_overlapping_ones_are_told_together_and_named_when_left_out(hands: ManualClock, press: Press) -> None:
    """KS-7: a post that two of them held is one post."""
    first = press.suspend("channel:parks").suspension
    post = press.queue("parks", in_s=1)
    hands.pass_s(5)
    second = press.suspend().suspension
    press.lift(first)
    hands.pass_s(5)
    press.change(Post, post, state="scheduled")
    press.lift(second)
    assert [incident.read(press, first).overlapping, incident.read(press, second).overlapping] == [(second,), (first,)]
    both = incident.read(press, first, second)
    assert ([told.stop.id for told in both.stops], both.overlapping, both.counts.held) == ([first, second], (), 1)
    hands.pass_s(3600)
    press.lift(press.suspend().suspension)
    assert [told.stop.id for told in incident.read(press, until=both.end).stops] == [first, second]
    assert [told.stop.id for told in incident.read(press, since=both.end + 60 * clock.SECOND).stops] == [3]
    assert [told.stop.id for told in incident.read(press).stops] == [3]


def test_a_planned_window_is_measured_from_its_moment(hands: ManualClock, press: Press) -> None:
    press.suspend(kind=PLANNED, starts_at=clock.wall_us() + 60 * clock.SECOND)
    with pytest.raises(ReportError, match="no suspension 1 has begun"):
        incident.read(press, 1)
    hands.pass_s(62)
    with press.switched() as own, switch.exclusive(own) as cursor:
        killswitch.begin_due(cursor, own.name)
    (told,) = incident.read(press, 1).stops
    assert told.measures.to_suspended == 2 * clock.SECOND


def test_a_drill_and_a_real_one_are_reported_apart(hands: ManualClock, press: Press) -> None:
    """KS-20."""
    drill = press.suspend(kind="drill").suspension
    hands.pass_s(1)
    real = press.suspend().suspension
    with pytest.raises(ReportError, match="are reported apart"):
        incident.read(press, drill, real)
    assert incident.read(press, drill).exercise
    assert incident.read(press, drill).overlapping == ()
    assert [told.stop.id for told in incident.read(press, since=0).stops] == [real]


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({}, "nothing was suspended then"),
        ({"numbers": (7,)}, "no suspension 7 has begun"),
        ({"numbers": tuple(range(1, 30))}, "has begun"),
    ],
)
def test_what_cannot_be_reported_is_said(press: Press, wish: dict[str, Any], said: str) -> None:
    with pytest.raises(ReportError, match=said):
        incident.read(press, *wish.get("numbers", ()))


def test_too_many_at_once_are_refused(press: Press) -> None:
    for _ in range(choice.MOST + 1):
        press.lift(press.suspend().suspension)
    with pytest.raises(ReportError, match="21 suspensions are too many"):
        incident.read(press, since=0)


def test_a_break_glass_code_and_its_review_are_told(press: Press) -> None:
    """KS-21."""
    number = press.suspend().suspension
    row = BreakGlassCode(label="EOC safe", code_hash="h", mark="m", made_by="stew", made_at=1)
    with writing(press.engine) as session:
        session.add(row)
    press.change(BreakGlassCode, 1, used_at=clock.wall_us(), suspension_id=number)
    press.change(Suspension, number, by=f"{break_glass.ACTOR} 1")
    (code,) = incident.read(press).codes.items
    assert (code.label, code.reviewed_at, code.suspension) == ("EOC safe", None, number)


def test_ten_thousand_held_posts_are_counted_whole_and_listed_cut(sqlite_press: Press) -> None:
    """The lift keeps each by name, and the report stays small and quick."""
    press, now = sqlite_press, clock.wall_us()
    number = press.suspend().suspension
    row = {**press.post(press.queue(in_s=60)).model_dump(), "due_at": now - 1, "ready_at": now - 1}
    del row["id"]
    with writing(press.engine) as session:
        for batch in bulk.batches(Post, ({**row, "text": f"post {n}"} for n in range(10_000))):
            bulk.insert(session, batch)
    press.lift(number)
    started = clock.boot_s()
    report = incident.read(press)
    assert clock.boot_s() - started < 3
    assert (report.counts.held, report.held.total, len(report.held.items)) == (10_000, 10_000, scene.MOST_SHOWN)
    assert len(json.dumps(as_json.of(report))) < 200_000


def test_a_lift_keeps_what_it_held_and_nothing_else(hands: ManualClock, press: Press) -> None:
    """The twin: what is still to come, and what another channel has, is no business of this suspension."""
    number = press.suspend("channel:parks").suspension
    missed, later = press.queue("parks", in_s=1), press.queue("parks", in_s=60)
    press.queue("police", in_s=1)
    hands.pass_s(5)
    press.lift(number)
    with reading(press.engine) as session:
        kept = session.execute(text("SELECT suspension_id, post_id FROM suspension_post")).all()
    assert [tuple(row) for row in kept] == [(number, missed)]
    assert press.post(later).state == "scheduled"


def test_a_post_that_comes_back_from_a_call_is_kept_for_its_suspension(hands: ManualClock, press: Press) -> None:
    """KS-3, I7: what was in flight and provably not sent is held, and the report says by which suspension."""
    post, number = press.queue(), 0

    def call(permit: Any) -> Any:
        nonlocal number
        number = press.suspend().suspension
        raise NotSent("the line was cut")

    press.connector.on_publish = call
    assert press.publisher.publish_post(post) == "not_sent"
    report = incident.read(press)
    assert [(item.post, item.outcome) for item in report.held.items] == [(post, "still held")]
    assert [(call.post, call.fate) for call in report.calls.items] == [(post, "not published")]
    assert number == 1


def test_a_log_that_was_tampered_with_breaks_no_report(hands: ManualClock, press: Press) -> None:
    """`records verify` names the entry; the report does without it."""
    incident.whole(press, hands)
    with reading(press.engine) as session:
        seqs = list(session.exec(select(LogEntry.seq)))
    for number, seq in enumerate(seqs):
        press.change(
            LogEntry, seq, detail=("[" * 5000, "{", "[]", '{"posts": 3}', '{"posts": [{"id": "x"}, 7]}')[number % 5]
        )
    report = incident.read(press)
    assert (report.counts.outcomes["released"], report.counts.outcomes["still held"]) == (0, 3)
    assert report.stops[0].measures.to_suspended is None


def test_the_newest_entries_give_way_to_the_ones_that_matter(press: Press) -> None:
    number = press.suspend().suspension
    with writing(press.engine) as session:
        for n in range(300):
            log.record(session, "ann", "post.add", f"post {n}", {})
    press.lift(number)
    report = incident.read(press)
    assert (report.entries.total, len(report.entries.items)) == (302, 200)
    assert [report.entries.items[0].action, report.entries.items[-1].action] == ["suspend", "lift"]
    assert report.acts["ann", "post.add"] == 300


def test_a_channel_that_was_resumed_before_the_rest_passed_no_gate(press: Press) -> None:
    """A staged resume: what went out there afterwards had leave, and what waits there is not covered; before, it was."""
    number = press.suspend().suspension
    epoch = press.row(Suspension, number).epoch
    for later in (0, 1):
        press.attempt(press.queue("parks"), "published", claim_epoch=epoch, authorise_epoch=epoch + later)
    assert (incident.read(press).counts.past_the_gate, incident.read(press).counts.covered) == (2, 2)
    with writing(press.engine) as session:
        detail = {"epoch": epoch + 1, "channels": ["parks"], "held": 3}
        log.record(session, "omar", "lift_part", f"suspension {number}", detail)
    report = incident.read(press)
    assert (report.counts.past_the_gate, report.counts.covered, report.stops[0].held_by_lift) == (1, 0, 3)


def test_who_joined_a_group_after_the_lift_was_not_covered(press: Press) -> None:
    number = press.suspend("group:outdoors").suspension
    press.lift(number)
    epoch = press.row(Suspension, number).epoch
    with writing(press.engine) as session:
        session.execute(text("INSERT INTO channel_group (channel, name) VALUES ('police', 'outdoors')"))
    for channel in ("pool", "police"):
        press.attempt(press.queue(channel), "published", claim_epoch=epoch, authorise_epoch=epoch)
    assert [item.channel for item in incident.read(press).past.items] == ["pool"]


def test_people_who_were_told_and_said_nothing_are_named() -> None:
    deliveries = [
        office.Delivery(1, "suspended", "dora", "A", "delivered", 1, 5, 9, ""),
        office.Delivery(1, "suspended", "dora", "B", "sending", 1, 5, None, ""),
    ]
    (heard,) = office.heard(deliveries, {1: {}})
    assert heard == office.Heard("dora", 1, 0, 1, 9, None)


def test_its_json_has_moments_and_totals(hands: ManualClock, press: Press) -> None:
    incident.whole(press, hands)
    found = json.loads(json.dumps(as_json.of(incident.read(press))))
    assert found["held"]["total"] == len(found["held"]["items"]) == 6
    assert found["stops"][0]["stop"]["begun_at"].endswith("Z")
    assert found["stops"][0]["measures"]["to_suspended_s"] == 0.25
    assert found["head"]["hash"] == press.log("action.done")[-1].hash
    assert {"actor": "omar", "action": "lift", "entries": 1} in found["acts"]


def test_the_lift_s_count_and_the_names_agree(hands: ManualClock, press: Press) -> None:
    made = incident.whole(press, hands)
    assert incident.read(press).stops[0].held_by_lift == 4
    assert press.ask(lifting.missed, made.number) == 0
    assert press.row(Channel, "hall").platform == "facebook"
