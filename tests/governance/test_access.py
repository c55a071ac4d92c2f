from __future__ import annotations

import json
from typing import Any

import pytest
from sqlmodel import Session

from governance import access, authority, people
from governance.access import Refused
from governance.authority import Refusal
from store import chain
from store.engine import cursor, dialect, reading, writing
from tests.governance.helpers import Town, id_of


def test_a_refusal_says_who_what_where_and_who_can_help(town: Town) -> None:
    """GV-4: refusals are logged, with the person, the act and the channel."""
    bo = town.signed_in("bo", "administrator", "parks")
    access.require(town.engine, bo, "queue", "parks", "post.add", "7")
    with pytest.raises(Refused) as caught:
        access.require(town.engine, bo, "queue", "police", "post.add", "7")
    line = str(caught.value)
    assert line == (
        "bo may not queue 7: bo does not hold 'queue' on channel police; "
        "ask ana for a role that holds it (administrator, operator, steward)"
    )
    (entry,) = town.refusals()
    assert (entry.actor, entry.subject) == ("bo", "post.add 7")
    assert json.loads(entry.detail) == {"permission": "queue", "channel": "police", "why": line}


def test_where_either_of_two_would_do_both_are_named(town: Town) -> None:
    """GV-4: nobody is sent to ask for the larger right alone; whoever holds one of them may (the twin)."""
    bo = town.signed_in("bo", "administrator", "parks")
    either = ("records", "queue")
    access.require_any(town.engine, bo, either, "parks", "moderation.add", "parks")
    with pytest.raises(Refused) as caught:
        access.require_any(town.engine, bo, either, "police", "moderation.add", "police")
    line = str(caught.value)
    assert "does not hold 'records' on channel police; bo does not hold 'queue' on channel police; ask ana" in line
    assert line.endswith("(administrator, operator, records_officer, steward)")
    assert len(town.refusals()) == 1


def test_what_is_allowed_is_not_logged_as_refused(town: Town) -> None:
    access.require(town.engine, town.ana, "resume", "*", "resume", "3")
    assert town.refusals() == []


def test_the_service_account_may_suspend_and_only_that(town: Town) -> None:
    access.require(town.engine, authority.SERVICE, "suspend", "*", "crisis", "all")
    for permission in ("resume", "queue", "release", "people", "channels", "records"):
        with pytest.raises(Refused, match="may suspend, and only that"):
            access.require(town.engine, authority.SERVICE, permission, "*", "act", "")
    assert len(town.refusals()) == 6


def test_acting_undoes_the_act_and_keeps_the_refusal(town: Town) -> None:
    bo = town.signed_in("bo", "operator")
    before = len(town.log())

    def half(session: Session) -> None:
        people.add_person(session, town.ana, "eve", "Eve")
        access.check(session, bo, "people", "*", action="people.add", subject="eve")

    with pytest.raises(Refused), access.acting(town.engine) as opened:
        half(opened)
    assert [entry.action for entry in town.log()[before:]] == ["refused"]
    with reading(town.engine) as session:
        assert [person["id"] for person in people.listing(session)] == ["ana", "bo"]


def test_signing_in_without_or_with_a_bad_token_is_refused_and_logged(town: Town) -> None:
    token = town.add("bo")
    with writing(town.engine) as session:
        people.revoke_token(session, town.ana, token)
    for empty in (None, ""):
        with pytest.raises(Refusal, match="standfast login"):
            access.sign_in(town.engine, empty)
    assert town.refusals() == []
    with pytest.raises(Refusal, match="was revoked on"):
        access.sign_in(town.engine, token)
    (entry,) = town.refusals()
    assert (entry.actor, entry.subject) == ("unknown", "sign_in")
    assert id_of(token) in entry.detail
    assert token.split("_", 2)[2] not in entry.detail


def test_an_author_is_eligible_while_active_and_granted(town: Town) -> None:
    """GV-5: the author is asked for again at the moment of publishing."""
    town.add("bo", "administrator", "parks")
    with writing(town.engine) as session:
        assert access.eligible(session, "bo", "parks") is None
        assert access.eligible(session, "ana", "police") is None
        assert access.eligible(session, "bo", "police") == "bo does not hold 'queue' on channel police"
        assert access.eligible(session, "nobody", "parks") == "there is no person 'nobody'"
        people.revoke_grant(session, town.ana, "bo", "administrator", "parks")
        assert access.eligible(session, "bo", "parks") == "bo does not hold 'queue' on channel parks"
        people.grant(session, town.ana, "bo", "operator")
        assert access.eligible(session, "bo", "parks") is None
        people.mark_left(session, town.ana, "bo")
        assert access.eligible(session, "bo", "parks") == "bo has left"


class Counting:
    """A cursor that keeps what it was asked."""

    def __init__(self, inner: chain.Cursor) -> None:
        self.inner, self.asked = inner, list[str]()

    def execute(self, sql: str, parameters: Any = (), /) -> Any:
        self.asked.append(sql)
        return self.inner.execute(sql, parameters)

    def fetchone(self) -> Any:
        return self.inner.fetchone()

    def fetchall(self) -> Any:
        return self.inner.fetchall()


def test_eligibility_costs_one_query(town: Town) -> None:
    with reading(town.engine) as session:
        counting = Counting(cursor(session))
        assert authority.ineligible(counting, dialect(session), "ana", "queue", "parks") is None
        assert len(counting.asked) == 1


def test_holders_are_active_and_hold_it_everywhere(town: Town) -> None:
    town.add("bo", "steward", "parks")
    town.add("cy", "director")
    with reading(town.engine) as session:
        assert access.holders(session, "people") == ["ana"]
        assert access.holders(session, "suspend") == ["ana", "cy"]
