"""Alerts that came, each judged once and kept with what it came to. Stops nothing, lifts nothing, publishes nothing.

A verdict and the rows that it was made from are one transaction, and one host judges at a time: the same alert from two feeds,
or twice from one, is one row. What is to suspend is left as such for `crisis.alerts.hold`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from config import clock
from crisis.alerts import book, cap, decision, feed, late
from crisis.alerts.alert import Alert, AlertError, Info, shown
from crisis.alerts.decision import Decision
from crisis.alerts.rule_reader import RulesError
from crisis.alerts.rules import Rules
from crisis.alerts.verdict import Kind
from records import log
from store.alert_tables import UNJUDGED, UNREADABLE, AlertRecord
from store.chain import storable
from store.engine import reading, writing

STANDFAST = "standfast"
"""Who brings alerts in when no person does."""
OUTCOME = {Kind.IGNORE: "nothing", Kind.NOTE: "told", Kind.SUGGEST: "suggested", Kind.HOLD: "holding"}
NO_RULES = "the rules for alerts cannot be read: it is judged as soon as they can be"


@dataclass(frozen=True)
class Taken:
    """What became of one document: the row's number (None: nothing was kept), a kind of `store.alert_tables`, and why.

    `again`: it, or another wording that says no more, came before.
    """

    source: str
    number: int | None
    kind: str
    reasons: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    mark: str = ""
    scopes: tuple[str, ...] = ()
    event: str = ""
    sender: str = ""
    identifier: str = ""
    again: bool = False


class Intake:
    """Judges by what `rules_of` gives at that moment; `by` is whoever brings the alerts in."""

    def __init__(
        self, engine: Engine, rules_of: Callable[[], Rules], by: str = STANDFAST, *, keeps: bool = True
    ) -> None:
        self.engine, self.rules_of, self.by, self.keeps = engine, rules_of, by, keeps

    def take(self, data: bytes, source: str) -> list[Taken]:
        """What became of each alert in `data`, one document or many, the earliest first.

        Raises AlertError when `data` as a whole is neither an alert nor holds any: nothing is kept of it then.
        """
        found = feed.read(data, source)
        if found.links and not found.documents:
            raise AlertError(source, "holds links and no alert: give the address of this feed as `alerts_feed`")
        return self.take_all(found.documents, source)

    def take_all(self, documents: tuple[bytes, ...], source: str) -> list[Taken]:
        """What became of each document that did not come before; a bad one costs only itself."""
        names = {book.sha256(data): data for data in documents}
        known = self._known(names) if self.keeps else {}
        fresh = [data for name, data in names.items() if name not in known]
        good: list[tuple[Alert, bytes]] = []
        bad = []
        for data in fresh:
            try:
                good.append((cap.parse(data, source), data))
            except AlertError as error:
                bad.append(self.unreadable(data, source, error))
        good.sort(key=lambda pair: pair[0].key.sent_us)
        rules = self._rules()
        before = [Taken(source, number, kind, again=True) for number, kind in known.values()]
        return [*before, *bad, *(self._alert(alert, data, source, rules) for alert, data in good)]

    def _known(self, names: Iterable[str]) -> dict[str, tuple[int, str]]:
        """Those of the documents `names` that came before: the number of the alert, and its kind."""
        with reading(self.engine) as session:
            return book.known_documents(session, [*names])

    def unreadable(self, data: bytes, source: str, error: AlertError) -> Taken:
        """Keep that something came which is no alert, once for the same bytes; a person looks at it."""
        digest = book.sha256(data)
        taken = Taken(source, None, UNREADABLE, (str(error),))
        if not self.keeps:
            return taken
        with writing(self.engine, alone_on=book.LOCK) as session:
            known = session.exec(select(AlertRecord).where(AlertRecord.key_hash == digest)).first()
            if known is not None:
                return replace(taken, number=known.id, again=True)
            row = AlertRecord(
                key_hash=digest,
                digest=digest,
                document=digest,
                sent_at=0,
                source=storable(shown(source, 300)),
                by=self.by,
                came_at=clock.wall_us(),
                kind=UNREADABLE,
                outcome="told",
                reasons=[storable(str(error))],
            )
            number = book.add(session, row)
            book.keep(session, data, number, book.UNREADABLE_KEPT)
            self._log(session, row)
        return replace(taken, number=number)

    def judge_waiting(self) -> list[Taken]:
        """What became of those that came while the rules could not be read; nothing while they still cannot."""
        with reading(self.engine) as session:
            waiting = list(session.exec(select(AlertRecord.id).where(AlertRecord.kind == UNJUDGED)))
        rules = self._rules() if waiting else None
        return [] if rules is None else [self._waiting(number, rules) for number in sorted(filter(None, waiting))]

    # --- one alert ----------------------------------------------------------------------------------------------------

    def _rules(self) -> Rules | None:
        """None while they cannot be read; who looks after the sources tells people."""
        try:
            return self.rules_of()
        except RulesError:
            return None

    def _alert(self, alert: Alert, data: bytes, source: str, rules: Rules | None) -> Taken:
        if not self.keeps:
            with reading(self.engine) as session:
                return _taken(source, None, alert, _judged(session, alert, rules))
        with writing(self.engine, alone_on=book.LOCK) as session:
            made = _judged(session, alert, rules)
            same = book.find(session, alert)
            again = same is not None and _is_again(same, alert, made)
            if same is None or not (again or same.digest == alert.digest):
                number = self._add(session, alert, data, source, made)
            else:
                number = same.id or 0
                if not again:
                    self._judge_row(session, same, alert, made)
            book.keep(session, data, number, 0 if again else _worth(made))
        return replace(_taken(source, number, alert, made), again=again)

    def _add(self, session: Session, alert: Alert, data: bytes, source: str, made: Decision | None) -> int:
        row = AlertRecord(
            key_hash=book.key_hash(alert.key),
            digest=alert.digest,
            document=book.sha256(data),
            sender=storable(alert.key.sender),
            identifier=storable(alert.key.identifier),
            sent_at=alert.key.sent_us,
            source=storable(shown(source, 300)),
            by=self.by,
            came_at=clock.wall_us(),
            status=alert.status,
            msg_type=alert.msg_type,
            kind=UNJUDGED,
            outcome="nothing",
        )
        _write(row, alert, made)
        number = book.add(session, row, alert.references)
        if made is None or made.kind != Kind.IGNORE or made.matches or self.by != STANDFAST:
            self._log(session, row)
        return number

    def _waiting(self, number: int, rules: Rules) -> Taken:
        with writing(self.engine, alone_on=book.LOCK) as session:
            row = session.get_one(AlertRecord, number)
            data = book.document(session, row.document)
            assert data is not None  # what waits for the rules is kept whole
            alert = cap.parse(data, row.source)
            made = _judged(session, alert, rules)
            if row.kind == UNJUDGED:
                self._judge_row(session, row, alert, made)
            source = row.source
        return _taken(source, number, alert, made)

    def _judge_row(self, session: Session, row: AlertRecord, alert: Alert, made: Decision | None) -> None:
        """Write down what came of an alert that waited for the rules."""
        _write(row, alert, made)
        session.add(row)
        self._log(session, row)

    def _log(self, session: Session, row: AlertRecord) -> None:
        session.flush()
        detail = {
            "kind": row.kind,
            "outcome": row.outcome,
            "sender": row.sender,
            "identifier": row.identifier,
            "sent_at": row.sent_at,
            "document": row.document,
            "source": row.source,
            "mark": row.mark,
            "reasons": row.reasons,
            "doubts": row.doubts,
            "scopes": row.scopes,
        }
        log.record(session, self.by, "alert", f"alert {row.id}", detail)


def _judged(session: Session, alert: Alert, rules: Rules | None) -> Decision | None:
    """What the alert comes to beside all that is kept; None without rules."""
    if rules is None:
        return None
    made = decision.decide(alert, rules, book.past(session, alert), clock.wall_us())
    return late.judge(made, book.followers(session, alert.key))


def _is_again(same: AlertRecord, alert: Alert, made: Decision | None) -> bool:
    """True when `same`, the row that `alert` has already, says all there is to say."""
    if same.digest == alert.digest:
        return made is None or same.kind != UNJUDGED
    return made is not None and made.again


def _write(row: AlertRecord, alert: Alert, made: Decision | None) -> None:
    """Put into `row` what was judged; without it, that it waits for the rules."""
    info = _counting(alert, made)
    row.event = storable(shown(info.event)) if info else ""
    row.area = storable(shown("; ".join(area.description for area in info.areas[:5]))) if info else ""
    if made is None:
        row.reasons = [NO_RULES]
        return
    row.kind, row.outcome = str(made.kind), OUTCOME[made.kind]
    row.mark, row.severity, row.held = made.mark, made.severity, made.held
    row.reasons, row.doubts = [storable(line) for line in made.reasons], [storable(line) for line in made.doubts]
    row.scopes = list(made.scopes)
    row.follows = [storable(f"{key.sender},{key.identifier},{clock.to_text(key.sent_us)}") for key in made.follows]


def _counting(alert: Alert, made: Decision | None) -> Info | None:
    """The info that the decision speaks of, for the event's name; the first where it speaks of none."""
    said = () if made is None else made.reasons
    named = (info for info in alert.infos if any(line.startswith(shown(info.event)) for line in said))
    return next(named, alert.infos[0] if alert.infos else None)


def _worth(made: Decision | None) -> int:
    """How many bytes to keep: none of what does not concern the city, of which a country has thousands a day."""
    concerns = made is None or made.kind != Kind.IGNORE or made.matches
    return book.MOST_KEPT if concerns else 0


def _taken(source: str, number: int | None, alert: Alert, made: Decision | None) -> Taken:
    info = _counting(alert, made)
    event, key = shown(info.event) if info else "", alert.key
    if made is None:
        return Taken(source, number, UNJUDGED, (NO_RULES,), event=event, sender=key.sender, identifier=key.identifier)
    return Taken(
        source,
        number,
        str(made.kind),
        made.reasons,
        made.doubts,
        made.mark,
        made.scopes,
        event,
        key.sender,
        key.identifier,
        made.again,
    )


def waiting(session: Session) -> int:
    """How many alerts wait for a person's decision."""
    query = select(AlertRecord.id).where(col(AlertRecord.outcome) == "suggested")
    return len(session.exec(query).all())
