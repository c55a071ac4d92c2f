"""Whatever text a command is given: an exit code it documents, no traceback, and nothing done by half.

The arguments are taken from the command tree itself, so that a new one is tried without being named here.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import cli
from commands import stop_page
from config import clock
from connectors.protocol import Heard
from governance import people, roles
from governance.authority import Identity
from records import archive, inbound
from scheduler import stop_cell, witness
from store.engine import open_engine, writing
from store.report_tables import CorrectiveAction
from store.tables import Attempt, Channel, ChannelGroup, Meta, Post, Suspension
from tests.faults import command_tree
from tests.faults.command_tree import Argument
from tests.support import city as cities
from tests.support.city import City
from tests.support.databases import Databases

LEAST_IN_ALL = 2000
ARGUMENTS = command_tree.arguments()
FULL = os.environ.get("HYPOTHESIS_PROFILE") == "full"
EXAMPLES = LEAST_IN_ALL if FULL else -(-LEAST_IN_ALL // len(ARGUMENTS)) + 1
FUZZED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
CODES = {0, 1, 2, 10, 20}
NOT_COMPARED = {"log_entry", "chain_head", "sqlite_sequence", "search_mark"}
DERIVED = ("log_words", "record_words")
"""A refusal is logged, and that is all it may leave behind; the log's words are in the search index."""
SPECIAL = "\0\x1b\x7f\n\r\t\ud800\udfff\ufeff\u202e\u2028'\";%?-*_.,:=/\\~$@#{}[]019Tzx "
KNOWN_WORDS = [
    *(
        "parks",
        "outdoors",
        "all",
        "channel:parks",
        "group:outdoors",
        "channel:",
        "bo",
        "ana",
        "operator",
        "outbox",
        "x",
    ),
    *("2190-12-01 09:00", "2190-02-30 09:00", "0001-01-01 00:00", "9999-12-31 23:59", "America/Chicago", "chicago"),
    *("30m", "0m", "-1s", "1e400s", "9" * 400, "1", "0", "-1", "2", str(2**31), str(2**63), "1" * 5000, "nan", "١"),
    *(
        "",
        " ",
        "-",
        "--",
        "---",
        "--help",
        "--json",
        "-x",
        "=",
        "a=",
        "=a",
        "a=b",
        "base_url=http://[",
        "*",
        "%s",
        "%n",
    ),
    *(
        "/",
        "..",
        ".",
        "~",
        "~nobody/x",
        "/proc/self/mem",
        "/dev/null",
        "pool.png",
        "spring.csv",
        "calendars",
        "data",
        "a/b",
    ),
    *(
        "sqlite:///",
        "sqlite://",
        "postgresql+psycopg://",
        "postgresql+psycopg://[",
        "sqlite:////dev/null/x",
        "mysql://x",
    ),
    *("held", "scheduled", "covered", "published", "file:///etc", "https://example.org/1", "a" * 100_000, "é" * 5000),
]
LONG = st.tuples(st.characters(), st.sampled_from([300, 3000, 100_000])).map(lambda made: made[0] * made[1])
ANY_NUMBER = st.one_of(
    st.integers().map(str),
    st.sampled_from(["0", "-1", str(2**31), str(2**63), str(-(2**63)), "9" * 400, "1" * 5000, "1e3", "1_0", "١", ""]),
)
ANY_TEXT = st.one_of(
    st.sampled_from(KNOWN_WORDS),
    st.text(st.characters(), max_size=40),
    st.text(st.sampled_from(SPECIAL), max_size=12),
    LONG,
    st.tuples(st.sampled_from(KNOWN_WORDS), st.text(st.sampled_from(SPECIAL), max_size=3)).map("".join),
)


@dataclass
class Prepared:
    """A city made once, copied for each argument."""

    city: City
    token: str

    def copied(self, root: Path) -> City:
        """A copy of it in `root`, which then is the working directory."""
        shutil.copytree(self.city.root, root)
        return City(root, f"sqlite:///{root}/data/standfast.db", self.city.environ)


