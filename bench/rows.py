"""The rows of the table of promises, by name, in its order."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bench.bench import Bench
from bench.figure import Result
from bench.row import burst, calendar, commit, daemon, lateness, quiet, stop, triage, verify

ROWS: Mapping[str, Callable[[Bench, str], Result]] = {
    "stop": stop.measure,
    "commit": commit.measure,
    "quiet": quiet.measure,
    "lateness": lateness.measure,
    "burst": burst.measure,
    "daemon": daemon.measure,
    "calendar": calendar.measure,
    "triage": triage.measure,
    "records": verify.measure,
}
