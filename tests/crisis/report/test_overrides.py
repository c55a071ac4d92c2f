"""What the content checks block and people let pass while a suspension stood is in the report (CT-2, KS-22)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text

from calendars.entry import Occurrence
from config import clock, settings
from crisis.report import as_json, markdown, sections
from crisis.report.moment import Times
from governance import access
from scheduler.planning import content_checks, emergency, post_service
from store.engine import writing
from tests.crisis.report import incident
from tests.crisis.report.incident import ERIN, Incident
from tests.scheduler.press import STEWARD, ManualClock, Press

SSN = "Her number is 078-05-1120."


def _moment() -> Occurrence:
    return Occurrence("2026-04-01T02:00", "UTC", clock.wall_us() + 3600 * clock.SECOND)


def _queued(press: Press, why: str) -> None:
    """A post that the steward lets past the checks."""
    verdict = _verdict({"ssn": why})
    new = post_service.NewPost(("parks",), _moment(), SSN, 60 * clock.SECOND)
    with access.acting(press.engine) as session:
        post_service.add(session, STEWARD, new, verdict)


def _verdict(overrides: Mapping[str, str]) -> content_checks.Verdict:
    return content_checks.verdict(content_checks.of(settings.Settings()), content_checks.post_of(SSN), overrides)


def _sent(press: Press) -> int:
    """An emergency message that any other post could not be."""
    concerns: dict[str, Any] = {"parks": _verdict({}).findings}
    message = emergency.Message({"parks": SSN}, _moment(), 60 * clock.SECOND, concerns=concerns)
    with access.acting(press.engine) as session:
        return emergency.send(session, ERIN, message).ids["parks"]


def test_what_was_let_pass_is_listed_by_name_and_by_the_lane(hands: ManualClock, press: Press) -> None:
    """CT-2, KS-22: with who, when and why, and no more of the number than the log has; not what came before or after."""
    _queued(press, "before")
    made = Incident(press, hands)
    made.begin()
    _queued(press, "a lesson")
    number = _sent(press)
    made.lift()
    hands.pass_s(10)
    _queued(press, "after")
    report = incident.read(press, made.number)
    found = [(item.by, item.check, item.why, item.emergency) for item in report.let_pass.items]
    assert found == [
        ("stew", "ssn", "a lesson", False),
        ("erin", "ssn", "an emergency message: nothing is blocked there", True),
    ]
    assert report.let_pass.items[1].about == f"post {number} on parks"
    assert report.counts.let_pass == report.let_pass.total == 2
    shown = markdown.of(sections.document(report, Times("UTC")))
    assert "What the content checks block, let pass" in shown
    assert ("a lesson" in shown, "078-05" in str(report.let_pass)) == (True, False)
    assert as_json.of(report)["let_pass"]["items"][0]["what"] == "'•••-••-••20' in the text"


def test_where_nothing_was_let_pass_the_report_says_so(hands: ManualClock, press: Press) -> None:
    """The twin."""
    made = Incident(press, hands)
    made.begin()
    report = incident.read(press, made.number)
    assert (report.counts.let_pass, report.let_pass.items) == (0, ())
    assert "Nothing that the content checks block was let pass." in markdown.of(sections.document(report, Times("UTC")))


def test_an_entry_that_was_changed_by_hand_is_shown_as_far_as_it_can_be_read(hands: ManualClock, press: Press) -> None:
    """KS-22: the report does not fail on a log that `records verify` refuses."""
    made = Incident(press, hands)
    made.begin()
    _queued(press, "a lesson")
    with writing(press.engine) as session:
        session.execute(text("UPDATE log_entry SET detail = '{}' WHERE action = 'content.override'"))
    (item,) = incident.read(press, made.number).let_pass.items
    assert (item.by, item.check, item.why) == ("stew", "not known", "")
