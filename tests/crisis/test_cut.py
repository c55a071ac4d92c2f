"""An account in other hands: evidence first, then the token, and nothing is said of it that was not seen."""

from __future__ import annotations

import hashlib
import json
import stat
from pathlib import Path

from sqlmodel import col, select

from connectors.errors import CannotTell
from crisis.cut import Cutter, Done
from scheduler import killswitch, receipt
from store.cut_tables import Cut
from store.engine import cursor, dialect, reading, writing
from store.tables import Channel, LogEntry
from tests.commands.office import Office


class Account:
    """A platform's account, played; `order` is what was asked of it."""

    def __init__(self, order: list[str], *, silent: bool = False, stubborn: bool = False) -> None:
        self.order, self.silent, self.stubborn = order, silent, stubborn

    def _heard(self, what: str) -> None:
        self.order.append(what)
        if self.silent:
            raise CannotTell("it does not answer")

    def test(self, deadline: object) -> str:
        self._heard("test")
        return "@city"

    def recent(self, search: object, deadline: object) -> list[dict[str, str]]:
        self._heard("recent")
        return [{"id": "1", "text": "We were hacked"}]

    def revoke(self, deadline: object) -> None:
        self.order.append("revoke")
        if self.stubborn:
            raise CannotTell("not today")


class Mute:
    """An account that can be neither looked at nor cut off from here."""

    def test(self, deadline: object) -> str:
        return "@other"


def _suspended(office: Office) -> int:
    with writing(office.engine) as session:
        session.get_one(Channel, "parks").platform = "x"
        order = killswitch.Order("r", "dana", "hacked", kind="compromise")
        return killswitch.suspend(cursor(session), dialect(session), order).suspension


def _run(office: Office, account: object, *, revoke: bool = True) -> Done:
    folder = office.city.root / "evidence"
    own = Cutter(office.engine, lambda _: account, "dana", folder)  # type: ignore[arg-type,return-value]  # played
    (done,) = own.run(_suspended(office), 5.0, revoke=revoke)
    return done


def _file(office: Office) -> Path:
    return office.city.root / "evidence" / "suspension-1" / "parks.json"


def _token(office: Office) -> str | None:
    with reading(office.engine) as session:
        found = receipt.build(cursor(session), dialect(session), 1, 3600.0)
    token: str | None = next(item["token"] for item in found.channels if item["channel"] == "parks")
    assert token is None or f"token       parks  {token}" in receipt.words(found)
    return token


def test_evidence_is_kept_before_the_token_is_revoked(office: Office) -> None:
    """SE-5."""
    order: list[str] = []
    done = _run(office, Account(order))
    assert order == ["test", "recent", "revoke"]
    text = _file(office).read_text(encoding="utf-8")
    kept = json.loads(text)
    assert (kept["account"], kept["posts"], kept["not_known"]) == ("@city", [{"id": "1", "text": "We were hacked"}], [])
    assert stat.S_IMODE(_file(office).stat().st_mode) == 0o600
    assert (done.posts, done.evidence, done.trouble) == (1, hashlib.sha256(text.encode()).hexdigest(), None)
    with reading(office.engine) as session:
        entry = session.exec(select(LogEntry).where(LogEntry.action == "cut").order_by(col(LogEntry.seq))).one()
        row = session.exec(select(Cut)).one()
    assert json.loads(entry.detail)["evidence"] == done.evidence == row.evidence
    assert row.revoked_at is not None


def test_a_revoked_token_is_not_trusted_to_be_dead(office: Office) -> None:
    """SE-5: the receipt says until when, and the gate is closed all the same."""
    _run(office, Account([]))
    assert "not trusted to be dead before" in (_token(office) or "")
    with reading(office.engine) as session:
        assert killswitch.closed_channels(cursor(session), dialect(session), 2**62) == {"parks"}


def test_an_account_that_does_not_answer_is_cut_off_all_the_same(office: Office) -> None:
    order: list[str] = []
    done = _run(office, Account(order, silent=True))
    assert order == ["test", "recent", "revoke"]
    assert done.revoked_at is not None
    assert done.trouble == "account not known (it does not answer); posts not known (it does not answer)"
    assert json.loads(_file(office).read_text(encoding="utf-8"))["not_known"] != []


def test_a_token_that_is_not_known_to_be_revoked_is_said_to_be_good(office: Office) -> None:
    done = _run(office, Account([], stubborn=True))
    assert (done.revoked_at, done.posts) == (None, 1)
    assert "its token is not known to be revoked (not today): revoke it on the platform by hand" in (done.trouble or "")
    assert (_token(office) or "").startswith("still good: its token is not known to be revoked")


def test_without_an_interface_a_person_is_sent_there(office: Office) -> None:
    assert "revoke the access on the platform by hand" in (_run(office, Mute()).trouble or "")


def test_evidence_alone_revokes_nothing(office: Office) -> None:
    """A compromise without --cut."""
    order: list[str] = []
    done = _run(office, Account(order), revoke=False)
    assert (order, done.revoked_at) == (["test", "recent"], None)
    assert (_token(office) or "").startswith("still good")


class Broken(Account):
    """An account whose client fails in a way that nobody foresaw."""

    def recent(self, search: object, deadline: object) -> list[dict[str, str]]:
        raise ZeroDivisionError


def test_an_account_that_breaks_loses_no_record_of_the_others(office: Office) -> None:
    with writing(office.engine) as session:
        session.add(Channel(name="pool", platform="x", created_at=1))
    accounts = {"parks": Account([]), "pool": Broken([])}
    own = Cutter(office.engine, accounts.__getitem__, "dana", office.city.root / "evidence")  # type: ignore[arg-type]  # played
    done = {item.channel: item for item in own.run(_suspended(office), 5.0, revoke=True)}
    assert done["parks"].revoked_at is not None
    assert done["pool"].trouble == "it failed (ZeroDivisionError): look there by hand"
    with reading(office.engine) as session:
        assert {row.channel for row in session.exec(select(Cut))} == {"parks", "pool"}
