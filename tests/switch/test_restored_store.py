"""A store that was put back: what the chaos of real processes found, in small."""

from __future__ import annotations

import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlmodel import select

from scheduler import restore, stop_cell, switch, switch_sqlite, witness
from scheduler.cell_keeper import CellKeeper
from scheduler.emergency_stop import EmergencyStop, Request
from scheduler.killswitch import Scope, SwitchError
from scheduler.planning import post_selection, post_verbs
from scheduler.planning.post_selection import PostError
from scheduler.restore import NotLookedThrough
from scheduler.resumption import Resumption
from scheduler.switch import SwitchUnavailable
from store.engine import reading, writing
from store.tables import Attempt, Post, Suspension
from tests.scheduler.press import STEWARD, Press


def _put_back(press: Press) -> str | None:
    """Why the store calls itself restored: the witness has seen attempts that it lacks."""
    witness.note(press.witness_file, attempt=50)
    return restore.guard(press.engine, press.essential, press.witness_file)


def _release(press: Press, post: int) -> None:
    with writing(press.engine) as session:
        post_verbs.release(session, post_verbs.Request(post_selection.Wanted((post,)), STEWARD), 0)


@pytest.mark.parametrize(
    ("state", "after"), [("held", "held"), ("failed", "unknown"), ("draft", "unknown"), ("in_review", "unknown")]
)
def test_what_waited_for_a_person_in_the_copy_may_have_gone_out_since(press: Press, state: str, after: str) -> None:
    """I3, KS-5: somebody released it after the copy, or lifted before the daemon looked: no release before it is known."""
    reason = "a person holds it" if state == "held" else None
    post = press.queue(in_s=-1.0, state=state, hold_reason=reason)
    to_come = press.queue(in_s=600.0, state=state, hold_reason=reason)
    assert _put_back(press) is not None
    assert press.states(post) == (["unknown"], after)
    assert press.post(post).hold_reason == reason
    assert press.states(to_come) == ([], state)
    with pytest.raises(PostError, match="post close"):
        _release(press, post)


def test_what_was_over_in_the_copy_is_not_doubted(press: Press) -> None:
    """KS-5: cancelled, published and in doubt already: nothing is known less of them now."""
    over = [press.queue(in_s=-1.0, state=state) for state in ("cancelled", "published", "unknown")]
    number = press.attempt(over[2], "unknown")
    assert _put_back(press) is not None
    assert [press.states(post) for post in over] == [([], "cancelled"), ([], "published"), (["unknown"], "unknown")]
    assert press.attempts(over[2])[0].id == number


