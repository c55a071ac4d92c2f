from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.commands.office import Office
from tests.commands.test_people import ANY_TEXT, FUZZED


@pytest.fixture
def away(office: Office, monkeypatch: pytest.MonkeyPatch) -> Office:
    """The office without STANDFAST_TOKEN."""
    monkeypatch.delenv("STANDFAST_TOKEN")
    return office


def test_login_from_standard_input_lasts(away: Office) -> None:
    assert "not signed in" in away.fails("whoami")
    said = away.run("login", stdin=f"{away.token}\n")
    assert said.code == 0
    assert away.token not in said.out + said.err
    assert "ana (Ana Ruiz)" in away.run("whoami").out
    assert away.run("people", "add", "bo", "--name", "Bo").code == 0


def test_login_from_a_file(away: Office, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f" {away.token}\n\n")
    assert away.run("login", "--token-file", str(tmp_path / "token")).code == 0
    assert away.run("whoami", "--json").data["person"] == "ana"
    assert away.run("logout").code == 0
    assert away.run("login", "--token-file", "-", stdin=away.token).code == 0
    assert away.run("whoami", "--json").data["person"] == "ana"


def test_the_login_file_is_private(away: Office) -> None:
    away.run("login", stdin=away.token)
    (file,) = Path.home().glob("config/standfast/*")
    assert file.name == "login.json"
    assert file.stat().st_mode & 0o777 == 0o600


def test_logout_forgets(away: Office) -> None:
    away.run("login", stdin=away.token)
    assert "signed out" in away.run("logout").err
    assert "not signed in" in away.fails("whoami")
    assert "nobody was signed in" in away.run("logout").err
    said = away.run("logout", STANDFAST_TOKEN=away.token).err
    assert "STANDFAST_TOKEN is set and still signs you in" in said


def test_a_bad_token_is_not_kept(away: Office) -> None:
    assert "is not a token" in away.fails("login", stdin="hello")
    assert "no token was given" in away.fails("login", stdin="")
    assert not list(Path.home().glob("config/standfast/*"))


def test_a_stored_token_that_was_revoked_says_so(away: Office) -> None:
    token = away.run("people", "token", "ana", STANDFAST_TOKEN=away.token).out.strip()
    away.run("login", stdin=token)
    away.run("people", "revoke-token", token, STANDFAST_TOKEN=away.token)
    assert "was revoked on" in away.fails("whoami")


def test_the_variable_goes_first_also_from_the_env_file(away: Office) -> None:
    away.run("login", stdin=away.token)
    (away.city.root / ".env").write_text("STANDFAST_TOKEN=sf_nonsense\n")
    assert "is not a token" in away.fails("whoami")
    assert "goes before it" in away.run("login", stdin=away.token).err


def test_a_token_file_that_cannot_be_read_is_one_line(away: Office, tmp_path: Path) -> None:
    assert "No such file" in away.fails("login", "--token-file", str(tmp_path / "none"))
    assert "Is a directory" in away.fails("login", "--token-file", str(tmp_path))
    (tmp_path / "huge").write_bytes(b"\xff" * 100_000)
    assert "is not a token" in away.fails("login", "--token-file", str(tmp_path / "huge"))


@FUZZED
@given(text=ANY_TEXT, as_file=st.booleans())
@example("\0", True)
@example("\ud800", True)
def test_any_token_is_refused_in_one_line(away: Office, text: str, as_file: bool) -> None:
    before = away.rows("person", "role_grant", "token")
    if as_file:
        said = away.run("login", f"--token-file={text}", stdin="x")
    else:
        said = away.run("login", stdin=text.encode("utf-8", "replace").decode())
    assert said.code in (1, 2)
    assert away.rows("person", "role_grant", "token") == before


def test_on_a_terminal_the_token_is_asked_for_hidden(away: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    from commands import sign_in

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    asked: list[bool] = []

    def prompt(_text: str, hide_input: bool) -> str:
        asked.append(hide_input)
        return away.token

    monkeypatch.setattr("typer.prompt", prompt)
    assert sign_in._read(None) == away.token
    assert asked == [True]
