from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config import clock
from governance import people, roles
from governance.authority import Identity
from scheduler import killswitch, liveness
from scheduler.planning import calendar_sync
from store.engine import cursor, dialect, open_engine, writing
from store.tables import Channel
from tests.commands.office import Office, opened
from tests.support.city import City


@pytest.fixture
def sqlite_office(sqlite_city: City, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """The office on SQLite alone."""
    monkeypatch.setenv("STANDFAST_TOKEN", "")
    engine = open_engine(sqlite_city.url)
    yield opened(sqlite_city, engine)
    engine.dispose()
    roles.use(None)


TABLES = ("post", "calendar_entry", "calendar_file")
STEWARD = Identity("ana", "Ana Ruiz", "token")


def year() -> int:
    return clock.to_datetime(clock.wall_us()).year + 1


def row(name: str, text: str = "Text") -> str:
    return f"{name},{year()}-06-03 09:00,{text}"


def write(
    office: Office, name: str, *rows: str, owner: str = "ana", channels: str = "parks", head: str = "id,at,text"
) -> Path:
    path = office.city.calendars_dir / name
    path.write_text("\n".join([f"# owner: {owner}", f'"# channels: {channels}"', head, *rows]) + "\n")
    return path


def joined(office: Office, person: str, *channels: str) -> str:
    """The token of a new administrator of these channels."""
    with writing(office.engine) as session:
        people.add_person(session, STEWARD, person, person.title())
        for channel in channels:
            people.grant(session, STEWARD, person, "administrator", channel)
        return people.create_token(session, STEWARD, person, "test").token


def suspend(office: Office) -> None:
    with writing(office.engine) as session:
        killswitch.suspend(cursor(session), dialect(session), killswitch.Order("r1", "ana"))


def test_check_says_that_all_is_well_and_writes_nothing(office: Office) -> None:
    write(office, "parks.csv", row("open"))
    before = office.rows(*TABLES)
    said = office.run("calendar", "check")
    assert (said.code, said.err) == (0, "")
    assert "1 entry, no mistakes" in said.out
    assert office.rows(*TABLES) == before


def test_check_needs_no_store_no_settings_and_no_sign_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sqlite_office: Office
) -> None:
    (tmp_path / "nowhere").mkdir()
    monkeypatch.chdir(tmp_path / "nowhere")
    monkeypatch.delenv("STANDFAST_CONFIG")
    monkeypatch.setenv("STANDFAST_TOKEN", "")
    path = write(sqlite_office, "parks.csv", row("open"), "close,someday,Text", channels="nowhere")
    said = sqlite_office.run("calendar", "check", str(path))
    assert said.code == 1
    assert said.out.startswith(f"{path}:5: 'someday': ")
    assert len(said.out.splitlines()) == 1, "no channel is unknown without a store"
    assert list(Path().iterdir()) == []


def test_check_names_every_mistake_of_every_file(office: Office) -> None:
    write(office, "a.csv", row("open"), "late,someday,Text", channels="parks;prks")
    write(office, "b.csv", row("open"), row("open"))
    said = office.run("calendar", "check", "--json")
    faults = [fault for file in said.data["files"] for fault in file["faults"]]
    assert said.code == 1
    assert said.data["ok"] is False
    assert [(Path(fault["file"]).name, fault["line"]) for fault in faults] == [("a.csv", 2), ("a.csv", 5), ("b.csv", 5)]
    lines = office.run("calendar", "check").out.splitlines()
    assert [":2: 'prks': is not a channel of the city" in lines[0], ":5: 'someday': " in lines[1]] == [True, True]


def test_check_says_when_the_owner_may_not_queue(office: Office) -> None:
    write(office, "parks.csv", row("open"), owner="eve")
    said = office.run("calendar", "check")
    assert said.code == 1
    assert "is the owner and may not queue on parks" in said.out


def test_sync_applies_and_shows_the_difference(office: Office) -> None:
    write(office, "parks.csv", row("open"), row("close"))
    said = office.run("calendar", "sync")
    assert said.code == 0
    assert f"  + {year()}-06-03 09:00 UTC  parks  open" in said.out
    assert "parks.csv: 2 added, 0 changed, 0 cancelled; 0 entries unchanged" in said.out
    write(office, "parks.csv", row("open", "New"))
    data = office.run("calendar", "sync", "--json").data
    (file,) = data["files"]
    assert file["counts"] == {"add": 0, "change": 1, "cancel": 1, "keep": 0}
    assert [line["what"] for line in file["difference"]] == ["change", "cancel"]
    assert (file["applied"], data["suspended"]) == (True, False)


def test_a_dry_run_shows_the_same_and_changes_nothing(office: Office) -> None:
    write(office, "parks.csv", row("open"))
    before = office.rows(*TABLES, "log_entry")
    said = office.run("calendar", "sync", "--dry-run")
    assert "would be: 1 added" in said.out
    assert office.rows(*TABLES, "log_entry") == before


def test_one_bad_file_keeps_all_from_being_applied(office: Office) -> None:
    write(office, "a.csv", row("open"))
    write(office, "b.csv", "late,2001-01-01 09:00,Text", "later,2001-01-02 09:00,Text")
    before = office.rows(*TABLES, "log_entry")
    said = office.run("calendar", "sync")
    assert said.code == 1
    assert [line.split(":")[1] for line in said.out.splitlines()] == ["4", "5"]
    assert "nothing was applied" in said.err
    assert office.rows(*TABLES, "log_entry") == before
    assert office.run("calendar", "sync", "--skip-past").code == 0
    assert len(office.rows("post")["post"]) == 1


