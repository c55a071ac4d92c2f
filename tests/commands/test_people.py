from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from governance import authority, deeds, roles
from tests.commands.office import Office

ANY_TEXT = st.one_of(
    st.text(max_size=80),
    st.text(st.characters(), max_size=80),
    st.text(st.sampled_from("\0\x1b\n\r\t\ud800\udfff\u202e'\";%?-*_.anbo"), max_size=20),
    st.sampled_from(["ana", "bo", "parks", "steward", "*", "-", "--", "--help", "%s", "a" * 5000]),
)
FUZZED = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def test_a_person_is_added_granted_and_signs_in(office: Office) -> None:
    assert office.run("people", "add", "bo", "--name", "Bo Li").code == 0
    assert office.run("people", "grant", "bo", "administrator", "--channel", "parks").code == 0
    made = office.run("people", "token", "bo", "--label", "laptop", "--days", "30", "--json").data
    who = office.run("whoami", "--json", STANDFAST_TOKEN=made["token"]).data
    assert who == {"person": "bo", "name": "Bo Li", "roles": [{"role": "administrator", "channel": "parks"}]}
    listed = {person["id"]: person for person in office.run("people", "list", "--json").data}
    assert listed["bo"]["tokens"][0]["label"] == "laptop"


def test_a_token_goes_to_stdout_alone(office: Office) -> None:
    said = office.run("people", "token", "ana")
    assert authority.TOKEN.fullmatch(said.out.strip())
    assert said.out.strip() not in said.err
    assert "shown this once" in said.err


def test_the_authority_file_follows_every_change(office: Office) -> None:
    file = office.city.data_dir / "authority.json"
    office.run("people", "add", "di", "--name", "Di")
    token = office.run("people", "token", "di").out.strip()
    assert authority.from_file(file, token) is None
    office.run("people", "grant", "di", "director")
    assert authority.from_file(file, token) == authority.Identity("di", "Di", "authority file")
    office.run("people", "revoke", "di", "director")
    assert authority.from_file(file, token) is None


def test_an_authority_file_that_cannot_be_written_is_said_after_the_change(office: Office) -> None:
    (office.city.data_dir / "authority.json").mkdir()
    said = office.run("people", "token", "ana")
    assert said.code == 0
    assert authority.TOKEN.fullmatch(said.out.strip())
    assert "warning:" in said.err


def test_leaving_ends_sign_in(office: Office) -> None:
    """GV-8: leaving disables sign-in and revokes tokens."""
    office.run("people", "add", "bo", "--name", "Bo")
    token = office.run("people", "token", "bo").out.strip()
    assert "1 token(s) revoked" in office.run("people", "leave", "bo").err
    assert "has left" in office.fails("whoami", STANDFAST_TOKEN=token)


def test_a_revoked_token_is_worthless_at_once(office: Office) -> None:
    token = office.run("people", "token", "ana").out.strip()
    assert office.run("people", "revoke-token", token.split("_")[1]).code == 0
    assert "was revoked on" in office.fails("people", "add", "x", "--name", "X", STANDFAST_TOKEN=token)


CHANGES = [
    ("add", "eve", "--name", "Eve"),
    ("grant", "bo", "steward"),
    ("revoke", "ana", "steward"),
    ("token", "ana"),
    ("revoke-token", "0123456789ab"),
    ("leave", "ana"),
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change[0])
def test_without_the_right_nothing_changes_and_the_refusal_is_logged(office: Office, change: tuple[str, ...]) -> None:
    """GV-4: refusals are logged."""
    office.run("people", "add", "bo", "--name", "Bo")
    token = office.run("people", "token", "bo").out.strip()
    before = office.rows("person", "role_grant", "token")
    line = office.fails("people", *change, STANDFAST_TOKEN=token)
    deed = deeds.WORDS[f"people.{change[0].replace('-', '_')}"]
    assert f"bo may not {deed} {change[1]}: " in line
    assert "ask ana" in line
    assert office.rows("person", "role_grant", "token") == before
    assert office.run("records", "list", "--action", "refused", "--json").data[-1]["actor"] == "bo"


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change[0])
def test_without_a_token_nothing_changes(office: Office, change: tuple[str, ...]) -> None:
    before = office.rows()
    assert "you are not signed in" in office.fails("people", *change, STANDFAST_TOKEN="")
    assert office.rows() == before


