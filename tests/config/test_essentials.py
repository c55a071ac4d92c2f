"""The settings that stopping needs: whatever is wrong with the files, a stop goes on and says what is."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from config import essentials, settings
from config.essentials import Essentials
from tests.support.city import CHECKOUT

HOME = {"HOME": "/home/standfast"}
BROKEN = [
    "send_deadline = ",
    "other = 'x'\nother = 'y'\n",
    "recall = 1979-13-45\n",
    "recall = " + "9" * 5000 + "\n",
    "a = " + "[" * 5000,
    "\0",
]
BROKEN_FILE = "the settings cannot be read as a whole"
WRONG: dict[str, list[Any]] = {
    "send_deadline": ["soon", "-3s", "3 weeks", "", "1s2", "9" * 400 + "s", "9999999999d", True, [1], -1, float("nan")],
    "recall": ["9999999999d", 1e10, {"hours": 1}],
    "resume_two_persons": ["maybe", "", 2, [True]],
    "resume_code_life": ["never"],
    "reconfirm": ["later"],
}


def _load(
    folder: Path, file: str | bytes | None = None, dotenv: str | bytes | None = None, **environ: str
) -> Essentials:
    for name, content in (("standfast.toml", file), (".env", dotenv)):
        if content is not None:
            (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return essentials.load({**HOME, **environ}, folder)


def test_without_any_file_the_defaults_hold(tmp_path: Path) -> None:
    found = _load(tmp_path)
    assert found.data_dir == tmp_path / "data"
    assert found.database_url == f"sqlite:///{tmp_path}/data/standfast.db"
    assert found.state_dir == Path("/home/standfast/.local/state/standfast")
    assert (found.send_deadline_s, found.recall_s, found.resume_code_life_s) == (30.0, 3600.0, 900.0)
    assert (found.resume_two_persons, found.token) == (False, None)
    assert [line.startswith("no standfast.toml from") for line in found.warnings] == [True]
    assert found.cell_file.parent == found.workers_dir.parent == found.authority_file.parent == found.data_dir


@pytest.mark.parametrize("text", BROKEN, ids=["no value", "twice", "no date", "long number", "deep", "NUL"])
def test_a_broken_file_leaves_the_defaults_and_is_named(tmp_path: Path, text: str) -> None:
    """KS-1: the trigger works at 2 a.m. with a typo in the settings."""
    found = _load(tmp_path, text)
    assert found.data_dir == tmp_path / "data"
    assert found.send_deadline_s == 30.0
    assert [str(tmp_path / "standfast.toml") in line for line in found.warnings] == [True]
    assert "the lines that can be read count" in found.warnings[0]
    assert found.doubt == BROKEN_FILE


@pytest.mark.parametrize("name", ["send_deadline", "data_dir", "database_url", "resume_two_persons"])
def test_a_table_too_deep_to_be_shown_is_a_warning(tmp_path: Path, name: str) -> None:
    """KS-1: TOML can hold what Python cannot print."""
    found = _load(tmp_path, f"{name} = {{{'a.' * 20_000}a = 1}}")
    assert (found.data_dir, found.send_deadline_s, found.resume_two_persons) == (tmp_path / "data", 30.0, False)
    assert found.database_url == f"sqlite:///{tmp_path}/data/standfast.db"
    assert [line.startswith(f"{name}: ") for line in found.warnings] == [True]


def test_of_a_broken_file_the_lines_that_name_the_store_count(tmp_path: Path) -> None:
    """KS-1: a typo elsewhere in it must not send the stop to another store."""
    found = _load(
        tmp_path, "data_dir = 'elsewhere'\ndatabase_url = 'sqlite:///city.db'\nlateness = [\n[outbox]\nrecall='9m'"
    )
    assert (found.data_dir, found.database_url) == (tmp_path / "elsewhere", f"sqlite:///{tmp_path}/city.db")
    assert found.doubt == BROKEN_FILE


def test_of_a_dotenv_with_bytes_that_are_no_text_the_other_lines_count(tmp_path: Path) -> None:
    found = _load(tmp_path, "", b"OWNER=Andr\xe9\nSTANDFAST_DATABASE_URL=postgresql+psycopg://db/city\n")
    assert found.database_url == "postgresql+psycopg://db/city"
    assert (found.doubt, [".env" in line for line in found.warnings]) == (BROKEN_FILE, [True])


def test_a_dotenv_that_is_no_file_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    (tmp_path / "standfast.toml").touch()
    found = essentials.load(HOME, tmp_path)
    assert (found.doubt, [".env" in line for line in found.warnings]) == (BROKEN_FILE, [True])


@pytest.mark.parametrize("content", [b"\xff\xfe", b"data_dir = '\xe9'"])
def test_bytes_that_are_no_text_are_a_warning(tmp_path: Path, content: bytes) -> None:
    found = _load(tmp_path, content, b"STANDFAST_RECALL=\xff")
    assert found.recall_s == 3600.0
    assert ["standfast.toml" in found.warnings[0], ".env" in found.warnings[1]] == [True, True]


def test_a_broken_file_does_not_hide_what_the_environment_says(tmp_path: Path) -> None:
    found = _load(tmp_path, "=", STANDFAST_DATABASE_URL="postgresql+psycopg://db/city", STANDFAST_DATA_DIR="/var/city")
    assert found.database_url == "postgresql+psycopg://db/city"
    assert found.data_dir == Path("/var/city")
    assert (len(found.warnings), found.doubt) == (1, "")
    assert _load(tmp_path, "=", STANDFAST_DATA_DIR="/var/city").doubt == BROKEN_FILE
    assert not _load(tmp_path, "").doubt


def test_without_any_file_the_store_is_in_doubt_unless_it_is_named(tmp_path: Path) -> None:
    """KS-4: a folder may hold a store that is not the city's."""
    assert _load(tmp_path).doubt == "there is no standfast.toml here"
    assert not _load(tmp_path, STANDFAST_DATABASE_URL="postgresql+psycopg://db/city").doubt
    assert not _load(tmp_path, STANDFAST_DATA_DIR="/var/city").doubt


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_wrong_value_is_its_default_and_named(name: str, value: Any, tmp_path: Path) -> None:
    """KS-1: one value that makes no sense costs that one value."""
    warnings: list[str] = []
    convert: Any = essentials.flag if name == "resume_two_persons" else essentials.seconds
    got = essentials._reader({name: value}, warnings)(name, convert)
    assert got == convert(essentials.DEFAULTS[name])
    assert warnings[0].startswith(f"{name}: ")
    assert repr(value)[:40] in warnings[0]
    assert len(warnings[0].splitlines()) == 1


