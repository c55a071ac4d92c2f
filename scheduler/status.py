"""What is suspended, since when, by whom and why; what is unconfirmed; how many posts wait. In plain SQL, like the switch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from config import clock
from config.essentials import Essentials
from scheduler import drain, exercise, killswitch, receipt, resumption, stop_cell, stop_ledger, switch, windows
from scheduler.emergency_stop import DONE, DRAIN_MARGIN_S, NOT_CONFIRMED, doubt
from scheduler.exercise import Answers
from scheduler.killswitch import rows
from scheduler.receipt import Receipt
from scheduler.switch import Switch, SwitchUnavailable
from store.chain import Cursor

NO_DRILL = "  last drill  none was ever passed: `standfast crisis drill --simulate`"


class Status:
    """One look at the switch.

    `must_answer` gives the people who must answer in a drill (None: not known); it is asked while one stands, and not else.
    """

    def __init__(self, essential: Essentials, must_answer: Callable[[], Sequence[str] | None] = tuple) -> None:
        self.essential, self._must_answer = essential, must_answer
        self.switch: Switch = switch.open_switch(essential)
        self.warnings: list[str] = list(essential.warnings)

    def run(self, *, wait: bool) -> tuple[int, dict[str, Any], str]:
        """(exit code, data, words): 0 when open or quiet, 10 otherwise; `wait` turns 10 into 0 once it is quiet."""
        try:
            with switch.reading(self.switch) as cursor:
                numbers = [item.id for item in resumption.active(cursor, self.switch.name) if item.has_come]
                due = killswitch.has_due(cursor, self.switch.name)
            if due and (why := windows.begin(self.switch, self.essential)) is not None:
                self.warnings.append(why)
            limit = self.essential.send_deadline_s + DRAIN_MARGIN_S if wait else 0.0
            if numbers:
                drain.until_quiet(self.switch, self.essential, tuple(numbers), limit, self.warnings.append)
            lost = stop_ledger.lost_attempts(self.switch, self.essential) if numbers else None
            doubts = [why for why in (doubt(self.essential), lost) if why is not None]
            self.warnings += doubts
            with switch.reading(self.switch) as cursor:
                return self._look(cursor, known=not doubts)
        except SwitchUnavailable as error:
            return self._unreadable(str(error))
        finally:
            self.switch.close()

    def _look(self, cursor: Cursor, *, known: bool) -> tuple[int, dict[str, Any], str]:
        name = self.switch.name
        standing = resumption.active(cursor, name)
        found = [receipt.build(cursor, name, item.id, self.essential.recall_s) for item in standing if item.has_come]
        begun = not killswitch.has_due(cursor, name)
        if not begun:  # what its step would list is not known
            found = [_unknown(item) if item.kind == killswitch.PLANNED else item for item in found]
        waiting = stop_ledger.unrecorded(cursor, name, self.essential)
        gate = bool(rows(cursor, name, "SELECT 1 FROM gate WHERE id = 1"))
        alarms = rows(cursor, name, "SELECT kind, detail, raised_at FROM alarm WHERE confirmed_at IS NULL ORDER BY id")
        quiet = gate and known and begun and not waiting and all(item.quiet_confirmed for item in found)
        epoch = killswitch.epoch_or_zero(cursor, name)
        if quiet and found:  # from this word on no older copy may pass for this store
            untold = stop_ledger.note_epoch(cursor, name, self.essential, epoch)
            self.warnings += [] if untold is None else [f"this host does not keep how far the store is: {untold}"]
        answers = self._answers(found)
        data = {
            "suspended": bool(found) or bool(waiting) or not gate,
            "quiet_confirmed": quiet if (found or waiting or not gate) else None,
            "epoch": epoch,
            "held": _count(cursor, name, "held"),
            "scheduled": _count(cursor, name, "scheduled"),
            "unknown": _count(cursor, name, "unknown"),
            "unconfirmed": sum(len(item.unconfirmed) for item in found),
            "suspensions": [item.as_json() for item in found],
            "planned": [_planned(item) for item in standing if not item.has_come],
            "stop_cell_unrecorded": [order.request_id for order in waiting],
            "gate_missing": not gate,
            "alarms": [{"kind": k, "detail": d, "raised_at": clock.to_text(at)} for k, d, at in alarms],
            "exercise": bool(found) and all(item.kind == exercise.DRILL for item in found),
            "answers": [asdict(item) for item in answers.values()],
            "last_drill": _last_drill(cursor, name, ("live", "simulate")),
            "last_live_drill": _last_drill(cursor, name, ("live",)),
            "last_simulated_drill": _last_drill(cursor, name, ("simulate",)),
            "warnings": self.warnings,
        }
        return DONE if quiet else NOT_CONFIRMED, data, _words(data, found, answers)

    def _answers(self, found: Sequence[Receipt]) -> dict[int, Answers]:
        """Of each drill that stands: who has said that they know of it, and who is silent."""
        drills = [item for item in found if item.kind == exercise.DRILL]
        must = self._must_answer() if drills else ()
        if must is None:
            self.warnings.append(exercise.NOT_KNOWN)
            return {}
        return {item.suspension: Answers.of(item.suspension, must, item.notices["acknowledged"]) for item in drills}

    def _unreadable(self, why: str) -> tuple[int, dict[str, Any], str]:
        """This process cannot read the store: what the cell says, and no word about what others can."""
        known = "NOT KNOWN whether anything is published: this account or folder cannot read the store, the daemon may well;"
        try:
            cell = stop_cell.read(self.essential.cell_file)
            says = "stop" if cell.stops else f"fence {cell.fence}"
            if cell.stops:
                known = "No new call starts on this host. What had begun, and what other hosts do, is NOT KNOWN;"
        except stop_cell.CellError as error:
            says = str(error)
        data = {"suspended": None, "quiet_confirmed": False, "error": why, "stop_cell": says, "warnings": self.warnings}
        lines = [
            f"NOT READABLE  {why}",
            f"  {known}",
            f"  the stop cell says: {says}; go to the city's folder as the service account and ask again",
            *(f"  warning     {item}" for item in self.warnings),
        ]
        return NOT_CONFIRMED, data, "\n".join(lines)


def _unknown(item: Receipt) -> Receipt:
    return replace(item, quiet_confirmed=False, complete=False)


def _of(item: Receipt, answers: Answers | None) -> str:
    return "\n".join([receipt.words(item), *(answers.lines(item.kind) if answers is not None else [])])


def _planned(item: resumption.Active) -> dict[str, Any]:
    return {
        "suspension": item.id,
        "scope": str(item.scope),
        "by": item.by,
        "reason": item.reason,
        "starts_at": clock.to_text(item.starts_at),
    }


def _last_drill(cursor: Cursor, dialect: str, modes: Sequence[str]) -> dict[str, Any] | None:
    """The newest drill of these modes that was passed; None when none ever was."""
    query = (
        "SELECT id, mode, by, at, suspended_us, quiet_us FROM drill WHERE verdict = 'passed' "  # noqa: S608 (marks only)
        f"AND mode IN ({', '.join('?' * len(modes))}) ORDER BY id DESC LIMIT 1"
    )
    for number, mode, by, at, suspended_us, quiet_us in rows(cursor, dialect, query, tuple(modes)):
        took = {
            "suspended_s": suspended_us / clock.SECOND,
            "quiet_s": None if quiet_us is None else quiet_us / clock.SECOND,
        }
        return {"drill": int(number), "mode": mode, "by": by, "at": clock.to_text(at), **took}
    return None


def _count(cursor: Cursor, dialect: str, state: str) -> int:
    return int(rows(cursor, dialect, "SELECT count(*) FROM post WHERE state = ?", (state,))[0][0])


def _words(data: dict[str, Any], found: list[Receipt], answers: Mapping[int, Answers]) -> str:
    lines = [exercise.told(item.kind, _of(item, answers.get(item.suspension))) for item in found]
    if data["stop_cell_unrecorded"]:
        lines.append("SUSPENDED ON THIS HOST  the stop cell is set and not yet in the ledger; only resume lifts it")
    if data["gate_missing"]:
        lines.append("SUSPENDED  the gate's row is missing: run `standfast crisis`, then `standfast resume`")
    if not lines:
        lines.append(
            f"OPEN  nothing is suspended (epoch {data['epoch']}); {data['scheduled']} scheduled, {data['held']} held"
            + (f"; {data['unknown']} UNKNOWN: see `standfast post list --state unknown`" if data["unknown"] else "")
        )
    lines += [
        f"PLANNED  {item['scope']} from {item['starts_at']}  (suspension {item['suspension']}, by {item['by']})"
        for item in data["planned"]
    ]
    passed = [drill for drill in (data["last_live_drill"], data["last_simulated_drill"]) if drill]
    lines += [f"  last drill  passed {drill['at']} ({drill['mode']}, by {drill['by']})" for drill in passed] or [
        NO_DRILL
    ]
    lines += [f"  alarm       {item['kind']}: {item['detail']} (since {item['raised_at']})" for item in data["alarms"]]
    return "\n".join([*lines, *(f"  warning     {item}" for item in data["warnings"])])