def test_reading_needs_no_token(office: Office) -> None:
    assert office.run("people", "list", STANDFAST_TOKEN="").code == 0
    assert "Ana Ruiz" in office.run("people", "list", STANDFAST_TOKEN="").out


def test_the_citys_own_roles_are_obeyed(office: Office) -> None:
    every = json.dumps(list(roles.PERMISSIONS))
    (office.city.root / "roles.toml").write_text(
        f'[steward]\npermissions = {every}\n[clerk]\npermissions = ["queue"]\n'
    )
    office.city.set(roles="roles.toml")
    office.run("people", "add", "bo", "--name", "Bo")
    assert "did you mean" in office.fails("people", "grant", "bo", "clark")
    assert office.run("people", "grant", "bo", "clerk").code == 0


def test_broken_roles_are_one_line_per_fault(office: Office) -> None:
    (office.city.root / "roles.toml").write_text('[steward]\npermissions = ["fly"]\n')
    office.city.set(roles="roles.toml")
    assert "'fly' is not a permission" in office.fails("people", "add", "bo", "--name", "Bo")


def test_control_characters_never_reach_the_terminal(office: Office) -> None:
    with office.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE person SET name = 'A\x1b[2Jna'")
    shown = office.run("people", "list").out
    assert "\x1b" not in shown
    assert "A\\x1b[2Jna" in shown


@FUZZED
@given(values=st.lists(ANY_TEXT, min_size=3, max_size=3), number=st.integers(0, 6), days=st.integers() | ANY_TEXT)
@example(["\0", "\0", "\0"], 0, 1)
@example(["\ud800", "\ud800", "\ud800"], 1, "\ud800")
@example(["bo", "steward", "*"], 3, 10**40)
def test_any_text_is_done_or_refused_whole(office: Office, values: list[str], number: int, days: int | str) -> None:
    """No traceback for any argument, and a command that fails leaves every row as it was (a refusal only adds its entry)."""
    one, two, three = values
    commands = [
        ("add", one, "--name", two),
        ("grant", one, two, "--channel", three),
        ("revoke", one, two, "--channel", three),
        ("token", one, "--label", two, "--days", str(days)),
        ("revoke-token", one),
        ("leave", one),
        ("revoke-token", "--", one),
    ]
    before = office.rows()
    said = office.run("people", *commands[number])
    assert said.code in (0, 1, 2)
    if said.code:
        assert office.rows() == before
    if said.code == 1:
        assert len(said.err.splitlines()) == 1


def test_a_store_that_was_never_made_is_not_made_by_reading(office: Office, tmp_path: Path) -> None:
    file = tmp_path / "none.db"
    line = office.fails("people", "list", STANDFAST_DATABASE_URL=f"sqlite:///{file}")
    assert "run `standfast init`" in line
    assert not file.exists()


def test_a_store_without_tables_says_init(office: Office, bare_url: str) -> None:
    assert "run `standfast init`" in office.fails("people", "list", STANDFAST_DATABASE_URL=bare_url)


BAD = ("a\0b", "a\ud800", "\x1b[2J", "a\nb")
TEXTS = [
    ("add", "cy", "--name", "?"),
    ("add", "?", "--name", "Cy"),
    ("grant", "?", "steward"),
    ("grant", "ana", "?"),
    ("grant", "ana", "operator", "--channel", "?"),
    ("revoke", "?", "steward"),
    ("revoke", "ana", "?"),
    ("revoke", "ana", "steward", "--channel", "?"),
    ("token", "?"),
    ("token", "ana", "--label", "?"),
    ("revoke-token", "?"),
    ("leave", "?"),
]


@pytest.mark.parametrize("words", TEXTS, ids=" ".join)
def test_text_that_cannot_be_kept_is_refused_by_name(office: Office, words: tuple[str, ...]) -> None:
    before = office.rows()
    for bad in BAD:
        line = office.fails("people", *(bad if word == "?" else word for word in words))
        assert "which cannot be kept: take it out" in line
    assert office.rows() == before
