"""What people can ask for of channels, on both databases."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from config import clock
from connectors import registry
from connectors.protocol import Deadline
from governance import access, channels, roles
from governance.access import Refused
from governance.authority import Identity
from governance.channel_fault import ChannelFault
from scheduler.planning import channel_file, channel_service
from scheduler.planning.channel_service import ChannelError, House, Spec
from store.engine import reading
from store.tables import Channel, ChannelGroup
from tests.governance import authorized
from tests.scheduler.desk import Desk, settle

SECOND = clock.SECOND
X_SECRETS = {name: f"PARKS_{name.upper()}" for name in registry.load("x").required_secrets}


@pytest.fixture(autouse=True)
def _shipped_roles() -> Iterator[None]:
    roles.use(None)
    yield
    roles.use(None)


@pytest.fixture
def desk(engine: Engine) -> Desk:
    return settle(engine)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path, tmp_path / "data", 30 * SECOND, 1800 * SECOND)


def _add(desk: Desk, house: House, *specs: Spec, who: str = "ana") -> dict[str, str]:
    with access.acting(desk.engine) as session:
        return channel_service.add(session, desk.people.get(who, desk.ana), specs, house)


def _channels(desk: Desk) -> dict[str, Channel]:
    with reading(desk.engine) as session:
        found = {channel.name: channel for channel in session.exec(select(Channel))}
        session.expunge_all()
        return found


def _listed(desk: Desk, name: str) -> dict[str, Any]:
    with reading(desk.engine) as session:
        return next(row for row in channel_service.listed(session) if row["name"] == name)


def test_a_channel_is_added_once_and_then_unchanged(desk: Desk, house: House) -> None:
    spec = Spec("fire", "x", ("safety", "all-hours"), {"handle": "fire"}, X_SECRETS, 60 * SECOND)
    assert _add(desk, house, spec) == {"fire": "added"}
    assert _add(desk, house, spec) == {"fire": "unchanged"}
    row = _listed(desk, "fire")
    assert (row["groups"], row["spacing_s"], row["gate"]) == (["all-hours", "safety"], 60, "open")
    assert (row["settings"], row["secrets"]) == ({"handle": "fire"}, X_SECRETS)
    assert len(desk.log("channel.add")) == 1


def test_what_differs_is_applied_and_logged_with_the_old_value(desk: Desk, house: House) -> None:
    _add(desk, house, Spec("fire", "outbox", ("safety",)))
    assert _add(desk, house, Spec("fire", "outbox", ("other",), spacing_us=5 * SECOND)) == {
        "fire": "changed: spacing, groups"
    }
    assert _listed(desk, "fire")["groups"] == ["other"]
    (entry,) = desk.log("channel.change")
    assert json.loads(entry.detail) == {"groups": [["safety"], ["other"]], "spacing_us": [30 * SECOND, 5 * SECOND]}


def _authorized(desk: Desk, house: House, spec: Spec) -> dict[str, Identity]:
    """The channel all the way to its authorization: pam asks and administers, ada approves."""
    who = {"ana": desk.ana}
    for person, role in (("pam", "administrator"), ("ada", "steward")):
        who[person] = authorized.person(desk.engine, desk.ana, person, role)
    _add(desk, house, spec)
    authorized.authorize(desk.engine, who["pam"], who["ada"], spec.name, "pam")
    assert _listed(desk, spec.name)["authorization"] == "authorized"
    return who


X = Spec("fire", "x", ("safety",), {"handle": "fire"}, X_SECRETS, 60 * SECOND)


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"settings": {"handle": "fire2"}}, "handle"),
        ({"settings": {"handle": "fire", "user_id": "7"}}, "user_id"),
        ({"settings": {}}, "handle"),
        ({"settings": {"handle": "fire", "base_url": "https://x.example.org"}}, "base_url"),
        ({"secrets": {**X_SECRETS, "access_token": "OTHER_TOKEN"}}, "access_token"),
    ],
    ids=["handle", "id", "no handle", "address", "credential"],
)
def test_another_account_is_another_authorization(desk: Desk, house: House, changed: dict[str, Any], what: str) -> None:
    """GV-3: with a record of who and why; whoever changed it asks anew, and another person approves."""
    who = _authorized(desk, house, X)
    said = _add(desk, house, replace(X, **changed))["fire"]
    assert "its authorization has lapsed: `standfast channel approve fire`" in said
    why = f"its account was changed ({what})"
    assert _listed(desk, "fire")["authorization"] == f"requested: {why}"
    (entry,) = desk.log("channel.lapse")
    assert (entry.actor, entry.subject, json.loads(entry.detail)) == (
        *("ana", "fire"),
        {"why": why, "was": {"state": "authorized", "approved_by": "ada", "authorized_by": "ada"}},
    )
    with pytest.raises(ChannelFault, match="ana asked for it and cannot approve it"):
        authorized.do(desk.engine, channels.approve, desk.ana, "fire", authorized.day(0), "UTC")
    with pytest.raises(ChannelFault, match="no department approval"):
        authorized.do(desk.engine, channels.authorize, desk.ana, "fire")
    authorized.do(desk.engine, channels.approve, who["ada"], "fire", authorized.day(0), "UTC")
    authorized.do(desk.engine, channels.authorize, desk.ana, "fire")
    assert _listed(desk, "fire")["authorization"] == "authorized"


def test_what_is_no_account_voids_nothing(desk: Desk, house: House) -> None:
    """GV-3: the twin."""
    _authorized(desk, house, X)
    assert _add(desk, house, replace(X, spacing_us=5 * SECOND, groups=("other",))) == {
        "fire": "changed: spacing, groups"
    }
    assert _listed(desk, "fire")["authorization"] == "authorized"
    assert desk.log("channel.lapse") == []


def test_an_account_changed_while_it_is_suspended_is_not_authorized_when_it_is_reinstated(
    desk: Desk, house: House
) -> None:
    """GV-3: and a channel that nobody has approved has nothing to lose."""
    _authorized(desk, house, X)
    authorized.do(desk.engine, channels.suspend, desk.ana, "fire", "a look")
    _add(desk, house, replace(X, settings={"handle": "fire2"}))
    assert _listed(desk, "fire")["authorization"] == "suspended: a look"
    assert authorized.do(desk.engine, channels.reinstate, desk.ana, "fire") == "requested"
    assert _add(desk, house, replace(X, settings={"handle": "fire3"})) == {"fire": "changed: settings"}
    assert len(desk.log("channel.lapse")) == 1


def test_the_outbox_has_a_folder_of_its_own_in_the_data_directory(desk: Desk, house: House) -> None:
    _add(desk, house, Spec("fire", "outbox"), Spec("water", "outbox", settings={"folder": "out/water"}))
    assert _channels(desk)["fire"].settings == {"folder": str(house.data_dir / "outbox" / "fire")}
    assert _channels(desk)["water"].settings == {"folder": str(house.root / "out" / "water")}


def test_every_fault_is_told_at_once_and_nothing_is_added(desk: Desk, house: House) -> None:
    before = set(_channels(desk))
    specs = [
        Spec("good", "outbox"),
        Spec("Bad Name", "outbox"),
        Spec("late", "outbox", spacing_us=7200 * SECOND),
        Spec("what", "twitter"),
        Spec("parks", "x"),
        Spec("page", "facebook"),
        Spec("plain", "x", settings={"base_url": "http://x.example.org"}, secrets=X_SECRETS),
        Spec("leak", "x", settings={"consumer_key": "s3cret"}, secrets=X_SECRETS),
        Spec("pasted", "x", secrets={**X_SECRETS, "consumer_key": "s3cret-value"}),
    ]
    with pytest.raises(ChannelError) as raised:
        _add(desk, house, *specs)
    said = str(raised.value)
    for words in (
        "'Bad Name': its name cannot be used",
        "'late': spacing = 7200s is more than lateness = 1800s",
        "'what': platform 'twitter' is unknown",
        "'parks': it is on outbox for ever, not on 'x'",
        "'page': facebook needs the setting page_id",
        "'page': facebook needs the variable of the secret page_token",
        "'plain': base_url is plain http to x.example.org: use https",
        "'leak': consumer_key is a secret",
        "'pasted': secret consumer_key: that is not a variable's name",
    ):
        assert words in said
    assert "s3cret" not in said
    assert set(_channels(desk)) == before


def test_only_who_looks_after_channels_adds_them(desk: Desk, house: House) -> None:
    with pytest.raises(Refused, match="channels"):
        _add(desk, house, Spec("fire", "outbox"), who="otis")
    assert "fire" not in _channels(desk)
    assert [entry.actor for entry in desk.log("refused")] == ["otis"]


def test_loopback_may_be_plain_http(desk: Desk, house: House) -> None:
    spec = Spec("fire", "x", settings={"base_url": "http://127.0.0.1:8080"}, secrets=X_SECRETS)
    assert _add(desk, house, spec) == {"fire": "added"}


def test_a_channel_of_a_suspended_group_is_covered_from_its_adding_and_after_leaving(desk: Desk, house: House) -> None:
    _add(desk, house, Spec("fire", "outbox", ("safety",)))
    number = desk.suspend("group:safety")
    _add(desk, house, Spec("water", "outbox", ("safety",)), Spec("fire", "outbox"))
    assert _listed(desk, "fire")["gate"] == _listed(desk, "water")["gate"] == f"closed (suspension {number})"
    assert _listed(desk, "parks")["gate"] == "open"
    with reading(desk.engine) as session:
        assert [row.channel for row in session.exec(select(ChannelGroup))] == ["water"]


def test_the_list_counts_what_waits(desk: Desk) -> None:
    desk.post(), desk.post(), desk.post(state="held"), desk.post(state="published")
    row = _listed(desk, "parks")
    assert (row["scheduled"], row["held"]) == (2, 1)


# test


def _channel(name: str, platform: str = "outbox", **settings: str) -> Channel:
    return Channel(name=name, platform=platform, settings=settings, secrets={}, created_at=1)


def test_each_channel_answers_or_says_why_not(tmp_path: Path) -> None:
    good = _channel("good", folder=str(tmp_path / "out"))
    found = channel_service.test([good, _channel("bare"), _channel("x", "x")], {}, 5.0)
    assert [(row.name, row.ok) for row in found] == [("good", True), ("bare", False), ("x", False)]
    assert "folder" in found[1].words
    assert "names no variable for the secret" in found[2].words


def test_a_connector_that_never_answers_or_breaks_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    done = threading.Event()

    class Hanging(registry.load("outbox")):
        def test(self, deadline: Deadline) -> str:
            done.wait(30)
            return "too late"

    class Broken(registry.load("outbox")):
        def test(self, deadline: Deadline) -> str:
            raise ZeroDivisionError

    monkeypatch.setattr(registry, "open_connector", lambda a: Hanging(a) if a.channel == "slow" else Broken(a))
    monkeypatch.setattr(channel_service, "GRACE_S", 0.1)
    channels = [_channel("slow", folder="/nowhere"), _channel("broken", folder="/nowhere")]
    slow, broken = channel_service.test(channels, {}, 0.1)
    done.set()
    assert (slow.ok, slow.words) == (False, "no answer within 0.1s: try again, or see its status")
    assert (broken.ok, "ZeroDivisionError" in broken.words) == (False, True)


# the file


def test_a_file_describes_channels_whole(tmp_path: Path) -> None:
    file = tmp_path / "channels.toml"
    file.write_text(
        '[channel.parks]\nplatform = "facebook"\ngroups = ["public-spaces"]\nspacing = "2m"\n'
        'settings = {page_id = 123}\nsecrets = {page_token = "PARKS_TOKEN"}\n[channel.news]\nplatform = "outbox"\n'
    )
    parks, news = channel_file.read(file)
    secrets = {"page_token": "PARKS_TOKEN"}
    assert parks == Spec("parks", "facebook", ("public-spaces",), {"page_id": "123"}, secrets, 120 * SECOND)
    assert news == Spec("news", "outbox")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "there is no [channel.NAME] table"),
        ("[channel]\n", "there is no [channel.NAME] table"),
        ("[chanel.parks]\n", "'chanel' is not known here"),
        ("[channel.parks]\n", "channel 'parks': has no platform"),
        ('[channel.parks]\nplatform = "x"\nspaceing = 3\n', "'spaceing' is not known: did you mean 'spacing'?"),
        ('[channel.parks]\nplatform = "x"\nspacing = "soon"\n', "spacing 'soon' is not a duration"),
        ('[channel.parks]\nplatform = "x"\nspacing = "9d"\n', "spacing '9d' is more than a day"),
        ('[channel.parks]\nplatform = "x"\ngroups = "a"\n', "groups must be a list"),
        ('[channel.parks]\nplatform = "x"\nsecrets = {a = true}\n', "secrets must be a table of words"),
        ("[channel]\nparks = 3\n", "channel 'parks': is not a table"),
        ("[channel.parks\n", "cannot be read"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "channels.toml"
    file.write_text(text)
    with pytest.raises(ChannelError) as raised:
        channel_file.read(file)
    assert words in str(raised.value)
    assert str(raised.value).startswith(str(file))
