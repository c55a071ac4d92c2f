"""Telling people right after a stop: beside whatever else its command does, never before the receipt."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from commands.context import Context, UserError, say
from config import essentials, small_file

if TYPE_CHECKING:
    from crisis.notices.notifier import Notifier
    from crisis.notices.overview import Sent

MOST_BYTES = 2**20
TAKE_S, SEND_S = 5.0, 5.0
"""How long deliveries are begun, and how long one may take. What remains is the daemon's."""


class Telling:
    """The people of a stop are being told, beside whatever else its command does. Nothing here raises or waits long."""

    def __init__(self, context: Context, suspension: int, tell: Callable[[str], None] = say) -> None:
        self.context, self.suspension, self.tell = context, suspension, tell
        self._own: Notifier | None = None
        self._guarded(self._begin)

    def report(self) -> None:
        """A line for each person, a few seconds after `__init__` at the latest."""
        if self._own is not None:
            self._guarded(self._report)

    def _guarded(self, action: Callable[[], None]) -> None:
        try:
            action()
        except (Exception, KeyboardInterrupt) as error:
            self._own = None
            why = (str(error) or "interrupted").splitlines()[0]
            self.tell(f"  warning     people may not be told ({why}): call them; the daemon goes on telling")

    def _begin(self) -> None:
        from commands import duties

        if duties.tells_nobody() or not _names_people(self.context.loaded):
            return
        from crisis import plan
        from crisis.notices import address
        from crisis.notices.notifier import Notifier

        settings = self.context.settings
        found = plan.read(plan.file_of(settings.root, settings.plan))
        send = partial(address.send, limit_s=SEND_S)
        own = Notifier(
            self.context.engine,
            lambda: found,
            lambda: self.context.loaded.environ,
            settings.timezone,
            send,
            only=self.suspension,
            on_trouble=lambda *_: None,  # the report says it
        )
        own.take_no_more_after(TAKE_S)
        own.run()
        self._own = own

    def _report(self) -> None:
        from crisis.notices import overview
        from store.engine import reading

        assert self._own is not None
        with suppress(Exception):  # the rows say what it came to
            self._own.wait(TAKE_S + SEND_S)
        with reading(self.context.engine) as session:
            found = [item for item in overview.of(session, self.suspension) if item.notice == "suspended"]
        for line in _lines(found):
            self.tell(line)


def _names_people(loaded: essentials.Loaded) -> bool:
    """True when the notice list has somebody: seen without loading any of the crisis rooms. Raises Fault."""
    named = loaded.values.get("plan")
    if named is None:
        return False
    try:
        body = tomllib.loads(small_file.text(essentials.path_below(loaded.root, str(named)), MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        raise UserError("the notice list cannot be read: see `standfast doctor`") from None
    return bool(body.get("notice"))


def _lines(found: Sequence[Sent]) -> Iterator[str]:
    """One line for each person: told, still waiting, or not told, with what went wrong on the way."""
    for person in dict.fromkeys(item.person for item in found):
        mine = [item for item in found if item.person == person]
        states = {item.state for item in mine}
        word = "TOLD" if "delivered" in states else "NOT TOLD" if states == {"failed"} else "STILL WAITING"
        done = ", ".join(item.variable for item in mine if item.state == "delivered")
        troubles = "; ".join(
            f"{item.variable or 'no address'}: {_why(item)}" for item in mine if item.state != "delivered"
        )
        yield "  ".join(part for part in (word, person, done, troubles) if part)


def _why(item: Sent) -> str:
    if item.state == "failed":
        return item.detail
    return f"{item.detail or 'not tried yet'}; the daemon goes on with it"
