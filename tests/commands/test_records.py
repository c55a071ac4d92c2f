from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from records import log
from records.verify_mark import NAME
from store.engine import writing
from tests.commands.office import Office
from tests.commands.test_moderation import ADD
from tests.commands.test_people import ANY_TEXT, FUZZED


def test_verify_says_whole_and_names_the_first_bad_entry(office: Office) -> None:
    office.run("people", "add", "bo", "--name", "Bo")
    office.run("people", "add", "cy", "--name", "Cy")
    assert "the log is whole: 3 entries" in office.run("records", "verify").err
    assert office.run("records", "verify", "--json").data["ok"] is True
    with office.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE log_entry SET actor = 'eve' WHERE seq = 2")
    assert "broken at entry 2" in office.fails("records", "verify")
    said = office.run("records", "verify", "--json")
    assert said.code == 1
    assert (said.data["ok"], said.data["first_bad"], said.data["entries"]) == (False, 2, 1)


def _posts(office: Office, count: int) -> None:
    for number in range(count):
        said = office.run("post", "add", "--channel", "parks", "--at", "2099-06-01 09:00", "--text", f"Post {number}.")
        assert said.code == 0, said


def _sql(office: Office, statement: str) -> None:
    with office.engine.begin() as connection:
        connection.exec_driver_sql(statement)


def test_verify_takes_in_what_waits_and_looks_at_records(office: Office) -> None:
    _posts(office, 3)
    said = office.run("records", "verify", "--json").data
    assert (said["ok"], said["records"], said["unsealed"], said["moderation"]) == (True, 3, 0, [])
    assert "3 records are whole, with their contents" in office.run("records", "verify").err


def test_verify_names_the_record_and_its_neighbours(office: Office) -> None:
    _posts(office, 3)
    office.run("records", "verify")
    _sql(office, "UPDATE record SET actor = 'eve' WHERE id = 2")
    line = office.fails("records", "verify")
    assert "record 2 was changed" in line
    assert "before it record 1 of " in line
    assert "after it record 3 of " in line
    assert office.run("records", "verify", "--json").data["first_bad_record"] == 2


def test_a_changed_register_of_moderation_is_named(office: Office) -> None:
    said = office.run(*ADD, "--words", "Buy now")
    assert said.code == 0, said
    assert office.run("records", "verify").code == 0
    _sql(office, "UPDATE moderation SET words = 'Buy later'")
    assert "the moderation register is not what the log says, in 1" in office.fails("records", "verify")


# --- where it begins -------------------------------------------------------------------------------------------------


def _mark(office: Office) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((office.city.data_dir / NAME).read_text(encoding="utf-8"))
    return found


def _act(office: Office) -> None:
    with writing(office.engine) as session:
        log.record(session, "ana", "act", "")


def test_resume_goes_on_where_the_last_run_came_to(office: Office) -> None:
    assert "no earlier verification" in office.run("records", "verify", "--resume").err
    _act(office)
    assert _mark(office)["seq"] == 1
    assert (office.city.data_dir / NAME).stat().st_mode & 0o777 == 0o600
    said = office.run("records", "verify", "--resume")
    assert "the log is whole from entry 1 to entry 2" not in said.err
    _act(office)
    found = office.run("records", "verify", "--resume", "--json").data
    assert (found["first"], found["entries"], found["resumed"]["seq"]) == (2, 3, 2)
    assert "what stands before was whole at" in office.run("records", "verify", "--resume").err


def test_resume_is_bound_to_the_hash_that_was_there(office: Office) -> None:
    """Whoever writes the log anew is found out also where the new one is whole."""
    _act(office)
    office.run("records", "verify")
    _sql(office, "DELETE FROM log_entry")
    _sql(office, f"UPDATE chain_head SET seq = 0, hash = '{'0' * 64}'")
    for _ in range(3):
        _act(office)
    assert "entry 2 was replaced: it had another hash when it was noted" in office.fails(
        "records", "verify", "--resume"
    )
    assert office.run("records", "verify").code == 0


def test_resume_does_not_pass_by_what_was_found_bad(office: Office) -> None:
    for _ in range(3):
        _act(office)
    assert office.run("records", "verify").code == 0
    _sql(office, "UPDATE log_entry SET actor = 'eve' WHERE seq = 2")
    assert office.run("records", "verify", "--resume").code == 0
    assert office.run("records", "verify").code == 1
    assert _mark(office)["seq"] == 1
    assert "broken at entry 2" in office.fails("records", "verify", "--resume")


