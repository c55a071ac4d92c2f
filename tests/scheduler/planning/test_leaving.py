"""Somebody leaves: what they wrote waits for somebody who is here, whatever state it is in (GV-8)."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session

from config import clock
from governance import access, people, rules
from governance.access import Refused
from governance.authority import Identity
from scheduler import post_queue
from scheduler.planning import leaving, post_verbs, post_views
from scheduler.planning.leaving import Left
from scheduler.planning.post_selection import PostError
from store.engine import open_engine, reading, writing
from tests.scheduler.desk import HOUR, Desk, settle
from tests.scheduler.planning.test_post_review import act, approve, joined, lacking, submit, written


@pytest.fixture(autouse=True)
def _no_rules() -> Iterator[None]:
    yield
    rules.use(rules.Rules())


@pytest.fixture
def desk(engine: Engine) -> Desk:
    return settle(engine)


def leave(desk: Desk, person: str = "pat", who: Identity | None = None) -> Left:
    with access.acting(desk.engine) as session:
        return leaving.leave(session, who or desk.ana, person)


def shown(desk: Desk, post: int) -> dict[str, Any]:
    with reading(desk.engine) as session:
        return post_views.shown(session, post)


def test_leaving_holds_what_is_scheduled_and_whoever_releases_it_answers_for_it(desk: Desk) -> None:
    """GV-8: sign-in ends, posts are held with the reason; others' posts, drafts and what is out stay."""
    kept = {state: desk.post(state=state, author="pat") for state in ("draft", "published", "failed", "publishing")}
    own, other = [desk.post(author="pat"), desk.post(author="pat", channel="police")], desk.post(author="otis")
    with pytest.raises(Refused):
        leave(desk, who=desk.people["otis"])
    assert leave(desk) == Left(tokens=1, held=2, sent_back=0, drafts=1)
    assert [desk.found(post).hold_reason for post in own] == ["pat, whose post it is, has left"] * 2
    assert {state: desk.found(post).state for state, post in kept.items()} == {state: state for state in kept}
    assert desk.found(other).state == "scheduled"
    with pytest.raises(access.Refusal, match="has left"):
        access.sign_in(desk.engine, desk.tokens["pat"])
    act(desk, post_verbs.release, desk.people["otis"], own, 0)
    assert [(desk.found(post).state, desk.found(post).author) for post in own] == [("scheduled", "otis")] * 2
    assert json.loads(desk.log("post.hold")[-1].detail)["author"] == "pat"


def test_what_is_in_review_is_sent_back_and_who_hands_it_in_answers_for_it(desk: Desk) -> None:
    """GV-8, CT-1: a first approval of two is void; nobody approves what nobody answers for; then it goes its way."""
    rules.use(rules.Rules(approval=True))
    post, drafted = written(desk, tags=["election"]), written(desk)
    pia = joined(desk, "pia", "operator")
    submit(desk, post)
    approve(desk, post)
    assert desk.found(post).state == "in_review"
    assert leave(desk) == Left(tokens=1, held=0, sent_back=1, drafts=1)
    (entry,) = desk.log("post.return")
    assert json.loads(entry.detail) == {"author": "pat", "reason": "pat has left", "numbers": [post]}
    told = shown(desk, post)
    assert (told["state"], told["author_left"]) == ("draft", True)
    assert told["submissions"][0]["outcome"] == told["approvals"][0]["void_reason"] == "its author has left"
    for number in (post, drafted):
        assert shown(desk, number)["shown"] == "draft: pat has left, and who hands it in answers for it"
    submit(desk, post, who="otis")
    assert (desk.found(post).author, shown(desk, post)["author_left"]) == ("otis", False)
    with pytest.raises(Refused, match="otis cannot approve a post of their own"):
        approve(desk, post)
    approve(desk, post, who=pia)
    assert [entry["void_reason"] for entry in shown(desk, post)["approvals"]] == ["its author has left", None]
    approve(desk, post, who=desk.ana)
    assert desk.found(post).state == "scheduled"


def test_what_a_leaver_had_handed_in_is_not_approved_behind_their_back(desk: Desk) -> None:
    """GV-8, CT-1: a post that was held stays so, and lacks somebody who answers for it; the approver would be its author."""
    rules.use(rules.Rules(approval=True))
    post = desk.post(author="pat")
    submit(desk, post)
    leave(desk)
    with pytest.raises(PostError, match=f"post {post} is by pat, who has left: somebody else hands it in first"):
        approve(desk, post)
    submit(desk, post, who="otis")
    pia = joined(desk, "pia", "operator")
    approve(desk, post, who=pia)
    act(desk, post_verbs.release, pia, [post], 0)
    assert (desk.found(post).state, desk.found(post).author, lacking(desk, post)) == ("scheduled", "otis", 0)


def test_what_a_sync_has_only_laid_down_is_nobody_s_draft(desk: Desk) -> None:
    """GV-8: a calendar that is being applied is not disturbed."""
    staged = desk.post(state="draft", author="pat", source_key=f"{post_queue.STAGED}x:parks.csv#a@b|parks")
    assert leave(desk) == Left(tokens=1, held=0, sent_back=0, drafts=0)
    assert desk.found(staged).state == "draft"


def test_many_posts_are_held_page_by_page(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """GV-8: nobody's connection is idle for long, and none is left out."""
    monkeypatch.setattr(post_queue, "MANY", 2)
    posts = [desk.post(author="pat") for _ in range(5)]
    assert leave(desk).held == 5
    assert {desk.found(post).state for post in posts} == {"held"}


def test_a_leaving_locks_posts_in_the_order_of_their_numbers(postgres_url: str) -> None:
    """GV-8: beside another who locks them so, neither waits for the other for ever, however the rows lie on the disk."""
    engine = open_engine(postgres_url)
    desk = settle(engine)
    posts = [desk.post(author="pat", due_in=(3 - number) * HOUR) for number in range(3)]
    with writing(engine) as session:  # by time they lie the other way round, and the table's first row is now its last
        session.execute(text(f"UPDATE post SET tries = 1 WHERE id = {posts[0]}"))
    found: list[Left] = []
    thread = threading.Thread(target=lambda: found.append(leave(desk)))
    with writing(engine) as session:
        session.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        session.execute(text(f"SELECT 1 FROM post WHERE id = {posts[0]} FOR UPDATE"))
        thread.start()
        await_row_lock(session)
        session.execute(text("SET LOCAL lock_timeout = '2s'"))
        for post in posts[1:]:
            session.execute(text(f"SELECT 1 FROM post WHERE id = {post} FOR UPDATE"))
    thread.join()
    assert found == [Left(tokens=1, held=3, sent_back=0, drafts=0)]
    engine.dispose()


def await_row_lock(session: Session, within_s: float = 10.0) -> None:
    """Return as soon as somebody waits for a row in this database. Raises TimeoutError."""
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype IN ('transactionid', 'tuple')"
    until = clock.boot_s() + within_s
    while not session.execute(text(waiting)).scalar_one():
        if clock.boot_s() > until:
            raise TimeoutError("nobody waits for a row")


def test_a_leaving_that_is_refused_holds_nothing(desk: Desk) -> None:
    """GV-8: the last who could look after people does not leave."""
    post = desk.post(author="ana")

    with pytest.raises(people.PeopleError):
        leave(desk, "ana")
    assert desk.found(post).state == "scheduled"
