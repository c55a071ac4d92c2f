"""The real system as the model's actor: takes one action at a time, each done by real code on a real store."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from config import clock
from scheduler.killswitch import Scope
from scheduler.planning import content
from store.engine import writing
from tests.model.lane import OVERRIDDEN
from tests.model.state import DOWN, READ_ONLY, Action, Config, Store
from tests.oracle.boundary import FENCE, FREEZES, PEN, READ
from tests.oracle.commands import Duties, Lift, Person, Stop, ended, keep_fence
from tests.oracle.ground import COPY
from tests.oracle.platform import TAKEN, TURNED_DOWN, link_of
from tests.oracle.processes import Worker
from tests.oracle.puppet import Puppet
from tests.oracle.town import START_US, Town

TICK_S = 1.0
"""Seconds between two ticks of the model: fewer of them than any deadline has, and none inside a transaction."""


MOST_BOUNDARIES = 12
"""The first start on a restored store falls at one of so many places; it has less to do where nothing is in doubt."""


class Rig:
    """One example's processes on a town that was just reset."""

    def __init__(self, town: Town, config: Config) -> None:
        self.town, self.config = town, config
        with writing(town.engine) as session:
            self.posts = [
                town.queue(session, channel_of(channel), due * TICK_S, config.lateness * TICK_S)
                for channel, due in zip(config.channels, config.due, strict=True)
            ]
        town.give_lane(self.posts[OVERRIDDEN])
        self.versions: list[list[str]] = [[digest] for digest in town.digests()]
        """Of each post: the hash of its content in every version."""
        self.workers = [Worker(town) for _ in range(config.workers)]
        self.stops = [Stop(town, f"crisis-{who}", scope_of(scope)) for who, scope in enumerate(config.scopes)]
        self.lift, self.duties, self.person = Lift(town), Duties(town), Person(town)
        self.slow_fence: Puppet | None = None
        """A keeper that has read the ledger (then `slow_store`) and has not written the cell yet."""
        self.slow_store: Store = Store(0, (), ())
        self.pen: Puppet | None = None
        """A keeper that has read the cell under its lock and has not written it yet."""
        self.done = 0
        """Actions taken so far."""

    def close(self) -> None:
        """End every process."""
        for process in (*(worker.thread for worker in self.workers), *(stop.process for stop in self.stops)):
            ended(process)
        ended(self.lift.process)
        ended(self.slow_fence)
        ended(self.pen)
        for worker in self.workers:
            if worker.registration is not None:
                worker.registration.end()

    def do(self, action: Action) -> None:
        """Let the real code take the step that `action` names."""
        with self.town.ground.numbers_kept() if action.step.endswith("undone") else nullcontext():
            STEPS[action.actor, action.step](self, action)
        self.done += 1

    # --- what the actions of each actor are here ---------------------------------------------------------------------

    def work(self, action: Action) -> None:
        """A worker's step."""
        step: Callable[..., None] = getattr(self.workers[action.who], action.step)
        step(*([self.posts[action.what]] if action.step.startswith("claim") else []))

    def stop(self, action: Action) -> None:
        """A step of a stop."""
        getattr(self.stops[action.who], action.step)()

    def resume(self, action: Action) -> None:
        """A step of the resume."""
        asked = [self.suspension(action.what)] if action.step in ("ask", "ask_part") else []
        getattr(self.lift, action.step)(*asked, *([channel_of(action.who)] if action.step == "ask_part" else []))

    def answer(self, action: Action) -> None:
        """The platform's answer reaches the worker that waits for it."""
        waits = next(item for item in self.workers if item.thread is not None and item.attempt == action.what)
        refused = any(item.attempt == action.what for item in self.town.platform.refused)
        waits.hear(TURNED_DOWN if refused else TAKEN)

    def touch(self, action: Action) -> None:
        """A person's verb on a post."""
        post = self.posts[action.what]
        match action.step:
            case "edit":
                self.person.edit(post, self._next_text(action.what))
            case "override":
                given = self.person.renew()
                assert given == [post], f"leave was given to {given}"
            case "close_published":
                place = next(n for n, item in enumerate(self.town.platform.taken) if item.post == post)
                self.person.close(post, link_of(place))
            case "close_held":
                self.person.close(post, None)
                self.town.platform.disclaim(post)
            case verb:
                getattr(self.person, verb)(post)

    def plan(self, _action: Action) -> None:
        """A window on record, by the command."""
        assert self.config.window is not None
        scope, starts = self.config.window
        self.person.plan(scope_of(scope), START_US + int(starts * TICK_S * clock.SECOND))

    def set_back(self, _action: Action) -> None:
        """Somebody sets wall time back; what a heartbeat or an act had said of it before is in the store."""
        self.person.look()
        self.town.hands.set_back_s(TICK_S)

    @property
    def rests(self) -> bool:
        """Whether a post or channel rests until a moment that would lie ahead again if the clock went back by a tick.

        The model has no such rest: where nobody touches the clock it is over at once.
        """
        then = clock.wall_us() - int(TICK_S * clock.SECOND)
        posts = (
            f"SELECT 1 FROM post WHERE state IN ('scheduled', 'publishing') AND ready_at > due_at AND ready_at > {then}"
        )
        return bool(self.town.ground.rows(f"{posts} UNION ALL SELECT 1 FROM channel WHERE next_free_at > {then}"))

    def fail(self, action: Action) -> None:
        """The store is away."""
        self.town.outage.unwritable = action.what in (READ_ONLY, DOWN)
        self.town.outage.unreadable = action.what == DOWN

    def restore(self, action: Action) -> None:
        """The copy takes the store's place, under running processes; a resume and its code end with the store that is gone."""
        self.lift.forget()
        replaced = self.town.ground.fork()
        self.town.ground.put_back(COPY)
        for worker in self.workers:
            if worker.registration is not None:
                worker.lose_store(replaced)

    def fence_begins(self) -> None:
        """A keeper stands still with the cell's lock in hand."""
        self.pen = Puppet("keeper", lambda: keep_fence(self.town))
        assert [self.pen.step(), self.pen.step(), self.pen.step(FREEZES)] == [READ, FENCE, PEN]

    def fence_ends(self) -> None:
        """It goes on."""
        assert self.pen is not None
        self.pen.run()
        self.pen = None

    def _next_text(self, place: int) -> str:
        """The words of the next version of post number `place`, counted from what the store has."""
        known = self.versions[place]
        number = known.index(self.town.digests()[place]) + 1
        text = f"Version {number} of post {self.posts[place]}."
        self.versions[place] = [*known[:number], content.content_hash(text, [])]
        return text

    def version(self, place: int, digest: str) -> int:
        """Which version of the post number `place` this hash belongs to."""
        return self.versions[place].index(digest)

    def suspension(self, place: int) -> int:
        """The id of the model's suspension number `place` (from 1)."""
        found = self.town.ground.rows("SELECT id FROM suspension ORDER BY id")
        return int(found[place - 1][0])


