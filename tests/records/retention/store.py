"""A store with old records for the tests of retention, and schedules in a few words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from config import clock
from records import archive, keep
from records.keep import About
from records.retention import candidates, carrying, dispositions, facts, holds, judge
from records.retention.candidates import Found
from records.retention.carrying import Outcome, Run
from records.retention.period import Period
from records.retention.schedule import OF_POSTS, Rule, Schedule
from scheduler.planning import content
from store.engine import reading, writing
from store.record_tables import Record, RecordContent
from store.retention_tables import DispositionItem, LegalHold
from store.tables import Person, Post, Suspension

UTC = ZoneInfo("UTC")
DAY = 86_400 * clock.SECOND


def ago(days: float) -> int:
    """The moment so many days before now (µs)."""
    return clock.wall_us() - int(days * DAY)


def rule(
    name: str, period: str = "30 days", trigger: str = "created", records: Sequence[str] = OF_POSTS, **narrow: Any
) -> Rule:
    """A rule of a schedule."""
    sets = {key: frozenset(value) for key, value in narrow.items()}
    return Rule(name, f"The {name}", f"GR {name}", Period.parse(period), trigger, frozenset(records), **sets)


def plan(*rules: Rule) -> Schedule:
    """A schedule of the city's own."""
    return Schedule({item.name: item for item in rules}, Path("retention.toml"))


@dataclass
class Old:
    """What a store holds, and the acts of retention on it. `media`: the folder of media."""

    engine: Engine
    media: Path
    people: tuple[str, ...] = field(default=("rosa", "ramon", "rick"))

    def __post_init__(self) -> None:
        with writing(self.engine) as session:
            session.add_all(Person(id=name, name=name.title(), created_at=1) for name in self.people)

    def post(self, text: str = "The pool opens.", days: float = 100, state: str = "published", **values: Any) -> int:
        """A post of `days` ago, its version a record that the chain names."""
        at = ago(days)
        made: dict[str, Any] = {"channel": "parks", "author": "ann", "created_at": at, "updated_at": at, "due_at": at}
        made |= {"published_at": at if state == "published" else None, "lateness_us": 1, "ready_at": at} | values
        digest = content.content_hash(text, made.get("media", []))
        number = self._added(Post(text=text, state=state, content_hash=digest, local_time="-", zone="UTC", **made))
        self.name()
        return number

    def record(
        self, series: str = "inbound", body: bytes = b"Hello", mime: str = "text/plain", days: float = 100, **about: Any
    ) -> int:
        """A record of `days` ago that the chain names."""
        with writing(self.engine) as session:
            number = keep.blob(session, About(series, about.pop("subject", "x"), ago(days), **about), body, mime)
        self.name()
        return number

    def suspension(self, kind: str = "crisis", lifted_days: float | None = None) -> int:
        """A suspension of 200 days ago."""
        lifted = {} if lifted_days is None else {"lifted_epoch": 3, "lifted_at": ago(lifted_days), "lifted_by": "dora"}
        at = ago(200)
        row = Suspension(
            epoch=2,
            kind=kind,
            scope_kind="all",
            by="dora",
            at=at,
            starts_at=at,
            request_id=f"r{clock.boot_ns()}",
            **lifted,
        )
        return self._added(row)

    def _added(self, row: Any) -> int:
        with writing(self.engine) as session:
            session.add(row)
            session.flush()
            return int(row.id)

    def name(self) -> None:
        """Have the chain name every record."""
        archive.catch_up(self.engine, self.media)

    def change(self, table: Any, key: object, **values: Any) -> None:
        """Set columns of a row, past every rule."""
        with writing(self.engine) as session:
            row = session.get_one(table, key)
            for name, value in values.items():
                setattr(row, name, value)
            session.add(row)

    def hold(self, name: str = "smith", **query: Any) -> None:
        """A hold of rosa's."""
        with writing(self.engine) as session:
            made = LegalHold(name=name, owner="rosa", reason="Smith v. City", query=query, placed_by="", placed_at=0)
            holds.place(session, "rosa", made)

    def release(self, name: str = "smith") -> None:
        with writing(self.engine) as session:
            holds.release(session, "rosa", name, "settled")

    def due(self, schedule: Schedule, now: int | None = None) -> Found:
        """What is due."""
        with reading(self.engine) as session:
            return candidates.find(session, schedule, UTC, now or clock.wall_us(), 1000)

    def verdict(self, record: int, schedule: Schedule) -> judge.Verdict:
        """What the schedule says of one record."""
        with reading(self.engine) as session:
            (item,) = facts.of_records(session, [session.get_one(Record, record)])
        return judge.judge(item, schedule, UTC)

    def propose(self, schedule: Schedule, by: str = "rosa") -> int:
        """The number of a disposition of all that is due."""
        number = dispositions.propose(self.engine, by, schedule, UTC, lambda _: None).number
        assert number is not None
        return number

    def approved(self, schedule: Schedule) -> int:
        """The number of a disposition that rosa proposed and ramon approved."""
        number = self.propose(schedule)
        with writing(self.engine) as session:
            assert dispositions.approve(session, "ramon", number, schedule) is None
        return number

    def run(self, number: int, schedule: Schedule, by: str = "rick", **changed: Any) -> Run:
        """The carrying out of a disposition, ready to begin."""
        return Run(self.engine, by, number, schedule, UTC, self.media, changed.pop("check", lambda _: None))

    def carry_out(self, number: int, schedule: Schedule) -> Outcome:
        """A disposition carried out by rick."""
        return carrying.carry_out(self.run(number, schedule))

    def contents(self) -> set[str]:
        """The hashes of every content that is there."""
        with reading(self.engine) as session:
            return set(session.exec(select(RecordContent.sha256)))

    def records(self, **where: Any) -> list[Record]:
        """The records with these values."""
        with reading(self.engine) as session:
            found = list(session.exec(select(Record).filter_by(**where).order_by(col(Record.id))))
            session.expunge_all()
            return found

    def disposed(self) -> list[int]:
        """The numbers of the records that were disposed of."""
        return [record.id or 0 for record in self.records() if record.disposed_by is not None]

    def items(self, number: int) -> list[DispositionItem]:
        """What a disposition lists."""
        with reading(self.engine) as session:
            found = dispositions.items(session, number)
            session.expunge_all()
            return found

    def row(self, table: Any, key: object) -> Any:
        """A row as it stands."""
        with reading(self.engine) as session:
            found = session.get_one(table, key)
            session.expunge(found)
            return found


def texts_of(session: Session) -> list[str]:
    """The text of each post."""
    return list(session.exec(select(Post.text).order_by(col(Post.id))))
