"""What a stop says where nearly everything is missing, and how its words lead on; each of these once misled."""

from __future__ import annotations

import json
import os
import sqlite3
import sys

import pytest

import scheduler
from config import essentials
from governance import login_file, people
from governance.authority import Identity, Refusal
from scheduler import emergency_stop
from scheduler.emergency_stop import EmergencyStop
from scheduler.killswitch import Scope
from store.engine import writing
from tests.commands.office import Office
from tests.support.city import City


def test_a_stop_of_which_nothing_could_be_loaded_is_not_called_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """KS-1: a host without memory; people must hear what they can do."""
    import cli

    monkeypatch.setitem(sys.modules, "scheduler.emergency_stop", None)
    monkeypatch.delattr(scheduler, "emergency_stop")
    monkeypatch.setattr(sys, "argv", ["standfast", "crisis"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == emergency_stop.NOT_RECORDED
    assert "stop the daemon by hand" in capsys.readouterr().err


def test_a_stop_under_settings_that_cannot_be_read_is_never_called_quiet(sqlite_city: City) -> None:
    """KS-1, KS-4: the store that was stopped is named, and need not be the city's; the twin is the mended file."""
    assert sqlite_city.run("init", "--person", "dana").returncode == 0
    whole = sqlite_city.settings_file.read_text(encoding="utf-8")
    sqlite_city.settings_file.write_text(f"{whole}\nlateness = [\n", encoding="utf-8")
    for arguments in (["crisis"], ["crisis", "status"]):
        said = sqlite_city.run(*arguments)
        assert said.returncode == emergency_stop.NOT_CONFIRMED, said
        words = said.stdout + said.stderr
        assert f"this is the store {sqlite_city.url.removeprefix('sqlite:///')}" in words
        assert "STILL GO OUT" in words
    assert "QUIET CONFIRMED" not in sqlite_city.run("crisis").stderr
    sqlite_city.settings_file.write_text(whole, encoding="utf-8")
    status = sqlite_city.run("crisis", "status", "--json")
    assert (status.returncode, json.loads(status.stdout)["suspensions"][0]["scope"]) == (0, "all")


def test_a_stop_in_a_folder_without_settings_is_never_called_quiet(sqlite_city: City) -> None:
    """KS-1, KS-4: the store that lies there may be a trial's; the twin names it."""
    sqlite_city.settings_file.write_text("state_dir = 'state'\n", encoding="utf-8")
    assert sqlite_city.run("init", "--person", "dana").returncode == 0
    sqlite_city.settings_file.unlink()
    said = sqlite_city.run("crisis", STANDFAST_CONFIG="", STANDFAST_STATE_DIR="state")
    assert said.returncode == emergency_stop.NOT_CONFIRMED, said
    store = f"the store {sqlite_city.root / 'data' / 'standfast.db'}"
    assert f"there is no standfast.toml here: this is {store}" in said.stdout + said.stderr
    named = sqlite_city.run("crisis", STANDFAST_CONFIG="", STANDFAST_STATE_DIR="state", STANDFAST_DATA_DIR="data")
    assert named.returncode == emergency_stop.DONE, named


def test_who_may_not_stop_hears_how_to_stop_as_the_owner_of_the_service_account(office: Office) -> None:
    """KS-1: `standfast logout` leaves a token of the environment where it is."""
    steward = Identity("ana", "Ana Ruiz", "token")
    with writing(office.engine) as session:
        people.add_person(session, steward, "rita", "Rita Voss")
        token = people.create_token(session, steward, "rita").token
    for environ, remedy in (({"STANDFAST_TOKEN": token}, "unset STANDFAST_TOKEN"), ({}, "standfast logout")):
        if not environ:
            login_file.store(essentials.load().data_dir, os.environ, token)
        own = EmergencyStop(essentials.load(), dict(os.environ) | {"STANDFAST_TOKEN": ""} | environ, lambda _: None)
        with pytest.raises(Refusal, match=f"`{remedy}`.*NOTHING IS SUSPENDED"):
            own.run(emergency_stop.Request(Scope()))


def test_a_stop_in_an_encoding_that_cannot_be_written_ends_with_its_own_code(sqlite_city: City) -> None:
    """KS-1: code 1 would say that nothing is suspended."""
    assert sqlite_city.run("init", "--person", "dana").returncode == 0
    said = sqlite_city.run("crisis", "--json", "--reason", "é..", PYTHONIOENCODING="idna")
    assert said.returncode == emergency_stop.DONE, said
    assert json.loads(sqlite_city.run("crisis", "status", "--json").stdout)["suspensions"]


def test_what_init_leaves_out_in_a_city_that_is_there_is_said(sqlite_city: City) -> None:
    said = sqlite_city.run("init", "--person", "dana", "--timezone", "America/Denver")
    assert said.returncode == 0
    assert f"{sqlite_city.settings_file} is there already: --timezone is left out" in said.stderr
    assert "Denver" not in sqlite_city.settings_file.read_text(encoding="utf-8")


@pytest.mark.parametrize("words", ["wrong post", "wrong post on facebook", "bomb drill", "active shooter report"])
def test_an_unquoted_reason_never_leaves_it_open_whether_anything_is_suspended(sqlite_city: City, words: str) -> None:
    """KS-1: the reason's words are commands, too; the twin is the quoted one, which stops."""
    assert sqlite_city.run("init", "--person", "dana").returncode == 0
    said = sqlite_city.run("crisis", "--reason", *words.split())
    assert (said.returncode, "NOTHING IS SUSPENDED" in said.stderr) == (2, True), said
    assert sqlite_city.run("crisis", "--reason", words).returncode == 0


def test_a_store_of_an_older_program_says_how_it_becomes_todays(sqlite_city: City) -> None:
    """KS-1: between the new program and `standfast init`: the cell is set, and the way on is named."""
    assert sqlite_city.run("init", "--person", "dana").returncode == 0
    with sqlite3.connect(sqlite_city.url.removeprefix("sqlite:///")) as store:
        store.execute("DROP TABLE suspension_release")
    said = sqlite_city.run("crisis")
    assert said.returncode == emergency_stop.NOT_RECORDED
    assert "The stop cell is set" in said.stderr
    assert "`standfast init` migrates it; then run `standfast crisis` again" in said.stderr
