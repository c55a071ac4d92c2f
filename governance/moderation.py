"""The moderation register (CT-7): what was hidden or deleted, and who was blocked or muted, and by which clause.

Nothing is recorded without the clause of the site terms, the words as they stood, captured before the act, and who did it.
Entries are numbered without gaps and only ever added; each is also an entry of the chain, which holds hashes and none of the
public's words. Every function works in the caller's transaction (`governance.access.acting`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from config import clock
from config.fault import Fault
from governance import access, entry, roles
from governance.authority import Identity
from governance.site_terms import Terms
from store import chain
from store.moderation_tables import ACTIONS, ALL_ACTIONS, TAKEN_BACK_BY, Moderation
from store.tables import ChainHead, Channel

WRITERS = ("records", "queue")
"""Either right on the channel lets somebody record and read there; the whole register is for who holds `EXPORTER` on all."""
EXPORTER = "records"
MOST_NUMBER = 2**63 - 1
MOST_BYTES = {"words": 100_000, "member": 500, "link": 2000, "note": 5000}
"""Of each text in UTF-8."""
NEEDED = {"words": "the words as they stood", "member": "the member of the public"}


class ModerationError(Fault):
    """It cannot be recorded so: one line that says what and what to do; nothing was recorded."""


@dataclass(frozen=True)
class Act:
    """What somebody wants to record; moments in µs UTC."""

    channel: str
    action: str
    clause: str
    member: str
    words: str
    captured_at: int
    acted_at: int
    link: str = ""
    note: str = ""


@dataclass(frozen=True)
class Wish:
    """Which entries are wanted; None: any. Acts from `since` on and before `until`."""

    channel: str | None = None
    action: str | None = None
    clause: str | None = None
    member: str | None = None
    since: int | None = None
    until: int | None = None


def add(session: Session, actor: Identity, wanted: Act, terms: Terms) -> Moderation:
    """The entry made. Raises Refused, ModerationError."""
    access.check_any(session, actor, WRITERS, wanted.channel, action="moderation.add", subject=wanted.channel)
    _check_channel(session, wanted.channel)
    _check_known("action", wanted.action, ACTIONS, "")
    _check_known("clause", wanted.clause, terms, " (`standfast moderation terms`)")
    texts = {name: _kept(getattr(wanted, name), name) for name in MOST_BYTES}
    now = clock.wall_us()
    _check_order(wanted.captured_at, wanted.acted_at, now)
    plain = {name: getattr(wanted, name) for name in ("channel", "action", "clause", "captured_at", "acted_at")}
    made = _made({**plain, **texts, "clause_words": terms[wanted.clause]}, actor, now)
    return _entered(session, made, "moderation.add")


def undo(session: Session, actor: Identity, number: int, note: str, acted_at: int | None = None) -> Moderation:
    """The entry that says that `number` was taken back, now or at `acted_at`. Raises Refused, ModerationError."""
    first = _found(session, number)
    access.check_any(session, actor, WRITERS, first.channel, action="moderation.undo", subject=f"moderation {number}")
    _lock(session)
    _check_undone(session, first)
    kept, now = _kept(note, "note", needed="why it is taken back"), clock.wall_us()
    moment = now if acted_at is None else acted_at
    if not first.acted_at < moment <= now:
        told = f"{clock.to_text(moment)}, and moderation {number} was done at {clock.to_text(first.acted_at)}"
        raise ModerationError(f"taken back at {told}: it must lie after that, and not in the future; mend --acted-at")
    copied = {name: getattr(first, name) for name in COPIED}
    values = {"action": TAKEN_BACK_BY[first.action], "acted_at": moment, "note": kept, "undoes": first.id}
    return _entered(session, _made(copied | values, actor, now), "moderation.undo")


COPIED = ("channel", "clause", "clause_words", "member", "words", "captured_at", "link")
"""What an entry that takes another back says again, so that it can be read alone."""


def exported(session: Session, actor: Identity, form: str, entries: int, data: bytes) -> None:
    """Enter in the chain that the register was exported, and the file's hash. Raises Refused."""
    detail = {"format": form, "entries": entries, "sha256": hashlib.sha256(data).hexdigest()}
    entry.begin(session, actor, "moderation.export", "", detail, EXPORTER)


def listed(session: Session, wish: Wish, limit: int | None = None) -> list[dict[str, Any]]:
    """The entries wanted, oldest first; of more than `limit` the newest. Raises ModerationError."""
    if wish.channel is not None:
        _check_channel(session, wish.channel)
    if wish.action is not None:
        _check_known("action", wish.action, ALL_ACTIONS, "")
    query = select(Moderation).order_by(col(Moderation.id).desc())
    for name in ("channel", "action", "clause", "member"):
        if (value := getattr(wish, name)) is not None:
            query = query.where(getattr(Moderation, name) == chain.storable(value))
    if wish.since is not None:
        query = query.where(Moderation.acted_at >= wish.since)
    if wish.until is not None:
        query = query.where(Moderation.acted_at < wish.until)
    rows = session.exec(query if limit is None else query.limit(limit)).all()[::-1]
    return described(session, rows)


