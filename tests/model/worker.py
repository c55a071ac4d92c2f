"""The worker: one publish, step by step, as `scheduler.publisher.Publisher` does it.

| step | counterpart |
|---|---|
| start | a daemon's start after `restore.guard`: a process with a fresh id |
| claim | `Publisher._claim`, committed and acknowledged; a post that is too late becomes held |
| claim_unheard, claim_undone | the claim's COMMIT was not acknowledged: it stands, or it does not; `_unclaim` is owed |
| prepare | `Connector.prepare` returned |
| authorise | `Publisher._authorise`: leave, or aborted (gate, content), or nothing when a suspension or rescue was first |
| authorise_unheard, authorise_undone | its COMMIT was not acknowledged; `not_sent` is owed |
| look | `witness.note`, then `Permit.check`: the cell lets the leave's epoch pass, or `fenced` is owed |
| look_late | the same, when the deadline has passed: `not_sent` is owed |
| send | the request's bytes are written (the HTTP layer's own look falls together with `look`) |
| timeout | the call ended without an answer: `uncertain` is owed |
| record | `Publisher._record` or `pay`: `Outcome.write`, or `_unclaim`, committed and acknowledged |
| record_unheard | it stands, but was not acknowledged: it is still owed |
| crash | kill -9 |
| end | `Daemon._refuse_other_store`: a daemon whose store was replaced ends |
"""

from __future__ import annotations

from tests.model import design, harm
from tests.model.lane import has_leave
from tests.model.ledger import is_closed, move_attempt, move_post, put, put_back, refuses
from tests.model.state import (
    ABORTED,
    ABSENT,
    CLAIMED,
    DEAD,
    DONE,
    FAILED,
    FENCED,
    HELD,
    HOLDING,
    IDLE,
    LEAVE,
    LIVE,
    LOOKED,
    NOT_SENT,
    PUBLISHED,
    PUBLISHING,
    READY,
    REJECTED,
    RESULT,
    SCHEDULED,
    SENDING,
    UNCERTAIN,
    UNCLAIM,
    UNKNOWN,
    UNSENT,
    UNSURE,
    UP,
    WAITING,
    WRITTEN,
    Action,
    Attempt,
    Config,
    Request,
    State,
    Store,
    Worker,
)

WORKER = "worker"


def enabled(state: State, config: Config) -> list[Action]:
    """What the workers may do now; a stall is an action that is not taken."""
    found: list[Action] = []
    for who, worker in enumerate(state.workers):
        _ENABLED[worker.phase](state, config, who, worker, found)
        if worker.phase != DEAD and state.world.crashes:
            found.append(Action(WORKER, "crash", who))
    return found


def _dead(state: State, config: Config, who: int, worker: Worker, found: list[Action]) -> None:
    if state.world.guarded == 1 and state.world.store == UP:
        found.append(Action(WORKER, "start", who))


def _idle(state: State, config: Config, who: int, worker: Worker, found: list[Action]) -> None:
    if worker.lost:
        found.append(Action(WORKER, "end", who))
    if state.world.store != UP or worker.lost:
        return
    for post in range(len(config.channels)):
        if not may_claim(state, config, post):
            continue
        found.append(Action(WORKER, "claim", who, post))
        if state.world.faults and is_claimable(state, config, post):
            found.append(Action(WORKER, "claim_unheard", who, post))
            found.append(Action(WORKER, "claim_undone", who, post))


def _holding(state: State, config: Config, who: int, worker: Worker, found: list[Action]) -> None:
    found.append(Action(WORKER, "prepare", who))


def _ready(state: State, config: Config, who: int, worker: Worker, found: list[Action]) -> None:
    if state.world.store != UP:
        found.append(Action(WORKER, "authorise_undone", who))
        if config.weakened == design.FAIL_OPEN:
            found.append(Action(WORKER, "authorise", who))
        return
    found.append(Action(WORKER, "authorise", who))
    if state.world.faults:
        found.append(Action(WORKER, "authorise_unheard", who))
        found.append(Action(WORKER, "authorise_undone", who))


