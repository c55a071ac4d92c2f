"""`standfast crisis` from authority to receipt: stop first, say what is known, then wait for quiet.

Nothing here asks a question, needs a reason, a plan, the network or a running daemon, or loads the ORM. Steps and exit codes
are PROTOCOL's, section "Crisis".
"""

from __future__ import annotations

import re
import uuid
from _thread import start_new_thread
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TYPE_CHECKING, Any

from config import clock
from config.essentials import Essentials
from governance import break_glass
from scheduler import exercise, killswitch, liveness, stop_cell, stop_ledger, switch
from scheduler.killswitch import Order, Recorded, Scope
from scheduler.stop_authority import StopAuthority
from scheduler.switch import Switch, SwitchUnavailable
from store import chain

if TYPE_CHECKING:  # loaded when SUSPENDED is on the screen: what is only told later must not delay it
    from scheduler.receipt import Receipt

DONE, REFUSED, USAGE, NOT_CONFIRMED, NOT_RECORDED = 0, 1, 2, 10, 20
DRAIN_MARGIN_S = 5.0
RECORD_TRIES = 3
SLOW_S = 1.5
INTERRUPTED = "interrupted: whether it was recorded, `standfast crisis status` says"
_OLD_STORE = re.compile(r"no such (?:table|column)|(?:relation|column) .* does not exist")
"""How the databases say that a table or column is not there yet."""
RECORD_AGAIN_WITHIN_S = 10.0
"""A store that was locked for longer is not asked again: people must hear that the stop is only in the cell."""


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line or page."""

    scope: Scope
    reason: str = ""
    kind: str = "crisis"
    wait: bool = True
    starts_at: int = 0
    """Wall time (µs) from which a planned one holds; 0: at once."""
    code: str = ""
    """A sealed one-time code, in place of a sign-in."""
    order: Order | None = None
    """What was authorised beforehand (by the city's whitelist for alerts), in place of both. It is declared once for ever:
    when somebody has lifted it since, it is not declared anew."""
    token: str = ""
    """The token of somebody who asks from elsewhere: then the owner of the service account here is nobody."""

    @property
    def sets_cell(self) -> bool:
        """True for a real stop of everything, now: parts, windows and exercises leave the cell alone."""
        return self.scope.kind == killswitch.ALL and self.kind in killswitch.REAL


@dataclass(frozen=True)
class Answer:
    """What came of it: the exit code, words for people, and the receipt when the suspension is in the ledger."""

    code: int
    words: str
    receipt: Receipt | None = None
    recorded: bool = True
    waited: bool = False
    """True when quiet was waited for, so that the platforms' own schedulers may be emptied."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What JSON tells beside the words when there is no receipt."""

    def as_json(self) -> dict[str, Any]:
        """The receipt, else what is known, as JSON-ready data."""
        return (
            self.receipt.as_json() if self.receipt else {"recorded": self.recorded, "words": self.words, **self.facts}
        )


class EmergencyStop:
    """One run of the stop. `tell` gets each line for people as soon as it is true."""

    def __init__(
        self,
        essential: Essentials,
        environ: dict[str, str],
        tell: Callable[[str], None],
        cut: Callable[[Recorded, Callable[[str], None]], None] | None = None,
    ) -> None:
        """`cut`: what is done between SUSPENDED and the drain, for the harder stop."""
        self.essential, self.environ, self.tell, self.cut = essential, environ, tell, cut
        self.switch: Switch = switch.open_switch(essential)
        self.warnings: list[str] = list(essential.warnings)
        self._once = False
        """True for an order that is declared once for ever, see `Request.order`."""
        self.asked_at = clock.wall_us()
        self.recorded: Recorded | None = None
        """The suspension as soon as it is committed, while the wait for quiet goes on; None before and without one."""
        self._may_stand = False
        """True once a COMMIT was sent: whatever became of it, nobody may be told that nothing is suspended."""

    def run(self, request: Request) -> Answer:
        """Stop, and say truthfully what is known. Raises Refusal or SwitchError when nothing was suspended."""
        tell = self.tell
        self.tell = lambda line: tell(exercise.told(request.kind, line))
        answer = self._run(request)
        return replace(answer, words=exercise.told(request.kind, answer.words))

    def _run(self, request: Request) -> Answer:
        try:
            order = self._order(request)
            cell_set = self._set_cell(order) if request.sets_cell else None
            try:
                with (
                    liveness.registered_or_not(self.essential.workers_dir, liveness.SWITCH),
                    self._told_when_slow(cell_set),
                ):
                    recorded = self._record(order)
            except killswitch.SwitchError:
                raise
            except KeyboardInterrupt:
                return self._not_recorded(request, INTERRUPTED, cell_set)
            except Exception as error:  # whatever it is, the cell stands and people must be told what is known
                return self._not_recorded(request, switch.one_line(error), cell_set)
            return self._confirm(recorded, request) if recorded.begun else self._planned(recorded, request)
        finally:
            self.switch.close()

    def _order(self, request: Request) -> Order:
        """The suspension asked for, by who may. Raises Refusal."""
        self._once = request.order is not None
        if request.order is not None:
            return request.order
        own = StopAuthority(self.switch, self.essential, self.environ, self.warnings)
        if request.code:
            sealed = own.by_code(request.code)
            self.warnings.append(
                f"{break_glass.ACTOR} {sealed.id} ({sealed.label}) is used up; its use will be reviewed"
            )
            who, request_id = sealed.identity, sealed.request_id()
        else:
            who, request_id = own.by_person(request.scope, request.token), uuid.uuid4().hex
        return Order(
            request_id, who.person, request.reason, request.scope, request.kind, request.starts_at, self.asked_at
        )

    # --- stop --------------------------------------------------------------------------------------------------------

    def _set_cell(self, order: Order) -> bool:
        try:
            stop_cell.stop(self.essential.cell_file, order.request_id)
        except stop_cell.CellError as error:
            self.warnings.append(str(error))
            return False
        return True

    @contextmanager
    def _told_when_slow(self, cell_set: bool | None) -> Iterator[None]:
        """Nobody is left in the dark at 2 a.m. while the store makes us wait."""
        says = "the stop cell is set: no new call starts on this host" if cell_set else "NOTHING IS SUSPENDED YET"
        line, done = f"the store is busy or away; {says}; still trying to record the stop …", Lock()
        with done:
            # A host that has no thread or memory left must not lose the stop to a word of waiting. `threading` would wait
            # for its thread to begin, and so for ever where that one found no memory.
            with suppress(RuntimeError, MemoryError):
                start_new_thread(self._tell_late, (line, done))
            yield

    def _tell_late(self, line: str, done: Lock) -> None:
        if not done.acquire(timeout=SLOW_S):
            self.tell(line)

    def _record(self, order: Order) -> Recorded:
        """The suspension in the ledger, written once however often the acknowledgement is lost.

        Raises SwitchError when an order that was authorised beforehand was lifted already.
        """
        until = clock.boot_s() + RECORD_AGAIN_WITHIN_S
        for left in reversed(range(RECORD_TRIES)):
            try:
                with switch.exclusive(self.switch, step="crisis.record") as cursor:
                    if self._once:
                        self._refuse_lifted(cursor, order)
                    restored = stop_ledger.notice_restore(cursor, self.switch.name, self.essential)
                    if restored is not None:
                        self.warnings.append(
                            f"{restored}: EVERYTHING is suspended; restart the daemon, which looks through it"
                        )
                    seen = stop_ledger.seen_epoch(cursor, self.switch.name, self.essential)
                    recorded = killswitch.suspend(cursor, self.switch.name, order, at_least_epoch=seen + 1)
                    if order.by.startswith(break_glass.ACTOR):
                        break_glass.use(cursor, self.switch.name, order.request_id, recorded.suspension)
                    self._may_stand = True
                return recorded
            except SwitchUnavailable:
                self.switch.close()
                if not left or clock.boot_s() > until:
                    raise
        raise AssertionError("unreachable")

    def _refuse_lifted(self, cursor: chain.Cursor, order: Order) -> None:
        known = killswitch.find(cursor, self.switch.name, order.request_id)
        if known is None or killswitch.stands_whole(cursor, self.switch.name, known.suspension):
            return
        raise killswitch.SwitchError(f"suspension {known.suspension} was lifted since: it is not declared anew")

    def _after_commit(self, recorded: Recorded, scope: Scope) -> None:
        """Say SUSPENDED at once, then the fence."""
        what = "everything" if scope.kind == killswitch.ALL else str(scope)
        self.tell(f"SUSPENDED  {what}  (suspension {recorded.suspension}, epoch {recorded.epoch})")
        try:
            with switch.reading(self.switch) as cursor:
                trouble = stop_ledger.raise_fence(cursor, self.switch.name, self.essential, step="crisis")
        except SwitchUnavailable as error:
            trouble = str(error)
        if trouble:
            self.warnings.append(trouble)
        self._cut(recorded)

    def _cut(self, recorded: Recorded) -> None:
        """The harder stop: whatever goes wrong in it is a warning, and the stop stands."""
        if self.cut is None:
            return
        try:
            self.cut(recorded, self.tell)
        except Exception as error:
            self.warnings.append(f"the cut is not complete ({switch.one_line(error)}): revoke the tokens by hand")

    def _not_recorded(self, request: Request, why: str, cell_set: bool | None) -> Answer:
        if cell_set:
            known = (
                "The stop cell is set: no new call starts on this host. Other hosts are not reached. What had begun is not "
                "known. The daemon records the stop as soon as it runs and the store can be written; only resume lifts it."
            )
        elif request.sets_cell:
            what = "Whether anything is suspended is NOT KNOWN" if self._may_stand else "NOTHING IS SUSPENDED"
            known = f"{what}: the stop cell could not be written either. Stop the daemon by hand (`systemctl stop standfast`)."
        else:
            known = (
                "Whether it is suspended is NOT KNOWN: see `standfast crisis status`. A part, a window and a drill can be "
                "recorded only in the store; `standfast crisis` alone stops everything."
            )
        lines = [f"NOT RECORDED  {why}", f"  {known}", *(f"  warning     {item}" for item in self.warnings)]
        if _OLD_STORE.search(why):
            lines.append(
                "  the store is an older program's: `standfast init` migrates it; then run `standfast crisis` again"
            )
        return Answer(NOT_RECORDED, "\n".join(lines), recorded=False)

    def _planned(self, recorded: Recorded, request: Request) -> Answer:
        what = "everything" if request.scope.kind == killswitch.ALL else str(request.scope)
        when = clock.to_text(request.starts_at)
        told = f"PLANNED  {what} from {when}  (suspension {recorded.suspension}, by {recorded.by})"
        lines = [told, "  it holds from then on by the clock alone, whoever runs; only `standfast resume` ends it"]
        lines += [f"  warning     {item}" for item in self.warnings]
        return Answer(DONE, "\n".join(lines), facts={"suspension": recorded.suspension, "starts_at": when})

    # --- quiet -------------------------------------------------------------------------------------------------------

    def _confirm(self, recorded: Recorded, request: Request) -> Answer:
        limit = self.essential.send_deadline_s + DRAIN_MARGIN_S if request.wait else 0.0
        try:
            self.recorded = recorded
            self._after_commit(recorded, request.scope)
            from scheduler import drain, receipt

            drain.until_quiet(
                self.switch, self.essential, (recorded.suspension,), limit, self.warnings.append, self.tell
            )
            lost = stop_ledger.lost_attempts(self.switch, self.essential)
            built = look(self.switch, self.essential, recorded.suspension)
            with switch.reading(self.switch) as cursor:
                gone = self._gone(cursor, recorded)
        except KeyboardInterrupt:
            return self._not_confirmed("interrupted while waiting: `standfast crisis status --wait`")
        except Exception as error:  # the suspension stands; nothing here may look as if it did not
            return self._not_confirmed(f"what is in flight cannot be read: {switch.one_line(error)}")
        if doubts := [why for why in (doubt(self.essential), lost, gone) if why is not None]:
            self.warnings += doubts
            built = replace(built, quiet_confirmed=False, complete=False)
        ended = [_ended_line(item) for item in self.switch.ended]
        built = replace(built, ended=ended, warnings=[*built.warnings, *self.warnings])
        code, waited = (
            DONE if built.quiet_confirmed else NOT_CONFIRMED,
            request.wait and request.kind in killswitch.REAL,
        )
        return Answer(code, receipt.words(built), built, waited=waited)

    def _not_confirmed(self, why: str) -> Answer:
        lines = [f"SUSPENDED, NOT CONFIRMED  {why}", *(f"  warning     {item}" for item in self.warnings)]
        return Answer(NOT_CONFIRMED, "\n".join(lines))

    def _gone(self, cursor: chain.Cursor, recorded: Recorded) -> str | None:
        """Why the suspension that was told SUSPENDED does not stand any more, or None."""
        standing = killswitch.find(cursor, self.switch.name, recorded.request_id)
        if standing is None or (standing.suspension, standing.epoch) != (recorded.suspension, recorded.epoch):
            # Its number may be another suspension's by now, of another scope: what was looked at is not what was stopped.
            return "the store was replaced meanwhile and does not know this suspension: run `standfast crisis` again"
        if killswitch.is_lifted(cursor, self.switch.name, recorded.suspension):
            return "somebody has lifted this suspension meanwhile: see `standfast crisis status`"
        return None


def _ended_line(item: object) -> str:
    if isinstance(item, liveness.Process):
        return f"process {item.pid} ({item.kind}): it held the store's lock for over a second"
    return "a database session that held the store's lock for over a second"


def doubt(essential: Essentials) -> str | None:
    """Why what was stopped or looked at may not be the city's, or None."""
    if not essential.doubt:
        return None
    return (
        f"{essential.doubt}: this is {switch.named(essential)}; where that is not the city's, its posts STILL GO OUT: mend "
        "that and run `standfast crisis` again"
    )


def look(own: Switch, essential: Essentials, suspension: int) -> Receipt:
    """The receipt of a suspension as it stands now. Raises SwitchUnavailable."""
    from scheduler import receipt

    with switch.reading(own, step="crisis.receipt") as cursor:
        return receipt.build(cursor, own.name, suspension, essential.recall_s)
