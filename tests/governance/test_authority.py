from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import clock
from governance import authority, people, roles
from governance.authority import AuthorityRow, Identity, Refusal
from store.engine import cursor, dialect, reading, writing
from tests.governance.helpers import DAY, Town, id_of
from tests.support.city import CHECKOUT

FORBIDDEN = ("sqlalchemy", "sqlmodel", "pydantic", "typer", "dotenv", "click", "rich", "psycopg", "sqlite3")


class At:
    """A clock that stands at `us`."""

    def __init__(self, us: int) -> None:
        self.us = us

    def wall_us(self) -> int:
        return self.us

    def boot_ns(self) -> int:
        return 0


def _person(town: Town, token: str | None) -> Identity | None:
    with reading(town.engine) as session:
        return authority.person_of(cursor(session), dialect(session), token)


def _why(town: Town, token: str) -> str:
    with pytest.raises(Refusal) as caught:
        _person(town, token)
    line = str(caught.value)
    assert len(line.splitlines()) == 1
    return line


def test_crisis_path_imports_the_standard_library_alone() -> None:
    """KS-1: who may stop is decided without ORM, framework or any third-party package."""
    code = (
        "import sys; import governance.authority, governance.login_file\n"
        f"print(sorted(set(m.partition('.')[0] for m in sys.modules) & set({FORBIDDEN!r})))\n"
        "print([m for m in sys.modules if 'site-packages' in (getattr(sys.modules[m], '__file__', None) or '')])"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={"PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stdout.splitlines() == ["[]", "[]"]


def test_a_token_names_its_person(town: Town) -> None:
    assert _person(town, town.token) == Identity("ana", "Ana Ruiz", "token")
    assert _person(town, f"  {town.token}\n") == Identity("ana", "Ana Ruiz", "token")
    assert _person(town, None) is None
    assert _person(town, "") is None


def test_only_the_hash_of_a_secret_is_kept(town: Town) -> None:
    secret = town.token.split("_", 2)[2]
    with reading(town.engine) as session:
        rows = session.connection().exec_driver_sql("SELECT * FROM token").all()
        log = session.connection().exec_driver_sql("SELECT * FROM log_entry").all()
    assert secret not in repr(rows)
    assert secret not in repr(log)
    assert authority.hash_of(secret) in repr(rows)


def test_a_revoked_token_is_refused_with_the_day(town: Town) -> None:
    token = town.add("bo", "operator")
    with writing(town.engine) as session:
        assert people.revoke_token(session, town.ana, id_of(token)) == "bo"
    why = _why(town, token)
    assert f"token sf_{id_of(token)}… was revoked on {clock.to_text(clock.wall_us())[:10]}" in why
    assert "standfast people token" in why


def test_an_expired_token_is_refused_from_its_moment_on(town: Town) -> None:
    with writing(town.engine) as session:
        made = people.create_token(session, town.ana, "ana", "short", DAY)
    assert made.expires_at is not None
    with clock.use(At(made.expires_at - 1)):
        assert _person(town, made.token) is not None
    with clock.use(At(made.expires_at)):
        assert "expired on" in _why(town, made.token)


def test_who_left_is_nobody(town: Town) -> None:
    """GV-8: leaving disables sign-in."""
    token = town.add("bo", "operator")
    with writing(town.engine) as session:
        people.mark_left(session, town.ana, "bo")
    assert "bo, who has left" in _why(town, token)


def test_a_secret_of_another_token_is_refused_without_telling_more(town: Town) -> None:
    other = town.add("bo")
    mixed = f"sf_{id_of(other)}_{town.token.split('_', 2)[2]}"
    assert "is not known here" in _why(town, mixed)
    with writing(town.engine) as session:
        people.revoke_token(session, town.ana, other)
    assert "is not known here" in _why(town, mixed)


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "sf_",
        "sf__",
        "sf_abc",
        "Bearer sf_aa",
        "sf_00000000_" + "a" * 30,
        "sf_ab\0cdef12_" + "a" * 30,
        "\ud800",
        "é" * 50,
    ],
)
def test_a_garbled_token_is_refused_in_one_line(town: Town, token: str) -> None:
    assert "token" in _why(town, token)


def test_a_changed_character_is_refused(town: Town) -> None:
    last = "A" if town.token[-2] != "A" else "B"
    assert "is not known here" in _why(town, f"{town.token[:-2]}{last}{town.token[-1]}")


def _may(town: Town, person: str, permission: str, channel: str = "*") -> bool:
    with reading(town.engine) as session:
        return authority.may(cursor(session), dialect(session), person, permission, channel)


def test_each_shipped_role_may_what_it_says_and_nothing_else(town: Town) -> None:
    for role, permissions in roles.in_force().items():
        town.add(f"p.{role}", role)
        allowed = {word for word in roles.PERMISSIONS if _may(town, f"p.{role}", word)}
        assert allowed == permissions


