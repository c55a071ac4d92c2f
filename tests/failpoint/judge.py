"""The judge of a case: what went out is read from the sandbox's arrival log and the outbox alone; the store is the accused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlmodel import select

from connectors.outbox import POST
from records import archive, verify
from scheduler.killswitch import PLANNED
from store.engine import open_engine, reading
from store.record_tables import Record
from store.tables import Attempt, Gate, Post, Suspension, SuspensionInflight
from tests.failpoint.stage import Stage

MAY_HAVE_SENT = ("sending", "unknown", "published", "rejected", "closed_by_person")
FOREVER = 1 << 62
FILE_CLOCK_US = 20_000
"""How far the clock of files' times lags on a busy machine: it goes by the timer's ticks, of 4 ms where none is missed."""


@dataclass(frozen=True)
class Arrival:
    """A publish request that reached a platform, or a post that appeared in the outbox.

    `slack_us`: by how much it may have come later than `wall_us`.
    """

    wall_us: int
    text: str
    accepted: bool
    slack_us: int = 0


@dataclass(frozen=True)
class Evidence:
    """All that a case left behind. `chain`: what is wrong with the log, if anything."""

    phase: str
    posts: Sequence[Post]
    attempts: Sequence[Attempt]
    suspensions: Sequence[Suspension]
    listed: Sequence[SuspensionInflight]
    gate: Gate | None
    arrivals: Sequence[Arrival]
    diary: Sequence[dict[str, Any]]
    chain: str | None
    queued: int
    records: Sequence[Record]
    errors: str


def evidence_of(stage: Stage, phase: str) -> Evidence:
    """The evidence, once every process of the case has ended."""
    engine = open_engine(stage.url)
    try:
        with reading(engine) as session:
            posts = session.exec(select(Post)).all()
            attempts = session.exec(select(Attempt)).all()
            suspensions = session.exec(select(Suspension)).all()
            listed = session.exec(select(SuspensionInflight)).all()
            gate = session.get(Gate, 1)
            session.expunge_all()
        archive.catch_up(engine, stage.folder / "media")
        with reading(engine) as session:
            records = session.exec(select(Record)).all()
            session.expunge_all()
        chain = verify.verify(engine).reason
    finally:
        engine.dispose()
    sent = [*_requests(stage.bench.box.log, f"{stage.tag}-"), *_appeared(stage.folder / "outbox")]
    errors = stage.cast.errors.read_text() if stage.cast.errors.exists() else ""
    return Evidence(
        phase=phase,
        posts=posts,
        attempts=attempts,
        suspensions=suspensions,
        listed=listed,
        gate=gate,
        arrivals=sorted(sent, key=lambda item: item.wall_us),
        diary=stage.diary.read(),
        chain=chain,
        queued=stage.queued,
        records=records,
        errors=errors,
    )


def _requests(log: Path, tag: str) -> list[Arrival]:
    """What arrived from this city: the log is shared, and long, so only the lines with its mark are read."""
    lines = [json.loads(line) for line in log.read_bytes().split(b"\n")[:-1] if tag.encode() in line]
    return [Arrival(line["wall_us"], line["text"], line["accepted"]) for line in lines if line["kind"] == "publish"]


def _appeared(outbox: Path) -> list[Arrival]:
    """What appeared in the outbox, at the moment of the rename."""
    found = []
    for file in outbox.glob(f"[!.]*/{POST}") if outbox.exists() else ():
        said = json.loads(file.read_bytes())
        found.append(Arrival(file.parent.stat().st_ctime_ns // 1000, said["text"], True, FILE_CLOCK_US))
    return found


def judge(evidence: Evidence) -> list[str]:
    """The violations, each beginning with its invariant; none when the case is as it must be."""
    case = _Case(evidence)
    return [line for rule in RULES for line in rule(case)]


class _Case:
    """The evidence, put in order."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.posts = evidence.posts
        self.post_of = {post.text: post for post in evidence.posts}
        self.attempts: dict[int, list[Attempt]] = {}
        for attempt in evidence.attempts:
            self.attempts.setdefault(attempt.post_id, []).append(attempt)

    def said(self, what: str) -> list[dict[str, Any]]:
        return [line for line in self.evidence.diary if line["what"] == what]

    def arrivals_of(self, post: Post) -> list[Arrival]:
        return [item for item in self.evidence.arrivals if item.text == post.text]

    def attempts_of(self, post: Post) -> list[Attempt]:
        return self.attempts.get(post.id or 0, [])

    def lift_us(self, number: int) -> int:
        """When the lift of suspension `number` was being asked for."""
        if any(row.id == number and row.lifted_epoch is None for row in self.evidence.suspensions):
            return FOREVER
        asked = [line["wall_us"] for line in self.said("confirming") if line["suspension"] == number]
        return int(asked[-1]) if asked else FOREVER

    def between(self, start_us: int, end_us: int) -> Iterator[tuple[Arrival, Post]]:
        for item in self.evidence.arrivals:
            if start_us < item.wall_us < end_us:
                yield item, self.post_of[item.text]

    def named(self, number: int) -> set[int]:
        """The posts that the receipts or, where none was printed, the ledger name as in flight."""
        receipts = [line["receipt"] for line in self.said("answer") if line["receipt"]]
        own = [item for item in receipts if item["suspension"] == number]
        if own:
            return {call["post"] for call in own[0]["in_flight"]}
        attempts = {row.attempt_id for row in self.evidence.listed if row.suspension_id == number}
        return {item.post_id for item in self.evidence.attempts if item.id in attempts}


