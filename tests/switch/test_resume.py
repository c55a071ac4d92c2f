"""The way back, with real processes: what goes out is judged by the sandbox's arrival log alone."""

from __future__ import annotations

import json
from itertools import pairwise

from config import clock
from tests.support.live_city import FACEBOOK, OUTBOX, LiveCity, X, until


def test_one_channel_goes_on_first_and_the_others_later(live: LiveCity) -> None:
    """KS-10: the twin of each silence is the same channel after its own lift."""
    live.start_daemon()
    live.crisis("--reason", "tornado")
    lifted = live.resume("--only", f"channel:{X}")
    assert (lifted["channels"], lifted["left"]) == ([X], 2)
    goes, waits = live.queue(X, "resumed", 0.2), live.queue(FACEBOOK, "stopped", 0.2)
    live.await_state(goes, "published")
    until(lambda: clock.wall_us() > live.post(waits).due_at + 2 * clock.SECOND, "its time has passed")
    assert (live.texts(), live.post(waits).state) == (["resumed"], "scheduled")
    status = live.json("crisis", "status")
    assert [item["channel"] for item in status["suspensions"][0]["released"]] == [X]
    rest = live.resume()
    assert (rest["held"], live.post(waits).state) == (1, "held")
    later = live.queue(FACEBOOK, "at last", 0.2)
    live.await_state(later, "published")
    assert live.texts() == ["resumed", "at last"]


def test_what_was_missed_goes_out_spaced_when_a_person_releases_it_and_not_while_stopped(live: LiveCity) -> None:
    """KS-11: no burst, by the platform's own clock; a release behind the gate opens nothing."""
    live.start_daemon()
    live.crisis("--reason", "tornado")
    missed = [live.queue(X, f"missed {n}", 0.1) for n in range(3)]
    until(lambda: clock.wall_us() > live.post(missed[-1]).due_at + clock.SECOND, "their time has passed")
    assert live.resume()["held"] == 3
    again = live.crisis("--reason", "another")
    assert live.run("post", "release", "--suspension", "1", who="omar").returncode == 0
    until(lambda: clock.wall_us() > live.post(missed[-1]).due_at + clock.SECOND, "their new time has passed")
    assert live.texts() == []
    assert live.resume()["held"] == 3
    done = live.json("post", "release", "--suspension", str(again["suspension"]), who="omar")
    assert [row["posts"] for row in done["channels"]] == [3]
    for number in missed:
        live.await_state(number, "published")
    dues = {live.post(number).text: live.post(number).due_at for number in missed}
    assert all(b - a >= clock.SECOND for a, b in pairwise(sorted(dues.values())))
    arrivals = live.arrivals()
    assert [item.text for item in arrivals] == sorted(dues, key=lambda text: dues[text])
    assert all(item.wall_us >= dues[item.text] for item in arrivals)


def test_a_lift_can_be_announced_by_an_ordinary_post(live: LiveCity) -> None:
    """Looked over before anything is lifted, queued after it, and sent like any other."""
    live.start_daemon()
    live.crisis("--reason", "tornado")
    code = live.json("resume", "--reason", "clear", who="omar")["code"]
    confirm = ("resume", "--reason", "clear", "--confirm", code)
    for wrong, why in (
        (("--announce", "x" * 300, "--announce-on", X), "280"),
        (("--announce", "All clear."), "say where"),
        (("--announce", "All clear.", "--announce-on", "zoo"), "there is no channel 'zoo'"),
        (("--announce-statement", "nothing", "--announce-on", X), "the plan has no statement"),
    ):
        ran = live.run(*confirm, *wrong, who="omar")
        assert (ran.returncode, why in ran.stderr, "NOT LIFTED" in ran.stderr) == (1, True, True), ran.stderr
    refused = live.run(*confirm, "--announce", "All clear.", "--announce-on", X, who="dora")
    assert (refused.returncode, "NOT LIFTED" in refused.stderr) == (1, True), refused.stderr
    assert live.json("crisis", "status", code=0)["suspended"] is True
    ran = live.run(
        *confirm, "--announce", "All clear.", "--announce-on", X, "--announce-on", OUTBOX, "--json", who="omar"
    )
    assert ran.returncode == 0, ran.stderr
    announced = json.loads(ran.stdout)["announced"]
    assert set(announced) == {X, OUTBOX}
    for number in announced.values():
        live.await_state(number, "published")
    assert live.texts() == ["All clear."]


def test_an_announcement_belongs_to_step_two(live: LiveCity) -> None:
    live.crisis("--reason", "tornado")
    ran = live.run("resume", "--reason", "clear", "--announce", "All clear.", who="omar")
    assert (ran.returncode, "go with --confirm" in ran.stderr) == (1, True)
    code = live.json("resume", "--reason", "clear", who="omar")["code"]
    ran = live.run("resume", "--reason", "clear", "--confirm", code, "--only", f"channel:{X}", who="omar")
    assert (ran.returncode, "the code says what it lifts" in ran.stderr) == (1, True)
