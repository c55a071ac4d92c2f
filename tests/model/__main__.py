"""`python -m tests.model [--full] [--config NAME] [--weakened NAME | --all-weakened]`: explore, print, end with one line.

The exit code is 1 when an invariant is broken, or when a weakened design survives.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from tests.model import campaign, configuration
from tests.model.state import Config
from tests.model.weakened import BY_NAME, DESIGNS


def main(words: Sequence[str]) -> int:
    """The exit code; a line for each configuration and one at the end go to stdout."""
    options = _options(words)
    start = time.monotonic()
    reports = []
    for report in campaign.explored(_chosen(options), options.processes):
        reports.append(report)
        print("\n".join(campaign.lines(report)), flush=True)
    print(campaign.summary(reports, time.monotonic() - start))
    return 0 if all(report.is_good for report in reports) else 1


def _options(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.model", description=__doc__)
    parser.add_argument("--full", action="store_true", help="the large configurations as well (some minutes)")
    parser.add_argument("--config", action="append", metavar="NAME", help="only this configuration")
    parser.add_argument(
        "--weakened", action="append", metavar="NAME", help="only this weakened design", choices=BY_NAME
    )
    parser.add_argument("--all-weakened", action="store_true", help="only the weakened designs")
    parser.add_argument("--processes", type=int, default=2)
    return parser.parse_args(words)


def _chosen(options: argparse.Namespace) -> list[Config]:
    if options.weakened or options.all_weakened:
        return [item.config for item in DESIGNS if options.all_weakened or item.name in options.weakened]
    known = {config.name: config for config in (*configuration.SMALL, *configuration.LARGE)}
    if options.config:
        missing = [name for name in options.config if name not in known]
        if missing:
            raise SystemExit(f"no configuration {missing[0]!r}: {', '.join(known)}")
        return [known[name] for name in options.config]
    large = configuration.LARGE if options.full else ()
    return [*large, *configuration.SMALL, *(item.config for item in DESIGNS)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