def test_a_grant_on_one_channel_is_none_on_all_or_another(town: Town) -> None:
    """GV-4: a live grant for that channel."""
    town.add("bo", "administrator", "parks")
    assert _may(town, "bo", "queue", "parks")
    assert not _may(town, "bo", "queue", "police")
    assert not _may(town, "bo", "queue")
    town.add("cy", "administrator")
    assert _may(town, "cy", "queue", "police")


def test_nobody_and_the_left_may_nothing(town: Town) -> None:
    town.add("bo", "operator")
    assert _may(town, "bo", "suspend")
    with writing(town.engine) as session:
        people.mark_left(session, town.ana, "bo")
    assert not _may(town, "bo", "suspend")
    assert not _may(town, "nobody", "suspend")
    assert not _may(town, "'; DROP TABLE person; --", "suspend")


def test_a_role_that_is_no_longer_defined_gives_nothing(town: Town, tmp_path: Path) -> None:
    town.add("bo", "operator")
    every = ", ".join(f'"{word}"' for word in roles.PERMISSIONS)
    (tmp_path / "roles.toml").write_text(f"[steward]\npermissions = [{every}]\n")
    roles.use(tmp_path / "roles.toml")
    assert not _may(town, "bo", "suspend")
    assert _may(town, "ana", "suspend")


def test_a_broken_roles_file_keeps_nobody_from_stopping(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shipped roles stand in for `suspend`, and for nothing else."""
    town.add("bo", "operator")
    (tmp_path / "roles.toml").write_text("[oops")
    monkeypatch.setenv("STANDFAST_ROLES", str(tmp_path / "roles.toml"))
    monkeypatch.setattr(roles._Current, "roles", None)
    assert _may(town, "bo", "suspend")
    with pytest.raises(roles.RolesError):
        _may(town, "bo", "resume")


def _row(token: str, expires_at: int | None = None) -> AuthorityRow:
    _sf, token_id, secret = token.split("_", 2)
    return AuthorityRow(token_id, authority.hash_of(secret), "bo", "Bo", expires_at)


TOKEN = "sf_0123456789ab_" + "s_-" * 14


def test_the_authority_file_knows_its_people(tmp_path: Path) -> None:
    file = tmp_path / "authority.json"
    authority.write_file(file, [_row("sf_" + "f" * 12 + "_" + "z" * 43), _row(TOKEN)])
    assert authority.from_file(file, TOKEN) == Identity("bo", "Bo", "authority file")
    assert authority.from_file(file, TOKEN[:-1] + "x") is None
    assert authority.from_file(file, None) is None
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["authority.json"]


def test_the_authority_file_obeys_expiry(tmp_path: Path) -> None:
    file = tmp_path / "authority.json"
    authority.write_file(file, [_row(TOKEN, expires_at=1000)])
    with clock.use(At(999)):
        assert authority.from_file(file, TOKEN) is not None
    with clock.use(At(1000)):
        assert authority.from_file(file, TOKEN) is None


CORRUPT: list[Any] = ["", "{", "[]", "null", "{}", '{"may_suspend_all": 3}', '{"may_suspend_all": [3]}', "[" * 100_000]


@pytest.mark.parametrize("text", CORRUPT)
def test_a_corrupt_or_missing_authority_file_is_nobody(tmp_path: Path, text: str) -> None:
    file = tmp_path / "authority.json"
    assert authority.from_file(file, TOKEN) is None
    file.write_text(text)
    assert authority.from_file(file, TOKEN) is None
    file.write_bytes(b"\xff\xff")
    assert authority.from_file(file, TOKEN) is None
    assert authority.from_file(tmp_path, TOKEN) is None


@given(st.recursive(st.none() | st.integers() | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v)))
def test_any_json_in_the_authority_file_is_nobody(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    file = tmp_path_factory.getbasetemp() / "any.json"
    for body in (
        value,
        {"may_suspend_all": value},
        {"may_suspend_all": [{"token": "0123456789ab", "secret_hash": value}]},
    ):
        file.write_text(json.dumps(body))
        assert authority.from_file(file, TOKEN) is None


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "authority.json"
    authority.write_file(file, [_row(TOKEN)])

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        authority.write_file(file, [])
    assert authority.from_file(file, TOKEN) is not None
    assert [path.name for path in tmp_path.iterdir()] == ["authority.json"]


def test_the_owner_of_the_data_directory_owns_the_service_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = tmp_path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner)
    assert authority.owns_service_account(tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: owner + 4321)
    assert not authority.owns_service_account(tmp_path)
    assert not authority.owns_service_account(tmp_path / "none")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert authority.owns_service_account(tmp_path / "none")
