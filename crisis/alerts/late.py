"""An alert that comes after those that continue it: feeds and folders keep no order. Pure, as the decision itself is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from crisis.alerts import mark
from crisis.alerts.alert import Key, shown
from crisis.alerts.decision import Decision
from crisis.alerts.verdict import ACTS, Kind


class Follower(NamedTuple):
    """What is kept of an alert that refers to this one and came before it."""

    key: Key
    msg_type: str
    kind: Kind
    mark: str = ""
    held: bool = False


def judge(decision: Decision, followers: Iterable[Follower]) -> Decision:
    """`decision`, made as if nothing had come before, by what its own sender said of it since: it never becomes more."""
    known = [one for one in followers if _counts(one, decision)]
    if not known or decision.again:
        return decision
    held = any(one.held for one in known) or (decision.held and decision.kind != Kind.HOLD)
    if decision.kind not in ACTS:
        return replace(decision, held=held)
    latest = max(known, key=lambda one: one.key.sent_us)
    told = [one for one in known if one.kind != Kind.IGNORE]
    if latest.msg_type != "Cancel" and told:
        reason = f"{shown(told[-1].key.identifier)}, which continues it, came before it and was told: {told[-1].kind}"
        return replace(decision, kind=Kind.NOTE, reasons=(*decision.reasons, reason), scopes=(), held=held)
    doubt = f"its sender has {_said(latest)} since ({shown(latest.key.identifier)}), and that came before it: judge it yourself"
    return replace(decision, kind=Kind.SUGGEST, doubts=(*decision.doubts, doubt), scopes=(), held=held)


def _counts(one: Follower, decision: Decision) -> bool:
    """Only its own sender's word, and what a test says only of a test."""
    meant = one.mark not in mark.NOT_MEANT or decision.mark in mark.NOT_MEANT
    return one.key.sender == decision.key.sender and one.msg_type in ("Update", "Cancel") and meant


def _said(latest: Follower) -> str:
    return "cancelled it" if latest.msg_type == "Cancel" else "changed it"
