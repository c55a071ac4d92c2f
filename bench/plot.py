"""The plots: how the samples of each row are spread, and what the soaks saw of memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import soak
from bench.figure import Result
from bench.store import BOTH

UNITS = {
    "stop": "ms to the word",
    "commit": "ms to the commit",
    "quiet": "s from the last answer to QUIET CONFIRMED",
    "lateness": "ms after the due moment",
    "burst": "posts a second",
    "daemon": "s to ready",
    "calendar": "s for a sync",
    "triage": "s for a command",
    "records": "s for a million records",
}
LOGARITHMIC = ("commit", "lateness")


def draw(folder: Path, results: Sequence[Result]) -> dict[str, str]:
    """The file name of each row's plot, written to `folder`."""
    drawn = {}
    for row in dict.fromkeys(item.row for item in results):
        series = {
            name: samples for item in results if item.row == row for name, samples in item.series.items() if samples
        }
        if row == "daemon" and any(soak.samples_file(database).exists() for database in BOTH):
            _soaks(folder / "daemon.svg")
        elif series:
            _spread(folder / f"{row}.svg", series, UNITS[row], logarithmic=row in LOGARITHMIC)
        else:
            continue
        drawn[row] = f"{row}.svg"
    return drawn


def _figure() -> tuple[Any, Any]:
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams |= {"svg.hashsalt": "standfast", "svg.fonttype": "none", "font.size": 9}
    from matplotlib import pyplot

    return pyplot.subplots(figsize=(7.5, 3.2), layout="constrained")


def _spread(file: Path, series: dict[str, list[float]], unit: str, *, logarithmic: bool) -> None:
    """Every sample a dot, one line per series, with its median as a stroke."""
    figure, axes = _figure()
    names = list(reversed(series))
    for line, name in enumerate(names):
        samples = sorted(series[name])
        axes.plot(samples, [line] * len(samples), "o", markersize=3, alpha=0.35, markeredgewidth=0)
        axes.plot([samples[len(samples) // 2]] * 2, [line - 0.3, line + 0.3], "k-", linewidth=1.5)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel(unit)
    if logarithmic:
        axes.set_xscale("log")
    else:
        axes.set_xlim(left=0)
    _save(figure, file)


def _soaks(file: Path) -> None:
    figure, axes = _figure()
    for database in BOTH:
        samples = soak.read(soak.samples_file(database))
        if samples:
            axes.plot([row[0] / 60 for row in samples], [row[1] for row in samples], label=database)
    axes.set_xlabel("minutes with a million queued posts, one sent every three seconds")
    axes.set_ylabel("resident MB")
    axes.set_ylim(bottom=0)
    axes.legend()
    _save(figure, file)


def _save(figure: Any, file: Path) -> None:
    from matplotlib import pyplot

    figure.savefig(file, metadata={"Date": None})
    pyplot.close(figure)
