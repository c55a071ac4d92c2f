"""What comes of an alert: ignored, told, suggested to people, or held by the whitelist. Nothing here lifts, and nothing can.

Pure: the same alert, rules, past and moment give the same decision. Who keeps decisions hands in those that matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from crisis.alerts import mark, verdict
from crisis.alerts.alert import Alert, Key, shown
from crisis.alerts.place import Match
from crisis.alerts.rules import Rules
from crisis.alerts.verdict import ACTS, Kind, Verdict

NOT_LIFTED = "nothing is lifted: whoever may resume decides"
MOST_REASONS = 5


class Earlier(NamedTuple):
    """What is kept of a decision, by the alert's key: see `Decision.kept`."""

    kind: Kind
    severity: str = ""
    held: bool = False
    mark: str = ""
    digest: str = ""


Past = Mapping[Key, Earlier]
"""The decisions about the alert itself and the alerts it references; more do no harm."""


@dataclass(frozen=True)
class Decision:
    """`doubts` is what a person must judge. `mark` is what to write above a notice (TEST, EXERCISE, NOT PUBLIC), or empty.

    `severity` is that of the info that counts, empty where none does; `held` is True once this alert, or one it follows,
    has held; `follows` names those. When `again` is True, the alert is known already: tell nobody and keep nothing.
    """

    key: Key
    kind: Kind
    reasons: tuple[str, ...]
    doubts: tuple[str, ...] = ()
    mark: str = ""
    matches: tuple[Match, ...] = ()
    scopes: tuple[str, ...] = ()
    severity: str = ""
    held: bool = False
    follows: tuple[Key, ...] = ()
    again: bool = False
    digest: str = ""

    @property
    def kept(self) -> Earlier:
        """What to keep under `key` for the next alert."""
        return Earlier(self.kind, self.severity, self.held, self.mark, self.digest)


class _Followed(NamedTuple):
    """The alerts referenced about which something was decided; `foreign` ones are another sender's, and not trusted."""

    trusted: tuple[Key, ...]
    foreign: tuple[Key, ...]
    latest: Earlier | None
    held: bool


def decide(alert: Alert, rules: Rules, earlier: Past, now_us: int) -> Decision:
    """What comes of `alert` at the wall time `now_us`."""
    own = earlier.get(alert.key)
    if own is not None and own.digest in ("", alert.digest):
        return Decision(alert.key, Kind.IGNORE, (f"was decided before: {own.kind}",), again=True)
    followed = _followed(alert, earlier)
    decision = _fresh(alert, rules, followed, now_us)
    if own is not None:
        decision = _changed(decision, own)
    return replace(decision, follows=followed.trusted, held=followed.held or decision.held, digest=alert.digest)


def _followed(alert: Alert, earlier: Past) -> _Followed:
    whole = mark.of(alert)[0]
    known = [key for key in dict.fromkeys(alert.references) if key != alert.key and key in earlier]
    known = sorted((key for key in known if _counts(earlier[key], whole)), key=lambda key: key.sent_us)
    trusted = tuple(key for key in known if key.sender == alert.key.sender)
    return _Followed(
        trusted,
        tuple(key for key in known if key.sender != alert.key.sender),
        earlier[trusted[-1]] if trusted else None,
        any(earlier[key].held for key in trusted),
    )


def _counts(past: Earlier, whole: str) -> bool:
    """Nobody heard of what was ignored; and what a test was about must not quieten an alert that is meant."""
    return past.kind != Kind.IGNORE and (past.mark not in mark.NOT_MEANT or whole in mark.NOT_MEANT)


def _fresh(alert: Alert, rules: Rules, followed: _Followed, now_us: int) -> Decision:
    """The decision on an alert that was not seen before."""
    if not rules.place:
        return Decision(alert.key, Kind.IGNORE, ("the rules name no place: fill [place] in the rules for alerts",))
    if alert.msg_type in ("Ack", "Error"):
        return Decision(alert.key, Kind.IGNORE, (f"is a message between systems ({alert.msg_type}), no alert",))
    if alert.msg_type == "Cancel":
        return _cancelled(alert, followed)
    if not alert.infos:
        return _quiet(alert, followed, ("says no event, place or severity (it holds no info)",), mark.of(alert)[0])
    verdicts = [verdict.judge(alert, info, rules, now_us) for info in alert.infos]
    found = _strictest(verdicts)
    if found.kind not in ACTS:
        reasons = tuple(dict.fromkeys(reason for one in verdicts for reason in one.reasons))[:MOST_REASONS]
        return replace(_quiet(alert, followed, reasons, found.mark), matches=found.matches)
    if found.mark in mark.NOT_MEANT:
        return _not_meant(alert, rules, followed, found)
    return _followed_up(alert, followed, _doubted(alert, followed, found))


