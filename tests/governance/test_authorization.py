"""A channel is authorized when nothing is missing, in the right order, by the right people; and only as long as that holds."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from governance import catalog, channels, days, people, training
from governance.access import Refused
from governance.authority import Identity
from governance.channel_fault import ChannelFault
from store.engine import reading
from tests.governance import authorized
from tests.governance.authorized import CONDITIONS, COURSE, WORDS, ZONE, day, do
from tests.governance.helpers import Town


@pytest.fixture
def who(town: Town) -> dict[str, Identity]:
    """`pat` of Parks asks and administers, `cora` of Communications approves."""
    return {
        "ana": town.ana,
        "pat": authorized.person(town.engine, town.ana, "pat", "administrator", "parks"),
        "cora": authorized.person(town.engine, town.ana, "cora", "steward"),
        "otis": authorized.person(town.engine, town.ana, "otis", "operator"),
    }


def _steps(town: Town, who: dict[str, Identity], **on: int) -> dict[str, Callable[[], Any]]:
    return authorized.steps(town.engine, who["pat"], who["cora"], "parks", "pat", on)


def _state(town: Town, channel: str = "parks") -> str:
    with reading(town.engine) as session:
        return channels.state(session, channel)


def _faults(town: Town, act: Callable[..., Any], *arguments: Any) -> list[str]:
    """The lines of an act that changes nothing, each without the channel's name."""
    before = town.log()
    with pytest.raises(ChannelFault) as caught:
        do(town.engine, act, *arguments)
    assert town.log() == before
    lines = str(caught.value).splitlines()
    assert all(line.startswith("channel parks: ") for line in lines)
    return [line.removeprefix("channel parks: ") for line in lines]


def test_with_every_condition_it_is_authorized(town: Town, who: dict[str, Identity]) -> None:
    """GV-1: the twin of the omissions below."""
    authorized.go(_steps(town, who))
    assert _state(town) == "requested"
    do(town.engine, channels.authorize, who["cora"], "parks")
    assert _state(town) == "authorized"


@pytest.mark.parametrize("omitted", CONDITIONS)
def test_any_one_condition_that_is_missing_is_named_alone(town: Town, who: dict[str, Identity], omitted: str) -> None:
    """GV-1: every single omission."""
    if omitted == "platform":
        do(town.engine, catalog.decide, who["cora"], "platform", "outbox", "prohibited", "not safe", "memo 3")
    authorized.go(_steps(town, who), without=[omitted])
    found = _faults(town, channels.authorize, who["cora"], "parks")
    expected = ["administrator", "training"] if omitted == "administrator" else [omitted]
    assert [next(name for name in CONDITIONS if line.startswith(f"{WORDS[name]}:")) for line in found] == expected
    assert _state(town) == "requested"


def test_all_of_them_at_once_are_one_error(town: Town, who: dict[str, Identity]) -> None:
    """GV-1: one list of everything; also where nobody has asked for the channel at all."""
    do(town.engine, catalog.decide, who["cora"], "platform", "outbox", "retired", "gone", "memo 4")
    for _ in range(2):
        found = _faults(town, channels.authorize, who["cora"], "parks")
        assert sorted(line.partition(":")[0] for line in found) == sorted(WORDS.values())
        do(town.engine, channels.request, who["pat"], "parks", channels.Asked())


DATES = [
    (strategy, calendar, trained, approval)
    for strategy, calendar, trained, approval in product((-30, -10, -5), (-30, -10, -5), (-30, -10, -5), (-10,))
]


