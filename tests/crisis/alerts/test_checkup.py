"""The doctor's look at alerts."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import essentials, extra, settings
from crisis.alerts import checkup, setup, trouble
from scheduler.checkup import BAD, OK, WARN, Patient
from tests.commands.office import Office
from tests.crisis.alerts.build import SUGGEST, tornado
from tests.crisis.alerts.room import Room
from tests.scheduler.press import Press

RULES = Path(__file__).parent


def _found(press: Press, **changed: object) -> list[tuple[str, str]]:
    patient = Patient(settings.load().model_copy(update=changed), essentials.load(), press.engine, {})
    return list(checkup.check(patient))


def _rules(root: Path, text: str) -> Path:
    file = root / "alerts.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_city_without_alerts_is_told_how_they_come_in(room: Room) -> None:
    assert [level for level, _ in _found(room.press)] == [OK]


def test_a_city_that_is_set_up_lacks_people_alone(room: Room, tmp_path: Path) -> None:
    """The twin of all below: the shipped plan tells nobody."""
    file = _rules(tmp_path, (RULES / "suggest.toml").read_text(encoding="utf-8"))
    found = _found(room.press, alerts=file, alerts_folder=tmp_path, alerts_feed="https://a.example/f?pin=canary")
    assert [level for level, _ in found] == [OK, OK, OK, WARN]
    assert "nobody is told" in found[-1][1]
    assert "canary" not in str(found)


@pytest.mark.parametrize(
    ("text", "level", "says"),
    [
        (None, WARN, "the rules name no place"),
        ("[place", BAD, "cannot be read"),
        ("tests = 'maybe'", BAD, "is not known here"),
        ("whitelist", BAD, "hold[2].scope: there is no group:safety"),
    ],
)
def test_what_the_rules_lack_is_told(room: Room, tmp_path: Path, text: str | None, level: str, says: str) -> None:
    text = (RULES / "whitelist.toml").read_text(encoding="utf-8") if text == "whitelist" else text
    file = None if text is None else _rules(tmp_path, text)
    found = _found(room.press, alerts=file, alerts_folder=tmp_path)
    assert any(own == level and says in line for own, line in found), found


def test_what_is_missing_for_a_source_is_a_fault(room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "NEEDED", ("lxml", "no_such_library"))
    found = _found(room.press, alerts_folder=tmp_path / "none")
    assert (BAD, f"reading alerts needs no_such_library: {extra.install('alerts')}") in found
    assert any(level == BAD and "does not exist" in line for level, line in found)


def test_what_anybody_may_write_to_is_told(room: Room, tmp_path: Path) -> None:
    """SE-4: who may write the rules decides what stops the city."""
    file = _rules(tmp_path, (RULES / "suggest.toml").read_text(encoding="utf-8"))
    folder = tmp_path / "in"
    folder.mkdir()
    for path in (file, folder):
        path.chmod(0o777)
    found = _found(room.press, alerts=file, alerts_folder=folder)
    assert any(level == BAD and f"anybody may write to {file}" in line for level, line in found)
    assert any(level == WARN and f"anybody may put alerts into {folder}" in line for level, line in found)


def test_what_does_not_arrive_and_what_waits_is_told(room: Room, tmp_path: Path) -> None:
    room.rules = SUGGEST
    room.take(tornado())
    trouble.Troubles(room.press.engine).note(trouble.FEED, "https://a.example/f: timed out")
    found = _found(room.press, alerts_folder=tmp_path)
    assert any(level == WARN and "timed out" in line for level, line in found)
    assert any(level == WARN and "1 alert(s) wait for a person's decision" in line for level, line in found)


def test_the_doctor_looks_at_alerts(office: Office) -> None:
    office.city.set(alerts_folder="none")
    ran = office.city.run("doctor", "--json")
    assert ran.returncode == 1
    assert '"check": "alerts"' in ran.stdout
    assert "mend alerts_folder" in ran.stdout