def test_the_later_source_wins(tmp_path: Path) -> None:
    """Environment over ``.env`` over the file."""
    file = "send_deadline = '1s'\nrecall = '1m'\nresume_code_life = '1m'\n"
    dotenv = "STANDFAST_RECALL=2m\nSTANDFAST_RESUME_CODE_LIFE=2m\n"
    found = _load(tmp_path, file, dotenv, STANDFAST_RESUME_CODE_LIFE="3m")
    assert (found.send_deadline_s, found.recall_s, found.resume_code_life_s) == (1.0, 120.0, 180.0)


def test_secrets_come_from_dotenv_or_the_environment_and_are_no_settings(tmp_path: Path) -> None:
    loaded = essentials.merged(HOME | {"PARKS_KEY": "outer"}, tmp_path)
    assert loaded.environ["PARKS_KEY"] == "outer"
    (tmp_path / ".env").write_text("PARKS_KEY=inner\nPARKS_SECRET=deep\nSTANDFAST_TOKEN=sf_x\nEMPTY\n")
    (tmp_path / "standfast.toml").touch()
    loaded = essentials.merged(HOME | {"PARKS_KEY": "outer"}, tmp_path)
    assert (loaded.environ["PARKS_KEY"], loaded.environ["PARKS_SECRET"]) == ("outer", "deep")
    assert "EMPTY" not in loaded.environ
    assert loaded.values == {}
    assert essentials.load(HOME, tmp_path).token == "sf_x"
    assert essentials.load(HOME | {"STANDFAST_TOKEN": ""}, tmp_path).token is None


def test_the_nearest_file_upwards_is_used_and_its_folder_is_the_root(tmp_path: Path) -> None:
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    (tmp_path / "standfast.toml").write_text("data_dir = 'far'\n")
    assert essentials.load(HOME, below).data_dir == tmp_path / "far"
    (tmp_path / "a" / "standfast.toml").write_text("data_dir = 'near'\n")
    assert essentials.load(HOME, below).data_dir == tmp_path / "a" / "near"
    named = HOME | {"STANDFAST_CONFIG": str(tmp_path / "standfast.toml")}
    assert essentials.load(named, below).data_dir == tmp_path / "far"


def test_a_named_file_that_is_missing_is_a_warning(tmp_path: Path) -> None:
    found = _load(tmp_path, STANDFAST_CONFIG=str(tmp_path / "gone.toml"))
    assert "gone.toml" in found.warnings[0]
    assert found.data_dir == tmp_path / "data"


def test_relative_paths_are_below_the_settings_file(tmp_path: Path) -> None:
    found = _load(tmp_path, "data_dir = 'd'\nstate_dir = 's'\ndatabase_url = 'sqlite:///x/city.db'\n")
    assert (found.data_dir, found.state_dir) == (tmp_path / "d", tmp_path / "s")
    assert found.database_url == f"sqlite:///{tmp_path}/x/city.db"
    assert _load(tmp_path, "database_url = 'sqlite:////var/city.db'").database_url == "sqlite:////var/city.db"


