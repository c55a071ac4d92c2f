"""What a page shows of a look and of a stop, as plain data for its template: nothing here is kinder than what is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from console.stops import Stop
from console.watch import Seen
from scheduler import emergency_stop, killswitch, stop_cell

LIVE_S, SLOW_S = 2, 10
"""How often (s) a receipt looks again: while the stop runs, and while it is not quiet afterwards."""
SOON_S, LONGEST_LOOK_S = 30.0, 3600.0
"""How long (s) after its end a receipt looks often, and at all."""


@dataclass(frozen=True)
class State:
    """What any visitor is told: `key` names the text, `since` is RFC 3339, `quiet` None where nothing is suspended."""

    key: str
    since: str = ""
    quiet: bool | None = None
    exercise: bool = False
    cell_stops: bool = False


def state(seen: Seen | None, cell_file: Path) -> State:
    """The state in one word; no names, no texts, no numbers."""
    data: Mapping[str, Any] = {} if seen is None else seen.data
    if data.get("suspended") is None:
        return State("unknown", cell_stops=cell_stops(cell_file))
    if not data["suspended"]:
        return State("open")
    standing = data["suspensions"]
    whole = [item for item in standing if item["scope"] == killswitch.ALL]
    everything = bool(whole or data["gate_missing"] or data["stop_cell_unrecorded"])
    since = min((item["suspended_at"] for item in whole or standing), default="")
    exercise = bool(standing) and all(item["kind"] == "drill" for item in standing)
    return State("suspended" if everything else "parts", since, bool(data["quiet_confirmed"]), exercise)


def cell_stops(cell_file: Path) -> bool:
    """True when nothing new is sent from this host, by its stop cell."""
    try:
        return bool(stop_cell.read(cell_file).stops)
    except stop_cell.CellError:
        return True


@dataclass(frozen=True)
class ReceiptView:
    """A receipt as it is now: `key` names the state's texts, `item` is the receipt's data where there is one."""

    key: str
    item: Mapping[str, Any] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    refresh_s: int = 0
    """Look again after so many seconds; 0: there is no more to come."""
    sweeping: bool = False


def receipt(stop: Stop, seen: Seen | None, cell_file: Path, now: float) -> ReceiptView:
    """What is known of `stop` at the boot time `now` (s)."""
    answer = stop.answer
    standing, lifted, current = _standing(stop, seen)
    if answer is None:
        return _running(stop, standing)
    words = tuple(answer.words.splitlines())
    if answer.code == emergency_stop.NOT_RECORDED:
        key = "not_recorded_cell" if stop.scope.kind == killswitch.ALL and cell_stops(cell_file) else "not_recorded"
        return ReceiptView(key, words=words)
    own = {} if answer.receipt is None else answer.receipt.as_json()
    if lifted:
        return ReceiptView("lifted", own, words)
    warnings = tuple(own.get("warnings", ()))
    quiet = answer.code == emergency_stop.DONE or (
        seen is not None and bool(standing) and bool(seen.data["quiet_confirmed"])
    )
    going_on = stop.ended is None or not current
    away = stop.ended is not None and now - stop.ended > SOON_S
    late = stop.ended is not None and now - stop.ended > LONGEST_LOOK_S
    refresh_s = 0 if late or (quiet and not going_on) else LIVE_S if going_on and not away else SLOW_S
    key, sweeping = "quiet" if quiet else "not_confirmed", stop.ended is None
    return ReceiptView(key, standing or own, words, warnings, refresh_s, sweeping)


def _running(stop: Stop, standing: Mapping[str, Any]) -> ReceiptView:
    words = tuple(stop.words)
    if stop.ended is not None:
        return ReceiptView("failed", words=(*words, str(stop.refusal or stop.mistake or stop.fault)))
    key = "stopping" if stop.recorded is None else "draining"
    return ReceiptView(key, standing, words, refresh_s=LIVE_S)


def _standing(stop: Stop, seen: Seen | None) -> tuple[Mapping[str, Any], bool, bool]:
    """(the receipt of `stop` as it stands, whether it was lifted since, whether the look is newer than all that it did)."""
    if stop.recorded is None or seen is None or seen.began < stop.last_news or seen.data.get("suspended") is None:
        return {}, False, False
    number = stop.recorded.suspension
    own = next((item for item in seen.data["suspensions"] if item["suspension"] == number), None)
    return own or {}, own is None, True
