"""A period of a schedule, counted by the calendar of the city, in whole days."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

from config import clock

FORM = re.compile(r"([1-9]\d{0,3}) (day|month|year)s?", re.ASCII)
PERMANENT = "permanent"
MOST_YEARS = 500
_YEARS = {"year": 1.0, "month": 1 / 12, "day": 1 / 365}


@dataclass(frozen=True)
class Period:
    """`number` of days, months or years; for ever when `unit` is ``permanent``."""

    number: int
    unit: str

    @classmethod
    def parse(cls, text: str) -> Period:
        """``2 years``, ``90 days``, ``permanent``. Raises ValueError."""
        if text == PERMANENT:
            return cls(0, PERMANENT)
        found = FORM.fullmatch(text)
        if found is None or int(found[1]) * _YEARS[found[2]] > MOST_YEARS:
            raise ValueError(text)
        return cls(int(found[1]), found[2])

    def due(self, start: int, zone: ZoneInfo) -> int | None:
        """From when on (µs) what began to count at `start` is due: the first moment of the day after the period's last, as
        the city's calendar has it. None: never. A day that a month lacks is that month's last."""
        if self.unit == PERMANENT:
            return None
        begun = clock.to_datetime(start).astimezone(zone).date()
        number = {unit: self.number if unit == self.unit else 0 for unit in _YEARS}
        last = begun + relativedelta(years=number["year"], months=number["month"], days=number["day"])
        return clock.from_datetime(datetime.combine(last + timedelta(days=1), time(), zone))

    def __str__(self) -> str:
        return PERMANENT if self.unit == PERMANENT else f"{self.number} {self.unit}{'s' if self.number != 1 else ''}"
