"""What a page says of what is known, case by case; and who goes when there is no room."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from config import clock
from console import throttle, views
from console.connections import Room
from console.stops import Stop
from console.watch import Seen
from scheduler import stop_cell
from scheduler.emergency_stop import DONE, NOT_CONFIRMED, NOT_RECORDED, Answer
from scheduler.killswitch import Recorded, Scope

NOW = 5000.0
STANDING = {"suspension": 3, "scope": "all", "kind": "crisis", "suspended_at": "2026-07-01T07:07:31Z"}


def _data(**about: Any) -> dict[str, Any]:
    return {
        "suspended": True,
        "quiet_confirmed": False,
        "suspensions": [STANDING],
        "gate_missing": False,
        "stop_cell_unrecorded": [],
        **about,
    }


@pytest.fixture
def cell(tmp_path: Path) -> Path:
    """A cell that lets pass."""
    stop_cell.lay_down(tmp_path / "stop.cell", 0)
    return tmp_path / "stop.cell"


PART = {**STANDING, "scope": "channel:parks", "suspended_at": "2026-06-30T00:00:00Z"}


@pytest.mark.parametrize(
    ("about", "key", "since"),
    [
        ({"suspended": False, "suspensions": []}, "open", ""),
        ({"suspended": None}, "unknown", ""),
        ({}, "suspended", STANDING["suspended_at"]),
        ({"suspensions": [PART, STANDING]}, "suspended", STANDING["suspended_at"]),
        ({"suspensions": [PART]}, "parts", PART["suspended_at"]),
        ({"suspensions": [PART], "gate_missing": True}, "suspended", PART["suspended_at"]),
        ({"suspensions": [], "gate_missing": True}, "suspended", ""),
        ({"suspensions": [], "stop_cell_unrecorded": ["r"]}, "suspended", ""),
    ],
)
def test_the_state_in_one_word(about: dict[str, Any], key: str, since: str, cell: Path) -> None:
    """KS-4, KS-19: a missing row and a stop that only the cell knows mean suspended; what is not known is not called open."""
    found = views.state(Seen(_data(**about), NOW, NOW), cell)
    assert (found.key, found.since) == (key, since)


def test_a_cell_that_cannot_be_read_stops(cell: Path) -> None:
    """KS-4: missing and garbled mean stop, as at the last look."""
    assert not views.state(None, cell).cell_stops
    cell.write_text("x")
    assert views.state(None, cell).cell_stops
    cell.unlink()
    assert views.state(None, cell).cell_stops


@pytest.mark.parametrize(("kinds", "exercise"), [(["drill"], True), (["drill", "crisis"], False), (["crisis"], False)])
def test_an_exercise_is_called_one_and_a_real_stop_wins(kinds: list[str], exercise: bool, cell: Path) -> None:
    """KS-20."""
    standing = [{**STANDING, "kind": kind} for kind in kinds]
    assert views.state(Seen(_data(suspensions=standing), NOW, NOW), cell).exercise is exercise


class _Run:
    """As much of an EmergencyStop as a receipt asks for."""

    def __init__(self, suspension: int | None) -> None:
        self.recorded = None if suspension is None else Recorded(suspension, 7, 0, "r", ())


def _stop(code: int | None, *, ended: bool = True, suspension: int | None = 3) -> Stop:
    made = Stop("id", Scope(), NOW - 20, committed=NOW - 19)
    made.own = _Run(suspension)  # type: ignore[assignment]  # the part that is read
    if code is not None:
        made.answer, made.answered = Answer(code, "words"), NOW - 15
    made.ended = NOW - 10 if ended else None
    return made


def _looked(began: float = NOW - 1, **about: Any) -> Seen:
    return Seen(_data(**about), began, began + 0.1)


@pytest.mark.parametrize(
    ("stop", "seen", "key", "refresh"),
    [
        (_stop(None, ended=False, suspension=None), None, "stopping", 2),
        (_stop(None, ended=False), _looked(), "draining", 2),
        (_stop(None), None, "failed", 0),
        (_stop(DONE), _looked(), "quiet", 0),
        (_stop(DONE), None, "quiet", 2),
        (_stop(DONE, ended=False), _looked(), "quiet", 2),
        (_stop(NOT_CONFIRMED), _looked(), "not_confirmed", 10),
        (_stop(NOT_CONFIRMED), _looked(quiet_confirmed=True), "quiet", 0),
        (_stop(NOT_CONFIRMED), _looked(NOW - 12, quiet_confirmed=True), "not_confirmed", 2),
        (_stop(NOT_CONFIRMED), _looked(suspended=None), "not_confirmed", 2),
        (_stop(DONE), _looked(suspensions=[]), "lifted", 0),
        (_stop(DONE), _looked(NOW - 12, suspensions=[]), "quiet", 2),
        (_stop(NOT_RECORDED, suspension=None), _looked(), "not_recorded", 0),
    ],
)
def test_a_receipt_is_never_kinder_than_what_is_known(
    stop: Stop, seen: Seen | None, key: str, refresh: int, cell: Path
) -> None:
    """KS-3, KS-13: quiet is said when the stop or a look that is newer than it says so; an older look says nothing."""
    found = views.receipt(stop, seen, cell, NOW)
    assert (found.key, found.refresh_s) == (key, refresh)


def test_what_only_the_cell_holds_is_told_as_that(cell: Path) -> None:
    """KS-4: and of a part, which no cell can hold, it is never said."""
    stop_cell.stop(cell, "r")
    assert views.receipt(_stop(NOT_RECORDED, suspension=None), None, cell, NOW).key == "not_recorded_cell"
    part = _stop(NOT_RECORDED, suspension=None)
    part.scope = Scope("channel", "parks")
    assert views.receipt(part, None, cell, NOW).key == "not_recorded"


class _Held:
    """A connection, and whether it was closed."""

    def __init__(self, *, has_asked: bool) -> None:
        self.has_asked, self.closed = has_asked, False

    def abort(self) -> None:
        self.closed = True


def test_the_idlest_goes_and_who_has_asked_stays() -> None:
    """SE-1: a connection that is being answered is closed only when all are."""
    room, held = Room(3), [_Held(has_asked=True), _Held(has_asked=False), _Held(has_asked=False)]
    for item in [*held, new := _Held(has_asked=True), last := _Held(has_asked=True), _Held(has_asked=True)]:
        room.enter(item, item)  # type: ignore[arg-type]  # the part that is asked for
    assert [item.closed for item in (*held, new, last)] == [True, True, True, False, False]
    assert len(room.open) == 3
    again = Room(2)
    for item in (first := _Held(has_asked=True), idle := _Held(has_asked=False), _Held(has_asked=False)):
        again.enter(item, item)  # type: ignore[arg-type]  # the part that is asked for
    assert (first.closed, idle.closed) == (False, True)


def test_answers_that_are_held_back_never_fill_the_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """SE-1: one more than may wait lets the oldest go at once."""
    monkeypatch.setattr(throttle, "FIRST_S", 8.0)

    async def held() -> tuple[float, int]:
        own, began = throttle.Throttle(), clock.boot_s()
        tasks = [asyncio.create_task(own.hold_back(f"192.0.2.{number}")) for number in range(throttle.MOST_WAITING + 1)]
        done, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        assert tasks[0] in done
        for task in rest:
            task.cancel()
        await asyncio.wait(rest)
        return clock.boot_s() - began, len(rest)

    took, waiting = asyncio.run(held())
    assert took < 4.0
    assert waiting == throttle.MOST_WAITING
