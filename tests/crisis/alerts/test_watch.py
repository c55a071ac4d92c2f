"""The daemon's duties for alerts: each by itself, troubles told once, nothing waits for a host that hangs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crisis.alerts import feed_source, setup, trouble
from crisis.alerts.watch import Watch
from tests.crisis.alerts import server
from tests.crisis.alerts.build import tornado
from tests.crisis.alerts.room import Room
from tests.crisis.alerts.server import Web
from tests.support.live_city import until

RULES = Path(__file__).with_name("suggest.toml").read_text(encoding="utf-8")
WHITELIST = Path(__file__).with_name("whitelist.toml").read_text(encoding="utf-8")


@pytest.fixture
def web() -> Iterator[Web]:
    with server.web() as made:
        yield made


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    file = tmp_path / "alerts.toml"
    file.write_text(RULES, encoding="utf-8")
    return file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "in"
    path.mkdir()
    return path


def _watch(room: Room, after: Any = lambda _: None, **settings: Any) -> Watch:
    changed = room.press.settings.model_copy(update=settings)
    return Watch(room.press.engine, changed, room.press.essential, {}, after)


def _troubles(room: Room) -> list[str]:
    return [f"{row.name}: {row.text}" for row in trouble.all_of(room.press.engine)]


def test_an_alert_in_the_folder_is_judged_and_held(room: Room, rules: Path, folder: Path) -> None:
    """KS-24: from the file to the suspension, and what follows a stop is asked for."""
    rules.write_text(WHITELIST, encoding="utf-8")
    followed: list[int] = []
    own = _watch(room, followed.append, alerts=rules, alerts_folder=folder)
    (folder / "a.xml").write_bytes(tornado())
    own.look()
    own.hold()
    assert room.standing() == ["all"]
    until(lambda: followed, "what follows a stop")
    assert followed == room.rows()[0].suspensions
    own.hold()
    assert len(room.press.log("suspend")) == 1


def test_what_goes_wrong_after_the_stop_changes_nothing_about_it(room: Room, rules: Path, folder: Path) -> None:
    rules.write_text(WHITELIST, encoding="utf-8")

    def fails(_: int) -> None:
        raise RuntimeError("the platform is away")

    own = _watch(room, fails, alerts=rules, alerts_folder=folder)
    (folder / "a.xml").write_bytes(tornado())
    own.look()
    own.hold()
    assert room.standing() == ["all"]


def test_rules_that_break_are_told_once_and_alerts_wait(room: Room, rules: Path, folder: Path) -> None:
    """KS-24: a broken rules file holds nothing; one notice for it, one for the first alert that waits."""
    own = _watch(room, alerts=rules, alerts_folder=folder)
    own.look()
    assert (room.tell(), _troubles(room)) == ([], [])
    rules.write_text("[place", encoding="utf-8")
    for name in ("a", "b", "c"):
        (folder / f"{name}.xml").write_bytes(tornado(name=name))
        own.look()
    assert [line.partition(":")[0] for line in _troubles(room)] == ["rules"]
    assert sorted(room.tell()) == ["alert-trouble", "alert-unjudged"]
    assert room.tell() == []
    assert {row.kind for row in room.rows()} == {"unjudged"}
    rules.write_text(RULES, encoding="utf-8")
    own.look()
    assert _troubles(room) == []
    assert room.tell() == ["alert"] * 3
    room.hands.pass_s(1)
    rules.write_text("[place", encoding="utf-8")
    own.look()
    assert room.tell() == ["alert-trouble"]


def test_a_daemon_that_cannot_read_alerts_says_so_and_takes_none_for_rubbish(
    room: Room, rules: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KS-24: the extra is not installed: nothing is recorded as unreadable, and it is read once that is mended."""
    own = _watch(room, alerts=rules, alerts_folder=folder)
    (folder / "a.xml").write_bytes(tornado())
    with monkeypatch.context() as patched:
        patched.setattr(setup, "NEEDED", ("no_such_library",))
        own.look()
    assert "pip install 'standfast[alerts]'" in _troubles(room)[0]
    assert (room.rows(), room.tell()) == ([], ["alert-trouble"])
    own.look()
    assert (room.outcomes(), _troubles(room)) == ([("suggest", "suggested")], [])


def test_a_folder_that_is_gone_is_told_and_found_again(room: Room, rules: Path, folder: Path) -> None:
    own = _watch(room, alerts=rules, alerts_folder=folder)
    folder.rmdir()
    own.look()
    assert "cannot be read (No such file or directory)" in _troubles(room)[0]
    folder.mkdir()
    (folder / "a.xml").write_bytes(tornado())
    own.look()
    assert (room.outcomes(), _troubles(room)) == ([("suggest", "suggested")], [])


def test_a_feed_that_is_away_is_told_after_a_while_and_once(room: Room, rules: Path, web: Web) -> None:
    own = _watch(room, alerts=rules, alerts_feed=f"{web.url}/feed", alerts_hosts="127.0.0.1")
    own.look()
    assert own.feed is not None
    own._asking.acquire()
    own._ask(own.feed)
    assert "/feed answers 404" in _troubles(room)[0]
    assert room.tell() == []
    room.hands.pass_s(trouble.PATIENCE_S[trouble.FEED])
    assert (room.tell(), room.tell()) == (["alert-trouble"], [])
    assert "ALERTS DO NOT ARRIVE" in room.sent[-1].subject
    web.page("/feed", tornado())
    own._asking.acquire()
    own._ask(own.feed)
    assert (_troubles(room), [row.source for row in room.rows()]) == ([], [f"{web.url}/feed"])


def test_a_feed_that_hangs_keeps_neither_the_folder_nor_a_hold_waiting(
    room: Room, rules: Path, folder: Path, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KS-24: `ask` returns at once, a second one while the first hangs does nothing, the folder's alert is held meanwhile."""
    rules.write_text(WHITELIST, encoding="utf-8")
    monkeypatch.setattr(feed_source, "FEED_S", 30.0)
    address = web.hangs("/feed")
    own = _watch(room, alerts=rules, alerts_folder=folder, alerts_feed=address, alerts_hosts="127.0.0.1")
    own.ask()
    until(lambda: web.paths, "the feed is asked")
    room.hands.pass_s(600)
    own.ask()
    (folder / "a.xml").write_bytes(tornado())
    own.look()
    own.hold()
    assert room.standing() == ["all"]
    assert web.paths == ["/feed"]
    web.let_go.set()
    until(lambda: not own._asking.locked(), "the feed is let go")


def test_a_feed_is_asked_at_its_interval(room: Room, rules: Path, web: Web) -> None:
    web.page("/feed", tornado())
    own = _watch(room, alerts=rules, alerts_feed=f"{web.url}/feed", alerts_hosts="127.0.0.1", alerts_interval=60.0)
    for _ in range(3):
        own.ask()
        until(lambda: not own._asking.locked(), "the feed is read")
    assert web.paths == ["/feed"]
    room.hands.pass_s(60)
    own.ask()
    until(lambda: len(web.paths) == 2, "the feed is asked again")
    until(lambda: not own._asking.locked(), "the feed is read")
    assert room.outcomes() == [("suggest", "suggested")]


def test_troubles_of_what_is_not_set_up_any_more_are_forgotten(room: Room, rules: Path, folder: Path) -> None:
    trouble.Troubles(room.press.engine).note(trouble.FEED, "the feed is away")
    _watch(room, alerts=rules, alerts_folder=folder).look()
    assert _troubles(room) == []