@pytest.mark.parametrize(("strategy", "calendar", "trained", "approval"), DATES)
def test_an_approval_dated_before_what_it_rests_on_is_refused(
    town: Town, who: dict[str, Identity], strategy: int, calendar: int, trained: int, approval: int
) -> None:
    """GV-2: every order of dates, at the approval and, where the papers come in later, at the authorization."""
    dated = {"written strategy": strategy, "content calendar": calendar, "training": trained}
    late = [name for name, offset in dated.items() if offset > approval]
    steps = _steps(town, who, strategy=strategy, calendar=calendar, training=trained, approval=approval)
    authorized.go(steps, without=["approval"])
    if late:
        found = _faults(town, channels.approve, who["cora"], "parks", day(approval), ZONE)
        assert [line.partition(" is dated before the ")[2].rpartition(" of ")[0] for line in found] == late
    else:
        steps["approval"]()
        do(town.engine, channels.authorize, who["cora"], "parks")
    assert (_state(town) == "authorized") is not bool(late)


@pytest.mark.parametrize("paper", ["strategy", "calendar", "training"])
def test_a_paper_that_comes_in_after_the_approval_is_compared_at_the_authorization(
    town: Town, who: dict[str, Identity], paper: str
) -> None:
    """GV-2: to approve first and date the paper later does not help."""
    steps = _steps(town, who, **{paper: -5})
    authorized.go(steps, without=[paper])
    steps[paper]()
    (found,) = _faults(town, channels.authorize, who["cora"], "parks")
    assert found.startswith(f"the approval of {day(-10)} is dated before the ")


def test_days_to_come_and_words_that_are_no_days_are_refused(town: Town, who: dict[str, Identity]) -> None:
    """GV-2: nobody dates an approval ahead."""
    authorized.go(_steps(town, who), without=["approval"])
    for on in (day(1), "soon", "2026-02-30", "1899-12-31"):
        with pytest.raises(Exception, match="the day of the approval"):
            do(town.engine, channels.approve, who["cora"], "parks", on, ZONE)
        with pytest.raises(Exception, match="the day of the written strategy"):
            do(town.engine, channels.document, who["pat"], "parks", "strategy", "x", on, ZONE)


@pytest.mark.parametrize("paper", ["strategy", "calendar"])
def test_a_day_in_another_form_is_refused(town: Town, who: dict[str, Identity], paper: str) -> None:
    """GV-2: days are compared as written, and 2020-W01-1, a Monday of 2019, would stand behind every day of 2020."""
    authorized.go(_steps(town, who), without=["approval", paper])
    with pytest.raises(days.DayFault, match="write it as 2026-12-01"):
        do(town.engine, channels.approve, who["cora"], "parks", "2020-W01-1", ZONE)
    with pytest.raises(days.DayFault, match="write it as 2026-12-01"):
        do(town.engine, channels.document, who["pat"], "parks", paper, "x", "2020-W01-1", ZONE)


def test_who_asked_cannot_approve(town: Town, who: dict[str, Identity]) -> None:
    """GV-2: whoever asked last; another person can."""
    steps = authorized.steps(town.engine, who["cora"], who["ana"], "parks", "pat")
    authorized.go(steps, without=["approval"])
    (found,) = _faults(town, channels.approve, who["cora"], "parks", day(0), ZONE)
    assert found == "cora asked for it and cannot approve it: another person does"
    steps["approval"]()
    do(town.engine, channels.authorize, who["cora"], "parks")


def test_what_is_asked_anew_must_be_approved_anew(town: Town, who: dict[str, Identity]) -> None:
    """GV-2, GV-3."""
    authorized.authorize(town.engine, who["pat"], who["cora"], "parks", "pat")
    do(town.engine, channels.request, who["pat"], "parks", channels.Asked(contact="other@example.org"))
    (found,) = _faults(town, channels.authorize, who["cora"], "parks")
    assert found.startswith("no department approval")
    assert _state(town) == "requested"


def _decided(kind: str, name: str, status: str) -> Callable[[Any, Identity], object]:
    return lambda s, a: catalog.decide(s, a, kind, name, status, "law", "memo")


