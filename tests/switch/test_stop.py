"""The stop, with real processes: what goes out is judged by the sandbox's arrival log alone."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from config import clock
from scheduler import stop_cell
from store.engine import writing
from store.tables import Gate
from tests.support.city import CHECKOUT
from tests.support.live_city import FACEBOOK, OUTBOX, LiveCity, X, until


def test_posts_go_out_when_nothing_is_suspended(live: LiveCity) -> None:
    """The twin of every silence here: the same posts on the same channels do go out."""
    live.start_daemon()
    posts = [live.queue(channel, f"twin on {channel}", 0.3) for channel in (X, FACEBOOK, OUTBOX)]
    for number in posts:
        live.await_state(number, "published")
    assert sorted(live.texts()) == [f"twin on {FACEBOOK}", f"twin on {X}"]
    assert live.post(posts[2]).link is not None


def test_one_command_without_anything_suspends_everything(live: LiveCity) -> None:
    """KS-1: one person, one command, no prompt, no reason, no plan, no network, no daemon, no sign-in (KS-21 in part)."""
    post = live.queue(X, "never", 0.2)
    ran = live.run("crisis", "--json", stdin="")
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.startswith("SUSPENDED  everything")
    assert "QUIET CONFIRMED" in ran.stderr
    receipt = json.loads(ran.stdout)
    assert (receipt["by"], receipt["scope"], receipt["quiet_confirmed"]) == ("service account", "all", True)
    assert receipt["covered"] == 1
    live.start_daemon()
    sentinel = live.queue(OUTBOX, "also never", 0.2)
    until(lambda: clock.wall_us() > live.post(sentinel).due_at + clock.SECOND, "the time of both has passed")
    assert live.texts() == []
    assert [live.post(number).state for number in (post, sentinel)] == ["scheduled", "scheduled"]


def test_silence_after_the_commit_and_no_burst_after_the_lift(live: LiveCity) -> None:
    """KS-2, KS-8, KS-11, KS-12, KS-13, I1, I7: nothing leaves while suspended; what was missed waits for a person."""
    live.start_daemon()
    first = live.queue(X, "before", 0.1)
    live.await_state(first, "published")
    live.crisis("--reason", "tornado")
    missed = [live.queue(X, f"missed {n}", 0.1) for n in range(3)]
    later = live.queue(X, "after", 6.0)
    until(lambda: clock.wall_us() > live.post(missed[-1]).due_at + clock.SECOND, "their time has passed")
    assert live.texts() == ["before"]
    lifted = live.resume()
    assert lifted["held"] == 3
    live.await_state(later, "published")
    assert live.texts() == ["before", "after"]
    assert {live.post(number).state for number in missed} == {"held"}
    listed = live.json("post", "list", "--state", "published")
    shown = {item["id"] for item in (listed["posts"] if isinstance(listed, dict) else listed)}
    assert shown == {first, later}


def test_the_receipt_names_every_call_in_flight(live: LiveCity) -> None:
    """KS-3, I2: calls that had begun are named, with their link once they are known to be published."""
    live.sandbox.fault("delay", seconds=1.5, text="in flight")
    live.start_daemon()
    post = live.queue(X, "in flight")
    until(lambda: live.sandbox.arrivals(), "the call has arrived")
    receipt = live.crisis()
    assert [call["post"] for call in receipt["in_flight"]] == [post]
    assert receipt["in_flight"][0]["result"] == "published"
    assert receipt["in_flight"][0]["link"]
    assert receipt["unconfirmed"] == []
    assert live.texts() == ["in flight"]


def test_an_unknown_call_is_found_on_the_platform_before_quiet_is_said(live: LiveCity) -> None:
    """KS-3, I3, I5: the answer is lost, the post stands; it is found, never sent again, and never called unsent."""
    live.sandbox.fault("timeout_after", seconds=10, text="answer lost")
    live.start_daemon()
    post = live.queue(FACEBOOK, "answer lost")
    until(lambda: live.sandbox.arrivals(), "the call has arrived")
    receipt = live.crisis()
    assert [call["result"] for call in receipt["in_flight"]] == ["published"]
    assert live.post(post).state == "published"
    assert live.texts() == ["answer lost"]


def test_what_cannot_be_known_is_not_called_quiet(live: LiveCity) -> None:
    """KS-3, I2: a call that never ended anywhere stays unconfirmed (exit 10) until a person has closed it."""
    live.sandbox.fault("timeout_before", seconds=30, text="swallowed")
    daemon = live.start_daemon()
    post = live.queue(X, "swallowed")
    until(lambda: live.sandbox.arrivals(), "the call has arrived")
    daemon.end()
    receipt = live.crisis(code=10)
    assert [call["post"] for call in receipt["unconfirmed"]] == [post]
    assert not receipt["quiet_confirmed"]
    assert not receipt["complete"]
    live.json("crisis", "status", code=10)
    closed = live.run("post", "close", str(post), "--not-published", who="omar")
    assert closed.returncode == 0, closed.stderr
    assert live.json("crisis", "status")["quiet_confirmed"]
    assert live.post(post).state == "held"


@pytest.mark.parametrize("trouble", ["down", "hung", "killed"])
def test_the_stop_works_whatever_the_daemon_does(live: LiveCity, trouble: str) -> None:
    """KS-1, KS-2: with the daemon down, hung (SIGSTOP) or killed in mid-publish, the stop is recorded and told truthfully."""
    daemon = live.start_daemon()
    if trouble == "hung":
        daemon.stopped()
    elif trouble == "killed":
        live.sandbox.fault("timeout_after", seconds=20, text="mid-publish")
        live.queue(X, "mid-publish")
        until(lambda: live.sandbox.arrivals(), "the call has arrived")
        daemon.end()
    else:
        daemon.end(signal.SIGTERM)
    receipt = live.crisis()
    assert receipt["quiet_confirmed"]
    late = live.queue(X, "must not leave")
    if trouble == "hung":
        daemon.send(signal.SIGCONT)
    else:
        live.start_daemon()
    until(lambda: clock.wall_us() > live.post(late).due_at + 1.5 * clock.SECOND, "its time has passed")
    assert live.texts() == (["mid-publish"] if trouble == "killed" else [])


def test_a_missing_gate_row_means_suspended(live: LiveCity) -> None:
    """KS-4, I8: what cannot be read for certain is closed; a person opens it by a stop and a resume."""
    live.start_daemon()
    with writing(live.engine) as session:
        session.delete(session.get_one(Gate, 1))
    post = live.queue(X, "gate gone")
    until(lambda: clock.wall_us() > live.post(post).due_at + 1.5 * clock.SECOND, "its time has passed")
    assert live.texts() == []
    assert live.json("crisis", "status", code=10)["gate_missing"]
    live.crisis()
    assert live.resume()["held"] == 1
    assert live.run("post", "release", str(post), who="omar").returncode == 0
    live.await_state(post, "published")
    assert live.texts() == ["gate gone"]


def test_it_survives_a_restart_and_a_killed_daemon(live: LiveCity) -> None:
    """KS-5, KS-6: no restart lifts it, and time does not either."""
    live.start_daemon().end()
    live.crisis()
    for number in (signal.SIGTERM, signal.SIGKILL):
        daemon = live.start_daemon()
        post = live.queue(X, f"after {number.name}")
        until(lambda p=post: clock.wall_us() > live.post(p).due_at + clock.SECOND, "its time has passed")
        daemon.end(number)
    assert live.texts() == []
    assert live.json("crisis", "status")["suspended"]


def test_overlapping_suspensions_are_lifted_one_by_one(live: LiveCity) -> None:
    """KS-7: a post is held while any active suspension covers it; declaring again adds to the record."""
    live.start_daemon()
    one = live.crisis("--scope", f"channel:{X}")
    two = live.crisis()
    three = live.crisis()
    assert one["suspension"] < two["suspension"] < three["suspension"]
    assert one["epoch"] < two["epoch"] < three["epoch"]
    assert live.run("resume", "--reason", "which?", who="omar").returncode == 1
    for number in (two, three):
        live.resume("--suspension", str(number["suspension"]))
    free = live.queue(FACEBOOK, "not covered", 0.2)
    covered = live.queue(X, "still covered", 0.2)
    live.await_state(free, "published")
    until(lambda: clock.wall_us() > live.post(covered).due_at + clock.SECOND, "its time has passed")
    assert live.texts() == ["not covered"]
    assert live.resume()["held"] == 1


def test_a_part_can_be_stopped_while_the_rest_goes_on(live: LiveCity) -> None:
    """KS-7: a channel or a group is silent, the others publish; the fence lets the uncovered go again."""
    live.start_daemon()
    live.crisis("--scope", "group:outdoors")
    covered, free = live.queue(X, "covered", 0.2), live.queue(FACEBOOK, "free", 0.2)
    live.await_state(free, "published")
    until(lambda: clock.wall_us() > live.post(covered).due_at + clock.SECOND, "its time has passed")
    assert live.texts() == ["free"]
    live.resume()
    live.await_state(covered, "held")


def test_a_scope_that_does_not_exist_suspends_nothing_and_says_so(live: LiveCity) -> None:
    """KS-1: exit code 2, and the message ends NOTHING IS SUSPENDED."""
    for scope in ("channel:nowhere", "group:none", "everything"):
        ran = live.run("crisis", "--scope", scope, who="dora")
        assert ran.returncode == 2
        assert ran.stderr.strip().endswith("NOTHING IS SUSPENDED")
    assert not live.json("crisis", "status")["suspended"]


def test_the_recall_list_shows_what_was_published_before_the_stop(live: LiveCity) -> None:
    """KS-15 (as far as it exists): what went out in the last hour stands in the receipt with its link."""
    live.start_daemon()
    post = live.queue(X, "an hour ago at most")
    live.await_state(post, "published")
    receipt = live.crisis()
    assert [(item["post"], bool(item["link"])) for item in receipt["published_recently"]] == [(post, True)]


def test_status_says_what_since_when_by_whom_and_why(live: LiveCity) -> None:
    """KS-19: `crisis status --json` carries scope, time, person, reason, held, unconfirmed and the last drill."""
    assert live.json("crisis", "status")["suspended"] is False
    live.crisis("--reason", "tornado on the ground")
    status = live.json("crisis", "status")
    told = status["suspensions"][0]
    assert (told["scope"], told["by"], told["reason"]) == ("all", "dora", "tornado on the ground")
    assert told["suspended_at"].endswith("Z")
    assert {"held", "unconfirmed", "last_drill"} <= status.keys()


def test_a_recurring_series_neither_backfills_nor_sends_two_at_once(live: LiveCity) -> None:
    """KS-17: occurrences missed during a stop are held one by one, and only the next one goes out by itself."""
    live.start_daemon()
    live.crisis()
    series = {"file": "market.yaml", "entry": "market"}
    missed = [live.queue(X, f"market {n}", 0.1, source_key=f"market.yaml#market@{n}|{X}", **series) for n in range(3)]
    upcoming = live.queue(X, "market 3", 5.0, source_key=f"market.yaml#market@3|{X}", **series)
    until(lambda: clock.wall_us() > live.post(missed[-1]).due_at + clock.SECOND, "their time has passed")
    live.resume()
    live.await_state(upcoming, "published")
    assert live.texts() == ["market 3"]
    assert {live.post(number).state for number in missed} == {"held"}


NO_SUCH_STORE = {
    "a name that no resolver takes": "postgresql+psycopg://standfast@db..city.example/standfast",
    "a driver that does not load": "postgresql+psycopg://standfast@127.0.0.1:9/standfast",
    "a file that cannot be": "sqlite:////" + "x/" * 3000 + "standfast.db",
}


@pytest.mark.parametrize("trouble", NO_SUCH_STORE)
@pytest.mark.parametrize("who", ["dora", None])
def test_a_store_that_cannot_even_be_asked_for_keeps_nobody_from_stopping_this_host(
    live: LiveCity, tmp_path: Path, trouble: str, who: str | None
) -> None:
    """KS-1, KS-4: the cell comes first, whatever keeps the store from answering."""
    live.start_daemon()
    live.await_state(live.queue(X, "before", 0.1), "published")
    broken = tmp_path / "broken" / "psycopg"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('no pq wrapper available:\\nlibpq is gone')\n")
    path = f"{broken.parent}:{CHECKOUT}" if "driver" in trouble else str(CHECKOUT)
    ran = live.run("crisis", who=who, PYTHONPATH=path, STANDFAST_DATABASE_URL=NO_SUCH_STORE[trouble])
    assert (ran.returncode, "this host" in ran.stderr) == (20, True), ran.stderr
    assert ran.stderr.startswith("NOT RECORDED")
    asked = live.run("crisis", "status", PYTHONPATH=path, STANDFAST_DATABASE_URL=NO_SUCH_STORE[trouble])
    assert (asked.returncode, asked.stdout.splitlines()[0].partition("  ")[0]) == (10, "NOT READABLE")
    missed = live.queue(X, "never", 0.1)
    until(lambda: clock.wall_us() > live.post(missed).due_at + clock.SECOND, "its time has passed")
    assert live.texts() == ["before"]
    until(lambda: not stop_cell.read(live.city.data_dir / "stop.cell").stops, "the daemon has recorded the stop")
    assert [item["scope"] for item in live.json("crisis", "status")["suspensions"]] == ["all"]
