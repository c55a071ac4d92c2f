"""Moments as a report tells them: the city's time with UTC beside it; and lengths of time."""

from __future__ import annotations

from dataclasses import dataclass

from calendars import zones
from config import clock

UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


@dataclass(frozen=True)
class Times:
    """Tells moments (wall µs) in the city's zone."""

    zone: str

    def local(self, at_us: int) -> str:
        """``2026-12-01 09:00:00`` in the city."""
        return zones.local_of(at_us, self.zone).replace("T", " ")

    def both(self, at_us: int | None) -> str:
        """``2026-12-01 09:00:00 (15:00:00Z)``, with the date of UTC where it is another; a dash when there is none."""
        if at_us is None:
            return "–"
        local, day, time = self.local(at_us), clock.to_text(at_us)[:10], clock.to_text(at_us)[11:19]
        return f"{local} ({time}Z)" if local.startswith(day) else f"{local} ({day} {time}Z)"


def length(us: int) -> str:
    """A length of time in its two largest units; under a minute in seconds with two decimals."""
    if us < 60 * clock.SECOND:
        return f"{us / clock.SECOND:.2f} s"
    rest, parts = us // clock.SECOND, list[str]()
    for size, unit in UNITS:
        number, rest = divmod(rest, size)
        if number or parts:
            parts.append(f"{number} {unit}")
    return " ".join(part for part in parts[:2] if not part.startswith("0 "))
