"""Every way a post can come to be sent, silent while suspended, each with its twin that sends it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from config import clock
from scheduler import post_queue, states
from store.engine import writing
from tests.support.live_city import LiveCity, X, until

Path = Callable[[LiveCity], int]


def first_post(live: LiveCity) -> int:
    """A post that was queued before."""
    return live.queue(X, "path", 1.0)


def from_draft(live: LiveCity) -> int:
    """A draft that is flipped to scheduled, as a sync of a calendar does."""
    return _moved(live, "draft")


def from_review(live: LiveCity) -> int:
    """A post that leaves review."""
    return _moved(live, "in_review")


def _moved(live: LiveCity, state: str) -> int:
    number = live.queue(X, "path", 1.0, state=state)
    with writing(live.engine) as session:
        assert post_queue.move_post(session, number, "scheduled", only_from=(state,))
    return number


def retry(live: LiveCity) -> int:
    """A post whose first attempt the platform put off (429): it waits for its next attempt."""
    live.sandbox.fault("429_retry_after", seconds=2, text="path")
    number = live.queue(X, "path", 0.0)
    until(lambda: live.sandbox.arrivals(), "the first attempt")
    live.await_state(number, "scheduled")
    return number


def released(live: LiveCity) -> int:
    """A held post that an operator releases."""
    return _released(live, "held")


def released_after_failure(live: LiveCity) -> int:
    """A failed post that an operator releases."""
    return _released(live, "failed")


def _released(live: LiveCity, state: str) -> int:
    number = live.queue(X, "path", 0.0, state=state, hold_reason="test")
    ran = live.run("post", "release", str(number), who="omar")
    assert ran.returncode == 0, ran.stderr
    return number


def recurring(live: LiveCity) -> int:
    """An occurrence of a series."""
    return live.queue(X, "path", 1.0, file="market.yaml", entry="market", source_key=f"market.yaml#market@1|{X}")


PATHS: dict[str, tuple[Path, ...]] = {
    "draft": (from_draft,),
    "in_review": (from_review,),
    "publishing": (retry,),
    "held": (released,),
    "failed": (released_after_failure,),
    "": (first_post, recurring),
}
"""Where a scheduled post can come from (empty: it is made so), and what brings it there. Syndication, first comments and
thread parts do not exist yet; when they do, `states` or this table will say so."""
ALL = [path for paths in PATHS.values() for path in paths]


def test_the_table_names_every_way_into_scheduled() -> None:
    """KS-23: a new transition into ``scheduled`` must come with its silence test."""
    assert set(PATHS) - {""} == set(states.sources(states.POST, "scheduled"))


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.__name__)
def test_no_path_leads_out_while_suspended(live: LiveCity, path: Path) -> None:
    """KS-23, KS-2, I1: whatever brings a post to scheduled, nothing arrives while everything is suspended."""
    live.start_daemon()
    if path is retry:
        number = path(live)
        live.crisis()
    else:
        live.crisis()
        number = path(live)
    until(lambda: clock.wall_us() > live.post(number).ready_at + clock.SECOND, "its time has passed")
    assert live.texts() == []
    assert live.post(number).state in ("scheduled", "held")


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.__name__)
def test_every_path_leads_out_when_nothing_is_suspended(live: LiveCity, path: Path) -> None:
    """KS-23: the twin: the same post, without the stop, does go out, once."""
    live.start_daemon()
    number = path(live)
    live.await_state(number, "published")
    assert live.texts() == ["path"]