LAPSES: dict[str, tuple[Callable[[Any, Identity], object], str]] = {
    "administrator leaves": (lambda s, a: people.mark_left(s, a, "pat"), "pat has left"),
    "administrator loses the role": (
        lambda s, a: people.revoke_grant(s, a, "pat", "administrator", "parks"),
        "pat does not hold 'queue'",
    ),
    "administrator is no employee": (lambda s, a: people.employ(s, a, "pat", "contractor", None), "only employees"),
    "training is revoked": (lambda s, a: training.revoke(s, a, 1), "pat has no training 'social-media'"),
    "platform is prohibited": (_decided("platform", "outbox", "prohibited"), "its platform outbox is prohibited"),
    "platform is retired": (_decided("platform", "outbox", "retired"), "its platform outbox is retired"),
    "tool is prohibited": (_decided("tool", "standfast", "prohibited"), "its tool standfast is prohibited"),
}


@pytest.mark.parametrize("lapse", LAPSES)
def test_an_authorization_lapses_by_itself_when_a_condition_ends(
    town: Town, who: dict[str, Identity], lapse: str
) -> None:
    """GV-3, GV-6: nobody has to take it away, and the list says why."""
    authorized.authorize(town.engine, who["pat"], who["cora"], "parks", "pat")
    act, expected = LAPSES[lapse]
    do(town.engine, act, town.ana)
    assert _state(town).startswith("lapsed: ")
    assert expected in _state(town)


def test_it_stands_again_when_the_condition_does(town: Town, who: dict[str, Identity]) -> None:
    """GV-3: training renewed, platform approved again."""
    authorized.authorize(town.engine, who["pat"], who["cora"], "parks", "pat")
    do(town.engine, training.revoke, town.ana, 1)
    assert _state(town).startswith("lapsed")
    do(town.engine, training.record, town.ana, "pat", COURSE, day(-1), None, ZONE)
    assert _state(town) == "authorized"


def test_a_channel_is_suspended_reinstated_and_retired_with_its_records(town: Town, who: dict[str, Identity]) -> None:
    authorized.authorize(town.engine, who["pat"], who["cora"], "parks", "pat")
    do(town.engine, channels.suspend, who["cora"], "parks", "account under review")
    assert _state(town) == "suspended: account under review"
    assert do(town.engine, channels.reinstate, who["cora"], "parks") == "authorized"
    do(town.engine, channels.retire, who["cora"], "parks", "merged with police")
    assert _state(town) == "retired: merged with police"
    for act in (channels.reinstate, channels.authorize):
        with pytest.raises(ChannelFault, match="parks is retired"):
            do(town.engine, act, who["cora"], "parks")
    with reading(town.engine) as session:
        shown = channels.shown(session, "parks")
    assert (shown["department"], shown["strategy"], shown["approved_by"]) == ("Parks", "file 1", "cora")
    actions = [entry.action for entry in town.log() if entry.action.startswith("channel.")]
    assert actions[-4:] == ["channel.authorize", "channel.suspend", "channel.reinstate", "channel.retire"]


def test_a_channel_that_is_suspended_stays_so_when_it_is_asked_for_anew(town: Town, who: dict[str, Identity]) -> None:
    """GV-3: its department cannot take the suspension off the list, and it is called authorized only when posts go out."""
    do(town.engine, channels.suspend, town.ana, "parks", "account under review")
    steps = _steps(town, who)
    steps["department"]()
    assert _state(town) == "suspended: account under review"
    authorized.go(steps)
    with pytest.raises(
        ChannelFault, match="suspended \\(account under review\\): `standfast channel reinstate parks` first"
    ):
        do(town.engine, channels.authorize, who["cora"], "parks")
    assert do(town.engine, channels.reinstate, who["cora"], "parks") == "requested"
    do(town.engine, channels.authorize, who["cora"], "parks")
    assert _state(town) == "authorized"


