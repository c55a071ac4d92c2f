"""The timeline as a picture: a bar for each suspension, marks for what happened, gathered where there are many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from config import clock
from crisis.report.document import Lane, Picture
from crisis.report.moment import Times, length
from crisis.report.report import Report, Told

FULL = 1000
"""The picture's width, in parts."""
STEP = 10
"""Marks that are closer than this are one, with their number."""
MOST_BARS = 8
TICKS = 5
LEAST_US = 60 * clock.SECOND
"""Shown at least: a suspension of a second must not look like hours."""
ROOM = 40
"""Parts of the width left free on either side."""


def of(report: Report, times: Times) -> Picture:
    """The picture of `report`."""
    moments = [at for marks in report.marks.values() for at in marks]
    scale = _Scale(min([report.start, *moments]), max([report.end, *moments]))
    bars = [*_bars(report, scale)]
    marks = [_marked(name, at, scale) for name, at in report.marks.items() if at]
    return Picture(tuple([*bars, *marks]), tuple(scale.ticks(times)), _alt(report, times))


class _Scale:
    """Where a moment stands."""

    def __init__(self, start: int, end: int) -> None:
        self.start, self.span = start, max(end - start, LEAST_US)

    def at(self, moment: int) -> int:
        """In parts of the width."""
        return ROOM + (moment - self.start) * (FULL - 2 * ROOM) // self.span

    def ticks(self, times: Times) -> Iterator[tuple[int, str]]:
        """Moments to read the picture by, in the city's time."""
        several_days = self.span > 86400 * clock.SECOND
        for number in range(TICKS):
            moment = self.start + self.span * number // (TICKS - 1)
            local = times.local(moment)
            yield self.at(moment), local[5:16] if several_days else local[11:]


def _bars(report: Report, scale: _Scale) -> Iterator[Lane]:
    shown = report.stops if len(report.stops) <= MOST_BARS else report.stops[: MOST_BARS - 1]
    for told in shown:
        yield Lane(f"suspension {told.stop.id}", bars=(_bar(told, report.end, scale),))
    if rest := report.stops[len(shown) :]:
        yield Lane(f"and {len(rest)} more", bars=tuple(_bar(told, report.end, scale) for told in rest))


def _bar(told: Told, end: int, scale: _Scale) -> tuple[int, int, bool]:
    lifted = told.stop.lifted_at
    return scale.at(told.stop.begun_at), scale.at(end if lifted is None else lifted), lifted is not None


def _marked(name: str, moments: Iterable[int], scale: _Scale) -> Lane:
    places = Counter(scale.at(moment) // STEP * STEP for moment in moments)
    return Lane(name, marks=tuple(sorted(places.items())))


def _alt(report: Report, times: Times) -> str:
    """The picture in words."""
    stops = "; ".join(_stop(told, times) for told in report.stops[:MOST_BARS])
    marks = ", ".join(f"{name}: {len(at)}" for name, at in report.marks.items() if at)
    left = f"; and {len(report.stops) - MOST_BARS} more" if len(report.stops) > MOST_BARS else ""
    return f"Timeline from {times.both(report.start)}. {stops}{left}. Marks: {marks or 'none'}."


def _stop(told: Told, times: Times) -> str:
    ended = f"lifted after {length(told.measures.duration)}" if told.stop.lifted_at else "still in force"
    return f"Suspension {told.stop.id} began {times.both(told.stop.begun_at)}, {ended}"
