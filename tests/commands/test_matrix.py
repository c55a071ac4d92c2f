"""Every role with every verb, on its own and on another channel, on every surface: as the one table says (GV-4)."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from governance import matrix, roles
from governance.matrix import COMMAND, FILE, PAGE, PLACES
from store.engine import open_engine
from store.tables import LogEntry
from tests import test_docs, who_may_what
from tests.commands.matrix_scene import NOT_COMPARED, ROLES, VERBS, Scene
from tests.commands.office import Office, Said, opened
from tests.support.city import City

OPEN = {
    "alert list", "alert show", "calendar check", "calendar list", "channel list", "channel platforms", "channel show",
    "crisis notices", "crisis status", "doctor", "people codes", "people delegations", "people designations", "people list",
    "people spokespersons", "people training", "post list", "post show", "records list", "records verify", "whoami",
    "moderation terms", "policy check", "policy explain", "policy test", "records schedule", "records anchors",
}  # fmt: skip
"""Whoever is signed in, or on the host, may read."""
OTHERWISE = {
    "crisis ack": "whoever is told of a stop",
    "crisis checklist": "whoever is signed in ticks an item; a planner asks for its channel",
    "people sign": "a designation in writing, or channels on all",
    "daemon": "the host", "demo": "the host", "init": "the host", "stop-page": "the host",
    "login": "a token", "logout": "nobody's",
}  # fmt: skip
"""What asks for something else than a role."""
FAIL_ALL_THE_SAME = {
    "alert read",
    "crisis notices --test",
    "channel test",
    "alert dismiss",
    "doctor --confirm-clock",
    "channel authorize",
    "people review-code",
    "channel approve",
    "records dispose propose",
    "records dispose show",
    "records dispose approve",
    "records dispose withdraw",
    "records dispose carry-out",
    "records dispose certificate",
    "records inbound forward",
    "records anchor",
}
"""Their target lacks something else: whoever may do it is told that, and not refused."""
ACT = re.compile(r"(?:may not|cannot) \w*[._]\w")
"""The name that the log has for an act, where people should read words."""
BY_PROCESS = {"crisis", "resume", "doctor --confirm-clock"}


def test_the_page_shows_the_table() -> None:
    """GV-4: one table, in the code, in the documentation and in the test below."""
    page = who_may_what.PAGE.read_text(encoding="utf-8")
    assert who_may_what.rewritten(page) == page
    by_command = [row.verb for row in matrix.ROWS if row.surface == COMMAND]
    assert sorted(by_command) == sorted(VERBS)
    assert len(set(by_command)) == len(by_command)
    assert {row.surface for row in matrix.ROWS} == {COMMAND, FILE, PAGE}


def test_no_command_is_missing_from_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """GV-4: what is new stands in the table, or among what anybody may do."""
    monkeypatch.setattr(sys, "argv", ["standfast", "post"])
    commands = set(test_docs._tree())
    told = {row.verb.partition(" --")[0] for row in matrix.ROWS if row.surface == COMMAND}
    assert commands - told - OPEN - set(OTHERWISE) == set()
    assert told | OPEN | set(OTHERWISE) <= commands


@pytest.fixture
def office(sqlite_city: City, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """A city on SQLite alone: no database tells roles apart."""
    monkeypatch.setenv("STANDFAST_TOKEN", "")
    engine = open_engine(sqlite_city.url)
    yield opened(sqlite_city, engine)
    engine.dispose()
    roles.use(None)


def _everything(office: Office) -> dict[str, list[Any]]:
    """Every row of every table, but for the log itself."""
    from sqlmodel import SQLModel

    names = [name for name in SQLModel.metadata.tables if name not in NOT_COMPARED]
    return office.rows(*names)


def _log(office: Office) -> list[LogEntry]:
    return list(office.rows("log_entry")["log_entry"])


def _judge(scene: Scene, row: matrix.Row, act: Callable[[], Said]) -> str | None:
    """What was otherwise than the table says, None when nothing was."""
    expected = row.allows(roles.read(roles.SHIPPED), scene.role, scene.place)
    before, log = _everything(scene.office), len(_log(scene.office))
    said = act()
    made = _log(scene.office)[log:]
    refused = [entry for entry in made if entry.action == "refused"]
    where = f"{row.verb} ({row.surface}): {said}"
    if expected:
        fine = said.code in (0, 10) or (row.verb in FAIL_ALL_THE_SAME and said.code == 1)
        return None if fine and not refused else f"refused, and should not be: {where}"
    if said.code != 1 or [entry.actor for entry in refused] != ["who"] or len(made) != len(refused):
        return f"not refused and logged as it should be: {where} {[(entry.actor, entry.action) for entry in made]}"
    if ACT.search(said.err):
        return f"refused in no words for people: {where}"
    after = _everything(scene.office)
    changed = [name for name in before if before[name] != after[name]]
    return f"refused, and {changed} changed: {where}" if changed else None


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("role", ROLES)
def test_every_verb_is_open_to_whom_the_table_says_and_to_nobody_else(
    office: Office, role: str | None, place: str
) -> None:
    """GV-4: on the command line and by calendar files; what is denied is logged and changes nothing."""
    scene = Scene(office, role, place)
    faults = []
    for row in matrix.ROWS:
        if row.surface == COMMAND:
            line = VERBS[row.verb](scene)
            run = scene.process if row.verb in BY_PROCESS else scene.run
            faults.append(_judge(scene, row, lambda run=run, line=line: run(*line)))
        elif row.surface == FILE:
            path = scene.calendar("who")
            faults.append(_judge(scene, row, lambda path=path: scene.office.run("calendar", "sync", path)))
    found = [fault for fault in faults if fault is not None]
    assert not found, "\n".join(found)
