"""`standfast crisis notices` and `ack`: who was told at which address, who knows, and whether an address works."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from crisis import plan as plans
from crisis.notices import address
from crisis.notices.notifier import Notifier
from crisis.notices.words import Words
from records.log import entries
from scheduler import killswitch, receipt
from scheduler.killswitch import Scope
from store.engine import cursor, dialect, reading, writing
from tests.commands.office import Office
from tests.crisis.notices.services import CANARY, services
from tests.crisis.plans import changed, filled, written


def suspend(office: Office, request: str = "r", scope: str = "all") -> int:
    """The number of a suspension of dana's."""
    with writing(office.engine) as session:
        order = killswitch.Order(request, "dana", "tornado", Scope.parse(scope))
        return killswitch.suspend(cursor(session), dialect(session), order).suspension


def lift(office: Office, number: int) -> None:
    """Lift it, past every rule."""
    with writing(office.engine) as session:
        at = session.connection()
        at.exec_driver_sql(
            f"UPDATE suspension SET lifted_epoch = 9, lifted_by = 'ana', lifted_at = 1 WHERE id = {number}"
        )


def _tell(office: Office, troubles: dict[str, str | None]) -> None:
    """What a daemon's turn does, at addresses that answer so."""

    def send(url: str, said: Words) -> str | None:
        return troubles[url]

    plan = plans.read(written(office.city.root, filled()))
    own = Notifier(
        office.engine, lambda: replace(plan), lambda: {name: name for name in troubles}, "UTC", send, at_once=1
    )
    own.run()
    own.wait(30)


TROUBLES: dict[str, str | None] = {"NOTICE_DORA": None, "NOTICE_OMAR_PHONE": "refused", "NOTICE_OMAR_MAIL": "refused"}


def test_everybody_s_delivery_is_shown_address_by_address(office: Office) -> None:
    """KS-18."""
    number = suspend(office)
    _tell(office, TROUBLES)
    (found,) = office.run("crisis", "notices", "--json").data
    assert (found["suspension"], found["told"], found["waiting"], found["failed"]) == (number, ["dora"], ["omar"], [])
    shown = [
        (item["person"], item["variable"], item["state"], item["tries"], item["detail"]) for item in found["deliveries"]
    ]
    assert shown == [
        ("dora", "NOTICE_DORA", "delivered", 1, ""),
        ("omar", "NOTICE_OMAR_PHONE", "waiting", 1, "refused"),
        ("omar", "NOTICE_OMAR_MAIL", "waiting", 1, "refused"),
    ]
    assert [item["acknowledged_at"] for item in found["deliveries"]] == [None] * 3
    said = office.run("crisis", "notices")
    assert (said.code, len(said.out.splitlines())) == (0, 4)
    assert said.out.splitlines()[0].split() == [
        *("suspension", "notice", "person", "address", "state", "tries", "when", "why", "acknowledged")
    ]
    assert "acknowledged by nobody yet" in said.err
    with reading(office.engine) as session:
        told = receipt.build(cursor(session), dialect(session), number, 60.0)
    assert told.as_json()["notices"] == {name: found[name] for name in ("told", "waiting", "failed", "acknowledged")}
    assert "  notices     told: dora; still waiting: omar; acknowledged by nobody yet" in receipt.words(told)


def test_one_address_that_works_is_enough_to_be_told(office: Office) -> None:
    number = suspend(office)
    _tell(office, TROUBLES | {"NOTICE_OMAR_MAIL": None})
    with reading(office.engine) as session:
        assert receipt.notices(cursor(session), dialect(session), number)["told"] == ["dora", "omar"]


def test_a_person_says_once_that_they_know(office: Office) -> None:
    """KS-18: the acknowledgement is in the log, and ends the wait for this person."""
    numbers = [suspend(office), suspend(office, "again")]
    said = office.run("crisis", "ack")
    assert (said.code, said.err.splitlines()) == (0, [f"ACKNOWLEDGED  suspension {n} by ana" for n in numbers])
    again = office.run("crisis", "ack", str(numbers[0]), "--json").data
    assert [(item["suspension"], item["person"], item["new"]) for item in again] == [(numbers[0], "ana", False)]
    assert "ACKNOWLEDGED  suspension 1 by ana since 20" in office.run("crisis", "ack", "1").err
    assert [entry["actor"] for entry in entries(office.engine, action="acknowledge")] == ["ana", "ana"]
    with reading(office.engine) as session:
        assert receipt.notices(cursor(session), dialect(session), numbers[0])["acknowledged"] == ["ana"]


