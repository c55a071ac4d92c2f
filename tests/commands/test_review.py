"""``post submit``, ``approve`` and ``return``, the records of people and the steps of a channel, as people type them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governance import roles, rules
from store.engine import open_engine
from tests.commands.office import Office, Said, opened
from tests.governance.authorized import day
from tests.support.city import City

AT = ("--at", "2099-01-01 09:00")


@pytest.fixture
def office(sqlite_city: City, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """The office on SQLite alone: what these say does not depend on the database."""
    monkeypatch.setenv("STANDFAST_TOKEN", "")
    engine = open_engine(sqlite_city.url)
    yield opened(sqlite_city, engine)
    engine.dispose()
    roles.use(None)
    rules.use(rules.Rules())


def ok(office: Office, *arguments: str, who: str | None = None) -> Said:
    """What a command that ends well says."""
    said = office.run(*arguments, **({} if who is None else {"STANDFAST_TOKEN": who}))
    assert said.code == 0, said
    return said


def joined(office: Office, person: str, role: str | None = None) -> str:
    """The token of a new person."""
    ok(office, "people", "add", person, "--name", person.title())
    if role is not None:
        ok(office, "people", "grant", person, role)
    return str(ok(office, "people", "token", person, "--json").data["token"])


def test_a_post_goes_from_draft_to_scheduled(office: Office) -> None:
    """CT-1, CT-6: the ten categories are shown before anybody attests; whoever approves sees the post whole."""
    office.city.set(approval="required")
    pat, otis = joined(office, "pat", "administrator"), joined(office, "otis", "operator")
    added = ok(
        office, "post", "add", "--channel", "parks", *AT, "--text", "The pool\nopens at nine.", "--tag", "pool", who=pat
    )
    assert "post 1 on parks: draft" in added.out
    asked = office.run("post", "submit", "1", STANDFAST_TOKEN=pat)
    assert asked.code == 1
    assert "Confidential or proprietary information" in asked.err
    assert len(asked.err.splitlines()) == 11
    assert "handed in" in ok(office, "post", "submit", "1", "--attest", who=pat).out
    for arguments, last in ((("--dry-run",), "would be approved"), ((), "approved")):
        shown = ok(office, "post", "approve", "1", *arguments, who=otis).out.splitlines()
        assert shown[0] == "--- post 1 on parks, 2099-01-01 09:00 UTC, by pat"
        assert shown[1:] == ["    The pool", "    opens at nine.", "    tags pool", f"post 1 on parks: {last}"]
    found = ok(office, "post", "show", "1", "--json").data
    assert (found["state"], found["approvals"][0]["approver"]) == ("scheduled", "otis")
    assert len(found["submissions"][0]["attested"]) == 10


def test_a_post_is_sent_back(office: Office) -> None:
    pat, otis = joined(office, "pat", "administrator"), joined(office, "otis", "operator")
    ok(office, "post", "add", "--channel", "parks", *AT, "--text", "x", "--draft", who=pat)
    ok(office, "post", "submit", "1", "--attest", who=pat)
    assert "give --comment" in office.fails("post", "return", "1", STANDFAST_TOKEN=otis)
    said = ok(office, "post", "return", "1", "--comment", "which pool?", "--json", who=otis).data
    assert [(row["before"], row["after"]) for row in said["posts"]] == [("in_review", "draft")]
    assert "post 1 is draft" in office.fails("post", "approve", "1", STANDFAST_TOKEN=otis)
    assert "cannot approve a post of their own" in _resubmitted(office, pat)


def test_a_person_reads_who_said_what_of_a_post(office: Office) -> None:
    """CT-1: at a terminal each thing that was said is a line, and not the program's own notation."""
    office.city.set(approval="required")
    pat, otis = joined(office, "pat", "administrator"), joined(office, "otis", "operator")
    ok(office, "post", "add", "--channel", "parks", *AT, "--text", "x", "--tag", "pool", "--tag", "rink", who=pat)
    ok(office, "post", "submit", "1", "--attest", who=pat)
    ok(office, "post", "return", "1", "--comment", "which pool?", who=otis)
    ok(office, "post", "edit", "1", "--text", "y", who=pat)
    ok(office, "post", "submit", "1", "--attest", who=pat)
    ok(office, "post", "approve", "1", who=otis)
    said = ok(office, "post", "show", "1").out
    assert not set("{}[]") & set(said), said
    assert re.search(r"^tags +pool, rink$", said, re.MULTILINE)
    assert re.findall(r" pat +standard +10 categories +(.*)$", said, re.MULTILINE) == ["sent back", "approved"]
    assert re.search(r" otis +returned +which pool\?$", said, re.MULTILINE)
    assert re.search(r" otis +approved +\d{4}-\d\d-\d\d [\d:]{8} UTC$", said, re.MULTILINE)


