"""The moderation register: nothing without clause, words, capture before the act, and actor; nothing ever changed (CT-7)."""

from __future__ import annotations

import ast
import csv
import io
import json
import threading
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from config import clock, spreadsheet
from governance import access, moderation, moderation_export, moderation_proof, people
from governance.access import Refused
from governance.authority import Identity
from governance.moderation import Act, ModerationError, Wish
from records.verify import verify
from store.engine import reading, writing
from store.moderation_tables import Moderation
from tests.governance.helpers import Town
from tests.support import source

TERMS = {"threats": "No threats.", "spam": "No spam."}
NOW = clock.wall_us()
AN_ACT = Act("parks", "hide", "threats", "@rude", "I will\nhurt you", NOW - 2_000_000, NOW - 1_000_000)
HOSTILE = "=cmd|' /C calc'!A0\0\x07\x1b[2J\r\n\u202eevil\u2066\ud800\ufeff\u2028é"


def add(town: Town, by: Identity | None = None, **changed: Any) -> Moderation:
    """An entry, in a transaction that logs refusals."""
    with access.acting(town.engine) as session:
        return moderation.add(session, by or town.ana, replace(AN_ACT, **changed), TERMS)


def undo(town: Town, number: int, note: str = "a mistake", by: Identity | None = None, at: int | None = None) -> int:
    """The number of the entry that takes `number` back."""
    with access.acting(town.engine) as session:
        return moderation.undo(session, by or town.ana, number, note, at).id


def listed(town: Town, **wish: Any) -> list[dict[str, Any]]:
    """The entries wanted."""
    with reading(town.engine) as session:
        return moderation.listed(session, Wish(**wish))


def faulty(town: Town, act: Any, *arguments: Any, **rest: Any) -> str:
    """The one line of what changes nothing, in the register and in the log."""
    before, log = listed(town), town.log()
    with pytest.raises(ModerationError) as caught:
        act(town, *arguments, **rest)
    assert (listed(town), town.log()) == (before, log)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_an_act_is_kept_with_clause_words_capture_and_actor(town: Town) -> None:
    """CT-7: and with the clause's own words on that day; the log has who, what and hashes, and none of the public's words."""
    pat = town.signed_in("pat", "administrator", "parks")
    made = add(town, pat, link="https://x.example/1", note="seen by two")
    (found,) = listed(town)
    assert found["number"] == made.id == 1
    assert (found["actor"], found["clause"], found["clause_words"]) == ("pat", "threats", "No threats.")
    assert (found["words"], found["member"], found["undone_by"]) == ("I will\nhurt you", "@rude", None)
    assert found["captured_at"] == clock.to_text(AN_ACT.captured_at) < found["acted_at"] < found["recorded_at"]
    entry = town.log()[-1]
    assert (entry.actor, entry.action, entry.subject) == ("pat", "moderation.add", "moderation 1")
    detail = json.loads(entry.detail)
    assert detail["words_sha256"] == found["words_sha256"] == moderation.sha256("I will\nhurt you")
    assert {key: detail[key] for key in ("channel", "action", "clause")} == {
        "channel": "parks",
        "action": "hide",
        "clause": "threats",
    }
    assert "hurt" not in entry.detail + entry.subject
    assert "rude" not in entry.detail + entry.subject


WRONG = [
    ({"clause": "threat"}, "clause 'threat' is not known: did you mean 'threats'?"),
    ({"clause": ""}, "clause '' is not known"),
    ({"action": "hid"}, "did you mean 'hide'?"),
    ({"action": "unhide"}, "action 'unhide' is not known"),
    ({"channel": "park"}, "there is no channel 'park': did you mean 'parks'?"),
    ({"words": " \n"}, "nothing is recorded without the words as they stood: give --words"),
    ({"member": "\t"}, "nothing is recorded without the member of the public: give --member"),
    ({"words": "é" * 50_001}, "--words has 100,002 bytes, more than 100,000"),
    ({"member": "x" * 501}, "--member has 501 bytes"),
    ({"link": "x" * 2001}, "--link has 2,001 bytes"),
    ({"note": "x" * 5001}, "--note has 5,001 bytes"),
]


