"""KS-18: everybody on the plan's list is told, each delivery is recorded, and nothing that a service does reaches the stop."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from sqlmodel import col, select

from config import clock
from crisis import plan as plans
from crisis.notices import ledger, words
from crisis.notices.notifier import Notifier
from crisis.notices.words import Words
from crisis.plan import Notice as Listed
from crisis.plan import Reminder
from store.crisis_tables import BreakGlassCode, Delivery, Notice
from store.engine import reading, writing
from tests.scheduler.press import ManualClock, Press

LIST = (
    Listed("dora", ("DORA_PHONE", "DORA_MAIL"), "en", 600.0, "omar"),
    Listed("omar", ("OMAR_MAIL",), "es", 0.0, ""),
)
ADDRESSES = {"DORA_PHONE": "phone", "DORA_MAIL": "mail", "OMAR_MAIL": "omar"}


@dataclass
class Post:
    """A post office: what was sent where, and what each address answers."""

    answers: dict[str, list[str | None]] = field(default_factory=dict)
    sent: list[tuple[str, Words]] = field(default_factory=list)

    def __call__(self, url: str, said: Words) -> str | None:
        self.sent.append((url, said))
        waiting = self.answers.get(url)
        return waiting.pop(0) if waiting else None


def _notifier(press: Press, post: Post, **changed: object) -> Notifier:
    reminder = Reminder(1800.0, 3600.0, 7200.0)
    plan = replace(plans.read(), notices=LIST, reminder=reminder, **changed)
    return Notifier(press.engine, lambda: plan, lambda: ADDRESSES, "America/Chicago", post)


def _deliveries(press: Press) -> list[Delivery]:
    with reading(press.engine) as session:
        found = list(session.exec(select(Delivery).order_by(col(Delivery.id))))
        session.expunge_all()
    return found


def _kinds(press: Press) -> list[str]:
    with reading(press.engine) as session:
        return list(session.exec(select(Notice.kind).order_by(col(Notice.id))))


def test_a_stop_is_told_once_to_every_address_in_its_own_language(press: Press) -> None:
    post = Post()
    own = _notifier(press, post)
    assert own.run() == 0
    number = press.suspend().suspension
    assert (own.run(), own.run()) == (3, 0)
    assert [url for url, _ in post.sent] == ["phone", "mail", "omar"]
    assert [said.subject for _, said in post.sent] == ["SUSPENDED: everything"] * 2 + ["SUSPENDIDO: everything"]
    assert f"standfast crisis ack {number}" in post.sent[0][1].body
    assert "America/Chicago" in post.sent[0][1].body
    assert {row.state for row in _deliveries(press)} == {"delivered"}
    assert [entry.subject for entry in press.log("notice.delivery")] == ["notice 1"] * 3


def test_an_address_that_fails_is_tried_again_and_keeps_no_other_waiting(hands: ManualClock, press: Press) -> None:
    post = Post({"phone": ["no answer within 20 s"] * 2})
    own = _notifier(press, post)
    press.suspend()
    assert own.run() == 3
    assert [(row.state, row.detail) for row in _deliveries(press)] == [
        ("waiting", "no answer within 20 s"),
        ("delivered", ""),
        ("delivered", ""),
    ]
    assert own.run() == 0
    hands.pass_s(31)
    assert own.run() == 1
    hands.pass_s(61)
    assert own.run() == 1
    assert [(row.state, row.tries) for row in _deliveries(press)] == [
        ("delivered", 3),
        ("delivered", 1),
        ("delivered", 1),
    ]


def test_an_address_that_never_answers_is_given_up_and_recorded(hands: ManualClock, press: Press) -> None:
    own = _notifier(press, Post({"phone": ["refused"] * 9}))
    press.suspend()
    for _ in range(6):
        own.run()
        hands.pass_s(600)
    failed = _deliveries(press)[0]
    assert (failed.state, failed.tries, failed.detail) == ("failed", ledger.MOST_TRIES, "refused")
    assert any('"failed"' in entry.detail for entry in press.log("notice.delivery"))


def test_an_address_that_is_not_set_is_named_and_never_shown(press: Press) -> None:
    """SE-3."""
    post = Post()
    own = _notifier(press, post)
    own.environment = lambda: {"DORA_MAIL": "mailto://dora:canary@mail"}
    press.suspend()
    own.run()
    unset = "{} is not set: add it to .env"
    wanted = [unset.format("DORA_PHONE"), "", unset.format("OMAR_MAIL")]
    assert [row.detail for row in _deliveries(press)] == wanted
    with reading(press.engine) as session:
        assert "canary" not in "".join(str(vars(row)) for row in session.exec(select(Delivery)))


def test_a_process_that_died_while_sending_leaves_its_delivery_to_the_next(hands: ManualClock, press: Press) -> None:
    press.suspend()
    own = _notifier(press, Post())
    own.notice()
    with writing(press.engine) as session:
        taken = ledger.take(session)
        assert taken is not None
        number = taken.id
    assert own.run() == 2
    hands.pass_s(ledger.ABANDONED_S)
    assert own.run() == 1
    assert [row.state for row in _deliveries(press) if row.id == number] == ["delivered"]


def test_a_lift_is_told_to_who_heard_of_the_stop(press: Press) -> None:
    post = Post()
    own = _notifier(press, post)
    quick = press.suspend().suspension
    press.lift(quick)
    assert own.run() == 0
    number = press.suspend("channel:parks").suspension
    own.run()
    press.lift(number)
    own.run()
    assert _kinds(press) == ["suspended", "lifted"]
    assert post.sent[-1][1].subject == "REANUDADO: channel:parks"
    assert "omar" in post.sent[-1][1].body


def test_reminders_come_while_it_stands_and_are_not_made_up_for(hands: ManualClock, press: Press) -> None:
    """KS-6: they remind, and lift nothing."""
    post = Post()
    own = _notifier(press, post)
    number = press.suspend().suspension
    own.run()
    hands.pass_s(1799)
    own.run()
    assert "reminder" not in _kinds(press)
    hands.pass_s(1)
    own.run()
    own.run()
    assert _kinds(press).count("reminder") == 1
    hands.pass_s(3 * 86400)
    own.run()
    assert _kinds(press).count("reminder") == 2
    assert any("suspended for 3 day(s)" in said.body for _, said in post.sent)
    press.lift(number)
    hands.pass_s(86400)
    own.run()
    assert _kinds(press).count("reminder") == 2


@pytest.mark.parametrize("answers", [True, False])
def test_who_does_not_say_that_they_know_is_passed_over_to_the_next(
    hands: ManualClock, press: Press, answers: bool
) -> None:
    post = Post()
    own = _notifier(press, post)
    number = press.suspend().suspension
    own.run()
    if answers:
        with writing(press.engine) as session:
            assert ledger.acknowledge(session, number, "dora")
        with writing(press.engine) as session:
            assert not ledger.acknowledge(session, number, "dora")
    hands.pass_s(601)
    own.run()
    assert ("escalation" in _kinds(press)) is not answers
    assert any(said.subject.startswith("SIN RESPUESTA DE dora") for _, said in post.sent) is not answers
    assert [url for url, said in post.sent if said.subject.startswith("SIN")] == ([] if answers else ["omar"])


def test_the_use_of_a_break_glass_code_is_announced(press: Press) -> None:
    """KS-21."""
    with writing(press.engine) as session:
        session.add(
            BreakGlassCode(
                label="EOC safe",
                code_hash="h",
                mark="m",
                made_by="stew",
                made_at=1,
                used_at=clock.wall_us(),
                suspension_id=1,
            )
        )
    post = Post()
    _notifier(press, post).run()
    assert {said.subject for _, said in post.sent} == {
        "BREAK-GLASS CODE USED: EOC safe",
        "CÓDIGO DE EMERGENCIA USADO: EOC safe",
    }


def test_a_plan_without_a_list_tells_nobody(press: Press) -> None:
    press.suspend()
    own = _notifier(press, Post())
    own.plan_of = plans.read
    assert (own.run(), _kinds(press)) == (0, [])


def test_every_word_of_a_drill_is_marked() -> None:
    """KS-20."""
    said = words.of("suspended", "en", {"kind": "drill", "scope": "everything"})
    assert said.subject.startswith("EXERCISE ")
    assert all(line.startswith("EXERCISE ") for line in said.body.splitlines())


def test_a_fact_is_put_in_once_and_as_it_stands() -> None:
    """A reason that looks like a blank stays what somebody typed."""
    said = words.of("suspended", "en", {"reason": "{scope}", "scope": "all"})
    assert "Reason: {scope}" in said.body


def test_each_kind_has_the_same_blanks_in_every_language_and_an_english_fallback() -> None:
    for kind, by_language in words.shipped().items():
        blanks = {name: set(words.BLANK.findall(part["subject"] + part["body"])) for name, part in by_language.items()}
        assert len({frozenset(found) for found in blanks.values()}) == 1, kind
        assert words.of(kind, "xx", {}) == words.of(kind, "en", {})
