"""`standfast daemon`: the scheduler's daemon with the calendars' reload, ended by SIGTERM or Ctrl-C."""

from __future__ import annotations

import signal
from threading import Event
from typing import Any

import typer

from commands.context import Context, guarded, say

app = typer.Typer(rich_markup_mode=None)


@app.command()
def daemon() -> None:
    """Publish what is due, apply edited calendars, and take up what was left, until SIGTERM or Ctrl-C."""
    from commands import duties, stop_page
    from config import log_output
    from governance import tiers
    from scheduler.daemon import Daemon

    with guarded() as context:
        log_output.configure()
        if context.settings.approval == "required":  # a mistake in the file must show before anything is due
            tiers.of_settings(context.settings.root, context.settings.approvals)
        stop = Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        own = Daemon(context.settings, context.essential, lambda engine: duties.of_crisis(context, engine))
        with stop_page.beside_daemon():
            own.run(stop, lambda line: _ready(context, line))


def _ready(context: Context, line: str) -> Any:
    say(f"standfast: ready ({line}); store {context.essential.data_dir}")
