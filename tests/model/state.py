"""What the model knows: one immutable `State` of small ints, and the `Config` that bounds what may happen.

The fields mirror what is durable or observable in the real system: the store's rows, the stop cell, the witness, each worker's
place in a publish, the platform's memory, what people were told. Words for the numbers are in `POST`, `ATTEMPT` and `PHASE`;
those of rows are the code's own (`scheduler.states`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

SCHEDULED, PUBLISHING, PUBLISHED, HELD, UNKNOWN, FAILED, CANCELLED = range(7)
POST: Final = ("scheduled", "publishing", "published", "held", "unknown", "failed", "cancelled")
"""A post's states, as in the table ``post``."""

ABSENT, CLAIMED, SENDING, DONE, REJECTED, UNSURE, ABORTED, NOT_SENT, CLOSED = range(9)
ATTEMPT: Final = (
    "absent",
    "claimed",
    "sending",
    "published",
    "rejected",
    "unknown",
    "aborted",
    "not_sent",
    "closed_by_person",
)
"""An attempt's states, as in the table ``attempt``; ``absent``: a number that no row has (a restore skipped it)."""
OPEN: Final = (SENDING, UNSURE)
LIVE: Final = (CLAIMED, SENDING, UNSURE, DONE)

DEAD, IDLE, HOLDING, READY, LEAVE, LOOKED, WAITING, RESULT = range(8)
PHASE: Final = ("dead", "idle", "claimed", "prepared", "authorised", "looked", "waiting", "owes a record")
"""Where a worker is in `Publisher.publish_post`."""

NONE, OK, REFUSED, UNCERTAIN, UNSENT, FENCED, UNCLAIM = range(7)
OUTCOME: Final = ("none", "published", "rejected", "uncertain", "not sent", "fenced", "claim not acknowledged")
"""What a worker has to record: the connector's result, or `Publisher._unclaim`."""

WRITTEN, ACCEPTED, TURNED_DOWN, NATIVE = 1, 2, 3, 4
"""The platform's memory of a request; `NATIVE`: taken into the platform's own scheduler, not public yet."""

WAIT, CELL, TOLD, DRAIN, QUIET, UNCONFIRMED, UNRECORDED, KILLED = range(8)
STOPPING: Final = ("not begun", "cell", "told", "draining", "quiet", "not confirmed", "not recorded", "killed")
"""Where a `standfast crisis` process is.

``cell``: the cell was dealt with, the transaction is next; ``told``: SUSPENDED was told, the fence is next."""

UP, READ_ONLY, DOWN = range(3)
"""The store: whole, readable but not writable, unreadable."""

ALL = 0
"""The scope that covers everything; any other number is a channel's."""
LOST_CELL, RESTORE, WINDOW = 30, 31, 32
"""Request numbers of suspensions nobody typed; a crisis has its own number, and `AGAIN` more when its first was lifted."""
AGAIN = 10
DOUBT = -1
"""The worker of an attempt that a restore wrote down: nobody's process."""


class Post(NamedTuple):
    """A row of ``post``: `due` in ticks of wall time, `content` a version.

    `asked`: the epoch in which a person last set it going; the model's own memory for I7, no column.
    """

    state: int
    due: int
    tries: int = 0
    content: int = 0
    asked: int = 0


class Attempt(NamedTuple):
    """A row of ``attempt``; its number is its place in `Store.attempts` + 1. `worker`: 0 once that process is dead.

    `override`: 1 when it was claimed past a closed gate (the emergency lane).
    """

    state: int
    post: int
    worker: int
    claim_epoch: int
    content: int = 0
    override: int = 0


class Suspension(NamedTuple):
    """A row of ``suspension`` with its ``suspension_inflight`` as bits (attempt number n: bit n). `lifted`: an epoch or 0."""

    request: int
    epoch: int
    scope: int
    lifted: int
    in_flight: int
    starts: int = 0
    """The tick from which a planned one holds."""
    begun: int = 1
    """0 until somebody took a planned one's step (`killswitch.begin_due`)."""
    released: tuple[tuple[int, int], ...] = ()
    """(channel, epoch) of each row in ``suspension_release``: it was lifted for that channel, and stands for the rest."""


class Store(NamedTuple):
    """What a backup holds and a restore brings back."""

    epoch: int
    posts: tuple[Post, ...]
    attempts: tuple[Attempt, ...]
    suspensions: tuple[Suspension, ...] = ()
    override: int = 0
    """The emergency lane's one override (`Config.overrides`): epoch in which it was approved, 0 for none or used."""
    override_of: int = 0
    """The version of its post that it was approved for."""
    doubting: int = 0
    """1 while a restore's doubts are not all written down (`restore.UNFINISHED`)."""
    latest: int = 0
    """The latest tick that the log bears, where the clock went back since (`lifting.latest_us`)."""


class Worker(NamedTuple):
    """A worker process with one thread: where it is, its attempt's number, its leave's epoch, what it owes.

    `lost`: 1 when the store was replaced under it (`StoreIdentity`): what it writes goes to a file nobody reads.
    """

    phase: int = DEAD
    attempt: int = 0
    post: int = 0
    epoch: int = 0
    outcome: int = NONE
    lost: int = 0


class Request(NamedTuple):
    """What the platform remembers of one attempt's request; state 0: never written."""

    post: int = 0
    state: int = 0


class Cell(NamedTuple):
    """The stop cell: the fence, the requests of stops as bits (crisis c: bit c), `bad` when it cannot be read.

    Of a bad one `fence` is what the first block says, 0 where it is no cell's.
    """

    fence: int = 0
    stops: int = 0
    bad: int = 0