def described(session: Session, rows: Sequence[Moderation]) -> list[dict[str, Any]]:
    """Entries, in their order, as JSON-ready data; `undone_by`: the entry that takes this one back."""
    if not rows:
        return []
    numbers = [row.id for row in rows]
    query = select(Moderation.undoes, Moderation.id).where(col(Moderation.undoes).between(min(numbers), max(numbers)))
    undone = dict(session.exec(query).all())
    return [_described(row, undone.get(row.id)) for row in rows]


def _described(row: Moderation, undone_by: int | None) -> dict[str, Any]:
    moments = {name: clock.to_text(getattr(row, name)) for name in ("captured_at", "acted_at", "recorded_at")}
    return {
        "number": row.id,
        **{name: getattr(row, name) for name in ("channel", "action", "member", "clause", "clause_words", "words")},
        "words_sha256": sha256(row.words) if row.disposed_by is None else None,
        **moments,
        **{name: getattr(row, name) for name in ("actor", "link", "note", "undoes")},
        "undone_by": undone_by,
        "disposed_by": row.disposed_by,
    }


def sha256(text: str) -> str:
    """The SHA-256 (hex) of `text` in UTF-8."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def digest(row: Moderation) -> str:
    """The SHA-256 (hex) of the whole entry: its columns, in their order, as a JSON array in ASCII without spaces."""
    return sha256(json.dumps([getattr(row, name) for name in FIELDS], separators=(",", ":")))


FIELDS = tuple(name for name in Moderation.model_fields if name != "disposed_by")
"""What is hashed of an entry. A disposition of its words is an entry of the chain for itself."""


def _made(values: Mapping[str, Any], actor: Identity, now: int) -> Moderation:
    return Moderation(**values, actor=actor.person, recorded_at=now)


def _entered(session: Session, made: Moderation, action: str) -> Moderation:
    """`made` with the next number, in the register and in the chain."""
    _lock(session)
    made.id = (session.exec(select(func.max(Moderation.id))).one() or 0) + 1
    session.add(made)
    session.flush()
    detail = {name: getattr(made, name) for name in ("channel", "action", "clause", "undoes") if getattr(made, name)}
    detail |= {"words_sha256": sha256(made.words), "entry_sha256": digest(made)}
    entry.record(session, made.actor, action, f"moderation {made.id}", detail)
    return made


def _lock(session: Session) -> None:
    """Writers share PostgreSQL's store lock: the chain's head is where they queue, so that numbers have no gaps."""
    session.exec(select(ChainHead.seq).with_for_update()).first()


def _found(session: Session, number: int) -> Moderation:
    found = session.get(Moderation, number) if 0 < number <= MOST_NUMBER else None
    if found is None:
        raise ModerationError(f"there is no entry {str(number)[:20]}: `standfast moderation list` shows them")
    return found


def _check_undone(session: Session, row: Moderation) -> None:
    if row.undoes is not None:
        raise ModerationError(
            f"moderation {row.id} takes back {row.undoes}: what is done anew is recorded with `standfast moderation add`"
        )
    if row.action not in TAKEN_BACK_BY:
        raise ModerationError(f"moderation {row.id} is a deletion: what is deleted cannot be put back")
    later = session.exec(select(Moderation.id).where(Moderation.undoes == row.id)).first()
    if later is not None:
        raise ModerationError(f"moderation {row.id} was taken back already: see moderation {later}")


def _check_channel(session: Session, channel: str) -> None:
    if session.get(Channel, chain.storable(channel)) is None:
        names = session.exec(select(Channel.name).order_by(Channel.name)).all()
        raise ModerationError(f"there is no channel {channel[:80]!a}: {roles.did_you_mean(channel, names)}")


def _check_order(captured: int, acted: int, now: int) -> None:
    told = f"captured at {clock.to_text(captured)} and acted at {clock.to_text(acted)}"
    if max(captured, acted) > now:
        raise ModerationError(f"{told}: neither can be in the future (it is {clock.to_text(now)}); mend the moments")
    if captured >= acted:
        raise ModerationError(f"{told}: the words must be captured before the act; mend the moments (seconds count)")


def _check_known(what: str, value: str, known: Iterable[str], where: str) -> None:
    if value not in known:
        raise ModerationError(f"{what} {value[:63]!a} is not known: {roles.did_you_mean(value, known)}{where}")


def _kept(text: str, name: str, needed: str | None = None) -> str:
    """`text` as both databases can keep it, else unchanged. Raises ModerationError naming it."""
    stored, needed = chain.storable(text), needed or NEEDED.get(name)
    size, most = len(stored.encode("utf-8")), MOST_BYTES[name]
    if size > most:
        raise ModerationError(f"--{name} has {size:,} bytes, more than {most:,}: give what matters of it")
    if needed and not text.strip():
        raise ModerationError(f"nothing is recorded without {needed}: give --{name}")
    return stored
