"""The judge of a trial: what went out is read from the sandbox's arrival log alone; store and receipts are the accused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from scheduler import exercise
from tests.chaos import crisis_rules
from tests.chaos.desk import EDITED
from tests.chaos.evidence import FOREVER, Case, Evidence, Line, Request, Verdict, Window
from tests.chaos.points import FROZEN, WENT_ON
from tests.chaos.seen import seen
from tests.chaos.store_view import unsettled_among
from tests.chaos.worker import AFTER_LEAVE

PROVABLY_NOT_SENT = ("claimed", "aborted", "not_sent")
MAY_BE_OUT = ("published", "unknown", "closed_by_person")
DARK = ("gate lost", "store locked")


def judge(evidence: Evidence) -> Verdict:
    """The verdict on a trial."""
    case = Case(evidence)
    rules = RULES if evidence.publisher == "naive" else (*RULES, *crisis_rules.RULES, *STORE_RULES)
    found = [line for rule in rules for line in rule(case)]
    if evidence.kept_by:
        found.append(f"trial: a process of it failed: {evidence.kept_by.strip().splitlines()[-1]}")
    return Verdict(evidence.plan.seed, list(dict.fromkeys(found)), seen(case))


def _late(request: Request, window: Window) -> str:
    return f"{(request.line.boot_ns - window.start_ns) / 1e6:.1f} ms after"


# --- by the arrival log and what people were told ---------------------------------------------------------------------


def _quiet_holds(case: Case) -> Iterator[str]:
    """I1: nothing arrives between QUIET CONFIRMED and the lift."""
    for window in case.quiet_windows():
        for request in case.inside(window):
            yield f"I1: post {request.tag} arrived {_late(request, window)} epoch {window.epoch} was called quiet"


def _quiet_knows_all(case: Case) -> Iterator[str]:
    """I1: a receipt that calls it quiet knows what became of each call it lists."""
    for line in case.said("answer"):
        for call in line["receipt"]["in_flight"] if line["code"] == 0 and line["receipt"] else ():
            if call["state"] in ("claimed", "sending", "unknown"):
                yield f"I1: epoch {line['receipt']['epoch']} is called quiet, post {call['post']} is {call['state']}"


def _reported_in_flight(case: Case) -> Iterator[str]:
    """I2: what arrives after the word SUSPENDED is named to people."""
    for window in case.windows():
        for request in case.inside(window):
            if request.tag not in window.named:
                yield f"I2: post {request.tag} arrived {_late(request, window)} SUSPENDED, unnamed by epoch {window.epoch}"


def _accepted_once(case: Case) -> Iterator[str]:
    """I3: nothing is sent again after the platform took it (the sandbox would refuse the copy: the asking counts)."""
    for tag in case.channel:
        lines = [request.line for request in case.requests_of(tag)]
        first = next((number for number, line in enumerate(lines) if line.accepted), len(lines))
        if len(lines) > first + 1:
            yield f"I3: post {tag} arrived {len(lines)} times, the last {len(lines) - first - 1} after it was accepted"


def _receipts_true(case: Case) -> Iterator[str]:
    """I5 of the receipts: a call that is said not to have been published never is, unless a person lets the post go."""
    for receipt in case.receipts():
        for call in receipt["in_flight"]:
            tag = call["text"].partition(" ")[0]
            if call["result"].startswith("not published") and tag in case.accepted and not case.let_go(tag, 0):
                yield f"I5: the receipt of epoch {receipt['epoch']} says {call['result']!r} of post {tag}, which was"


def _missed_waits(case: Case) -> Iterator[str]:
    """I7: whose time had passed when the lift was asked for does not arrive afterwards, unless a person lets it go."""
    for window in (*case.windows(), *case.planned_windows()):
        if window.end_ns == FOREVER or window.start_ns > window.end_ns:
            continue  # never lifted; or told of when its lift had begun: others judge it
        for request in case.requests:
            if request.channel in window.channels and request.line.boot_ns > window.end_ns:
                if not case.was_there(request.tag, window.end_ns):
                    continue
                if case.due_us(request.tag, window.end_ns) >= window.end_us or case.let_go(
                    request.tag, window.start_ns
                ):
                    continue
                # One that was in flight when the stop came may still be finished by its own sender, but never tried anew.
                if request.tag not in window.named or _tried_after(case, request.tag, window.end_us):
                    yield f"I7: post {request.tag}, due while suspended (epoch {window.epoch}), arrived after the lift"


def _tried_after(case: Case, tag: str, us: int) -> bool:
    return any(attempt.claimed_at > us for attempt in case.attempts.get(tag, []))


def _dark_is_silent(case: Case) -> Iterator[str]:
    """I8: without a gate, or with a store that cannot be written, only what was in flight already arrives."""
    for line in case.said(*DARK):
        lifts = [item["boot_ns"] for item in case.said("confirming")]
        end_ns = min(lifts, default=FOREVER) if line["what"] == "gate lost" else line["open_ns"]
        for request in case.requests:
            if line["locked_ns"] < request.line.boot_ns < end_ns and request.tag not in line["in_flight"]:
                yield f"I8: post {request.tag} arrived while the state was {line['what']!r}"


def _no_cell_no_call(case: Case) -> Iterator[str]:
    """I8 of the stop cell: while it cannot be read, only what had its leave to send before arrives."""
    for line in case.said("cell out of order"):
        ends = [item["boot_ns"] for item in case.said("cell in order") if line["kind"] in ("missing", "folder")]
        ends += [item["boot_ns"] for item in case.said("confirming")]
        end_ns = min((ns for ns in ends if ns > line["boot_ns"]), default=FOREVER)
        had_leave = {item["post"] for item in case.leaves if item["boot_ns"] < line["boot_ns"]}
        for request in case.requests if line["kind"] != "unwritable" else ():
            if case.lane.passes(request, 1) and _all_stopped(case, request):
                continue  # a stop of everything has laid the cell down anew, with its fence
            if line["boot_ns"] < request.line.boot_ns < end_ns and request.tag not in had_leave:
                yield f"I8: post {request.tag} arrived while the stop cell was {line['kind']}"


def _all_stopped(case: Case, request: Request) -> bool:
    """True when by the ledger something real stopped everything as this arrived."""
    at = request.line.wall_us
    real = [row for row in case.evidence.suspensions if row.scope_kind == "all" and row.kind != exercise.DRILL]
    return any((row.begun_at or FOREVER) < at and (row.lifted_at is None or at < row.lifted_at) for row in real)


def _fence_holds(case: Case) -> Iterator[str]:
    """Who stood still before its last look while something was lifted is fenced: no request until there is a new leave."""
    for line in case.evidence.workers:
        if not line["what"].endswith((f"{WENT_ON} {AFTER_LEAVE}", f"{WENT_ON} {FROZEN}")):
            continue
        own = _leaves_of(case, line["post"])
        had = max(item["boot_ns"] for item in own if item["attempt"] == line["attempt"])
        lifts = [
            item for item in case.said("lifted") if had < item["boot_ns"] < line["boot_ns"] and not item["warning"]
        ]
        if not any(_is_later(case, item, line) for item in lifts):
            continue
        new_ns = min((item["boot_ns"] for item in own if item["boot_ns"] > had), default=FOREVER)
        for request in case.requests_of(line["post"]):
            if line["boot_ns"] < request.line.boot_ns < new_ns:
                yield f"fence: post {request.tag} arrived though its leave was older than a lift"


def _is_later(case: Case, lift: Line, line: Line) -> bool:
    """True when the lift ended the epoch of the attempt's leave: a lift is told a moment after it is done, and a leave that was
    given in between is newer. An attempt that went with a replaced store is judged by what was told."""
    epochs = [item.authorise_epoch for item in case.attempts.get(line["post"], ()) if item.id == line["attempt"]]
    return not epochs or epochs[0] is None or epochs[0] < lift["epoch"]


def _numbers_rise(case: Case) -> Iterator[str]:
    """No epoch is told twice, no number of an attempt is sent with twice: also not after the store was put back."""
    told = case.said("suspended", "lifted")
    for line in told:
        # Who falls between the commit and its note beside the store leaves an epoch that only the lost store knew.
        again = [
            other for other in told if other["epoch"] == line["epoch"] and case.noted_ns(line) < case.begun_ns(other)
        ]
        if again:
            yield f"numbers: epoch {line['epoch']} was told again"
    if case.evidence.publisher != "naive":
        sent = Counter(line["attempt"] for line in case.leaves if _was_used(case, line))
        yield from (f"numbers: attempt {item} was sent {count} times" for item, count in sent.items() if count > 1)


def _was_used(case: Case, leave: Line) -> bool:
    """True when a request followed this leave to send before the post's next one."""
    next_ns = min(
        (item["boot_ns"] for item in _leaves_of(case, leave["post"]) if item["boot_ns"] > leave["boot_ns"]),
        default=FOREVER,
    )
    return any(leave["boot_ns"] < request.line.boot_ns < next_ns for request in case.requests_of(leave["post"]))


