"""KS-22: `standfast crisis report` and `crisis action` as people type them."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from governance import access, people
from governance.authority import Identity
from scheduler import killswitch
from store.engine import cursor, dialect, writing
from tests.commands.office import Office

ANA = Identity("ana", "Ana Ruiz", "token")


@pytest.fixture
def stopped(office: Office) -> Office:
    """An office with a suspension, and people of four roles."""
    _suspend(office)
    for person, role in (
        ("dora", "director"),
        ("rick", "records_officer"),
        ("pat", "administrator"),
        ("otis", "operator"),
    ):
        with writing(office.engine) as session:
            people.add_person(session, ANA, person, person.title())
            people.grant(session, ANA, person, role)
    return office


def _suspend(office: Office, scope: str = "all") -> int:
    order = killswitch.Order("r-" + scope, "dora", "tornado", killswitch.Scope.parse(scope))
    with writing(office.engine) as session:
        return killswitch.suspend(cursor(session), dialect(session), order).suspension


def _token(office: Office, person: str) -> str:
    with writing(office.engine) as session:
        return people.create_token(session, ANA, person).token


def _add(office: Office, *more: str, **rest: Any) -> Any:
    return office.run("crisis", "action", "add", "Drill again.", "--owner", "dora", "--by", "2190-12-31", *more, **rest)


def test_markdown_goes_to_the_terminal_and_to_a_file(stopped: Office, tmp_path: Path) -> None:
    said = stopped.run("crisis", "report")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("# Interim report: suspension 1\n")
    file = tmp_path / "report.md"
    said = stopped.run("crisis", "report", "--output", str(file))
    assert (said.code, said.out) == (0, "")
    assert "written to" in said.err
    assert file.read_text(encoding="utf-8").startswith("# Interim report: suspension 1\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "exists" in stopped.fails("crisis", "report", "--output", str(file))
    assert stopped.run("crisis", "report", "--output", str(file), "--force").code == 0


def test_pdf_goes_by_the_ending_or_the_option(stopped: Office, tmp_path: Path) -> None:
    for name, more in (("a.pdf", ()), ("b.bin", ("--format", "pdf"))):
        assert stopped.run("crisis", "report", "--output", str(tmp_path / name), *more).code == 0
        assert "Interim report: suspension 1" in PdfReader(tmp_path / name).pages[0].extract_text()
    assert stopped.run("crisis", "report", "--output", str(tmp_path / "c.pdf"), "--format", "md").code == 0
    assert (tmp_path / "c.pdf").read_bytes().startswith(b"# Interim")


def test_without_typst_the_remedy_is_said_and_markdown_works(
    stopped: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    said = stopped.fails("crisis", "report", "--output", str(tmp_path / "a.pdf"))
    assert "pip install 'standfast[report]'" in said
    assert [*tmp_path.glob("*.pdf")] == []
    assert stopped.run("crisis", "report").code == 0


def test_json_is_data(stopped: Office, tmp_path: Path) -> None:
    data = stopped.run("crisis", "report", "--json").data
    assert (data["interim"], data["counts"]["held"], data["stops"][0]["stop"]["reason"]) == (True, 0, "tornado")
    said = stopped.run("crisis", "report", "--json", "--output", str(tmp_path / "r.md"))
    assert said.data["stops"][0]["stop"]["id"] == 1
    assert (tmp_path / "r.md").exists()


def test_which_suspension(stopped: Office) -> None:
    _suspend(stopped, "channel:parks")
    ids = lambda *more: [item["stop"]["id"] for item in stopped.run("crisis", "report", "--json", *more).data["stops"]]  # noqa: E731
    assert ids() == [2]
    assert ids("--suspension", "1") == [1]
    assert ids("--suspension", "2", "--suspension", "1") == [1, 2]
    assert ids("--since", "2020-01-01 00:00") == [1, 2]
    assert ids("--since", "2020-01-01 00:00", "--until", "2190-01-01 00:00") == [1, 2]
    assert "nothing was suspended then" in stopped.fails("crisis", "report", "--until", "2020-01-01 00:00")
    assert "leave one out" in stopped.fails("crisis", "report", "--suspension", "1", "--since", "2020-01-01 00:00")
    assert "no suspension 9" in stopped.fails("crisis", "report", "--suspension", "9")
    assert "is none of md, pdf" in stopped.fails("crisis", "report", "--format", "docx")
    assert "give --output FILE.pdf" in stopped.fails("crisis", "report", "--format", "pdf")


def test_who_may_read(stopped: Office) -> None:
    """RC: the records officer and who stops or lifts; a channel administrator is refused, in the log, too."""
    for person, code in (("rick", 0), ("dora", 0), ("otis", 0), ("pat", 1)):
        token = _token(stopped, person)
        for command in (("crisis", "report"), ("crisis", "action", "list")):
            assert stopped.run(*command, STANDFAST_TOKEN=token).code == code, (person, command)
    said = stopped.fails("crisis", "report", STANDFAST_TOKEN=_token(stopped, "pat"))
    assert "pat may not read the after-action report" in said
    assert "records_officer" in said
    refused = [row for row in stopped.rows("log_entry")["log_entry"] if row[3] == "refused"]
    assert {row[2] for row in refused} == {"pat"}
    assert "not signed in" in stopped.fails("crisis", "report", STANDFAST_TOKEN="")


def test_an_action_is_added_listed_and_done(stopped: Office) -> None:
    """KS-22: with an owner and a date; each step in the chain, and in the report."""
    said = _add(stopped)
    assert (said.code, "corrective action 1 (after suspension 1, owner dora, due 2190-12-31): open" in said.err) == (
        0,
        True,
    )
    assert _add(stopped, "--suspension", "1", "--json").data["id"] == 2
    found = stopped.run("crisis", "action", "list", "--json").data
    assert [(item["id"], item["owner"], item["due"], item["overdue"]) for item in found] == [
        (1, "dora", "2190-12-31", False),
        (2, "dora", "2190-12-31", False),
    ]
    assert stopped.run("crisis", "action", "done", "1", "--note", "done twice").code == 0
    assert "was done at" in stopped.fails("crisis", "action", "done", "1")
    assert [item["id"] for item in stopped.run("crisis", "action", "list", "--open", "--json").data] == [2]
    assert "done by ana" in stopped.run("crisis", "action", "list").out
    logged = [(row[2], row[3], row[4]) for row in stopped.rows("log_entry")["log_entry"] if row[3].startswith("action")]
    assert logged == [("ana", name, "suspension 1") for name in ("action.add", "action.add", "action.done")]
    report = stopped.run("crisis", "report", "--json").data
    assert (report["counts"]["actions_open"], report["counts"]["actions_done"]) == (1, 1)
    assert [item["note"] for item in report["actions"]["items"]] == ["done twice", None]


def test_an_action_that_is_late_is_called_overdue(stopped: Office) -> None:
    _add(stopped)
    with writing(stopped.engine) as session:
        session.connection().exec_driver_sql("UPDATE corrective_action SET due = '2020-01-01'")
    assert stopped.run("crisis", "action", "list", "--json").data[0]["overdue"] is True
    assert "OVERDUE" in stopped.run("crisis", "action", "list").out


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (("x", "--owner", "nobody", "--by", "2190-12-31"), "neither a person nor a role"),
        (("x", "--owner", "dor", "--by", "2190-12-31"), "did you mean 'dora'"),
        (("x", "--owner", "dora", "--by", "2020-01-01"), "is past"),
        (("x", "--owner", "dora", "--by", "soon"), "is no day"),
        (("x", "--owner", "dora", "--by", "2190-13-01"), "is no day"),
        ((" ", "--owner", "dora", "--by", "2190-12-31"), "says nothing"),
        (("x" * 2001, "--owner", "dora", "--by", "2190-12-31"), "more than 2000"),
        (("x\x1b", "--owner", "dora", "--by", "2190-12-31"), "cannot be kept"),
        (("x", "--owner", "dora", "--by", "2190-12-31", "--suspension", "9"), "no suspension 9"),
    ],
)
def test_an_action_that_makes_no_sense_is_one_line(stopped: Office, line: tuple[str, ...], said: str) -> None:
    assert said in stopped.fails("crisis", "action", "add", *line)
    assert stopped.rows("corrective_action")["corrective_action"] == []


def test_a_role_of_the_plan_or_the_roles_file_owns_one(stopped: Office) -> None:
    for owner in ("operator", "duty-officer"):
        line = ("Mend it.", "--owner", owner, "--by", "2190-12-31")
        assert stopped.run("crisis", "action", "add", *line).code == 0


def test_who_may_write(stopped: Office) -> None:
    """The right to suspend or to resume; the records officer reads only."""
    for person, code in (("dora", 0), ("otis", 0), ("rick", 1), ("pat", 1)):
        assert _add(stopped, STANDFAST_TOKEN=_token(stopped, person)).code == code, person
    assert stopped.run("crisis", "action", "done", "1", STANDFAST_TOKEN=_token(stopped, "rick")).code == 1
    done = [row for row in stopped.rows("corrective_action")["corrective_action"] if row[7] is not None]
    assert done == []


def test_a_right_on_one_channel_is_enough_for_its_own_suspension(stopped: Office) -> None:
    """As with `resume`; the twin is the suspension of everything."""
    with access.acting(stopped.engine) as session:
        people.add_person(session, ANA, "paula", "Paula")
        people.grant(session, ANA, "paula", "director", "parks")
    token, number = _token(stopped, "paula"), _suspend(stopped, "channel:parks")
    assert _add(stopped, "--suspension", str(number), STANDFAST_TOKEN=token).code == 0
    assert _add(stopped, "--suspension", "1", STANDFAST_TOKEN=token).code == 1


def test_nothing_to_report_and_nothing_to_act_on(office: Office) -> None:
    assert "nothing was suspended" in office.fails("crisis", "report")
    assert "nothing was ever suspended" in _fails_to_add(office)
    assert "no corrective action 1" in office.fails("crisis", "action", "done", "1")
    assert json.loads(office.run("crisis", "action", "list", "--json").out) == []


def _fails_to_add(office: Office) -> str:
    return office.fails("crisis", "action", "add", "x", "--owner", "ana", "--by", "2190-12-31")
