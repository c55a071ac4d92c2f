"""The sandbox's own schedulers: what lies there goes public at its time and stands in the arrival log; what was taken out does
not."""

from __future__ import annotations

from pathlib import Path

import facebook
import pytest

from sandbox import client
from sandbox.client import Client, SandboxError
from tests.support.live_city import until

TOKEN, PAGE = "815-library", "815"


def _lying(graph: facebook.GraphAPI) -> list[str]:
    return [str(post["id"]) for post in graph.get_connections(PAGE, "scheduled_posts", fields="id")["data"]]


def test_what_was_planned_fires_at_its_time_and_what_was_taken_out_never(box: Client, graph: facebook.GraphAPI) -> None:
    """Two are planned for the same moment; the log names the one that nobody took out, not before that moment."""
    kept, gone = (box.plan(TOKEN, words, 0.8) for words in ("Parade at noon", "Fireworks at nine"))
    assert _lying(graph) == [gone["id"], kept["id"]]
    graph.delete_object(gone["id"])
    assert box.arrivals("fired") == []
    (fired,) = until(lambda: box.arrivals("fired"), "what was planned fires")
    assert (fired.text, fired.remote_id, fired.account, fired.accepted) == ("Parade at noon", kept["id"], TOKEN, True)
    assert fired.wall_us >= kept["at_us"]
    assert _lying(graph) == []
    assert [post["id"] for post in graph.get_connections(PAGE, "published_posts")["data"]] == [kept["id"]]
    assert box.arrivals() == []


def test_a_list_never_lacks_what_the_log_does_not_show(box: Client, graph: facebook.GraphAPI) -> None:
    """Whoever reads that nothing lies there finds in the log what went public before."""
    box.plan(TOKEN, "Parade at noon", 0)
    assert _lying(graph) == []
    assert [line.text for line in box.arrivals("fired")] == ["Parade at noon"]


def test_what_fired_before_a_restart_does_not_fire_again_and_the_rest_does(tmp_path: Path) -> None:
    """It remembers what lies there, also what came due while it was away."""
    log, state = tmp_path / "arrivals.jsonl", tmp_path / "state.jsonl"
    with client.start(log, state=state) as box:
        box.plan(TOKEN, "first", 0)
        until(lambda: box.arrivals("fired"), "the first fires")
        box.plan(TOKEN, "second", 0.5)
    with client.start(log, state=state) as again:
        until(lambda: len(again.arrivals("fired")) > 1, "the second fires")
        assert [line.text for line in again.arrivals("fired")] == ["first", "second"]


@pytest.mark.parametrize(
    ("account", "text", "seconds"),
    [("", "words", 1), (TOKEN, "", 1), (TOKEN, "words", -1), (TOKEN, "words", 31 * 86400), (TOKEN, "words", True)],
)
def test_a_plan_that_makes_no_sense_is_refused(box: Client, account: str, text: str, seconds: float) -> None:
    with pytest.raises(SandboxError):
        box.plan(account, text, seconds)
    assert box.posts() == []
