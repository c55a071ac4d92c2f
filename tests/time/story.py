"""A city whose wall time a test moves: commands in this process, a worker, and the sandbox as the judge of what went out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlmodel import col, select

from config import clock
from store.engine import reading, writing
from store.tables import Channel, Post
from tests.faults.judge import Judge, told
from tests.faults.rig import Rig
from tests.support.live_city import X

MINUTE_US = 60 * clock.SECOND


class StoryClock:
    """A clock that goes on by itself and leaps, boot time with it, as if the time had passed."""

    def __init__(self) -> None:
        self._system = clock.SystemClock()
        self._wall = self._system.wall_us() - self._system.boot_ns() // 1000
        self._passed = 0

    def wall_us(self) -> int:
        return self._wall + self.boot_ns() // 1000

    def boot_ns(self) -> int:
        return self._system.boot_ns() + self._passed

    def set_wall(self, us: int) -> None:
        """Begin another story, at wall time `us`."""
        self._wall = us - self.boot_ns() // 1000

    def pass_until(self, us: int) -> None:
        """Let time pass until wall time is `us`."""
        self._passed += max(0, us - self.wall_us()) * 1000


@dataclass
class Story:
    """Posts that are planned, and what has gone out of them."""

    rig: Rig
    clock: StoryClock
    judge: Judge
    number: int = 0
    planned: dict[str, int] = field(default_factory=dict)
    """Text → the instant (µs) at which it must go out, by the reference."""

    def begin(self, moment: datetime) -> None:
        """It is `moment` now, and no channel has anything to wait for."""
        self.clock.set_wall(int(moment.replace(tzinfo=UTC).timestamp()) * clock.SECOND)
        self.rig.steady.publisher.place.clock_guard.anchor()
        self.planned.clear()
        with writing(self.rig.engine) as session:
            for row in session.exec(select(Channel)):
                row.next_free_at = row.not_before_at = 0

    def text(self, what: str) -> str:
        """A text that no other post has."""
        self.number += 1
        return f"{what} ({self.number})"

    def command(self, *words: str) -> None:
        """A command that ann gives, and that is obeyed."""
        told(self.rig.run(*words, who="ann"), 0)

    def post(self, text: str) -> Post:
        """The one post with this text."""
        (found,) = self.posts(text)
        return found

    def posts(self, text: str) -> list[Post]:
        """The posts with this text that may go out, by their time."""
        with reading(self.rig.engine) as session:
            query = select(Post).where(Post.text == text, col(Post.state) != "cancelled").order_by(col(Post.due_at))
            found = list(session.exec(query))
            session.expunge_all()
            return found

    def calendar(self, name: str, zone: str, *rows: str) -> None:
        """A calendar file of these rows (id, at, repeat, text), applied."""
        path = self.rig.settings.calendars_dir / name
        lines = ["# owner: ann", f"# timezone: {zone}", f"# channels: {X}", "id,at,repeat,text", *rows]
        path.write_text("\n".join(lines) + "\n")
        self.command("calendar", "sync", str(path))

    def let_it_run(self, moments: dict[str, list[int]]) -> None:
        """Pass by every moment (text → µs): nothing a minute before, once at it, and nothing more for a day after the last."""
        counts = dict.fromkeys(moments, 0)
        assert self._out(moments) == counts, "nothing has gone out yet"
        for at in sorted({moment for of_one in moments.values() for moment in of_one}):
            self._at(at - MINUTE_US, moments, counts)
            self.rig.live.sandbox.reset()  # to the platform no day has passed, and the same words again would be a duplicate
            for text, of_one in moments.items():
                counts[text] += of_one.count(at)
            self._at(at, moments, counts)
        self._at(max(max(of_one) for of_one in moments.values()) + 1440 * MINUTE_US, moments, counts)

    def _at(self, us: int, moments: dict[str, list[int]], counts: dict[str, int]) -> None:
        if us > self.clock.wall_us():
            self.clock.pass_until(us)
        for _ in range(len(moments) + 1):
            self.rig.steady.dispatch()
        assert self._out(moments) == counts, f"at {clock.to_text(us)}"

    def _out(self, moments: dict[str, list[int]]) -> dict[str, int]:
        return {text: self.judge.times(text) for text in moments}


@contextmanager
def told_in(rig: Rig) -> Iterator[Story]:
    """A story in the city of `rig`."""
    own = StoryClock()
    with clock.use(own):
        yield Story(rig, own, Judge(rig))