def test_two_daemons_that_find_the_store_restored_doubt_a_post_once(
    press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KS-5, I4: of two hosts that start at the same moment neither falls over the other's doubt."""
    posts = [press.queue(in_s=-1.0) for _ in range(3)]
    witness.note(press.witness_file, attempt=50)
    both, genuine = Barrier(2), restore._doubt

    def together(*given: Any) -> int:
        both.wait(20)
        return genuine(*given)

    monkeypatch.setattr(restore, "_doubt", together)
    with ThreadPoolExecutor(2) as pool:
        guards = [pool.submit(restore.guard, press.engine, press.essential, press.witness_file) for _ in range(2)]
        assert all(guard.result(timeout=40) for guard in guards)
    assert [press.states(post) for post in posts] == [(["unknown"], "unknown")] * 3


def _replace(file: Path) -> None:
    """Another store in the place of this one: a copy of it."""
    copy = file.with_suffix(".copy")
    with sqlite3.connect(file) as source, sqlite3.connect(copy) as target:
        source.backup(target)
    source.close()
    target.close()
    for suffix in ("-wal", "-shm"):
        Path(f"{file}{suffix}").unlink(missing_ok=True)
    shutil.move(copy, file)


def test_a_stop_whose_store_is_replaced_under_it_is_recorded_in_the_one_that_is_there(
    sqlite_press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KS-1, I6: who is told SUSPENDED must be, in the store that the daemons read."""
    press, file = sqlite_press, Path(sqlite_press.engine.url.database or "")
    press.engine.dispose()
    genuine, left = switch_sqlite.SqliteSwitch.commit, [1]

    def commit(own: switch_sqlite.SqliteSwitch) -> None:
        if left:
            left.pop()
            _replace(file)
        genuine(own)

    monkeypatch.setattr(switch_sqlite.SqliteSwitch, "commit", commit)
    told: list[str] = []
    environ = {"STANDFAST_TOKEN": press.tokens["dora"]}
    answer = EmergencyStop(press.essential, environ, told.append).run(Request(Scope()))
    assert (answer.code, [line for line in told if line.startswith("SUSPENDED")]) == (0, told[:1])
    with sqlite3.connect(file) as there:
        assert there.execute("SELECT count(*) FROM suspension WHERE lifted_epoch IS NULL").fetchone() == (1,)
    there.close()


def test_a_switch_reads_no_store_that_was_replaced(sqlite_press: Press) -> None:
    """I1: what is quiet in a file that nobody uses any more says nothing."""
    press, file = sqlite_press, Path(sqlite_press.engine.url.database or "")
    press.engine.dispose()
    with press.switched() as own:
        with switch.reading(own) as cursor:
            cursor.execute("SELECT 1")
        _replace(file)
        with pytest.raises(SwitchUnavailable, match="replaced"), switch.reading(own):
            pass
        own.close()
        with switch.reading(own) as cursor:
            cursor.execute("SELECT 1")


def _behind(press: Press) -> int:
    """A post that is due; a suspension that this host has witnessed is not in the store any more."""
    post = press.queue(in_s=-1.0)
    witness.note(press.witness_file, epoch=9)
    return post


def _stop(press: Press, scope: str = "all") -> Any:
    environ = {"STANDFAST_TOKEN": press.tokens["dora"]}
    return EmergencyStop(press.essential, environ, lambda _: None).run(Request(Scope.parse(scope)))


def test_a_stop_does_not_hide_that_suspensions_were_lost_with_the_store(press: Press) -> None:
    """I6, KS-5: it raises the epoch above all that was seen; the whole store is suspended, and looked through at the start."""
    post = _behind(press)
    answer = _stop(press, "channel:police")
    assert any("EVERYTHING is suspended" in line for line in answer.receipt.warnings)
    assert press.publisher.publish_post(post) == "not_claimed"
    assert press.publisher.store_went_back
    found = [(row.kind, row.scope_kind, row.epoch) for row in _suspensions(press)]
    assert found == [("restore", "all", 10), ("crisis", "channel", 11)]
    assert "looked through" in str(restore.guard(press.engine, press.essential, press.witness_file))
    assert press.states(post) == (["unknown"], "unknown")
    assert len(_suspensions(press)) == 2
    assert restore.guard(press.engine, press.essential, press.witness_file) is None


def test_a_stop_taken_from_the_cell_does_not_hide_that_suspensions_were_lost(press: Press) -> None:
    """I6: the keeper of a daemon that still runs records it in the copy, in the very epoch that the copy lacks."""
    witness.note(press.witness_file, epoch=2)  # of a suspension that went with the store
    stop_cell.stop(press.essential.cell_file, "at-night")
    CellKeeper(press.essential, press.engine).keep()
    assert [(row.kind, row.epoch) for row in _suspensions(press)] == [("restore", 3), ("crisis", 4)]
    assert "looked through" in str(restore.guard(press.engine, press.essential, press.witness_file))
    assert restore.guard(press.engine, press.essential, press.witness_file) is None


def test_a_stop_taken_from_the_cell_into_a_store_that_lost_nothing_is_alone(press: Press) -> None:
    """I6: the twin."""
    stop_cell.stop(press.essential.cell_file, "at-night")
    CellKeeper(press.essential, press.engine).keep()
    assert [(row.kind, row.epoch) for row in _suspensions(press)] == [("crisis", 2)]
    assert restore.guard(press.engine, press.essential, press.witness_file) is None


def _calls_claimed(press: Press) -> int:
    """A post that was sent and that a copy with all the right numbers, made between claim and leave, calls under way."""
    post = press.queue()
    assert press.publisher.publish_post(post) == "published"
    press.change(Attempt, 1, state="claimed", remote_id=None)
    press.change(Post, post, state="publishing")
    return post


def test_a_copy_is_known_by_its_sends_before_anything_is_lifted_or_changed_in_it(press: Press) -> None:
    """I5: a stop calls that attempt aborted; who cancelled the post would call off what is out."""
    post = _calls_claimed(press)
    number = _stop(press).receipt.suspension
    assert press.states(post) == (["aborted"], "held")
    own = Resumption(press.essential, {"STANDFAST_TOKEN": press.tokens["omar"]})
    with closing(own), pytest.raises(SwitchError, match=r"attempt 1 was sent from here.*NOT LIFTED"):
        own.ask("clear", scope=None, suspension=number)
    with writing(press.engine) as session, pytest.raises(NotLookedThrough, match="attempt 1 was sent from here"):
        restore.refuse_older_copy(session, press.essential)
    assert restore.guard(press.engine, press.essential, press.witness_file) is not None
    assert press.states(post) == (["aborted", "unknown"], "held")
    with writing(press.engine) as session:
        restore.refuse_older_copy(session, press.essential)


def test_a_store_that_lost_nothing_is_only_stopped(press: Press) -> None:
    """KS-5: the twin: a witness that is level with the store."""
    answer = _stop(press)
    assert (answer.code, answer.receipt.warnings) == (0, [])
    assert [row.kind for row in _suspensions(press)] == ["crisis"]
    assert not press.publisher.store_went_back


def test_nothing_is_lifted_in_an_older_copy_that_no_daemon_has_looked_through(press: Press) -> None:
    """I3, I6: the lift would call held what may have gone out, and its epoch would hide the restore."""
    number = _stop(press).receipt.suspension
    _behind(press)
    environ = {"STANDFAST_TOKEN": press.tokens["omar"]}
    own = Resumption(press.essential, environ)
    with closing(own), pytest.raises(SwitchError, match=r"has seen 9: start the daemon.*NOT LIFTED"):
        own.ask("clear", scope=None, suspension=number)


def test_a_restore_after_the_code_was_given_lifts_nothing(press: Press) -> None:
    """I6: the second step looks as well."""
    number = _stop(press).receipt.suspension
    own = Resumption(press.essential, {"STANDFAST_TOKEN": press.tokens["omar"]})
    with closing(own):
        code = own.ask("clear", scope=None, suspension=number).code
        _behind(press)
        with pytest.raises(SwitchError, match="start the daemon"):
            own.confirm(code, "clear")


@pytest.mark.parametrize("where", ["witness", "cell"])
def test_nothing_is_let_go_in_an_older_copy_before_it_is_looked_through(press: Press, where: str) -> None:
    """I3: what is released then would be due after the daemon's look, and go out again."""
    with reading(press.engine) as session:
        restore.refuse_older_copy(session, press.essential)
    if where == "witness":
        _behind(press)
    else:
        stop_cell.raise_fence(press.essential.cell_file, 9, ())
    with reading(press.engine) as session, pytest.raises(restore.NotLookedThrough, match="start the daemon"):
        restore.refuse_older_copy(session, press.essential)
    assert restore.guard(press.engine, press.essential, press.witness_file) is not None
    with reading(press.engine) as session:
        restore.refuse_older_copy(session, press.essential)


@pytest.mark.parametrize("broken", ["witness", "cell"])
def test_a_witness_or_a_cell_that_cannot_be_read_is_the_daemons_to_judge(press: Press, broken: str) -> None:
    """KS-1: it does not keep anybody from stopping."""
    file = press.witness_file if broken == "witness" else press.essential.cell_file
    file.write_bytes(b"garbage")
    assert _stop(press).receipt is not None
    assert [row.kind for row in _suspensions(press)] == ["crisis"]


def _suspensions(press: Press) -> list[Suspension]:
    with reading(press.engine) as session:
        found = list(session.exec(select(Suspension).order_by("id")))
        session.expunge_all()
        return found


def test_the_witness_hears_of_an_epoch_also_where_the_cell_is_out_of_order(press: Press) -> None:
    """I6, KS-5: else a store that loses that epoch looks whole, and a stop that comes then gets its number."""
    press.essential.cell_file.unlink()
    press.essential.cell_file.mkdir()
    told = [_stop(press, scope).receipt.epoch for scope in ("channel:parks", "all")]
    assert told == [2, 3]
    assert witness.read(press.witness_file) == witness.Seen(3, 0)
