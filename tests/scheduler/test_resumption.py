"""KS-10: `resume` in two steps bound to the epoch, by people who may, each refusal in the log and without effect."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from config import clock, essentials
from config.fault import Fault
from governance.authority import Refusal
from governance.codes import ALPHABET
from scheduler import killswitch, stop_cell, switch
from scheduler.killswitch import Scope, SwitchError
from scheduler.resumption import CODE_LENGTH, Lifted, Offer, Resumption
from scheduler.switch import SwitchUnavailable
from store.tables import ResumeRequest, Suspension
from tests.scheduler.press import ManualClock, Press


def _run(press: Press, person: str, act: Callable[[Resumption], Any], **settings: str) -> Any:
    environ = {name: value for name, value in essentials.merged().environ.items() if name != "STANDFAST_TOKEN"}
    environ |= settings | ({"STANDFAST_TOKEN": press.tokens.get(person, person)} if person else {})
    own = Resumption(essentials.load(environ), environ)
    try:
        return act(own)
    finally:
        own.close()


def _ask(
    press: Press, person: str = "omar", scope: Scope | None = None, number: int | None = None, **more: Any
) -> Offer:
    found: Offer = _run(press, person, lambda own: own.ask("clear", scope=scope, suspension=number), **more)
    return found


def _confirm(press: Press, code: str, person: str = "omar", **more: str) -> Lifted:
    found: Lifted = _run(press, person, lambda own: own.confirm(code, "all clear"), **more)
    return found


def _is_lifted(press: Press, number: int) -> bool:
    return press.row(Suspension, number).lifted_epoch is not None


def test_who_names_another_suspension_than_the_codes_lifts_nothing(press: Press) -> None:
    """KS-10; the twin names the one that the code lifts."""
    number = press.suspend().suspension
    code = _ask(press).code
    with pytest.raises(SwitchError, match=f"the code lifts suspension {number}, not {number + 1}; NOT LIFTED"):
        _run(press, "omar", lambda own: own.confirm(code, "clear", suspension=number + 1))
    assert not _is_lifted(press, number)
    _run(press, "omar", lambda own: own.confirm(code, "clear", suspension=number))
    assert _is_lifted(press, number)


def test_step_one_shows_and_lifts_nothing_and_step_two_lifts(press: Press) -> None:
    """KS-10."""
    number = press.suspend().suspension
    missed, soon, later = press.queue(in_s=-5, text="missed"), press.queue(in_s=600), press.queue(in_s=7200)
    offer = _ask(press)
    assert not _is_lifted(press, number)
    assert press.post(missed).state == "scheduled"
    assert (offer.suspension, offer.scope, offer.will_be_held_count, offer.remaining) == (number, "all", 1, [])
    assert [(item["post"], item["text"]) for item in offer.will_be_held] == [(missed, "missed")]
    assert [item["post"] for item in offer.next_hour] == [soon]
    assert len(offer.code) == CODE_LENGTH
    assert set(offer.code) <= set(ALPHABET)
    lifted = _confirm(press, offer.code)
    assert (lifted.suspension, lifted.held, lifted.remaining, lifted.warning) == (number, 1, [], None)
    assert [press.post(post).state for post in (missed, soon, later)] == ["held", "scheduled", "scheduled"]
    assert stop_cell.read(press.essential.cell_file) == stop_cell.Cell(lifted.epoch)
    assert [entry.actor for entry in press.log("lift")] == ["omar"]


def test_what_another_stop_still_covers_is_not_said_to_go_out(press: Press) -> None:
    """KS-10, KS-7: who lifts one of several hears what really goes out; the twin is what only this one covered."""
    soon = {channel: press.queue(channel, in_s=60) for channel in ("parks", "police")}
    everything, parks = press.suspend().suspension, press.suspend("channel:parks").suspension
    offer = _ask(press, number=everything)
    assert ([item["post"] for item in offer.next_hour], offer.remaining) == ([soon["police"]], [parks])
    offer = _ask(press, number=parks)
    assert (offer.next_hour, offer.remaining) == ([], [everything])


def test_what_goes_out_before_a_planned_stop_begins_is_said(press: Press) -> None:
    """KS-10: the planned window covers only what is due from its start on."""
    before, within = press.queue(in_s=60), press.queue(in_s=180)
    now_active, planned = press.suspend().suspension, press.suspend("channel:parks").suspension
    press.change(Suspension, planned, kind="planned", starts_at=press.post(within).due_at, begun_at=None)
    offer = _ask(press, number=now_active)
    assert [item["post"] for item in offer.next_hour] == [before]


def test_a_code_is_read_as_people_say_it_and_is_not_kept(press: Press) -> None:
    press.suspend()
    code = _ask(press).code
    assert code not in str(press.row(ResumeRequest, 1))
    _confirm(press, f" {code[:4].lower()}-{code[4:]} ")


def test_what_is_still_unconfirmed_is_told(press: Press) -> None:
    press.attempt(press.queue(state="publishing"), "sending")
    press.suspend()
    assert _ask(press).unconfirmed == 1


def test_an_expired_code_lifts_nothing(hands: ManualClock, press: Press) -> None:
    number = press.suspend().suspension
    code = _ask(press).code
    hands.pass_s(press.essential.resume_code_life_s + 1)
    with pytest.raises(Fault, match=r"has expired.*NOT LIFTED"):
        _confirm(press, code)
    assert not _is_lifted(press, number)


def test_a_code_lives_until_its_moment_and_not_before_it_was_given(hands: ManualClock, press: Press) -> None:
    press.suspend()
    code = _ask(press).code
    hands.jump(-2)
    with pytest.raises(Fault, match="has expired"):
        _confirm(press, code)
    hands.jump(2 + press.essential.resume_code_life_s)
    _confirm(press, code)


def test_a_code_works_once(press: Press) -> None:
    press.suspend()
    code = _ask(press).code
    _confirm(press, code)
    second = press.suspend().suspension
    with pytest.raises(Fault, match="was used already"):
        _confirm(press, code)
    assert not _is_lifted(press, second)


@pytest.mark.parametrize("scope", ["all", "channel:police"])
def test_a_crisis_in_between_voids_the_request(press: Press, scope: str) -> None:
    """KS-10, I6: the person agreed to what was shown, not to what was declared since."""
    number = press.suspend("channel:parks").suspension
    code = _ask(press).code
    press.suspend(scope)
    with pytest.raises(SwitchError, match="the request is void"):
        _confirm(press, code)
    assert not _is_lifted(press, number)


def test_a_lift_in_between_voids_it_too(press: Press) -> None:
    one, two = press.suspend("channel:parks").suspension, press.suspend().suspension
    first, second = _ask(press, number=one).code, _ask(press, number=two).code
    _confirm(press, first)
    with pytest.raises(SwitchError, match="the request is void"):
        _confirm(press, second)


def test_several_active_ones_are_lifted_one_by_one(press: Press) -> None:
    one, two = press.suspend("channel:parks").suspension, press.suspend().suspension
    with pytest.raises(
        SwitchError, match=rf"several are active: {one} \(channel:parks, by dora\), {two} \(all, by dora\)"
    ):
        _ask(press)
    assert _ask(press, scope=Scope()).suspension == two
    offer = _ask(press, number=one)
    assert offer.remaining == [two]
    assert _confirm(press, offer.code).remaining == [two]
    with pytest.raises(SwitchError, match="nothing that fits is suspended"):
        _ask(press, number=one)


def test_nothing_suspended_is_said(press: Press) -> None:
    with pytest.raises(SwitchError, match="nothing that fits"):
        _ask(press)


TWO: dict[str, Any] = {"STANDFAST_RESUME_TWO_PERSONS": "yes"}


def test_where_the_city_asks_for_two_the_same_person_does_not_count_twice(press: Press) -> None:
    number = press.suspend().suspension
    code = _ask(press, **TWO).code
    with pytest.raises(Refusal, match="another person must confirm"):
        _confirm(press, code, **TWO)
    assert not _is_lifted(press, number)
    assert [entry.actor for entry in press.log("refused")] == ["omar"]
    _confirm(press, code, "olga", **TWO)
    assert _is_lifted(press, number)
    assert press.row(Suspension, number).lifted_by == "olga"


def test_where_the_city_asks_for_two_both_must_still_be_allowed_to(press: Press) -> None:
    number = press.suspend().suspension
    code = _ask(press, **TWO).code
    press.revoke("omar")
    with pytest.raises(Refusal, match="omar has left"):
        _confirm(press, code, "olga", **TWO)
    assert not _is_lifted(press, number)


def test_who_may_not_resume_can_neither_ask_nor_confirm(press: Press) -> None:
    """The refusal stays in the log although the act is undone."""
    number = press.suspend().suspension
    for act in (lambda: _ask(press, "ann"), lambda: _confirm(press, _ask(press).code, "ann")):
        with pytest.raises(Refusal, match=r"'resume'.*NOT LIFTED"):
            act()
    assert [(entry.actor, json.loads(entry.detail)["action"]) for entry in press.log("refused")] == [
        ("ann", "ask to resume"),
        ("ann", "resume"),
    ]
    assert not _is_lifted(press, number)


def test_a_code_that_nobody_gave_is_refused_and_logged(press: Press) -> None:
    press.suspend()
    for code in ("AAAA2222", "", "\ud800"):
        with pytest.raises(Refusal, match="is not known"):
            _confirm(press, code)
    assert len(press.log("refused")) == 3


def test_nobody_and_a_bad_token_are_refused(press: Press) -> None:
    number = press.suspend().suspension
    with pytest.raises(Refusal, match="signed-in person"):
        _ask(press, "")
    with pytest.raises(Refusal, match="token"):
        _ask(press, "sf_00000000_" + "a" * 30)
    assert not _is_lifted(press, number)


def test_a_refused_token_is_logged(press: Press) -> None:
    """Every refusal stands in the log, as it does for every other command."""
    press.suspend()
    press.revoke("olga")
    for act in (lambda: _ask(press, "olga"), lambda: _confirm(press, "AAAA2222", "olga")):
        with pytest.raises(Refusal, match="has left"):
            act()
    assert [entry.actor for entry in press.log("refused")] == ["unknown", "unknown"]


def test_a_stop_that_only_the_cell_has_is_recorded_before_it_is_offered(press: Press) -> None:
    """I6."""
    stop_cell.stop(press.essential.cell_file, "at-night")
    code = _ask(press).code
    assert press.ask(killswitch.find, "at-night") is not None
    assert stop_cell.refusal(press.essential.cell_file, 99) is not None
    assert _confirm(press, code).warning is None
    assert stop_cell.refusal(press.essential.cell_file, 99) is None


def test_a_store_that_goes_away_after_the_lift_is_a_warning(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lift is in the ledger: saying anything else of it would be untrue."""
    number = press.suspend().suspension
    code = _ask(press).code

    def gone(*_arguments: Any, **_named: Any) -> Any:
        raise SwitchUnavailable("the database is gone")

    monkeypatch.setattr(switch, "reading", gone)
    assert "the database is gone" in str(_confirm(press, code).warning)
    monkeypatch.undo()
    assert _is_lifted(press, number)


def test_the_offer_says_until_when(hands: ManualClock, press: Press) -> None:
    press.suspend()
    assert _ask(press).expires_at == clock.to_text(
        clock.wall_us() + int(press.essential.resume_code_life_s) * clock.SECOND
    )


def test_the_city_can_have_what_comes_soon_wait_for_a_person_too(press: Press) -> None:
    """KS-12: the setting; the twin is its default, in which what is to come goes out at its own time."""
    press.suspend()
    missed, soon, later = press.queue(in_s=-5), press.queue(in_s=600), press.queue(in_s=2400)
    offer = _ask(press, STANDFAST_RECONFIRM="20m")
    assert ([item["post"] for item in offer.will_be_held], offer.will_be_held_count) == ([missed, soon], 2)
    assert [item["post"] for item in offer.next_hour] == [later]
    lifted = _confirm(press, offer.code, STANDFAST_RECONFIRM="20m")
    assert lifted.held == 2
    assert [press.post(post).state for post in (missed, soon, later)] == ["held", "held", "scheduled"]
    assert "its time passed" in str(press.post(missed).hold_reason)
    assert "waits to be confirmed" in str(press.post(soon).hold_reason)
