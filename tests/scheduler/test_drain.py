"""Waiting for quiet: never a moment less, and time that runs out is not quiet."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from config import clock
from scheduler import drain, killswitch, settling, switch
from scheduler.switch import SwitchUnavailable
from store.tables import Attempt, Suspension
from tests.scheduler.press import ManualClock, Press


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> list[frozenset[int]]:
    """What the platforms were asked about; nothing is found unless a test says so."""
    asked: list[frozenset[int]] = []

    def settle(_essential: Any, attempts: frozenset[int], _until: float) -> dict[int, str]:
        asked.append(attempts)
        return {}

    monkeypatch.setattr(settling, "settle", settle)
    return asked


def _drain(press: Press, *numbers: int, limit_s: float = 0.0) -> tuple[bool, list[str]]:
    warnings: list[str] = []
    with press.switched() as own:
        return drain.until_quiet(own, press.essential, numbers, limit_s, warnings.append), warnings


def test_without_calls_it_is_quiet_at_once_and_noted(press: Press, settled: list[frozenset[int]]) -> None:
    number = press.suspend().suspension
    assert _drain(press, number) == (True, [])
    at = press.row(Suspension, number).quiet_at
    assert at is not None
    assert _drain(press, number) == (True, [])
    assert press.row(Suspension, number).quiet_at == at
    assert settled == []


@pytest.mark.parametrize("state", ["sending", "unknown"])
def test_time_that_runs_out_is_not_quiet(press: Press, state: str) -> None:
    """KS-3, I2: "drain time-out counted as quiet" and "quiet ignores unknown" both fall here."""
    press.attempt(press.queue(state="publishing"), state)
    number = press.suspend().suspension
    assert _drain(press, number)[0] is False
    assert press.row(Suspension, number).quiet_at is None


def test_a_call_elsewhere_is_not_waited_for(press: Press) -> None:
    press.attempt(press.queue("police", state="publishing"), "sending")
    number = press.suspend("group:outdoors").suspension
    assert _drain(press, number)[0] is True


def test_it_waits_until_the_last_call_of_all_has_ended(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    attempts = [press.attempt(press.queue(name, state="publishing"), "sending") for name in ("parks", "police")]
    one, two = press.suspend("channel:parks").suspension, press.suspend().suspension
    looked = threading.Semaphore(0)
    real = drain._waiting

    def looking(*arguments: Any) -> Any:
        looked.release()
        return real(*arguments)

    monkeypatch.setattr(drain, "_waiting", looking)
    ends: list[bool] = []
    waiting = threading.Thread(target=lambda: ends.append(_drain(press, one, two, limit_s=30)[0]))
    waiting.start()
    for attempt in attempts:
        for _ in range(2):
            assert looked.acquire(timeout=20)
        assert ends == []
        press.change(Attempt, attempt, state="published")
    waiting.join(20)
    assert ends == [True]
    assert None not in (press.row(Suspension, one).quiet_at, press.row(Suspension, two).quiet_at)


WORKERS: dict[str, tuple[Callable[[Press], str], bool]] = {
    "alive": (lambda press: press.process.id, False),
    "dead": (lambda press: press.worker(boot_id="before"), True),
    "on another host": (lambda press: press.worker(host="elsewhere"), False),
    "nobody's": (lambda press: "never seen", False),
}


@pytest.mark.parametrize("who", WORKERS)
def test_the_platform_is_asked_only_for_what_will_not_settle_by_itself(
    press: Press, settled: list[frozenset[int]], who: str
) -> None:
    make, helpless = WORKERS[who]
    attempt = press.attempt(press.queue(state="publishing"), "sending", make(press))
    number = press.suspend().suspension
    _drain(press, number, limit_s=1)
    assert settled == ([frozenset({attempt})] if helpless else [])


def test_what_the_platform_shows_makes_it_quiet(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt = press.attempt(press.queue(state="unknown"), "unknown")
    monkeypatch.setattr(settling, "settle", lambda *_a: press.change(Attempt, attempt, state="published"))
    assert _drain(press, press.suspend().suspension, limit_s=20)[0] is True


def test_a_platform_that_cannot_be_asked_is_a_warning(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stop stands whatever goes wrong after it."""

    def fails(*_arguments: Any) -> Any:
        raise RuntimeError("no connector")

    monkeypatch.setattr(settling, "settle", fails)
    press.attempt(press.queue(state="unknown"), "unknown")
    quiet, warnings = _drain(press, press.suspend().suspension, limit_s=1)
    assert quiet is False
    assert warnings == ["could not ask the platform: RuntimeError: no connector"]


def test_quiet_that_cannot_be_noted_is_quiet_all_the_same(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    number = press.suspend().suspension

    def full(*_arguments: Any, **_named: Any) -> Any:
        raise SwitchUnavailable("disk is full")

    monkeypatch.setattr(switch, "exclusive", full)
    assert _drain(press, number)[0] is True


def test_wall_time_has_no_say_in_how_long_it_waits(
    hands: ManualClock, press: Press, settled: list[frozenset[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    press.attempt(press.queue(state="unknown"), "unknown")
    number = press.suspend().suspension
    hands.jump(86400)
    real = drain._waiting

    def looking(*arguments: Any) -> Any:
        hands.pass_s(1)
        return real(*arguments)

    monkeypatch.setattr(drain, "_waiting", looking)
    start = clock.boot_s()
    assert _drain(press, number, limit_s=10)[0] is False
    assert clock.boot_s() - start == pytest.approx(10, abs=0.1)
    assert len(settled) == 5


def test_it_asks_the_ledger_of_every_suspension(press: Press) -> None:
    one = press.suspend("channel:police").suspension
    press.attempt(press.queue(state="publishing"), "sending")
    two = press.suspend().suspension
    assert _drain(press, one)[0] is True
    assert _drain(press, one, two)[0] is False
    assert press.ask(killswitch.unconfirmed, one) == []