def _leaves_of(case: Case, tag: str) -> list[Line]:
    return [line for line in case.leaves if line["post"] == tag]


def _cancelled_stays(case: Case) -> Iterator[str]:
    """A post that a person cancelled before it went out never goes out (unless the cancellation was lost with the store)."""
    for line, item in _done(case, "cancel"):
        for request in case.requests_of(item["post"]):
            if request.line.boot_ns > line["boot_ns"]:
                yield f"cancelled: post {request.tag} arrived after a person had cancelled it"


def _edited_goes_as_edited(case: Case) -> Iterator[str]:
    """A post that nobody had tried yet goes out with the words that a person gave it."""
    for line, item in _done(case, "edit"):
        tried = any(leave["post"] == item["post"] and leave["boot_ns"] < line["boot_ns"] for leave in case.leaves)
        for request in case.requests_of(item["post"]) if not tried else ():
            if request.line.boot_ns > line["boot_ns"] and not request.line.text.endswith(EDITED):
                yield f"edited: post {request.tag} arrived with the words it had before"


def _done(case: Case, verb: str) -> Iterator[tuple[Line, Line]]:
    for line in case.said(verb):
        if not case.is_lost(line):
            yield from ((line, item) for item in line["posts"])


def _twin_publishes(case: Case) -> Iterator[str]:
    """The twin without crisis, stops and faults publishes everything."""
    for tag in case.channel if case.evidence.plan.variant == "quiet twin" else ():
        if tag not in case.accepted:
            yield f"twin: post {tag} did not arrive"


