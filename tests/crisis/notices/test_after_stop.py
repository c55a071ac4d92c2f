"""KS-18 from the outside: `standfast crisis` tells people by itself, and no address changes anything about the stop."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from commands import telling
from config import clock
from crisis import plan
from crisis.notices import ledger
from tests.crisis.notices.services import CANARY, KINDS, Services, services
from tests.crisis.plans import written
from tests.support.city import City
from tests.support.live_city import FACEBOOK, OUTBOX, LiveCity, X, live_city, until

MOMENTS = ("suspended_at", "quiet_at", "suspension", "epoch", "notices")
BOUND_S = telling.TAKE_S + telling.SEND_S


@pytest.fixture
def there() -> Iterator[Services]:
    """Every kind of service."""
    with services() as found:
        yield found


def _plan(city: City, there: Services, *kinds: str) -> None:
    """A notice list with one person for each kind of service, who is called like it."""
    people = "".join(
        f'[[notice]]\nperson = "{kind}"\ntargets = ["NOTICE_{kind.upper()}"]\nlanguage = "en"\n' for kind in kinds
    )
    written(city.root, plan.SHIPPED.read_text(encoding="utf-8") + "\n" + people)
    lines = "".join(f"NOTICE_{kind.upper()}='{there.address(kind)}'\n" for kind in kinds)
    with (city.root / ".env").open("a", encoding="utf-8") as file:
        file.write(lines)


@pytest.fixture
def ready(city: City) -> City:
    """A city that was set up, whose plan is its own."""
    assert city.run("init", "--person", "dana").returncode == 0
    city.set(plan="crisis-plan.toml")
    return city


def _receipt(said: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert said.returncode == 0, said
    found: dict[str, Any] = json.loads(said.stdout)
    return {name: value for name, value in found.items() if name not in MOMENTS}


def _lines(said: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """Person → how the line about them begins."""
    found = [line.split("  ") for line in said.stderr.splitlines() if line.startswith(("TOLD", "NOT TOLD", "STILL"))]
    return {parts[1]: parts[0] for parts in found}


def _everything(city: City) -> str:
    return "".join(
        file.read_bytes().decode("latin-1")
        for file in city.root.rglob("*")
        if file.is_file() and ".env" not in str(file)
    )


def test_no_address_changes_the_stop_and_each_outcome_is_told(ready: City, there: Services) -> None:
    """The twin is a city where everybody can be told: the receipt is the same, word for word."""
    _plan(ready, there, "takes", "mails")
    good = ready.run("crisis", "--reason", "flood", "--json")
    assert _lines(good) == {"takes": "TOLD", "mails": "TOLD"}
    _plan(ready, there, *KINDS)
    began = clock.boot_s()
    bad = ready.run("crisis", "--reason", "flood", "--json")
    took_s = clock.boot_s() - began
    assert _receipt(bad) == _receipt(good)
    assert bad.stderr.split()[0] == "SUSPENDED"
    assert _lines(bad) == {
        **dict.fromkeys(("takes", "chat", "mails"), "TOLD"),
        **dict.fromkeys(("fails", "refuses", "half", "bogus", "hangs", "drips"), "STILL WAITING"),
    }
    assert (
        took_s < BOUND_S + 30
    )  # a loaded machine starts a process slowly; without the bound it would be a minute more
    found = json.loads(ready.run("crisis", "notices", "--json").stdout)[-1]
    assert (found["told"], found["failed"]) == (["chat", "mails", "takes"], [])
    assert {item["tries"] for item in found["deliveries"]} == {1}
    doctor = ready.run("doctor")
    assert "NOTICE_BOGUS of bogus is no address that apprise understands" in doctor.stdout
    texts = (
        doctor.stdout
        + doctor.stderr
        + good.stdout
        + good.stderr
        + bad.stdout
        + bad.stderr
        + json.dumps(found)
        + _everything(ready)
    )
    assert CANARY not in texts
    assert CANARY in "".join(there.paths("takes"))


def test_the_stop_does_not_wait_to_be_told_and_nobody_is_told_before(ready: City, there: Services) -> None:
    """At the word and at the receipt nothing of this is loaded; the twin is the end of the same process."""
    _plan(ready, there, "takes")
    program = f"""
