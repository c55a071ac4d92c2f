"""The documentation says what the code does: settings, commands, states, exit codes, names and the log's bytes are compared."""

from __future__ import annotations

import hashlib
import importlib
import json
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from sqlalchemy import Engine

import cli
from commands import context
from config import essentials, failpoint, settings
from config.settings import Settings
from records import archive, keep, log
from records.keep import About
from scheduler import emergency_stop, states
from store.engine import writing
from tests.support import source
from tests.support.city import CHECKOUT

PAGES = sorted(file for file in source.files() if file.suffix == ".md")
NOT_SHOWN = {"help", "install_completion", "show_completion"}
"""Typer's own options."""
ROOMS = "|".join((*source.ROOMS, "tests"))
Edges = set[tuple[str, str]]


def _page(name: str) -> str:
    return (CHECKOUT / name).read_text(encoding="utf-8")


def _rows(text: str, heading: str) -> list[list[str]]:
    """The cells of the first table below the line `heading`."""
    below = text.partition(f"\n{heading}\n")[2]
    table = re.search(r"(?:^\|.*\n)+", below, re.MULTILINE)
    assert table is not None, heading
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.group().splitlines()[2:]]


def _code(cell: str) -> str:
    found = re.search(r"`([^`]*)`", cell)
    return "" if found is None else found.group(1)


# --- settings --------------------------------------------------------------------------------------------------------


def _default(value: object) -> object:
    return value if isinstance(value, bool | int | float | None) else str(value)


def _read(text: str, default: object) -> object:
    """A default as the page writes it, as the setting itself would have it."""
    if text == "none":
        return None
    if isinstance(default, bool):
        return essentials.flag(text)
    if isinstance(default, int | float):
        return type(default)(essentials.seconds(text))
    return text.strip('"')


def test_every_setting_stands_on_its_page_with_its_default() -> None:
    fields = {name: _default(field.default) for name, field in Settings.model_fields.items() if name != "root"}
    told = {_code(row[0]): _code(row[1]) for row in _rows(_page("docs/settings.md"), "## All settings")}
    assert list(told) == list(fields)
    assert {name: _read(text, fields[name]) for name, text in told.items()} == fields


def test_every_rule_between_settings_stands_on_the_page() -> None:
    rows = _rows(_page("docs/settings.md"), "## Settings that must fit together")
    assert [(_code(row[0]), _code(row[1])) for row in rows] == [rule[:2] for rule in settings.MUST_NOT_EXCEED]


def test_every_variable_that_is_no_setting_stands_on_the_page() -> None:
    told = {_code(row[0]) for row in _rows(_page("docs/settings.md"), "## Variables that are not settings")}
    assert told == essentials.NOT_SETTINGS


# --- commands --------------------------------------------------------------------------------------------------------


def _tree() -> dict[str, set[str]]:
    """Command → the names of its arguments and options."""
    return dict(_walk(typer.main.get_command(cli.app), ()))


def _walk(command: Any, path: tuple[str, ...]) -> Iterator[tuple[str, set[str]]]:
    below = command.list_commands(None) if hasattr(command, "list_commands") else []
    if path and (not below or command.invoke_without_command):
        yield " ".join(path), {_name(item) for item in command.params if item.name not in NOT_SHOWN}
    for name in below:
        yield from _walk(command.get_command(None, name), (*path, name))


def _name(parameter: Any) -> str:
    if parameter.param_type_name == "option":
        return str(max(parameter.opts, key=len))
    return re.sub(r"\W", "", parameter.human_readable_name).upper()


