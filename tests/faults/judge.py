"""What must hold whatever failed: by the sandbox's arrival log for what went out, by the store for what is said of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

from sqlmodel import Session, col, func, select

from records import verify
from sandbox.arrivals import Arrival
from scheduler import resumption
from store.engine import cursor, dialect, reading
from store.tables import Attempt, Post
from tests.faults.rig import Ran, Rig

MAY_BE_OUT = ("sending", "unknown", "published", "closed_by_person")
UNDER_WAY = ("claimed", "sending")


class Judge:
    """Looks at what has happened since `begin`."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self._offset = 0
        self._first = 0
        self.taken: Counter[str] = Counter()
        """Text → how often a platform took it."""

    def begin(self) -> None:
        """Look only at posts made from now on."""
        with reading(self.rig.engine) as session:
            self._first = (session.exec(select(func.max(Post.id))).one() or 0) + 1

    def times(self, text: str) -> int:
        """How often a platform took `text`."""
        self._read()
        return self.taken[text]

    def _read(self) -> None:
        with self.rig.live.sandbox.log.open("rb") as log:
            log.seek(self._offset)
            for line in log:
                self._offset += len(line)
                arrival = Arrival(**json.loads(line))
                if arrival.kind == "publish" and arrival.accepted:
                    self.taken[arrival.text or ""] += 1

    def look(self) -> None:
        """Raise AssertionError when something went out twice, is called unsent though it went out, or is half done."""
        self._read()
        assert [text for text, count in self.taken.items() if count > 1] == [], "went out twice"
        with reading(self.rig.engine) as session:
            for post, states in self._posts(session):
                self._fits(post, states)

    def _posts(self, session: Session) -> Iterator[tuple[Post, list[str]]]:
        for post in session.exec(select(Post).where(col(Post.id) >= self._first)):
            query = select(Attempt.state).where(Attempt.post_id == post.id).order_by(col(Attempt.id))
            yield post, list(session.exec(query))

    def _fits(self, post: Post, attempts: list[str]) -> None:
        said = f"post {post.id} is {post.state}, its attempts are {attempts}"
        if self.taken[post.text]:
            assert set(attempts) & set(MAY_BE_OUT), f"I5: it went out, and {said}"
            assert post.state not in ("scheduled", "draft"), f"I3: it went out, and {said}"
        assert (post.state == "publishing") == bool(set(attempts) & set(UNDER_WAY)), f"half applied: {said}"
        assert (post.state == "published") == ("published" in attempts), f"half applied: {said}"

    def settled(self) -> None:
        """`look`, and no attempt is still under way: nothing is stuck (I4)."""
        self.look()
        with reading(self.rig.engine) as session:
            left = session.exec(select(Attempt.id, Attempt.state).where(col(Attempt.state).in_(UNDER_WAY))).all()
        assert left == [], f"I4: attempts are stuck: {left}"

    def chain(self) -> None:
        """The log of acts is whole."""
        verdict = verify.verify(self.rig.engine)
        assert verdict.ok, verdict.reason

    def active(self) -> list[int]:
        """The suspensions that are not lifted, as the ledger has them."""
        with reading(self.rig.engine) as session:
            return [item.id for item in resumption.active(cursor(session), dialect(session))]

    def open_attempts(self) -> list[int]:
        """The attempts that may still have an effect."""
        with reading(self.rig.engine) as session:
            return [
                number or 0
                for number in session.exec(select(Attempt.id).where(Attempt.state.in_(("sending", "unknown"))))
            ]  # type: ignore[attr-defined]  # a column


def told(ran: Ran, *codes: int) -> None:
    """Raise AssertionError unless the command ended with one of `codes`, without a traceback and, refused, in one line."""
    both = ran.out + ran.err
    assert ran.code in codes, f"exit code {ran.code}: {both}"
    assert "Traceback" not in both, both
    assert "this is a bug" not in both, both
    if ran.code == 1:
        assert len(ran.words) == 1, f"not one line: {ran.words}"
        assert ran.words[0].startswith("standfast: "), ran.words
