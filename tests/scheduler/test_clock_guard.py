"""A jump of wall time stops claims until a person has confirmed it."""

from __future__ import annotations

import pytest

from config import clock
from governance.authority import Identity
from scheduler import clock_guard, post_queue
from scheduler.clock_guard import ClockGuard
from store.engine import reading, writing
from store.tables import Alarm, LogEntry
from tests.scheduler.press import ManualClock, Press

HOUR, DAY = 3600, 86400


def _alarmed(press: Press) -> bool:
    with reading(press.engine) as session:
        return post_queue.has_open_alarm(session)


@pytest.mark.parametrize("jump", [HOUR, -HOUR, DAY, -DAY, 31, -31])
def test_a_jump_is_an_alarm_until_confirmed(hands: ManualClock, press: Press, jump: int) -> None:
    guard = ClockGuard(30)
    hands.pass_s(1000)
    hands.jump(jump)
    assert guard.jumped_s() == pytest.approx(jump, abs=0.01)
    assert guard.watch(press.engine)
    assert not guard.watch(press.engine)
    assert f"{jump:+d} s" in press.row(Alarm, 1).detail
    assert _alarmed(press)
    number = press.queue()
    assert press.publisher.publish_post(number) == "not_claimed"
    with writing(press.engine) as session:
        assert clock_guard.confirm(session, "omar") == 1
    with writing(press.engine) as session:
        assert clock_guard.confirm(session, "omar") == 0
    assert not _alarmed(press)
    assert [entry.actor for entry in press.log("confirm_clock")] == ["omar"]
    press.publisher.place.clock_guard.anchor()
    assert press.publisher.publish_post(number) == "published"


@pytest.mark.parametrize("jump", [0, 30, -30])
def test_what_is_within_the_limit_is_let_pass(hands: ManualClock, sqlite_press: Press, jump: int) -> None:
    guard = ClockGuard(30)
    hands.pass_s(7 * DAY)
    hands.jump(jump)
    assert guard.jumped_s() is None
    assert not guard.watch(sqlite_press.engine)
    assert not _alarmed(sqlite_press)


def test_a_machine_that_slept_has_not_jumped(hands: ManualClock) -> None:
    """CLOCK_BOOTTIME counts a suspended machine."""
    guard = ClockGuard(30)
    hands.pass_s(3 * DAY)
    assert guard.jumped_s() is None


def test_jumps_there_and_back_are_two_alarms(hands: ManualClock, sqlite_press: Press) -> None:
    guard = ClockGuard(30)
    for jump in (HOUR, -HOUR):
        hands.jump(jump)
        assert guard.watch(sqlite_press.engine)
    assert {entry.subject for entry in sqlite_press.log("alarm")} == {clock_guard.CLOCK}
    with writing(sqlite_press.engine) as session:
        assert clock_guard.confirm(session, Identity("omar", "Omar", "token").person) == 2


@pytest.mark.parametrize(("behind", "alarm"), [(DAY, True), (HOUR, True), (29, False), (-DAY, False)])
def test_a_start_before_the_newest_record_is_an_alarm(
    hands: ManualClock, sqlite_press: Press, behind: int, alarm: bool
) -> None:
    sqlite_press.queue()
    clock_guard.raise_alarm(sqlite_press.engine, "something to remember")
    newest = max(entry.at for entry in sqlite_press.log("alarm"))
    assert newest == clock.wall_us()
    hands.jump(-behind)
    found = clock_guard.check_start(sqlite_press.engine, 30)
    assert (found is not None) == alarm
    assert len(sqlite_press.log("alarm")) == 1 + alarm


def test_a_store_without_records_has_nothing_to_compare(hands: ManualClock, sqlite_press: Press) -> None:
    with writing(sqlite_press.engine) as session:
        session.connection().exec_driver_sql(f"DELETE FROM {LogEntry.__tablename__}")
    assert clock_guard.check_start(sqlite_press.engine, 30) is None


class StoppedBetween(ManualClock):
    """A process that is stopped for `stop_s` seconds right after its next reading, whichever that is, once."""

    stop_s = 0.0

    def wall_us(self) -> int:
        return self._then_stop(self.wall)

    def boot_ns(self) -> int:
        return self._then_stop(self.boot)

    def _then_stop(self, read: int) -> int:
        held, self.stop_s = self.stop_s, 0.0
        self.pass_s(held)
        return read


def test_a_process_stopped_between_its_two_readings_has_not_seen_a_jump() -> None:
    """SIGSTOP for a minute: both clocks go on, and no alarm may keep a city from publishing for that."""
    hands = StoppedBetween()
    with clock.use(hands):
        hands.stop_s = 60
        guard = ClockGuard(30)
        assert guard.jumped_s() is None
        hands.stop_s = 60
        assert guard.jumped_s() is None
        hands.jump(60)
        assert guard.jumped_s() == pytest.approx(60, abs=0.01)
