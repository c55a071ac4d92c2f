"""``standfast records inbound`` as people type it (RC-5, RC-7), against the sandbox, on each database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import SQLModel, select

from commands import duties
from commands.context import Context
from config import settings
from config.settings import SettingsError
from connectors.protocol import Account, Prepared
from connectors.x import XConnector
from crisis.notices import address
from crisis.notices.words import Words
from records.log import entries
from sandbox import client
from sandbox.client import Client
from store.engine import writing
from store.record_tables import RecordContent
from store.tables import Channel
from tests.commands.office import Office, Said
from tests.connectors.contract import message, permit
from tests.crisis.notices.services import CANARY, services
from tests.crisis.plans import filled, written

NAMES = ("consumer_key", "consumer_secret", "access_token", "access_token_secret")
X, HALL = "pool-x", "hall"
DEPARTMENT = """
[[department]]
name = "Water"
targets = ["WATER_DESK"]
language = "es"
"""
WORDS = "standfast post add --channel parks --text 'Fire!' @city /publish now"


@pytest.fixture(scope="module")
def _sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with client.start(tmp_path_factory.mktemp("sandbox") / "arrivals.jsonl") as box:
        yield box


@pytest.fixture
def box(_sandbox: Client, office: Office) -> Client:
    """The sandbox, with a channel on each of its platforms, a plan with addresses, and a channel that offers nothing."""
    _sandbox.reset()
    secrets = {name: f"K_{name.upper()}" for name in NAMES}
    with writing(office.engine) as session:
        session.add(Channel(name=X, platform="x", settings={"base_url": _sandbox.url}, secrets=secrets, created_at=1))
        page = {"base_url": _sandbox.url, "page_id": "815"}
        session.add(
            Channel(name=HALL, platform="facebook", settings=page, secrets={"page_token": "K_PAGE"}, created_at=1)
        )
    _env(office, **{name: f"4711-{name}" for name in secrets.values()}, K_PAGE="815-page")
    office.city.set(plan="crisis-plan.toml")
    written(office.city.root, filled() + DEPARTMENT)
    return _sandbox


def _env(office: Office, **values: str) -> None:
    with (office.city.root / ".env").open("a", encoding="utf-8") as file:
        file.writelines(f"{name}='{value}'\n" for name, value in values.items())


def ok(office: Office, *arguments: str, **rest: Any) -> Said:
    """What a command that ends well says."""
    said = office.run("records", "inbound", *arguments, **rest)
    assert said.code == 0, said
    return said


def test_from_a_comment_to_its_history(office: Office, box: Client) -> None:
    """RC-5: fetched, listed, shown; an edit and a deletion; each channel says what it offers; the chain is whole."""
    number = box.say("facebook", "815", "visitor", "A pothole \x1b[2J on Elm", author="Rudy Rude")
    box.say("x", "4711", "mention", "Hello city")
    said = ok(office, "fetch", "--json")
    told = {item["channel"]: (item["new"], item["offered"], item["trouble"]) for item in said.data}
    assert told == {
        HALL: (1, True, None),
        X: (1, True, None),
        "parks": (0, False, "its platform offers nothing to read"),
    }
    box.reword(number, "A hole on Elm")
    assert ok(office, "fetch", "--channel", HALL, "--json").data[0]["edited"] == 1
    box.unsay(number)
    assert "  1   " in ok(office, "fetch", "--channel", HALL).out
    (item,) = ok(office, "list", "--channel", HALL, "--json").data
    assert (item["text"], item["author"][:9], item["edited"]) == ("A hole on Elm", "Rudy Rude", True)
    assert item["gone_at"]
    line = ok(office, "list").out.splitlines()[-2:]
    assert any("gone" in row and "A hole on Elm" in row for row in line)
    shown = ok(office, "show", str(item["record"]), "--json").data
    assert [(row["change"], row["text"]) for row in shown["history"]] == [
        ("new", "A pothole \x1b[2J on Elm"),
        ("edited", "A hole on Elm"),
        ("gone", None),
    ]
    assert json.loads(shown["history"][0]["raw"])["from"]["name"] == "Rudy Rude"
    printed = ok(office, "show", str(shown["history"][0]["record"]))
    assert "\x1b" not in printed.out + printed.err
    assert r"A pothole \x1b[2J on Elm" in printed.out
    assert office.run("records", "verify").code == 0
    log = office.run("records", "list", "--json").out
    assert "Rudy" not in log
    assert "hole" not in log


def test_a_channel_that_cannot_be_read_ends_with_1_and_the_others_are_read(office: Office, box: Client) -> None:
    """RC-5."""
    box.say("facebook", "815", "visitor", "Hello")
    box.fault("500", platform="x", kind="other", count=None)
    said = office.run("records", "inbound", "fetch", "--json")
    assert said.code == 1
    found = {item["channel"]: item for item in said.data}
    assert "x answered 500" in found[X]["trouble"]
    assert found[HALL]["new"] == 1
    with writing(office.engine) as session:
        session.get_one(Channel, X).secrets = {}
    assert "names no variable" in office.run("records", "inbound", "fetch", "--channel", X).out


def test_what_is_none_is_one_line(office: Office, box: Client) -> None:
    for arguments in (("fetch", "--channel", "pol"), ("list", "--channel", "pol")):
        assert "there is no channel 'pol'" in office.fails("records", "inbound", *arguments)
    for verb in ("show", "forward"):
        assert "record 77 is not of what the public writes" in office.fails("records", "inbound", verb, "77")
        assert office.run("records", "inbound", verb, "9" * 400).code == 2
    wrong = "give one of --media-inquiry, --department and --clear"
    for options in ((), ("--clear", "--media-inquiry"), ("--department", "Water", "--media-inquiry")):
        assert wrong in office.fails("records", "inbound", "mark", "1", *options)


def _item(office: Office, box: Client, words: str = WORDS, **more: Any) -> str:
    """The record of something that somebody wrote to the Page."""
    box.say("facebook", "815", "visitor", words, **more)
    ok(office, "fetch", "--channel", HALL)
    return str(ok(office, "list", "--channel", HALL, "--json").data[-1]["record"])


def test_a_department_is_told_at_its_own_address_and_it_is_written_down(office: Office, box: Client) -> None:
    """RC-7: who, when, to whom, and what came of it; neither log nor rows have the words or the address."""
    record = _item(office, box, "The hydrant\u202e leaks\nsince noon", author="Rudy Rude")
    with services() as there:
        _env(office, WATER_DESK=there.address("takes"))
        said = ok(office, "forward", record, "--to-department", "Water", "--json")
        (taken,) = there.taken("takes")
    assert said.data == [
        {"addressee": "department Water", "person": "", "variable": "WATER_DESK", "trouble": None},
    ]
    assert taken["title"] == "PARA Water: lo que alguien escribió en hall"
    assert "The hydrant  leaks\nsince noon" in taken["message"]
    assert "Rudy Rude" in taken["message"]
    assert f"standfast records inbound show {record}" in taken["message"]
    (delivery,) = ok(office, "show", record, "--json").data["forwarded"]
    assert [delivery[name] for name in ("by", "addressee", "variable", "state", "record")] == [
        *("ana", "department Water", "WATER_DESK", "delivered", int(record)),
    ]
    assert delivery["at"] <= delivery["ended_at"]
    acts = entries(office.engine, action="inbound.forward") + entries(office.engine, action="inbound.delivery")
    assert [(act["actor"], act["subject"]) for act in acts] == [
        ("ana", f"record {record}"),
        ("standfast", f"record {record}"),
    ]
    kept = str(office.rows("log_entry", "forwarding"))
    for private in ("hydrant", "Rudy", CANARY):
        assert private not in kept


def test_a_media_inquiry_goes_to_the_director_of_media_relations_and_on_to_the_next(
    office: Office, box: Client
) -> None:
    """RC-7: the first of the role whose address takes it; what was tried before is written down as well."""
    record = _item(office, box, "I write for the Gazette")
    assert "marked as media inquiry" in ok(office, "mark", record, "--media-inquiry").err
    (item,) = ok(office, "list", "--marked", "--json").data
    assert (item["mark"], item["marked_by"]) == ("media inquiry", "ana")
    with services() as there:
        _env(office, NOTICE_DORA=there.address("takes"), NOTICE_OMAR_PHONE=there.address("takes"))
        said = ok(office, "forward", record)
        assert [sent["title"] for sent in there.taken("takes")] == ["MEDIA INQUIRY on hall"]
    assert "dora" in said.out
    assert "omar" not in said.out
    with services() as there:
        _env(office, NOTICE_DORA=there.address("fails"), NOTICE_OMAR_PHONE=there.address("takes"), NOTICE_OMAR_MAIL="")
        said = ok(office, "forward", record, "--json")
    assert [(item["person"], item["trouble"] is None) for item in said.data] == [
        *(("dora", False), ("omar", True), ("omar", False)),
    ]
    states = [row["state"] for row in ok(office, "show", record, "--json").data["forwarded"]]
    assert states == ["delivered", "failed", "delivered", "failed"]


def test_where_it_goes_is_what_is_said_then_the_mark_then_the_channel_s_own(
    office: Office, box: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RC-7."""
    record = _item(office, box)
    told: list[str] = []

    def send(url: str, said: Words) -> None:
        told.append(f"{url}: {said.subject}")

    monkeypatch.setattr(address, "send", send)
    _env(office, WATER_DESK="water", NOTICE_DORA="dora", NOTICE_OMAR_PHONE="omar", NOTICE_OMAR_MAIL="")
    assert "nobody said where it goes" in office.fails("records", "inbound", "forward", record)
    for person, department in (("dora", "Parks"), ("omar", "Parks"), ("lee", "Library")):
        office.run("people", "add", person, "--name", person)
        office.run("people", "employ", person, "--department", department)
    office.city.set(inbound_departments="hall: Water; pool-x: Parks")
    ok(office, "forward", record)
    ok(office, "mark", record, "--department", "Parks")
    ok(office, "forward", record)
    ok(office, "forward", record, "--to-department", "Water")
    assert told == [
        "water: PARA Water: lo que alguien escribió en hall",
        "dora: FOR Parks: what somebody wrote on hall",
        "omar: PARA Parks: lo que alguien escribió en hall",
        "water: PARA Water: lo que alguien escribió en hall",
    ]
    ok(office, "mark", record, "--clear")
    assert ok(office, "list", "--marked", "--json").data == []
    forward = ("records", "inbound", "forward", record, "--to-department")
    assert "no department 'Watr' is known: did you mean 'Water'?" in office.fails(*forward, "Watr")
    assert "the plan has no address for 'Library'" in office.fails(*forward, "Library")
    assert "no department" in office.fails("records", "inbound", "mark", record, "--department", "Watr")
    written(office.city.root, filled().replace("[role.media-relations-director]", "[role.press]"))
    ok(office, "mark", record, "--media-inquiry")
    assert "the plan names nobody with an address as media-relations-director" in office.fails(*forward[:-1])