def _resubmitted(office: Office, pat: str) -> str:
    ok(office, "post", "submit", "1", "--attest", who=pat)
    return office.fails("post", "approve", "1", STANDFAST_TOKEN=pat)


def test_a_channel_s_way_by_commands(office: Office) -> None:
    """GV-1, GV-3: everything missing in one answer; the list says why it lapsed."""
    office.city.set(channel_authorization=True)
    pat, cora = joined(office, "pat", "administrator"), joined(office, "cora", "steward")
    found = office.run("channel", "authorize", "parks")
    assert found.code == 1
    assert len(found.err.splitlines()) == 8  # the outbox is an approved platform
    for arguments in (
        (
            "request",
            "parks",
            "--department",
            "Parks",
            "--contact",
            "c",
            "--administrator",
            "pat",
            "--tool",
            "standfast",
        ),
        ("strategy", "parks", "--document", "file 1", "--on", day(-9)),
        ("calendar", "parks", "--document", "file 2", "--on", day(-9)),
    ):
        ok(office, "channel", *arguments, who=pat)
    ok(office, "people", "train", "pat", "social-media", "--completed", day(-9), "--until", day(30))
    assert "no department approval" in ok(office, "channel", "show", "parks").err
    ok(office, "channel", "approve", "parks", who=cora)
    ok(office, "channel", "authorize", "parks", who=cora)
    assert ok(office, "channel", "list", "--json").data[0]["authorization"] == "authorized"
    assert ok(office, "channel", "show", "parks", "--json").data["missing"] == []
    ok(office, "channel", "platform", "outbox", "--status", "prohibited", "--reason", "law", "--source", "memo")
    assert "lapsed: its platform outbox is prohibited" in ok(office, "channel", "list").out
    assert "prohibited" in ok(office, "channel", "platforms").out
    rows = {(row["kind"], row["name"]): row for row in ok(office, "channel", "platforms", "--json").data}
    assert rows["platform", "outbox"]["decided_by"] == "ana"
    ok(office, "channel", "tool", "other-tool", "--status", "approved", "--reason", "x", "--source", "y")
    ok(office, "channel", "suspend", "parks", "--reason", "a look")
    assert "suspended: a look" in ok(office, "channel", "list").out
    assert "authorized" in ok(office, "channel", "reinstate", "parks").err
    ok(office, "channel", "retire", "parks", "--reason", "over")
    assert "is retired (over)" in office.fails("channel", "authorize", "parks")
    assert "did you mean 'parks'" in office.fails("channel", "show", "park")


def test_the_records_of_people_by_commands(office: Office) -> None:
    """GV-4, GV-7."""
    dan, sam = joined(office, "dan"), joined(office, "sam")
    ok(office, "people", "employ", "sam", "--department", "Parks")
    assert "nothing to change" in office.fails("people", "employ", "sam")
    ok(
        office,
        "people",
        "designate",
        "dan",
        "--as",
        "department-director",
        "--department",
        "Parks",
        "--document",
        "HR 1",
    )
    ok(office, "people", "spokesperson", "sam", "--subject", "parks", who=sam)
    assert "is no signature" in office.fails("people", "sign", "1", "--as", "mayor")
    assert "one signature is missing" in ok(office, "people", "sign", "1", "--as", "director", who=dan).err
    assert "active now" in ok(office, "people", "sign", "1", "--as", "communications").err
    assert ok(office, "people", "spokespersons", "--json").data[0]["state"] == "active"
    assert "sam" in ok(office, "people", "spokespersons").out
    ok(office, "people", "end-spokesperson", "1")
    ok(office, "people", "train", "sam", "social-media", "--completed", day(-1))
    assert ok(office, "people", "training", "--json").data[0]["state"] == "valid"
    ok(office, "people", "untrain", "1")
    assert "revoked" in ok(office, "people", "training").out
    assert "department-director" in ok(office, "people", "designations").out
    ok(office, "people", "end-designation", "1")
    joined(office, "olga", "operator")
    ok(office, "people", "delegate", "olga", "--to", "sam", "--until", day(3))
    assert ok(office, "people", "delegations", "--json").data[0]["state"] == "in force"
    ok(office, "people", "end-delegation", "1")
    assert "ended" in ok(office, "people", "delegations").out
    listed = {row["id"]: row for row in ok(office, "people", "list", "--json").data}
    assert listed["sam"]["department"] == "Parks"