@pytest.mark.parametrize(("changed", "told"), WRONG)
def test_what_lacks_something_is_not_recorded(town: Town, changed: dict[str, Any], told: str) -> None:
    """CT-7: one line, and neither register nor log has changed."""
    assert told in faulty(town, add, **changed)


def test_the_words_are_captured_before_the_act_and_neither_is_to_come(town: Town) -> None:
    """CT-7: the line names both moments; the same moment is not before."""
    later = NOW + 3600 * clock.SECOND
    for captured, acted, told in (
        (NOW, NOW - 1, "captured before the act"),
        (NOW - 5, NOW - 5, "captured before the act"),
        (NOW - 5, later, "in the future"),
        (later, later + 5, "in the future"),
        (later, NOW - 5, "in the future"),
    ):
        said = faulty(town, add, captured_at=captured, acted_at=acted)
        assert f"captured at {clock.to_text(captured)} and acted at {clock.to_text(acted)}: " in said
        assert told in said


@pytest.mark.parametrize(
    "change",
    [
        *("clause = ''", "words = ''", "member = ''", "actor = ''", "actor = NULL", "words = NULL", "action = 'ban'"),
        *("captured_at = acted_at", "captured_at = NULL", "acted_at = recorded_at + 1"),
    ],
)
def test_the_database_itself_refuses_what_is_incomplete(town: Town, change: str) -> None:
    """CT-7: also past every command."""
    add(town)
    with pytest.raises(IntegrityError), writing(town.engine) as session:
        session.execute(text(f"UPDATE moderation SET {change}"))


def test_only_who_queues_there_or_sees_to_records_may_record(town: Town) -> None:
    """CT-7: a refusal is logged, with the person and the channel."""
    roles = (("pat", "administrator", "parks"), ("rex", "records_officer", "*"), ("otis", "operator", "*"))
    for person, role, channel in roles:
        assert add(town, town.signed_in(person, role, channel)).actor == person
    for person, role, channel in (
        ("pol", "administrator", "police"),
        ("dot", "director", "*"),
        ("emi", "emergency_publisher", "*"),
    ):
        who = town.signed_in(person, role, channel)
        with pytest.raises(Refused, match=f"{person} may not enter acts of moderation on channel parks: "):
            add(town, who)
        with pytest.raises(Refused, match=f"{person} may not take back moderation 1: "):
            undo(town, 1, by=who)
    assert [entry.actor for entry in town.refusals()] == ["pol", "pol", "dot", "dot", "emi", "emi"]
    assert len(listed(town)) == 3


def test_a_contractor_who_queues_does_not_moderate(town: Town) -> None:
    """CT-7, GV-4: the policy speaks of employees."""
    cole = town.signed_in("cole", "administrator", "parks")
    with writing(town.engine) as session:
        people.employ(session, town.ana, "cole", "contractor", None)
    with pytest.raises(Refused, match="only employees"):
        add(town, cole)


def test_what_is_taken_back_is_an_entry_of_its_own(town: Town) -> None:
    """CT-7: the first stays as it was; each way back has its name; what is deleted does not come back."""
    for number, (action, back) in enumerate((("hide", "unhide"), ("block", "unblock"), ("mute", "unmute"))):
        first = add(town, action=action, link="l").id
        before = listed(town)[-1]
        second = undo(town, first, "appeal upheld")
        assert (first, second) == (2 * number + 1, 2 * number + 2)
        one, two = listed(town)[-2:]
        assert one == {**before, "undone_by": second}
        assert (two["action"], two["undoes"], two["note"], two["link"]) == (back, first, "appeal upheld", "l")
        assert (two["words"], two["clause"], two["member"]) == (one["words"], one["clause"], one["member"])
        assert f"taken back already: see moderation {second}" in faulty(town, undo, first)
        assert "is recorded with `standfast moderation add`" in faulty(town, undo, second)
    gone = add(town, action="delete").id
    assert "what is deleted cannot be put back" in faulty(town, undo, gone)
    assert town.log()[-2].action == "moderation.undo"


