"""RC-4: the words of the moderation register go by the schedule like records; what was done stays, and is not tampering."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlmodel import select

from config import clock
from governance import moderation, moderation_proof
from governance.authority import Identity
from records.verify import verify
from store.engine import reading, writing
from store.moderation_tables import Moderation
from store.tables import Channel, Person, RoleGrant
from tests.records.retention.store import DAY, Old, ago, plan, rule

ANA = Identity("ana", "Ana Ruiz", "token")
TERMS = {"threats": "No threats."}
SCHEDULE = plan(rule("register", "30 days", "moderation ended", records=["moderation"]))
NOW = clock.wall_us() + 90 * DAY


class Later:
    """The system's clock, ninety days on."""

    wall_us = staticmethod(lambda: NOW)
    boot_ns = staticmethod(clock.SystemClock().boot_ns)


@pytest.fixture
def register(old: Old) -> Old:
    """A hiding that was taken back (entries 1 and 2), a block that stands (3) and a deletion (4)."""
    with writing(old.engine) as session:
        session.add(Person(id="ana", name="Ana Ruiz", created_at=1))
        session.add(RoleGrant(person="ana", role="steward", granted_by="ana", granted_at=1))
        session.add(Channel(name="parks", platform="outbox", created_at=1))
    for action in ("hide", "block", "delete"):
        act = moderation.Act("parks", action, "threats", "@rude", f"Rude words {action}", ago(2), ago(1))
        with writing(old.engine) as session:
            made = moderation.add(session, ANA, act, TERMS)
            if action == "hide":
                moderation.undo(session, ANA, made.id, "a quote")
    return old


def _differing(old: Old) -> list[int]:
    with reading(old.engine) as session:
        return moderation_proof.differing(session)


def test_the_words_go_and_what_was_done_stays(register: Old) -> None:
    with clock.use(Later()):
        number = register.approved(SCHEDULE)
        outcome = register.carry_out(number, SCHEDULE)
    assert outcome.disposed == 3
    with reading(register.engine) as session:
        found = session.exec(select(Moderation).order_by(Moderation.id)).all()
        rows = {row.id: (row.words, row.member, row.note, row.disposed_by) for row in found}
        acts = [(row.action, row.clause, row.actor) for row in found]
        told = {
            row["number"]: (row["disposed_by"], row["words_sha256"]) for row in moderation.described(session, found)
        }
    assert told == {n: (number, None) if n != 3 else (None, moderation.sha256("Rude words block")) for n in rows}
    gone = ("(disposed of)", "(disposed of)", "", number)
    assert rows == {1: gone, 2: gone, 3: ("Rude words block", "@rude", "", None), 4: gone}
    assert acts == [(action, "threats", "ana") for action in ("hide", "unhide", "block", "delete")]
    assert _differing(register) == []
    assert verify(register.engine).ok
    with clock.use(Later()):
        assert register.due(SCHEDULE).due == []


@pytest.mark.parametrize(
    "change",
    [
        "words = 'Kind words' WHERE id = 3",
        "words = '(disposed of)', member = '(disposed of)', disposed_by = 1 WHERE id = 3",
    ],
)
def test_an_entry_that_no_disposition_took_still_shows_as_changed(register: Old, change: str) -> None:
    with clock.use(Later()):
        register.carry_out(register.approved(SCHEDULE), SCHEDULE)
    with writing(register.engine) as session:
        session.execute(text(f"UPDATE moderation SET {change}"))
    assert _differing(register) == [3]


def test_what_was_put_into_an_entry_that_is_gone_shows(register: Old) -> None:
    with clock.use(Later()):
        register.carry_out(register.approved(SCHEDULE), SCHEDULE)
    with writing(register.engine) as session:
        session.execute(text("UPDATE moderation SET words = 'Kind words' WHERE id = 1"))
    assert _differing(register) == [1]


def test_an_entry_that_the_log_does_not_know_is_kept(register: Old) -> None:
    with writing(register.engine) as session:
        copy = "channel, action, clause, clause_words, member, words, captured_at, acted_at, link, note, actor, recorded_at"
        session.execute(text(f"INSERT INTO moderation (id, {copy}) SELECT 9, {copy} FROM moderation WHERE id = 4"))
    with clock.use(Later()):
        assert [item.number for item in register.due(SCHEDULE).due] == [1, 2, 4]
