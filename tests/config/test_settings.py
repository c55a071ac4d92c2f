"""All settings: every mistake at once, each by name and value, and what does not go together names both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from config import essentials, settings
from config.settings import MUST_NOT_EXCEED, Settings, SettingsError

FOLDER = Path("/city")


def _check(**values: Any) -> Settings:
    return settings.check(essentials.Loaded(values, FOLDER / "standfast.toml", FOLDER, {}))


def _faults(**values: Any) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        _check(**values)
    assert str(caught.value) == "\n".join(caught.value.faults)
    assert all(
        len(line.splitlines()) == 1 and line.startswith("/city/standfast.toml: ") for line in caught.value.faults
    )
    return caught.value.faults


def test_the_defaults_go_together() -> None:
    found = _check()
    assert found.send_deadline == 30.0
    assert found.root == FOLDER
    assert found.calendars_dir == FOLDER / "calendars"
    assert _check(calendars="/elsewhere").calendars_dir == Path("/elsewhere")


@pytest.mark.parametrize(("small", "large", "why"), MUST_NOT_EXCEED)
def test_what_does_not_go_together_names_both_settings_and_values(small: str, large: str, why: str) -> None:
    least = getattr(Settings(), large)
    faults = _faults(**{small: least + 1})
    named = [line for line in faults if f"{small} = {least + 1:g}s is more than {large} = {least:g}s" in line]
    assert len(named) == 1
    assert why in named[0]
    assert f"lower {small} or raise {large}" in named[0]


@pytest.mark.parametrize(("small", "large", "_why"), MUST_NOT_EXCEED)
def test_equal_values_do_go_together(small: str, large: str, _why: str) -> None:
    same = {name: 3600.0 for rule in MUST_NOT_EXCEED for name in rule[:2]}
    assert getattr(_check(**same), small) == getattr(_check(**same), large)


@pytest.mark.parametrize("name", ["sendd_eadline", "", "a b", "root", "model_config"])
def test_an_unknown_setting_is_named_with_its_value(name: str) -> None:
    (fault,) = _faults(**{name: "42x"})
    assert "= '42x' is not a setting" in fault
    assert name in fault


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("timezone", "Mars/Olympus"),
        ("timezone", ""),
        ("timezone", "../etc/passwd"),
        ("timezone", "America"),
        ("timezone", 5),
        ("database_url", "mysql://x"),
        ("database_url", "sqlite://x"),
        ("engine", "celery"),
        ("threads", 0),
        ("threads", 257),
        ("threads", "many"),
        ("retries", -1),
        ("send_deadline", "soon"),
        ("send_deadline", "9999999999d"),
        ("resume_two_persons", "maybe"),
        ("data_dir", 5),
        ("roles", []),
        ("plan", [1]),
        ("training", "Social Media"),
        ("approval", "maybe"),
        ("channel_authorization", "perhaps"),
    ],
)
def test_a_wrong_value_is_named(name: str, value: object) -> None:
    (fault,) = _faults(**{name: value})
    assert f"{name} = {value!r}: " in fault


def test_every_mistake_is_told_at_once() -> None:
    assert len(_faults(threads=0, engine="x", nonsense=1, timezone="Mars/X", root="y")) == 5


def test_what_the_environment_says_is_read_as_its_type() -> None:
    found = _check(threads="3", resume_two_persons="no", send_deadline="5", retries="0")
    assert (found.threads, found.resume_two_persons, found.send_deadline, found.retries) == (3, False, 5.0, 0)


def test_a_broken_source_is_refused_here(tmp_path: Path) -> None:
    """The stop goes on with defaults; everything else asks for the file to be mended first."""
    (tmp_path / "standfast.toml").write_text("=")
    with pytest.raises(SettingsError, match="cannot be read"):
        settings.load(tmp_path)


def test_settings_are_read_from_file_and_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "standfast.toml").write_text("threads = 3\nsettle = '90s'\n")
    monkeypatch.setenv("STANDFAST_THREADS", "4")
    found = settings.load(tmp_path)
    assert (found.threads, found.settle, found.root) == (4, 90.0, tmp_path)
