"""The short-lived processes of the rig, real code each: the stop, its status, the resume, duties, people's verbs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

from calendars import zones
from calendars.entry import Occurrence
from config import clock
from config.fault import Fault
from governance import access
from governance.authority import Identity
from records import log
from scheduler import killswitch, reconciler, rescuer, restore, stop_ledger, switch
from scheduler.cell_keeper import CellKeeper
from scheduler.emergency_stop import DRAIN_MARGIN_S, Answer, EmergencyStop, Request
from scheduler.killswitch import Scope
from scheduler.planning import emergency, post_service, post_verbs
from scheduler.planning.post_selection import Wanted
from scheduler.planning.post_verbs import NewTime
from scheduler.resumption import Resumption
from scheduler.status import Status
from store import engine as store_engine
from tests.model import state as model
from tests.oracle.boundary import CELL, FAILS, FENCE, LOST, READ, UNDONE, UNRECORDED, WITNESS, WRITE
from tests.oracle.platform import HIDDEN, SHOWN
from tests.oracle.puppet import BORN, DONE, Puppet
from tests.oracle.town import AUTHOR, Town

ZONE = "UTC"
WINDOW = "window"
"""The request of the planned window: its process's name."""
RESULT = {0: model.QUIET, 10: model.UNCONFIRMED, 20: model.UNRECORDED}
"""What an exit code of ``standfast crisis`` is in the model."""


def run(name: str, job: Callable[[], object], order: str = "") -> Any:
    """What `job` returns as a process of its own that nothing interrupts. Raises what it raised."""
    process = Puppet(name, job)
    process.run(order=order)
    if process.error is not None:
        raise process.error
    return process.result


class Stop:
    """One run of ``standfast crisis``; its methods are the model's steps."""

    def __init__(self, town: Town, name: str, scope: Scope) -> None:
        self.town, self.scope = town, scope
        self.told: list[str] = []
        self.fenced = self.killed = self.crept = False
        stop = EmergencyStop(town.essential, {"HOME": str(town.root)}, self.told.append)
        self.process = Puppet(name, lambda: stop.run(Request(scope)))

    @property
    def answer(self) -> Answer | None:
        """What it said at the end."""
        return self.process.result if isinstance(self.process.result, Answer) else None

    @property
    def phase(self) -> int:
        """Where it stands, in the model's numbers."""
        if self.killed:
            return model.KILLED
        if self.answer is not None:
            return RESULT[self.answer.code]
        if self.process.at == BORN:
            return model.WAIT
        return (model.DRAIN if self.fenced else model.TOLD) if self.is_told else model.CELL

    @property
    def is_told(self) -> bool:
        """Whether people read the word SUSPENDED."""
        return any(line.startswith("SUSPENDED") for line in self.told)

    def cell(self, order: str = "") -> None:
        """The stop in the cell."""
        assert self.process.step() == CELL
        self.process.step(order)

    def cell_fails(self) -> None:
        """The same, with a disk that cannot be written."""
        self.cell(FAILS)

    def begin(self) -> None:
        """A partial stop has no cell."""
        assert self.process.step() == WRITE

    def commit(self, order: str = "") -> None:
        """The suspension's transaction."""
        assert self.process.at == WRITE
        self.process.step(order)

    def commit_unheard(self) -> None:
        """It stands, and its process does not know."""
        self.commit(LOST)

    def commit_undone(self) -> None:
        """It does not stand, and its process does not know."""
        self.commit(UNDONE)

    def not_recorded(self) -> None:
        """The word NOT RECORDED."""
        assert self.process.at == UNRECORDED
        self.process.run()

    def fence(self) -> None:
        """The cell's stop becomes the fence."""
        assert self.process.at == READ
        self.process.step()
        while self.process.at in (FENCE, WITNESS):
            self.process.step()
        self.fenced = True

    def quiet(self) -> None:
        """Drain and receipt, in one go; time has run out for any other answer."""
        with self.town.hands.later(self.town.essential.send_deadline_s + DRAIN_MARGIN_S + 1):
            self.process.run()

    not_confirmed = quiet

    fence_fails = fence

    def creep(self) -> None:
        """One boundary of drain and receipt; no time passes."""
        self.crept = True
        self.process.step()

    def kill(self) -> None:
        """Kill -9."""
        self.process.kill()
        self.killed = True


class Lift:
    """``standfast resume`` by one person, who remembers the last code."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.code = ""
        self.process: Puppet | None = None

    @property
    def owes_fence(self) -> bool:
        """Whether a lift was committed and its process is about to raise the fence."""
        return self.process is not None and self.process.at == READ

    def ask(self, suspension: int) -> None:
        """A code for `suspension`."""
        self.code = run("ask", lambda: self._with(lambda own: own.ask("over", scope=None, suspension=suspension))).code

    def ask_part(self, suspension: int, channel: str) -> None:
        """A code for `channel` of `suspension` alone."""
        only = [Scope("channel", channel)]
        ask: Callable[[Resumption], Any] = lambda own: own.ask("over", scope=None, suspension=suspension, only=only)  # noqa: E731
        self.code = run("ask", lambda: self._with(ask)).code

    def confirm(self, order: str = "") -> None:
        """The lift's transaction."""
        self.process = Puppet("resume", lambda: self._with(lambda own: own.confirm(self.code, "over")))
        assert self.process.step() == WRITE
        self.process.step(order)

    def release(self) -> None:
        """The same transaction, of a code for a part."""
        self.confirm()

    def confirm_unheard(self) -> None:
        """It stands, and its process does not know."""
        self.confirm(LOST)

    def refused(self) -> object:
        """What a code that is void gets."""
        try:
            return run("resume", lambda: self._with(lambda own: own.confirm(self.code, "over")))
        except Fault as refusal:
            return refusal

    def fence(self) -> None:
        """The cell lets the new epoch pass."""
        assert self.process is not None
        self.process.run()
        if self.process.error is not None:
            raise self.process.error

    fence_fails = fence

    def kill(self) -> None:
        """Kill -9."""
        if self.process is not None:
            self.process.kill()

    def forget(self) -> None:
        """The store that knows the code is gone, and so is who was about to use it."""
        self.kill()
        self.code = ""

    def _with(self, act: Callable[[Resumption], object]) -> object:
        own = Resumption(self.town.essential, self.town.environ)
        try:
            return act(own)
        finally:
            own.close()


