"""The Crisis Communications plan as the city's data: what it says, and its file read strictly.

Reading refuses what cannot be understood, every mistake at once. What the plan lacks, or gets wrong about the city, is for
`crisis.plan_gap`. The stop knows nothing of any of this: it works when the plan is missing or broken.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from config import clock, essentials, small_file
from crisis import department, statement
from crisis.department import Department
from crisis.plan_table import NAME, Faults, Form, PlanError, Table
from crisis.statement import LANGUAGE, Blank, Statement
from governance.names import PERSON_ID
from scheduler import killswitch
from scheduler.killswitch import Scope

SHIPPED = Path(clock.__file__).with_name("data") / "crisis-plan.toml"
MOST_BYTES = 2**20
PHASES = ("first-minutes", "hold", "inform", "resume", "afterwards")
"""Of a checklist, in the order in which they come."""
RIGHTS: Mapping[str, str] = {"suspend": "suspend", "resume": "resume", "confirm": "resume"}
"""What the plan lets its roles do → the permission that takes."""
KINDS = ("crisis", "compromise")
"""What a level can be. Drills and planned stops are asked for as such: no level may turn a real stop into one."""
PERSON = Form(PERSON_ID, "a person's short name")
ROLE_OF_FILE = Form(PERSON_ID, "a role's name in the roles file")
VARIABLE = Form(
    re.compile(r"(?!STANDFAST_)[A-Z_][A-Z0-9_]{0,127}", re.ASCII),
    "a variable's name (in capitals, not beginning with STANDFAST_; the address itself belongs into .env)",
)


@dataclass(frozen=True)
class Role:
    """A part that somebody plays in a crisis; `people` in order of succession. `access`: their role in the roles file."""

    name: str
    about: str
    access: str
    people: tuple[str, ...]


@dataclass(frozen=True)
class Level:
    """How far a crisis reaches, and what is suspended for it unless somebody says otherwise."""

    name: str
    about: str
    scope: Scope
    kind: str


@dataclass(frozen=True)
class Notice:
    """Whom to tell of a stop, where (names of variables that hold the addresses), and whom when nothing comes back.

    `acknowledge_within_s`: seconds; 0: nothing is waited for.
    """

    person: str
    targets: tuple[str, ...]
    language: str
    acknowledge_within_s: float
    escalate_to: str


@dataclass(frozen=True)
class Reminder:
    """When people are reminded that a suspension still stands, in seconds after it began (`every`: between two)."""

    first_s: float
    every_s: float
    escalate_after_s: float


@dataclass(frozen=True)
class Item:
    """One thing to do; `owner` is a role of the plan."""

    id: str
    text: str
    owner: str


@dataclass(frozen=True)
class Plan:
    """The plan of `file`. `rights`: what `RIGHTS` names → roles of the plan; `checklist` has every phase."""

    file: Path
    version: str
    reviewed: date | None
    review_interval_s: float
    languages: tuple[str, ...]
    roles: Mapping[str, Role]
    rights: Mapping[str, tuple[str, ...]]
    levels: Mapping[str, Level]
    notices: tuple[Notice, ...]
    reminder: Reminder | None
    checklist: Mapping[str, tuple[Item, ...]]
    blanks: Mapping[str, Blank]
    statements: Mapping[str, Statement]
    departments: Mapping[str, Department]

    @property
    def must_answer(self) -> list[str]:
        """Who must say that they know of a stop, in the order of the notice list."""
        return [item.person for item in self.notices if item.acknowledge_within_s]

    @property
    def is_shipped(self) -> bool:
        """True for the default, which is no city's."""
        return self.file == SHIPPED


def file_of(root: Path, named: object) -> Path:
    """The plan's file: what the setting `plan` names (relative: from `root`), the shipped one when it names none."""
    return SHIPPED if named is None else essentials.path_below(root, str(named))


def read(file: Path = SHIPPED) -> Plan:
    """The plan in `file`. Raises PlanError with every fault, each naming file, key and remedy."""
    faults = Faults(file)
    table = Table(_body(file), faults)
    found = _plan(file, table)
    table.close()
    faults.check()
    return found


def read_or_shipped(file: Path) -> tuple[Plan, list[str]]:
    """(the plan in `file`, nothing), or (the shipped one, why that in `file` cannot be used)."""
    try:
        return read(file), []
    except PlanError as error:
        return read(), list(error.faults)


