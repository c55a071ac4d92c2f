"""Another connection's writes are noticed, and a lost connection is made anew."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text

from records import log
from scheduler.change import ChangeWatch
from store.engine import writing


def _write(engine: Engine) -> None:
    with writing(engine) as session:
        log.record(session, "ana", "tested", "post 1", {})


def test_a_write_is_noticed_once(engine: Engine) -> None:
    watch = ChangeWatch(engine)
    assert watch.changed()
    assert not watch.changed()
    _write(engine)
    assert watch.changed()
    assert not watch.changed()
    watch.close()
    watch.close()


def test_what_was_undone_is_no_change_on_sqlite_or_postgres(engine: Engine) -> None:
    watch = ChangeWatch(engine)
    watch.changed()

    def undone() -> None:
        with writing(engine) as session:
            log.record(session, "ana", "tested", "post 1", {})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        undone()
    assert not watch.changed()
    watch.close()


def test_a_question_that_fails_closes_the_connection_and_the_next_one_opens_another(engine: Engine) -> None:
    watch = ChangeWatch(engine)
    watch.changed()
    question = watch._question
    watch._question = text("SELECT * FROM no_such_table")
    with pytest.raises(Exception, match="no_such_table"):
        watch.changed()
    assert watch._connection is None
    watch._question = question
    _write(engine)
    assert watch.changed()
    watch.close()