@pytest.fixture
def tree(monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    """All commands, as `standfast post …` would load them."""
    monkeypatch.setattr(sys, "argv", ["standfast", "post"])
    return _tree()


def test_every_command_and_option_stands_on_its_page_and_no_other(tree: dict[str, set[str]]) -> None:
    text = _page("docs/commands.md")
    sections = re.findall(r"^### `standfast ([^`]+)`\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL)
    told = {name: set(re.findall(r"^\| `([^`]+)` \|", body, re.MULTILINE)) for name, body in sections}
    assert told == tree


def _shown_commands(text: str) -> Iterator[list[str]]:
    """The words of each `standfast …` line in the fenced blocks of a page."""
    for block in re.findall(r"^```(?:sh|text|console)?\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for line in re.findall(r"^(?:\$ )?(?:\w+=\S+ )*standfast (.*)$", block, re.MULTILINE):
            yield shlex.split(line, comments=True)


def _wrong(words: list[str], tree: dict[str, set[str]]) -> str | None:
    command = next((" ".join(words[:n]) for n in (3, 2, 1) if " ".join(words[:n]) in tree), None)
    if command is None:
        return f"no command: {words}"
    options = {word.partition("=")[0] for word in words if word.startswith("--")}
    return f"{command} has no {options - tree[command]}" if options - tree[command] else None


@pytest.mark.parametrize("page", [str(page) for page in PAGES])
def test_every_command_shown_anywhere_exists(page: str, tree: dict[str, set[str]]) -> None:
    assert [fault for words in _shown_commands(_page(page)) if (fault := _wrong(words, tree))] == []


def test_a_command_that_does_not_exist_is_seen(tree: dict[str, set[str]]) -> None:
    shown = "```sh\n$ standfast crisis --reason 'x y'\nstandfast crisis --now\nstandfast stop\nA=b standfast post list\n```\n"
    faults = [_wrong(words, tree) for words in _shown_commands(shown)]
    assert [fault is None for fault in faults] == [True, False, False, True]


def test_the_exit_codes_are_those_of_the_code() -> None:
    stop = emergency_stop
    told = [int(_code(row[0])) for row in _rows(_page("docs/exit-codes.md"), "## `standfast crisis`")]
    assert told == [stop.DONE, stop.REFUSED, stop.USAGE, stop.NOT_CONFIRMED, stop.NOT_RECORDED]
    others = [int(_code(row[0])) for row in _rows(_page("docs/exit-codes.md"), "## Every other command")]
    assert others == [0, 1, 2, context.INTERRUPTED]


def test_the_readme_begins_with_the_two_commands() -> None:
    first = re.search(r"^```\n(.*?)^```", _page("README.md"), re.MULTILINE | re.DOTALL)
    assert first is not None
    assert [line.split("#")[0].strip() for line in first.group(1).splitlines()] == ["./dev demo", "./dev test"]
    assert _page("README.md").index("```") < 40


# --- the house -------------------------------------------------------------------------------------------------------


def _diagram(name: str) -> Edges:
    text = _page("docs/architecture.md").partition(f"\n### {name}\n")[2]
    block = re.search(r"^```mermaid\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert block is not None
    return set(re.findall(r"^ *(\w+) --> (\w+)", block.group(1), re.MULTILINE))


@pytest.mark.parametrize(("name", "table"), [("Posts", states.POST), ("Attempts", states.ATTEMPT)])
def test_the_state_diagrams_show_every_transition_and_no_other(name: str, table: states.Transitions) -> None:
    assert _diagram(name) == {(before, after) for before, targets in table.items() for after in targets}


def _named(text: str) -> set[str]:
    """Every ``room.module.name`` that a page names as code; failpoints have names of the same form."""
    found = {name.rstrip(".") for name in re.findall(rf"`((?:{ROOMS})\.\w[\w.]*)(?:\(\))?`", text)}
    return found - {"config.toml"} - failpoint.registry().keys()


def _exists(name: str) -> bool:
    module, rest = name, list[str]()
    while module:
        if (CHECKOUT / f"{module.replace('.', '/')}.py").is_file() or (CHECKOUT / module.replace(".", "/")).is_dir():
            break
        module, _, last = module.rpartition(".")
        rest.insert(0, last)
    found = importlib.import_module(module) if module else None
    for part in rest:
        found = getattr(found, part, None) or getattr(found, "__annotations__", {}).get(part)
    return found is not None


@pytest.mark.parametrize("page", [str(page) for page in PAGES])
def test_every_name_and_file_of_the_code_on_a_page_exists(page: str) -> None:
    text = _page(page)
    assert sorted(name for name in _named(text) if not _exists(name)) == []
    files = set(re.findall(rf"`((?:{ROOMS}|docs|examples)/[\w./-]+)`", text)) | set(
        re.findall(r"`([a-z]\w*\.py)`", text)
    )
    assert sorted(file for file in files if not (CHECKOUT / file).exists()) == []


def test_a_name_that_is_gone_is_seen() -> None:
    assert _named("`scheduler.publisher.Publisher.publish_post` and `scheduler.gone`") == {
        "scheduler.publisher.Publisher.publish_post",
        "scheduler.gone",
    }
    assert _exists("scheduler.publisher.Publisher.publish_post")
    assert not _exists("scheduler.publisher.Publisher.gone")
    assert not _exists("scheduler.gone")


@pytest.mark.parametrize("page", [str(page) for page in PAGES])
def test_every_link_leads_somewhere(page: str) -> None:
    targets = re.findall(r"\]\((?!https?:|mailto:)([^)#\s]+)", _page(page))
    assert [target for target in targets if not ((CHECKOUT / page).parent / target).exists()] == []


# --- the log ---------------------------------------------------------------------------------------------------------

Entry = tuple[int, int, str, str, str, str, str, str]


def first_bad(rows: list[Entry], head: tuple[int, str]) -> int | None:
    """A verifier written from docs/records.md alone: the number of the first entry that does not fit, None when all do."""
    previous = "0" * 64
    for number, (seq, at, actor, action, subject, detail, before, own) in enumerate(rows, 1):
        body = json.dumps([seq, at, actor, action, subject, detail, before], ensure_ascii=False, separators=(",", ":"))
        if seq != number or before != previous or hashlib.sha256(body.encode("utf-8")).hexdigest() != own:
            return number
        previous = own
    return None if head == (len(rows), previous) else len(rows) + 1


RECORD = "series, subject, at, kept_at, actor, channel, post_id, attempt_id, suspension_id, mime, facts, sha256, size"
Kept = tuple[int, int, str, list[Any]]
"""entry_seq, id, hash, and the thirteen values that are hashed."""


def bad_records(seq: int, detail: str, records: list[Kept], contents: dict[str, bytes]) -> list[int]:
    """Written from docs/records.md alone: the numbers of the records of an entry that do not fit."""
    named = json.loads(detail)
    numbers = [number for first, last in named["records"] for number in range(first, last + 1)]
    own = {number: (own, values) for entry, number, own, values in records if entry == seq}
    bad = [number for number in numbers if number not in own] + [number for number in own if number not in numbers]
    for number, (own_hash, values) in own.items():
        body = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
        whole = hashlib.sha256(body.encode()).hexdigest() == own_hash
        if not whole or hashlib.sha256(contents.get(values[11], b"-")).hexdigest() != values[11]:
            bad.append(number)
    digest = hashlib.sha256("".join(own[number][0] for number in sorted(own)).encode()).hexdigest()
    return bad or ([] if digest == named["sha256"] and len(own) == named["count"] else numbers)


def _log(engine: Engine) -> tuple[list[Entry], tuple[int, str]]:
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT seq, at, actor, action, subject, detail, previous, hash FROM log_entry ORDER BY seq"
        )
        head = connection.exec_driver_sql("SELECT seq, hash FROM chain_head WHERE id = 1").one()
        return [tuple(row) for row in rows], (head[0], head[1])


def test_the_log_can_be_verified_from_its_description_alone(engine: Engine) -> None:
    """RC-2: ten lines that know nothing of this program's code find the first entry that was changed or cut off."""
    with writing(engine) as session:
        for actor in (
            "maria",
            'quote " back \\ slash / é ☃ \U0001f600',
            "tab\tline\nbell\x07del\x7f\u2028",
            "nul\0 \ud800",
        ):
            log.record(session, actor, "act", "post 1", {"reason": actor.encode("utf-8", "replace").decode(), "n": 1})
    rows, head = _log(engine)
    assert len(rows) >= 4
    assert first_bad(rows, head) is None
    for number in range(1, len(rows) + 1):
        for field in (1, 2, 3, 4, 5):
            changed: list[Any] = list(rows[number - 1])
            changed[field] = changed[field] + (1 if field == 1 else "x")
            assert first_bad([*rows[: number - 1], tuple(changed), *rows[number:]], head) == number
    assert first_bad(rows[:-1], head) == len(rows)


def _kept(engine: Engine) -> tuple[list[tuple[int, str]], list[Kept], dict[str, bytes]]:
    with engine.connect() as connection:
        entries = connection.exec_driver_sql("SELECT seq, detail FROM log_entry WHERE action = 'records.kept'").all()
        rows = connection.exec_driver_sql(f"SELECT entry_seq, id, hash, {RECORD} FROM record ORDER BY id").all()
        contents = connection.exec_driver_sql("SELECT sha256, body FROM record_content").all()
    kept = [(row[0], row[1], row[2], list(row[3:])) for row in rows]
    return [(seq, detail) for seq, detail in entries], kept, {digest: bytes(body) for digest, body in contents}


def test_records_can_be_verified_from_their_description_alone(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RC-2: as few lines that know nothing of this program's code find the record that was changed."""
    monkeypatch.setattr(archive, "STEP", 2)
    with writing(engine) as session:
        for number, actor in enumerate(('quote " back \\', "é ☃ \U0001f600", "tab\tline\n\x07\x7f\u2028")):
            about = About("mail", f"mail {number}", number, actor, post=number or None, facts={"of": actor})
            keep.blob(session, about, f"body {number}".encode(), "message/rfc822")
    archive.catch_up(engine, tmp_path)
    entries, kept, contents = _kept(engine)
    assert [len(json.loads(detail)["records"]) for _, detail in entries] == [1, 1]
    assert [bad_records(seq, detail, kept, contents) for seq, detail in entries] == [[], []]
    (first, detail), numbers = entries[0], [record[1] for record in kept]
    for place in range(13):
        values = [*kept[0][3]]
        values[place] = "0" * 64 if place == 11 else 77
        assert numbers[0] in bad_records(first, detail, [(*kept[0][:3], values), *kept[1:]], contents)
    assert bad_records(first, detail, kept[1:], contents) == [numbers[0]]
    assert bad_records(first, detail, [*kept, (first, 99, *kept[0][2:])], contents) == [99]
    assert bad_records(first, detail, kept, contents | {kept[0][3][11]: b"other"}) == [numbers[0]]
