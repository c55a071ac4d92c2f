from __future__ import annotations

from hypothesis import given

from tests.commands.office import Office
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
