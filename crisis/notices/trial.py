"""A notice that is only a test: sent to every address of one person at once, marked so, and kept in the log alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from sqlalchemy import Engine

from crisis.notices import address, words
from crisis.plan import Notice as Listed
from records import log
from store.engine import writing

AT_ONCE = 8


@dataclass(frozen=True)
class Tried:
    """What came of it at the address that `variable` names; `trouble` is None when the service took it."""

    variable: str
    trouble: str | None


def send(
    engine: Engine,
    listed: Listed,
    variables: Mapping[str, str],
    by: str,
    at: str,
    send: Callable[[str, words.Words], str | None] = address.send,
) -> list[Tried]:
    """What came of each address of `listed`, each within `address.LIMIT_S`. `at`: the moment in words."""

    def tried(name: str) -> Tried:
        url = variables.get(name, "").strip()
        facts = {"kind": "test", "person": listed.person, "by": by, "at": at, "variable": name}
        said = words.of("test", listed.language, facts)
        return Tried(name, send(url, said) if url else f"{name} is not set: add it to .env")

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = [*pool.map(tried, listed.targets)]
    with writing(engine) as session:
        log.record(
            session, by, "notice.test", listed.person, {item.variable: item.trouble or "taken" for item in found}
        )
    return found
