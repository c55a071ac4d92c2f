"""A store put back from an older copy, a witness or a stop cell that is lost: closed until a person has looked.

KS-5, I3, I6: what was due since the copy was made is unknown until the platform has been asked, and nothing goes out twice.
"""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from config import clock
from scheduler import stop_cell
from store.engine import reading
from store.tables import Attempt
from tests.faults.places import Postgres
from tests.support.live_city import FACEBOOK, OUTBOX, LiveCity, X, until


class Backup:
    """An older copy of a live city's store."""

    def __init__(self, live: LiveCity) -> None:
        self.live = live
        self.sqlite = live.city.url.startswith("sqlite:///")
        self.file = Path(live.city.url.removeprefix("sqlite:///"))
        self.copy = self.file.with_suffix(".backup")

    def take(self) -> None:
        """Copy the store as it is."""
        if self.sqlite:
            with sqlite3.connect(self.file) as source, sqlite3.connect(self.copy) as target:
                source.backup(target)
            source.close()
            target.close()
            return
        server = self._quiet()
        server.do(f"CREATE DATABASE {server.name}_backup TEMPLATE {server.name}")

    def put_back(self) -> None:
        """The store is what it was when the copy was taken. Nobody may be connected."""
        if self.sqlite:
            self.live.engine.dispose()
            for suffix in ("", "-wal", "-shm"):
                Path(f"{self.file}{suffix}").unlink(missing_ok=True)
            shutil.move(self.copy, self.file)
            return
        server = self._quiet()
        server.do(
            f"DROP DATABASE {server.name} WITH (FORCE)", f"ALTER DATABASE {server.name}_backup RENAME TO {server.name}"
        )

    def _quiet(self) -> Postgres:
        self.live.engine.dispose()
        server = Postgres(self.live.city.url)
        server.drop_connections()
        return server


def _numbers(live: LiveCity) -> list[int]:
    with reading(live.engine) as session:
        return [number or 0 for number in session.exec(select(Attempt.id))]


def _status(live: LiveCity) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(live.run("crisis", "status", "--json").stdout)
    return found


def suspended_by_itself(live: LiveCity, why: str) -> int:
    """The epoch of the only suspension, which the daemon declared because of `why`."""
    status = live.json("crisis", "status", "--wait")
    assert [(item["by"], item["scope"]) for item in status["suspensions"]] == [("standfast", "all")]
    assert why in status["suspensions"][0]["reason"]
    return int(status["epoch"])


def stays_silent(live: LiveCity, sent: list[str]) -> int:
    """A post that is due now and is not sent."""
    post = live.queue(X, "behind the gate")
    until(lambda: clock.wall_us() > live.post(post).due_at + clock.SECOND, "its time has passed")
    assert live.texts() == sent
    return post


def goes_on_after_a_resume(live: LiveCity, post: int, sent: list[str]) -> None:
    """A person resumes, releases what was held, and it goes out; a restart does not close the gate again."""
    live.resume()
    assert live.run("post", "release", str(post), who="omar").returncode == 0
    live.await_state(post, "published")
    assert live.texts() == [*sent, "behind the gate"]


def test_an_older_copy_suspends_itself_and_nothing_goes_out_twice(live: LiveCity) -> None:
    """KS-5, I3, I5, I6: the epoch rises above all seen; published since is found; not found waits for a person."""
    backup = Backup(live)
    since = [(X, "sent since"), (FACEBOOK, "on the page since"), (OUTBOX, "in the outbox since")]
    known = [live.queue(channel, text, 1.5) for channel, text in since]
    known.append(live.queue(X, "due before the copy, sent after it", -1.0))
    never = live.queue(X, "cancelled since", 1.5)
    backup.take()
    assert live.run("post", "cancel", str(never), who="omar").returncode == 0
    daemon = live.start_daemon()
    for number in known:
        live.await_state(number, "published")
    live.crisis()
    seen = live.resume()["epoch"]
    numbers = _numbers(live)
    assert daemon.end(signal.SIGTERM) == 0
    backup.put_back()
    assert live.post(known[0]).state == "scheduled"
    until(lambda: clock.wall_us() > live.post(never).due_at, "all were due since")

    again = live.start_daemon()
    assert any("SUSPENDED: the store is at epoch" in line for line in again.lines)
    sent = sorted(["due before the copy, sent after it", "sent since", "on the page since"])
    for number in known:
        assert live.await_state(number, "published").link
    held = live.await_state(never, "held")
    assert "does not show it" in str(held.hold_reason)
    live.json("crisis", "status", code=10)
    assert live.run("post", "close", str(never), "--not-published", who="omar").returncode == 0
    assert suspended_by_itself(live, "store restored") > seen
    assert min(_numbers(live)) > max(numbers)
    assert sorted(live.texts()) == sent
    order = live.texts()
    goes_on_after_a_resume(live, stays_silent(live, order), order)