def _leave(state: State, config: Config, who: int, worker: Worker, found: list[Action]) -> None:
    found.append(Action(WORKER, "look", who))
    if config.late_looks:
        found.append(Action(WORKER, "look_late", who))


def _looked(state: State, config: Config, who: int, worker: Worker, found: list[Action]) -> None:
    found.append(Action(WORKER, "send", who))


def _waiting(state: State, config: Config, who: int, worker: Worker, found: list[Action]) -> None:
    found.append(Action(WORKER, "timeout", who))


def _result(state: State, config: Config, who: int, worker: Worker, found: list[Action]) -> None:
    if state.world.store != UP:
        return
    found.append(Action(WORKER, "record", who))
    if state.world.faults and not worker.lost:
        found.append(Action(WORKER, "record_unheard", who))


_ENABLED = (_dead, _idle, _holding, _ready, _leave, _looked, _waiting, _result)


def may_claim(state: State, config: Config, post: int) -> bool:
    """Whether a claim of `post` would write anything: `Publisher._claim_in` up to its last question."""
    row = state.store.posts[post]
    if row.state != SCHEDULED or row.due > state.world.now or refuses(state.cell, state.store.epoch):
        return False
    if config.weakened == design.IN_MEMORY and state.memory:
        return False
    return not is_closed(state.store, config.channels[post], state.world.now, config.weakened) or has_leave(
        state, post, config
    )


def is_claimable(state: State, config: Config, post: int) -> bool:
    """Whether a claim of `post` becomes an attempt; otherwise the post becomes held."""
    return state.world.now <= state.store.posts[post].due + config.lateness and not _has_live(state.store, post)


def _has_live(store: Store, post: int) -> bool:
    return any(row.post == post and row.state in LIVE for row in store.attempts)


def _set(state: State, who: int, worker: Worker) -> State:
    return state._replace(workers=put(state.workers, who, worker))


def _fault(state: State) -> State:
    return state._replace(world=state.world._replace(faults=state.world.faults - 1))


def start(state: State, action: Action, config: Config) -> State:
    """A new process in a dead one's place."""
    return _set(state._replace(memory=()), action.who, Worker(IDLE))


def claim(state: State, action: Action, config: Config) -> State:
    """A row ``claimed`` and a post ``publishing``; or the post held, as it is too late or has a live attempt."""
    post, store = action.what, state.store
    if not is_claimable(state, config, post):
        return state._replace(store=move_post(store, post, HELD, SCHEDULED))
    if config.weakened == design.NAIVE_FLAG:
        store = store._replace(attempts=(*store.attempts, Attempt(ABSENT, post, action.who + 1, store.epoch)))
        store = move_post(store, post, PUBLISHING, SCHEDULED)
        return _set(state._replace(store=store), action.who, Worker(LOOKED, len(store.attempts), post))
    override = int(has_leave(state, post, config))
    row = Attempt(CLAIMED, post, action.who + 1, store.epoch, store.posts[post].content, override)
    store = move_post(store._replace(attempts=(*store.attempts, row)), post, PUBLISHING, SCHEDULED)
    return _set(state._replace(store=store), action.who, Worker(HOLDING, len(store.attempts), post))


def claim_unheard(state: State, action: Action, config: Config) -> State:
    """The claim stands, and its worker does not know: it owes the undoing."""
    after = _fault(claim(state, action, config))
    return _set(after, action.who, after.workers[action.who]._replace(phase=RESULT, outcome=UNCLAIM))


def claim_undone(state: State, action: Action, config: Config) -> State:
    """The claim does not stand, and its worker does not know: the number it would undo may become another's."""
    owed = Worker(RESULT, len(state.store.attempts) + 1, action.what, outcome=UNCLAIM)
    return _set(_fault(state), action.who, owed)


def prepare(state: State, action: Action, config: Config) -> State:
    """Uploads that nobody can see."""
    return _set(state, action.who, state.workers[action.who]._replace(phase=READY))


