"""Alerts with real processes: what goes out is judged by the sandbox's arrival log alone."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from config import clock
from crisis.alerts import feed_source
from tests.crisis.alerts import server
from tests.crisis.alerts.build import alert, info, reference
from tests.support.live_city import LiveCity, X, until

RULES = Path(__file__).parents[1] / "crisis" / "alerts" / "whitelist.toml"
HOUR_US = 3600 * clock.SECOND


def _text(at_us: int) -> str:
    return f"{clock.to_text(at_us)[:19]}-00:00"


def _warning(name: str = "A1", **said: str) -> bytes:
    """A tornado warning of a minute ago, for an hour."""
    now = clock.wall_us()
    return alert(info(expires=_text(now + HOUR_US)), **{"name": name, "sent": _text(now - 60 * clock.SECOND), **said})


def _set_up(live: LiveCity) -> Path:
    """The folder in which alerts are put."""
    (live.city.root / "alerts.toml").write_text(RULES.read_text(encoding="utf-8"), encoding="utf-8")
    folder = live.city.root / "in"
    folder.mkdir()
    live.city.set(alerts="alerts.toml", alerts_folder="in")
    return folder


def _put(folder: Path, data: bytes, name: str = "a.xml") -> None:
    """As a receiver does: written under another name, then renamed."""
    (folder / ".new").write_bytes(data)
    (folder / ".new").rename(folder / name)


def test_a_due_post_does_not_go_out_after_an_alert_has_held(live: LiveCity) -> None:
    """KS-24: from a file in the folder to silence, with no person; and a cancel lets nothing out."""
    folder = _set_up(live)
    daemon = live.start_daemon()
    live.await_state(live.queue(X, "before"), "published")
    warning = _warning()
    _put(folder, warning)
    held = until(lambda: [row for row in live.json("alert", "list", who="dora") if row["outcome"] == "held"], "held")
    sent = held[0]["sent_at"][:19] + "-00:00"
    post = live.queue(X, "never", 0.2)
    cancel = alert(name="C1", kind="Cancel", references=reference("A1", sent=sent), sent=_text(clock.wall_us()))
    _put(folder, cancel, "c.xml")
    until(lambda: len(live.json("alert", "list", who="dora")) == 2, "the cancel is read")
    until(lambda: clock.wall_us() > live.post(post).due_at + clock.SECOND, "its time has passed")
    assert (live.texts(), live.post(post).state) == (["before"], "scheduled")
    status = live.json("crisis", "status")
    assert [(item["by"], item["scope"]) for item in status["suspensions"]] == [("alert", "all")]
    until(lambda: any("QUIET CONFIRMED" in line for line in daemon.lines), "the daemon has waited for quiet, too")
    assert live.resume()["held"] == 1
    live.await_state(live.queue(X, "after", 0.2), "published")
    assert live.texts() == ["before", "after"]
    assert (folder / "a.xml").read_bytes() == warning


@pytest.mark.parametrize("said", [{"status": "Exercise"}, {"sender": "nobody@a.example"}])
def test_a_due_post_goes_out_after_an_alert_that_may_not_hold(live: LiveCity, said: dict[str, str]) -> None:
    """KS-24: the twin: the same alert as an exercise, or from somebody who is not on the whitelist."""
    folder = _set_up(live)
    live.start_daemon()
    _put(folder, _warning(**said))
    until(lambda: live.json("alert", "list", "--all", who="dora"), "the alert is read")
    live.await_state(live.queue(X, "goes out", 0.2), "published")
    assert live.texts() == ["goes out"]
    assert not live.json("crisis", "status")["suspended"]


def test_a_feed_that_hangs_delays_no_post_and_no_hold(live: LiveCity) -> None:
    """KS-24: the feed's host takes the request and is silent; posts go out on time, and the folder's alert holds."""
    folder = _set_up(live)
    with server.web() as web:
        live.city.set(alerts_feed=web.hangs("/feed"), alerts_hosts="127.0.0.1")
        daemon = live.start_daemon()
        until(lambda: web.paths, "the feed is asked")
        post = live.queue(X, "on time", 0.5)
        found = live.await_state(post, "published")
        (attempt,) = live.attempts(post)
        assert (attempt.sending_at or 0) - found.due_at < feed_source.FEED_S / 2 * clock.SECOND
        _put(folder, _warning())
        until(lambda: live.json("alert", "list", who="dora")[-1:] and _held(live), "held")
        assert web.paths == ["/feed"]
        assert daemon.end(signal.SIGTERM) == 0


def _held(live: LiveCity) -> bool:
    return bool(live.json("alert", "list", who="dora")[-1]["outcome"] == "held")


def test_many_processes_that_read_one_alert_keep_and_hold_it_once(live: LiveCity) -> None:
    """KS-24: two daemons' hosts cannot be had here; processes that share nothing but the store stand for them."""
    (live.city.root / "alerts.toml").write_text(RULES.read_text(encoding="utf-8"), encoding="utf-8")
    live.city.set(alerts="alerts.toml")
    warning = _warning()
    for number in range(4):  # in other bytes, the same alert
        (live.city.root / f"{number}.xml").write_bytes(warning.replace(b"\n", b"\n" + b" " * number))
    command = [live.city.command("alert", "read", f"{number}.xml", "--json") for number in range(4)]
    environ = {**live.city.environ, "STANDFAST_TOKEN": live.tokens["dora"]}
    running = [
        subprocess.Popen(line, cwd=live.city.root, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for line in command
    ]
    ended = [(process.communicate(timeout=60), process.returncode) for process in running]
    assert [code for _, code in ended] == [0] * 4, ended
    assert len(live.json("alert", "list", "--all", who="dora")) == 1
    assert len(live.json("crisis", "status")["suspensions"]) == 1
    assert live.json("records", "list", "--action", "alert.hold")[-1]["detail"]["suspensions"] == [1]
    assert live.json("records", "verify")["ok"]