class Duties:
    """What a daemon does beside publishing, each in a process of its own."""

    def __init__(self, town: Town) -> None:
        self.town = town

    def rescue(self, attempt: int) -> list[int]:
        """The attempts taken up, of which only `attempt` is let through (0: all)."""
        genuine = rescuer._take_up
        chosen: Any = lambda engine, number: attempt in (0, number) and genuine(engine, number)  # noqa: E731
        with patch.object(rescuer, "_take_up", chosen):
            found: list[int] = run("rescuer", lambda: rescuer.rescue(self.town.engine))
        return found

    def reconcile(self, attempt: int, *, shown: bool) -> dict[int, str]:
        """What became of `attempt`, the settling time having passed, even where the clock went back meanwhile."""
        settled = self.town.settings.model_copy(update={"settle": -3600.0})
        job: Any = lambda: reconciler.reconcile(  # noqa: E731
            self.town.engine, settled, self.town.connector_of, Path(self.town.root), only=frozenset({attempt})
        )
        answers: dict[int, str] = run("reconciler", job, SHOWN if shown else HIDDEN)
        return answers

    def keep(self) -> None:
        """A window that is due is begun, else what only the cell knew is recorded; the keeper goes no further."""
        keeper = Puppet("keeper", CellKeeper(self.town.essential, self.town.engine).keep)
        keeper.run(to=(WRITE,))
        assert keeper.at == WRITE
        keeper.step()
        keeper.kill()

    def fence(self) -> None:
        """The fence follows the ledger."""
        run("keeper", lambda: keep_fence(self.town))

    def guard(self, falls_after: int) -> None:
        """Two starts of a daemon, as far as they look at the store: one falls after so many boundaries, one is whole."""

        def look() -> object:
            return restore.guard(self.town.engine, self.town.essential, self.town.witness_file)

        first = Puppet("daemon", look)
        for _ in range(falls_after):
            if first.step() == DONE:
                break
        first.kill()
        run("daemon", look)

    def status(self) -> tuple[int, dict[str, Any]]:
        """The exit code and the data of ``crisis status``."""
        code, data, _ = run("status", lambda: Status(self.town.essential).run(wait=False))
        return code, data


def keep_fence(town: Town) -> None:
    """What a keeper does when there is nothing to record: the fence follows the ledger."""
    own = switch.open_switch(town.essential)
    try:
        with switch.reading(own) as cursor:
            stop_ledger.raise_fence(cursor, own.name, town.essential)
    finally:
        own.close()


class Person:
    """Somebody with every right at the desk; posts by their ids."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.identity = Identity(AUTHOR, "Stew Ward", "token")

    def edit(self, post: int, text: str) -> None:
        """Other words."""
        change = post_service.Edit(text=text)
        self._do(post, lambda session, request: post_verbs.edit(session, request, change, self.town.essential.data_dir))

    def cancel(self, post: int) -> None:
        """Never."""
        self._do(post, post_verbs.cancel)

    def hold(self, post: int) -> None:
        """Not now."""
        self._do(post, post_verbs.hold, changes=False)

    def release(self, post: int) -> None:
        """After all."""
        self._do(post, lambda session, request: post_verbs.release(session, request, 0))

    def move(self, post: int) -> None:
        """Now."""
        now = clock.wall_us()
        to = NewTime(Occurrence(zones.local_of(now, ZONE), ZONE, now), 0)
        self._do(post, lambda session, request: post_verbs.reschedule(session, request, to))

    def renew(self) -> list[int]:
        """The emergency messages that have leave again, as the command gives it. Raises Fault."""
        with access.acting(self.town.engine) as session:
            restore.refuse_older_copy(session, self.town.essential)
            return emergency.renew(session, self.identity)

    def plan(self, scope: Scope, starts_at: int) -> None:
        """A suspension that holds from that moment (wall µs) on."""
        stop = EmergencyStop(self.town.essential, self.town.environ, lambda _: None)
        answer = run(WINDOW, lambda: stop.run(Request(scope, kind=killswitch.PLANNED, starts_at=starts_at)))
        assert answer.words.startswith("PLANNED"), answer.words

    def look(self) -> None:
        """An entry in the log at this moment."""
        with store_engine.writing(self.town.engine) as session:
            log.record(session, AUTHOR, "look", "the clock", {})

    def close(self, post: int, link: str | None) -> None:
        """What the person saw on the platform."""
        with store_engine.writing(self.town.engine) as session:
            post_service.close(session, self.identity, post, link)

    def _do(self, post: int, verb: Callable[[Any, post_verbs.Request], object], *, changes: bool = True) -> None:
        """As the command does it: what changes a post is refused in an older copy that nobody has looked through."""
        with store_engine.writing(self.town.engine) as session:
            if changes:
                restore.refuse_older_copy(session, self.town.essential)
            verb(session, post_verbs.Request(Wanted(ids=(post,)), self.identity))


def ended(process: Puppet | None) -> None:
    """End what an example left behind."""
    if process is not None and process.at not in (BORN, DONE):
        with suppress(AssertionError):
            process.kill()