def test_taking_back_needs_a_reason_a_number_and_a_moment_after_the_act(town: Town) -> None:
    """CT-7: huge and missing numbers are refused in a line."""
    add(town)
    assert "why it is taken back: give --note" in faulty(town, undo, 1, " ")
    assert "--note has 5,001 bytes" in faulty(town, undo, 1, "x" * 5001)
    for number in (0, -1, 2, 2**63, 10**400):
        assert "there is no entry" in faulty(town, undo, number)
    for at in (AN_ACT.acted_at, NOW + 3600 * clock.SECOND):
        said = faulty(town, undo, 1, at=at)
        assert clock.to_text(at) in said
        assert clock.to_text(AN_ACT.acted_at) in said
    assert undo(town, 1, at=AN_ACT.acted_at + 1) == 2


def test_of_two_who_take_the_same_back_at_once_one_does(town: Town) -> None:
    """CT-7: and entries have no gap in their numbers, whoever writes at the same time."""
    first, said = add(town).id, []

    def take_back() -> None:
        try:
            said.append(undo(town, first))
        except ModerationError as error:
            said.append(str(error))

    workers = [threading.Thread(target=target) for target in [take_back] * 3 + [lambda: add(town)] * 3]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sum(isinstance(answer, int) for answer in said) == 1
    assert [row["number"] for row in listed(town)] == [1, 2, 3, 4, 5]
    assert verify(town.engine).ok


def test_a_list_has_what_was_asked_for(town: Town) -> None:
    """CT-7: by channel, action, clause, member and time; of many the newest, in their order."""
    add(town)
    add(town, channel="police", action="block", clause="spam", member="@other", acted_at=NOW)
    undo(town, 2)

    def numbers(**wish: Any) -> list[int]:
        return [row["number"] for row in listed(town, **wish)]

    assert numbers() == [1, 2, 3]
    assert numbers(channel="parks") == [1]
    assert numbers(action="block") == [2]
    assert numbers(clause="spam") == [2, 3]
    assert numbers(member="@other", action="unblock") == [3]
    assert numbers(member="@oth") == []
    assert numbers(since=NOW) == [2, 3]
    assert numbers(until=NOW) == [1]
    with reading(town.engine) as session:
        found = moderation.listed(session, Wish(), 2)
    assert [(row["number"], row["undone_by"]) for row in found] == [(2, 3), (3, None)]
    for wish, told in ((Wish(channel="park"), "did you mean 'parks'"), (Wish(action="bloc"), "did you mean 'block'")):
        with reading(town.engine) as session, pytest.raises(ModerationError, match=told):
            moderation.listed(session, wish)


def test_any_text_is_kept_and_its_hash_is_of_what_is_kept(town: Town) -> None:
    """CT-7: what no database can keep has a sign in its place; everything else stays as it stood."""
    add(town, words=HOSTILE, member=HOSTILE, note=HOSTILE, link=HOSTILE)
    (found,) = listed(town)
    kept = HOSTILE.replace("\0", "\ufffd").replace("\ud800", "?")
    assert [found[name] for name in ("words", "member", "note", "link")] == [kept] * 4
    assert found["words_sha256"] == moderation.sha256(kept)
    assert listed(town, member=HOSTILE) == [found]


