from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from config import clock
from records import log
from records.verify import verify
from store.engine import writing


def _record(engine: Engine, count: int) -> None:
    with writing(engine) as session:
        for number in range(count):
            log.record(session, "ana", "even" if number % 2 == 0 else "odd", f"post {number}", {"n": number})


def test_an_entry_stands_only_if_the_act_does(engine: Engine) -> None:
    def half(session: Session) -> None:
        assert log.record(session, "ana", "act", "post 1") == 1
        raise KeyError

    with pytest.raises(KeyError), writing(engine) as opened:
        half(opened)
    assert log.entries(engine) == []
    assert verify(engine).ok


def test_the_newest_are_shown_oldest_first(engine: Engine) -> None:
    _record(engine, 6)
    assert [entry["seq"] for entry in log.entries(engine, limit=3)] == [4, 5, 6]
    assert [entry["seq"] for entry in log.entries(engine, action="odd")] == [2, 4, 6]
    assert log.entries(engine)[0]["detail"] == {"n": 0}


def test_since_is_inclusive(engine: Engine) -> None:
    _record(engine, 1)
    (only,) = log.entries(engine)
    at = clock.from_datetime(datetime.fromisoformat(only["at"]))
    assert len(log.entries(engine, since=at)) == 1
    assert log.entries(engine, since=at + 10_000) == []


def test_a_tampered_detail_is_shown_as_it_stands(engine: Engine) -> None:
    _record(engine, 1)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE log_entry SET detail = '{nonsense'")
    assert log.entries(engine)[0]["detail"] == {"unreadable": "{nonsense"}
