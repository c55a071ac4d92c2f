"""What people are told of a stop whose COMMIT nobody answered."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from config import clock
from scheduler import killswitch, switch, witness
from scheduler.emergency_stop import DONE, NOT_CONFIRMED, EmergencyStop, Request
from scheduler.killswitch import Order, Scope
from scheduler.status import Status
from scheduler.switch import SwitchUnavailable
from store.engine import writing
from tests.scheduler.press import Press


def _stop(press: Press) -> Any:
    environ = {"STANDFAST_TOKEN": press.tokens["dora"]}
    return EmergencyStop(press.essential, environ, lambda _: None).run(Request(Scope()))


@pytest.mark.parametrize("stands", [True, False])
def test_nobody_is_told_that_nothing_is_suspended_while_a_commit_may_stand(
    press: Press, monkeypatch: pytest.MonkeyPatch, stands: bool
) -> None:
    """KS-1, I2: the cell cannot be written, and no COMMIT is acknowledged: what became of it is not known."""
    press.essential.cell_file.unlink()
    press.essential.cell_file.mkdir()
    kind = type(switch.open_switch(press.essential))
    commit = kind.commit

    def unheard(own: Any) -> None:
        if stands:
            commit(own)
        raise SwitchUnavailable("the connection is gone")

    monkeypatch.setattr(kind, "commit", unheard)
    answer = _stop(press)
    assert (answer.code, "NOTHING IS SUSPENDED" in answer.words) == (20, False)
    assert "Whether anything is suspended is NOT KNOWN" in answer.words
    assert bool(press.ask(killswitch.closed_by, "parks", clock.wall_us())) == stands


def test_the_twin_where_no_commit_was_sent_nothing_is_suspended(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    """KS-1: the store does not answer at all; people must hear that they have to stop the daemon by hand."""
    press.essential.cell_file.unlink()
    press.essential.cell_file.mkdir()

    def away(_own: Any, _patience: Any) -> Any:
        raise SwitchUnavailable("the store is away")

    monkeypatch.setattr(type(switch.open_switch(press.essential)), "exclusive", away)
    answer = _stop(press)
    assert answer.code == 20
    assert "NOTHING IS SUSPENDED" in answer.words


def test_a_store_that_lost_the_suspension_before_its_receipt_was_read_is_named(press: Press) -> None:
    """I2: an older copy was put back right after the word; what was in flight stood in the lost store alone."""

    def lose(word: str) -> None:
        assert word.startswith("SUSPENDED  everything")
        with writing(press.engine) as session:
            for table in ("suspension_channel", "suspension_inflight", "suspension"):
                session.execute(text(f"DELETE FROM {table}"))

    answer = EmergencyStop(press.essential, {"STANDFAST_TOKEN": press.tokens["dora"]}, lose).run(Request(Scope()))
    assert (answer.code, answer.receipt) == (10, None)
    assert answer.words.startswith("SUSPENDED, NOT CONFIRMED")
    assert "does not know suspension 1: run `standfast crisis` again" in answer.words


@pytest.mark.parametrize("is_quiet", [True, False])
def test_from_quiet_on_no_older_copy_passes_for_this_store(press: Press, is_quiet: bool) -> None:
    """I1: whoever says QUIET CONFIRMED has told the witness how far the store is, be the stop's own process dead; the twin is
    not quiet, and promises nothing."""
    if not is_quiet:
        press.attempt(press.queue(state="publishing"), "sending")
    with (
        press.switched() as own,
        switch.exclusive(own) as cursor,
    ):  # as a stop that is killed before its fence leaves it
        told = killswitch.suspend(cursor, own.name, Order("r", "dora", "tornado", Scope()))
    assert Status(press.essential).run(wait=False)[0] == (DONE if is_quiet else NOT_CONFIRMED)
    seen = witness.read(press.witness_file)
    assert seen is not None
    assert (seen.epoch == told.epoch) == is_quiet
