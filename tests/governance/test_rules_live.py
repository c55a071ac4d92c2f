"""What a city asks for counts for the daemon that runs: it is not asked to wait for a restart (GV-5, CT-1)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.city import City
from tests.support.live_city import LiveCity, X, live_city, until


@pytest.fixture
def live(city: City) -> Iterator[LiveCity]:
    with live_city(city) as made:
        yield made


def _settings(live: LiveCity, before: str, more: str = "") -> None:
    """What the settings file says from now on."""
    live.city.settings_file.write_text(before + more, encoding="utf-8")


def _told(live: LiveCity) -> list[str]:
    return [line for line in live.daemons[0].lines if "rules" in line]


def test_approval_that_is_turned_on_holds_what_nobody_approved(live: LiveCity) -> None:
    """GV-5, CT-1: at once; a file that cannot be read asks for no less; turned off, posts go out as before (the twin)."""
    before = live.city.settings_file.read_text(encoding="utf-8")
    live.start_daemon()
    live.await_state(live.queue(X, "before"), "published")
    _settings(live, before, 'approval = "required"\n')
    assert "approved" in str(live.await_state(live.queue(X, "not approved"), "held").hold_reason)
    _settings(live, before, 'approval = "requ')
    until(lambda: any("goes on to be asked" in line for line in _told(live)), "the daemon has seen the broken file")
    live.await_state(live.queue(X, "nor this"), "held")
    assert live.texts() == ["before"]
    _settings(live, before)
    until(lambda: '"approval": false' in _told(live)[-1], "the daemon has read the file")
    live.await_state(live.queue(X, "after"), "published")
    assert live.texts() == ["before", "after"]
