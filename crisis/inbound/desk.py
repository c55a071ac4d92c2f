"""What a person does with what the public wrote: mark it, and have it passed on inside the city. Nothing is ever answered here.

Each address gets one delivery, bounded in time, in a row of its own and an entry of the log: who, when, to whom, and what came
of it. The words travel in the message alone; log and rows have none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from config import clock
from config.wording import did_you_mean
from crisis.notices import address
from crisis.notices import words as notice_words
from crisis.notices.words import Words
from crisis.plan import Plan
from governance import access
from governance.authority import Identity
from records import inbound_view, log
from records.inbound_view import DEPARTMENT, MEDIA_INQUIRY, InboundError
from store.chain import storable
from store.engine import reading, writing
from store.inbound_tables import Forwarding, InboundItem
from store.tables import Person

WRITERS = ("records", "queue")
"""Either right on the channel lets somebody fetch, read, mark and pass on there."""
MEDIA_ROLE = "media-relations-director"
"""The role of the plan to which media inquiries go."""
AT_ONCE = 8
MOST_TEXT = 5_000
"""Characters of the public's words in one message; the record has all of them."""
Send = Callable[[str, Words], str | None]


@dataclass(frozen=True)
class Address:
    """One address: `variable` names it; whose it is (empty: the department's own), and in which language they are told."""

    person: str
    variable: str
    language: str


@dataclass(frozen=True)
class Tried:
    """What came of one address; `trouble` is None when the service took it."""

    addressee: str
    person: str
    variable: str
    trouble: str | None


def mark(session: Session, actor: Identity, record: int, wanted: str) -> InboundItem:
    """The item that `record` is of, marked with `wanted` (empty: not any more). Raises Refused, InboundError."""
    row = inbound_view.item_of(session, record)
    access.check_any(session, actor, WRITERS, row.channel, action="inbound.mark", subject=row.channel)
    row.mark, row.marked_by, row.marked_at = storable(wanted), actor.person, clock.wall_us()
    session.add(row)
    log.record(session, actor.person, "inbound.mark", f"record {record}", {"channel": row.channel, "mark": row.mark})
    return row


# --- to whom --------------------------------------------------------------------------------------------------------


def department(session: Session, plan: Plan, name: str) -> str:
    """`name`, when the plan or the people know it. Raises InboundError."""
    known = {*plan.departments, *filter(None, session.exec(select(Person.department).distinct()))}
    if name not in known:
        raise InboundError(f"no department {name[:80]!a} is known: {did_you_mean(name, sorted(known))}")
    return name


def addressee(row: InboundItem, to_department: str | None, defaults: Mapping[str, str]) -> str:
    """To whom an item goes, as marks are written: what is said now, its mark, the channel's own. Raises InboundError."""
    if to_department is not None:
        return DEPARTMENT + to_department
    if row.mark:
        return row.mark
    if row.channel in defaults:
        return DEPARTMENT + defaults[row.channel]
    raise InboundError(
        f"nobody said where it goes: give --to-department, mark it (`standfast records inbound mark {row.record}`), or name "
        "the channel's department in inbound_departments"
    )


def addresses(session: Session, plan: Plan, to: str) -> list[list[Address]]:
    """The addresses of an addressee, group by group: the next is tried when none of a group took it. Raises InboundError."""
    if to == MEDIA_INQUIRY:
        return _of_role(plan)
    name = to.removeprefix(DEPARTMENT)
    own = plan.departments.get(department(session, plan, name))
    if own is not None and own.targets:
        return [[Address("", variable, own.language) for variable in own.targets]]
    there = select(Person.id).where(Person.department == name, Person.state == "active").order_by(col(Person.id))
    found = _of_people(plan, session.exec(there).all())
    if not any(found):
        raise InboundError(
            f"the plan has no address for {name!a}: write a [[department]] with name and targets, or put one of its people on "
            "the notice list"
        )
    return [[item for group in found for item in group]]


def _of_role(plan: Plan) -> list[list[Address]]:
    role = plan.roles.get(MEDIA_ROLE)
    found = [group for group in _of_people(plan, role.people if role is not None else ()) if group]
    if not found:
        raise InboundError(
            f"the plan names nobody with an address as {MEDIA_ROLE}: write [role.{MEDIA_ROLE}] with its people, and put them "
            "on the notice list"
        )
    return found