def authorise(state: State, action: Action, config: Config) -> State:
    """The row ``sending`` and leave in the present epoch; or no leave, and the worker is free."""
    worker, store = state.workers[action.who], state.store
    row = _own_claim(store, worker, config)
    if row is None or worker.lost:
        return _set(state, action.who, Worker(IDLE, lost=worker.lost))
    if (refused := why_not(state, row, worker, config)) is not None:
        return _set(state._replace(store=refused), action.who, Worker(IDLE))
    state = state._replace(harm=state.harm | harm.of_leave(state, row, config))
    if config.weakened != design.ROW_AFTER_SEND:
        store = move_attempt(store, worker.attempt, SENDING, CLAIMED) or store
    used = store._replace(override=0, override_of=0) if has_leave(state, row.post, config) else store
    return _set(state._replace(store=used), action.who, worker._replace(phase=LEAVE, epoch=store.epoch))


def _own_claim(store: Store, worker: Worker, config: Config) -> Attempt | None:
    """The worker's attempt while it is ``claimed``; None when a suspension, a rescue or a restore was first."""
    row = store.attempts[worker.attempt - 1] if worker.attempt <= len(store.attempts) else None
    if config.weakened == design.NO_ATTEMPT_ID:
        return row if store.posts[worker.post].state == PUBLISHING else None
    return row if row is not None and row.state == CLAIMED else None


def why_not(state: State, row: Attempt, worker: Worker, config: Config) -> Store | None:
    """The store after the attempt was given up (`Publisher._give_up`), None when nothing speaks against its leave."""
    store, post = state.store, state.store.posts[row.post]
    aborted = move_attempt(store, worker.attempt, ABORTED, CLAIMED) or store
    closed = is_closed(store, config.channels[row.post], state.world.now, config.weakened) and not (
        row.override and has_leave(state, row.post, config)
    )
    if config.weakened != design.CLAIM_ONLY and (closed or refuses(state.cell, store.epoch)):
        return put_back(aborted, row, config)
    if post.content != row.content or state.world.now > post.due + config.lateness:
        return move_post(aborted, row.post, HELD, PUBLISHING)
    return None


def authorise_unheard(state: State, action: Action, config: Config) -> State:
    """What `authorise` did stands, and its worker does not know: it must not send, and says so."""
    after = _fault(authorise(state, action, config))
    worker = state.workers[action.who]
    return _set(after, action.who, worker._replace(phase=RESULT, outcome=UNSENT))


def authorise_undone(state: State, action: Action, config: Config) -> State:
    """Nothing was written (acknowledgement and COMMIT lost, or the store is away): it must not send, and says so."""
    worker = state.workers[action.who]._replace(phase=RESULT, outcome=UNSENT)
    return _set(_fault(state) if state.world.store == UP else state, action.who, worker)


def look(state: State, action: Action, config: Config) -> State:
    """The witness knows the number; then the cell is asked, and whether the store is still the one that gave leave."""
    worker = state.workers[action.who]
    state = _noted(state, worker)
    if worker.lost or refuses(state.cell, worker.epoch):
        return _set(state, action.who, worker._replace(phase=RESULT, outcome=FENCED))
    row = state.store.attempts[worker.attempt - 1]
    lane = _put_at(state.lane, worker.attempt, row.claim_epoch) if row.override else state.lane
    return _set(state._replace(lane=lane), action.who, worker._replace(phase=LOOKED))


def _noted(state: State, worker: Worker) -> State:
    """`witness.note`: the number, and whose it is."""
    noted = _put_at(state.noted, worker.attempt, worker.post + 1)
    return state._replace(witness=(state.witness[0], max(state.witness[1], worker.attempt)), noted=noted)


def _put_at(items: tuple[int, ...], number: int, item: int) -> tuple[int, ...]:
    """`items` with `item` for attempt `number`, and 0 for those that it did not reach to."""
    return put((*items, *(0,) * (number - len(items))), number - 1, item)


def look_late(state: State, action: Action, config: Config) -> State:
    """The deadline has passed on the boot-time clock."""
    worker = state.workers[action.who]
    state = _noted(state, worker)
    return _set(state, action.who, worker._replace(phase=RESULT, outcome=UNSENT))


