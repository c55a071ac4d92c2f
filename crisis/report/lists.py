"""The lists of a report: one table each, or a line that there was nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from crisis.report.document import Block, Cell, Heading, Span, link, more, named, paragraph, quote, table
from crisis.report.history import Entry
from crisis.report.moment import Times
from crisis.report.plain import excerpt
from crisis.report.posts import Held
from crisis.report.report import Report
from crisis.report.scene import MOST_SHOWN, Cut
from governance import deeds

__all__ = ["MOST_SHOWN", "PARTS", "entries", "person", "short"]
LONGEST_REASON = 500
Columns = Sequence[tuple[str, int]]


def short(text: str) -> str:
    """A reason, on one line and not endless."""
    return excerpt(text, LONGEST_REASON)


def person(report: Report, who: str) -> Cell:
    """Somebody's short name, with the full one where the city knows it."""
    name = report.names.get(who)
    return (named(name), f" ({who})") if name else named(excerpt(who, 100))


def _list(
    heading: str, nothing: str, part: Cut[Any], columns: Columns, rows: Iterable[tuple[Cell, ...]]
) -> list[Block]:
    head: list[Block] = [Heading(2, heading)]
    if not part.total:
        return [*head, paragraph(nothing)]
    return [*head, table(columns, rows), *more(part)]


def entries(report: Report, times: Times) -> list[Block]:
    """What was done and refused, from the log."""
    part = report.entries
    columns = (("time", 4), ("who", 2), ("what", 2), ("about", 5))
    rows = [
        (times.both(e.at), named(e.actor), _act(e.action), (named(_about(e)), " ", quote(e.words))) for e in part.items
    ]
    if not part.total:
        return [paragraph("The log has no entry about it.")]
    return [table(columns, rows), *more(part)]


def _about(entry: Entry) -> str:
    """What an entry is about; of a refusal, what was refused."""
    about = deeds.refused(entry.subject) if entry.action == "refused" else entry.subject
    return excerpt(about, 100)


def _act(action: str) -> Span:
    """An action of the log in words."""
    return named(excerpt(action.replace("_", " ").replace(".", " "), 60))


def _calls(report: Report, times: Times) -> list[Block]:
    columns = (("call", 1), ("post", 3), ("what became of it", 3), ("began", 3), ("text", 5))
    rows = [
        (
            str(call.attempt),
            (f"{call.post} on ", named(call.channel)),
            (call.fate, *((", as said", *_decided(call.closed_by)) if call.closed_by else ()), *_linked(call.link)),
            times.both(call.sending_at),
            quote(call.text),
        )
        for call in report.calls.items
    ]
    return _list("Calls in flight at the stop", "No call was in flight.", report.calls, columns, rows)


def _past(report: Report, times: Times) -> list[Block]:
    if not report.past.total:
        return []
    return _sent("Published past the closed gate without leave", "", report.past, times)


def _recall(report: Report, times: Times) -> list[Block]:
    heading, nothing = (
        "Published shortly before, perhaps to be taken down by hand",
        "Nothing was published shortly before.",
    )
    return _sent(heading, nothing, report.recall, times)


def _sent(heading: str, nothing: str, part: Cut[Any], times: Times) -> list[Block]:
    columns = (("post", 3), ("published", 3), ("link", 3), ("text", 5))
    rows = [((f"{s.post} on ", named(s.channel)), times.both(s.at), link(s.link), quote(s.text)) for s in part.items]
    return _list(heading, nothing, part, columns, rows)


def _held(report: Report, times: Times) -> list[Block]:
    columns = (("post", 3), ("was due", 3), ("held because", 3), ("what became of it", 4), ("text", 5))
    rows = [
        (
            (f"{item.post} on ", named(item.channel)),
            times.both(item.was_due_at),
            item.how,
            (item.outcome, *_decided(item.decided_by), _now(item, times), *_linked(item.link)),
            quote(item.text),
        )
        for item in report.held.items
    ]
    return _list("Posts held, and what people did with them", "No post was held.", report.held, columns, rows)


def _now(item: Held, times: Times) -> str:
    """What it is now, where that is not said by what became of it."""
    if item.state in ("held", "cancelled"):
        return ""
    when = f" for {times.both(item.due_at)}" if item.state == "scheduled" else ""
    return f"; it is {item.state} now{when}"


def _decided(by: str | None) -> tuple[Span, ...]:
    return (" by ", named(by)) if by else ()


def _linked(url: str | None) -> tuple[Span, ...]:
    return (" ", link(url)) if url else ()


def _emergencies(report: Report, times: Times) -> list[Block]:
    columns = (("post", 3), ("asked for", 4), ("state", 2), ("published", 4), ("text", 5))
    rows = [
        (
            (f"{item.post} on ", named(item.channel)),
            (times.both(item.at), " by ", named(item.by)),
            item.state,
            (times.both(item.published_at), *_linked(item.link)),
            quote(item.text),
        )
        for item in report.emergencies.items
    ]
    return _list("Emergency messages", "No emergency message was sent.", report.emergencies, columns, rows)