@pytest.fixture(scope="module")
def prepared(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """A city with a channel, a person who may do everything, another one, and a post in each state that commands act on."""
    root = tmp_path_factory.mktemp("prepared") / "city"
    root.mkdir()
    made = cities.make(root, "sqlite:///data/standfast.db")
    Path(databases.sqlite(root).removeprefix("sqlite:///")).rename(root / "data" / "standfast.db")
    (root / "pool.png").write_bytes(bytes.fromhex("89504e470d0a1a0a0000000d49484452") + b"a picture")
    (root / "mail.eml").write_bytes(b"Subject: a question\n\nHello\n")
    rows = "# owner: ana\n# timezone: UTC\n# channels: parks\nid,at,text\na,2190-12-01 09:00,Hello\n"
    (root / "calendars" / "spring.csv").write_text(rows)
    return Prepared(made, _furnish(root))


def _furnish(root: Path) -> str:
    engine = open_engine(f"sqlite:///{root}/data/standfast.db")
    now = clock.wall_us()
    with writing(engine) as session:
        folder = {"folder": str(root / "data" / "outbox")}
        session.add(Channel(name="parks", platform="outbox", settings=folder, created_at=now))
        session.add(ChannelGroup(channel="parks", name="outdoors"))
        token = people.bootstrap(session, "ana", "Ana Ruiz")
        ana = Identity("ana", "Ana Ruiz", "token")
        people.add_person(session, ana, "bo", "Bo Li")
        people.grant(session, ana, "bo", "administrator")
        for role in ("director", "operator", "administrator"):
            people.grant(session, ana, "ana", role)
        for number, state in enumerate(("scheduled", "held", "unknown"), 1):
            session.add(_post(state, now, number))
        session.flush()
        session.add_all((_attempt(now), _lifted(now), _action(now)))
        inbound.hear(session, inbound.Source("parks", "outbox", "ana"), [_said(now)], {})
        store_id = session.get_one(Meta, "store_id").value
    archive.catch_up(engine, root / "data" / "media")
    engine.dispose()
    stop_cell.lay_down(root / "data" / "stop.cell", 0)
    witness.note(witness.file_for(root / "state", store_id), epoch=1, attempt=1)
    return token


def _post(state: str, now: int, number: int) -> Post:
    due = clock.wall_us() + number * 10**15
    times: dict[str, Any] = {
        "due_at": due,
        "ready_at": due,
        "lateness_us": 60_000_000,
        "created_at": now,
        "updated_at": now,
    }
    return Post(
        channel="parks",
        text=f"post {number}",
        content_hash="-",
        local_time="2190-12-01T09:00:00",
        zone="UTC",
        author="ana",
        state=state,
        **times,
    )


def _attempt(now: int) -> Attempt:
    return Attempt(
        post_id=3,
        channel="parks",
        state="unknown",
        worker="gone",
        claim_epoch=1,
        claimed_at=now,
        content_hash="-",
        idempotency_key="k",
        look_at=now,
    )


def _lifted(now: int) -> Suspension:
    """A suspension that is over, to be reported on."""
    names = {"kind": "crisis", "scope_kind": "all", "reason": "storm", "by": "ana", "request_id": "r"}
    row = Suspension(epoch=1, at=now, starts_at=now, begun_at=now, lifted_epoch=1, **names)
    row.lifted_at, row.lifted_by, row.lift_reason = now, "ana", "it is over"
    return row


def _said(now: int) -> Heard:
    """What somebody of the public wrote."""
    about = {"author": "@kim", "at_us": now, "in_reply_to": "", "link": "", "raw": b"{}", "own": False}
    return Heard(remote_id="9", kind="reply", text="When does the pool open?", **about)


def _action(now: int) -> CorrectiveAction:
    return CorrectiveAction(
        suspension_id=1, text="Drill again.", owner="bo", due="2190-12-31", made_by="ana", made_at=now
    )


@pytest.fixture
def copy(prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[City]:
    """This test's own copy of the city, which is the working directory; its person is signed in."""
    city = prepared.copied(tmp_path / "city")
    monkeypatch.chdir(city.root)
    monkeypatch.setenv("STANDFAST_CONFIG", str(city.settings_file))
    monkeypatch.setenv("STANDFAST_TOKEN", prepared.token)
    monkeypatch.setattr(sys, "argv", ["standfast", "command"])
    monkeypatch.setattr(stop_page, "Event", _told_to_end)
    yield city
    roles.use(None)


def _told_to_end() -> Event:
    """Of a command that only ends when told to: a value that it takes is served for a moment."""
    ended = Event()
    ended.set()
    return ended


class Tables:
    """What the tables hold, all but the log."""

    def __init__(self, city: City) -> None:
        self._own = sqlite3.connect(city.data_dir / "standfast.db", isolation_level=None)
        self._names = [
            name
            for (name,) in self._own.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if name not in NOT_COMPARED and not name.startswith(DERIVED)
        ]
        self._version = -1
        self._rows: dict[str, list[Any]] = {}

    def rows(self) -> dict[str, list[Any]]:
        """Every row; read again only when somebody has written."""
        (version,) = self._own.execute("PRAGMA data_version").fetchone()
        if version != self._version:
            self._rows = {name: self._own.execute(f"SELECT * FROM {name}").fetchall() for name in self._names}
            self._version = version
        return self._rows

    def close(self) -> None:
        self._own.close()


def run(line: list[str], stdin: bytes = b"") -> int:
    """The exit code of ``standfast LINE``; no traceback, and no fault that nobody foresaw."""
    result = CliRunner().invoke(cli.app, line, input=stdin)
    said = result.stdout + result.stderr
    assert result.exception is None or isinstance(result.exception, SystemExit), (line, result.exception)
    assert "Traceback" not in said, (line, said)
    assert "this is a bug" not in said, (line, said)
    assert result.exit_code in CODES, (line, result.exit_code, said)
    return result.exit_code


@pytest.mark.usefixtures("copy")
def test_the_prepared_lines_are_obeyed() -> None:
    """Each command's own line works in the prepared city: the strange values below meet working commands."""
    refused = {("resume",): 1, ("people", "revoke-token"): 1, ("records", "inbound", "forward"): 1}
    ending = [("post", "cancel"), ("people", "leave"), ("crisis",)]
    order = [path for path in command_tree.LINES if path not in ending] + ending
    for path in order:
        assert run([*path, *command_tree.LINES[path]]) == refused.get(path, 0), path


def test_every_command_is_tried() -> None:
    """All commands but the few that only end when told to; at least 2,000 examples in all."""
    assert len(ARGUMENTS) * EXAMPLES >= LEAST_IN_ALL
    assert {item.command[0] for item in ARGUMENTS} >= {"crisis", "resume", "post", "calendar", "channel", "people"}
    assert Argument(("crisis",), "--reason", True, False, 0) in ARGUMENTS


@pytest.mark.parametrize("argument", ARGUMENTS, ids=str)
def test_any_value_is_obeyed_or_refused_whole(copy: City, argument: Argument) -> None:
    tables = Tables(copy)

    @FUZZED
    @given(ANY_TEXT | ANY_NUMBER if argument.is_number else ANY_TEXT, st.booleans(), st.booleans())
    def tried(value: str, glued: bool, marked: bool) -> None:
        before = tables.rows()
        code = run(argument.line(value, glued=glued, marked=marked))
        if code in (1, 2):
            assert tables.rows() == before

    try:
        tried()
    finally:
        tables.close()


@pytest.mark.usefixtures("copy")
@FUZZED
@given(st.binary(max_size=200) | ANY_TEXT.map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_as_a_token_to_sign_in_with(given_bytes: bytes) -> None:
    assert run(["login"], given_bytes) in (0, 1)


@pytest.mark.parametrize("option", ["--timezone", "--database-url", "--person", "--name"])
def test_a_refused_init_leaves_nothing(
    copy: City, option: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In an empty folder: either a whole city, or nothing that looks like one."""
    monkeypatch.delenv("STANDFAST_CONFIG")

    @settings(FUZZED, max_examples=EXAMPLES if FULL else 12)
    @given(ANY_TEXT)
    def tried(value: str) -> None:
        folder = tmp_path_factory.mktemp("new")
        monkeypatch.chdir(folder)
        code = run(["init", f"{option}={value}"])
        settings_file = folder / "standfast.toml"
        assert code in (1, 2) or settings_file.exists()
        assert code == 0 or not list(folder.rglob("*.cell"))

    tried()
