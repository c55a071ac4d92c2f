"""Two clocks, never mixed."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import clock
from tests.support.city import CHECKOUT


class Still:
    """A clock that stands."""

    def wall_us(self) -> int:
        return 1_000_000

    def boot_ns(self) -> int:
        return 5_000_000_000


def test_a_test_s_clock_is_read_until_its_block_ends() -> None:
    before = clock.wall_us()
    with clock.use(Still()):
        assert (clock.wall_us(), clock.boot_ns(), clock.boot_s()) == (1_000_000, 5_000_000_000, 5.0)
        assert clock.machine_wall_us() >= before
    assert clock.wall_us() >= before
    assert not clock.is_rehearsal()


def test_boot_time_is_the_kernel_s_that_counts_a_suspended_machine() -> None:
    with open("/proc/uptime", encoding="ascii") as file:  # noqa: PTH123
        up = float(file.read().split()[0])
    assert 0 <= clock.boot_s() - up < 60
    first = clock.boot_ns()
    assert clock.boot_ns() >= first


def test_this_boot_has_one_id() -> None:
    assert len(clock.boot_id()) == 36
    assert clock.boot_id() == clock.boot_id()


@given(st.integers(-(10**15), 2 * 10**15))
def test_a_moment_survives_the_way_to_a_datetime_and_back(us: int) -> None:
    assert clock.from_datetime(clock.to_datetime(us)) == us


def test_a_datetime_of_another_zone_is_the_same_moment() -> None:
    there = datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=-6)))
    assert clock.from_datetime(there) == clock.from_datetime(datetime(2026, 3, 1, 18, tzinfo=UTC))


def test_a_naive_datetime_is_refused() -> None:
    with pytest.raises(ValueError, match="2026-03-01T12:00:00 has no zone"):
        clock.from_datetime(datetime(2026, 3, 1, 12))  # noqa: DTZ001


def test_text_is_rfc_3339_in_utc_with_milliseconds() -> None:
    assert clock.to_text(0) == "1970-01-01T00:00:00.000Z"
    assert clock.to_text(1_700_000_000_123_999) == "2023-11-14T22:13:20.123Z"


def test_a_rehearsal_runs_wall_time_faster_and_boot_time_as_ever() -> None:
    now = clock.boot_ns()
    made = clock.from_environment(f"5000000@{now}x60")
    assert isinstance(made, clock.RehearsalClock)
    assert clock.from_environment(made.variable()) == made
    first, boot = made.wall_us(), made.boot_ns()
    assert 0 <= first - 5_000_000 <= (boot - now) / 1000 * 60
    with clock.use(made):
        assert clock.is_rehearsal()
        assert clock.factor() == 60.0
        assert clock.boot_ns() - boot < 60e9
    assert clock.factor() == 1.0


def test_every_process_of_a_rehearsal_reads_the_same_wall_time() -> None:
    made = clock.RehearsalClock(0, clock.boot_ns(), 10.0)
    before = made.wall_us()
    read = "from config import clock; print(clock.wall_us(), clock.is_rehearsal())"
    environ = {"PYTHONPATH": str(CHECKOUT), "PATH": os.environ["PATH"], clock.REHEARSAL_VARIABLE: made.variable()}
    ran = subprocess.run([sys.executable, "-c", read], env=environ, capture_output=True, text=True, check=True)
    told, is_rehearsal = ran.stdout.split()
    assert before <= int(told) <= made.wall_us()
    assert is_rehearsal == "True"


@pytest.mark.parametrize("text", ["", None])
def test_without_a_rehearsal_it_is_the_machine_s(text: str | None) -> None:
    assert isinstance(clock.from_environment(text), clock.SystemClock)


@pytest.mark.parametrize(
    "text", ["x", "1@2", "1@x3", "a@1x2", "1@2x", "1@2xfast", "1@2xnan", "1@2xinf", "1@2x0", "1@2x-5"]
)
def test_a_rehearsal_that_makes_no_sense_is_refused_by_its_value(text: str) -> None:
    with pytest.raises(ValueError, match="START_US@BOOT_NSxFACTOR"):
        clock.from_environment(text)
