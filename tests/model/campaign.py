"""One campaign: configurations explored in several processes, each told in a line, all in one at the end."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from tests.model.explore import Explorer
from tests.model.state import Config
from tests.model.story import story
from tests.model.weakened import BY_NAME


@dataclass(frozen=True)
class Report:
    """One exploration as it is printed; `broken`: the invariant's name, or ""."""

    config: Config
    states: int
    transitions: int
    depth: int
    seconds: float
    broken: str
    story: tuple[str, ...]

    @property
    def is_good(self) -> bool:
        """Whether a weakened design fell by the right invariant and for its own reason, or another kept all."""
        if self.config.weakened:
            return BY_NAME[self.config.weakened].falls_by(self.broken, self.story)
        return not self.broken


def explore(config: Config) -> Report:
    """The exploration of one configuration, in this process."""
    start = time.process_time()
    result = Explorer(config, ways_out=not config.weakened).run()
    broken = result.invariant[0] if result.invariant else ""
    seconds = time.process_time() - start
    return Report(config, result.states, result.transitions, result.depth, seconds, broken, tuple(story(result)))


def explored(configs: Sequence[Config], processes: int) -> Iterator[Report]:
    """The reports, in the order of `configs`, as they come."""
    with ProcessPoolExecutor(min(processes, len(configs))) as pool:
        yield from pool.map(explore, configs)


def lines(report: Report) -> list[str]:
    """What is printed of one exploration: its figures, and the story of what broke."""
    numbers = f"{report.states:10,} states {report.transitions:11,} transitions  depth {report.depth:3} {report.seconds:8.1f} s"
    return [f"{report.config.name:34} {numbers}  {_verdict(report)}", *report.story]


def _verdict(report: Report) -> str:
    if not report.config.weakened:
        return f"BROKEN {report.broken}" if report.broken else "clean"
    if not report.is_good:
        return f"falls for another reason: {report.broken}" if report.broken else "SURVIVED"
    other = BY_NAME[report.config.weakened].elsewhere
    return f"falls: {report.broken} after {report.depth} steps" + (f" (elsewhere {other})" if other else "")


def summary(reports: Sequence[Report], seconds: float) -> str:
    """The last line."""
    sound = [report for report in reports if not report.config.weakened]
    weak = [report for report in reports if report.config.weakened]
    parts = []
    if sound:
        states, moves = sum(item.states for item in sound), sum(item.transitions for item in sound)
        bad = [item.config.name for item in sound if not item.is_good]
        parts.append(f"{len(sound)} configurations, {states:,} states, {moves:,} transitions, {len(bad)} broken")
    if weak:
        parts.append(f"{sum(item.is_good for item in weak)} of {len(weak)} weakened designs fall")
    good = all(report.is_good for report in reports)
    return f"model: {'OK' if good else 'FAILED'}: {'; '.join(parts)}; {seconds:.0f} s"
