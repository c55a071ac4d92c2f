"""Every foreseeable mistake is one line that says what, which value, and what to do; nothing is done by half."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config import clock
from scheduler import stop_cell
from store.engine import reading
from tests.faults import places
from tests.support import city as cities
from tests.support.databases import Databases
from tests.support.live_city import FACEBOOK, LiveCity, X, live_city, until

LATER = ("--at", "2190-12-01 09:00", "--text", "Hello")
UNCHANGED = ("post", "attempt", "channel", "channel_group", "person", "role_grant", "token", "suspension", "gate")


def tables(live: LiveCity) -> dict[str, list[Any]]:
    """What a refused command must leave as it was."""
    with reading(live.engine) as session:
        at = session.connection()
        return {name: sorted(at.exec_driver_sql(f"SELECT * FROM {name}").all(), key=str) for name in UNCHANGED}


def refused(live: LiveCity, *arguments: str, who: str | None = "stew", code: int = 1, **more: Any) -> str:
    """The one line of a command that was refused and has changed nothing."""
    before = tables(live)
    ran = live.run(*arguments, who=who, **more)
    assert tables(live) == before
    return one_line(ran, code)


def one_line(ran: subprocess.CompletedProcess[str], code: int = 1) -> str:
    """The one line on stderr of a command that ended with `code`."""
    assert ran.returncode == code, (ran.returncode, ran.stdout, ran.stderr)
    assert "Traceback" not in ran.stdout + ran.stderr
    assert "this is a bug" not in ran.stderr
    assert len(ran.stderr.splitlines()) == 1, ran.stderr
    return ran.stderr.strip()


CASES = {
    "unknown platform": (
        ("channel", "add", "parks-m", "--platform", "facebok"),
        ("parks-m", "'facebok' is unknown", "use one of facebook, outbox, x"),
    ),
    "missing credential": (
        ("channel", "add", "lib", "--platform", "facebook", "--setting", "page_id=1"),
        ("'lib'", "page_token", "--secret page_token=VARIABLE"),
    ),
    "missing setting": (
        ("channel", "add", "lib", "--platform", "facebook", "--secret", "page_token=HALL_TOKEN"),
        ("'lib'", "page_id", "--setting page_id=VALUE"),
    ),
    "media that is not there": (
        ("post", "add", "--channel", X, *LATER, "--media", "pool.png", "--alt", "The pool"),
        ("pool.png does not exist", "correct the path"),
    ),
    "media that is no image": (
        ("post", "add", "--channel", X, *LATER, "--media", "words.png", "--alt", "The pool"),
        ("words.png is not a PNG", "convert it"),
    ),
    "media that is a folder": (
        ("post", "add", "--channel", X, *LATER, "--media", "calendars", "--alt", "The pool"),
        ("calendars", "image"),
    ),
    "a post in the past": (
        ("post", "add", "--channel", X, "--at", "2020-01-01 09:00", "--text", "Hello"),
        ("2020-01-01", "past", "--now"),
    ),
    "a day that does not exist": (
        ("post", "add", "--channel", X, "--at", "2190-02-30 09:00", "--text", "Hello"),
        ("2190-02-30 09:00",),
    ),
    "unknown channel": (("post", "add", "--channel", "park-x", *LATER), ("'park-x'", "did you mean 'parks-x'")),
    "unknown channel to test": (("channel", "test", "park-x"), ("'park-x'", "parks-x")),
    "unknown person": (("people", "grant", "dorra", "operator"), ("'dorra'", "dora")),
    "unknown role": (("people", "grant", "dora", "operater"), ("'operater'", "'operator'")),
    "unknown post": (("post", "cancel", "4711"), ("4711",)),
    "unknown post to show": (("post", "show", "4711"), ("4711",)),
    "unknown post to close": (("post", "close", "4711", "--not-published"), ("4711",)),
    "unknown token": (("people", "revoke-token", "0123456789ab"), ("'0123456789ab'", "standfast people list")),
    "unknown resume scope": (
        ("resume", "--reason", "r", "--scope", "channel:nowhere"),
        ("nothing", "standfast crisis status"),
    ),
    "malformed resume scope": (("resume", "--reason", "r", "--scope", "every"), ("'every'", "channel:NAME")),
    "unknown code": (("resume", "--reason", "r", "--confirm", "ABCDEFGH"), ("code", "NOT LIFTED")),
    "unknown time zone": (("post", "add", "--channel", X, *LATER, "--zone", "America/Chicgo"), ("Chicgo", "Chicago")),
    "a file that is no token": (("login", "--token-file", "nowhere"), ("nowhere",)),
}


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_is_named_with_its_value_and_its_remedy(live: LiveCity, case: str) -> None:
    (live.city.root / "words.png").write_text("only words")
    arguments, words = CASES[case]
    line = refused(live, *arguments, who="omar" if arguments[0] in ("resume", "post") else "stew")
    assert line.startswith("standfast: ")
    assert [word for word in words if word not in line] == [], line


@pytest.mark.parametrize("scope", ["channel:nowhere", "group:none", "every", "channel:", ""])
def test_a_scope_that_does_not_exist_suspends_nothing(live: LiveCity, scope: str) -> None:
    """Exit code 2, and the message ends NOTHING IS SUSPENDED."""
    line = refused(live, "crisis", "--scope", scope, who="dora", code=2)
    assert line.endswith("NOTHING IS SUSPENDED")
    assert repr(scope.partition(":")[2] or scope) in line
    assert not stop_cell.read(live.city.data_dir / "stop.cell").stops


def test_a_time_that_a_clock_change_skips_moves_and_says_so(live: LiveCity) -> None:
    """A gap takes the first valid instant, and the person hears of it."""
    gap = ("post", "add", "--channel", X, "--at", "2190-03-14 02:30", "--zone", "America/Chicago", "--text", "Hello")
    ran = live.run(*gap, who="ann")
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.startswith("note: ")
    assert "2190-03-14 02:30 does not exist in America/Chicago: goes out at 2190-03-14 03:00" in ran.stderr
    assert clock.to_text(live.post(1).due_at) == "2190-03-14T08:00:00.000Z"


CALENDAR = "# owner: ann\n# timezone: America/Chicago\n# channels: parks-x\nid,at,text,media,alt\n"
CALENDAR_FAULTS = {
    "duplicate id": (["pool,2190-06-01 09:00,One,,", "pool,2190-06-02 09:00,Two,,"], ("parks.csv:6", "'pool'")),
    "past": (["pool,2020-06-01 09:00,One,,"], ("parks.csv:5", "2020-06-01", "past")),
    "unreadable media": (["pool,2190-06-01 09:00,One,pool.png,The pool"], ("parks.csv:5", "pool.png")),
    "no such time": (["pool,2190-02-30 09:00,One,,"], ("parks.csv:5", "2190-02-30")),
}


@pytest.mark.parametrize("case", CALENDAR_FAULTS)
def test_a_mistake_in_a_calendar_is_named_with_its_line_and_nothing_is_applied(live: LiveCity, case: str) -> None:
    rows, words = CALENDAR_FAULTS[case]
    good = "good,2190-07-01 09:00,Good,,"
    (live.city.calendars_dir / "parks.csv").write_text(CALENDAR + "\n".join([*rows, good]) + "\n")
    before = tables(live)
    commands = ["sync"] if case == "past" else ["check", "sync"]  # what is past is a mistake only when it is applied
    for command in (("calendar", word) for word in commands):
        ran = live.run(*command, who="ann")
        assert ran.returncode == 1, (ran.stdout, ran.stderr)
        (line,) = [line for line in ran.stdout.splitlines() if "parks.csv:" in line]
        assert [word for word in words if word not in line] == [], line
    assert tables(live) == before


def test_a_missing_credential_is_named_when_the_channel_is_asked(live: LiveCity) -> None:
    (live.city.root / ".env").write_text("")
    ran = live.run("channel", "test", FACEBOOK, who="stew")
    assert ran.returncode == 1
    assert ran.stderr == ""
    assert len(ran.stdout.splitlines()) == 1
    assert "HALL_TOKEN" in ran.stdout
    assert "add it to .env" in ran.stdout


def test_a_missing_credential_holds_the_post_with_its_reason(live: LiveCity) -> None:
    """Its neighbours go out; the post is not lost, waits with the reason, and goes out once the credential is there."""
    secrets = (live.city.root / ".env").read_text()
    (live.city.root / ".env").write_text("".join(line for line in secrets.splitlines(True) if "HALL" not in line))
    daemon = live.start_daemon()
    held, sent = live.queue(FACEBOOK, "no token"), live.queue(X, "has one")
    live.await_state(sent, "published")
    reason = str(live.await_state(held, "held").hold_reason)
    assert "HALL_TOKEN" in reason
    assert "add it to .env" in reason
    assert live.texts() == ["has one"]
    daemon.end()
    (live.city.root / ".env").write_text(secrets)
    live.start_daemon()
    assert live.run("post", "release", str(held), who="omar").returncode == 0
    live.await_state(held, "published")


def test_a_platforms_revoked_token_holds_the_post_with_its_reason(live: LiveCity) -> None:
    """The platform no longer takes our token: nothing is lost, and a person hears what to do."""
    live.start_daemon()
    live.sandbox.revoke("hall-page-token")
    held = live.queue(FACEBOOK, "revoked")
    assert "sign-in refused by the platform" in str(live.await_state(held, "held").hold_reason)
    assert live.texts() == []
    ran = live.run("channel", "test", FACEBOOK, who="stew")
    assert (ran.returncode, len(ran.stdout.splitlines())) == (1, 1)


@pytest.mark.parametrize("command", [("post", "add", "--channel", X, *LATER), ("people", "list"), ("channel", "list")])
def test_reading_needs_no_token_and_a_revoked_one_changes_nothing(live: LiveCity, command: tuple[str, ...]) -> None:
    revoke(live, "ann")
    if command[1] == "list":
        assert live.run(*command, who="ann").returncode == 0
        return
    line = refused(live, *command, who="ann")
    assert "was revoked on" in line
    assert "standfast people token" in line


def revoke(live: LiveCity, person: str) -> None:
    """Make the person's token worthless, as a steward does."""
    assert live.run("people", "revoke-token", live.tokens[person].split("_")[1], who="stew").returncode == 0


