"""Somebody sets the clock while the daemon runs: nothing goes out early, twice or as a burst, until a person confirms.

The daemon and the commands are processes of their own under libfaketime; what went out is the sandbox's log, on true time.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import pytest

from config import clock
from tests.faults import places
from tests.support.live_city import FACEBOOK, X, until
from tests.time import faked as faking
from tests.time.faked import Faked
from tests.time.zone import everything

HOUR, DAY = 3600, 86400
READINGS = "import time; print(time.time(), time.clock_gettime(time.CLOCK_BOOTTIME), time.monotonic())"


def to_year(year: int, month: int = 1, day: int = 2) -> int:
    """How many seconds the clock must be moved to show that day."""
    return int(datetime(year, month, day, tzinfo=UTC).timestamp()) - clock.wall_us() // clock.SECOND


JUMPS = {
    "an hour ahead": lambda: HOUR,
    "an hour back": lambda: -HOUR,
    "a day ahead": lambda: DAY,
    "a day back": lambda: -DAY,
    "to 1970": lambda: to_year(1970),
    "to 2038": lambda: to_year(2038, 1, 19),
    "to 2107": lambda: to_year(2107),
}
"""2038-01-19 ends a signed, 2106 an unsigned count of seconds in 32 bits."""


@pytest.fixture(params=["sqlite", "postgresql"] if everything() else ["sqlite"])
def faked(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Faked]:
    """The city with its clock, daemon not started."""
    url = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    with faking.faked(places.city_at(tmp_path, url, monkeypatch)) as made:
        yield made


def silent(faked: Faked, post: int, sent: list[str], for_s: float = 1.5) -> None:
    """What is due stays where it is: its time has passed by more than the engine's longest wait."""
    due = faked.live.post(post).due_at
    until(lambda: faked.now_us() > due, "its time has come", 60)
    Event().wait(for_s)  # nothing to wait for: nothing may happen
    assert faked.live.texts() == sent
    assert faked.live.post(post).state == "scheduled"


def test_wall_time_alone_is_faked(tmp_path: Path) -> None:
    """Else the deadlines, which live by boot time, would jump too, and the alarm compare two faked clocks."""
    faking.lay_down(tmp_path / "clock", DAY)
    environ = {**os.environ, **faking.environment(tmp_path / "clock")}
    ran = subprocess.run([sys.executable, "-c", READINGS], env=environ, capture_output=True, text=True, check=True)
    wall, boot, monotonic = map(float, ran.stdout.split())
    true_wall, true_boot, true_monotonic = map(float, _true_readings())
    assert DAY - 60 < wall - true_wall < DAY + 60
    assert abs(boot - true_boot) < 60
    assert abs(monotonic - true_monotonic) < 60


