"""Employment, training, designations and the spokesperson register: who may post is more than who holds a role."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session

from config import clock
from governance import access, days, designations, people, rules, spokespersons, training
from governance.access import Refused
from governance.authority import Identity
from governance.people import PeopleError
from store.engine import reading, writing
from store.tables import ChannelGroup
from tests.governance.helpers import Town

ZONE = "America/Chicago"
COURSE = "social-media"


@pytest.fixture(autouse=True)
def _no_rules() -> Iterator[None]:
    yield
    rules.use(rules.Rules())


def do(town: Town, act: Callable[..., Any], *arguments: Any, by: Identity | None = None) -> Any:
    """What `act` gave, in a transaction that logs refusals."""
    with access.acting(town.engine) as session:
        return act(session, by or town.ana, *arguments)


def day(offset: int) -> str:
    """The day so many days from today, in the city."""
    return (days.current(ZONE) + timedelta(days=offset)).isoformat()


def may(town: Town, person: str, channel: str = "parks", permission: str = "queue") -> bool:
    """Whether they may now."""
    with reading(town.engine) as session:
        return access.may(session, person, permission, channel)


def faulty(town: Town, act: Callable[..., Any], *arguments: Any, by: Identity | None = None) -> str:
    """The one line of an act that changes nothing."""
    before = town.log()
    with pytest.raises((PeopleError, days.DayFault)) as caught:
        do(town, act, *arguments, by=by)
    assert town.log() == before
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


@pytest.mark.parametrize("permission", ["queue", "release", "emergency"])
def test_only_employees_may_post_whatever_role_they_hold(town: Town, permission: str) -> None:
    """GV-4: a contractor with every role may queue, release and send nothing, and the refusal is logged."""
    who = town.signed_in("cole", "steward")
    assert may(town, "cole", permission=permission)
    do(town, people.employ, "cole", "contractor", None)
    assert not may(town, "cole", permission=permission)
    with pytest.raises(Refused, match=r"cole is here as contractor, and only employees may post; ana.*people employ"):
        access.require(town.engine, who, permission, "parks", "post.add", "a post")
    assert [entry.actor for entry in town.refusals()] == ["cole"]
    for other in ("suspend", "people", "channels", "records"):
        assert may(town, "cole", permission=other)
    do(town, people.employ, "cole", "employee", "Parks")
    assert may(town, "cole", permission=permission)


def test_an_employment_that_is_not_known_is_refused(town: Town) -> None:
    assert "did you mean 'employee'" in faulty(town, people.add_person, "bo", "Bo", "emploee")
    town.add("bo")
    assert "employment 'boss'" in faulty(town, people.employ, "bo", "boss", None)


def test_where_the_city_asks_for_training_it_must_be_current(town: Town) -> None:
    """GV-4: none, revoked, over and another course do not count; the last valid day does."""
    town.add("bo", "administrator", "parks")
    assert may(town, "bo")
    rules.use(rules.Rules(training=COURSE))
    assert not may(town, "bo")
    do(town, training.record, "bo", "first-aid", day(-3), None, ZONE)
    do(town, training.record, "bo", COURSE, day(-30), day(-1), ZONE)
    assert not may(town, "bo")
    made = do(town, training.record, "bo", COURSE, day(-30), day(0), ZONE)
    number = int(made.id)
    assert may(town, "bo")
    do(town, training.revoke, number)
    assert not may(town, "bo")
    do(town, training.record, "bo", COURSE, day(0), None, ZONE)
    assert may(town, "bo")
    with reading(town.engine) as session:
        states = [(row["course"], row["state"]) for row in training.listing(session, "bo")]
    assert states == [("first-aid", "valid"), (COURSE, "over"), (COURSE, "revoked"), (COURSE, "valid")]


def test_an_emergency_message_waits_for_no_training(town: Town) -> None:
    """KS-14: the lane asks for the role and for employment."""
    town.add("eve", "emergency_publisher")
    rules.use(rules.Rules(training=COURSE))
    assert may(town, "eve", permission="emergency")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("ana", COURSE, day(-1), None), "ana cannot record a training of their own"),
        (("nobody", COURSE, day(-1), None), "there is no person 'nobody'"),
        (("bo", "No Course!", day(-1), None), "course 'No Course!' cannot be a name"),
        (("bo", COURSE, "yesterday", None), "the day of completion 'yesterday' is not a day"),
        (("bo", COURSE, day(2), None), "is still to come"),
        (("bo", COURSE, day(-1), "2026-13-01"), "the last valid day '2026-13-01' is not a day"),
        (("bo", COURSE, day(-1), day(-2)), "comes before the day of completion"),
    ],
)
def test_a_training_that_cannot_be_recorded_changes_nothing(town: Town, arguments: Any, expected: str) -> None:
    town.add("bo")
    assert expected in faulty(town, training.record, *arguments, ZONE)


def test_a_day_ends_at_midnight_in_the_city() -> None:
    assert clock.to_text(days.end_us(days.parse("2026-03-08", "d"), ZONE)) == "2026-03-09T05:00:00.000Z"
    assert days.end_us(None, ZONE) == days.end_us(days.parse("9999-12-31", "d"), ZONE)


def test_a_role_on_a_group_holds_on_its_channels_while_they_are_in_it(town: Town) -> None:
    """GV-4: a grant by group follows the group."""
    with writing(town.engine) as session:
        session.add(ChannelGroup(channel="parks", name="outdoors"))
    town.add("bo", "administrator", "group:outdoors")
    assert may(town, "bo", "parks")
    assert not may(town, "bo", "police")
    assert not may(town, "bo", "*")
    assert "there is no group 'outdors': did you mean 'outdoors'?" in faulty(
        town, people.grant, "bo", "operator", "group:outdors"
    )
    with writing(town.engine) as session:
        session.delete(session.get_one(ChannelGroup, ("parks", "outdoors")))
    assert not may(town, "bo", "parks")


def test_a_group_called_like_a_channel_gives_nothing_on_the_channel(town: Town) -> None:
    with writing(town.engine) as session:
        session.add(ChannelGroup(channel="parks", name="police"))
    town.add("bo", "administrator", "group:police")
    assert (may(town, "bo", "parks"), may(town, "bo", "police")) == (True, False)


@pytest.fixture
def office(town: Town) -> dict[str, Identity]:
    """`dan` directs Parks in writing, `cora` is Communications, `sam` of Parks wants to speak."""
    found = {"ana": town.ana}
    for person, role in (("dan", None), ("cora", "steward"), ("sam", None), ("dora", None)):
        found[person] = town.signed_in(person, role)
        do(town, people.employ, person, "employee", "Parks")
    do(town, designations.make, "dan", designations.DIRECTOR, "Parks", "HR file 12")
    do(town, designations.make, "dora", designations.DIRECTOR, "Library", "HR file 13")
    return found


def _state(town: Town) -> str:
    with reading(town.engine) as session:
        return str(spokespersons.listing(session)[-1]["state"])


@pytest.mark.parametrize("first", ["director", "communications"])
def test_a_spokesperson_is_active_with_both_signatures_only(town: Town, office: Any, first: str) -> None:
    """GV-7: in either order, and not before both."""
    number = do(town, spokespersons.ask, "sam", "the parks, on their own page", by=office["sam"])
    assert _state(town) == "waits for director and communications"
    signers = [("director", "dan"), ("communications", "cora")]
    for signature, person in signers if first == "director" else signers[::-1]:
        assert _state(town) != "active"
        done = do(town, spokespersons.sign, number, signature, by=office[person])
    assert done
    assert _state(town) == "active"


def test_nobody_signs_twice_for_themselves_or_without_the_right(town: Town, office: Any) -> None:
    """GV-7: two different persons, neither of them the spokesperson; a refusal is logged and changes nothing."""
    number = do(town, spokespersons.ask, "sam", "parks")
    do(town, designations.make, "cora", designations.DIRECTOR, "Parks", "HR file 14")
    do(town, designations.make, "sam", designations.DIRECTOR, "Parks", "HR file 15")
    do(town, people.grant, "sam", "steward")
    for signature in spokespersons.SIGNATURES:
        assert "sam cannot sign for themselves" in faulty(town, spokespersons.sign, number, signature, by=office["sam"])
    for person, signature in (("dora", "director"), ("ana", "director"), ("dan", "communications")):
        with pytest.raises(Refused, match=rf"{person} may not "):
            do(town, spokespersons.sign, number, signature, by=office[person])
        assert town.refusals()[-1].actor == person
    do(town, spokespersons.sign, number, "director", by=office["cora"])
    assert "cora has signed" in faulty(town, spokespersons.sign, number, "communications", by=office["cora"])
    assert "signed as director already" in faulty(town, spokespersons.sign, number, "director", by=office["dan"])
    assert _state(town) == "waits for communications"


def test_a_spokesperson_s_leave_ends_with_them(town: Town, office: Any) -> None:
    """GV-7, GV-8."""
    number = do(town, spokespersons.ask, "sam", "parks")
    do(town, spokespersons.sign, number, "director", by=office["dan"])
    do(town, spokespersons.sign, number, "communications", by=office["cora"])
    do(town, people.employ, "sam", "volunteer", None)
    assert _state(town).startswith("lapsed")
    do(town, people.employ, "sam", "employee", None)
    assert _state(town) == "active"
    assert do(town, spokespersons.end, number) == "sam"
    assert _state(town) == "ended"
    assert "no spokesperson 1 in the register" in faulty(town, spokespersons.end, number)


def test_only_an_employee_of_a_department_can_be_asked_for(town: Town, office: Any) -> None:
    town.add("vic")
    assert "vic is not an employee of a department" in faulty(town, spokespersons.ask, "vic", "parks")
    with pytest.raises(Refused):
        do(town, spokespersons.ask, "sam", "parks", by=office["dan"])


def test_a_designation_needs_its_paper_and_ends_once(town: Town) -> None:
    town.add("bo")
    assert "give --document" in faulty(town, designations.make, "bo", designations.DIRECTOR, "Parks", " ")
    assert "title 'A B'" in faulty(town, designations.make, "bo", "A B", "Parks", "x")
    number = do(town, designations.make, "bo", designations.DIRECTOR, "Parks", "x")
    assert do(town, designations.end, number) == "bo"
    assert "no designation 1 in force" in faulty(town, designations.end, number)
    with reading(town.engine) as session:
        assert [row["state"] for row in designations.listing(session)] == ["ended"]


ACTS: dict[str, Callable[[Session, Identity], object]] = {
    "employ": lambda s, a: people.employ(s, a, "bo", "volunteer", None),
    "train": lambda s, a: training.record(s, a, "bo", COURSE, day(-1), None, ZONE),
    "untrain": lambda s, a: training.revoke(s, a, 1),
    "designate": lambda s, a: designations.make(s, a, "bo", designations.DIRECTOR, "Parks", "x"),
    "end_designation": lambda s, a: designations.end(s, a, 1),
    "end_spokesperson": lambda s, a: spokespersons.end(s, a, 1),
}


@pytest.mark.parametrize("act", ACTS)
def test_what_changes_people_needs_people_and_a_refusal_is_logged(town: Town, act: str) -> None:
    """GV-4."""
    bo = town.signed_in("bo", "operator")
    before = len(town.log())
    with pytest.raises(Refused, match="bo does not hold 'people'"), access.acting(town.engine) as session:
        ACTS[act](session, bo)
    made = town.log()[before:]
    assert [(entry.action, entry.subject.split()[0]) for entry in made] == [("refused", f"people.{act}")]
