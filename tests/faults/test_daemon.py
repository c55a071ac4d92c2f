"""A second daemon, and the end of the first: nothing is lost, and nothing goes out twice."""

from __future__ import annotations

import signal

from tests.support.live_city import LiveCity, X, until


def test_a_second_daemon_is_refused_by_name_and_the_first_goes_on(live: LiveCity) -> None:
    """One daemon per store on a host: the second names the first's process, ends with 1, and changes nothing."""
    first = live.start_daemon()
    second = live.start_daemon(ready=False)
    assert second.process.wait(timeout=30) == 1
    assert len(second.lines) == 1
    assert f"process {first.process.pid} " in second.lines[0]
    assert "stop it first" in second.lines[0]
    post = live.queue(X, "still there")
    live.await_state(post, "published")
    assert live.texts() == ["still there"]


def test_a_graceful_stop_waits_for_the_call_and_records_it(live: LiveCity) -> None:
    """SIGTERM during a slow call: the call ends and is recorded, nothing new begins, and a new daemon goes on."""
    live.sandbox.fault("delay", seconds=1.5, text="slow")
    daemon = live.start_daemon()
    slow = live.queue(X, "slow")
    after = live.queue(X, "after")
    until(lambda: live.sandbox.arrivals(), "the call has arrived")
    assert daemon.end(signal.SIGTERM) == 0
    assert live.post(slow).state == "published"
    assert live.post(after).state == "scheduled"
    assert [attempt.state for attempt in live.attempts(slow)] == ["published"]
    assert live.texts() == ["slow"]
    live.start_daemon()
    live.await_state(after, "published")
    assert live.texts() == ["slow", "after"]


def test_a_second_sigterm_does_not_cut_the_call(live: LiveCity) -> None:
    """Whoever presses twice does not turn a known outcome into an unknown one."""
    live.sandbox.fault("delay", seconds=1.5, text="slow")
    daemon = live.start_daemon()
    slow = live.queue(X, "slow")
    until(lambda: live.sandbox.arrivals(), "the call has arrived")
    daemon.send(signal.SIGTERM)
    assert daemon.end(signal.SIGTERM) == 0
    assert live.post(slow).state == "published"


def test_a_daemon_that_was_killed_leaves_a_lock_that_the_next_one_takes(live: LiveCity) -> None:
    """The lock is the kernel's: a dead daemon's does not stand in the way."""
    killed = live.start_daemon()
    killed.end(signal.SIGKILL)
    assert killed.process.poll() == -signal.SIGKILL
    live.start_daemon()
    post = live.queue(X, "taken over")
    live.await_state(post, "published")
    assert live.texts() == ["taken over"]