import json, sys
import cli
say = cli._say
def told(line):
    if line.startswith(("SUSPENDED", "QUIET")):
        print(json.dumps([name for name in {("apprise", "crisis", "sqlalchemy", "store.engine")} if name in sys.modules]))
    say(line)
cli._say, sys.argv = told, ["standfast", "crisis"]
try:
    cli.main()
finally:
    print(json.dumps("apprise" in sys.modules), flush=True)
"""
    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ready.root,
        env=ready.environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert [json.loads(line) for line in ran.stdout.splitlines()] == [[], [], True]
    assert len(there.taken("takes")) == 1


def test_people_are_told_also_when_nobody_waits_for_quiet(ready: City, there: Services) -> None:
    _plan(ready, there, "takes")
    assert _lines(ready.run("crisis", "--no-wait")) == {"takes": "TOLD"}


def test_a_list_that_cannot_be_read_is_one_line_after_the_stop(ready: City) -> None:
    (ready.root / "crisis-plan.toml").write_text("version = [", encoding="utf-8")
    said = ready.run("crisis")
    assert (said.returncode, said.stderr.split()[0]) == (0, "SUSPENDED")
    assert said.stderr.splitlines()[-1].startswith(
        "  warning     people may not be told (the notice list cannot be read"
    )


def test_in_a_rehearsal_nobody_is_told(ready: City, there: Services) -> None:
    """KS-20; the twin is the same city without it."""
    _plan(ready, there, "takes")
    said = ready.run("crisis", STANDFAST_CLOCK=f"{clock.wall_us()}@{clock.boot_ns()}x1")
    assert (said.returncode, _lines(said), there.taken("takes")) == (0, {}, [])
    assert _lines(ready.run("crisis")) == {"takes": "TOLD"}


# --- beside a daemon -------------------------------------------------------------------------------------------------


@pytest.fixture
def live(city: City) -> Iterator[LiveCity]:
    with live_city(city, plan="crisis-plan.toml") as found:
        yield found


def test_a_daemon_and_the_command_tell_everybody_once(live: LiveCity, there: Services) -> None:
    """Whoever takes a delivery has it; a lift is told by the daemon alone, and so is what the command left over."""
    _plan(live.city, there, "takes", "chat", "mails", "hangs")
    live.start_daemon()
    for number in range(1, 4):
        live.run("crisis", who="dora")
        live.resume()
        until(lambda told=2 * number: len(there.taken("takes")) == told, "the stop and its lift were told", 30)
    until(lambda: len(there.letters()) == len(there.taken("chat")) == 6, "to everybody", 30)
    titles = [item["title"].split()[0] for item in there.taken("takes")]
    assert sorted(titles) == ["LIFTED:"] * 3 + ["SUSPENDED:"] * 3


def test_a_daemon_tells_of_a_stop_that_no_command_told(live: LiveCity, there: Services) -> None:
    """KS-18: of a planned window that begins by the clock; and what goes out elsewhere meanwhile is not kept waiting."""
    _plan(live.city, there, "hangs", "drips", "takes")
    live.start_daemon()
    live.run("crisis", "--scope", f"channel:{FACEBOOK}", "--no-wait", who="dora")
    until(lambda: there.by_name["hangs"].requests() and there.by_name["drips"].requests(), "they hang", 30)
    posts = [live.queue(channel, f"On time {channel}", in_s=0.5) for channel in (X, OUTBOX)]
    for post in posts:
        published = live.await_state(post, "published")
        assert (published.published_at or 0) - published.due_at < 5 * clock.SECOND
    assert len(there.taken("takes")) == 1
    log = "\n".join(live.daemons[0].lines)
    assert CANARY not in log + _everything(live.city)


def test_what_a_command_left_over_is_the_daemon_s(
    live: LiveCity, there: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address that was wrong is mended in `.env`: the daemon reads it afresh with each turn."""
    _plan(live.city, there, "refuses")
    live.run("crisis", who="dora")
    assert json.loads(live.run("crisis", "notices", "--json").stdout)[0]["waiting"] == ["refuses"]
    env = live.city.root / ".env"
    env.write_text(env.read_text().replace(there.address("refuses"), there.address("takes")))
    live.start_daemon()
    until(lambda: there.taken("takes"), "told after all", ledger.FIRST_RETRY_S + 20)
    until(lambda: live.json("crisis", "status")["suspensions"][0]["notices"]["told"] == ["refuses"], "recorded")