def test_an_export_is_the_whole_register_and_runs_in_no_spreadsheet(town: Town) -> None:
    """CT-7: CSV and JSON lines have every entry, in order, and nothing else; a cell can be put back as it was."""
    words = ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1", "＝1", "'=1", 'plain, "quoted"\r\nlines', HOSTILE]
    for word in words:
        add(town, words=word)
    undo(town, 1)
    entries = listed(town)
    lines = moderation_export.as_jsonl(entries).decode().split("\n")
    assert [json.loads(line) for line in lines[:-1]] == entries
    assert lines[-1] == ""
    rows = list(csv.DictReader(io.StringIO(moderation_export.as_csv(entries).decode(), newline="")))
    assert len(rows) == len(entries)
    for row, entry in zip(rows, entries, strict=True):
        assert not any(cell.startswith(spreadsheet.RISKY[:-1]) for cell in row.values())
        plain = {name: cell[1:] if cell.startswith("'") else cell for name, cell in row.items()}
        assert plain == {name: "" if value is None else str(value) for name, value in entry.items()}


@given(st.lists(st.text(max_size=40), max_size=5))
def test_an_export_of_any_texts_reads_back(texts: list[str]) -> None:
    """CT-7: whatever the public wrote, a line stays a line and a cell a cell."""
    texts = [each.encode("utf-8", "replace").decode() for each in texts]
    entries = [dict.fromkeys(moderation_export.COLUMNS, each) for each in texts]
    rows = list(csv.reader(io.StringIO(moderation_export.as_csv(entries).decode(), newline="")))[1:]
    put_back = [{cell[1:] if cell.startswith("'") else cell for cell in row} for row in rows]
    assert put_back == [{each} for each in texts]
    assert [json.loads(line) for line in moderation_export.as_jsonl(entries).splitlines()] == entries


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.text(max_size=300).filter(str.strip))
def test_any_words_are_kept(town: Town, words: str) -> None:
    """CT-7: on both databases."""
    made = add(town, words=words)
    (found,) = [row for row in listed(town) if row["number"] == made.id]
    assert found["words"] == words.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def test_what_is_changed_past_the_commands_shows(town: Town) -> None:
    """CT-7: the log has a hash of each entry: an entry changed, removed or put in is named."""
    for _ in range(4):
        add(town)
    undo(town, 1)

    def differing() -> list[int]:
        with reading(town.engine) as session:
            return moderation_proof.differing(session)

    assert differing() == []
    with writing(town.engine) as session:
        session.execute(text("UPDATE moderation SET member = '@else' WHERE id = 2"))
        session.execute(text("DELETE FROM moderation WHERE id = 4"))
        columns = ", ".join(name for name in moderation.FIELDS if name not in ("id", "undoes"))
        copy = f"INSERT INTO moderation (id, {columns}) SELECT 9, {columns} FROM moderation WHERE id = 1"
        session.execute(text(copy))
        session.execute(text("UPDATE log_entry SET detail = 'x' WHERE subject = 'moderation 3'"))
    assert differing() == [2, 3, 4, 9]


def test_an_export_is_logged_and_needs_the_right_to_records(town: Town) -> None:
    """CT-7: who took the register out, and the hash of the file."""
    pat = town.signed_in("pat", "administrator")
    with pytest.raises(Refused), access.acting(town.engine) as session:
        moderation.exported(session, pat, "csv", 0, b"x")
    assert town.log()[-1].action == "refused"
    with access.acting(town.engine) as session:
        moderation.exported(session, town.ana, "csv", 3, b"x")
    assert json.loads(town.log()[-1].detail) == {"format": "csv", "entries": 3, "sha256": moderation.sha256("x")}


def test_nothing_in_the_code_changes_or_deletes_an_entry() -> None:
    """CT-7: the register is only ever added to: no assignment to a row's column after it was entered, no delete."""
    for file in source.product_files():
        if "moderation" not in file.name or "versions" in file.parts:
            continue
        for node in ast.walk(source.tree(file)):
            targets = node.targets if isinstance(node, ast.Assign) else []
            assert not [t.attr for t in targets if isinstance(t, ast.Attribute) and t.attr != "id"], file
            assert not (isinstance(node, ast.Attribute) and node.attr in ("delete", "update", "merge")), file
