"""Whoever reads at 2 a.m. reads the city's own time, in each step from the stop to the drill's list; JSON has UTC."""

from __future__ import annotations

import json
import re

import pytest

from config import essentials, local_time
from tests.commands.office import Office
from tests.commands.test_notices import suspend

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
LOCAL = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d C[SD]T")


@pytest.mark.parametrize(
    "words",
    [
        ("crisis", "status"),
        ("crisis",),
        ("resume", "--reason", "over", "--suspension", "1"),
        ("crisis", "checklist"),
        ("crisis", "checklist", "--tick", "read-receipt"),
        ("crisis", "ack", "1"),
        ("doctor",),
        ("records", "list"),
    ],
    ids=" ".join,
)
def test_moments_are_told_in_the_citys_own_time(office: Office, words: tuple[str, ...]) -> None:
    """KS-19."""
    office.city.set(timezone="America/Chicago")
    suspend(office)
    if words[:2] == ("crisis", "ack"):
        office.run(*words)
    told = _told(office, *words)
    assert LOCAL.search(told), told
    assert not MOMENT.search(told), told


def test_json_has_utc(office: Office) -> None:
    """The twin: programs compare moments."""
    office.city.set(timezone="America/Chicago")
    suspend(office)
    assert MOMENT.search(_told(office, "crisis", "status", "--json"))


def test_a_code_is_confirmed_for_the_suspension_that_is_meant(office: Office) -> None:
    """KS-10: another number lifts nothing; the twin is the code's own."""
    number = suspend(office)
    asked = office.city.run("resume", "--reason", "over", "--json", STANDFAST_TOKEN=office.token)
    step = ("resume", "--confirm", json.loads(asked.stdout)["code"], "--reason", "over", "--suspension")
    assert f"the code lifts suspension {number}, not {number + 1}; NOT LIFTED" in _told(office, *step, str(number + 1))
    assert f"LIFTED  suspension {number}" in _told(office, *step, str(number))


def _told(office: Office, *words: str) -> str:
    """What the command itself says, as a process."""
    said = office.city.run(*words, STANDFAST_TOKEN=office.token)
    return str(said.stdout + said.stderr)


def test_what_was_done_is_told_though_the_settings_cannot_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """KS-1: in UTC then; the twin is the city's time."""
    words = "SUSPENDED  at 2026-07-01T07:07:31.250Z"

    def away(**_: object) -> None:
        raise MemoryError("no memory left")

    with monkeypatch.context() as patched:
        patched.setattr(essentials, "merged", away)
        assert local_time.for_people(words) == words
    monkeypatch.setenv("STANDFAST_TIMEZONE", "America/Chicago")
    assert local_time.for_people(words) == "SUSPENDED  at 2026-07-01 02:07:31 CDT"
