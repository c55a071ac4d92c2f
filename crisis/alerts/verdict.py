"""What one info of an alert, taken by itself, calls for under the city's rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from config import clock
from crisis.alerts import mark, place
from crisis.alerts.alert import Alert, Info, shown
from crisis.alerts.place import Located, Match
from crisis.alerts.rule_reader import ALL
from crisis.alerts.rules import SCALES, UNKNOWN, HoldRule, Rules

STALE_US = 24 * 3600 * clock.SECOND
"""An info that names no end is taken as over a day after it was sent: a folder of old alerts must not stop a city."""
AHEAD_US = 10 * 60 * clock.SECOND
"""A message from further in the future than this shows a clock that is wrong, here or there."""


class Kind(StrEnum):
    """What comes of an alert, from least to most; each is told or kept by the rooms above."""

    IGNORE = "ignore"
    NOTE = "note"
    SUGGEST = "suggest"
    HOLD = "hold"


ACTS = (Kind.SUGGEST, Kind.HOLD)


@dataclass(frozen=True)
class Verdict:
    """`doubts` is what a person must judge: while there is one, nothing is held. `scopes` is filled for a hold alone."""

    info: Info
    kind: Kind
    mark: str
    reasons: tuple[str, ...]
    doubts: tuple[str, ...] = ()
    matches: tuple[Match, ...] = ()
    scopes: tuple[str, ...] = ()

    def weight(self) -> tuple[int, ...]:
        """What makes one info stricter than another."""
        degrees = (degree(scale, getattr(self.info, scale)) for scale in SCALES)
        return ([*Kind].index(self.kind), self.mark not in mark.NOT_MEANT, *degrees)


def degree(scale: str, word: str) -> int:
    """How far up its scale `word` stands, from 0; -1 for 'Unknown', and less for no word at all."""
    return SCALES[scale].index(word) if word in SCALES[scale] else -1 if word == UNKNOWN else -2


def judge(alert: Alert, info: Info, rules: Rules, now_us: int) -> Verdict:
    """The verdict on `info` of `alert` at the wall time `now_us`."""
    located = place.locate(info, rules.place)
    found, why = mark.of(alert, info)
    against = _against(alert, info, located, rules, now_us)
    if against:
        return Verdict(info, Kind.IGNORE, found, (against,), matches=located.matches)
    doubts = tuple(_doubts(alert, info, located, now_us))
    reasons = (_summary(info), *(f"{match.code} ({match.area}): {match.how}" for match in located.matches))
    held = [] if doubts or found else [rule for rule in rules.holds if _covers(rule, alert, info)]
    if not held:
        marked = (f"{found}: {why}",) if found else ()
        return Verdict(info, Kind.SUGGEST, found, (*marked, *reasons), doubts, located.matches)
    scopes = tuple(dict.fromkeys(rule.scope for rule in held))
    scopes = (ALL,) if ALL in scopes else scopes
    whitelist = tuple(f"rule {rule.number} of the whitelist covers it: {rule.scope}" for rule in held)
    return Verdict(info, Kind.HOLD, found, (*reasons, *whitelist), (), located.matches, scopes)


def _against(alert: Alert, info: Info, located: Located, rules: Rules, now_us: int) -> str:
    """Why `info` calls for nothing here; empty when it does not."""
    event = shown(info.event)
    if not located.matches and not located.uncoded:
        return f"{event}: holds elsewhere ({_somewhere(info)})"
    if info.expires_us is not None and info.expires_us <= now_us:
        return f"{event}: was over when it came ({clock.to_text(info.expires_us)})"
    if info.expires_us is None and alert.key.sent_us + STALE_US <= now_us:
        return f"{event}: names no end and was sent more than a day before ({clock.to_text(alert.key.sent_us)})"
    if set(info.responses) == {"AllClear"}:
        return f"{event}: is an all-clear"
    if any(_covers(rule, alert, info) for rule in rules.holds):
        return ""
    if not rules.suggest.lists(info):
        return f"{event}: is not among the events of [suggest]"
    short = rules.suggest.short_of(info)
    return f"{event}: {', '.join(short)}" if short else ""


def _somewhere(info: Info) -> str:
    return shown("; ".join(area.description for area in info.areas[:5]))


def _doubts(alert: Alert, info: Info, located: Located, now_us: int) -> Iterator[str]:
    unknown = [scale for scale in SCALES if getattr(info, scale) == UNKNOWN]
    if unknown:
        yield f"{' and '.join(unknown)} unknown: judge it yourself"
    if not located.matches:
        areas = shown("; ".join(located.uncoded))
        yield f"where it holds is not said in SAME or UGC codes ({areas}): see whether it is the city"
    elif not any(match.sure for match in located.matches):
        yield f"it names {located.matches[0].how}: see whether the city lies in it"
    if mark.speaks_of_a_test(alert, info):
        yield "its words speak of a test, an exercise or a drill: read it"
    if "AllClear" in info.responses:
        yield "it asks for action and gives an all-clear at once: read it"
    if alert.key.sent_us > now_us + AHEAD_US:
        yield f"it was sent in the future ({clock.to_text(alert.key.sent_us)}): a clock is wrong, here or at the sender"


def _summary(info: Info) -> str:
    codes = "/".join(sorted({code.value for code in info.event_codes if code.kind.upper() == "SAME"}))
    name = f"{shown(info.event)} ({shown(codes, 20)})" if codes else shown(info.event)
    until = "" if info.expires_us is None else f", until {clock.to_text(info.expires_us)}"
    return f"{name}: {info.severity}, {info.urgency}, {info.certainty}{until}"


def _covers(rule: HoldRule, alert: Alert, info: Info) -> bool:
    return alert.key.sender in rule.senders and rule.bar.lists(info) and not rule.bar.short_of(info)
