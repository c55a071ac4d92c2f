from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from config import clock
from governance import access, authority, people
from governance.access import Refused
from governance.people import PeopleError
from store.engine import reading, writing
from store.tables import RoleGrant, Token
from tests.governance.helpers import DAY, Town, found, id_of

TABLES = ("person", "role_grant", "token", "log_entry")


def counts(engine: Engine) -> list[Any]:
    """Every row of every table that a change of people touches."""
    with reading(engine) as session:
        return [session.connection().exec_driver_sql(f"SELECT * FROM {name} ORDER BY 1").all() for name in TABLES]


def _faulty(town: Town, act: Callable[[Session], object]) -> str:
    before = counts(town.engine)
    with pytest.raises(PeopleError) as caught, access.acting(town.engine) as session:
        act(session)
    assert counts(town.engine) == before
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_bootstrap_makes_the_first_steward_once(engine: Engine) -> None:
    town = found(engine)
    with reading(engine) as session:
        (ana,) = people.listing(session)
    assert (ana["id"], ana["name"], ana["state"]) == ("ana", "Ana Ruiz", "active")
    assert ana["roles"] == [{"role": "steward", "channel": "*"}]
    assert "there are people already (ana" in _faulty(town, lambda s: people.bootstrap(s, "eve", "Eve"))
    assert [(entry.actor, entry.action) for entry in town.log()] == [("service account", "people.bootstrap")]


def test_each_change_is_one_entry_in_its_own_transaction(town: Town) -> None:
    before = len(town.log())
    token = town.add("bo", "operator")
    with writing(town.engine) as session:
        people.revoke_grant(session, town.ana, "bo", "operator")
        people.revoke_token(session, town.ana, token)
        people.mark_left(session, town.ana, "bo")
    made = town.log()[before:]
    assert [entry.action.removeprefix("people.") for entry in made] == [
        "add", "grant", "token", "revoke", "revoke_token", "leave",
    ]  # fmt: skip
    assert {entry.actor for entry in made} == {"ana"}
    assert json.loads(made[1].detail) == {"role": "operator", "channel": "*"}


def test_an_act_that_is_undone_leaves_no_entry(town: Town) -> None:
    before = counts(town.engine)

    def half(session: Session) -> None:
        people.add_person(session, town.ana, "bo", "Bo")
        raise KeyError

    with pytest.raises(KeyError), writing(town.engine) as opened:
        half(opened)
    assert counts(town.engine) == before


ACTS: list[Callable[[Session, Any], object]] = [
    lambda s, a: people.add_person(s, a, "eve", "Eve"),
    lambda s, a: people.grant(s, a, "bo", "steward"),
    lambda s, a: people.revoke_grant(s, a, "ana", "steward"),
    lambda s, a: people.create_token(s, a, "ana"),
    lambda s, a: people.revoke_token(s, a, "00000000"),
    lambda s, a: people.mark_left(s, a, "ana"),
]


@pytest.mark.parametrize("number", range(len(ACTS)))
def test_every_change_needs_people_and_its_refusal_is_logged(town: Town, number: int) -> None:
    """GV-4: refusals are logged."""
    bo = town.signed_in("bo", "operator")
    before, refusals = counts(town.engine), len(town.refusals())
    for actor in (bo, authority.SERVICE):
        with pytest.raises(Refused), access.acting(town.engine) as session:
            ACTS[number](session, actor)
    assert counts(town.engine)[:3] == before[:3]
    assert [entry.actor for entry in town.refusals()[refusals:]] == ["bo", "service account"]


def test_people_on_one_channel_is_not_people(town: Town) -> None:
    bo = town.signed_in("bo", "steward", "parks")
    with pytest.raises(Refused), access.acting(town.engine) as session:
        people.add_person(session, bo, "eve", "Eve")


def test_the_last_steward_stays(town: Town) -> None:
    own = id_of(town.token)
    assert "nobody with a valid token" in _faulty(town, lambda s: people.revoke_grant(s, town.ana, "ana", "steward"))
    assert "nobody with a valid token" in _faulty(town, lambda s: people.mark_left(s, town.ana, "ana"))
    assert "nobody with a valid token" in _faulty(town, lambda s: people.revoke_token(s, town.ana, own))


def test_a_steward_without_a_token_is_no_successor(town: Town) -> None:
    bo = town.add("bo", "steward")
    with writing(town.engine) as session:
        people.revoke_token(session, town.ana, bo)
    assert "nobody with a valid token" in _faulty(town, lambda s: people.mark_left(s, town.ana, "ana"))
    with writing(town.engine) as session:
        people.create_token(session, town.ana, "bo")
        assert people.mark_left(session, town.ana, "ana") == 1


def test_a_steward_of_one_channel_is_no_successor(town: Town) -> None:
    town.add("bo", "steward", "parks")
    assert "nobody with a valid token" in _faulty(town, lambda s: people.revoke_grant(s, town.ana, "ana", "steward"))


