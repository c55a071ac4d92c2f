"""The city's retention schedule as data: which records are kept how long, from when on, and where that is written."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from config import clock, essentials, small_file, toml_table
from config.toml_table import Form, Table, TableError
from config.wording import did_you_mean
from records.retention.period import PERMANENT, Period

SHIPPED = Path(clock.__file__).with_name("data") / "retention.toml"
MOST_BYTES = 2**20
MODERATION = "moderation"
SERIES = ("post", "media", "request", "answer", "inbound", "mail", "export", "disposition", MODERATION)
"""The kinds of records that a rule may cover; the last is the moderation register, whose words alone go."""
OF_POSTS = ("post", "media", "request", "answer")
CREATED, PUBLISHED, SUPERSEDED = "created", "published", "superseded"
INCIDENT_ENDED, MODERATION_ENDED = "incident ended", "moderation ended"
TRIGGERS: Mapping[str, tuple[str, ...]] = {
    CREATED: SERIES,
    PUBLISHED: OF_POSTS,
    SUPERSEDED: ("post",),
    INCIDENT_ENDED: tuple(name for name in SERIES if name != MODERATION),
    MODERATION_ENDED: (MODERATION,),
}
"""From when a period may count → the kinds of records that have such a moment."""
INCIDENTS = ("crisis", "compromise", "planned", "drill")
TAG = Form(re.compile(r"[^\s\x00-\x1f]{1,60}"), "a tag of at most 60 characters without blanks")
CHANNEL = Form(re.compile(r"[a-z0-9][a-z0-9._-]{0,62}", re.ASCII), "a channel's name")


class ScheduleError(TableError):
    """The schedule cannot be used: `faults` has one line per mistake."""


class _Faults(toml_table.Faults):
    error: ClassVar[type[TableError]] = ScheduleError


@dataclass(frozen=True)
class Rule:
    """One series of the schedule. An empty set of channels, tags or incidents: any."""

    name: str
    title: str
    source: str
    period: Period
    trigger: str
    records: frozenset[str]
    channels: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    incidents: frozenset[str] = frozenset()

    def described(self) -> dict[str, Any]:
        """The rule as JSON-ready data: also what an approval is bound to."""
        sets = {name: sorted(getattr(self, name)) for name in ("records", "channels", "tags", "incidents")}
        words = {name: getattr(self, name) for name in ("title", "source", "trigger")}
        return {**words, "period": str(self.period), **sets}


@dataclass(frozen=True)
class Schedule:
    """`own`: False for the shipped example, by which nothing is disposed of."""

    rules: Mapping[str, Rule]
    file: Path
    own: bool = True


def of_settings(root: Path, file: Path | None) -> Schedule:
    """The schedule of a city whose settings name `file`. Raises ScheduleError."""
    return read(SHIPPED) if file is None else read(essentials.path_below(root, str(file)))


def read(file: Path) -> Schedule:
    """The schedule in `file`. Raises ScheduleError with every fault."""
    try:
        body: dict[str, Any] = tomllib.loads(small_file.text(file, MOST_BYTES))
    except (OSError, ValueError, RecursionError) as error:  # ValueError: of TOML, of UTF-8, of a number's length
        why = " ".join(str(error).split())
        what = "the retention schedule cannot be read"
        raise ScheduleError([f"{file}: {what} ({why}): mend the file, or the setting `retention`"]) from None
    faults = _Faults(file)
    top = Table(body, faults)
    rules = {name: _rule(name, table) for name, table in top.tables("series")}
    if not rules:
        top.fault("series", "has no rule: write [series.general-posts] and its keys")
    top.close()
    faults.check()
    return Schedule(rules, file, file != SHIPPED)


def _rule(name: str, table: Table) -> Rule:
    found = Rule(
        name,
        title=table.text("title", '"Routine posts"'),
        source=table.text("source", '"Local Schedule GR, GR1000-26b"'),
        period=_period(table),
        trigger=table.word("trigger", '"published"', TRIGGERS),
        records=_known(table, "records", '["post", "media"]', SERIES, needed=True),
        channels=frozenset(table.ids("channels", '["parks-x"]', CHANNEL, needed=False)),
        tags=frozenset(table.ids("tags", '["council"]', TAG, needed=False)),
        incidents=_known(table, "incidents", '["crisis"]', INCIDENTS),
    )
    _check(found, table)
    table.close()
    return found


def _period(table: Table) -> Period:
    text = table.text("period", '"2 years"')
    try:
        return Period.parse(text or PERMANENT)
    except ValueError:
        example = 'write period = "2 years", "6 months", "90 days" or "permanent"'
        table.fault("period", f"= {toml_table.shown(text)} is no period (at least 1 day, at most 500 years): {example}")
        return Period(0, PERMANENT)


def _known(table: Table, key: str, example: str, known: tuple[str, ...], *, needed: bool = False) -> frozenset[str]:
    """A list of words, each of them known, and none of it empty where it is given."""
    found = [word for word in table.texts(key, example, needed=needed) if word]
    for word in found:
        if word not in known:
            table.fault(key, f"= {toml_table.shown(word)} is not known here: {did_you_mean(word, known)}")
    return frozenset(found)


def _check(rule: Rule, table: Table) -> None:
    """What does not fit together. An empty list would cover everything, which nobody may mean by leaving out its words."""
    for key in ("records", "channels", "tags", "incidents"):
        if table.is_empty(key):
            table.fault(key, "is empty: name what is covered, or leave it out")
    without = sorted(rule.records & set(SERIES) - set(TRIGGERS.get(rule.trigger, SERIES)))
    if without:
        fit = ", ".join(TRIGGERS[rule.trigger])
        table.fault("trigger", f"= {rule.trigger!r} is no moment of {', '.join(without)}: it is one of {fit} alone")
    if MODERATION in rule.records and (rule.tags or rule.incidents):
        table.fault("records", "= 'moderation' has no tags and no incidents: give it a rule of its own without them")
