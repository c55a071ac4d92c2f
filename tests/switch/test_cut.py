"""The harder stop with real processes: the sandbox's own word for the tokens, and its arrival log for the silence."""

from __future__ import annotations

import json

from scheduler import liveness
from tests.support.live_city import FACEBOOK, LiveCity, X


def test_a_cut_ends_the_senders_keeps_evidence_and_revokes_the_tokens(live: LiveCity) -> None:
    """SE-5: after it even a sender that never heard of the stop is turned away by the platform."""
    daemon = live.start_daemon()
    before = live.queue(X, "before the cut", 0.1)
    live.await_state(before, "published")
    ran = live.run("crisis", "--kind", "compromise", "--cut", "--json", who="dora")
    assert ran.returncode == 0, ran.stderr
    lines = ran.stderr.splitlines()
    assert lines[0].startswith("SUSPENDED  everything")
    assert any(line.startswith(f"CUT  ended process {daemon.process.pid} (daemon)") for line in lines)
    daemon.process.wait(10)
    tokens = {item["channel"]: item["token"] for item in json.loads(ran.stdout)["channels"]}
    assert "not trusted to be dead before" in tokens[X]
    assert "app_secret" in tokens[FACEBOOK]
    kept = json.loads((live.city.data_dir / "evidence" / "suspension-1" / f"{X}.json").read_text(encoding="utf-8"))
    assert [post["text"] for post in kept["posts"]] == ["before the cut"]
    assert live.run("channel", "test", X, who="stew").returncode == 1
    assert live.run("channel", "test", FACEBOOK, who="stew").returncode == 0


def test_a_compromise_without_a_cut_keeps_the_tokens(live: LiveCity) -> None:
    """The twin: the same stop, and the platform still knows the account."""
    daemon = live.start_daemon()
    ran = live.run("crisis", "--kind", "compromise", "--json", who="dora")
    assert ran.returncode == 0, ran.stderr
    assert "the tokens are still good" in ran.stderr
    assert daemon.process.poll() is None
    assert live.run("channel", "test", X, who="stew").returncode == 0
    assert (live.city.data_dir / "evidence" / "suspension-1" / f"{X}.json").exists()


def test_a_cut_is_for_a_stop_that_is_meant(live: LiveCity) -> None:
    ran = live.run("crisis", "--kind", "planned", "--starts", "2030-01-01 08:00", "--cut", who="dora")
    assert (ran.returncode, ran.stderr) == (
        2,
        "standfast: --cut belongs to a stop that is meant, now: not to --kind planned; NOTHING IS SUSPENDED\n",
    )
    assert liveness.known(live.city.data_dir / "workers") == []