def test_the_state_is_kept_apart_from_the_data(tmp_path: Path) -> None:
    """A backup of the data directory must not bring the witness along."""
    assert _load(tmp_path, XDG_STATE_HOME="/var/state").state_dir == Path("/var/state/standfast")
    assert not _load(tmp_path).state_dir.is_relative_to(tmp_path / "data")


@pytest.mark.parametrize("name", ["data_dir", "state_dir", "database_url"])
def test_a_home_that_does_not_exist_stops_nothing(tmp_path: Path, name: str) -> None:
    """KS-1: ``~citty`` is a typo, not a reason not to stop: the path is taken as it stands, and named where it fails."""
    found = _load(tmp_path, f"{name} = '{'sqlite:///' if name == 'database_url' else ''}~no-such-person/x'\n")
    assert "~no-such-person/x" in str(getattr(found, name))


_AS_SOMEBODY = """
import os, sys
from config import essentials
os.chdir(sys.argv[1])
if sys.argv[2] == "gone": os.rmdir(sys.argv[1])
if sys.argv[2] == "closed": os.chmod(".", 0)
if os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(61234)
for name in ("HOME", "XDG_STATE_HOME"): os.environ.pop(name, None)
found = essentials.load()
print(found.state_dir.is_absolute(), found.data_dir.is_absolute(), found.send_deadline_s)
"""


@pytest.mark.parametrize("folder", ["closed", "gone", "open"])
def test_an_account_without_a_home_in_a_folder_it_may_not_read_can_stop(tmp_path: Path, folder: str) -> None:
    """KS-1: `sudo -u standfast standfast crisis` from somebody's closed, or already removed, folder."""
    place = tmp_path / folder
    place.mkdir()
    environ = {"PYTHONPATH": str(CHECKOUT), "PATH": os.environ["PATH"]}
    command = [sys.executable, "-c", _AS_SOMEBODY, str(place), folder]
    ran = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=30)
    if place.exists():
        place.chmod(0o700)
    assert (ran.stdout, ran.stderr) == ("True True 30.0\n", "")


@pytest.mark.parametrize(
    ("text", "value"),
    [("30s", 30), ("5m", 300), ("2h", 7200), ("1d", 86400), ("250ms", 0.25), ("1.5 s", 1.5), ("7", 7), (7, 7), (0, 0)],
)
def test_durations(text: object, value: float) -> None:
    assert essentials.seconds(text) == value


@pytest.mark.parametrize("word", ["true", "Yes", " on ", "1", True])
def test_yes(word: object) -> None:
    assert essentials.flag(word) is True


@pytest.mark.parametrize("word", ["false", "No", "off", "0", False])
def test_no(word: object) -> None:
    assert essentials.flag(word) is False


ANY = st.one_of(st.text(max_size=20), st.integers(), st.floats(), st.booleans(), st.lists(st.integers(), max_size=2))


@hypothesis_settings(max_examples=300, deadline=None)
@given(value=ANY, convert=st.sampled_from([essentials.seconds, essentials.flag]))
def test_any_value_is_understood_or_refused_by_name(value: Any, convert: Any) -> None:
    warnings: list[str] = []
    found = essentials._reader({"recall": value, "resume_two_persons": value}, warnings)
    name = "recall" if convert is essentials.seconds else "resume_two_persons"
    assert 0 <= found(name, convert) < 1e10
    assert all(repr(value) in line for line in warnings)


VALID = {
    "data_dir": "d",
    "state_dir": "s",
    "database_url": "sqlite:///x.db",
    "send_deadline": "7s",
    "recall": "9m",
    "resume_two_persons": "yes",
    "resume_code_life": "4m",
    "reconfirm": "3d",
}


def test_the_switch_and_the_rest_agree_on_every_shared_setting(tmp_path: Path) -> None:
    """`config.settings` reads the same values under the same names, defaults included."""
    assert VALID.keys() == essentials.DEFAULTS.keys()
    none: dict[str, str] = {}
    for given_values in (none, VALID):
        loaded = essentials.Loaded(dict(given_values), None, tmp_path, {})
        full = settings.check(loaded)
        text = "".join(f"{name} = '{value}'\n" for name, value in given_values.items())
        own = _load(tmp_path, text)
        for name in ("send_deadline", "recall", "resume_code_life", "reconfirm"):
            assert getattr(own, f"{name}_s") == getattr(full, name)
        assert own.resume_two_persons == full.resume_two_persons
        assert own.data_dir == tmp_path / full.data_dir
        assert own.warnings == ()
    assert {"root", "token", "warnings"} <= {item.name for item in fields(Essentials)}


def test_every_shared_setting_is_one_of_the_settings() -> None:
    assert essentials.DEFAULTS.keys() <= settings.Settings.model_fields.keys()