# --- by the store's rows, for what must be true of the store ----------------------------------------------------------


def _nothing_stuck(case: Case) -> Iterator[str]:
    """I4: each post came to an end that it may stay in."""
    found = case.evidence
    if not found.settled:
        lines = unsettled_among(found.posts, found.attempts, found.channels)
        yield f"I4: not settled in time: {'; '.join(lines) or 'only just'}"


def _never_called_unsent(case: Case) -> Iterator[str]:
    """I5: what was accepted is never called anything else; there are not more arrivals than attempts that may have sent."""
    for tag, post in case.rows.items():
        attempts = case.attempts[tag]
        states = ", ".join(attempt.state for attempt in attempts) or "none"
        if tag in case.accepted and not any(attempt.state in MAY_BE_OUT for attempt in attempts):
            yield f"I5: post {tag} was accepted, its attempts are: {states}"
        if post.state == "published" and tag not in case.accepted | case.fired:
            yield f"I5: post {tag} is called published, and was never accepted"
        lines = case.requests_of(tag)
        if case.restored is None and len(lines) > sum(item.state not in PROVABLY_NOT_SENT for item in attempts):
            yield f"I5: post {tag} arrived {len(lines)} times, its attempts are: {states}"


def _only_resume_lifts(case: Case) -> Iterator[str]:
    """I6: what is lifted was lifted by the person, and the epoch counts each step once."""
    rows, asked = case.evidence.suspensions, {line["suspended_epoch"] for line in case.said("confirming")}
    for row in rows:
        if row.lifted_epoch is not None and (row.lifted_by != "ana" or row.epoch not in asked):
            yield f"I6: the suspension of epoch {row.epoch} was lifted by {row.lifted_by}, nobody asked"
    for line in case.said("lifted"):
        lifted = any(row.epoch == line["suspended_epoch"] and row.lifted_epoch is not None for row in rows)
        if not lifted and not case.is_lost(line):
            yield f"I6: the suspension of epoch {line['suspended_epoch']} was called lifted and is not"
    begun = [row.epoch for row in rows if row.begun_at is not None]
    steps = sorted([*begun, *(row.lifted_epoch for row in rows if row.lifted_epoch is not None)])
    gate = case.evidence.gate
    if len(set(steps)) != len(steps) or (gate and gate.epoch != max([1, *steps])):
        yield f"I6: the gate is at {gate}, the ledger's steps are {steps}"


def _told_is_kept(case: Case) -> Iterator[str]:
    """I6: a suspension that people were told of is in the ledger, unless it was lost with the store."""
    known = {row.epoch for row in case.evidence.suspensions}
    for line in case.said("suspended"):
        if line["epoch"] not in known and not case.is_lost(line):
            yield f"I6: the suspension of epoch {line['epoch']} was told and is not in the ledger"
    reasons = {row.reason for row in case.evidence.suspensions}
    for line in case.said("planned"):
        if line["reason"] not in reasons and not case.is_lost(line):
            yield f"I6: the planned {line['reason']} was told and is not in the ledger"


RULES: tuple[Callable[[Case], Iterator[str]], ...] = (
    _quiet_holds,
    _quiet_knows_all,
    _reported_in_flight,
    _accepted_once,
    _receipts_true,
    _missed_waits,
    _dark_is_silent,
    _no_cell_no_call,
    _fence_holds,
    _numbers_rise,
    _cancelled_stays,
    _edited_goes_as_edited,
    _twin_publishes,
)
STORE_RULES: tuple[Callable[[Case], Iterator[str]], ...] = (
    _nothing_stuck,
    _never_called_unsent,
    _only_resume_lifts,
    _told_is_kept,
)