def test_what_cannot_be_acknowledged_is_one_line(office: Office) -> None:
    assert "nothing is suspended: there is nothing to acknowledge" in office.fails("crisis", "ack")
    assert "there is no suspension 7" in office.fails("crisis", "ack", "7")
    number = suspend(office)
    assert "you are not signed in" in office.fails("crisis", "ack", STANDFAST_TOKEN="")
    lift(office, number)
    assert "nothing is suspended" in office.fails("crisis", "ack")
    assert office.run("crisis", "ack", str(number)).code == 0


def test_after_the_lift_the_last_one_is_shown_and_any_can_be_named(office: Office) -> None:
    said = office.run("crisis", "notices")
    assert (said.code, said.out) == (0, "")
    assert "nobody was told of anything yet" in said.err
    for request in ("a", "b"):
        number = suspend(office, request)
        _tell(office, TROUBLES)
        lift(office, number)
    assert [item["suspension"] for item in office.run("crisis", "notices", "--json").data] == [2]
    assert [item["suspension"] for item in office.run("crisis", "notices", "--suspension", "1", "--json").data] == [1]
    assert "there is no suspension 9" in office.fails("crisis", "notices", "--suspension", "9")


# --- a test ----------------------------------------------------------------------------------------------------------


def _addresses(office: Office, **addresses: str) -> Path:
    office.city.set(plan="crisis-plan.toml")
    written(office.city.root, changed(('language = "es"', 'language = "en"')))
    file = office.city.root / ".env"
    file.write_text("".join(f"{name}='{url}'\n" for name, url in addresses.items()), encoding="utf-8")
    return file


def test_a_test_notice_is_marked_and_says_what_came_of_it(office: Office) -> None:
    with services() as there:
        _addresses(office, NOTICE_OMAR_PHONE=there.address("takes"), NOTICE_OMAR_MAIL=there.address("fails"))
        said = office.run("crisis", "notices", "--test", "omar", "--json")
        (taken,) = there.taken("takes")
    assert taken["title"] == "TEST notice to omar"
    assert all(line.startswith("TEST ") for line in taken["message"].splitlines())
    assert said.code == 1
    assert [(item["variable"], item["trouble"] is None) for item in said.data] == [
        ("NOTICE_OMAR_PHONE", True),
        ("NOTICE_OMAR_MAIL", False),
    ]
    (entry,) = entries(office.engine, action="notice.test")
    assert (entry["actor"], entry["subject"], entry["detail"]["NOTICE_OMAR_PHONE"]) == ("ana", "omar", "taken")
    assert CANARY not in str(said) + str(office.rows("log_entry", "notice", "delivery"))
    assert office.rows("notice", "delivery") == {"notice": [], "delivery": []}


def test_a_test_that_all_take_ends_with_0(office: Office) -> None:
    with services() as there:
        _addresses(office, NOTICE_DORA=there.address("mails"))
        said = office.run("crisis", "notices", "--test", "dora")
        (letter,) = there.letters()
    assert (said.code, letter["Subject"]) == (0, "TEST notice to dora")
    assert said.out.splitlines()[0].split() == ["person", "address", "answer"]
    assert "NOTICE_DORA  taken" in said.out


def test_a_test_of_what_is_not_there_is_one_line(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    _addresses(office)
    assert "'doro' is not on the plan's notice list: did you mean 'dora'?" in office.fails(
        "crisis", "notices", "--test", "doro"
    )
    said = office.run("crisis", "notices", "--test", "dora")
    assert (said.code, "NOTICE_DORA is not set: add it to .env" in said.out) == (1, True)
    written(office.city.root, changed(('["NOTICE_DORA"]', "[]")))
    assert "the plan names no address of dora" in office.fails("crisis", "notices", "--test", "dora")
    office.run("people", "add", "rita", "--name", "Rita Voss")
    token = office.run("people", "token", "rita", "--json").data["token"]
    refused = office.fails("crisis", "notices", "--test", "dora", STANDFAST_TOKEN=token)
    assert "rita may not send a test notice to dora: rita does not hold 'suspend'" in refused


def test_a_rehearsal_tells_nobody(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """KS-20: nothing but this machine is reached then."""
    sent: list[str] = []
    monkeypatch.setattr(address, "send", lambda url, said: sent.append(url))
    _addresses(office, NOTICE_DORA="json://127.0.0.1/")
    monkeypatch.setattr("config.clock.is_rehearsal", lambda: True)
    assert "nobody is told anything" in office.fails("crisis", "notices", "--test", "dora")
    assert sent == []