def test_after_a_resume_a_restored_store_is_trusted_again(live: LiveCity) -> None:
    """KS-5: a restart does not call a store restored that a person has cleared, even when nothing was sent in between."""
    backup = Backup(live)
    backup.take()
    daemon = live.start_daemon()
    live.await_state(live.queue(X, "lost with the store"), "published")
    daemon.end(signal.SIGTERM)
    backup.put_back()
    daemon = live.start_daemon()
    suspended_by_itself(live, "newest attempt")
    live.resume()
    daemon.end(signal.SIGTERM)
    live.start_daemon()
    assert live.json("crisis", "status")["suspended"] is False
    post = live.queue(X, "after it")
    live.await_state(post, "published")
    assert live.texts() == ["lost with the store", "after it"]


@pytest.mark.parametrize("content", [None, b"garbage\n"], ids=["missing", "garbled"])
def test_a_lost_or_garbled_witness_beside_a_used_store_closes_it(live: LiveCity, content: bytes | None) -> None:
    """KS-5: without a witness the store cannot be trusted: suspended until an operator resumes, then it is witnessed again."""
    daemon = live.start_daemon()
    live.await_state(live.queue(X, "before"), "published")
    daemon.end(signal.SIGTERM)
    (witness,) = live.city.state_dir.glob("*.witness")
    if content is None:
        witness.unlink()
    else:
        witness.write_bytes(content)
    daemon = live.start_daemon()
    suspended_by_itself(live, "store restored")
    post = stays_silent(live, ["before"])
    goes_on_after_a_resume(live, post, ["before"])
    daemon.end(signal.SIGTERM)
    live.start_daemon()
    assert live.json("crisis", "status")["suspended"] is False


@pytest.mark.parametrize("content", [None, b"", "flipped"], ids=["missing", "empty", "flipped"])
def test_a_lost_or_garbled_cell_stops_the_host_until_a_resume(live: LiveCity, content: bytes | str | None) -> None:
    """KS-4, I6, I8: nothing is sent at once, it becomes a suspension, and only a resume lays the cell down anew."""
    live.start_daemon()
    live.await_state(live.queue(X, "before"), "published")
    cell = live.city.data_dir / "stop.cell"
    if content is None:
        cell.unlink()
    elif content == "flipped":
        cell.write_bytes(cell.read_bytes().replace(b"fence ", b"fence 9", 1)[: stop_cell.SIZE])
    else:
        cell.write_bytes(b"")
    post = stays_silent(live, ["before"])
    until(lambda: [item["by"] for item in _status(live)["suspensions"]] == ["stop cell"], "it is a suspension")
    goes_on_after_a_resume(live, post, ["before"])
    assert stop_cell.read(cell).stops == ()


def test_a_post_made_after_a_restore_is_not_taken_for_one_that_only_the_lost_store_knew(live: LiveCity) -> None:
    """I3, I5: numbers and keys of posts are never used twice; the new post goes out and is not the old one's."""
    backup = Backup(live)
    first = live.queue(OUTBOX, "before the copy")
    daemon = live.start_daemon()
    live.await_state(first, "published")
    assert daemon.end(signal.SIGTERM) == 0
    backup.take()
    daemon = live.start_daemon()
    lost = live.queue(OUTBOX, "after the copy")
    live.await_state(lost, "published")
    assert daemon.end(signal.SIGTERM) == 0
    backup.put_back()
    live.start_daemon()
    live.resume()
    new = live.queue(OUTBOX, "after the restore")
    assert new > lost
    shown = live.await_state(new, "published")
    folder = live.city.data_dir / "outbox" / OUTBOX / str(shown.remote_id)
    assert "after the restore" in (folder / "post.json").read_text(encoding="utf-8")
