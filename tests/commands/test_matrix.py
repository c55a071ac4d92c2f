"""Every role with every verb, on its own and on another channel, on every surface: as the one table says (GV-4)."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from governance import matrix, people, roles
from governance.authority import Identity
from governance.matrix import COMMAND, EVERYWHERE, FILE, OTHER, PAGE, PLACES
from scheduler import killswitch
from store.engine import cursor, dialect, open_engine, writing
from store.tables import Channel, LogEntry
from tests import test_docs, who_may_what
from tests.commands.office import Office, Said, opened
from tests.governance.authorized import day
from tests.scheduler.desk import Desk
from tests.support.city import City

ANA = Identity("ana", "Ana Ruiz", "token")
ROLES = [*roles.read(roles.SHIPPED), None]
NOT_COMPARED = ("log_entry", "chain_head", "worker", "alembic_version")
ZONE = "UTC"


@dataclass
class Scene:
    """A city with `who` in one role at one place, and targets for every verb. `channel`: what the verbs are tried on."""

    office: Office
    role: str | None
    place: str
    token: str = ""
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.desk = Desk(self.office.engine, self.office.token, ANA)
        self.channel = "police" if self.place == OTHER else "parks"
        with writing(self.office.engine) as session:
            session.add(Channel(name="police", platform="outbox", created_at=1))
        self.person("who")
        with writing(self.office.engine) as session:
            if self.role is not None:
                people.grant(session, ANA, "who", self.role, "*" if self.place == EVERYWHERE else "parks")
            self.token = people.create_token(session, ANA, "who").token
            for name in ("parks", "police"):
                order = killswitch.Order(f"r-{name}", "ana", "storm", killswitch.Scope.parse(f"channel:{name}"))
                killswitch.suspend(cursor(session), dialect(session), order)

    @property
    def suspension(self) -> str:
        """The one that stands on the channel."""
        return "1" if self.channel == "parks" else "2"

    def person(self, name: str | None = None, role: str | None = None) -> str:
        """A new person."""
        person = name or f"p{next(self.numbers)}"
        with writing(self.office.engine) as session:
            people.add_person(session, ANA, person, person.title(), department="Parks")
            if role is not None:
                people.grant(session, ANA, person, role)
        return person

    def spare(self) -> str:
        """A new channel that nobody else needs."""
        name = f"spare-{next(self.numbers)}"
        with writing(self.office.engine) as session:
            session.add(Channel(name=name, platform="outbox", created_at=1))
        return name

    def post(self, state: str = "scheduled", **values: Any) -> str:
        """A post of ana's on the channel."""
        return str(self.desk.post(self.channel, state, **values))

    def handed_in(self) -> str:
        """A post of another's that waits for approval."""
        author = self.person(role="administrator")
        number = self.post("draft", author=author)
        self.by_ana("post", "submit", number, "--attest")
        return number

    def by_ana(self, *arguments: str) -> Said:
        """A step that makes a target, by the steward."""
        said = self.office.run(*arguments)
        assert said.code == 0, said
        return said

    def calendar(self, owner: str) -> str:
        """A calendar for the channel."""
        path = self.office.city.calendars_dir / f"c{next(self.numbers)}.csv"
        path.write_text(
            f"# owner: {owner}\n# channels: {self.channel}\nid,at,text\na,2099-06-03 09:00,Text {path.name}\n"
        )
        return str(path)

    def gone(self) -> str:
        """The name of a calendar that was applied and whose file is gone."""
        path = Path(self.calendar("ana"))
        self.by_ana("calendar", "sync", str(path))
        path.unlink()
        return path.name

    def action(self) -> str:
        """The number of an open corrective action."""
        line = ("crisis", "action", "add", "x", "--owner", "ana", "--by", "2099-01-01", "--suspension", self.suspension)
        return str(self.by_ana(*line, "--json").data["id"])

    def moderated(self) -> str:
        """The number of an entry of the moderation register for the channel."""
        return str(self.by_ana(*moderation(self), "--json").data["number"])

    def token_of(self) -> str:
        """The id of a token of a new person."""
        said = self.by_ana("people", "token", self.person(), "--json")
        return str(said.data["id"])

    def code(self) -> str:
        """The number of a sealed code."""
        return str(self.by_ana("people", "seal", "--label", "x", "--count", "1", "--json").data[0]["id"])

    def run(self, *arguments: str) -> Said:
        """The verb, by `who`."""
        return self.office.run(*arguments, STANDFAST_TOKEN=self.token)

    def process(self, *arguments: str) -> Said:
        """The verb as a process of its own, by `who`."""
        ran = self.office.city.run(*arguments, STANDFAST_TOKEN=self.token)
        return Said(ran.returncode, ran.stdout, ran.stderr)


