"""What somebody without the right, or with odd files and pipes, might try; each of these once worked or hid the truth."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from calendars import csv_file, reader, yaml_tree
from config import essentials, settings
from config.settings import SettingsError
from governance import authority, roles
from governance.authority import Refusal
from scheduler import checkup, emergency_stop, liveness
from scheduler.emergency_stop import EmergencyStop
from scheduler.killswitch import Scope, SwitchError
from scheduler.planning import reload
from scheduler.resumption import Resumption
from tests.commands.office import Office
from tests.support.city import City

YEAR = 2027
CANARY = "s3cretCANARY"


@pytest.fixture(autouse=True)
def _shipped_roles() -> Iterator[None]:
    yield
    roles.use(None)


def _shell(city: City, line: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """What the shell says of `line`, in which SF stands for the command."""
    command = " ".join(f"'{part}'" for part in city.command())
    return subprocess.run(
        ["sh", "-c", line.replace("SF", command)],
        cwd=city.root,
        env={**city.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _stop(office: Office) -> None:
    """Everything is suspended by the steward."""
    request = emergency_stop.Request(Scope(), wait=False)
    EmergencyStop(essentials.load(), {"STANDFAST_TOKEN": office.token}, lambda _: None).run(request)


def _ask(token: str) -> str:
    """The code of a resume asked for with `token`."""
    with closing(Resumption(essentials.load(), {"STANDFAST_TOKEN": token})) as own:
        return own.ask("clear", scope=None, suspension=None).code


def _confirm(token: str, code: str) -> None:
    with closing(Resumption(essentials.load(), {"STANDFAST_TOKEN": token})) as own:
        own.confirm(code, "clear")


def _refused(office: Office) -> list[dict[str, Any]]:
    return list(office.run("records", "list", "--action", "refused", "--json").data)


def _joined(office: Office, person: str, role: str, channel: str = "*") -> str:
    """The token of a new person with a role."""
    office.run("people", "add", person, "--name", person.title())
    office.run("people", "grant", person, role, "--channel", channel)
    return str(office.run("people", "token", person, "--json").data["token"])


# --- the stop and the resume ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("closed", [">&-", ">/dev/full", "2>&-", ">&- 2>&-"])
def test_a_stop_whose_words_nobody_can_read_still_ends_with_its_own_code(sqlite_city: City, closed: str) -> None:
    """KS-1: code 1 says that nothing is suspended; a closed or full output must not make it so."""
    assert sqlite_city.run("init", "--person", "dana").returncode == 0
    assert _shell(sqlite_city, f"SF crisis --json {closed}").returncode == emergency_stop.DONE
    status = json.loads(sqlite_city.run("crisis", "status", "--json").stdout)
    assert [item["scope"] for item in status["suspensions"]] == ["all"]


def test_a_scope_of_any_bytes_is_wrong_usage_and_says_that_nothing_is_suspended(sqlite_city: City) -> None:
    assert sqlite_city.run("init", "--person", "dana").returncode == 0
    said = _shell(sqlite_city, "SF crisis --scope \"channel:$(printf '\\377')\"")
    assert said.returncode == emergency_stop.USAGE, said
    assert said.stderr.strip().endswith("NOTHING IS SUSPENDED")


def test_a_stop_that_fails_in_an_unforeseen_way_is_not_called_refused(
    sqlite_city: City, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """KS-1: nobody may read "nothing is suspended" where that is not known."""
    import cli

    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(EmergencyStop, "run", broken)
    monkeypatch.setattr(sys, "argv", ["standfast", "crisis"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == emergency_stop.NOT_RECORDED
    assert "NOT KNOWN whether it is recorded" in capsys.readouterr().err


def test_a_token_that_is_not_accepted_is_refused_and_logged(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every refusal is in the log: of a resume, and of a stop by somebody who does not own the service account."""
    _stop(office)
    token = f"sf_{'a' * 12}_{'b' * 30}"
    with pytest.raises(Refusal, match=r"not known here.*NOT LIFTED"):
        _ask(token)
    with pytest.raises(Refusal):
        _confirm(token, "ABCDEFGH")
    monkeypatch.setattr(authority, "owns_service_account", lambda _: False)
    with pytest.raises(Refusal, match="NOTHING IS SUSPENDED"):
        EmergencyStop(essentials.load(), {"STANDFAST_TOKEN": token}, lambda _: None).run(
            emergency_stop.Request(Scope(), wait=False)
        )
    found = _refused(office)
    assert [entry["detail"]["action"] for entry in found] == ["ask to resume", "resume", "suspend"]
    assert token.rpartition("_")[2] not in json.dumps(found)


