"""One whole run whose operations fail one after another: what is prepared, run, and must hold at once and afterwards."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import ClassVar

from sqlalchemy import update
from sqlmodel import col

from config import clock
from scheduler import stop_cell
from store.engine import open_engine, writing
from store.tables import Attempt, Post
from tests.faults.fault import Tally
from tests.faults.judge import Judge, told
from tests.faults.rig import Hooks, Killed, Press, Rig
from tests.support.live_city import X, until


class Scenario:
    """A run on a city that other runs have used before and will use after it."""

    name: ClassVar[str]
    least: ClassVar[int] = 5
    """Operations that the run has at least, on either database."""
    commits: ClassVar[int] = 1
    """How many of them are a COMMIT, at least."""

    def __init__(self, rig: Rig, judge: Judge) -> None:
        self.rig, self.judge = rig, judge
        self.clean = True
        """False once an operation of this run failed."""
        self._presses: list[Press] = []

    def prepare(self) -> None:
        """Put what the run needs in place; nothing fails."""

    def go(self) -> None:
        """The run itself; here operations fail."""

    def at_once(self, tally: Tally) -> None:
        """What must hold as soon as the run has ended, whatever failed."""

    def afterwards(self) -> None:
        """The fault is gone: everything goes on by itself, and ends as if nothing had failed."""

    def end(self) -> None:
        """Give back what was opened."""
        for press in self._presses:
            press.close()
            if press.engine is not self.rig.engine:
                press.engine.dispose()

    # --- what several need -------------------------------------------------------------------------------------------

    def press(self, hooks: Hooks | None = None) -> Press:
        """A worker whose store fails when it should, closed at the end."""
        engine = open_engine(self.rig.essential.database_url, busy_timeout_s=0.5, pool_size=4)
        return self._kept(Press(self.rig, engine, hooks))

    def _kept(self, press: Press) -> Press:
        self._presses.append(press)
        return press

    def queue(self, what: str, in_s: float = 0.0, channel: str = X) -> tuple[int, str]:
        """(id, text) of a new post."""
        text = self.rig.text(f"{self.name}: {what}")
        return self.rig.live.queue(channel, text, in_s, lateness_us=3600 * clock.SECOND), text

    def state(self, post: int) -> str:
        """The post's state."""
        return self.rig.live.post(post).state

    def unknown(self, what: str, *, arrived: bool) -> tuple[int, str]:
        """(id, text) of a post whose call lost its answer."""
        post, text = self.queue(what)
        self.rig.live.sandbox.fault("reset_after" if arrived else "reset_before", text=text)
        self.rig.steady.dispatch()
        assert self.state(post) == "unknown"
        assert self.judge.times(text) == int(arrived)
        return post, text

    def killed(self, what: str, hooks: Hooks) -> tuple[int, str]:
        """(id, text) of a post whose worker died where `hooks` say."""
        post, text = self.queue(what)
        press = self._kept(Press(self.rig, self.rig.engine, hooks, self.rig.dead_worker()))
        with suppress(Killed):
            press.publisher.publish_post(post)
        assert self.state(post) == "publishing"
        return post, text

    def turns_until(self, press: Press, condition: Callable[[], bool], what: str) -> None:
        """Let the daemon's duties take turns until `condition` holds."""

        def turn() -> bool:
            press.duties()
            return condition()

        until(turn, what, 60)

    def suspend(self, *scope: str) -> int:
        """The number of a suspension that stands."""
        told(self.rig.run("crisis", "--reason", "storm", "--no-wait", *scope, who="dora"), 0, 10)
        return self.judge.active()[-1]

    def resume(self) -> None:
        """Lift whatever is suspended, as a person does."""
        for number in self.judge.active():
            offer = self.rig.run("resume", "--reason", "clear", "--suspension", str(number), "--json", who="omar")
            told(offer, 0)
            code = offer.json()["code"]
            told(self.rig.run("resume", "--reason", "clear", "--confirm", code, who="omar"), 0)
        assert self.judge.active() == []
        assert stop_cell.read(self.rig.essential.cell_file).stops == ()

    def put_away(self, *posts: int) -> None:
        """Nobody asks about these posts any more."""
        with writing(self.rig.engine) as session:
            session.execute(
                update(Attempt)
                .where(col(Attempt.post_id).in_(posts), col(Attempt.state) == "unknown")
                .values(state="closed_by_person")
            )
            session.execute(update(Post).where(col(Post.id).in_(posts)).values(state="cancelled"))

    def silent(self, post: int, text: str) -> None:
        """The post does not go out by itself although its time has come."""
        for _ in range(2):
            self.rig.steady.duties()
        assert self.judge.times(text) == 0, f"{text!r} went out"
        assert self.state(post) in ("scheduled", "held")

    def held_after_resume(self, post: int, text: str) -> None:
        """KS-11: resumed, the post waits for a person; released (once per loop: it takes a second), it goes out once."""
        self.resume()
        assert self.state(post) == "held"
        self.silent(post, text)
        told(self.rig.run("post", "release" if self.clean else "cancel", str(post), who="omar"), 0)
        if self.clean:
            self.goes_out(post, text)

    def goes_out(self, post: int, text: str) -> None:
        """The post is published within seconds, once."""
        self.turns_until(self.rig.steady, lambda: self.state(post) == "published", f"post {post} is published")
        assert self.judge.times(text) == 1
