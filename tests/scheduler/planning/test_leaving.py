"""Somebody leaves: what they wrote waits for somebody who is here, whatever state it is in (GV-8)."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from governance import access, people, rules
from governance.access import Refused
from scheduler.planning import leaving, post_verbs
from tests.scheduler.desk import Desk, settle
from tests.scheduler.planning.test_post_review import act


@pytest.fixture(autouse=True)
def _no_rules() -> Iterator[None]:
    yield
    rules.use(rules.Rules())


@pytest.fixture
def desk(engine: Engine) -> Desk:
    return settle(engine)


def test_leaving_holds_what_is_scheduled_and_whoever_releases_it_answers_for_it(desk: Desk) -> None:
    """GV-8: sign-in ends, posts are held with the reason; others' posts, drafts and what is out stay."""
    rules.use(rules.Rules())
    kept = {state: desk.post(state=state, author="pat") for state in ("draft", "in_review", "published", "failed")}
    own, other = [desk.post(author="pat"), desk.post(author="pat", channel="police")], desk.post(author="otis")
    with pytest.raises(Refused), access.acting(desk.engine) as session:
        leaving.leave(session, desk.people["otis"], "pat")
    with access.acting(desk.engine) as session:
        assert leaving.leave(session, desk.ana, "pat") == (1, 2)
    assert [desk.found(post).hold_reason for post in own] == ["pat, whose post it is, has left"] * 2
    assert {state: desk.found(post).state for state, post in kept.items()} == {state: state for state in kept}
    assert desk.found(other).state == "scheduled"
    with pytest.raises(access.Refusal, match="has left"):
        access.sign_in(desk.engine, desk.tokens["pat"])
    act(desk, post_verbs.release, desk.people["otis"], own, 0)
    assert [(desk.found(post).state, desk.found(post).author) for post in own] == [("scheduled", "otis")] * 2
    assert json.loads(desk.log("post.hold")[-1].detail)["author"] == "pat"


def test_a_leaving_that_is_refused_holds_nothing(desk: Desk) -> None:
    """GV-8: the last who could look after people does not leave."""
    post = desk.post(author="ana")

    def leave(session: Session) -> None:
        leaving.leave(session, desk.ana, "ana")

    with pytest.raises(people.PeopleError), access.acting(desk.engine) as opened:
        leave(opened)
    assert desk.found(post).state == "scheduled"