def _quiet_holds(case: _Case) -> Iterator[str]:
    """I1: nothing arrives between QUIET CONFIRMED and the lift."""
    quiet = [(line["wall_us"], line["receipt"]["suspension"]) for line in case.said("answer") if line["code"] == 0]
    for line in case.said("status"):
        if line["code"] == 0:
            quiet += [(line["wall_us"], item["suspension"]) for item in line["data"]["suspensions"]]
    for start, number in quiet:
        for _, post in case.between(start, case.lift_us(number)):
            yield f"I1: post {post.id} arrived after suspension {number} was called quiet"


def _quiet_knows_all(case: _Case) -> Iterator[str]:
    """I1: a receipt that calls it quiet knows what became of each call that it lists."""
    for line in case.said("answer"):
        for call in line["receipt"]["in_flight"] if line["code"] == 0 else ():
            if call["state"] in ("claimed", "sending", "unknown"):
                yield f"I1: suspension {line['receipt']['suspension']} is called quiet, post {call['post']} is {call['state']}"


def _in_flight_is_named(case: _Case) -> Iterator[str]:
    """I2: what arrives after the word SUSPENDED is named in the receipt."""
    for line in case.said("suspended"):
        number = line["suspension"]
        for _, post in case.between(line["wall_us"], case.lift_us(number)):
            if post.id not in case.named(number):
                yield f"I2: post {post.id} arrived after SUSPENDED, unnamed by the receipt of suspension {number}"


def _window_holds(case: _Case) -> Iterator[str]:
    """I1, I6: a planned window stands once and has begun; from its moment on nothing arrives that had no leave before it."""
    for line in case.said("planned"):
        rows = [row for row in case.evidence.suspensions if row.kind == PLANNED and row.starts_at == line["starts_at"]]
        if [row.begun_at is not None for row in rows] != [True]:
            yield f"I6: the window planned for {line['starts_at']} stands {len(rows)} times, or has not begun: {rows}"
        for row in rows:
            for _, post in case.between(row.starts_at, case.lift_us(row.id or 0)):
                if not any(0 < (own.sending_at or 0) < row.starts_at for own in case.attempts_of(post)):
                    yield f"I1: post {post.id} arrived in the window of suspension {row.id}"


def _accepted_once(case: _Case) -> Iterator[str]:
    """I3: nothing is sent again after a platform took it."""
    for post in case.posts:
        found = case.arrivals_of(post)
        first = next((place for place, item in enumerate(found) if item.accepted), len(found))
        if len(found) > first + 1:
            yield f"I3: post {post.id} arrived {len(found)} times, though it was taken the first"


def _nothing_stuck(case: _Case) -> Iterator[str]:
    """I4: each post and attempt came to an end that it may stay in."""
    for item in case.evidence.attempts:
        if item.state in ("claimed", "sending"):
            yield f"I4: attempt {item.id} of post {item.post_id} is {item.state} for ever"
    for post in case.posts:
        doubt = any(item.state == "unknown" for item in case.attempts_of(post))
        if post.state not in ("published", "failed", "held") or (doubt and post.state != "held"):
            yield f"I4: post {post.id} stays {post.state}"
        if post.state == "held" and not post.hold_reason:
            yield f"I4: post {post.id} is held without a reason"


def _never_called_unsent(case: _Case) -> Iterator[str]:
    """I5: there are not more arrivals than attempts that may have sent, and what the store says of a post is so."""
    for post in case.posts:
        found = case.arrivals_of(post)
        may_have = [item for item in case.attempts_of(post) if item.state in MAY_HAVE_SENT]
        if len(found) > len(may_have):
            yield f"I5: post {post.id} arrived {len(found)} times, with {len(may_have)} attempts that may have sent"
        taken = any(item.accepted for item in found)
        if post.state == "published" and not taken:
            yield f"I5: post {post.id} is called published and never arrived"
        if taken and post.state != "published" and not any(item.state == "unknown" for item in case.attempts_of(post)):
            yield f"I5: post {post.id} is {post.state}, and it did arrive"


