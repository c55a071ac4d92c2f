"""Is a record due? A pure look at its facts and the schedule: the longest rule wins, and what has not ended is kept."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from records.retention import schedule as rules
from records.retention.facts import ENDED, Item
from records.retention.schedule import Rule, Schedule


@dataclass(frozen=True)
class Verdict:
    """`due_at`: since or from when it is due, by `rule`; None: it is not, and `why` says what it waits for."""

    due_at: int | None
    rule: str = ""
    why: str = ""


def judge(item: Item, schedule: Schedule, zone: ZoneInfo) -> Verdict:
    """What the schedule says of an item."""
    if (why := _under_way(item)) is not None:
        return Verdict(None, why=why)
    found = [_by_rule(item, rule, zone) for rule in schedule.rules.values() if covers(rule, item)]
    if not found:
        return Verdict(None, why="no rule covers it")
    kept = next((verdict for verdict in found if verdict.due_at is None), None)
    return kept or max(found, key=lambda verdict: (verdict.due_at or 0, verdict.rule))


def _under_way(item: Item) -> str | None:
    """What of it is not over: nothing of that is ever due."""
    if not item.hash:
        return "the log does not say what it was"
    for incident in item.incidents:
        if incident.ended_at is None:
            return f"suspension {incident.number} is not lifted"
    if item.post is not None and item.post.state not in ENDED:
        return f"post {item.post.number} may still go out ({item.post.state})"
    return None


def covers(rule: Rule, item: Item) -> bool:
    """True when the rule is about such an item."""
    tags = item.post.tags if item.post is not None else frozenset()
    kinds = {incident.kind for incident in item.incidents}
    return (
        item.series in rule.records
        and (not rule.channels or item.channel in rule.channels)
        and (not rule.tags or bool(rule.tags & tags))
        and (not rule.incidents or bool(rule.incidents & kinds))
    )


def _by_rule(item: Item, rule: Rule, zone: ZoneInfo) -> Verdict:
    start = _start(item, rule.trigger)
    if start is None:
        return Verdict(None, rule.name, f"{rule.name} has not begun to count ({rule.trigger})")
    due_at = rule.period.due(start, zone)
    return Verdict(due_at, rule.name, "" if due_at is not None else f"{rule.name} keeps it for ever")


def _start(item: Item, trigger: str) -> int | None:
    """From when the period counts; None: it does not yet."""
    post = item.post
    if trigger == rules.PUBLISHED:
        return None if post is None else post.published_at or post.updated_at
    if trigger == rules.SUPERSEDED:
        return item.superseded_at
    if trigger == rules.INCIDENT_ENDED:
        return max((incident.ended_at or 0 for incident in item.incidents), default=None)
    return item.moderation_ended_at if trigger == rules.MODERATION_ENDED else item.at
