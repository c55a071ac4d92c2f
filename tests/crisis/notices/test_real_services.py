"""KS-18 with apprise itself: whatever a service does, the others' notices go out and each outcome is recorded as it was."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy import inspect
from sqlmodel import col, select

from crisis import plan as plans
from crisis.notices import address, ledger
from crisis.notices.notifier import Notifier
from crisis.notices.words import Words
from crisis.plan import Notice as Listed
from store.crisis_tables import Delivery
from store.engine import reading
from tests.crisis.notices.services import CANARY, KINDS, Services, services
from tests.scheduler.press import ManualClock, Press
from tests.support.city import CHECKOUT
from tests.support.live_city import until

LIMIT_S = 6.0
REFUSED = "the service cannot be reached, refused it, or did not take all of it"
LATE = f"no answer within {LIMIT_S:g} s; it may have arrived all the same"
OUTCOMES = {
    "takes": ("delivered", ""),
    "chat": ("delivered", ""),
    "mails": ("delivered", ""),
    "fails": ("waiting", REFUSED),
    "refuses": ("waiting", REFUSED),
    "half": ("waiting", REFUSED),
    "bogus": ("waiting", address.NOT_UNDERSTOOD),
    "hangs": ("waiting", LATE),
    "drips": ("waiting", LATE),
}


@pytest.fixture
def there() -> Iterator[Services]:
    """Every kind of service."""
    with services() as found:
        yield found


def _notifier(press: Press, there: Services, *kinds: str) -> Notifier:
    """One person for each kind of service, who is called like it."""
    listed = tuple(Listed(kind, (kind.upper(),), "en", 0.0, "") for kind in kinds)
    plan = replace(plans.read(), notices=listed, reminder=None)
    addresses = {kind.upper(): there.address(kind) for kind in kinds}
    send = partial(address.send, limit_s=LIMIT_S)
    return Notifier(press.engine, lambda: plan, lambda: addresses, "America/Chicago", send, on_trouble=lambda *_: None)


def _rows(press: Press) -> dict[str, Delivery]:
    with reading(press.engine) as session:
        found = list(session.exec(select(Delivery).order_by(col(Delivery.id))))
        session.expunge_all()
    return {row.person: row for row in found}


def _everything(press: Press) -> str:
    """Every row of every table."""
    with reading(press.engine) as session:
        at = session.connection()
        return "".join(str(at.exec_driver_sql(f"SELECT * FROM {name}").all()) for name in inspect(at).get_table_names())


def test_each_outcome_is_recorded_as_it_was_and_no_address_is_seen(
    press: Press, there: Services, capfd: pytest.CaptureFixture[str]
) -> None:
    """SE-3: not in the store, its log or the screen (`test_after_stop` looks at a whole process's)."""
    own = _notifier(press, there, *KINDS)
    number = press.suspend().suspension
    own.run()
    assert own.wait(30) == len(KINDS)
    assert {kind: (row.state, row.detail) for kind, row in _rows(press).items()} == OUTCOMES
    assert [item["message"].splitlines()[-1] for item in there.taken("takes")] == [
        f"Say that you know of it: standfast crisis ack {number}"
    ] * 2
    assert "SUSPENDED: everything" in there.taken("chat")[0]["text"]
    (letter,) = there.letters()
    assert (letter["Subject"], letter["To"]) == ("SUSPENDED: everything", "dora@city.example")
    shown = capfd.readouterr()
    for text in (shown.out, shown.err, _everything(press)):
        assert CANARY not in text
    assert CANARY in "".join(there.paths("takes"))


def test_a_turn_waits_for_no_address_and_nobody_waits_for_another_s(press: Press, there: Services) -> None:
    """The hanging ones are under way while the others are told already."""
    own = _notifier(press, there, "hangs", "drips", "takes", "mails")
    own.send = partial(address.send, limit_s=20.0)
    press.suspend()
    own.run()
    until(
        lambda: {kind for kind, row in _rows(press).items() if row.state == "delivered"} == {"takes", "mails"}, "told"
    )
    assert {row.state for kind, row in _rows(press).items() if kind in ("hangs", "drips")} == {"sending"}
    there.stop()
    own.wait(30)


def test_what_keeps_failing_is_tried_so_often_and_then_given_up(
    hands: ManualClock, press: Press, there: Services
) -> None:
    own = _notifier(press, there, "fails", "takes")
    press.suspend()
    for _ in range(2 * ledger.MOST_TRIES):
        own.run()
        own.wait(30)
        hands.pass_s(600)
    found = _rows(press)["fails"]
    assert (found.state, found.tries, found.detail) == ("failed", ledger.MOST_TRIES, REFUSED)
    assert (len(there.paths("fails")), len(there.paths("takes"))) == (ledger.MOST_TRIES, 1)


def test_an_address_that_hangs_gets_no_second_thread(there: Services) -> None:
    """What never comes back must not fill the process with threads; the twin is another address of the same server."""
    url, said = there.address("drips"), Words("s", "b")
    assert "no answer" in str(address.send(url, said, 0.5))
    assert address.send(url, said, 0.5) == "an earlier notice to it is still under way"
    assert "no answer" in str(address.send(there.address("drips", "/other"), said, 0.5))


def test_a_drill_s_message_is_marked_on_every_line_that_arrives(press: Press, there: Services) -> None:
    """KS-20; the twin is the crisis above, which is not."""
    own = _notifier(press, there, "takes", "mails")
    press.suspend(kind="drill")
    own.run()
    own.wait(30)
    (taken,) = there.taken("takes")
    assert taken["title"].startswith("EXERCISE SUSPENDED")
    assert all(line.startswith("EXERCISE ") for line in taken["message"].splitlines())
    (letter,) = there.letters()
    assert letter["Subject"] == "EXERCISE SUSPENDED: everything"
    parts = [part for part in letter.walk() if part.get_content_type() == "text/plain"]
    for part in parts:
        body = bytes(part.get_payload(decode=True)).decode()  # type: ignore[arg-type]  # a part of text has bytes
        assert all(line.startswith("EXERCISE ") for line in body.strip().splitlines())
    assert parts


@pytest.mark.parametrize("text", ["", "dora@city.example", "bogus://x", "slack://x", "json://[::", f"file:///{CANARY}"])
def test_what_is_no_address_is_said_and_not_shown(text: str, capfd: pytest.CaptureFixture[str]) -> None:
    found = str(address.trouble(text))
    assert found == address.NOT_UNDERSTOOD
    assert address.send(text, Words("s", "b")) == address.NOT_UNDERSTOOD
    assert CANARY not in "".join(capfd.readouterr())


TALKATIVE = """
import logging
from crisis.notices import address
logging.basicConfig(level=logging.DEBUG)
{before}
address.trouble("bogus://{canary}")
"""


@pytest.mark.parametrize(("before", "seen"), [("", False), ("address._hush = lambda: None", True)])
def test_apprise_s_own_words_reach_no_screen(before: str, seen: bool) -> None:
    """SE-3: also where somebody has turned Python's logging on. The twin: without the hush the address is on the screen."""
    program = TALKATIVE.format(before=before, canary=CANARY)
    ran = subprocess.run([sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert (CANARY in ran.stdout + ran.stderr) is seen


def test_without_the_extra_that_is_what_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "find_spec", lambda name: None)
    assert address.send("json://127.0.0.1/", Words("s", "b")) == address.NOT_INSTALLED