def _only_resume_lifts(case: _Case) -> Iterator[str]:
    """I6: what is lifted was lifted by the person who asked, and the epoch counts each step once."""
    asked = {line["suspension"] for line in case.said("confirming")}
    for row in case.evidence.suspensions:
        if row.lifted_epoch is not None and (row.lifted_by != "ana" or row.id not in asked):
            yield f"I6: suspension {row.id} was lifted by {row.lifted_by}"
        if row.lifted_epoch is None:
            yield f"I6: suspension {row.id} was never lifted: the city did not come back"
    steps = [step for row in case.evidence.suspensions for step in (row.epoch, row.lifted_epoch) if step]
    gate = case.evidence.gate
    if len(set(steps)) != len(steps) or gate is None or gate.epoch != max([1, *steps]):
        yield f"I6: the gate is at {gate}, the ledger's steps are {sorted(steps)}"


def _missed_waits(case: _Case) -> Iterator[str]:
    """I7: a post whose time passed during a suspension does not go out after the lift by itself."""
    for row in case.evidence.suspensions:
        lift_us = row.lifted_at or FOREVER
        for _, post in case.between(lift_us, FOREVER):
            missed = post.due_at <= lift_us and post.created_at < lift_us
            if missed and post.id not in case.named(row.id or 0):
                yield f"I7: post {post.id}, due in suspension {row.id}, arrived after its lift by itself"


def _leave_was_durable(case: _Case) -> Iterator[str]:
    """I8: nothing goes out for which no leave stands in the store, given before it arrived."""
    for item in case.evidence.arrivals:
        post = case.post_of[item.text]
        if not any(0 < (own.sending_at or 0) <= item.wall_us + item.slack_us for own in case.attempts_of(post)):
            yield f"I8: post {post.id} arrived without a leave in the store"


def _nothing_lost(case: _Case) -> Iterator[str]:
    """Every post is there still; it is published, or waits for a person for a reason that the protocol knows."""
    if len(case.posts) != case.evidence.queued:
        yield f"lost: {case.evidence.queued} posts were queued, {len(case.posts)} are there"
    lifts = [row.lifted_at or 0 for row in case.evidence.suspensions]
    for post in case.posts:
        doubt = any(item.state == "unknown" for item in case.attempts_of(post))
        covered = any(post.due_at <= lift for lift in lifts)
        if post.state != "published" and not doubt and not covered:
            yield f"lost: post {post.id} is {post.state} ({post.hold_reason}), for no stop and no doubt"


def _what_went_out_is_kept(case: _Case) -> Iterator[str]:
    """RC-1: whoever had leave to send has a record of the request; what is published has one of an answer, too."""
    for attempts in case.attempts.values():
        for own in attempts:
            kept = {record.series for record in case.evidence.records if record.attempt_id == own.id}
            if own.sending_at and "request" not in kept and "older copy" not in (own.detail or ""):
                yield f"record: attempt {own.id} had leave to send, and nothing of its request is kept"
            if own.state == "published" and "answer" not in kept:
                yield f"record: attempt {own.id} is published, and no answer is kept"


def _records_are_of_something(case: _Case) -> Iterator[str]:
    """RC-1, RC-2: no record without its attempt, every post kept as it stands, and all of them named by the chain."""
    known = {(own.id, own.post_id) for own in case.evidence.attempts if own.sending_at}
    for record in case.evidence.records:
        if record.attempt_id is not None and (record.attempt_id, record.post_id) not in known:
            yield f"record: record {record.id} is of attempt {record.attempt_id}, which had no leave"
        if record.entry_seq is None:
            yield f"record: record {record.id} is not named by the log"
    kept = {record.post_id for record in case.evidence.records if record.series == "post"}
    yield from (f"record: post {post.id} is not kept" for post in case.posts if post.id not in kept)


def _log_is_whole(case: _Case) -> Iterator[str]:
    """The log's chain fits, entry by entry."""
    if case.evidence.chain is not None:
        yield f"log: {case.evidence.chain}"


def _nobody_failed(case: _Case) -> Iterator[str]:
    """No process ended with an error that nobody expects."""
    if case.evidence.errors:
        yield f"error: {case.evidence.errors.strip().splitlines()[-1]}"


RULES: tuple[Callable[[_Case], Iterator[str]], ...] = (
    _quiet_holds,
    _quiet_knows_all,
    _in_flight_is_named,
    _window_holds,
    _accepted_once,
    _nothing_stuck,
    _never_called_unsent,
    _only_resume_lifts,
    _missed_waits,
    _leave_was_durable,
    _nothing_lost,
    _what_went_out_is_kept,
    _records_are_of_something,
    _log_is_whole,
    _nobody_failed,
)