def _strictest(verdicts: list[Verdict]) -> Verdict:
    """The verdict that counts. A test among the infos takes the power to hold from the others."""
    found = max(verdicts, key=Verdict.weight)
    if found.kind == Kind.HOLD and any(other.mark for other in verdicts):
        doubt = "another part of the same alert is marked as a test: read it"
        return replace(found, kind=Kind.SUGGEST, doubts=(*found.doubts, doubt), scopes=())
    return found


def _cancelled(alert: Alert, followed: _Followed) -> Decision:
    """A cancel is told to people when its alert was, and never does anything."""
    if not followed.trusted and not followed.foreign:
        return Decision(alert.key, Kind.IGNORE, ("cancels nothing that was told here",), mark=mark.of(alert)[0])
    return _quiet(alert, followed, ("is cancelled by its sender",), mark.of(alert)[0])


def _quiet(alert: Alert, followed: _Followed, reasons: tuple[str, ...], marked: str) -> Decision:
    """An alert that calls for nothing: a note when people heard of the one it follows, else ignored."""
    if not followed.trusted and not followed.foreign:
        return Decision(alert.key, Kind.IGNORE, reasons, mark=marked)
    doubts = (*_test_about_real(marked, followed), *_foreign_doubts(alert, followed))
    return Decision(alert.key, Kind.NOTE, (*reasons, *_continues(followed), NOT_LIFTED), doubts, marked)


def _not_meant(alert: Alert, rules: Rules, followed: _Followed, found: Verdict) -> Decision:
    """A test or an exercise: told under its mark, or not at all, as the city's rules have it."""
    told = rules.tests == "note" or bool(followed.trusted)
    reasons = (*found.reasons, "if it were meant, it would be worth a suggestion")
    doubts = (*found.doubts, *_test_about_real(found.mark, followed))
    return Decision(alert.key, Kind.NOTE if told else Kind.IGNORE, reasons, doubts, found.mark, found.matches)


def _test_about_real(marked: str, followed: _Followed) -> tuple[str, ...]:
    if marked in mark.NOT_MEANT and followed.latest is not None and followed.latest.mark not in mark.NOT_MEANT:
        return ("it is a test, but refers to an alert that was meant: ask the sender",)
    return ()


def _foreign_doubts(alert: Alert, followed: _Followed) -> tuple[str, ...]:
    if not followed.foreign:
        return ()
    other = followed.foreign[-1]
    names = (
        f"it refers to {shown(other.identifier)}, which {shown(other.sender)} sent and not {shown(alert.key.sender)}"
    )
    return (f"{names}: it is not trusted to change that; ask",)


def _doubted(alert: Alert, followed: _Followed, found: Verdict) -> Verdict:
    """The verdict with the doubts that its references raise: one is enough to leave the hold to a person."""
    doubts = [*found.doubts, *_foreign_doubts(alert, followed)]
    if alert.odd_references:
        doubts.append(f"it refers to {alert.odd_references[0]!r}, which names no alert: see what it continues")
    if found.kind == Kind.HOLD and followed.held:
        doubts.append("an alert that it continues has held once already: a person decides from then on")
    if doubts and found.kind == Kind.HOLD:
        return replace(found, kind=Kind.SUGGEST, doubts=tuple(doubts), scopes=())
    return replace(found, doubts=tuple(doubts))


def _followed_up(alert: Alert, followed: _Followed, found: Verdict) -> Decision:
    """An alert that calls for something: a note, when people heard as much already from the one it follows."""
    decision = Decision(
        alert.key,
        found.kind,
        found.reasons,
        found.doubts,
        found.mark,
        found.matches,
        found.scopes,
        found.info.severity,
        held=found.kind == Kind.HOLD,
    )
    if followed.latest is None or found.kind == Kind.HOLD or _stronger(found.info.severity, followed.latest):
        return decision
    return replace(
        decision, kind=Kind.NOTE, reasons=(*found.reasons, *_continues(followed), "is no stronger than that")
    )


def _stronger(severity: str, before: Earlier) -> bool:
    return verdict.degree("severity", severity) > verdict.degree("severity", before.severity)


def _changed(decision: Decision, own: Earlier) -> Decision:
    """The alert came before in other words: only more than was decided then is told, and a person looks at it."""
    if decision.kind not in ACTS or not (own.kind == Kind.IGNORE or _stronger(decision.severity, own)):
        return Decision(decision.key, Kind.IGNORE, (f"was decided before: {own.kind}",), again=True)
    doubt = "the same alert came before in other words: read both"
    return replace(decision, kind=Kind.SUGGEST, doubts=(*decision.doubts, doubt), scopes=(), held=own.held)


def _continues(followed: _Followed) -> tuple[str, ...]:
    if followed.latest is None:
        return ()
    return (f"it continues {shown(followed.trusted[-1].identifier)}, about which was decided: {followed.latest.kind}",)
