"""The stops made by the page: each runs in a thread of its own to its end, whatever becomes of the phone that asked for it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Thread

import structlog

from config import clock, essentials
from governance.authority import Refusal
from scheduler.emergency_stop import Answer, EmergencyStop, Request
from scheduler.killswitch import REAL, Recorded, Scope, SwitchError
from scheduler.receipt import Receipt
from scheduler.switch import one_line

logger = structlog.get_logger()
KEPT_S = 3600.0
"""How long a receipt can be looked at after its stop has ended."""
SAME_TAP_S = 10.0
"""How long after the end of a stop the same form asked for again is the same stop."""
MOST_KEPT = 256
MOST_WORDS = 100

AfterStop = Callable[[Receipt], None]
"""What is done once the receipt is there."""


@dataclass
class Stop:
    """One run: what is known of it so far. Written by its own thread, each field once; read by the server."""

    id: str
    scope: Scope
    began: float
    words: list[str] = field(default_factory=list)
    """What the stop told while it ran, in its own words."""
    answer: Answer | None = None
    refusal: Refusal | None = None
    """Why nothing was suspended: who asked may not."""
    mistake: str = ""
    """Why nothing was suspended: what was asked for is not there."""
    fault: str = ""
    """What went wrong in a way that nobody foresaw: whether it is suspended is not known."""
    ended: float | None = None
    """Boot time (s) at which everything that belongs to it was done."""
    committed: float | None = None
    """Boot time (s) at which it was seen to be committed."""
    answered: float | None = None
    """Boot time (s) at which the answer was there."""
    first: Future[None] = field(default_factory=Future)
    """Done as soon as there is anything to tell."""
    own: EmergencyStop | None = None

    @property
    def recorded(self) -> Recorded | None:
        """The suspension, as soon as it is committed."""
        return None if self.own is None else self.own.recorded

    @property
    def last_news(self) -> float:
        """Boot time (s) of the last thing it did: what was seen of the store before that is old."""
        return self.ended or self.answered or self.committed or self.began

    @property
    def came_to_nothing(self) -> bool:
        """True when it ended without suspending anything, or without anybody knowing."""
        if self.answer is not None:
            return not self.answer.recorded  # whatever went wrong afterwards
        return bool(self.refusal or self.mistake or self.fault)

    def tell(self, line: str) -> None:
        """A line of the stop's; it is there before the first word is waited for."""
        if self.recorded is not None and self.committed is None:
            self.committed = clock.boot_s()
        if len(self.words) < MOST_WORDS:
            self.words.append(line)
        self.has_news()

    def has_news(self) -> None:
        """Wake who waits for the first word."""
        if not self.first.done():
            self.first.set_result(None)


class Stops:
    """The stops of this process, by their unguessable id and by the form that asked. Used from the server's loop alone."""

    def __init__(self, load: Callable[[], essentials.Loaded], after: AfterStop) -> None:
        self.load, self.after = load, after
        self._by_id: dict[str, Stop] = {}
        self._by_form: dict[tuple[str, str, str], Stop] = {}

    def of_form(self, key: tuple[str, str, str]) -> Stop | None:
        """The stop that the same form, with the same credential and scope, has just begun: a finger that came down twice.

        One that ended long ago may have been resumed, and one that came to nothing stops nobody: then a new one begins.
        """
        found = self._by_form.get(key)
        if found is None or found.came_to_nothing:
            return None
        return found if found.ended is None or clock.boot_s() - found.ended < SAME_TAP_S else None

    def of_id(self, name: str) -> Stop | None:
        """The stop whose receipt has this id, while it is kept."""
        self._forget()
        return self._by_id.get(name)

    def start(self, key: tuple[str, str, str], request: Request) -> Stop:
        """Begin the stop; it goes on by itself. Raises RuntimeError when this host has no thread left."""
        self._forget()
        made = Stop(secrets.token_urlsafe(24), request.scope, clock.boot_s())
        Thread(target=self._run, args=(made, request), name="stop", daemon=True).start()
        self._by_id[made.id] = self._by_form[key] = made
        return made

    def untold(self) -> list[Stop]:
        """The stops of which nobody knows yet whether they are recorded."""
        return [item for item in self._by_id.values() if not item.first.done()]

    def _forget(self) -> None:
        now = clock.boot_s()
        old = [name for name, item in self._by_id.items() if item.ended is not None and now - item.ended > KEPT_S]
        done = [name for name, item in self._by_id.items() if item.ended is not None]
        for name in {*old, *done[: max(0, len(self._by_id) - MOST_KEPT)]}:
            del self._by_id[name]
        self._by_form = {key: item for key, item in self._by_form.items() if item.id in self._by_id}

    def _run(self, stop: Stop, request: Request) -> None:
        try:
            self._stop(stop, request)
            stop.has_news()
            self._after(stop, request)
        except BaseException as error:
            stop.fault = f"{type(error).__name__}: {one_line(error)}"
            logger.error("a stop by the page failed", action="stop_page", error=stop.fault)
        finally:
            stop.ended = clock.boot_s()
            stop.has_news()

    def _stop(self, stop: Stop, request: Request) -> None:
        loaded = self.load()
        stop.own = EmergencyStop(essentials.load(loaded=loaded), loaded.environ, stop.tell)
        try:
            stop.answer = stop.own.run(request)
            stop.answered = clock.boot_s()
        except Refusal as refusal:
            stop.refusal = refusal.with_traceback(None)  # it is kept as long as the receipt
        except SwitchError as error:
            stop.mistake = str(error)

    def _after(self, stop: Stop, request: Request) -> None:
        receipt = None if stop.answer is None else stop.answer.receipt
        if receipt is not None and request.kind in REAL:
            self.after(receipt)
