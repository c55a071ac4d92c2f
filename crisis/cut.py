"""An account that others hold (SE-5): what it shows is kept as evidence, then the platform takes its token back.

Evidence comes first, for afterwards the account may not be readable from here; neither waits for the other channel, and what
cannot be had is said and keeps nothing else from being done. A revoked token is not trusted to be dead: the gate stays closed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from config import clock
from connectors.errors import ConnectorError
from connectors.protocol import Connector, Deadline, OwnScheduler, Search, Seizable
from governance import private_file
from records import log
from scheduler import receipt
from store.chain import storable
from store.cut_tables import Cut
from store.engine import StoreError, cursor, dialect, reading, writing

WINDOW_US = 24 * 3600 * clock.SECOND
"""How far back the account's posts are kept as evidence."""
AT_ONCE = 8
NO_INTERFACE = "no program can revoke it: revoke the access on the platform by hand"


@dataclass(frozen=True)
class Done:
    """What was done about one channel's account; `trouble` is None when all that was asked for was."""

    channel: str
    posts: int = 0
    evidence: str | None = None
    revoked_at: int | None = None
    trouble: str | None = None


class Cutter:
    """Works on the channels of one suspension in the name of `by`; evidence goes into files below `folder`."""

    def __init__(self, engine: Engine, connector_of: Callable[[str], Connector], by: str, folder: Path) -> None:
        self.engine, self.connector_of, self.by, self.folder = engine, connector_of, by, folder

    def run(self, suspension: int, seconds: float, *, revoke: bool) -> Iterator[Done]:
        """Each covered channel as soon as it is done with: `seconds` for its evidence, and as much for its token."""
        with reading(self.engine) as session:
            covered = receipt.covered_channels(cursor(session), dialect(session), suspension)
        names = [name for name, platform in covered if platform != "outbox"]
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="cut") as pool:
            for ended in as_completed(pool.submit(self._channel, suspension, name, seconds, revoke) for name in names):
                yield self._kept(suspension, ended.result())

    def _channel(self, suspension: int, channel: str, seconds: float, revoke: bool) -> Done:
        """What was done; whatever happens with this account, the others' records are kept."""
        done = Done(channel)
        try:
            connector = self.connector_of(channel)
            done = self._evidence(suspension, channel, connector, Deadline.after(seconds))
            return _revoked(connector, done, Deadline.after(seconds)) if revoke else done
        except ConnectorError as error:
            return replace(done, trouble=f"it cannot be reached: {storable(error.detail)}")
        except Exception as error:
            return replace(done, trouble=_both(done.trouble, f"it failed ({type(error).__name__}): look there by hand"))

    def _evidence(self, suspension: int, channel: str, connector: Connector, deadline: Deadline) -> Done:
        found: dict[str, Any] = {"channel": channel, "suspension": suspension, "at": clock.to_text(clock.wall_us())}
        troubles = []
        for name, ask in _questions(connector, deadline):
            try:
                found[name] = ask()
            except ConnectorError as error:
                troubles.append(f"{name} not known ({storable(error.detail)})")
        found["not_known"] = troubles
        text = json.dumps(found, indent=2, ensure_ascii=True, default=vars)
        try:
            private_file.write(self.folder / f"suspension-{suspension}" / f"{_file_of(channel)}.json", text)
        except OSError as error:
            return Done(channel, trouble=f"its evidence could not be written ({error.strerror or error})")
        digest = hashlib.sha256(text.encode()).hexdigest()
        return Done(channel, len(found.get("posts", ())), digest, trouble="; ".join(troubles) or None)

    def _kept(self, suspension: int, done: Done) -> Done:
        """`done`, on record; where the store does not take it that is said, and the next account's turn comes."""
        try:
            self._keep(suspension, done)
        except StoreError as error:
            return replace(done, trouble=_both(done.trouble, f"this is not on record: {error}"))
        return done

    def _keep(self, suspension: int, done: Done) -> None:
        with writing(self.engine) as session:
            row = {key: value for key, value in vars(done).items() if key != "posts"}
            session.add(Cut(suspension_id=suspension, by=self.by, at=clock.wall_us(), **row))
            log.record(session, self.by, "cut", f"suspension {suspension}", vars(done))


def _questions(connector: Connector, deadline: Deadline) -> Iterator[tuple[str, Callable[[], Any]]]:
    """What is asked of an account for the record."""
    now = clock.wall_us()
    yield "account", lambda: connector.test(deadline)
    if isinstance(connector, Seizable):
        yield "posts", lambda: connector.recent(Search(now - WINDOW_US, now), deadline)
    if isinstance(connector, OwnScheduler):
        yield "planned", lambda: connector.planned(deadline)


def _revoked(connector: Connector, done: Done, deadline: Deadline) -> Done:
    if not isinstance(connector, Seizable):
        return replace(done, trouble=_both(done.trouble, NO_INTERFACE))
    try:
        connector.revoke(deadline)
    except ConnectorError as error:
        why = f"its token is not known to be revoked ({storable(error.detail)}): revoke it on the platform by hand"
        return replace(done, trouble=_both(done.trouble, why))
    return replace(done, revoked_at=clock.wall_us())


def _both(first: str | None, second: str) -> str:
    return second if first is None else f"{first}; {second}"


def _file_of(channel: str) -> str:
    """A channel's name as a file's: what is not a letter, digit or hyphen is spelled out."""
    return "".join(
        char if char.isascii() and (char.isalnum() or char in "-_") else f"%{ord(char):x}" for char in channel
    )