def test_a_revoked_token_resumes_nothing(live: LiveCity) -> None:
    """KS-6, KS-10: in both steps; the suspension stays as it was."""
    live.crisis()
    code = live.json("resume", "--reason", "clear", who="omar")["code"]
    revoke(live, "omar")
    for step in ((), ("--confirm", code)):
        assert "was revoked on" in refused(live, "resume", "--reason", "clear", *step, who="omar")
    assert live.json("crisis", "status")["suspended"]


@pytest.fixture
def open_city(
    request: pytest.FixtureRequest,
    databases: Databases,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    store_url: str,
) -> Iterator[LiveCity]:
    """A city that another user can reach, but does not own."""
    places.open_to_all(tmp_path)
    (tmp_path / "city").mkdir()
    city = cities.make(tmp_path / "city", store_url)
    monkeypatch.setenv("STANDFAST_CONFIG", str(city.settings_file))
    monkeypatch.chdir(city.root)
    with live_city(city, busy_timeout="1s") as live:
        places.share(tmp_path)
        yield live


def test_a_stranger_with_a_revoked_token_stops_nothing_and_hears_why(open_city: LiveCity) -> None:
    """KS-1, KS-21: only the owner of the service account may stop without a token that is good."""
    live = open_city
    revoke(live, "dora")
    before = tables(live)
    line = one_line(stranger(live, "crisis", STANDFAST_TOKEN=live.tokens["dora"]))
    assert "was revoked on" in line
    assert line.endswith("NOTHING IS SUSPENDED")
    line = one_line(stranger(live, "crisis"))
    assert "not signed in" in line
    assert line.endswith("NOTHING IS SUSPENDED")
    assert tables(live) == before
    assert not stop_cell.read(live.city.data_dir / "stop.cell").stops
    assert live.json("crisis", "status")["suspended"] is False


def test_a_stranger_with_a_good_token_stops_everything(open_city: LiveCity) -> None:
    """KS-1: the twin: the same stranger, the same place, a director's token."""
    ran = stranger(open_city, "crisis", STANDFAST_TOKEN=open_city.tokens["dora"])
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.startswith("SUSPENDED")
    assert open_city.json("crisis", "status")["suspensions"][0]["by"] == "dora"


def test_the_owner_with_a_revoked_token_still_stops_everything(live: LiveCity) -> None:
    """KS-1, KS-21: a token that is no longer good does not keep the owner of the service account from stopping."""
    revoke(live, "dora")
    receipt = live.crisis(who="dora")
    assert receipt["by"] == "service account"
    assert any("was revoked on" in warning for warning in receipt["warnings"])


def stranger(live: LiveCity, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """What the command said to somebody who does not own the data directory."""
    if os.geteuid() != 0:
        environ |= {"STANDFAST_DATA_DIR": "/"}
    return places.as_nobody(live.city, *arguments, **environ)


def test_until_names_what_did_not_happen() -> None:
    """The tests' own waiting is no silent pass."""
    with pytest.raises(AssertionError, match="a miracle"):
        until(lambda: False, "a miracle", 0.05)
