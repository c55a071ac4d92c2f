"""The daemon's part: look into the folder, ask the feed, have the switch carry out what is to be held; each by itself.

The feed is asked in a thread of its own, which nobody waits for: a host that hangs keeps neither the folder, nor a hold, nor
the daemon's end waiting.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock, Thread

import structlog
from sqlalchemy import Engine

from config.essentials import Essentials
from config.settings import Settings
from crisis.alerts import setup, trouble
from crisis.alerts.feed_source import FeedSource
from crisis.alerts.folder import Folder
from crisis.alerts.hold import Holder
from crisis.alerts.intake import Intake, Taken
from crisis.alerts.rule_reader import RulesError
from crisis.alerts.trouble import Troubles

logger = structlog.get_logger()


class Watch:
    """Takes alerts in, as the settings have it; `after_hold` is told of each suspension that an alert has made."""

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        essential: Essentials,
        environ: Mapping[str, str],
        after_hold: Callable[[int], None] = lambda _: None,
    ) -> None:
        self.settings, self.after_hold = settings, after_hold
        self.intake = Intake(engine, lambda: setup.rules_of(settings))
        self.troubles = Troubles(engine)
        self.holder = Holder(engine, essential, environ, _say)
        path = setup.folder(settings)
        self.folder = None if path is None else Folder(path, self.intake)
        self.feed = self._feed() if settings.alerts_feed else None
        self._asking = Lock()
        self._begun = False

    def _feed(self) -> FeedSource:
        own = self.settings
        return FeedSource(own.alerts_feed, own.alert_hosts, own.alerts_interval, self.intake)

    # --- duties -------------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """See to the rules, judge what waited for them, and look into the folder."""
        self._begin()
        if not self._can_read():
            return
        _tell(self.intake.judge_waiting())
        if self.folder is not None:
            self._look_into(self.folder)

    def ask(self) -> None:
        """Have the feed asked, when that is due and nobody is at it; returns at once."""
        if self.feed is None or not self.feed.is_due or setup.missing() or not self._asking.acquire(blocking=False):
            return
        Thread(target=self._ask, args=(self.feed,), name="alert-feed", daemon=True).start()

    def hold(self) -> None:
        """Have the switch carry out what alerts are to hold; what follows a stop happens in a thread of its own."""
        for held in self.holder.run():
            for number in held.suspensions:
                Thread(target=self._after, args=(number,), name="alert-after", daemon=True).start()

    # --- how ----------------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        if not self._begun:
            names = {trouble.FOLDER: self.folder, trouble.FEED: self.feed}
            self.troubles.keep_only(
                {trouble.READER, trouble.RULES, *(name for name, source in names.items() if source is not None)}
            )
            self._begun = True

    def _can_read(self) -> bool:
        lacking = setup.missing()
        self.troubles.note(trouble.READER, lacking)
        try:
            setup.rules_of(self.settings)
            self.troubles.note(trouble.RULES, None)
        except RulesError as error:
            self.troubles.note(trouble.RULES, "; ".join(error.faults))
        return lacking is None

    def _look_into(self, folder: Folder) -> None:
        try:
            _tell(folder.turn())
            self.troubles.note(trouble.FOLDER, folder.closed)
        except OSError as error:
            self.troubles.note(trouble.FOLDER, f"{folder.path} cannot be read ({error.strerror}): mend alerts_folder")

    def _ask(self, feed: FeedSource) -> None:
        try:
            turn = feed.turn()
            _tell(turn.taken)
            self.troubles.note(trouble.FEED, turn.trouble)
        except Exception as error:  # the store's; said here, for nobody waits for this thread
            logger.error("duty failed", action="alert_feed", error=f"{type(error).__name__}: {error}")
        finally:
            self._asking.release()

    def _after(self, suspension: int) -> None:
        try:
            self.after_hold(suspension)
        except Exception as error:  # the stop stands, whatever comes after it
            logger.error("not done after the stop", action="alert", suspension=suspension, error=str(error))


def _say(line: str) -> None:
    logger.warning(line, action="alert")


def _tell(found: list[Taken]) -> None:
    for item in found:
        if not item.again and item.kind != "ignore":
            reasons = "; ".join((*item.reasons, *item.doubts))
            logger.warning("alert", action="alert", alert=item.number, kind=item.kind, mark=item.mark, reason=reasons)