def _of_people(plan: Plan, people: Sequence[str]) -> list[list[Address]]:
    """Each person's addresses on the notice list, in the order of `people`."""
    known = {item.person: item for item in plan.notices}
    return [
        [Address(person, variable, known[person].language) for variable in known[person].targets]
        for person in people
        if person in known
    ]


# --- passing on -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Forwarder:
    """Passes items on; `variables` hold the addresses, `moment` writes a wall time (µs) in the city's time."""

    engine: Engine
    plan: Plan
    variables: Mapping[str, str]
    moment: Callable[[int], str]
    send: Send = lambda url, said: address.send(url, said)

    def forward(
        self, actor: Identity, record: int, to_department: str | None, defaults: Mapping[str, str]
    ) -> list[Tried]:
        """What came of each address that was tried. Raises Refused, InboundError."""
        with reading(self.engine) as session:
            row = inbound_view.item_of(session, record)
            session.expunge(row)
        access.require_any(self.engine, actor, WRITERS, row.channel, "inbound.forward", row.channel)
        with reading(self.engine) as session:
            to = addressee(row, to_department, defaults)
            groups, told = addresses(session, self.plan, to), inbound_view.words(session, row)
        if told is None:
            raise InboundError(f"the words of record {record} were disposed of: there is nothing to pass on")
        found: list[Tried] = []
        for group in groups:
            found += self._group(actor, row, to, group, told)
            if any(item.trouble is None for item in found):
                break
        return found

    def _group(
        self, actor: Identity, row: InboundItem, to: str, group: list[Address], told: dict[str, Any]
    ) -> list[Tried]:
        numbers = self._begin(actor, row, to, group, int(told["record"]))
        facts = self._facts(actor, row, to, told)

        def tried(item: Address) -> str | None:
            url = self.variables.get(item.variable, "").strip()
            if not url:
                return f"{item.variable} is not set: add it to .env"
            kind = "inbound-media" if to == MEDIA_INQUIRY else "inbound"
            return self.send(url, notice_words.of(kind, item.language, facts))

        with ThreadPoolExecutor(AT_ONCE) as pool:
            troubles = [*pool.map(tried, group)]
        self._end(numbers, troubles)
        return [Tried(to, item.person, item.variable, why) for item, why in zip(group, troubles, strict=True)]

    def _begin(self, actor: Identity, row: InboundItem, to: str, group: list[Address], record: int) -> list[int]:
        """The numbers of the deliveries, written down before anything is sent."""
        own: dict[str, Any] = {"item_id": row.id, "record_id": record, "addressee": to, "by": actor.person}
        own["at"] = clock.wall_us()
        made = [Forwarding(person=item.person, variable=item.variable, **own) for item in group]
        with writing(self.engine) as session:
            session.add_all(made)
            session.flush()
            detail = {"to": to, "addresses": [item.variable for item in group], "channel": row.channel}
            log.record(session, actor.person, "inbound.forward", f"record {record}", detail)
        return [item.id or 0 for item in made]

    def _end(self, numbers: Sequence[int], troubles: Sequence[str | None]) -> None:
        with writing(self.engine) as session:
            for number, why in zip(numbers, troubles, strict=True):
                row = session.get_one(Forwarding, number)
                row.state, row.detail = ("delivered", "") if why is None else ("failed", why[:300])
                row.ended_at = clock.wall_us()
                session.add(row)
                detail = {name: getattr(row, name) for name in ("state", "addressee", "person", "variable", "detail")}
                log.record(session, "standfast", "inbound.delivery", f"record {row.record_id}", detail)

    def _facts(self, actor: Identity, row: InboundItem, to: str, told: Mapping[str, Any]) -> dict[str, str]:
        facts = {"author": told.get("author"), "text": told.get("text"), "link": told.get("link")}
        return {
            **{name: plain(str(value or "")) for name, value in facts.items()},
            "addressee": to.removeprefix(DEPARTMENT),
            "by": actor.person,
            "channel": row.channel,
            "at": self.moment(row.written_at),
            "record": str(told["record"]),
        }


def plain(text: str) -> str:
    """The public's words as a mail program may show them: cut, and without signs that hide or turn what follows."""
    cut = text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}… (cut: the record has all of it)"
    return "".join(char if char.isprintable() or char == "\n" else " " for char in cut)