def test_a_code_that_was_used_is_refused_and_logged(office: Office) -> None:
    _stop(office)
    code = _ask(office.token)
    _confirm(office.token, code)
    _stop(office)
    with pytest.raises(Refusal, match="was used already"):
        _confirm(office.token, code)
    assert "was used already" in _refused(office)[-1]["detail"]["why"]


def test_settings_that_cannot_be_read_do_not_switch_off_the_rule_of_two_persons(office: Office) -> None:
    """A stop goes on with defaults; a resume must not: the default is one person."""
    _stop(office)
    office.city.set(resume_two_persons="ja")
    with pytest.raises(SwitchError, match=r"resume_two_persons.*NOT LIFTED"):
        _ask(office.token)


def test_two_persons_means_two_who_may(office: Office) -> None:
    """Who asked and then lost the right is no second person any more."""
    office.city.set(resume_two_persons=True)
    _stop(office)
    token = _joined(office, "bo", "director")
    code = _ask(token)
    with pytest.raises(Refusal, match="another person must confirm"):
        _confirm(token, code)
    office.run("people", "leave", "bo")
    with pytest.raises(Refusal, match="bo has left"):
        _confirm(office.token, code)


# --- files and folders ---------------------------------------------------------------------------------------------


def test_init_keeps_nobody_locked_out_where_the_token_cannot_be_kept(tmp_path: Path, sqlite_city: City) -> None:
    """The first token is shown even where the home cannot be written; else the city has a steward that nobody is."""
    said = sqlite_city.run("init", "--person", "dana", "--json", HOME="/proc/nowhere", XDG_CONFIG_HOME="/proc/nowhere")
    assert said.returncode == 0, said.stderr
    token = json.loads(said.stdout)["token"]
    assert "could not be kept" in said.stderr
    assert sqlite_city.run("whoami", STANDFAST_TOKEN=token).stdout.startswith("dana")


def test_somebody_elses_database_is_left_as_it_is(sqlite_city: City) -> None:
    """Refused, and not a byte of it changed (the journal's mode stands in its header)."""
    file = sqlite_city.root / "theirs.db"
    with closing(sqlite3.connect(file)) as theirs:
        theirs.execute("CREATE TABLE accounts (id)")
    before = file.read_bytes()
    said = sqlite_city.run("init", "--person", "dana", STANDFAST_DATABASE_URL=f"sqlite:///{file}")
    assert (said.returncode, "holds tables (accounts)" in said.stderr) == (1, True)
    assert file.read_bytes() == before


