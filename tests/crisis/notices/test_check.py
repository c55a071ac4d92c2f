"""The doctor's look at the addresses: what apprise does not understand is named by its variable, and nothing is sent."""

from __future__ import annotations

import re

import pytest

from config import essentials, settings
from crisis.notices import address, check
from scheduler.checkup import BAD, OK, Patient
from tests.crisis.notices.services import CANARY
from tests.crisis.plans import filled, written
from tests.scheduler.press import Press
from tests.support.city import CHECKOUT

GOOD = {
    "NOTICE_DORA": f"json://127.0.0.1:1/{CANARY}",
    "NOTICE_OMAR_PHONE": f"mailto://omar:{CANARY}@city.example",
    "NOTICE_OMAR_MAIL": f"mmost://127.0.0.1/{CANARY}",
}


def _found(press: Press, **changed: str) -> list[tuple[str, str]]:
    own = settings.load().model_copy(update={"plan": "crisis-plan.toml", "root": press.essential.root})
    return [*check.check(Patient(own, essentials.load(), press.engine, GOOD | changed))]


@pytest.fixture(autouse=True)
def _plan(sqlite_press: Press) -> None:
    written(sqlite_press.essential.root, filled())


def test_addresses_that_are_understood_are_counted(sqlite_press: Press) -> None:
    said = "3 address(es) of 2 people are understood; `standfast crisis notices --test PERSON` tries one person's"
    assert _found(sqlite_press) == [(OK, said)]


@pytest.mark.parametrize(
    "text", [f"bogus://{CANARY}", f"slack://{CANARY}", f"{CANARY}@city.example", f"json://[{CANARY}"]
)
def test_one_that_is_not_understood_is_a_fault_and_not_shown(
    sqlite_press: Press, text: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """SE-3."""
    found = _found(sqlite_press, NOTICE_OMAR_MAIL=text)
    assert found == [(BAD, f"NOTICE_OMAR_MAIL of omar {address.NOT_UNDERSTOOD}")]
    assert CANARY not in "".join(capfd.readouterr())


ROWS = re.findall(r"^\| [^|]+ \| `(\w+://[^`]+)` \|$", (CHECKOUT / "docs" / "notices.md").read_text(), re.MULTILINE)


@pytest.mark.parametrize("shape", ROWS)
def test_every_shape_on_the_page_is_understood(shape: str) -> None:
    assert address.trouble(shape) is None


def test_the_page_has_shapes() -> None:
    assert len(ROWS) >= 12


def test_one_that_is_not_set_is_the_plan_s_own_check_s(sqlite_press: Press) -> None:
    assert [level for level, _ in _found(sqlite_press, NOTICE_DORA=" ")] == [OK]


def test_without_the_extra_its_installation_is_the_remedy(sqlite_press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "find_spec", lambda name: None)
    (fault,) = _found(sqlite_press)
    assert fault == (BAD, f"the plan's notice list names 2 people, and {address.NOT_INSTALLED}")


def test_a_plan_that_names_nobody_or_is_broken_needs_nothing(
    sqlite_press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(address, "find_spec", lambda name: None)
    for text in ("version = [", filled().partition("[[notice]]")[0]):
        written(sqlite_press.essential.root, text)
        assert _found(sqlite_press) == []


def test_what_a_service_s_own_code_does_with_an_address_ends_no_doctor(
    sqlite_press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    def burst(url: str) -> None:
        raise ZeroDivisionError(url)

    monkeypatch.setattr(address, "_opened", burst)
    levels = {*_found(sqlite_press)}
    assert (BAD, "NOTICE_DORA of dora cannot be understood (ZeroDivisionError): mend the address") in levels
