"""The life of break-glass codes before and after their use: made as a sheet, listed, revoked, reviewed. Needs ``people``."""

from __future__ import annotations

import secrets
from typing import Any

from sqlmodel import Session, col, select

from config import clock
from governance import access, break_glass, codes
from governance.authority import EVERY_CHANNEL, Identity
from governance.people import PeopleError
from store import chain
from store.crisis_tables import BreakGlassCode
from store.engine import cursor, dialect

MOST = 50
"""Codes of one sheet."""


def seal(session: Session, actor: Identity, label: str, count: int) -> dict[int, str]:
    """New codes by number, in groups as they are printed: nobody can read them again. Raises Refused, PeopleError."""
    _begin(session, actor, "people.seal", label, {"count": count})
    if not label.strip():
        raise PeopleError("the codes need a label that says where they are kept: give --label")
    if not 1 <= count <= MOST:
        raise PeopleError(f"{count} codes cannot be made at once: choose 1 to {MOST}")
    made = {codes.make(break_glass.LENGTH): _row(label.strip(), actor) for _ in range(count)}
    for code, row in made.items():
        row.code_hash = codes.hash_of(code)
    session.add_all(made.values())
    session.flush()
    return {row.id or 0: codes.in_groups(code) for code, row in made.items()}


def _row(label: str, actor: Identity) -> BreakGlassCode:
    mark = secrets.token_hex(break_glass.MARK // 2)
    return BreakGlassCode(label=label, code_hash="", mark=mark, made_by=actor.person, made_at=clock.wall_us())


def revoke(session: Session, actor: Identity, number: int) -> str:
    """The label of the code that is worthless now. Raises Refused, PeopleError."""
    _begin(session, actor, "people.revoke_code", f"code {number}", {})
    row = _known(session, number)
    if row.used_at is not None or row.revoked_at is not None:
        raise PeopleError(f"break-glass code {number} is used or revoked already: see `standfast people codes`")
    row.revoked_at = clock.wall_us()
    session.flush()
    return row.label


def review(session: Session, actor: Identity, number: int, note: str) -> str:
    """The label of the used code whose use is now reviewed, with `note`. Raises Refused, PeopleError."""
    _begin(session, actor, "people.review_code", f"code {number}", {"note": note})
    row = _known(session, number)
    if row.used_at is None:
        raise PeopleError(f"break-glass code {number} was not used: there is nothing to review")
    if row.reviewed_at is not None:
        raise PeopleError(f"the use of break-glass code {number} was reviewed already, by {row.reviewed_by}")
    if not note.strip():
        raise PeopleError("a review says who used the code and whether that was right: give --note")
    row.reviewed_at, row.reviewed_by, row.review = clock.wall_us(), actor.person, note.strip()
    session.flush()
    return row.label


def listing(session: Session) -> list[dict[str, Any]]:
    """Every code (never its hash), by number; moments as RFC 3339 text."""
    rows = session.exec(select(BreakGlassCode).order_by(col(BreakGlassCode.id))).all()
    return [_described(row) for row in rows]


def _described(row: BreakGlassCode) -> dict[str, Any]:
    moments = {"made_at": row.made_at, "used_at": row.used_at, "revoked_at": row.revoked_at}
    moments["reviewed_at"] = row.reviewed_at
    words = {name: None if at is None else clock.to_text(at) for name, at in moments.items()}
    about = {"id": row.id, "label": row.label, "state": _state(row), "suspension": row.suspension_id}
    return {**about, "made_by": row.made_by, **words, "reviewed_by": row.reviewed_by, "review": row.review}


def _state(row: BreakGlassCode) -> str:
    if row.used_at is not None:
        return "used" if row.reviewed_at is not None else "used, not reviewed"
    return "sealed" if row.revoked_at is None else "revoked"


def _known(session: Session, number: int) -> BreakGlassCode:
    found = session.get(BreakGlassCode, number)
    if found is None:
        raise PeopleError(f"there is no break-glass code {number}: `standfast people codes` names them")
    return found


def _begin(session: Session, actor: Identity, action: str, subject: str, detail: dict[str, Any]) -> None:
    chain.append(cursor(session), dialect(session), actor=actor.person, action=action, subject=subject, detail=detail)
    access.check(session, actor, "people", EVERY_CHANNEL, action=action, subject=subject)
