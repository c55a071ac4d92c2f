"""What is compared after each step: the real system and the model, each put into the same words."""

from __future__ import annotations

from typing import Any

from scheduler import stop_cell, witness
from scheduler.killswitch import Scope
from scheduler.restore import RESTORE
from tests.model import lane
from tests.model import state as model
from tests.model.state import Attempt, Cell, Config, Post, State, Suspension
from tests.oracle.commands import WINDOW
from tests.oracle.ground import Rows
from tests.oracle.rig import Rig, channel_of, scope_of, tick_of

Seen = dict[str, Any]
Row = tuple[Any, ...]
QUERIES = {
    "epoch": "SELECT epoch FROM gate WHERE id = 1",
    "posts": "SELECT id, state, due_at, tries, content_hash FROM post ORDER BY id",
    "attempts": (
        "SELECT id, state, post_id, worker, claim_epoch, content_hash, override_id, authorise_epoch FROM attempt ORDER BY id"
    ),
    "skipped": "SELECT value FROM meta WHERE key = 'attempts_skipped_to'",
    "suspensions": (
        "SELECT id, request_id, epoch, scope_kind, scope_value, lifted_epoch, starts_at, begun_at FROM suspension ORDER BY id"
    ),
    "released": "SELECT suspension_id, channel, epoch FROM suspension_release ORDER BY epoch, channel",
    "lane": (
        "SELECT count(*) FROM override o JOIN post p ON p.id = o.post_id AND p.content_hash = o.content_hash "
        "WHERE o.used_at IS NULL AND o.epoch = (SELECT epoch FROM gate)"
    ),
    "in flight": "SELECT suspension_id, attempt_id FROM suspension_inflight",
}


def of_model(state: State, config: Config) -> Seen:
    """The model's state in words."""
    store = state.store
    return {
        "epoch": store.epoch,
        "posts": [_post(row) for row in store.posts],
        "attempts": [_attempt(row) for row in store.attempts],
        "suspensions": [_suspension(row) for row in store.suspensions],
        "the lane is open": lane.has_override(store, lane.OVERRIDDEN, config),
        "cell": "lost" if state.cell.bad else f"fence {state.cell.fence}, stops {state.cell.stops:b}",
        "witness": state.witness,
        "sent from here": {n: post - 1 for n, post in enumerate(state.noted, 1) if post},
        "workers": [model.PHASE[item.phase] + (", its store replaced" if item.lost else "") for item in state.workers],
        "stops": [model.STOPPING[crisis.phase] for crisis in state.crises],
        "resume owes a fence": bool(state.resume.fence),
        "requests": {n: _request(item) for n, item in enumerate(state.requests, 1) if item.state},
        "leave": {
            item.attempt: item.epoch
            for item in state.workers
            if item.phase in (model.LEAVE, model.LOOKED, model.WAITING) and not item.lost
        },
    }


def _post(row: Post) -> str:
    return f"{model.POST[row.state]}, due {row.due}, tries {row.tries}, version {row.content}"


def _attempt(row: Attempt) -> str:
    if row.state == model.ABSENT:
        return "absent"
    who = {model.DOUBT: "a restore", 0: "nobody alive"}.get(row.worker, f"worker {row.worker}")
    how = ", by the lane" if row.override else ""
    return (
        f"{model.ATTEMPT[row.state]} of post {row.post} by {who}, epoch {row.claim_epoch}, version {row.content}{how}"
    )


def _suspension(row: Suspension) -> str:
    lifted = f", lifted in {row.lifted}" if row.lifted else ""
    lifted += "".join(f", for channel {channel} in {epoch}" for channel, epoch in sorted(row.released))
    flight = [n for n in range(row.in_flight.bit_length()) if row.in_flight >> n & 1]
    when = f", from {row.starts}{' (begun)' if row.begun else ''}" if row.request == model.WINDOW else ""
    return f"request {row.request}, epoch {row.epoch}, scope {row.scope}{when}{lifted}, in flight {flight}"


def _request(item: model.Request) -> str:
    return f"post {item.post} {('', 'written', 'accepted', 'turned down')[item.state]}"