def channel_of(number: int) -> str:
    """The name of the model's channel."""
    return f"channel-{number}"


def scope_of(number: int) -> Scope:
    """The model's scope."""
    return Scope("channel", channel_of(number)) if number else Scope()


def tick_of(us: int) -> int:
    """A moment of wall time as the model's tick."""
    return round((us - START_US) / clock.SECOND / TICK_S)


Step = Callable[[Rig, Action], Any]
WORKER_STEPS = (
    "start", "claim", "claim_unheard", "claim_undone", "prepare", "authorise", "authorise_unheard", "authorise_undone",
    "look", "look_late", "send", "timeout", "record", "record_unheard", "crash", "end",
)  # fmt: skip
STOP_STEPS = (
    "cell", "cell_fails", "begin", "commit", "commit_unheard", "commit_undone", "not_recorded", "fence",
    "fence_fails", "quiet", "not_confirmed", "kill",
)  # fmt: skip
RESUME_STEPS = ("ask", "ask_part", "confirm", "release", "confirm_unheard", "fence", "fence_fails", "kill")
PERSON_STEPS = ("edit", "cancel", "hold", "release", "move", "override", "close_published", "close_held")

STEPS: dict[tuple[str, str], Step] = {
    **{("worker", step): Rig.work for step in WORKER_STEPS},
    **{("crisis", step): Rig.stop for step in STOP_STEPS},
    **{("resume", step): Rig.resume for step in RESUME_STEPS},
    **{("person", step): Rig.touch for step in PERSON_STEPS},
    ("person", "plan"): Rig.plan,
    ("platform", "accept"): lambda rig, action: rig.town.platform.take(action.what),
    ("platform", "refuse"): lambda rig, action: rig.town.platform.refuse(action.what),
    ("platform", "answer"): Rig.answer,
    ("status", "quiet"): lambda rig, _: rig.duties.status(),
    ("rescuer", "rescue"): lambda rig, action: rig.duties.rescue(action.what),
    ("reconciler", "found"): lambda rig, action: rig.duties.reconcile(action.what, shown=True),
    ("reconciler", "not_found"): lambda rig, action: rig.duties.reconcile(action.what, shown=False),
    ("keeper", "adopt"): lambda rig, _: rig.duties.keep(),
    ("keeper", "begin"): lambda rig, _: rig.duties.keep(),
    ("keeper", "fence"): lambda rig, _: rig.duties.fence(),
    ("keeper", "fence_begins"): lambda rig, _: rig.fence_begins(),
    ("keeper", "fence_ends"): lambda rig, _: rig.fence_ends(),
    ("clock", "tick"): lambda rig, _: rig.town.hands.pass_s(TICK_S),
    ("clock", "back"): Rig.set_back,
    ("store", "fail"): Rig.fail,
    ("store", "heal"): lambda rig, _: rig.town.outage.clear(),
    ("store", "backup"): lambda rig, _: rig.town.ground.keep(COPY),
    ("store", "restore"): Rig.restore,
    ("store", "guard"): lambda rig, _: rig.duties.guard(falls_after=rig.done % MOST_BOUNDARIES),
    ("cell", "lose"): lambda rig, _: rig.town.essential.cell_file.write_bytes(b"?" * 512),
}
"""By actor and step, as in the model: what does it here. What is not in this table the rig cannot do."""