def test_two_stewards_who_remove_each_other_at_once_do_not_both_go(town: Town) -> None:
    bo = town.signed_in("bo", "steward")
    meet = threading.Barrier(2)
    outcomes: list[str] = []

    def remove(actor: Any, other: str) -> None:
        try:
            meet.wait(10)
            with access.acting(town.engine) as session:
                people.mark_left(session, actor, other)
            outcomes.append("done")
        except (Refused, PeopleError) as error:
            outcomes.append(type(error).__name__)

    threads = [threading.Thread(target=remove, args=pair) for pair in ((town.ana, "bo"), (bo, "ana"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["Refused", "done"]
    with reading(town.engine) as session:
        assert len(access.holders(session, "people")) == 1


def test_leaving_ends_tokens_and_roles_and_the_id(town: Town) -> None:
    """GV-8: leaving revokes tokens and disables sign-in."""
    town.add("bo", "operator")
    with writing(town.engine) as session:
        people.grant(session, town.ana, "bo", "administrator", "parks")
        people.create_token(session, town.ana, "bo")
        assert people.mark_left(session, town.ana, "bo") == 2
    with reading(town.engine) as session:
        assert all(t.revoked_at for t in session.exec(select(Token).where(Token.person == "bo")).all())
        grants = session.exec(select(RoleGrant).where(RoleGrant.person == "bo")).all()
        assert [grant.revoked_by for grant in grants] == ["ana", "ana"]
    assert "has left" in _faulty(town, lambda s: people.grant(s, town.ana, "bo", "operator"))
    assert "has left" in _faulty(town, lambda s: people.create_token(s, town.ana, "bo"))
    assert "has left" in _faulty(town, lambda s: people.mark_left(s, town.ana, "bo"))
    assert "choose another id" in _faulty(town, lambda s: people.add_person(s, town.ana, "bo", "Bo II"))


def test_every_mistake_names_value_and_remedy(town: Town) -> None:
    town.add("bo", "operator")
    ana = town.ana
    wrong: list[tuple[Callable[[Session], object], str]] = [
        (lambda s: people.add_person(s, ana, "Bo Li", "Bo"), "'Bo Li' cannot be an id"),
        (lambda s: people.add_person(s, ana, "", "Bo"), "cannot be an id"),
        (lambda s: people.add_person(s, ana, "cy", "  "), "needs a name"),
        (lambda s: people.grant(s, ana, "boo", "operator"), "no person 'boo': did you mean 'bo'?"),
        (lambda s: people.grant(s, ana, "bo", "operater"), "no role 'operater': did you mean 'operator'?"),
        (lambda s: people.grant(s, ana, "bo", "operator", "park"), "no channel 'park': did you mean 'parks'?"),
        (lambda s: people.grant(s, ana, "bo", "operator"), "holds 'operator' on * already"),
        (lambda s: people.revoke_grant(s, ana, "bo", "steward"), "they hold operator on *"),
        (lambda s: people.revoke_grant(s, ana, "bo", "operator", "parks"), "does not hold 'operator' on parks"),
        (lambda s: people.create_token(s, ana, "bo", "", 0), "cannot live 0 days"),
        (lambda s: people.create_token(s, ana, "bo", "", 10**30), "choose 1 to 3650"),
        (lambda s: people.revoke_token(s, ana, "abcdef"), "no token 'abcdef'"),
    ]
    for act, part in wrong:
        assert part in _faulty(town, act)


def test_a_token_is_revoked_once_by_id_or_whole(town: Town) -> None:
    token = town.add("bo")
    with writing(town.engine) as session:
        people.revoke_token(session, town.ana, f"sf_{id_of(token)}")
    assert "revoked already" in _faulty(town, lambda s: people.revoke_token(s, town.ana, token))


def test_listing_shows_no_secret(town: Town) -> None:
    with writing(town.engine) as session:
        made = people.create_token(session, town.ana, "ana", "laptop", DAY)
    with reading(town.engine) as session:
        shown = people.listing(session)
    token = next(row for row in shown[0]["tokens"] if row["id"] == made.id)
    assert made.expires_at is not None
    assert (token["label"], token["expires_at"]) == ("laptop", clock.to_text(made.expires_at))
    assert made.token.split("_", 2)[2] not in json.dumps(shown)
    assert "hash" not in json.dumps(shown)


def test_the_authority_file_names_who_may_suspend_everything(town: Town, tmp_path: Path) -> None:
    file = tmp_path / "data" / "authority.json"
    director, one_channel, queues = (
        town.add("di", "director"),
        town.add("bo", "operator", "parks"),
        town.add("cy", "administrator"),
    )
    assert people.refresh_authority(town.engine, file) == 2
    assert authority.from_file(file, director) == authority.Identity("di", "Di", "authority file")
    assert authority.from_file(file, town.token) is not None
    assert authority.from_file(file, one_channel) is None
    assert authority.from_file(file, queues) is None
    with writing(town.engine) as session:
        people.mark_left(session, town.ana, "di")
    assert people.refresh_authority(town.engine, file) == 1
    assert authority.from_file(file, director) is None