def _let_pass(report: Report, times: Times) -> list[Block]:
    columns = (("time", 3), ("who", 2), ("about", 3), ("check", 2), ("what", 4), ("why", 4))
    rows = [
        (
            times.both(item.at),
            person(report, item.by),
            named(item.about),
            named(item.check),
            quote(item.what),
            quote(item.why),
        )
        for item in report.let_pass.items
    ]
    heading, nothing = "What the content checks block, let pass", "Nothing that the content checks block was let pass."
    return _list(heading, nothing, report.let_pass, columns, rows)


def _sweeps(report: Report, times: Times) -> list[Block]:
    columns = (("channel", 2), ("last look", 4), ("found", 1), ("taken out", 1), ("what is left", 4))
    rows = [
        (
            named(s.channel),
            (times.both(s.at), " by ", named(s.by)),
            str(s.found),
            str(s.gone),
            quote(s.trouble) if s.trouble else "nothing",
        )
        for s in report.sweeps.items
    ]
    return _list("The platforms' own schedulers", "None was swept.", report.sweeps, columns, rows)


def _notices(report: Report, times: Times) -> list[Block]:
    columns = (
        ("person", 3),
        ("delivered", 1),
        ("failed", 1),
        ("waiting", 1),
        ("first reached", 3),
        ("acknowledged", 3),
    )
    rows = [
        (
            person(report, h.person),
            *(str(number) for number in (h.delivered, h.failed, h.waiting)),
            times.both(h.first_at),
            times.both(h.acknowledged_at),
        )
        for h in report.heard.items
    ]
    return [*_list("Notices", "Nobody was told by notice.", report.heard, columns, rows), *_failed(report, times)]


def _failed(report: Report, times: Times) -> list[Block]:
    if not report.failed.total:
        return []
    columns = (("person", 3), ("notice", 2), ("address", 3), ("tries", 1), ("given up", 3), ("why", 4))
    rows = [
        (
            person(report, f.person),
            quote(f.kind),
            quote(f.variable),
            str(f.tries),
            times.both(f.ended_at),
            quote(f.detail),
        )
        for f in report.failed.items
    ]
    return _list("Notices that failed", "", report.failed, columns, rows)


def _ticks(report: Report, times: Times) -> list[Block]:
    columns = (("item", 3), ("ticked by", 3), ("at", 3), ("note", 4))
    rows = [(named(t.item), person(report, t.by), times.both(t.at), quote(t.note)) for t in report.ticks.items]
    return _list("Checklist", "Nothing was ticked off.", report.ticks, columns, rows)


def _resumes(report: Report, times: Times) -> list[Block]:
    columns = (("suspension", 1), ("asked by", 3), ("at", 3), ("reason", 4), ("confirmed", 3))
    rows = [
        (
            str(item.suspension),
            person(report, item.by),
            times.both(item.at),
            quote(item.reason),
            times.both(item.used_at) if item.used_at else "not with this request",
        )
        for item in report.resumes.items
    ]
    return _list("Resume", "Nobody asked to resume.", report.resumes, columns, rows)


def _codes(report: Report, times: Times) -> list[Block]:
    if not report.codes.total:
        return []
    columns = (("code", 1), ("label", 3), ("used", 3), ("reviewed", 4), ("what the review said", 4))
    rows = [
        (
            str(code.id),
            named(code.label),
            times.both(code.used_at),
            (times.both(code.reviewed_at), *_decided(code.reviewed_by)) if code.reviewed_at else "NOT YET",
            quote(code.review),
        )
        for code in report.codes.items
    ]
    return _list("Break-glass codes", "", report.codes, columns, rows)


def _people(report: Report, times: Times) -> list[Block]:
    del times
    by_actor: dict[str, Counter[str]] = {}
    for (actor, action), number in report.acts.items():
        by_actor.setdefault(actor, Counter())[action] += number
    rows = [(person(report, actor), str(acts.total()), named(_acts(acts))) for actor, acts in sorted(by_actor.items())]
    part = Cut(tuple(rows[:MOST_SHOWN]), len(rows))
    columns = (("who", 3), ("entries", 1), ("what they did", 6))
    return _list("People", "Nobody did anything.", part, columns, part.items)


def _acts(acts: Counter[str]) -> str:
    return excerpt(
        ", ".join(
            f"{action.replace('_', ' ').replace('.', ' ')}: {number:,}" for action, number in acts.most_common(12)
        )
    )


def _actions(report: Report, times: Times) -> list[Block]:
    columns = (("action", 1), ("what", 5), ("owner", 2), ("due", 2), ("done", 4))
    rows = [
        (
            str(item.id),
            quote(item.text),
            person(report, item.owner),
            item.due,
            (times.both(item.done_at), *_decided(item.done_by), " ", quote(item.note)) if item.done_at else "open",
        )
        for item in report.actions.items
    ]
    nothing = "No corrective action is recorded: standfast crisis action add does."
    return _list("Corrective actions", nothing, report.actions, columns, rows)


PARTS: tuple[Callable[[Report, Times], list[Block]], ...] = (
    _calls,
    _past,
    _recall,
    _held,
    _emergencies,
    _let_pass,
    _sweeps,
    _notices,
    _ticks,
    _resumes,
    _codes,
    _people,
    _actions,
)
