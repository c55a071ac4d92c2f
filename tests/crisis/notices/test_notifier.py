"""KS-18: everybody on the plan's list is told, each delivery is recorded, and nothing that a service does reaches the stop."""

from __future__ import annotations

import itertools
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
from scheduler import exercise, killswitch, restore, resumption
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
    return Notifier(press.engine, lambda: plan, lambda: ADDRESSES, "America/Chicago", post, at_once=1)


def _turn(own: Notifier) -> int:
    """How many deliveries a turn of the duty tried."""
    own.run()
    return own.wait(30)


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
    assert _turn(own) == 0
    number = press.suspend().suspension
    assert (_turn(own), _turn(own)) == (3, 0)
    assert [url for url, _ in post.sent] == ["phone", "mail", "omar"]
    assert [said.subject for _, said in post.sent] == ["SUSPENDED: everything"] * 2 + ["SUSPENDIDO: todo"]
    assert f"standfast crisis ack {number}" in post.sent[0][1].body
    assert "America/Chicago" in post.sent[0][1].body
    assert {row.state for row in _deliveries(press)} == {"delivered"}
    assert [entry.subject for entry in press.log("notice.delivery")] == ["notice 1"] * 3


def test_an_address_that_fails_is_tried_again_and_keeps_no_other_waiting(hands: ManualClock, press: Press) -> None:
    post = Post({"phone": ["no answer within 20 s"] * 2})
    own = _notifier(press, post)
    press.suspend()
    assert _turn(own) == 3
    assert [(row.state, row.detail) for row in _deliveries(press)] == [
        ("waiting", "no answer within 20 s"),
        ("delivered", ""),
        ("delivered", ""),
    ]
    assert _turn(own) == 0
    hands.pass_s(31)
    assert _turn(own) == 1
    hands.pass_s(61)
    assert _turn(own) == 1
    assert [(row.state, row.tries) for row in _deliveries(press)] == [
        ("delivered", 3),
        ("delivered", 1),
        ("delivered", 1),
    ]


def test_an_address_that_never_answers_is_given_up_and_recorded(hands: ManualClock, press: Press) -> None:
    own = _notifier(press, Post({"phone": ["refused"] * 9}))
    press.suspend()
    for _ in range(6):
        _turn(own)
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
    _turn(own)
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
    assert _turn(own) == 2
    hands.pass_s(ledger.ABANDONED_S)
    assert _turn(own) == 1
    assert [row.state for row in _deliveries(press) if row.id == number] == ["delivered"]


def test_a_lift_is_told_to_who_heard_of_the_stop(press: Press) -> None:
    post = Post()
    own = _notifier(press, post)
    quick = press.suspend().suspension
    press.lift(quick)
    assert _turn(own) == 0
    number = press.suspend("channel:parks").suspension
    _turn(own)
    press.lift(number)
    _turn(own)
    assert _kinds(press) == ["suspended", "lifted"]
    assert post.sent[-1][1].subject == f"REANUDADO: suspensión {number} de canal:parks"
    assert "omar" in post.sent[-1][1].body


def test_reminders_come_while_it_stands_and_are_not_made_up_for(hands: ManualClock, press: Press) -> None:
    """KS-6: they remind, and lift nothing."""
    post = Post()
    own = _notifier(press, post)
    number = press.suspend().suspension
    _turn(own)
    hands.pass_s(1799)
    _turn(own)
    assert _kinds(press) == ["suspended", "escalation"]
    hands.pass_s(1)
    _turn(own)
    _turn(own)
    assert _kinds(press).count("reminder") == 1
    hands.pass_s(3 * 86400)
    _turn(own)
    assert sorted(_kinds(press)) == ["daily", "escalation", "overdue", "reminder", "suspended"]
    assert [item.id for item in press.ask(resumption.active)] == [number]
    press.lift(number)
    hands.pass_s(86400)
    _turn(own)
    assert sorted(_kinds(press)) == ["daily", "escalation", "lifted", "overdue", "reminder", "suspended"]


