"""Why alerts do not arrive, or are not judged: kept for as long as it lasts, so that people hear of it, once."""

from __future__ import annotations

from collections.abc import Collection

import structlog
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from config import clock
from scheduler import liveness
from store.alert_tables import AlertTrouble
from store.chain import storable
from store.engine import reading, writing

logger = structlog.get_logger()
READER, RULES, FOLDER, FEED = "reader", "rules", "folder", "feed"
"""What can be in trouble: the libraries that read alerts, the city's rules, the two sources."""
PATIENCE_S = {FEED: 600.0}
"""How long it must last before people are told; a server that is away for a minute is no news."""
MOST = 1000


class Troubles:
    """The troubles of this host; a write only where something has changed."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.host = engine, liveness.host()
        self._last: dict[str, str | None] = {}

    def note(self, name: str, text: str | None) -> None:
        """`text` says what is wrong with `name`, None that nothing is (any more)."""
        if name in self._last and self._last[name] == text:
            return
        with writing(self.engine) as session:
            row = session.get(AlertTrouble, (self.host, name))
            if text is None and row is not None:
                session.delete(row)
            elif text is not None:
                row = row or AlertTrouble(host=self.host, name=name, since=clock.wall_us())
                row.text = storable(text[:MOST])
                session.add(row)
        self._last[name] = text
        if text is not None:
            logger.error("alerts are not taken in", action="alerts", what=name, reason=text)

    def keep_only(self, names: Collection[str]) -> None:
        """Forget the troubles of this host with what is not set up any more."""
        with writing(self.engine) as session:
            for row in session.exec(select(AlertTrouble).where(AlertTrouble.host == self.host)):
                if row.name not in names:
                    session.delete(row)


def all_of(engine: Engine) -> list[AlertTrouble]:
    """Every trouble that lasts, on every host, the oldest first."""
    with reading(engine) as session:
        found = listed(session)
        session.expunge_all()
    return found


def listed(session: Session) -> list[AlertTrouble]:
    """The same in the caller's transaction."""
    return list(session.exec(select(AlertTrouble).order_by(col(AlertTrouble.since))))
