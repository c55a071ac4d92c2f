"""What is looked for among records and log: words, and whose, where and when; as the index of each database is asked for it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from config import clock
from config.fault import Fault
from config.wording import did_you_mean
from records import tokens

LOG = "log"
"""The series of the log's own entries."""
SERIES = ("post", "media", "request", "answer", "inbound", "mail", "export", "disposition")
MOST_MONTHS = 240
UNIT = re.compile(r'"([^"]*)"(\*?)|(\S+)')


class RecordsError(Fault):
    """What was asked of the records cannot be done, in one line."""


@dataclass(frozen=True)
class Wish:
    """What is looked for; nothing given: everything. Moments: µs UTC, `since` included and `until` not.

    `department`: on its channels, or by its people. `person`: who did it, and author of a post. `state`: of the post that it is
    about, now. `suspension`: of this one, and of the posts that it caught or that came while it stood. `series`: also ``log``.
    """

    words: str = ""
    since: int | None = None
    until: int | None = None
    channel: str | None = None
    department: str | None = None
    person: str | None = None
    suspension: int | None = None
    state: str | None = None
    series: str | None = None

    def described(self) -> dict[str, Any]:
        """What was asked for, for people and for the record."""
        given = {name: value for name, value in vars(self).items() if value not in (None, "")}
        return given | {name: clock.to_text(given[name]) for name in ("since", "until") if name in given}


@dataclass(frozen=True)
class Term:
    """A word, or several that follow each other; `begins`: the last is only how a word begins."""

    words: tuple[str, ...]
    begins: bool = False


def terms(words: str) -> list[Term]:
    """The terms that all must be found. Raises RecordsError when there is none in it."""
    found = []
    for quoted, star, bare in UNIT.findall(words):
        parts = tuple(tokens.of(quoted or bare))
        if parts:
            found.append(Term(parts, bool(star) or bare.endswith("*")))
    if words.strip() and not found:
        raise RecordsError(f"{words[:60]!a} holds no letter, digit or picture to look for: give a word")
    return found


@dataclass(frozen=True)
class Asked:
    """What the index is asked: all terms, and of each group of tags one."""

    terms: Sequence[Term]
    groups: Sequence[Sequence[str]]

    def __bool__(self) -> bool:
        return bool(self.terms or self.groups)

    def fts5(self) -> str:
        """As SQLite's FTS5 takes it."""
        words = [f'"{" ".join(term.words)}"{" *" if term.begins else ""}' for term in self.terms]
        tags = [f"({' OR '.join(_quoted(group))})" for group in self.groups]
        parts = [f"{column} : ({' AND '.join(found)})" for column, found in (("words", words), ("tags", tags)) if found]
        return " AND ".join(parts)

    def words_query(self) -> str:
        """As PostgreSQL's tsquery of the words; empty for any."""
        return " & ".join(f"({_phrase(term)})" for term in self.terms)

    def tags_query(self) -> str:
        """As PostgreSQL's tsquery of the tags; empty for any."""
        return " & ".join(f"({' | '.join(_single(group))})" for group in self.groups)


def _quoted(group: Sequence[str]) -> list[str]:
    return [f'"{tag}"' for tag in group]


def _single(group: Sequence[str]) -> list[str]:
    return [f"'{tag}'" for tag in group]


def _phrase(term: Term) -> str:
    each = _single(term.words)
    return " <-> ".join([*each[:-1], each[-1] + (":*" if term.begins else "")])


def asked(session: Session, wish: Wish) -> Asked:
    """What the index can narrow of `wish`. Raises RecordsError for a channel, suspension or department that there is not:
    nothing would be found, and a package that holds nothing would say that there is nothing."""
    _are_there(session, wish)
    groups: list[list[str]] = []
    for kind, value in (("c", wish.channel), ("a", wish.person), ("s", wish.series)):
        if value is not None:
            groups.append([tokens.tag(kind, value)])
    if wish.department is not None:
        groups.append(department(session, wish.department))
    found = terms(wish.words)
    if (found or groups) and (span := months(wish)):
        groups.append(span)
    return Asked(found, groups)


def _are_there(session: Session, wish: Wish) -> None:
    if wish.channel is not None:
        names = [str(name) for name in session.execute(text("SELECT name FROM channel ORDER BY name")).scalars()]
        if wish.channel not in names:
            raise RecordsError(f"there is no channel {wish.channel[:60]!a}: {did_you_mean(wish.channel, names)}")
    if wish.suspension is not None:
        one = {"id": wish.suspension}
        if session.execute(text("SELECT 1 FROM suspension WHERE id = :id"), one).first() is None:
            raise RecordsError(f"there is no suspension {wish.suspension}: `standfast crisis report` names them")


OF_DEPARTMENT = """SELECT 'c', channel FROM channel_authorization WHERE lower(department) = lower(:name)
  UNION SELECT 'a', id FROM person WHERE lower(department) = lower(:name) ORDER BY 1, 2"""
DEPARTMENTS = """SELECT department FROM channel_authorization WHERE department <> ''
  UNION SELECT department FROM person WHERE department <> '' ORDER BY 1 LIMIT 12"""


def department(session: Session, name: str) -> list[str]:
    """The tags of a department's channels and people. Raises RecordsError where there are none."""
    found = [tokens.tag(kind, value) for kind, value in session.execute(text(OF_DEPARTMENT), {"name": name})]
    if not found:
        known = ", ".join(str(row[0]) for row in session.execute(text(DEPARTMENTS))) or "none"
        raise RecordsError(f"no channel and no person is of department {name[:60]!a} (known: {known[:300]})")
    return found


def months(wish: Wish) -> list[str]:
    """The tags of the months from `since` to `until`; none where an end is open or there are too many."""
    if wish.since is None or wish.until is None:
        return []
    first, last = (clock.to_datetime(moment) for moment in (wish.since, max(wish.until - 1, wish.since)))
    count = (last.year - first.year) * 12 + last.month - first.month + 1
    if count > MOST_MONTHS:
        return []
    return [f"m:{_later(first, number):%Y%m}" for number in range(count)]


def _later(first: datetime, number: int) -> datetime:
    whole = first.year * 12 + first.month - 1 + number
    return datetime(whole // 12, whole % 12 + 1, 1, tzinfo=UTC)