def _true_readings() -> list[str]:
    return subprocess.run([sys.executable, "-c", READINGS], capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.parametrize("jump", JUMPS)
def test_a_jump_stops_the_claims_until_a_person_confirms(faked: Faked, jump: str) -> None:
    """KS-5, I7: an alarm stands; confirmed, the missed wait for a person, and what is due goes out once, at its time."""
    seconds, live = JUMPS[jump](), faked.live
    live.start_daemon()
    live.await_state(faked.queue(X, "before the jump"), "published", within_s=60)
    missed = [faked.queue(X, f"missed {number}", seconds / 2 + number) for number in range(3 if seconds > 0 else 0)]
    later = faked.queue(X, "an hour later", max(seconds, 0) + HOUR)
    faked.set_ahead(seconds)
    faked.await_alarm()
    due = [faked.queue(channel, f"due on {channel}", 0.5) for channel in (X, FACEBOOK)]
    silent(faked, due[1], ["before the jump"])
    assert live.json("crisis", "status")["alarms"]
    doctor = live.run("doctor")
    assert doctor.returncode == 1
    assert "nothing is claimed until `standfast doctor --confirm-clock`" in doctor.stdout
    faked.confirm()
    for number in due:
        live.await_state(number, "published", within_s=60)
    for number in missed:
        assert "late by" in str(live.await_state(number, "held", within_s=60).hold_reason)
    live.await_state(faked.queue(X, "after it"), "published", within_s=60)
    assert live.post(later).state == "scheduled"
    assert live.texts()[0] == "before the jump"
    assert sorted(live.texts()[1:]) == ["after it", f"due on {FACEBOOK}", f"due on {X}"]


def test_a_small_step_stops_nothing(faked: Faked) -> None:
    """The twin: what a time server may do in one go (`clock_jump`) is no alarm, and what is due by it goes out."""
    live = faked.live
    live.start_daemon()
    post = faked.queue(X, "due by the step", 20)
    faked.set_ahead(25)
    live.await_state(post, "published", within_s=60)
    faked.set_ahead(5)
    live.await_state(faked.queue(X, "after the step back"), "published", within_s=60)
    assert faked.alarms() == []
    assert live.texts() == ["due by the step", "after the step back"]


def test_a_suspension_outlives_every_jump(faked: Faked) -> None:
    """I6, KS-5, KS-11: only a resume lifts it, wherever the clock went meanwhile; what was covered then waits for a person."""
    live = faked.live
    live.start_daemon()
    live.await_state(faked.queue(X, "before the stop"), "published", within_s=60)
    live.crisis()
    covered = []
    for seconds in (DAY, -DAY, 0):
        covered.append(faked.queue(X, f"covered, before the clock was {seconds:+} s ahead", 1))
        faked.set_ahead(seconds)
        faked.await_alarm()
        faked.confirm()
        covered.append(faked.queue(X, f"covered, when it was {seconds:+} s ahead", 0.2))
        silent(faked, covered[-1], ["before the stop"])
        assert live.json("crisis", "status")["suspended"] is True
    past = [number for number in covered if live.post(number).due_at <= faked.now_us()]
    assert len(past) >= 4
    live.resume()
    assert {live.post(number).state for number in past} == {"held"}
    live.await_state(faked.queue(X, "after the resume"), "published", within_s=60)
    assert live.texts() == ["before the stop", "after the resume"]


def test_a_resume_under_a_clock_that_is_behind_lets_nothing_missed_out(faked: Faked) -> None:
    """I7, KS-10, KS-11: a code from before the jump is void; the lift knows the later time; set right, nothing bursts."""
    live = faked.live
    live.start_daemon()
    live.crisis()
    missed = [faked.queue(channel, f"missed on {channel}", 0.2) for channel in (X, FACEBOOK)]
    silent(faked, missed[1], [])
    code = live.json("resume", "--reason", "clear", who="omar")["code"]
    faked.set_ahead(-HOUR)
    faked.await_alarm()
    ran = live.run("resume", "--reason", "clear", "--confirm", code, who="omar")
    assert ran.returncode == 1
    assert "has expired" in ran.stderr
    assert live.json("crisis", "status", code=0)["suspended"] is True
    assert live.resume()["held"] == 2
    faked.confirm()
    live.await_state(faked.queue(X, "after the resume"), "published", within_s=60)
    faked.set_ahead(0)
    faked.await_alarm()
    faked.confirm()
    live.await_state(faked.queue(FACEBOOK, "set right"), "published", within_s=60)
    assert {live.post(number).state for number in missed} == {"held"}
    assert live.texts() == ["after the resume", "set right"]


def test_a_daemon_that_died_in_the_future_leaves_no_trace_of_it(faked: Faked) -> None:
    """KS-5: at the right time again it waits for a person once, not at every start; a lift holds only what was missed."""
    live = faked.live
    faked.set_ahead(DAY)
    ahead = live.start_daemon()
    live.await_state(faked.queue(X, "a day ahead"), "published", within_s=60)
    ahead.end(signal.SIGKILL)
    faked.set_ahead(0)
    daemon = live.start_daemon()
    assert any("NOTHING IS CLAIMED" in line for line in daemon.lines)
    post = faked.queue(X, "at the right time")
    silent(faked, post, ["a day ahead"])
    faked.confirm()
    live.await_state(post, "published", within_s=60)
    daemon.end(signal.SIGTERM)
    daemon = live.start_daemon()
    assert not any("NOTHING IS CLAIMED" in line for line in daemon.lines)
    live.crisis()
    tonight = faked.queue(X, "tonight", HOUR)
    assert live.resume()["held"] == 0
    assert live.post(tonight).state == "scheduled"
    live.await_state(faked.queue(X, "goes on"), "published", within_s=60)
    assert live.texts() == ["a day ahead", "at the right time", "goes on"]