def test_another_store_s_mark_is_none(office: Office) -> None:
    office.run("records", "verify")
    _sql(office, "UPDATE meta SET value = 'another' WHERE key = 'store_id'")
    assert "no earlier verification" in office.run("records", "verify", "--resume").err


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"store": 1, "seq": "x", "hash": 1, "at": 1}', "\xff"])
def test_a_mark_that_cannot_be_read_is_none(office: Office, text: str) -> None:
    (office.city.data_dir / NAME).write_bytes(text.encode("latin-1"))
    said = office.run("records", "verify", "--resume")
    assert said.code == 0
    assert "no earlier verification" in said.err


def test_a_mark_that_cannot_be_written_is_no_fault(office: Office) -> None:
    (office.city.data_dir / NAME).mkdir()
    assert office.run("records", "verify").code == 0


def test_what_is_interrupted_is_gone_on_with(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    from records import verify

    for _ in range(5):
        _act(office)
    real = verify.Walk.check

    def interrupted(self: verify.Walk, row: Any) -> None:
        if row[0] == 4:
            raise KeyboardInterrupt
        real(self, row)

    with monkeypatch.context() as patched:
        patched.setattr(verify.Walk, "check", interrupted)
        assert office.run("records", "verify").code == 130
    assert _mark(office)["seq"] == 3
    assert office.run("records", "verify", "--resume", "--json").data["first"] == 3


def test_from_an_entry_on(office: Office) -> None:
    for _ in range(3):
        _act(office)
    assert "whole from entry 3 to entry 4" in office.run("records", "verify", "--from", "3").err
    assert not (office.city.data_dir / NAME).exists()
    assert "the newest is entry 4" in office.fails("records", "verify", "--from", "5")
    assert office.run("records", "verify", "--from", "3", "--resume").code == 2
    assert office.run("records", "verify", "--from", "0").code == 2


def test_a_beginning_that_is_refused_leaves_everything_as_it_was(office: Office) -> None:
    _posts(office, 1)
    before = office.rows("record", "log_entry", "post")
    office.fails("records", "verify", "--from", "99")
    assert office.rows("record", "log_entry", "post") == before
    assert office.run("records", "verify").code == 0
    assert office.rows("record", "log_entry", "post") != before


def test_a_bar_is_shown_on_a_terminal_alone(sqlite_city: Any, tmp_path: Path) -> None:
    import pty

    assert sqlite_city.run("init", "--person", "ana", "--name", "Ana").returncode == 0
    assert "verifying" not in sqlite_city.run("records", "verify").stderr
    reader, writer = pty.openpty()
    child = os.fork()
    if child == 0:
        os.dup2(writer, 2)
        os.chdir(sqlite_city.root)
        environ = {**sqlite_city.environ, "TERM": "xterm"}
        os.execve(sys.executable, sqlite_city.command("records", "verify"), environ)
    os.close(writer)
    said = b""
    try:
        while piece := os.read(reader, 4096):
            said += piece
    except OSError:  # the other end is closed
        pass
    assert os.waitpid(child, 0)[1] == 0
    assert b"verifying" in said
    assert b"the log is whole" in said


def test_list_shows_the_newest(office: Office) -> None:
    for name in ("bo", "cy", "di"):
        office.run("people", "add", name, "--name", name)
    entries = office.run("records", "list", "--limit", "2", "--json").data
    assert [entry["subject"] for entry in entries] == ["cy", "di"]
    assert "people.add" in office.run("records", "list").out
    assert office.run("records", "list", "--action", "nothing", "--json").data == []


def test_list_since_a_local_time(office: Office) -> None:
    assert len(office.run("records", "list", "--since", "2001-01-01 00:00", "--json").data) == 1
    assert office.run("records", "list", "--since", "2190-01-01 00:00", "--json").data == []
    assert "2026-02-30" in office.fails("records", "list", "--since", "2026-02-30 10:00")


def test_reading_the_log_needs_no_token(office: Office) -> None:
    assert office.run("records", "verify", STANDFAST_TOKEN="").code == 0


def test_a_whole_number_of_entries_is_asked_for(office: Office) -> None:
    assert office.run("records", "list", "--limit", "0").code == 2


@FUZZED
@given(action=ANY_TEXT, since=ANY_TEXT)
def test_any_text_is_answered_or_refused(office: Office, action: str, since: str) -> None:
    before = office.rows()
    for arguments in ((f"--action={action}",), (f"--since={since}",), (f"--limit={since}",)):
        said = office.run("records", "list", "--json", *arguments)
        assert said.code in (0, 1, 2)
        if said.code == 1:
            assert len(said.err.splitlines()) == 1
    assert office.rows() == before