def test_an_address_that_hangs_is_given_up_and_a_failure_ends_with_1(
    office: Office, box: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RC-7: bounded in time."""
    record = _item(office, box)
    with services() as there:
        _env(office, WATER_DESK=there.address("hangs"))
        own = address.send
        monkeypatch.setattr(address, "send", lambda url, said: own(url, said, 0.3))
        said = office.run("records", "inbound", "forward", record, "--to-department", "Water")
        there.stop()
    assert said.code == 1
    assert "no answer within 0.3 s" in said.out
    assert CANARY not in str(said)


def test_a_rehearsal_tells_nobody(office: Office, box: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    record = _item(office, box)
    monkeypatch.setattr("config.clock.is_rehearsal", lambda: True)
    assert "nobody is told anything" in office.fails(
        "records", "inbound", "forward", record, "--to-department", "Water"
    )


def test_words_that_were_disposed_of_are_said_to_be(office: Office, box: Client) -> None:
    """RC-4: content goes, the numbers stay."""
    record = _item(office, box)
    with writing(office.engine) as session:
        for content in session.exec(select(RecordContent)):
            session.delete(content)
    assert "(disposed of)" in ok(office, "list").out
    assert ok(office, "show", record, "--json").data["history"][0]["text"] is None
    line = office.fails("records", "inbound", "forward", record, "--to-department", "Water")
    assert "were disposed of: there is nothing to pass on" in line


OURS = {
    *("record", "record_content", "inbound_cursor", "inbound_item", "forwarding", "log_entry", "chain_head"),
    *("token", "person"),
}
"""Tables that the paths of what comes in may write to (a token notes its use)."""


def _others(office: Office) -> dict[str, list[Any]]:
    return office.rows(*(name for name in SQLModel.metadata.tables if name not in OURS))


def test_nothing_that_comes_in_can_queue_or_publish(office: Office, box: Client, tmp_path: Path) -> None:
    """RC-7: whatever the public writes, and whatever is done with it: no post, no attempt, no request but to read.

    The twin: a post that is queued shows in the same tables, and one that is published in the same log.
    """
    before = _others(office)
    for place, words in enumerate((WORDS, "post: hello", "APPROVED. Send this at once.", "\0" * 9, "{text} {{x}} %s")):
        box.say("x", "4711", "mention", f"{words} {place}")
        record = _item(office, box, f"{words} {place}")
    ok(office, "fetch")
    ok(office, "mark", record, "--media-inquiry")
    mail = tmp_path / "m.eml"
    mail.write_text(f"Subject: {WORDS}\n\n{WORDS}\n")
    line = ("--from-person", "ana", "--account", "@ana", "--reason", WORDS)
    assert office.run("records", "intake", str(mail), *line).code == 0
    with services() as there:
        _env(office, NOTICE_DORA=there.address("takes"))
        ok(office, "forward", record)
    for duty in _duties(office):
        duty()
    assert _others(office) == before
    assert box.arrivals() == []
    assert {arrival.method for arrival in box.arrivals("all")} == {"GET"}
    assert box.posts() == []
    office.run("post", "add", "--channel", X, "--at", "2190-01-01 09:00", "--text", "Hello")
    assert [name for name, rows in _others(office).items() if rows != before[name]] == ["post"]
    account = Account(X, "x", {"base_url": box.url}, {name: f"4711-{name}" for name in NAMES})
    XConnector(account).publish(message(), Prepared(), permit())
    assert len(box.arrivals()) == 1


def _duties(office: Office) -> list[Any]:
    """What the daemon would do of it."""
    return [duties._watch(Context(), office.engine).look]


def test_the_daemon_reads_unless_it_is_off(office: Office, box: Client) -> None:
    """RC-5: every `inbound_every`, and never where that is 0."""
    box.say("facebook", "815", "visitor", "Hello")
    assert "inbound" in [duty.name for duty in duties.of_crisis(Context(), office.engine)]
    (found,) = (item for item in duties._watch(Context(), office.engine).look() if item.channel == HALL)
    assert found.changes == {"new": 1}
    assert duties._watch(Context(), office.engine).look() == []
    office.city.set(inbound_every="0s")
    assert "inbound" not in [duty.name for duty in duties.of_crisis(Context(), office.engine)]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("inbound_every", "5s", "inbound_every = 5s is less than 60s"),
        ("inbound_departments", "parks", "names no departments"),
        ("inbound_departments", "parks: ", "names no departments"),
        ("inbound_departments", "a: " + "b" * 201, "names no departments"),
    ],
)
def test_a_setting_that_cannot_be_is_named(office: Office, name: str, value: str, told: str) -> None:
    office.city.set(**{name: value})
    with pytest.raises(SettingsError, match=told):
        settings.load()


def test_departments_may_be_a_table(office: Office) -> None:
    with office.city.settings_file.open("a") as file:
        file.write('inbound_departments = {"parks" = "Parks and Recreation"}\n')
    assert settings.load().inbound_departments == {"parks": "Parks and Recreation"}
