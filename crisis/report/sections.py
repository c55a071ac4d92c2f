"""The after-action report as pieces of a document: what it says first, and the order of the rest."""

from __future__ import annotations

from collections.abc import Iterator

from config import clock
from crisis.report import lists, picture, posts
from crisis.report.document import Block, Bullets, Heading, Quote, as_exercise, named, paragraph, quote, table
from crisis.report.moment import Times, length
from crisis.report.report import Report, Told

KINDS = {
    "crisis": "crisis",
    "compromise": "compromise (an account in foreign hands)",
    "planned": "planned",
    "drill": "drill",
}


def title(report: Report) -> str:
    """What the report is called."""
    numbers = [str(told.stop.id) for told in report.stops]
    what = f"suspension {numbers[0]}" if len(numbers) == 1 else f"suspensions {', '.join(numbers)}"
    return f"{'Interim' if report.interim else 'After-action'} report: {what}"


def document(report: Report, times: Times) -> list[Block]:
    """All of it, in order."""
    blocks = [Heading(1, title(report)), *_opening(report, times), *_glance(report)]
    for told in report.stops:
        blocks += _stop(told, report, times)
    blocks += [Heading(2, "Timeline"), picture.of(report, times), *lists.entries(report, times)]
    for part in lists.PARTS:
        blocks += part(report, times)
    blocks += _ending(report)
    return as_exercise(blocks) if report.exercise else blocks


def _opening(report: Report, times: Times) -> Iterator[Block]:
    if report.exercise:
        yield paragraph("This was a drill: nothing here happened in earnest.")
    if report.interim:
        standing = ", ".join(str(told.stop.id) for told in report.stops if told.stop.lifted_at is None)
        yield paragraph(f"INTERIM: suspension {standing} still stands. What is said here can change.")
    yield paragraph(f"Made {times.both(report.made_at)}. Times are those of {times.zone}, with UTC in parentheses.")
    if report.overlapping:
        others = " ".join(f"--suspension {number}" for number in report.overlapping)
        yield paragraph(f"Other suspensions stood at the same time and are not in this report: {others} takes them in.")


def _glance(report: Report) -> Iterator[Block]:
    yield Heading(2, "In short")
    yield table((("figure", 5), ("count", 1)), ((name, f"{number:,}") for name, number in _figures(report)))
    if report.counts.past_the_gate:
        yield paragraph(
            "A POST PASSED A CLOSED GATE. That must not be: keep the store as it is, and have it looked into."
        )


def _figures(report: Report) -> Iterator[tuple[str, int]]:
    counts = report.counts
    yield "publish calls in flight when the stop was recorded", counts.in_flight
    yield "… escaped: published after the stop by a call that had begun before", counts.fates[posts.ESCAPED]
    yield "… not published", counts.fates[posts.NOT_PUBLISHED]
    yield "… unknown", counts.fates[posts.UNKNOWN]
    yield "… emergency messages of an earlier suspension", counts.fates[posts.EMERGENCY]
    yield "published past the closed gate without leave", counts.past_the_gate
    yield "posts held for a person", counts.held
    yield from ((f"… {outcome}", number) for outcome, number in counts.outcomes.items())
    yield "… of all these, published since", counts.sent_since
    if report.interim:
        yield "scheduled posts behind the gate now", counts.covered
        yield "… whose time has passed (the lift will hold them)", counts.passed
    yield "published shortly before the stop (recall list)", counts.recall
    yield "emergency messages", counts.emergencies
    yield "… published", counts.emergencies_sent
    yield "findings of the content checks let pass", counts.let_pass
    yield "notices delivered", counts.delivered
    yield "notices that failed", counts.failed_notices
    yield "acts refused", counts.refused
    yield "corrective actions open", counts.actions_open
    yield "corrective actions done", counts.actions_done


def _stop(told: Told, report: Report, times: Times) -> Iterator[Block]:
    stop, measures = told.stop, told.measures
    yield Heading(2, f"Suspension {stop.id}")
    ended = _lifted(told, report, times) if stop.lifted_at else (("lifted", "no: it still stands"),)
    facts = (
        ("kind", KINDS.get(stop.kind, stop.kind)),
        ("scope", named(stop.scope)),
        ("by", lists.person(report, stop.by)),
        ("reason", quote(lists.short(stop.reason))),
        ("suspended", times.both(stop.begun_at)),
        *((("planned for", times.both(stop.starts_at)),) if stop.kind == "planned" else ()),
        ("quiet confirmed", times.both(stop.quiet_at) if stop.quiet_at else "no"),
        *ended,
        ("plan", _plan(told, times)),
        ("time to SUSPENDED", _length(measures.to_suspended, "not measured")),
        ("time to QUIET CONFIRMED", _length(measures.to_quiet, "–")),
        ("time to all acknowledgements", _acknowledged(told)),
        ("duration", length(measures.duration) + ("" if stop.lifted_at else " so far")),
    )
    yield table((("fact", 2), ("value", 6)), facts)
    yield from _doubt(told, report)


def _lifted(told: Told, report: Report, times: Times) -> tuple[tuple[str, object], ...]:
    stop = told.stop
    return (
        ("lifted", times.both(stop.lifted_at)),
        ("confirmed by", lists.person(report, stop.lifted_by or "")),
        ("reason to resume", quote(lists.short(stop.lift_reason or ""))),
    )


def _plan(told: Told, times: Times) -> object:
    plan = told.plan
    if plan is None:
        return "not known: it was not noted while the suspension stood, and cannot be read now"
    what = ("version ", named(plan.version), f", SHA-256 {plan.sha256[:16]}…")
    if plan.recorded:
        return (*what, f", noted {length(max(0, plan.at - told.stop.begun_at))} after the stop")
    return (*what, f", as read now ({times.both(plan.at)}): it was not noted while the suspension stood")


def _length(us: int | None, otherwise: str) -> str:
    return otherwise if us is None else length(us)


def _acknowledged(told: Told) -> str:
    if told.measures.silent:
        return f"not all: {', '.join(told.measures.silent)} did not answer"
    return _length(told.measures.to_all_acknowledged, "nobody was on the notice list")


def _doubt(told: Told, report: Report) -> Iterator[Block]:
    """Where the lists know less than the log: a lift from before posts were kept by name."""
    lifted = told.held_by_lift or 0
    if len(report.stops) == 1 and lifted > report.counts.held:
        yield paragraph(
            f"The log says that the lift held {lifted:,} posts; only {report.counts.held:,} are known by name."
        )


def _ending(report: Report) -> Iterator[Block]:
    number, digest = report.head
    yield Heading(2, "Where this comes from")
    yield Bullets(
        (
            (f"The store's log, whose newest entry was {number:,} when this was made, with the hash {digest}.",),
            (Quote("standfast records verify"), " says whether that log is whole."),
            (f"Lists show at most {lists.MOST_SHOWN} rows; the counts are whole.",),
            (f"This clock said {clock.to_text(report.made_at)}.",),
        )
    )
