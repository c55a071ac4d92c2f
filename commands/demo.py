"""`standfast demo`: a city's weeks in under a minute, with a crisis in the middle, judged by what really went out."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from commands.context import UserError, clean_text, fail, guarded

app = typer.Typer(rich_markup_mode=None)
MOST_FAULTS = 12
KEPT = "kept in {root}: arrivals.jsonl (what reached the platforms), outbox, data, daemon.log, summary.json"
NOT_KEPT = "(`standfast demo --keep DIR` keeps the store, the logs and the outbox, to look into)"
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@app.command()
def demo(
    keep: Annotated[
        str | None, typer.Option("--keep", metavar="DIR", help="Keep all files in DIR (new or empty), to look into.")
    ] = None,
) -> None:
    """See it work: an example city publishes, stops and goes on, a day in each second. Reaches nothing but this machine.

    Exit code 0 when every figure of the summary was found right in the platforms' own log, else 1 with the reasons.
    """
    with guarded():
        from commands import demo_story
        from commands.demo_screen import screen

        folder = None if keep is None else _kept(clean_text(keep, "--keep", most=1000))
        with _ended_by_signals(), _place(folder) as root, screen() as own:
            faults = demo_story.Story(root, own).run()
            own.note(KEPT.format(root=root) if folder else NOT_KEPT)
        if faults:
            more = [f"… and {len(faults) - MOST_FAULTS} more"] if len(faults) > MOST_FAULTS else []
            fail("\n".join(f"demo: {fault}" for fault in [*faults[:MOST_FAULTS], *more]))


def _kept(name: str) -> Path:
    """The folder `name`, made when it is not there. Raises UserError when it holds anything."""
    folder = Path(name).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise UserError(f"--keep {name[:200]!a} is not empty: name a new folder")
    return folder


@contextmanager
def _place(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="standfast-demo-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the demo as Ctrl-C does, so that its processes end with it; a second one changes nothing."""

    def interrupt(*_: Any) -> None:
        for number in ENDINGS:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in ENDINGS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
