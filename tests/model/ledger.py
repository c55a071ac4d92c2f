"""What several actors read and write in the store: the gate, coverage, putting a post back, suspending.

Counterparts: `scheduler.killswitch` and `scheduler.post_queue`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from tests.model import design
from tests.model.state import (
    ABORTED,
    ABSENT,
    AGAIN,
    ALL,
    CLAIMED,
    HELD,
    LOST_CELL,
    OPEN,
    PUBLISHING,
    RESTORE,
    SCHEDULED,
    SENDING,
    WINDOW,
    Attempt,
    Cell,
    Config,
    State,
    Store,
    Suspension,
)

T = TypeVar("T")


def put(items: tuple[T, ...], index: int, item: T) -> tuple[T, ...]:
    """`items` with another `item` at `index`."""
    return (*items[:index], item, *items[index + 1 :])


def move_post(store: Store, post: int, to: int, *only_from: int) -> Store:
    """`post_queue.move_post`: nothing happens from any other state."""
    row = store.posts[post]
    if row.state not in only_from:
        return store
    return store._replace(posts=put(store.posts, post, row._replace(state=to)))


def move_attempt(store: Store, number: int, to: int, *only_from: int) -> Store | None:
    """`post_queue.move_attempt`: None when the row is not there or in no state that may go there."""
    if not 0 < number <= len(store.attempts) or store.attempts[number - 1].state not in only_from:
        return None
    row = store.attempts[number - 1]._replace(state=to)
    return store._replace(attempts=put(store.attempts, number - 1, row))


def covers(scope: int, channel: int) -> bool:
    """Whether a suspension of `scope` is declared over `channel` (`killswitch.REACHES`)."""
    return scope in (ALL, channel)


def covers_now(item: Suspension, channel: int) -> bool:
    """`killswitch.COVERS`: what was lifted for a channel covers it no more."""
    return covers(item.scope, channel) and not released_in(item, channel)


def released_in(item: Suspension, channel: int) -> int:
    """The epoch in which a suspension was lifted for `channel` ahead of the rest, 0 for never."""
    return dict(item.released).get(channel, 0)


def stops_all(item: Suspension) -> bool:
    """`stop_ledger._all_is_suspended`, of one that is active."""
    return item.scope == ALL and not item.released


def active(store: Store) -> Iterator[Suspension]:
    """The suspensions that have begun and that nobody has lifted."""
    return (item for item in store.suspensions if not item.lifted and item.begun)


def in_force(store: Store, now: int) -> Iterator[Suspension]:
    """`killswitch.ACTIVE`: those and the planned windows whose moment has come."""
    return (item for item in store.suspensions if not item.lifted and has_come(item, now))


def has_come(item: Suspension, now: int, weakened: str = "") -> bool:
    """`killswitch.HAS_COME`: what has begun does not look at the clock."""
    if weakened == design.UNWOKEN:
        return bool(item.begun)
    return (bool(item.begun) and weakened != design.CLOCK_AGAIN) or item.starts <= now


def is_closed(store: Store, channel: int, now: int, weakened: str = "") -> bool:
    """`killswitch.closed_by`."""
    return any(
        not item.lifted and has_come(item, now, weakened) and covers_now(item, channel) for item in store.suspensions
    )


def refuses(cell: Cell, epoch: int) -> bool:
    """`stop_cell.refusal`."""
    return bool(cell.bad or cell.stops or epoch < cell.fence)


def declared_since(store: Store, channel: int, claim_epoch: int, weakened: str = "") -> bool:
    """`killswitch.declared_since`: whatever was lifted since, whole or for the channel."""
    forgets = weakened == design.FORGOTTEN_STOP
    return any(
        item.begun
        and item.epoch > claim_epoch
        and covers(item.scope, channel)
        and not (forgets and released_in(item, channel))
        for item in store.suspensions
    )


def put_back(store: Store, attempt: Attempt, config: Config, tries: int | None = None) -> Store:
    """`post_queue.put_back`: scheduled again, or held when a suspension was declared since the claim (I7)."""
    row = store.posts[attempt.post]
    if row.state != PUBLISHING:
        return store
    declared = declared_since(store, config.channels[attempt.post], attempt.claim_epoch, config.weakened)
    after = HELD if declared else SCHEDULED
    tries = row.tries if declared or tries is None else tries
    if attempt.override and not declared:  # `post_queue.give_override_back`
        store = store._replace(override=attempt.claim_epoch, override_of=attempt.content)
    return store._replace(posts=put(store.posts, attempt.post, row._replace(state=after, tries=tries)))


def next_epoch(store: Store, at_least: int = 0) -> int:
    """`killswitch.next_epoch`."""
    seen = (max(item.epoch, item.lifted, *dict(item.released).values()) for item in store.suspensions)
    return max(1 + max(store.epoch, *seen, 0), at_least)


def find(store: Store, request: int) -> int | None:
    """`killswitch.find`: the place of the suspension recorded under `request`, or None."""
    for place, item in enumerate(store.suspensions):
        if item.request == request:
            return place
    return None


def unconfirmed(store: Store, own: Suspension, config: Config) -> bool:
    """`killswitch.unconfirmed`: whether a covered attempt is sending or unknown; overrides under it aside, and what was claimed
    on a channel after that was resumed."""
    states = (SENDING,) if config.weakened == design.IGNORES_UNKNOWN else OPEN
    return any(
        row.state in states
        and covers(own.scope, config.channels[row.post])
        and (
            is_from_a_lost_store(store, row)
            or not ((row.override and row.claim_epoch >= own.epoch) or _is_after_release(own, row, config))
        )
        for row in store.attempts
    )


def is_from_a_lost_store(store: Store, row: Attempt) -> bool:
    """An older copy was put back since: what it says of the attempt stands for what nobody knows any more."""
    return any(item.request == RESTORE and item.epoch > row.claim_epoch for item in store.suspensions)


def _is_after_release(own: Suspension, row: Attempt, config: Config) -> bool:
    since = released_in(own, config.channels[row.post])
    return bool(since) and (row.claim_epoch >= since or config.weakened == design.FORGOTTEN_CALLS)


def suspend(
    store: Store, request: int, scope: int, config: Config, at_least: int = 0, snapshot: tuple[int, ...] = ()
) -> Store:
    """`killswitch.suspend`, in one transaction under the exclusive lock; the same request twice is recorded once.

    `snapshot`: the in-flight list as a weakened design read it before.
    """
    known = find(store, request)
    stands = known is not None and _stands_whole(store.suspensions[known])
    if known is not None and not stands and request < LOST_CELL:
        return suspend(store, request + AGAIN, scope, config, at_least, snapshot)
    if stands:
        return store
    return _declare(store, request, scope, config, at_least, snapshot)


def suspend_restored(store: Store, config: Config, at_least: int) -> Store:
    """The suspension by which an older copy stops itself: one for each time that it is found to be one, never two for one."""
    declare = suspend if store.doubting else _declare
    return declare(store, RESTORE, ALL, config, at_least)._replace(doubting=1)


def _declare(
    store: Store, request: int, scope: int, config: Config, at_least: int, snapshot: tuple[int, ...] = ()
) -> Store:
    epoch = next_epoch(store, at_least)
    keeps_claims = config.weakened in (design.CLAIM_ONLY, design.NO_LOCK)
    aborted = store if keeps_claims else abort_claimed(store, scope, config)
    row = Suspension(request, epoch, scope, 0, snapshot[0] if snapshot else in_flight(aborted, scope, config))
    return aborted._replace(epoch=epoch, suspensions=(*store.suspensions, row))


def _stands_whole(item: Suspension) -> bool:
    """`killswitch.stands_whole`."""
    return not item.lifted and not item.released


def plan(store: Store, scope: int, starts: int) -> Store:
    """`killswitch._plan`: on record, in force from its tick on, and no step of the epoch yet."""
    return store._replace(suspensions=(*store.suspensions, Suspension(WINDOW, store.epoch, scope, 0, 0, starts, 0)))


def begin_due(store: Store, config: Config, now: int) -> Store:
    """`killswitch.begin_due`, in one transaction under the exclusive lock."""
    for place, item in enumerate(store.suspensions):
        if item.begun or item.lifted or item.starts > now:
            continue
        epoch = next_epoch(store)
        store = abort_claimed(store, item.scope, config)
        row = item._replace(epoch=epoch, begun=1, in_flight=in_flight(store, item.scope, config))
        store = store._replace(epoch=epoch, suspensions=put(store.suspensions, place, row))
    return store


def abort_claimed(store: Store, scope: int, config: Config) -> Store:
    """`killswitch._abort_claimed`."""
    for number, row in enumerate(store.attempts, 1):
        if row.state == CLAIMED and covers(scope, config.channels[row.post]):
            store = move_attempt(store, number, ABORTED, CLAIMED) or store
            store = move_post(store, row.post, HELD, PUBLISHING)
    return store


def in_flight(store: Store, scope: int, config: Config) -> int:
    """`killswitch._copy_in_flight`, as bits."""
    bits = 0
    for number, row in enumerate(store.attempts, 1):
        if row.state in OPEN and covers(scope, config.channels[row.post]):
            bits |= 1 << number
    return bits


def unrecorded(state: State) -> tuple[int, ...]:
    """`stop_ledger.unrecorded`: requests of stops that only the cell knows; a lost cell asks for one of its own."""
    if state.cell.bad:
        everything = any(stops_all(item) for item in active(state.store))
        return () if everything else (LOST_CELL,)
    return tuple(
        crisis
        for crisis in range(len(state.crises))
        if state.cell.stops >> crisis & 1 and find(state.store, crisis) is None
    )


def adopt(state: State, config: Config) -> State:
    """`stop_ledger.adopt`, inside the caller's exclusive transaction."""
    if not unrecorded(state):
        return state
    store = notice_restore(state, config)
    least = 1 + seen_epoch(state) if config.weakened != design.HIDDEN_RESTORE else 0
    for request in unrecorded(state._replace(store=store)):
        store = suspend(store, request, ALL, config, least)
    return state._replace(store=store)


