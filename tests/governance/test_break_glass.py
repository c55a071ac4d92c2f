"""KS-21: sealed one-time codes suspend, once, also while the store is away; they resume nothing; every use is reviewed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from governance import access, break_glass, people, sealed_codes
from governance.access import Refused
from governance.authority import Identity, Refusal
from governance.people import PeopleError
from scheduler import killswitch, stop_cell, switch
from scheduler.cell_keeper import CellKeeper
from scheduler.emergency_stop import DONE, NOT_RECORDED, Answer, EmergencyStop, Request
from scheduler.killswitch import Scope
from store.crisis_tables import BreakGlassCode
from store.engine import reading
from store.tables import Suspension
from tests.scheduler.press import STEWARD, Press

ANN = Identity("ann", "Ann", "token")


def _seal(press: Press, count: int = 2) -> list[str]:
    with access.acting(press.engine) as session:
        made = sealed_codes.seal(session, STEWARD, "EOC safe", count)
    people.refresh_authority(press.engine, press.essential.authority_file)
    return [*made.values()]


@pytest.fixture
def stranger(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody here owns the service account."""
    monkeypatch.setattr("governance.authority.owns_service_account", lambda folder: False)


def _stop(press: Press, code: str, **more: Any) -> Answer:
    environ = {name: value for name, value in os.environ.items() if name != "STANDFAST_TOKEN"}
    return EmergencyStop(press.essential, environ, lambda _: None).run(Request(Scope(), code=code, **more))


def _row(press: Press, number: int = 1) -> BreakGlassCode:
    found: BreakGlassCode = press.row(BreakGlassCode, number)
    return found


@pytest.mark.usefixtures("stranger")
def test_a_code_stops_everything_once(press: Press) -> None:
    first, second = _seal(press)
    answer = _stop(press, first.lower().replace("-", " "))
    assert (answer.code, answer.receipt.by if answer.receipt else "") == (DONE, "break-glass code 1")
    assert "break-glass code 1 (EOC safe) is used up" in answer.words
    row = _row(press)
    assert (row.suspension_id, row.used_at is not None) == (1, True)
    assert [entry.actor for entry in press.log("break_glass")] == ["break-glass code 1"]
    with pytest.raises(
        Refusal, match=r"was used on 20.*take the next one.*THIS COMMAND HAS SUSPENDED NOTHING; suspension 1 stands"
    ):
        _stop(press, first)
    assert _stop(press, second).code == DONE


@pytest.mark.usefixtures("stranger")
def test_what_is_no_code_stops_nothing_and_is_logged(press: Press) -> None:
    _seal(press)
    with pytest.raises(Refusal, match=r"not known here.*NOTHING IS SUSPENDED"):
        _stop(press, "22222-22222-22222-22222")
    assert press.ask(killswitch.closed_by, "parks", 0) == []
    assert stop_cell.read(press.essential.cell_file).stops == ()
    assert [entry.actor for entry in press.log("refused")] == ["unknown"]


@pytest.mark.usefixtures("stranger")
def test_a_revoked_code_stops_nothing(press: Press) -> None:
    (code,) = _seal(press, 1)
    with access.acting(press.engine) as session:
        assert sealed_codes.revoke(session, STEWARD, 1) == "EOC safe"
    with pytest.raises(Refusal, match="was revoked"):
        _stop(press, code)
    people.refresh_authority(press.engine, press.essential.authority_file)
    assert break_glass.from_file(press.essential.authority_file, code) is None
    with access.acting(press.engine) as session, pytest.raises(PeopleError, match="used or revoked already"):
        sealed_codes.revoke(session, STEWARD, 1)