def test_a_channel_that_was_never_asked_for_can_be_suspended_and_reinstated(town: Town) -> None:
    do(town.engine, channels.suspend, town.ana, "police", "a drill of ours")
    assert do(town.engine, channels.reinstate, town.ana, "police") == "requested"
    with pytest.raises(ChannelFault, match="is not suspended"):
        do(town.engine, channels.reinstate, town.ana, "police")
    with pytest.raises(ChannelFault, match="give --reason"):
        do(town.engine, channels.suspend, town.ana, "police", " ")


ACTS: dict[str, Callable[[Any, Identity], object]] = {
    "approve": lambda s, a: channels.approve(s, a, "parks", day(0), ZONE),
    "authorize": lambda s, a: channels.authorize(s, a, "parks"),
    "suspend": lambda s, a: channels.suspend(s, a, "parks", "x"),
    "reinstate": lambda s, a: channels.reinstate(s, a, "parks"),
    "retire": lambda s, a: channels.retire(s, a, "parks", "x"),
    "platform": lambda s, a: catalog.decide(s, a, "platform", "outbox", "retired", "x", "y"),
    "tool": lambda s, a: catalog.decide(s, a, "tool", "standfast", "retired", "x", "y"),
}


@pytest.mark.parametrize("act", ACTS)
def test_only_communications_decides_about_channels(town: Town, who: dict[str, Identity], act: str) -> None:
    """GV-4: who may queue on the channel, or everywhere, is refused, and the refusal is logged."""
    for name in ("pat", "otis"):
        before = len(town.log())
        with pytest.raises(Refused, match="'channels'"):
            do(town.engine, ACTS[act], who[name])
        assert [(entry.action, entry.actor) for entry in town.log()[before:]] == [("refused", name)]


def test_a_department_asks_for_its_own_channel_only(town: Town, who: dict[str, Identity]) -> None:
    """GV-4."""
    do(town.engine, channels.request, who["pat"], "parks", channels.Asked(department="Parks"))
    with pytest.raises(Refused):
        do(town.engine, channels.request, who["pat"], "police", channels.Asked(department="Parks"))
    with pytest.raises(ChannelFault, match="no channel 'parcs': did you mean 'parks'"):
        do(town.engine, channels.suspend, town.ana, "parcs", "x")
    with pytest.raises(ChannelFault, match="no person 'patt': did you mean 'pat'"):
        do(town.engine, channels.request, who["pat"], "parks", channels.Asked(administrator="patt"))


def test_platforms_are_data_with_status_reason_and_source(town: Town) -> None:
    """GV-6: shipped, and decided by the city, whose word comes first; what nobody has listed is not approved."""

    def listed(name: str) -> dict[str, Any]:
        with reading(town.engine) as session:
            return next(row for row in catalog.listing(session) if row["name"] == name)

    assert all(row["reason"] and row["source"] for row in catalog.shipped().values())
    assert {row["status"] for row in catalog.shipped().values()} == {"approved", "prohibited", "retired"}
    assert (listed("tiktok")["status"], listed("tiktok")["decided_by"]) == ("prohibited", None)
    do(town.engine, catalog.decide, town.ana, "platform", "mastodon", "approved", "open", "memo 9")
    do(town.engine, catalog.decide, town.ana, "platform", "x", "prohibited", "law", "memo 10")
    assert (listed("x")["status"], listed("x")["decided_by"]) == ("prohibited", "ana")
    with reading(town.engine) as session:
        assert catalog.status(session, "platform", "mastodon") == "approved"
        assert catalog.status(session, "platform", "nowhere") == "not listed"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("platform", "X!", "approved", "r", "s"), "cannot be a name"),
        (("platform", "x", "aproved", "r", "s"), "did you mean 'approved'"),
        (("platform", "x", "approved", " ", "s"), "give --reason"),
        (("tool", "x", "approved", "r", ""), "give --source"),
    ],
)
def test_a_status_without_reason_and_source_is_refused(town: Town, arguments: Any, expected: str) -> None:
    """GV-6."""
    with pytest.raises(ChannelFault, match=expected):
        do(town.engine, catalog.decide, town.ana, *arguments)