def _body(file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(small_file.text(file, MOST_BYTES))
    except (OSError, ValueError, RecursionError) as error:  # ValueError: of TOML, of UTF-8, of a number's length
        why = getattr(error, "strerror", None) or error
        raise PlanError([f"{file}: the plan cannot be read ({why}): mend the file, or the setting `plan`"]) from None


def _plan(file: Path, table: Table) -> Plan:
    blanks = {name: statement.read_blank(below) for name, below in table.tables("blank", statement.BLANK_NAME)}
    return Plan(
        file=file,
        version=table.text("version", '"1"'),
        reviewed=table.day("reviewed", "2026-01-31"),
        review_interval_s=table.seconds("review_interval", '"365d"'),
        languages=table.ids("languages", '["en", "es"]', LANGUAGE),
        roles={name: _role(name, below) for name, below in table.tables("role")},
        rights=_rights(table.table("rights")),
        levels={name: _level(name, below) for name, below in table.tables("level")},
        notices=_notices(table),
        reminder=_reminder(table),
        checklist=_checklist(table.table("checklist")),
        blanks=blanks,
        statements={name: statement.read(name, below, blanks) for name, below in table.tables("statement")},
        departments=department.read(table, VARIABLE),
    )


def _role(name: str, table: Table) -> Role:
    found = Role(
        name=name,
        about=table.text("about", '"What this role does in a crisis."'),
        access=table.id("access", '"director"', ROLE_OF_FILE, needed=False),
        people=table.ids("people", '["dora.lind", "omar.reyes"]', PERSON),
    )
    table.close()
    return found


def _rights(table: Table) -> dict[str, tuple[str, ...]]:
    found = {right: table.ids(right, '["communications-director"]', NAME, needed=False) for right in RIGHTS}
    table.close()
    return found


def _level(name: str, table: Table) -> Level:
    found = Level(
        name=name,
        about=table.text("about", '"When it is this level."'),
        scope=_scope(table),
        kind=table.word("kind", '"crisis"', KINDS),
    )
    table.close()
    return found


def _scope(table: Table) -> Scope:
    written = table.text("scope", '"all"')
    try:
        return Scope.parse(written or "all")
    except killswitch.SwitchError as error:
        table.fault("scope", f'is not understood ({error}): write scope = "all"')
        return Scope()


def _notices(table: Table) -> tuple[Notice, ...]:
    """The notice list. An address that stands here by mistake is a secret: no value of these tables is ever shown."""
    found: dict[str, Notice] = {}
    for row in table.rows("notice", hush=True):
        notice = _notice(row)
        if notice.person in found:
            row.fault("person", "is on the list already: keep one table for each person")
        found[notice.person] = notice
    return tuple(found.values())


def _notice(table: Table) -> Notice:
    found = Notice(
        person=table.id("person", '"dora.lind"', PERSON),
        targets=table.ids("targets", '["NOTICE_DORA_LIND"]', VARIABLE),
        language=table.id("language", '"en"', LANGUAGE),
        acknowledge_within_s=table.seconds("acknowledge_within", '"10m"', needed=False),
        escalate_to=table.id("escalate_to", '"omar.reyes"', PERSON, needed=False),
    )
    table.close()
    return found


def _reminder(table: Table) -> Reminder | None:
    if not table.has("reminder"):
        return None
    below = table.table("reminder")
    found = Reminder(
        first_s=below.seconds("first", '"30m"'),
        every_s=below.seconds("every", '"1h"'),
        escalate_after_s=below.seconds("escalate_after", '"2h"'),
    )
    below.close()
    return found


def _checklist(table: Table) -> dict[str, tuple[Item, ...]]:
    found = {phase: tuple(_items(table, phase)) for phase in PHASES}
    table.close()
    ids = Counter(item.id for items in found.values() for item in items if item.id)
    for name in (name for name, number in ids.items() if number > 1):
        table.fault("id", f"= {name!r} stands there more than once: give each item an id of its own")
    return found


def _items(table: Table, phase: str) -> Iterator[Item]:
    for row in table.rows(phase):
        yield Item(
            id=row.id("id", '"stop"', NAME),
            text=row.text("text", '"Run `standfast crisis`."'),
            owner=row.id("owner", '"communications-director"', NAME),
        )
        row.close()
