"""What each verb of the table of who may do what needs, and how it is typed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from connectors.protocol import Heard
from governance import people, roles
from governance.authority import Identity
from governance.matrix import EVERYWHERE, OTHER
from records import inbound
from scheduler import killswitch
from store.engine import cursor, dialect, writing
from store.tables import Channel
from tests.commands.office import Office, Said
from tests.governance.authorized import day
from tests.scheduler.desk import Desk

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

    def legal_hold(self) -> str:
        """The name of a legal hold."""
        name = f"h{next(self.numbers)}"
        line = ("records", "hold", "add", "--name", name, "--owner", "ana", "--reason", "x", "--channel", self.channel)
        self.by_ana(*line)
        return name

    def heard(self) -> str:
        """The number of a record of what somebody wrote on the channel."""
        item = Heard(str(next(self.numbers)), "reply", "Pat", "Hello", 1, "", "https://x.example/1", b"{}")
        with writing(self.office.engine) as session:
            inbound.hear(session, inbound.Source(self.channel, "x", "standfast"), [item], {})
        return str(self.by_ana("records", "inbound", "list", "--json").data[-1]["record"])

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


def _mail(scene: Scene) -> str:
    path = Path(scene.office.city.root) / "mail.eml"
    path.write_text(f"Subject: {next(scene.numbers)}\n\nHello\n")
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


def _suspended(scene: Scene) -> str:
    name = scene.spare()
    scene.by_ana("channel", "suspend", name, "--reason", "x")
    return name


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
    "records hold add": lambda s: (
        "records", "hold", "add", "--name", f"h{next(s.numbers)}", "--owner", "ana", "--reason", "x", "--channel", s.channel,
    ),
    "records hold list": lambda s: ("records", "hold", "list"),
    "records hold release": lambda s: ("records", "hold", "release", s.legal_hold(), "--reason", "x"),
    "records dispose propose": lambda s: ("records", "dispose", "propose"),
    "records dispose list": lambda s: ("records", "dispose", "list"),
    "records dispose show": lambda s: ("records", "dispose", "show", "9"),
    "records dispose approve": lambda s: ("records", "dispose", "approve", "9"),
    "records dispose withdraw": lambda s: ("records", "dispose", "withdraw", "9", "--reason", "x"),
    "records dispose carry-out": lambda s: ("records", "dispose", "carry-out", "9"),
    "records dispose certificate": lambda s: ("records", "dispose", "certificate", "9"),
    "records timeline": lambda s: ("records", "timeline", "--post", s.post()),
    "records search": lambda s: ("records", "search", "word"),
    "records export": lambda s: (
        "records", "export", "--request", "1", "--to", str(Path(s.office.city.root) / f"x{next(s.numbers)}"),
    ),
    "records inbound fetch": lambda s: ("records", "inbound", "fetch", "--channel", s.channel),
    "records inbound list": lambda s: ("records", "inbound", "list", "--channel", s.channel),
    "records inbound show": lambda s: ("records", "inbound", "show", s.heard()),
    "records inbound mark": lambda s: ("records", "inbound", "mark", s.heard(), "--media-inquiry"),
    "records inbound forward": lambda s: ("records", "inbound", "forward", s.heard(), "--to-department", "Parks"),
    "records anchor": lambda s: ("records", "anchor"),
    "records intake": lambda s: (
        "records", "intake", _mail(s), "--from-person", "ana", "--account", "@ana", "--reason", "a question about the pool",
    ),
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