def test_sync_needs_somebody_signed_in(office: Office) -> None:
    write(office, "parks.csv", row("open"))
    assert "not signed in" in office.fails("calendar", "sync", STANDFAST_TOKEN="")
    assert office.rows("post")["post"] == []


def test_who_syncs_must_be_able_to_queue_on_every_channel_of_the_file(office: Office) -> None:
    """GV-4: refusals are logged."""
    with writing(office.engine) as session:
        session.add(Channel(name="library", platform="outbox", created_at=1))
    token = joined(office, "bo", "parks")
    write(office, "parks.csv", row("open"), channels="parks;library")
    line = office.fails("calendar", "sync", STANDFAST_TOKEN=token)
    assert "bo may not apply calendar parks.csv" in line
    assert "channel library" in line
    assert office.rows("post")["post"] == []
    assert any("sync calendar parks.csv" in str(entry) for entry in office.rows()["log_entry"])


def test_an_owner_without_rights_is_refused_and_logged(office: Office) -> None:
    """GV-4: a calendar file gives nobody rights that its owner does not have."""
    joined(office, "bo")
    write(office, "parks.csv", row("open"), owner="bo")
    said = office.run("calendar", "sync")
    assert said.code == 1
    assert "'bo': is the owner and may not queue on parks" in said.out
    refused = [entry for entry in office.rows()["log_entry"] if "refused" in str(entry) and "'bo'" in str(entry)]
    assert len(refused) == 1


def test_during_a_suspension_posts_are_accepted_and_the_banner_is_shown(office: Office) -> None:
    suspend(office)
    write(office, "parks.csv", row("open"))
    said = office.run("calendar", "sync")
    assert said.code == 0
    assert killswitch.BANNER in said.err
    assert len(office.rows("post")["post"]) == 1
    assert office.run("calendar", "sync", "--json").data["suspended"] is True


def test_the_sync_is_a_registered_process_while_it_lasts(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds: list[list[str]] = []
    whole = calendar_sync.sync

    def noting(*arguments: object, **options: object) -> object:
        kinds.append([process.kind for process in liveness.known(office.city.data_dir / "workers")])
        return whole(*arguments, **options)

    monkeypatch.setattr(calendar_sync, "sync", noting)
    write(office, "parks.csv", row("open"))
    assert office.run("calendar", "sync").code == 0
    assert kinds == [["calendar sync"]]
    assert liveness.known(office.city.data_dir / "workers") == []


def test_a_file_that_is_gone_is_removed_by_name(office: Office) -> None:
    path = write(office, "parks.csv", row("open"), row("close"))
    office.run("calendar", "sync")
    assert "is still there" in office.fails("calendar", "sync", "--remove", "parks.csv")
    path.unlink()
    assert "known: parks.csv" in office.fails("calendar", "sync", "--remove", "prks.csv")
    assert "would be cancelled" in office.run("calendar", "sync", "--remove", "parks.csv", "--dry-run").out
    token = joined(office, "bo")
    assert "may not cancel the posts of calendar parks.csv" in office.fails(
        "calendar", "sync", "--remove", "parks.csv", STANDFAST_TOKEN=token
    )
    said = office.run("calendar", "sync", "--remove", "parks.csv")
    assert "2 posts cancelled" in said.out
    assert office.rows("calendar_file")["calendar_file"] == []


def test_list_shows_files_with_owner_counts_and_fault(office: Office) -> None:
    write(office, "parks.csv", row("open"), row("close"))
    office.run("calendar", "sync")
    calendar_sync.remember_fault(office.engine, "parks.csv", "parks.csv:3: wrong\nparks.csv:4: wrong too", "d", "ana")
    (listed,) = office.run("calendar", "list", "--json").data
    assert (listed["file"], listed["owner"], listed["entries"]) == ("parks.csv", "ana", 2)
    assert listed["posts"] == {"scheduled": 2}
    assert listed["fault"].startswith("parks.csv:3")
    shown = office.run("calendar", "list").out
    assert "parks.csv:3: wrong" in shown
    assert "wrong too" not in shown


def test_a_folder_without_calendars_is_said(office: Office) -> None:
    assert "holds no calendar file" in office.fails("calendar", "sync")


def test_a_time_moved_by_a_clock_change_is_said(office: Office) -> None:
    path = office.city.calendars_dir / "parks.csv"
    path.write_text(
        "# owner: ana\n# timezone: America/Chicago\n# channels: parks\nid,at,text\nspring,2199-03-10 02:30,Spring\n"
    )
    said = office.run("calendar", "sync")
    assert said.code == 0
    assert "note: parks.csv:5: entry 'spring' 2199-03-10 02:30 does not exist in America/Chicago" in said.err


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(text=st.one_of(st.text(max_size=60), st.text(st.characters(), max_size=60)))
def test_no_text_makes_a_traceback_or_changes_the_store(sqlite_office: Office, text: str) -> None:
    before = sqlite_office.rows(*TABLES)
    for arguments in (("check", "--", text), ("sync", "--", text), ("sync", f"--remove={text}")):
        assert sqlite_office.run("calendar", *arguments).code in (1, 2)
    assert sqlite_office.rows(*TABLES) == before


def test_json_is_all_that_goes_to_stdout(office: Office) -> None:
    suspend(office)
    write(office, "parks.csv", row("open"))
    said = office.run("calendar", "sync", "--json")
    assert json.loads(said.out)["files"][0]["applied"] is True