def _csv(scene: Scene) -> str:
    path = Path(scene.office.city.root) / "people.csv"
    path.write_text(f"person,name\nn{next(scene.numbers)},New\n")
    return str(path)


def _number(scene: Scene, *arguments: str, listing: str) -> str:
    scene.by_ana("people", *arguments)
    return str(scene.by_ana("people", listing, "--json").data[-1]["id"])


Line = tuple[str, ...]
TIME = ("--at", "2099-01-01 09:00")
DECIDED = ("--status", "approved", "--reason", "x", "--source", "y")
MOMENTS = ("--captured-at", "2020-01-01 09:00", "--acted-at", "2020-01-01 09:05")


def moderation(scene: Scene) -> Line:
    """An entry of the moderation register for the channel."""
    what = ("--channel", scene.channel, "--action", "hide", "--clause", "threats", "--member", "@m", "--words", "x")
    return ("moderation", "add", *what, *MOMENTS)


VERBS: dict[str, Callable[[Scene], Line]] = {
    "crisis": lambda s: ("crisis", "--scope", f"channel:{s.channel}", "--no-wait"),
    "crisis drill": lambda s: ("crisis", "drill", "--simulate", "--scope", f"channel:{s.channel}", "--reason", "x"),
    "crisis notices --test": lambda s: ("crisis", "notices", "--test", "ana"),
    "crisis action done": lambda s: ("crisis", "action", "done", s.action()),
    "crisis action list": lambda s: ("crisis", "action", "list"),
    "alert read": lambda s: ("alert", "read", "none.xml"),
    "calendar sync --remove": lambda s: ("calendar", "sync", "--remove", s.gone()),
    "crisis sweep": lambda s: ("crisis", "sweep", "--suspension", s.suspension),
    "alert dismiss": lambda s: ("alert", "dismiss", "9", "--note", "x"),
    "crisis action add": lambda s: (
        "crisis", "action", "add", "mend it", "--owner", "ana", "--by", "2099-01-01", "--suspension", s.suspension,
    ),
    "crisis post": lambda s: ("crisis", "post", "--channel", s.channel, "--text", "Take shelter."),
    "crisis report": lambda s: ("crisis", "report", "--suspension", s.suspension, "--json"),
    "moderation add": moderation,
    "moderation undo": lambda s: ("moderation", "undo", s.moderated(), "--note", "x"),
    "moderation list": lambda s: ("moderation", "list", "--channel", s.channel),
    "moderation export": lambda s: (
        "moderation", "export", "--format", "csv", "--output", str(Path(s.office.city.root) / f"m{next(s.numbers)}.csv"),
    ),
    "records anchor": lambda s: ("records", "anchor"),
    "resume": lambda s: ("resume", "--suspension", s.suspension, "--reason", "over", "--json"),
    "doctor --confirm-clock": lambda s: ("doctor", "--confirm-clock"),
    "post add": lambda s: ("post", "add", "--channel", s.channel, *TIME, "--text", "Hello."),
    "post edit": lambda s: ("post", "edit", s.post(), "--text", "Other."),
    "post cancel": lambda s: ("post", "cancel", s.post()),
    "post hold": lambda s: ("post", "hold", s.post()),
    "post reschedule": lambda s: ("post", "reschedule", s.post(), *TIME),
    "post submit": lambda s: ("post", "submit", s.post("draft"), "--attest"),
    "post release": lambda s: ("post", "release", s.post("held")),
    "post close": lambda s: ("post", "close", s.post("unknown"), "--not-published"),
    "post approve": lambda s: ("post", "approve", s.handed_in()),
    "post return": lambda s: ("post", "return", s.handed_in(), "--comment", "which?"),
    "calendar sync": lambda s: ("calendar", "sync", s.calendar("ana")),
    "channel request": lambda s: ("channel", "request", s.channel, "--department", "Parks"),
    "channel strategy": lambda s: ("channel", "strategy", s.channel, "--document", "x", "--on", "2020-01-01"),
    "channel calendar": lambda s: ("channel", "calendar", s.channel, "--document", "x", "--on", "2020-01-01"),
    "channel add": lambda s: ("channel", "add", f"new-{next(s.numbers)}", "--platform", "outbox"),
    "channel test": lambda s: ("channel", "test", s.channel),
    "channel approve": lambda s: ("channel", "approve", s.channel),
    "channel authorize": lambda s: ("channel", "authorize", s.spare()),
    "channel suspend": lambda s: ("channel", "suspend", s.spare(), "--reason", "x"),
    "channel reinstate": lambda s: ("channel", "reinstate", _suspended(s)),
    "channel retire": lambda s: ("channel", "retire", s.spare(), "--reason", "x"),
    "channel platform": lambda s: ("channel", "platform", "outbox", *DECIDED),
    "channel tool": lambda s: ("channel", "tool", "standfast", *DECIDED),
    "people add": lambda s: ("people", "add", f"p{next(s.numbers)}", "--name", "New"),
    "people employ": lambda s: ("people", "employ", s.person(), "--employment", "volunteer"),
    "people grant": lambda s: ("people", "grant", s.person(), "operator"),
    "people revoke": lambda s: ("people", "revoke", s.person(role="operator"), "operator"),
    "people token": lambda s: ("people", "token", s.person()),
    "people revoke-token": lambda s: ("people", "revoke-token", s.token_of()),
    "people leave": lambda s: ("people", "leave", s.person()),
    "people train": lambda s: ("people", "train", s.person(), "first-aid", "--completed", "2020-01-01"),
    "people untrain": lambda s: (
        "people", "untrain", _number(s, "train", s.person(), "first-aid", "--completed", "2020-01-01", listing="training"),
    ),
    "people designate": lambda s: ("people", "designate", s.person(), "--as", "d", "--department", "P", "--document", "x"),
    "people end-designation": lambda s: (
        "people", "end-designation",
        _number(s, "designate", s.person(), "--as", "d", "--department", "P", "--document", "x", listing="designations"),
    ),
    "people spokesperson": lambda s: ("people", "spokesperson", s.person(), "--subject", "parks"),
    "people end-spokesperson": lambda s: (
        "people", "end-spokesperson", _number(s, "spokesperson", s.person(), "--subject", "x", listing="spokespersons"),
    ),
    "people delegate": lambda s: ("people", "delegate", s.person(role="operator"), "--to", "ana", "--until", day(9)),
    "people end-delegation": lambda s: (
        "people", "end-delegation",
        _number(s, "delegate", s.person(role="operator"), "--to", "ana", "--until", day(9), listing="delegations"),
    ),
    "people import": lambda s: ("people", "import", _csv(s)),
    "people seal": lambda s: ("people", "seal", "--label", "x", "--count", "1"),
    "people revoke-code": lambda s: ("people", "revoke-code", s.code()),
    "people review-code": lambda s: ("people", "review-code", s.code(), "--note", "x"),
}  # fmt: skip
OPEN = {
    "alert list", "alert show", "calendar check", "calendar list", "channel list", "channel platforms", "channel show",
    "crisis notices", "crisis status", "doctor", "people codes", "people delegations", "people designations", "people list",
    "people spokespersons", "people training", "post list", "post show", "records list", "records verify", "whoami",
    "records anchors", "moderation terms", "policy check", "policy explain", "policy test",
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
    "records anchor",
}
"""Their target lacks something else: whoever may do it is told that, and not refused."""
ACT = re.compile(r"(?:may not|cannot) \w*[._]\w")
"""The name that the log has for an act, where people should read words."""
BY_PROCESS = {"crisis", "resume", "doctor --confirm-clock"}


def _suspended(scene: Scene) -> str:
    name = scene.spare()
    scene.by_ana("channel", "suspend", name, "--reason", "x")
    return name


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
