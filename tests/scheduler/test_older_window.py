"""An older copy of the store in which a planned stop has come: nobody but the restore may move its epoch on."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from config import clock
from scheduler import killswitch, restore, switch, windows, witness
from scheduler.cell_keeper import CellKeeper
from scheduler.emergency_stop import NOT_CONFIRMED
from scheduler.killswitch import Order, Scope
from scheduler.status import Status
from tests.scheduler.press import ManualClock, Press


def _file(press: Press) -> Path:
    return Path(press.essential.database_url.removeprefix("sqlite:///"))


def _copy(press: Press, to: Path) -> None:
    with closing(sqlite3.connect(_file(press))) as own, closing(sqlite3.connect(to)) as copy:
        own.backup(copy)


def _put_back(press: Press, copy: Path) -> None:
    press.engine.dispose()
    for suffix in ("-wal", "-shm"):
        Path(f"{_file(press)}{suffix}").unlink(missing_ok=True)
    shutil.copy(copy, _file(press))


def _nothing(_: Press) -> None:
    """The twin: the restore alone."""


def _status(press: Press) -> None:
    code, data, _ = Status(press.essential).run(wait=False)
    assert (code, data["quiet_confirmed"]) == (NOT_CONFIRMED, False)
    assert any("is not begun in an older copy" in line for line in data["warnings"])


def _lane(press: Press) -> None:
    assert "is not begun in an older copy" in str(windows.begin_due(press.essential))


def _keeper(press: Press) -> None:
    CellKeeper(press.essential, press.engine).keep()


@pytest.mark.parametrize("first", [_nothing, _status, _lane, _keeper])
def test_a_window_that_has_come_hides_no_restore(
    hands: ManualClock, sqlite_press: Press, tmp_path: Path, first: Callable[[Press], None]
) -> None:
    """I1, I6, KS-5: to begin it would bring the copy's epoch up to what this host has seen, and the stop between were lost."""
    press, copy = sqlite_press, tmp_path / "copy.db"
    press.suspend("channel:police", kind=killswitch.PLANNED, starts_at=clock.wall_us() + 100 * clock.SECOND)
    post = press.queue("parks", in_s=600)
    _copy(press, copy)
    hands.pass_s(10)
    press.suspend()
    hands.pass_s(200)
    _put_back(press, copy)
    first(press)
    assert restore.guard(press.engine, press.essential, press.witness_file) is not None
    _keeper(press)
    hands.pass_s(400)
    assert press.publisher_of().publish_post(post) == "not_claimed"


def test_the_status_warns_where_it_cannot_tell_the_witness(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    """I1: from then on an older copy might pass for this store, and nobody would know."""
    with press.switched() as own, switch.exclusive(own) as cursor:
        killswitch.suspend(cursor, own.name, Order("r", "dora", "tornado", Scope()))

    def full(*_: object, **__: object) -> None:
        raise witness.WitnessError("no space left on the device")

    monkeypatch.setattr(witness, "note", full)
    _, data, _ = Status(press.essential).run(wait=False)
    assert data["warnings"] == ["this host does not keep how far the store is: no space left on the device"]
