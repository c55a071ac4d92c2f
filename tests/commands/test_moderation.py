"""``standfast moderation`` as people type it (CT-7)."""

from __future__ import annotations

import csv
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from governance import roles
from store.engine import open_engine, writing
from tests.commands.office import Office, Said, opened
from tests.support.city import City

LINE = ("--channel", "parks", "--action", "hide", "--clause", "threats", "--member", "@rude")
MOMENTS = ("--captured-at", "2026-01-05 09:00", "--acted-at", "2026-01-05 09:05")
ADD = ("moderation", "add", *LINE, *MOMENTS)


@pytest.fixture
def desk(sqlite_city: City, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """The office on SQLite alone: what these say does not depend on the database."""
    monkeypatch.setenv("STANDFAST_TOKEN", "")
    engine = open_engine(sqlite_city.url)
    yield opened(sqlite_city, engine)
    engine.dispose()
    roles.use(None)


def ok(office: Office, *arguments: str, **rest: Any) -> Said:
    """What a command that ends well says."""
    said = office.run(*arguments, **rest)
    assert said.code == 0, said
    return said


def test_from_an_act_to_an_export(office: Office, tmp_path: Path) -> None:
    """CT-7: recorded, shown, taken back and exported, on each database; the log is whole and has none of the words."""
    said = ok(office, *ADD, "--words", "I will hurt you", "--link", "https://x.example/1")
    assert said.err == "moderation 1: hide on parks, @rude, clause threats; recorded by ana\n"
    said = ok(office, "moderation", "undo", "1", "--note", "it was a quote")
    assert said.err == "moderation 2 (takes back 1): unhide on parks, @rude, clause threats; recorded by ana\n"
    lines = ok(office, "moderation", "list").out.splitlines()
    assert lines[0].split()[0] == "entry"
    assert "taken back by 2" in lines[1]
    assert "takes back 1" in lines[2]
    found = ok(office, "moderation", "list", "--json").data
    assert [(row["action"], row["words"], row["actor"]) for row in found] == [
        ("hide", "I will hurt you", "ana"),
        ("unhide", "I will hurt you", "ana"),
    ]
    for form in ("csv", "jsonl"):
        file = tmp_path / f"register.{form}"
        said = ok(office, "moderation", "export", "--format", form, "--output", str(file))
        assert said.err == f"the moderation register: 2 entries written to '{file}'\n"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [json.loads(line) for line in (tmp_path / "register.jsonl").read_text().splitlines()] == found
    with (tmp_path / "register.csv").open(newline="", encoding="utf-8") as stream:
        assert [row["member"] for row in csv.DictReader(stream)] == ["'@rude", "'@rude"]
    log = ok(office, "records", "list", "--json").out
    assert "hurt" not in log
    assert '"moderation.export"' in log
    assert ok(office, "records", "verify")


@pytest.mark.parametrize(
    ("captured", "acted", "told"),
    [
        ("2026-01-05 09:05", "2026-01-05 09:05", "captured before the act"),
        ("2026-01-05 09:06", "2026-01-05 09:05", "captured before the act"),
        ("2026-01-05 09:05", "2199-01-05 09:05", "neither can be in the future"),
        ("2199-01-05 09:04", "2026-01-05 09:05", "neither can be in the future"),
    ],
)
def test_the_order_of_the_moments_is_told_in_the_city_s_time(
    desk: Office, captured: str, acted: str, told: str
) -> None:
    """CT-7: one line that names both."""
    desk.city.set(timezone="America/Chicago")
    line = ("moderation", "add", *LINE, "--words", "x", "--captured-at", captured, "--acted-at", acted)
    said = desk.fails(*line)
    assert f"captured at {captured}:00 CST and acted at {acted}:00 CST: " in said
    assert told in said
    assert desk.rows("moderation")["moderation"] == []


def test_a_moment_that_comes_twice_is_given_in_utc(desk: Office) -> None:
    """CT-7: the night on which the clocks go back does not turn an order around."""
    desk.city.set(timezone="America/Chicago")
    start = ("moderation", "add", *LINE, "--words", "x", "--captured-at")
    for wrong in ("2025-11-02 01:30", "2025-03-09 02:30"):
        assert "is not one moment (America/Chicago changes its clocks): write UTC" in desk.fails(
            *start, wrong, "--acted-at", "2025-12-01 09:00"
        )
    said = ok(desk, *start, "2025-11-02T06:55:00Z", "--acted-at", "2025-11-02T07:05:00.5z", "--json").data
    assert (said["captured_at"], said["acted_at"]) == ("2025-11-02T06:55:00.000Z", "2025-11-02T07:05:00.500Z")
    for wrong in ("Z", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T00:00:00Z", "1" * 5000 + "Z"):
        assert "--acted-at" in desk.fails(*start, "2025-01-01 09:00", "--acted-at", wrong)


def test_the_words_come_from_a_file_as_they_stood(desk: Office, tmp_path: Path) -> None:
    """CT-7: or from standard input; 100 kB at most; what cannot be kept is said; shown harmlessly."""
    file = tmp_path / "words.txt"
    file.write_bytes("=x\r\n\x1b[2J\u202eevil\n".encode())
    assert ok(desk, *ADD, "--words-file", str(file), "--json").data["words"] == "=x\r\n\x1b[2J\u202eevil\n"
    said = ok(desk, *ADD, "--words-file", "-", stdin="a\0b")
    assert (
        said.err.splitlines()[0]
        == "warning: the words hold characters that no store can keep; a sign stands in their place"
    )
    shown = ok(desk, "moderation", "list").out
    assert r"=x \x1b[2J\u202eevil" in shown
    assert not {"\x1b", "\u202e", "\r"} & set(shown)
    file.write_bytes(b"x" * 100_001)
    assert "--words has 100,001 bytes, more than 100,000" in desk.fails(*ADD, "--words-file", str(file))
    file.write_bytes(b"x" * 1_000_001)
    assert "has more than 1,000,000 bytes" in desk.fails(*ADD, "--words-file", str(file))
    file.write_bytes(b"\xff")
    assert "is not UTF-8 text" in desk.fails(*ADD, "--words-file", str(file))
    assert "cannot be read" in desk.fails(*ADD, "--words-file", str(tmp_path / "none"))
    assert "give one of --words and --words-file" in desk.fails(*ADD)
    assert "give one of --words and --words-file" in desk.fails(*ADD, "--words", "x", "--words-file", str(file))
    said = ok(desk, *ADD, "--words", "x", "--member", "\u202e\x1b@m")
    assert r"\u202e\x1b@m" in said.err
    assert len(desk.rows("moderation")["moderation"]) == 3


def test_the_terms_are_the_city_s_and_a_clause_keeps_its_words(desk: Office) -> None:
    """CT-7: printed, named when unknown, and kept in each entry as they stood."""
    assert "threats" in ok(desk, "moderation", "terms").out
    assert {"clause", "words"} == set(ok(desk, "moderation", "terms", "--json").data[0])
    line = ["threat" if word == "threats" else word for word in ADD]
    assert "clause 'threat' is not known: did you mean 'threats'? (`standfast moderation terms`)" in desk.fails(
        *line, "--words", "x"
    )
    ok(desk, *ADD, "--words", "x")
    desk.city.set(site_terms="own.toml")
    assert "own.toml: the site terms cannot be read" in desk.fails("moderation", "terms")
    assert "own.toml" in desk.fails(*ADD, "--words", "x")
    (desk.city.root / "own.toml").write_text("[clauses]\nthreats = 'Own words.'\n", encoding="utf-8")
    ok(desk, *ADD, "--words", "x")
    kept = [row["clause_words"] for row in ok(desk, "moderation", "list", "--json").data]
    assert kept[0].startswith("Threats of harm")
    assert kept[1] == "Own words."


def test_a_list_is_narrowed_and_reads_what_one_may_read(desk: Office) -> None:
    """CT-7: who queues on a channel sees that channel; the rest is refused, and logged."""
    ok(desk, *ADD, "--words", "x")
    ok(desk, "moderation", "undo", "1", "--note", "n", "--acted-at", "2026-01-06 09:00")

    def numbers(*options: str) -> list[int]:
        return [row["number"] for row in ok(desk, "moderation", "list", "--json", *options).data]

    assert numbers("--since", "2026-01-06 09:00") == [2]
    assert numbers("--until", "2026-01-06T09:00:00Z") == [1]
    assert numbers("--action", "unhide", "--clause", "threats", "--member", "@rude", "--channel", "parks") == [2]
    assert numbers("--limit", "1") == [2]
    assert "did you mean 'parks'" in desk.fails("moderation", "list", "--channel", "park")
    ok(desk, "people", "add", "pat", "--name", "Pat")
    ok(desk, "people", "grant", "pat", "administrator", "--channel", "parks")
    pat = str(ok(desk, "people", "token", "pat", "--json").data["token"])
    assert ok(desk, "moderation", "list", "--channel", "parks", STANDFAST_TOKEN=pat).out
    assert "pat may not read the moderation register of all channels" in desk.fails(
        "moderation", "list", STANDFAST_TOKEN=pat
    )
    export = ("moderation", "export", "--format", "csv", "--output", "r.csv")
    assert "pat may not export the moderation register: " in desk.fails(*export, STANDFAST_TOKEN=pat)
    assert not (desk.city.root / "r.csv").exists()
    refused = ok(desk, "records", "list", "--action", "refused", "--json").data
    assert [entry["actor"] for entry in refused] == ["pat", "pat"]


def test_an_export_replaces_no_file_and_says_when_the_register_was_changed(desk: Office, tmp_path: Path) -> None:
    """CT-7: a format that is none, a file that is there, and an entry changed past the commands."""
    file = str(tmp_path / "r.csv")
    export = ("moderation", "export", "--output", file, "--format")
    assert "--format 'xls' is none of csv, jsonl" in desk.fails(*export, "xls")
    ok(desk, *export, "csv")
    assert "exists: name another file, or --force replaces it" in desk.fails(*export, "csv")
    ok(desk, *ADD, "--words", "x")
    ok(desk, *export, "csv", "--force")
    with writing(desk.engine) as session:
        session.execute(text("UPDATE moderation SET words = 'y'"))
    said = desk.run(*export, "csv", "--force")
    assert said.code == 1
    assert said.err.splitlines()[-1].startswith("standfast: not as the log has it: entry 1; keep the store as it is")
    assert "'y'" not in Path(file).read_text()
    assert '"y"' in Path(file).read_text()


def test_numbers_that_are_none_are_wrong_usage(desk: Office) -> None:
    """CT-7: huge ones, too."""
    for number in ("0", "-1", str(2**63), "9" * 5000, "x"):
        assert desk.run("moderation", "undo", "--note", "x", "--", number).code == 2
    assert "there is no entry 9223372036854775807" in desk.fails("moderation", "undo", str(2**63 - 1), "--note", "x")