def send(state: State, action: Action, config: Config) -> State:
    """The request is on its way: from here on nobody can take it back."""
    worker = state.workers[action.who]
    missing = worker.attempt - len(state.requests)
    requests = (*state.requests, *(Request(),) * missing)
    requests = put(requests, worker.attempt - 1, Request(worker.post, WRITTEN))
    state = state._replace(requests=requests, harm=state.harm | harm.of_send(state, worker, config))
    return _set(state, action.who, worker._replace(phase=WAITING))


def timeout(state: State, action: Action, config: Config) -> State:
    """No answer, or half of one: nobody knows."""
    return _set(state, action.who, state.workers[action.who]._replace(phase=RESULT, outcome=UNCERTAIN))


def record(state: State, action: Action, config: Config) -> State:
    """What is owed is written, and the worker is free."""
    worker = state.workers[action.who]
    store = state.store if worker.lost else _recorded(state.store, worker, action.who + 1, config)
    return _set(state._replace(store=store), action.who, Worker(IDLE, lost=worker.lost))


def record_unheard(state: State, action: Action, config: Config) -> State:
    """What is owed is written, and still owed."""
    worker = state.workers[action.who]
    return _fault(state)._replace(store=_recorded(state.store, worker, action.who + 1, config))


def _recorded(store: Store, worker: Worker, own: int, config: Config) -> Store:
    number, post = worker.attempt, worker.post
    match worker.outcome:
        case 1:
            after = move_attempt(store, number, DONE, SENDING, UNSURE)
            return store if after is None else move_post(after, post, PUBLISHED, PUBLISHING, UNKNOWN, HELD)
        case 2:
            after = move_attempt(store, number, REJECTED, CLAIMED, SENDING)
            return store if after is None else move_post(after, post, FAILED, PUBLISHING)
        case 3 if config.weakened != design.AUTOMATIC_RETRY:
            after = move_attempt(store, number, UNSURE, SENDING)
            return store if after is None else move_post(after, post, UNKNOWN, PUBLISHING)
        case 6:
            return _unclaimed(store, worker, own, config)
        case _:
            return _not_sent(store, worker, config)


def _not_sent(store: Store, worker: Worker, config: Config) -> Store:
    """`Outcome._not_sent`: again, as often as `retries` says; the cell's refusal is nobody's try."""
    after = move_attempt(store, worker.attempt, NOT_SENT, CLAIMED, SENDING)
    if after is None:
        return store
    tries = after.posts[worker.post].tries + (worker.outcome != FENCED)
    if tries > config.retries:
        return move_post(after, worker.post, HELD, PUBLISHING)
    return put_back(after, after.attempts[worker.attempt - 1], config, tries)


def _unclaimed(store: Store, worker: Worker, own: int, config: Config) -> Store:
    """`Publisher._unclaim`: what is not this worker's (`own`) and ``claimed`` for this post stays."""
    row = store.attempts[worker.attempt - 1] if worker.attempt <= len(store.attempts) else None
    if row is None or (row.post, row.worker, row.state) != (worker.post, own, CLAIMED):
        return store
    return put_back(move_attempt(store, worker.attempt, ABORTED, CLAIMED) or store, row, config)


def crash(state: State, action: Action, config: Config) -> State:
    """Whatever it owed is forgotten; its rows belong to a dead worker, also in a backup."""
    world = state.world._replace(crashes=state.world.crashes - 1)
    return end(state, action, config)._replace(world=world)


def end(state: State, action: Action, config: Config) -> State:
    """A daemon whose store was replaced has noticed it and ended."""
    own = action.who + 1
    backup = state.backup and _orphaned(state.backup, own)
    return _set(state._replace(store=_orphaned(state.store, own), backup=backup), action.who, Worker())


def _orphaned(store: Store, worker: int) -> Store:
    if all(row.worker != worker for row in store.attempts):
        return store
    return store._replace(
        attempts=tuple(row._replace(worker=0) if row.worker == worker else row for row in store.attempts)
    )


STEPS = {
    (WORKER, step.__name__): step
    for step in (
        start,
        claim,
        claim_unheard,
        claim_undone,
        prepare,
        authorise,
        authorise_unheard,
        authorise_undone,
        look,
        look_late,
        send,
        timeout,
        record,
        record_unheard,
        crash,
        end,
    )
}