class Crisis(NamedTuple):
    """One run of ``standfast crisis``: `tries` commits without acknowledgement; `told`, `row`: the epoch and the place of the
    suspension that it called SUSPENDED, while it waits for quiet; `promised`: a stop stands that only resume
    lifts; `quiet`: the epoch under which people were told QUIET CONFIRMED; both end with the lift; `denied`: they were told
    NOTHING IS SUSPENDED;
    `maybe`: a COMMIT was sent and not acknowledged; `released`: the channels (bits) that a person resumed since they were
    told."""

    phase: int = WAIT
    cell_set: int = 0
    tries: int = 0
    told: int = 0
    row: int = 0
    promised: int = 0
    quiet: int = 0
    complete: int = 0
    denied: int = 0
    maybe: int = 0
    released: int = 0


class Resume(NamedTuple):
    """``standfast resume``: the suspension (place + 1) and epoch of the code; `fence`: the lift's fence is due; `only`: the
    channel that the code is for, 0 for the whole suspension; `at`: the tick of the code, where the clock may go back behind
    it."""

    suspension: int = 0
    epoch: int = 0
    fence: int = 0
    only: int = 0
    at: int = 0


class Pen(NamedTuple):
    """A process that has read the cell under its lock and is about to overwrite it (`stop_cell.raise_fence`)."""

    fence: int
    """What its first block will say; 0 when that stands already and is not written."""
    cleared: int
    """The stops that it takes out, as bits: those that the ledger has."""
    epoch: int
    """The ledger's, as it was read before: what the witness is told afterwards."""


class World(NamedTuple):
    """Wall time, the store's health, and how much of each kind of trouble may still happen."""

    now: int = 0
    store: int = UP
    guarded: int = 1
    """0 between a restore and the next daemon's `restore.guard`; 2 while that one has suspended and not yet doubted."""
    crashes: int = 0
    faults: int = 0
    outages: int = 0
    acts: int = 0


class State(NamedTuple):
    """All of it. `missed`, `harm` and `lane` are the model's own memory for the invariants."""

    store: Store
    workers: tuple[Worker, ...]
    requests: tuple[Request, ...]
    cell: Cell
    witness: tuple[int, int]
    """(epoch, attempt), as in `scheduler.witness.Seen`."""
    crises: tuple[Crisis, ...]
    resume: Resume
    world: World
    noted: tuple[int, ...] = ()
    """What the witness knows of single sends: for attempt n its post + 1 at place n - 1, or 0 (`witness.sent`)."""
    pen: Pen | None = None
    backup: Store | None = None
    missed: int = 0
    harm: int = 0
    lane: tuple[int, ...] = ()
    """For attempt n that is looked at by leave of the emergency lane the epoch of that leave at place n - 1, or 0."""
    memory: tuple[int, ...] = ()
    """Only weakened designs use it: flags and snapshots that the real design does not have."""


class Action(NamedTuple):
    """One observable step: `who` numbers the actor among its kind, `what` is a post, an attempt's number or a suspension."""

    actor: str
    step: str
    who: int = 0
    what: int = 0


@dataclass(frozen=True)
class Config:
    """What exists and what may happen. `channels`: the channel (1, 2 …) of each post; `due`: its tick of wall time."""

    name: str
    channels: tuple[int, ...] = (1,)
    due: tuple[int, ...] = (0,)
    workers: int = 2
    scopes: tuple[int, ...] = (ALL,)
    """The scope of each crisis that may be called."""
    last_tick: int = 0
    lateness: int = 9
    """Ticks after its due moment at which a post is too late."""
    crashes: int = 0
    kills: bool = False
    """Crisis and resume may be killed, too (each from the budget of crashes)."""
    faults: int = 0
    """COMMIT acknowledgements that may be lost."""
    outages: int = 0
    health: tuple[int, ...] = (DOWN,)
    """What an outage makes of the store."""
    resumes: bool = True
    parts: tuple[int, ...] = ()
    """The channels for which a stop of everything may be lifted first (``resume --only``)."""
    late_looks: bool = False
    """A send deadline may pass before the last look."""
    refusals: bool = False
    """The platform may refuse a request."""
    acts: int = 0
    verbs: tuple[str, ...] = ()
    """What people may do to posts, each once from the budget `acts`: edit, hold, cancel, release, move."""
    cell_faults: bool = False
    """Writing a stop into the cell may fail, and the cell may become unreadable (each an outage)."""
    cell_stays: bool = False
    """Not the latter."""
    fence_fails: bool = False
    """Crisis and resume go on without the fence when they cannot raise it (else they stand until they can)."""
    frozen_pens: bool = False
    """A process may be stopped between reading and writing the cell."""
    restores: bool = False
    guard_falls: bool = False
    """The daemon that guards a restored store may be killed between its suspension and its doubts (else one step)."""
    status: bool = False
    """``crisis status --wait`` may say quiet later."""
    record_tries: int = 2
    retries: int = 1
    window: tuple[int, int] | None = None
    """(scope, first tick) of a suspension that may be planned, once."""
    backs: bool = False
    """Wall time may go back by a tick (each an outage)."""
    native: bool = False
    """The platform has a scheduler of its own, which a call fills; crisis sweeps it."""
    overrides: bool = False
    """The first post is an emergency message: people may give it leave to pass a closed gate."""
    weakened: str = ""


def first(config: Config) -> State:
    """The state before anything happened: workers run, posts are scheduled, the gate is open in epoch 1."""
    posts = tuple(Post(SCHEDULED, due) for due in config.due)
    world = World(crashes=config.crashes, faults=config.faults, outages=config.outages, acts=config.acts)
    return State(
        store=Store(1, posts, ()),
        workers=(Worker(IDLE),) * config.workers,
        requests=(),
        cell=Cell(),
        witness=(1, 0),
        crises=(Crisis(),) * len(config.scopes),
        resume=Resume(),
        world=world,
    )