def of_rig(rig: Rig) -> Seen:
    """The real system's rows, files, processes and platform in the same words."""
    rows = dict(zip(QUERIES, rig.town.ground.look(tuple(QUERIES.values())), strict=True))
    seen = witness.read(rig.town.witness_file)
    return {
        "epoch": int(rows["epoch"][0][0]),
        "posts": [_post_row(rig, place, row) for place, row in enumerate(rows["posts"])],
        "attempts": _attempts(rig, rows["attempts"], rows["skipped"]),
        "suspensions": _suspensions(rig, rows["suspensions"], rows["in flight"], rows["released"]),
        "the lane is open": bool(rows["lane"][0][0]),
        "cell": _cell(rig),
        "witness": (seen.epoch, seen.attempt) if seen is not None else None,
        "sent from here": {n: rig.posts.index(post) for n, post in sorted(witness.sent(rig.town.witness_file).items())},
        "workers": [model.PHASE[item.phase] + (", its store replaced" if item.is_lost else "") for item in rig.workers],
        "stops": [model.STOPPING[stop.phase] for stop in rig.stops],
        "resume owes a fence": rig.lift.owes_fence,
        "requests": _requests(rig),
        "leave": _leaves(rig, rows["attempts"]),
    }


def _post_row(rig: Rig, place: int, row: Row) -> str:
    _, state, due, tries, digest = row
    return _post(Post(model.POST.index(state), tick_of(due), tries, rig.version(place, digest)))


def _attempts(rig: Rig, rows: Rows, skipped: Rows) -> list[str]:
    """One for each number up to the highest ever given; the absent were skipped by a restore."""
    found = {int(row[0]): row for row in rows}
    highest = max([*found, *(int(row[0]) for row in skipped)], default=0)
    return [_attempt_row(rig, found[n]) if n in found else "absent" for n in range(1, highest + 1)]


def _attempt_row(rig: Rig, row: Row) -> str:
    _, state, post, own, epoch, digest, override, _ = row
    place = rig.posts.index(post)
    alive = (who for who, item in enumerate(rig.workers, 1) if item.id == own)
    who, by_lane = model.DOUBT if own == RESTORE else next(alive, 0), int(override is not None)
    return _attempt(Attempt(model.ATTEMPT.index(state), place, who, epoch, rig.version(place, digest), by_lane))


def _suspensions(rig: Rig, rows: Rows, in_flight: Rows, released: Rows) -> list[str]:
    flight: dict[int, int] = {}
    for number, attempt in in_flight:
        flight[number] = flight.get(number, 0) | 1 << attempt
    numbers = {channel_of(item): item for item in rig.config.channels}
    parts = [(number, (numbers[channel], epoch)) for number, channel, epoch in released]
    return [
        _suspension_row(rig, row, flight.get(row[0], 0), tuple(part for number, part in parts if number == row[0]))
        for row in rows
    ]


def _suspension_row(rig: Rig, row: Row, flight: int, parts: tuple[tuple[int, int], ...]) -> str:
    _, request, epoch, kind, value, lifted, starts, begun = row
    number = request_of(request)
    scope = next(item for item in range(len(rig.config.channels) + 1) if scope_of(item) == Scope(kind, value))
    when = (tick_of(starts), int(begun is not None))
    return _suspension(Suspension(number, epoch, scope, lifted or 0, flight, *when, released=parts))


def request_of(text: str) -> int:
    """The model's number of a request: a crisis has its own, and `AGAIN` more for each time it was lifted unseen."""
    if text.startswith("lost-cell-"):
        return model.LOST_CELL
    if text.startswith("restore-"):
        return model.RESTORE
    if text == WINDOW:
        return model.WINDOW
    return int(text.rstrip("+").removeprefix("crisis-")) + model.AGAIN * text.count("+")


def _cell(rig: Rig) -> str:
    try:
        found = stop_cell.read(rig.town.essential.cell_file)
    except stop_cell.CellError:
        return "lost"
    cell = Cell(found.fence, sum(1 << request_of(item) for item in found.stops))
    return f"fence {cell.fence}, stops {cell.stops:b}"


def _requests(rig: Rig) -> dict[int, str]:
    """By attempt; the arrival log knows of each how often its post became public."""
    there = rig.town.platform
    found = {}
    for item in there.written:
        assert item.attempt not in found, f"a second request for attempt {item.attempt}"
        state = model.ACCEPTED if item in there.taken else model.TURNED_DOWN if item in there.refused else model.WRITTEN
        found[item.attempt] = _request(model.Request(rig.posts.index(item.post), state))
    return found


def _leaves(rig: Rig, rows: Rows) -> dict[int, int]:
    leaves = {int(row[0]): row[-1] for row in rows}
    return {
        item.attempt: leaves[item.attempt]
        for item in rig.workers
        if item.phase in (model.LEAVE, model.LOOKED, model.WAITING) and not item.is_lost
    }