def unaccounted(state: State) -> list[int]:
    """`witness.sent` beside the store: attempts that this host wrote down before their send, unknown to the store as such."""
    rows = state.store.attempts
    return [
        number
        for number, post in enumerate(state.noted, 1)
        if post and (number > len(rows) or rows[number - 1].state in (ABSENT, CLAIMED, ABORTED))
    ]


def notice_restore(state: State, config: Config) -> Store:
    """`stop_ledger.notice_restore`: an older copy is suspended first, or its raised epoch would hide what was lost."""
    if state.store.doubting or not is_behind(state):
        return state.store
    if config.weakened in (design.NAIVE_RESTORE, design.HIDDEN_RESTORE):
        return state.store
    return suspend_restored(state.store, config, 1 + seen_epoch(state))


def is_behind(state: State) -> bool:
    """`stop_ledger.why_behind`: the store is behind this host's witness or cell, or nobody has looked through it to the end."""
    store = state.store
    return bool(store.doubting) or store.epoch < seen_epoch(state) or len(store.attempts) < state.witness[1]


def is_older_copy(state: State) -> bool:
    """`stop_ledger.why_older`: it is behind, or it calls not sent what this host has sent."""
    return is_behind(state) or bool(unaccounted(state))


def seen_epoch(state: State) -> int:
    """`stop_ledger.seen_epoch`: the highest that this host has seen, also in a store that was replaced."""
    return max(state.witness[0], 0 if state.cell.bad else state.cell.fence)


def is_of(suspension: Suspension, crisis: int) -> bool:
    """Whether this is the suspension of run `crisis`, or a later one of its after that was lifted."""
    return suspension.request < LOST_CELL and suspension.request % AGAIN == crisis
