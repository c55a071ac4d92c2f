"""Exercises with real processes: a live one silences like a real stop, a simulated one does not, and a real stop wins."""

from __future__ import annotations

from config import clock, essentials
from scheduler import stop_cell
from tests.support.live_city import OUTBOX, LiveCity, X, until


def _passed(live: LiveCity, post: int) -> None:
    until(lambda: clock.wall_us() > live.post(post).due_at + clock.SECOND, "its time has passed")


def test_a_live_drill_holds_until_it_is_lifted_and_then_nothing_bursts(live: LiveCity) -> None:
    """KS-20, KS-19: measured, shown as the last one passed; what came due meanwhile waits for a person."""
    live.start_daemon()
    before = live.queue(X, "before the drill", 0.1)
    live.await_state(before, "published")
    told = live.json("crisis", "drill", "--live", who="dora")
    assert (told["kind"], told["quiet_confirmed"]) == ("drill", True)
    assert 0 < told["suspended_s"] <= told["quiet_s"]
    during = live.queue(X, "during the drill", 0.2)
    _passed(live, during)
    assert live.texts() == ["before the drill"]
    assert live.json("crisis", "status")["exercise"] is True
    assert live.resume()["held"] == 1
    after = live.queue(X, "after the drill", 0.2)
    live.await_state(after, "published")
    assert live.texts() == ["before the drill", "after the drill"]
    assert live.post(during).state == "held"
    status = live.json("crisis", "status")
    assert (status["suspended"], status["last_drill"]["drill"], status["last_drill"]["mode"]) == (
        False,
        told["drill"],
        "live",
    )


def test_a_simulated_drill_stops_nothing(live: LiveCity) -> None:
    """KS-20, the twin: the same posts go out."""
    live.start_daemon()
    told = live.json("crisis", "drill", "--simulate", who="dora")
    assert told["mode"] == "simulate"
    post = live.queue(X, "after the simulation", 0.2)
    live.await_state(post, "published")
    assert live.texts() == ["after the simulation"]
    assert live.json("crisis", "status")["last_drill"]["mode"] == "simulate"


def test_a_real_stop_during_a_drill_wins(live: LiveCity) -> None:
    """KS-20: the end of the exercise lets nothing out, the real one speaks without EXERCISE, and its own lift opens again."""
    live.start_daemon()
    drill = live.json("crisis", "drill", "--live", who="dora")
    real = live.run("crisis", "--reason", "tornado", who="dora")
    assert real.returncode == 0
    assert "EXERCISE" not in real.stderr
    during = live.queue(X, "never", 0.2)
    live.resume("--suspension", str(drill["suspension"]))
    _passed(live, during)
    assert live.texts() == []
    assert [row["verdict"] for row in live.json("crisis", "drill", "--show", who="dora")] == ["overtaken"]
    status = live.json("crisis", "status")
    assert (status["suspended"], status["exercise"], status["last_drill"]) == (True, False, None)
    live.resume()
    open_again = live.queue(X, "the city speaks again", 0.2)
    live.await_state(open_again, "published")
    assert live.texts() == ["the city speaks again"]


def test_a_drill_leaves_the_stop_cell_alone(live: LiveCity) -> None:
    """A real stop of everything sets it; an exercise must not leave this host shut when the store is away."""
    before = stop_cell.read(essentials.load(environ=live.city.environ).cell_file)
    drill = live.json("crisis", "drill", "--live", who="dora")
    cell = stop_cell.read(essentials.load(environ=live.city.environ).cell_file)
    assert (before.stops, cell.stops) == ((), ())
    assert cell.fence == drill["epoch"]
    assert live.queue(OUTBOX, "waits", 60.0)


def test_a_drill_by_the_kind_of_a_stop_is_a_live_one(live: LiveCity) -> None:
    told = live.json("crisis", "--kind", "drill", who="dora")
    assert (told["exercise"], told["kind"]) == (True, "drill")


def test_what_an_exercise_does_not_take_suspends_nothing(live: LiveCity) -> None:
    ran = live.run("crisis", "--kind", "drill", "--cut", who="dora")
    assert (ran.returncode, ran.stderr) == (
        2,
        "standfast: --kind drill takes --reason and --scope alone; NOTHING IS SUSPENDED\n",
    )