def test_a_delegate_who_is_not_trained_hears_that_and_not_of_a_role(office: Office) -> None:
    """CT-1, GV-2: who stands in needs no role, so the refusal names what is missing: the course."""
    pat, sam = joined(office, "pat", "administrator"), joined(office, "sam")
    joined(office, "olga", "operator")
    for person in ("pat", "olga"):
        ok(office, "people", "train", person, "social-media", "--completed", day(-1))
    office.city.set(approval="required", training="social-media")
    ok(office, "post", "add", "--channel", "parks", *AT, "--text", "x", who=pat)
    ok(office, "post", "submit", "1", "--attest", who=pat)
    assert "ask " in office.fails(
        "post", "approve", "1", STANDFAST_TOKEN=sam
    )  # nobody's delegate: a role is what is missing
    ok(office, "people", "delegate", "olga", "--to", "sam", "--until", day(3))
    said = office.fails("post", "approve", "1", STANDFAST_TOKEN=sam)
    assert "sam may not approve post 1 in the place of olga: sam has no training 'social-media' on record" in said
    assert "`standfast people train`" in said
    ok(office, "people", "train", "sam", "social-media", "--completed", day(-1))
    assert "approved in the place of olga" in ok(office, "post", "approve", "1", who=sam).out


def test_people_come_from_a_file_and_leave(office: Office, tmp_path: Path) -> None:
    """GV-8: who leaves has no token, and their posts wait for a person."""
    file = tmp_path / "people.csv"
    file.write_text("person,name,role\nnew,New,operator\n")
    assert ok(office, "people", "import", str(file), "--json").data == {"people": 1, "roles": 1, "training": 0}
    file.write_text("person,name\nnew,Other\nBAD,Bad\n")
    said = office.run("people", "import", str(file))
    assert [line.split(":")[2] for line in said.err.splitlines()] == ["2", "3"]
    ok(
        office,
        "post",
        "add",
        "--channel",
        "parks",
        *AT,
        "--text",
        "x",
        who=str(ok(office, "people", "token", "new", "--json").data["token"]),
    )
    assert "1 token(s) revoked, 1 scheduled post(s) held" in ok(office, "people", "leave", "new").err
    listed = {row["id"]: row for row in ok(office, "people", "list", "--json").data}
    assert listed["new"]["state"] == "left"


def test_a_role_on_a_group_is_given_and_taken(office: Office) -> None:
    joined(office, "pat")
    ok(office, "channel", "add", "pool", "--platform", "outbox", "--group", "outdoors")
    assert "group outdoors" in ok(office, "people", "grant", "pat", "administrator", "--group", "outdoors").err
    assert "leave one out" in office.fails(
        "people", "grant", "pat", "operator", "--group", "outdoors", "--channel", "pool"
    )
    assert "administrator on group:outdoors" in ok(office, "people", "list").out
    ok(office, "people", "revoke", "pat", "administrator", "--group", "outdoors")


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
LINES: list[Callable[[str], tuple[str, ...]]] = [
    lambda w: ("people", "employ", "ana", f"--department={w}"),
    lambda w: ("people", "train", "pat", w or "x", "--completed", "2020-01-01"),
    lambda w: ("people", "train", "pat", "first-aid", f"--completed={w}"),
    lambda w: ("people", "designate", "pat", f"--as={w}", "--department", "P", "--document", "x"),
    lambda w: ("people", "spokesperson", "pat", f"--subject={w}"),
    lambda w: ("people", "delegate", "ana", "--to", "pat", f"--until={w}"),
    lambda w: ("channel", "request", "parks", f"--administrator={w}"),
    lambda w: ("channel", "strategy", "parks", f"--document={w}", "--on", "2020-01-01"),
    lambda w: ("channel", "suspend", "parks", f"--reason={w}"),
    lambda w: ("channel", "platform", "outbox", "--status", "approved", f"--reason={w}", "--source", "x"),
    lambda w: ("post", "return", "1", f"--comment={w}"),
    lambda w: ("post", "submit", f"--channel={w}", "--attest"),
]


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(word=WORDS)
@pytest.mark.parametrize("line", range(len(LINES)))
def test_no_text_makes_more_than_a_line(office: Office, line: int, word: str) -> None:
    """Any text is taken or refused; there is no traceback (`Office.run` looks)."""
    if not any(p.id == "pat" for p in office.rows("person")["person"]):
        joined(office, "pat", "administrator")
    said = office.run(*LINES[line](word))
    assert said.code in (0, 1, 2)
    assert said.code == 0 or said.err