def test_every_time_of_the_reminder_table_counts(hands: ManualClock, press: Press) -> None:
    """First after half an hour, then each hour to who stands in for nobody; from two hours on to everybody."""
    post = Post()
    own = _notifier(press, post)
    press.suspend()
    _turn(own)
    post.sent.clear()
    told, moments = [], (0, 29, 30, 31, 89, 90, 149, 150, 210)
    for before, minutes in itertools.pairwise(moments):
        hands.pass_s((minutes - before) * 60)
        _turn(own)
        told += [(minutes, url, said.subject) for url, said in post.sent if "RESPUESTA" not in said.subject]
        post.sent.clear()
    dora = ("phone", "mail")
    assert told == [
        *((30, url, "STILL SUSPENDED: everything") for url in dora),
        *((90, url, "STILL SUSPENDED: everything") for url in dora),
        *((150, url, "STILL SUSPENDED after 2 h 30 min: everything") for url in dora),
        (150, "omar", "SIGUE SUSPENDIDO tras 2 h 30 min: todo"),
        *((210, url, "STILL SUSPENDED after 3 h 30 min: everything") for url in dora),
        (210, "omar", "SIGUE SUSPENDIDO tras 3 h 30 min: todo"),
    ]


def test_each_day_has_a_line_of_its_own(hands: ManualClock, press: Press) -> None:
    post = Post()
    own = _notifier(press, post)
    press.suspend()
    days: list[str] = []
    for _ in range(3 * 24):
        hands.pass_s(3600)
        _turn(own)
        days += [said.subject for url, said in post.sent if url == "phone" and "DAY(S)" in said.subject]
        post.sent.clear()
    assert days == [f"SUSPENDED FOR {number} DAY(S): everything" for number in (1, 2, 3)]


def test_what_was_not_told_before_the_lift_is_not_told_after_it(hands: ManualClock, press: Press) -> None:
    """Nobody may read SUSPENDED of what is lifted; the twin is the notice of the lift itself."""
    post = Post({"phone": ["away"]})
    own = _notifier(press, post)
    number = press.suspend().suspension
    _turn(own)
    press.lift(number)
    post.sent.clear()
    hands.pass_s(60)
    _turn(own)
    assert [said.subject for url, said in post.sent if url == "phone"] == ["LIFTED: suspension 1 of everything"]
    assert next((row.state, row.detail) for row in _deliveries(press)) == ("failed", ledger.LIFTED)


@pytest.mark.parametrize("answers", [True, False])
def test_who_does_not_say_that_they_know_is_passed_over_to_the_next(
    hands: ManualClock, press: Press, answers: bool
) -> None:
    post = Post()
    own = _notifier(press, post)
    number = press.suspend().suspension
    _turn(own)
    if answers:
        with writing(press.engine) as session:
            assert ledger.acknowledge(session, number, "dora")
        with writing(press.engine) as session:
            assert not ledger.acknowledge(session, number, "dora")
    hands.pass_s(601)
    _turn(own)
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
    _turn(_notifier(press, post))
    assert {said.subject for _, said in post.sent} == {
        "BREAK-GLASS CODE USED: EOC safe",
        "CÓDIGO DE EMERGENCIA USADO: EOC safe",
    }


def test_a_plan_without_a_list_tells_nobody(press: Press) -> None:
    press.suspend()
    own = _notifier(press, Post())
    own.plan_of = plans.read
    assert (_turn(own), _kinds(press)) == (0, [])


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


KINDS = ("crisis", "compromise", "planned", "drill", "restore")


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_told_in_spanish_says_the_kind_and_the_scope_in_spanish(kind: str) -> None:
    """KS-18: the program's own words are translated; a name of the city's is not, and English stays as it is."""
    facts = {
        "kind": kind,
        "scope": "channel:all",
        "reason": "everything (planned)",
        "standing": "3 (group:all), 4 (everything)",
    }
    said = words.of("suspended", "es", facts)
    assert f"canal:all ({words.IN_OTHER_WORDS['es'][kind]})" in said.body
    assert "Motivo: everything (planned)" in said.body
    assert f"channel:all ({kind})" in words.of("suspended", "en", facts).body
    assert "Siguen vigentes: 3 (grupo:all), 4 (todo)" in words.of("lifted", "es", facts).body


def test_every_kind_of_suspension_that_the_switch_knows_has_its_word_in_every_language() -> None:
    found = {name for name in (*killswitch.REAL, killswitch.PLANNED, exercise.DRILL, restore.RESTORE)}
    assert found == set(KINDS)
    languages = {language for texts in words.shipped().values() for language in texts} - {words.FALLBACK}
    assert [language for language in languages if not found <= words.IN_OTHER_WORDS[language].keys()] == []