@pytest.mark.usefixtures("stranger")
def test_while_the_store_is_away_the_cell_stops_this_host_and_the_code_is_used_up_later(
    press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KS-21, KS-1: the local file knows the codes; the ledger learns of the use from the stop itself."""
    (code,) = _seal(press, 1)

    def away(*_: object, **__: object) -> None:
        raise switch.SwitchUnavailable("the store is away")

    with monkeypatch.context() as patched:
        patched.setattr(switch, "reading", away)
        patched.setattr(switch, "exclusive", away)
        answer = _stop(press, code)
        assert answer.code == NOT_RECORDED
        with pytest.raises(Refusal, match=r"the local file does not know this code.*NOTHING IS SUSPENDED"):
            _stop(press, "22222-22222-22222-22222")
    assert _row(press).used_at is None
    CellKeeper(press.essential, press.engine).keep()
    assert (_row(press).suspension_id, press.row(Suspension, 1).by) == (1, killswitch.STOP_CELL)
    with pytest.raises(Refusal, match="was used"):
        _stop(press, code)


def test_a_code_is_no_token(press: Press) -> None:
    """It resumes nothing, and signs in nowhere."""
    (code,) = _seal(press, 1)
    with pytest.raises(Refusal, match="not a token"):
        access.sign_in(press.engine, code)


def test_neither_the_store_nor_the_file_holds_a_code(press: Press, tmp_path: Path) -> None:
    """SE-3."""
    codes = _seal(press)
    with reading(press.engine) as session:
        told = json.dumps(sealed_codes.listing(session))
    written = press.essential.authority_file.read_text(encoding="utf-8")
    for code in codes:
        assert code not in told + written + str(vars(_row(press)))
        assert code.replace("-", "") not in told + written
    assert len(set(codes)) == 2
    assert {row["state"] for row in json.loads(told)} == {"sealed"}


def test_only_who_looks_after_people_makes_codes(press: Press) -> None:
    with (
        pytest.raises(Refused, match=r"ann may not make sealed codes for my drawer"),
        access.acting(press.engine) as session,
    ):
        sealed_codes.seal(session, ANN, "my drawer", 1)
    with reading(press.engine) as session:
        assert sealed_codes.listing(session) == []


@pytest.mark.parametrize(
    ("label", "count", "why"), [(" ", 1, "--label"), ("safe", 0, "1 to 50"), ("safe", 51, "1 to 50")]
)
def test_a_sheet_needs_a_place_and_some_codes(press: Press, label: str, count: int, why: str) -> None:
    with access.acting(press.engine) as session, pytest.raises(PeopleError, match=why):
        sealed_codes.seal(session, STEWARD, label, count)


@pytest.mark.usefixtures("stranger")
def test_a_use_is_reviewed_once_with_a_note(press: Press) -> None:
    (code,) = _seal(press, 1)
    with access.acting(press.engine) as session, pytest.raises(PeopleError, match="was not used"):
        sealed_codes.review(session, STEWARD, 1, "the deputy, rightly")
    _stop(press, code)
    with access.acting(press.engine) as session, pytest.raises(PeopleError, match="--note"):
        sealed_codes.review(session, STEWARD, 1, " ")
    with access.acting(press.engine) as session:
        sealed_codes.review(session, STEWARD, 1, "the deputy, rightly")
    with access.acting(press.engine) as session, pytest.raises(PeopleError, match="reviewed already, by"):
        sealed_codes.review(session, STEWARD, 1, "again")
    with reading(press.engine) as session:
        (told,) = sealed_codes.listing(session)
    assert (told["state"], told["review"], told["suspension"]) == ("used", "the deputy, rightly", 1)


def test_a_code_that_does_not_exist_is_named(press: Press) -> None:
    with access.acting(press.engine) as session, pytest.raises(PeopleError, match="no break-glass code 7"):
        sealed_codes.revoke(session, STEWARD, 7)


@pytest.mark.parametrize("content", ["", "[]", '{"break_glass": 3}', '{"break_glass": [{}]}'])
def test_a_broken_file_knows_no_code(tmp_path: Path, content: str) -> None:
    (tmp_path / "authority.json").write_text(content, encoding="utf-8")
    assert break_glass.from_file(tmp_path / "authority.json", "22222") is None
