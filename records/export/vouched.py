"""What stands behind a package from outside of it: the certificates of dispositions that it names, and the log's anchors."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from typing import Any

from sqlmodel import Session, col, select

from store.anchor_tables import Anchor
from store.retention_tables import Disposition


def certificates(session: Session, numbers: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Of each disposition: the record that is its certificate (null until it ends), who approved, when it ended (wall µs)."""
    query = select(Disposition).where(col(Disposition.id).in_([int(number) for number in numbers]))
    return {
        str(row.id): {
            "certificate": row.certificate,
            "approved_by": row.approved_by,
            "ended_at": row.ended_at,
            "sources": sorted({str(rule["says"].get("source", "")) for rule in row.rules.values()} - {""}),
        }
        for row in session.exec(query).all()
    }


def anchors(session: Session) -> Iterator[dict[str, Any]]:
    """Each anchor that was laid down, oldest first: the entry, its hash, when and where, the authority's stamp in base64."""
    rows = session.exec(
        select(Anchor).where(Anchor.trouble == "").order_by(col(Anchor.id)).execution_options(yield_per=200)
    )
    for row in rows:
        stamp = None if row.token is None else base64.b64encode(row.token).decode("ascii")
        place = {"place": row.place, "stamped_at": row.stamped_at, "stamp": stamp}
        yield {"seq": row.seq, "hash": row.hash, "at": row.at, **place}
