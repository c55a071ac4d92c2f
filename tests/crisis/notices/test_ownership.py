"""Two processes that look at the same time: each address hears of each thing once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from threading import Barrier, Event, Lock, Thread

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from crisis import plan as plans
from crisis.notices import ledger
from crisis.notices.ledger import Occasion
from crisis.notices.notifier import Notifier, Send
from crisis.notices.words import Words
from crisis.plan import Notice as Listed
from store.crisis_tables import Delivery, Notice
from store.engine import open_engine, reading, writing
from tests.scheduler.press import ManualClock, Press
from tests.support.live_city import until

PEOPLE = tuple(Listed(f"p{n}", (f"P{n}_PHONE", f"P{n}_MAIL"), "en", 0.0, "") for n in range(12))
ADDRESSES = {name: name for person in PEOPLE for name in person.targets}


class Counting:
    """What was sent to each address, whoever sent it."""

    def __init__(self) -> None:
        self.lock, self.sent = Lock(), Counter[str]()

    def __call__(self, url: str, said: Words) -> None:
        with self.lock:
            self.sent[url] += 1


def _together(*actions: Callable[[], object]) -> None:
    start = Barrier(len(actions))

    def at_once(action: Callable[[], object]) -> None:
        start.wait()
        action()

    threads = [Thread(target=at_once, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _notifier(press: Press, send: Send, url: str) -> Notifier:
    plan = replace(plans.read(), notices=PEOPLE, reminder=None)
    return Notifier(open_engine(url), lambda: plan, lambda: ADDRESSES, "America/Chicago", send)


def test_two_notifiers_at_once_tell_everybody_once(press: Press) -> None:
    """KS-18: the command's own telling beside a running daemon's."""
    sent = Counting()
    both = [_notifier(press, sent, press.essential.database_url) for _ in range(2)]
    for round_ in range(1, 4):
        press.lift(press.suspend().suspension)
        press.suspend()
        _together(*(own.run for own in both))
        for own in both:
            own.wait(60)
        # What one had in hand when the other looked is taken with the next look.
        for own in both:
            own.run()
            own.wait(60)
        assert sent.sent == dict.fromkeys(ADDRESSES, round_), round_
        with reading(press.engine) as session:
            assert {*session.exec(select(Delivery.state))} == {"delivered"}
    for own in both:
        own.engine.dispose()


@pytest.mark.parametrize(("abandoned_s", "times"), [(ledger.ABANDONED_S, 1), (-1.0, 2)])
def test_what_is_taken_belongs_to_who_took_it(
    press: Press, monkeypatch: pytest.MonkeyPatch, abandoned_s: float, times: int
) -> None:
    """The twin: where a delivery that was just taken counts as lost, the same two do send a double."""
    monkeypatch.setattr(ledger, "ABANDONED_S", abandoned_s)
    sent, second = Counter[str](), Event()

    def slow(url: str, said: Words) -> None:
        sent[url] += 1
        if sent[url] == 2:
            second.set()
        second.wait(1.0)

    both = [_notifier(press, slow, press.essential.database_url) for _ in range(2)]
    plan = replace(plans.read(), notices=(Listed("dora", ("P0_PHONE",), "en", 0.0, ""),), reminder=None)
    press.suspend()
    for own in both:
        own.plan_of = lambda: plan
        own.run()
        until(lambda: sent.total() > 0, "taken")
    for own in both:
        own.wait(60)
        own.engine.dispose()
    assert sent == {"P0_PHONE": times}


def test_the_same_occasion_in_two_processes_is_one_notice(press: Press) -> None:
    occasion = Occasion("suspended", "suspension 1", 1, {})
    lost: list[bool] = []

    def add() -> None:
        try:
            with writing(press.engine) as session:
                ledger.add(session, occasion, PEOPLE)
        except IntegrityError as error:
            lost.append(ledger.is_race(error))

    _together(*[add] * 6)
    assert all(lost)
    with reading(press.engine) as session:
        assert len(session.exec(select(Notice)).all()) == 1
        assert len(session.exec(select(Delivery)).all()) == len(ADDRESSES)


def test_a_process_that_dies_at_every_try_does_not_go_on_for_ever(hands: ManualClock, press: Press) -> None:
    press.suspend()
    own = _notifier(press, Counting(), press.essential.database_url)
    own.notice()
    for _ in range(ledger.MOST_TRIES):
        with writing(press.engine) as session:
            assert ledger.take(session) is not None
            while ledger.take(session) is not None:
                pass
        hands.pass_s(ledger.ABANDONED_S)
    with writing(press.engine) as session:
        assert ledger.take(session) is None
    with reading(press.engine) as session:
        assert {*session.exec(select(Delivery.state, Delivery.detail))} == {("failed", ledger.DIED)}
    own.engine.dispose()


def test_what_another_process_has_ended_meanwhile_stays_as_it_is(press: Press) -> None:
    press.suspend()
    own = _notifier(press, Counting(), press.essential.database_url)
    own.notice()
    with writing(press.engine) as session:
        row = ledger.take(session)
        assert row is not None
        assert row.id is not None
        number = row.id
    for trouble in (None, "too late"):
        with writing(press.engine) as session:
            ledger.end(session, number, trouble)
    assert press.row(Delivery, number).state == "delivered"
    own.engine.dispose()


def test_somebody_without_an_address_is_recorded_as_not_told(press: Press) -> None:
    """KS-18: everybody on the list, with what became of it."""
    press.suspend()
    own = _notifier(press, Counting(), press.essential.database_url)
    plan = replace(plans.read(), notices=(Listed("olga", (), "en", 0.0, ""),), reminder=None)
    own.plan_of = lambda: plan
    own.run()
    with reading(press.engine) as session:
        (row,) = session.exec(select(Delivery))
        assert (row.person, row.variable, row.state, row.detail) == ("olga", "", "failed", ledger.NO_ADDRESS)
    own.engine.dispose()
