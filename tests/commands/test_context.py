from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from commands import context
from commands.context import UserError, clean_text, guarded, parse_at
from config import clock
from config.fault import Fault
from config.settings import SettingsError
from connectors.errors import AccountError, NotSent
from store.engine import StoreError
from tests.support.city import City


def _ends(act: Callable[[], object]) -> tuple[int, str]:
    app = typer.Typer()

    @app.command()
    @guarded()
    def command() -> None:
        act()

    result = CliRunner().invoke(app, [])
    return result.exit_code, result.stderr


def _raising(error: BaseException) -> Callable[[], object]:
    def act() -> None:
        raise error

    return act


class Particular(Fault):
    code = 20


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UserError("no"), 1, "standfast: no\n"),
        (Particular("not recorded"), 20, "standfast: not recorded\n"),
        (StoreError("locked"), 1, "standfast: locked\n"),
        (NotSent("unreachable", code="x"), 1, "standfast: unreachable\n"),
        (AccountError("no account"), 1, "standfast: no account\n"),
        (SettingsError(["a = 1: wrong", "b = 2: wrong"]), 1, "standfast: a = 1: wrong\nstandfast: b = 2: wrong\n"),
        (KeyboardInterrupt(), 130, "standfast: interrupted\n"),
        (
            FileNotFoundError(2, "No such file or directory", "x.toml"),
            1,
            "standfast: x.toml: No such file or directory\n",
        ),
        (typer.Exit(10), 10, ""),
    ],
)
def test_every_known_error_is_one_line_and_a_code(error: BaseException, code: int, said: str) -> None:
    assert _ends(_raising(error)) == (code, said)


def test_an_unknown_error_is_one_line_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    code, said = _ends(_raising(ZeroDivisionError("by zero")))
    assert (code, len(said.splitlines())) == (1, 1)
    assert "ZeroDivisionError: by zero: this is a bug" in said
    assert "STANDFAST_DEBUG=1" in said
    monkeypatch.setenv("STANDFAST_DEBUG", "1")
    assert "Traceback" in _ends(_raising(ZeroDivisionError("by zero")))[1]


def test_wrong_usage_stays_typers(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _ends(_raising(typer.BadParameter("what?")))[0] == 2


def test_debugging_is_no_setting(sqlite_city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STANDFAST_DEBUG", "1")
    with guarded() as opened:
        assert opened.settings.database_url == sqlite_city.url


def test_a_context_gives_back_its_connections(sqlite_city: City) -> None:
    with guarded() as opened:
        with opened.engine.connect():
            pass
        pool = opened.engine.pool
    assert pool.checkedin() == 0
    assert "engine" not in vars(opened)


def test_a_database_address_that_cannot_be_read_is_one_line(sqlite_city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STANDFAST_DATABASE_URL", "postgresql+psycopg://host:port:port/x")
    code, said = _ends(_engine)
    assert (code, len(said.splitlines())) == (1, 1)
    assert "database_url cannot be read" in said


def _engine() -> None:
    with guarded() as opened:
        opened.engine.connect()


@given(st.text(st.characters(codec=None, categories=None), max_size=40))
def test_clean_text_lets_through_only_what_a_store_can_keep(text: str) -> None:
    fit = not any(char < " " or "\x7f" <= char < "\xa0" or "\ud800" <= char < "\ue000" for char in text)
    if fit:
        assert clean_text(text, "TEXT") == text
        return
    with pytest.raises(UserError) as caught:
        clean_text(text, "TEXT")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "\x1b[2J", "a\nb", "x" * 10_001])
def test_clean_text_refuses_and_names(text: str) -> None:
    with pytest.raises(UserError, match=r"^--reason "):
        clean_text(text, "--reason")


def test_clean_text_allows_lines_where_asked() -> None:
    assert clean_text("a\n\tb é 🏛", "TEXT", lines=True) == "a\n\tb é 🏛"
    for text in ("a\0", "\ud800", "\x1b"):
        with pytest.raises(UserError):
            clean_text(text, "TEXT", lines=True)


def test_parse_at_reads_local_time_in_the_zone() -> None:
    at = parse_at("2026-12-01 09:00", "America/Chicago")
    assert clock.to_text(at.at_us) == "2026-12-01T15:00:00.000Z"
    assert at.note is None
    gap = parse_at("2026-03-08 02:30", "America/Chicago")
    assert clock.to_text(gap.at_us) == "2026-03-08T08:00:00.000Z"
    assert gap.note is not None


@given(st.text(max_size=30) | st.from_regex(r"\A\d{4}-\d\d-\d\d[ T]\d\d:\d\d\Z"))
def test_parse_at_refuses_anything_else_in_one_line(text: str) -> None:
    with suppress(UserError):
        assert parse_at(text, "Europe/Berlin").zone == "Europe/Berlin"
        return
    with pytest.raises(UserError, match=r"\Atime .*\Z"):
        parse_at(text, "Europe/Berlin")


def test_output_survives_any_text(capsys: pytest.CaptureFixture[str]) -> None:
    context.emit({"a": "\ud800é\x1b"})
    context.table(("x", "name"), [("1", "a\nb"), (None, "\ud800")])
    context.say("words")
    out, err = capsys.readouterr()
    first, _, rest = out.partition("}\n")
    assert json.loads(first + "}") == {"a": "\ud800é\x1b"}
    assert rest == "x  name\n1  a\\nb\n   \\ud800\n"
    assert err == "words\n"
