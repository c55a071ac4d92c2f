"""A restored store that is looked through: all of it, also when the process that does it falls on the way."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest
from sqlmodel import select

from scheduler import restore, stop_ledger
from scheduler.killswitch import SwitchError
from scheduler.resumption import Resumption
from store.engine import reading, writing
from store.tables import Attempt, Meta, Suspension
from tests.scheduler.press import Press


class _Fell(BaseException):
    """The process ends here."""


def _fall(*_: Any, **__: Any) -> Any:
    raise _Fell


STEPS: dict[str, tuple[Any, str]] = {
    "after the suspension": (stop_ledger, "raise_fence"),
    "before the numbers are skipped": (restore, "_skip_numbers"),
    "before the posts are doubted": (restore, "_doubt_batch"),
    "before the end": (restore.log, "record"),
}


def _put_back(press: Press) -> int:
    """The id of a post that was published after the copy was made."""
    post = press.queue()
    assert press.publisher.publish_post(post) == "published"
    with writing(press.engine) as session:
        session.delete(session.get_one(Attempt, 1))
    press.change(type(press.post(post)), post, state="scheduled", published_at=None)
    return post


def _guard(press: Press) -> str | None:
    return restore.guard(press.engine, press.essential, press.witness_file)


def _suspensions(press: Press) -> list[int]:
    with reading(press.engine) as session:
        return [number for number in session.exec(select(Suspension.id)).all() if number is not None]


@pytest.mark.parametrize("step", STEPS)
def test_a_start_that_falls_in_the_middle_is_finished_by_the_next(
    press: Press, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """I3, KS-5: a post that was not doubted yet would be held after the resume, as if it had never been sent."""
    post = _put_back(press)
    with monkeypatch.context() as patched:
        patched.setattr(*STEPS[step], _fall)
        with pytest.raises(_Fell):
            _guard(press)
    assert _guard(press) is not None
    assert press.states(post) == (["unknown"], "unknown")
    assert len(_suspensions(press)) == 1
    assert _guard(press) is None


def test_a_restore_that_is_through_leaves_no_mark(press: Press) -> None:
    _put_back(press)
    assert _guard(press) is not None
    with reading(press.engine) as session:
        assert session.get(Meta, restore.UNDER_WAY) is None


def test_a_store_that_is_not_looked_through_is_not_lifted(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    """I3, KS-10: the lift would hold what may have gone out, as if it had never been sent."""
    post = _put_back(press)
    with monkeypatch.context() as patched:
        patched.setattr(restore, "_doubt_batch", _fall)
        with pytest.raises(_Fell):
            _guard(press)
    number = _suspensions(press)[0]
    with pytest.raises(SwitchError, match="not looked through"):
        press.lift(number)
    environ = {"STANDFAST_TOKEN": press.tokens["omar"]}
    with (
        closing(Resumption(press.essential, environ)) as resume,
        pytest.raises(SwitchError, match=r"daemon.*NOT LIFTED"),
    ):
        resume.ask("clear", scope=None, suspension=number)
    assert press.post(post).state == "scheduled"
    assert _guard(press) is not None
    press.lift(number)
    assert press.post(post).state == "unknown"