def test_two_inits_at_once_make_one_city(sqlite_city: City) -> None:
    command = sqlite_city.command("init", "--person", "dana")
    started = [
        subprocess.Popen(command, cwd=sqlite_city.root, env=sqlite_city.environ, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    said = [process.communicate(timeout=60)[1] for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], said
    assert sum("token       sf_" in words for words in said) == 1
    assert sqlite_city.run("whoami").returncode == 0


def test_settings_with_a_password_are_their_owners_alone(sqlite_city: City, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    folder.mkdir()
    environ = {name: value for name, value in sqlite_city.environ.items() if name != "STANDFAST_CONFIG"}
    subprocess.run(
        sqlite_city.command(
            "init", "--person", "d", "--database-url", f"postgresql+psycopg://u:{CANARY}@127.0.0.1:1/x"
        ),
        cwd=folder,
        env=environ,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (folder / "standfast.toml").stat().st_mode & 0o077 == 0


def test_a_lock_file_names_no_other_file_to_be_removed(tmp_path: Path) -> None:
    """What is cleared away is the lock file itself, whatever it says."""
    workers, other = tmp_path / "workers", tmp_path / "precious"
    workers.mkdir()
    other.write_text("kept")
    about = {"id": "x", "kind": "daemon", "host": liveness.host(), "boot_id": "of long ago", "pid": 1, "pid_start": 1}
    (workers / "x.lock").write_text(json.dumps({**about, "lock_file": str(other)}))
    assert liveness.clear_dead(workers) == 1
    assert other.exists()
    assert not (workers / "x.lock").exists()


def test_doctor_says_who_else_may_read_or_write(office: Office) -> None:
    patient = checkup.Patient(settings.load(), essentials.load(), office.engine, {})
    (office.city.root / ".env").touch(mode=0o644)
    office.city.calendars_dir.chmod(0o777)
    for mode, level in ((0o700, checkup.OK), (0o755, checkup.WARN), (0o777, checkup.BAD)):
        office.city.data_dir.chmod(mode)
        found = [item for item in checkup.examine(patient) if item.check == "files"]
        assert [item.level for item in found] == [level, checkup.WARN, checkup.WARN]


# --- calendars -----------------------------------------------------------------------------------------------------


def _calendar(office: Office, name: str, *rows: str, owner: str = "ana", channels: str = "parks") -> Path:
    path = office.city.calendars_dir / name
    path.write_text("\n".join([f"# owner: {owner}", f"# channels: {channels}", "id,at,text", *rows]) + "\n")
    return path


def test_a_calendar_that_is_a_link_shows_nothing_of_what_it_leads_to(office: Office) -> None:
    (office.city.root / ".env").write_text(f"FB_TOKEN={CANARY}\n")
    (office.city.calendars_dir / "a.csv").symlink_to(office.city.root / ".env")
    line = office.run("calendar", "sync")
    assert line.code == 1
    assert "is a link out of the calendars folder" in line.out
    assert CANARY not in line.out + line.err
    (office.city.calendars_dir / "a.csv").unlink()
    _calendar(office, "real.csv", f"a,{YEAR}-12-02 09:00,Text")
    assert office.run("calendar", "sync").code == 0


def test_a_name_that_is_not_utf8_stops_no_other_calendar(office: Office) -> None:
    """The daemon goes through the folder in order: one odd name must not keep the files after it from being applied."""
    good = _calendar(office, "c.csv", f"a,{YEAR}-12-02 09:00,Text")
    Path(os.fsdecode(os.fsencode(office.city.calendars_dir) + b"/b\xe4.csv")).write_bytes(good.read_bytes())
    said = office.run("calendar", "sync")
    assert (said.code, "has a name that is not UTF-8" in said.out) == (1, True)
    reloader = reload.Reloader(office.engine, settings.load(), threading.Event())
    waiting = threading.Event()
    while reloader.look():
        waiting.wait(0.05)
    assert [row["file"] for row in office.run("calendar", "list", "--json").data] == ["b?.csv", "c.csv"]
    assert len(office.run("post", "list", "--json").data["posts"]) == 1


@pytest.mark.parametrize(
    ("module", "limit", "name", "text"),
    [
        (csv_file, "MAX_ENTRIES", "a.csv", "# owner: ana\nid,at,text\n" + "a,b,c\n" * 9),
        (yaml_tree, "MAX_NODES", "a.yaml", "owner: ana\nentries: [" + "a, " * 9 + "]\n"),
    ],
)
def test_a_small_file_of_very_many_values_cannot_fill_the_memory(
    module: Any, limit: str, name: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, limit, 5)
    (tmp_path / name).write_text(text)
    calendar, faults = reader.read(tmp_path / name, default_zone="UTC")
    assert calendar is None
    assert any("split the file" in fault.message for fault in faults)


def test_nobody_cancels_posts_on_another_channel_by_taking_over_its_file(office: Office) -> None:
    office.run("channel", "add", "police", "--platform", "outbox")
    token = _joined(office, "mal", "administrator", "police")
    _calendar(office, "parks.csv", f"a,{YEAR}-12-02 09:00,Text")
    assert office.run("calendar", "sync").code == 0
    _calendar(office, "parks.csv", f"z,{YEAR}-12-02 09:00,Mine", owner="mal", channels="police")
    said = office.run("calendar", "sync", STANDFAST_TOKEN=token)
    assert (said.code, "may not" in said.out + said.err) == (1, True)
    said = office.run("calendar", "sync")
    assert (said.code, "may not cancel its posts on parks" in said.out) == (1, True), "nor in the daemon, as its owner"
    posts = office.run("post", "list", "--json").data["posts"]
    assert [(post["channel"], post["state"]) for post in posts] == [("parks", "scheduled")]


# --- secrets -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "environ",
    [
        {"STANDFAST_DATABASE_URL": f"postgres://u:{CANARY}@h/db"},
        {"STANDFAST_DATABASE_URL": f"mysql:u:{CANARY}@x@h/db"},
        {"STANDFAST_X_TOKEN": CANARY},
    ],
)
def test_no_credential_is_shown_where_a_setting_is_wrong(environ: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as error:
        settings.check(essentials.merged(environ, tmp_path))
    assert CANARY not in str(error.value)
    assert next(iter(environ)).removeprefix("STANDFAST_").lower() in str(error.value).lower()


def test_a_credential_pasted_for_a_variables_name_is_neither_kept_nor_shown(office: Office) -> None:
    key = "xvz1evFS4wEEPTGEFPHBog"
    for pasted in (key, "STANDFAST_DATABASE_URL"):
        said = office.run(
            *("channel", "add", "page", "--platform", "facebook", "--setting", "page_id=1"),
            *("--secret", f"page_token={pasted}"),
        )
        assert (said.code, pasted in said.out + said.err) == (1, False), said
    assert key not in str(office.rows("log_entry", "channel"))


def test_a_channels_file_that_never_ends_is_refused(office: Office) -> None:
    assert "no ordinary file" in office.fails("channel", "add", "--file", "/dev/zero")
    large = office.city.root / "large.toml"
    with large.open("wb") as file:
        file.truncate(5 * 2**20)
    assert "larger than 4 MiB" in office.fails("channel", "add", "--file", str(large))


def test_output_that_is_closed_is_no_bug(sqlite_city: City) -> None:
    assert sqlite_city.run("init", "--person", "dana").returncode == 0
    said = _shell(sqlite_city, "SF channel list --json >&-")
    assert (said.returncode, said.stderr) == (0, "")
    assert _shell(sqlite_city, "SF people add bo --name Bo 2>&-").returncode == 0


def test_text_that_turns_the_line_is_spelled_out(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    """What is shown to an approver must not read differently from what goes out."""
    import cli

    at = f"{YEAR}-01-01 09:00"
    office.run("post", "add", "--channel", "parks", "--at", at, "--text", "pay \u202e001$ \u2066now")
    assert r"pay \u202e001$ \u2066now" in office.run("post", "list").out
    assert json.loads(office.run("post", "list", "--json").out)["posts"][0]["text"] == "pay \u202e001$ \u2066now"
    cli._say("by \x1b[2J \u202e dana \N{FAMILY}")
    assert capsys.readouterr().err == r"by \x1b[2J \u202e dana " + "\N{FAMILY}\n"
