"""How the demo is shown: a live table on a terminal, plain lines everywhere else (a pipe, a build server)."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from calendars import zones
from commands.context import shown
from commands.demo_evidence import Sent, View

PLATFORMS = {"x": "X", "facebook": "Facebook", "outbox": "outbox"}
OUT, SHUT = "bold green", "bold red"


class Screen:
    """Lines for people, as they come; `show` is called again and again with how things stand."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.zone = "UTC"
        self.platforms: Mapping[str, str] = {}
        self.width = 160

    def act(self, title: str) -> None:
        """A new part of the story."""
        self.console.print()
        self._line(title, "bold cyan")

    def command(self, line: str, who: str = "") -> None:
        """A command that is run now, and by whom."""
        self._line(f"  $ {line}" + (f"        # {who}" if who else ""), "bold")

    def note(self, text: str, style: str = "") -> None:
        """A sentence for people."""
        self._line(f"  {text}", style)

    def answer(self, text: str, most: int | None = None) -> None:
        """What a command said: whole, or the first `most` lines of a list, cut to the screen."""
        lines = text.splitlines()
        if most is None:
            most = len(lines)
        else:
            lines = [_excerpt(line, self.width - 4, keep_blanks=True) for line in lines]
        for line in lines[:most]:
            self._line(f"    {line}", "dim")
        if len(lines) > most:
            self._line(f"    … and {len(lines) - most} more lines", "dim")

    def show(self, view: View, state: str, *, shut: bool = False) -> None:
        """How things stand; `shut` while publishing is suspended."""

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """A small table; numbers to the right."""
        table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
        for number, head in enumerate(heads):
            table.add_column(head, justify="left" if number == 0 else "right", style="" if number else "bold")
        for row in rows:
            table.add_row(*(Text(shown(cell)) for cell in row))
        self.console.print(table)

    def _line(self, text: str, style: str = "") -> None:
        self.console.print(Text(shown(text), style=style), soft_wrap=True)

    def when(self, at_us: int) -> str:
        """A moment of the city's time, short."""
        from datetime import datetime

        return f"{datetime.fromisoformat(zones.local_of(at_us, self.zone)):%a %b %d %H:%M}"


class PlainScreen(Screen):
    """One line per post that went out, and one whenever the words about the state change."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._told: set[tuple[str, str | None, int]] = set()
        self._state = ""

    def show(self, view: View, state: str, *, shut: bool = False) -> None:
        if shut and state != self._state:
            self._line(f"  {self.when(view.now_us)}  {state}")
        self._state = state
        for item in view.sent:
            key = (item.channel, item.remote_id, item.at_us)
            if key not in self._told:
                self._told.add(key)
                self._line(f"  {self.when(item.at_us)}  {item.channel:<17} {_verb(item)}  {_excerpt(item.text, 70)}")


class LiveScreen(Screen):
    """A table per channel that stays below the lines."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self.width = console.width
        self._live = Live(console=console, auto_refresh=False)
        self._on = False

    def show(self, view: View, state: str, *, shut: bool = False) -> None:
        if not self._on:
            self._live.start()
            self._on = True
        self._live.update(self._drawn(view, state, shut), refresh=True)

    def close(self) -> None:
        """Leave the table as it stands."""
        if self._on:
            self._live.stop()
            self._on = False

    def _drawn(self, view: View, state: str, shut: bool) -> Group:
        table = Table(expand=True, box=None, header_style="dim")
        for head in ("channel", "on"):
            table.add_column(head, no_wrap=True)
        for head in ("sent", "behind the gate" if shut else "scheduled", "held"):
            table.add_column(head, justify="right", no_wrap=True)
        table.add_column("last sent", ratio=1, no_wrap=True, overflow="ellipsis")
        for channel, platform in self.platforms.items():
            counts, out = view.counts(channel), view.out(channel)
            last = Text(f"{self.when(out[-1].at_us)}  {_excerpt(out[-1].text, 200)}" if out else "")
            cells = (str(len(out)), str(counts["scheduled"]), str(counts["held"]))
            table.add_row(Text(channel, style="bold"), PLATFORMS.get(platform, platform), *cells, last)
        title = Text.assemble((self.when(view.now_us), "bold"), "   ", (state, SHUT if shut else OUT))
        return Group(Rule(title, align="left", style=SHUT if shut else OUT), table)


def _verb(item: Sent) -> str:
    return "sent   " if item.accepted else "refused"


def _excerpt(text: str, most: int, *, keep_blanks: bool = False) -> str:
    line = text if keep_blanks else " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


@contextmanager
def screen() -> Iterator[Screen]:
    """The screen that fits standard output."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    console = Console(highlight=False, markup=False, emoji=False)
    if not sys.stdout.isatty() or console.is_dumb_terminal:
        yield PlainScreen(Console(highlight=False, markup=False, emoji=False, force_terminal=False, color_system=None))
        return
    live = LiveScreen(console)
    try:
        yield live
    finally:
        live.close()
