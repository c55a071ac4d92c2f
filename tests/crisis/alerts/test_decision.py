"""What the table cannot show: decisions kept, rules that changed meanwhile, and that nothing else counts."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

from crisis.alerts import cap, decision
from crisis.alerts.alert import Key
from crisis.alerts.decision import Earlier
from crisis.alerts.verdict import Kind
from tests.crisis.alerts.build import (
    NOW_US,
    SUGGEST,
    WHITELIST,
    alert,
    area,
    cancel,
    decided,
    info,
    reference,
    said,
    tornado,
    update,
)

DOCUMENT = Path(__file__).parents[3] / "docs" / "alerts.md"
LATER_US = NOW_US + 24 * 3600 * 1_000_000


def test_a_decision_is_kept_in_full() -> None:
    """KS-24: what is kept under the alert's key is all that the next alert is judged by."""
    made = decided(tornado(), WHITELIST)
    assert made.kept == Earlier(Kind.HOLD, "Extreme", True, "", cap.parse(tornado(), "a.xml").digest)
    assert made.key == cap.parse(tornado(), "a.xml").key
    assert decided(cancel(), WHITELIST, (tornado(),)).follows == (made.key,)


def test_the_same_alert_under_other_rules_is_still_the_same() -> None:
    """KS-24: idempotent whatever the city changes meanwhile: what was ignored is not brought up again by a feed."""
    found = cap.parse(alert(info("Flood Warning", "FLW")), "a.xml")
    first = decision.decide(found, WHITELIST, {}, NOW_US)
    assert first.kind == Kind.IGNORE
    assert decision.decide(found, SUGGEST, {}, NOW_US).kind == Kind.SUGGEST
    assert decision.decide(found, SUGGEST, {found.key: first.kept}, NOW_US).again


def test_the_same_alert_a_day_later_is_still_the_same() -> None:
    """KS-24: idempotent whatever the time: an alert that is over by now is not a new one that is over."""
    found = cap.parse(tornado(), "a.xml")
    first = decision.decide(found, SUGGEST, {}, NOW_US)
    assert decision.decide(found, SUGGEST, {}, LATER_US).kind == Kind.IGNORE
    again = decision.decide(found, SUGGEST, {found.key: first.kept}, LATER_US)
    assert again.again
    assert "was decided before: suggest" in said(again)


def test_two_feeds_that_word_an_alert_differently_do_not_argue() -> None:
    """KS-24: the stronger wording is told once, then neither changes anything."""
    weak, strong = alert(info(degrees="Severe Expected Likely")), tornado()
    past: dict[Key, Earlier] = {}
    kinds = []
    for document in (weak, strong, weak, strong, weak):
        made = decision.decide(cap.parse(document, "a.xml"), SUGGEST, past, NOW_US)
        kinds.append("again" if made.again else made.kind.value)
        if not made.again:
            past[made.key] = made.kept
    assert kinds == ["suggest", "suggest", "again", "again", "again"]


def test_decisions_about_other_alerts_do_not_count() -> None:
    """KS-24: only what the alert references is followed, whatever else is handed in."""
    other = decided(tornado(name="B1"))
    found = cap.parse(update(info(), references=reference("C1")), "a.xml")
    made = decision.decide(found, SUGGEST, {other.key: other.kept}, NOW_US)
    assert (made.kind, made.follows) == (Kind.SUGGEST, ())


def test_a_place_named_often_is_told_once() -> None:
    """SE-4: thousands of areas with the city's code must not make a notice of thousands of lines."""
    made = decided(alert(info(areas=area("SAME 047093") * 3000 + area() * 3000)))
    assert len(made.matches) == 1
    assert len(said(made)) < 300


def test_an_alert_cannot_refer_to_itself() -> None:
    """KS-24: an update that names itself among its references is not its own predecessor."""
    document = update(info(), references=reference("A2", sent="2026-05-01T12:02:00-05:00"))
    assert decided(document).kind == Kind.SUGGEST
    assert decided(document, before=(document,)).again
    weaker = document.replace(b"Extreme", b"Severe")
    assert decided(document, before=(weaker,)).follows == ()


def test_a_chain_of_a_hundred_updates_holds_once() -> None:
    """KS-24: whoever resumed is not stopped again by the next update of the same warning."""
    past: dict[Key, Earlier] = {}
    kinds = []
    before: dict[str, str] = {}
    for number in range(100):
        sent = f"2026-05-01T12:{number // 60:02}:{number % 60:02}-05:00"
        found = cap.parse(tornado(name=f"A{number}", sent=sent, **before), "a.xml")
        made = decision.decide(found, WHITELIST, past, NOW_US)
        past[made.key] = made.kept
        kinds.append(made.kind)
        before = {"references": reference(f"A{number}", sent=sent), "kind": "Update"}
    assert kinds == [Kind.HOLD, *[Kind.NOTE] * 99]


def test_the_alert_that_the_documentation_gives_to_try_comes_to_a_suggestion() -> None:
    (found,) = re.findall(r"```xml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    sample = dedent(found).encode()
    assert decided(sample, now_us=cap.parse(sample, "a.xml").key.sent_us + 60_000_000).kind == Kind.SUGGEST
