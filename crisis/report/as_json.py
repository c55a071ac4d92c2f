"""A report as JSON-ready data: moments as RFC 3339 in UTC, lengths in seconds, lists with how many there are in all."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from config import clock
from crisis.report.report import Measures, Report
from crisis.report.scene import Cut

MOMENTS = frozenset({"at", "start", "end"})


def of(report: Report) -> dict[str, Any]:
    """The report; texts are as long as the report has them."""
    found = {field.name: _value(field.name, getattr(report, field.name)) for field in fields(report)}
    acts = sorted(report.acts.items())
    found["acts"] = [{"actor": actor, "action": action, "entries": number} for (actor, action), number in acts]
    found["head"] = {"entries": report.head[0], "hash": report.head[1]}
    del found["marks"]
    return found


def _value(name: str, value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool) and (name in MOMENTS or name.endswith("_at")):
        return clock.to_text(value)
    if isinstance(value, Cut):
        return {"total": value.total, "items": [_value("", item) for item in value.items]}
    if isinstance(value, Measures):
        return _measures(value)
    if is_dataclass(value):
        return {field.name: _value(field.name, getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple | list):
        return [_value("", item) for item in value]
    return value


def _measures(value: Measures) -> dict[str, Any]:
    lengths = ("to_suspended", "to_quiet", "to_all_acknowledged", "duration")
    told = {f"{name}_s": _seconds(getattr(value, name)) for name in lengths}
    return {**told, "silent": list(value.silent)}


def _seconds(us: int | None) -> float | None:
    return None if us is None else us / clock.SECOND
