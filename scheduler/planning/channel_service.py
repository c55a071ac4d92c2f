"""What people can ask for of channels: add or change them, list them, and ask each platform who we are there."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlmodel import Session, col, delete, func, select

from calendars import values
from config import clock, essentials
from config.fault import Fault
from connectors import registry
from connectors.account import base_url
from connectors.errors import AccountError, ConnectorError
from connectors.protocol import Account, Connector, Deadline
from governance import access, channels, rules
from governance.access import Actor
from records.log import record
from scheduler import killswitch, post_queue
from scheduler.killswitch import GateClosed
from store.engine import cursor, dialect
from store.tables import Channel, ChannelGroup, Post

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)
HOW_NAME = "use up to 63 of a-z, 0-9 and '-', beginning with a letter or digit"
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}", re.ASCII)
_VARIABLE = re.compile(r"(?!STANDFAST_)[A-Z_][A-Z0-9_]{0,127}", re.ASCII)
"""In capitals, so that a credential pasted in its place is not kept, logged and shown; and none of our own."""
MOST_VALUE = 2000
ACCOUNT = ("settings", "secrets")
"""What says which account a channel is: its ids and address on the platform, and what it signs in with."""
GRACE_S = 1.0
"""A connector that does not keep its own deadline is given up this much later."""


class ChannelError(Fault):
    """Channels that cannot be added or found: one line per fault; nothing was changed."""


@dataclass(frozen=True)
class Spec:
    """A channel as a person describes it, whole: what is not named here is taken away from an existing one.

    `spacing_us` None means the setting. `secrets` maps a credential to the variable that holds it.
    """

    name: str
    platform: str
    groups: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    spacing_us: int | None = None


@dataclass(frozen=True)
class House:
    """What the city's settings say of all channels; durations in µs, `root` the folder of the settings file."""

    root: Path
    data_dir: Path
    spacing_us: int
    lateness_us: int


def add(session: Session, actor: Actor, specs: Sequence[Spec], house: House) -> dict[str, str]:
    """By channel: ``added``, ``changed: …`` or ``unchanged``. Raises ChannelError with every fault, Refused."""
    names = ", ".join(spec.name for spec in specs)
    access.check(session, actor, "channels", "*", action="channel.add", subject=names[:200])
    whole = [_completed(spec, house) for spec in specs]
    known = {channel.name: channel for channel in session.exec(select(Channel).with_for_update())}
    faults = [fault for spec in whole for fault in _faults(spec, known.get(spec.name), house)]
    if faults:
        raise ChannelError("\n".join(faults))
    return {spec.name: _apply(session, actor, spec, known.get(spec.name)) for spec in whole}


def _completed(spec: Spec, house: House) -> Spec:
    """`spec` with the defaults: the setting's spacing, and the outbox's own folder (relative ones are the city's)."""
    settings = dict(spec.settings)
    if spec.platform == "outbox" and NAME.fullmatch(spec.name):
        folder = settings.get("folder", "").strip()
        inside = house.data_dir / "outbox" / spec.name
        settings["folder"] = str(_below(house.root, folder) if folder else inside)
    spacing = house.spacing_us if spec.spacing_us is None else spec.spacing_us
    groups = tuple(dict.fromkeys(spec.groups))
    return Spec(spec.name, spec.platform, groups, settings, dict(spec.secrets), spacing)


def _below(root: Path, folder: str) -> Path | str:
    try:
        return essentials.path_below(root, folder)
    except (OSError, RuntimeError, ValueError):
        return folder


def _faults(spec: Spec, known: Channel | None, house: House) -> list[str]:
    """One line per mistake, each naming the channel, the value and the remedy."""
    found = [] if NAME.fullmatch(spec.name) else [f"its name cannot be used: {HOW_NAME}"]
    found += [f"group {group[:70]!a} cannot be used: {HOW_NAME}" for group in spec.groups if not NAME.fullmatch(group)]
    if known is not None and known.platform != spec.platform:
        found.append(f"it is on {known.platform} for ever, not on {spec.platform[:70]!a}: add another channel")
    found += _spacing_faults(spec, house)
    found += [line for name, value in spec.settings.items() for line in _setting_faults(name, value)]
    found += [line for name, value in spec.secrets.items() for line in _secret_faults(name, value)]
    found += _platform_faults(spec) if not found else []
    return [f"channel {spec.name[:70]!a}: {line}" for line in found]


def _spacing_faults(spec: Spec, house: House) -> list[str]:
    spacing = spec.spacing_us or 0
    if spacing <= house.lateness_us:
        return []
    return [
        f"spacing = {spacing / clock.SECOND:g}s is more than lateness = {house.lateness_us / clock.SECOND:g}s: the second "
        "of two posts at one time would always be held as late; lower spacing or raise lateness"
    ]


def _setting_faults(name: str, value: str) -> list[str]:
    if not _KEY.fullmatch(name):
        return [f"setting {name[:70]!a} is no name: write --setting name=value"]
    if len(value) > MOST_VALUE or values.unfit_character(value) is not None or "\n" in value:
        return [f"setting {name}: its value is too long or holds a control character: give one short line"]
    return []


def _secret_faults(name: str, variable: str) -> list[str]:
    """The value is never shown: people paste the secret itself."""
    if not _KEY.fullmatch(name):
        return ["a secret's name is not a name: write --secret name=VARIABLE"]
    if not _VARIABLE.fullmatch(variable):
        return [
            f"secret {name}: that is not a variable's name: put the secret into .env and name its variable here, "
            "in capitals and not beginning with STANDFAST_"
        ]
    return []


def _platform_faults(spec: Spec) -> list[str]:
    try:
        connector = registry.load(spec.platform)
    except AccountError as error:
        return [str(error)]
    needs, settings, secrets = f"{spec.platform} needs", connector.required_settings, connector.required_secrets
    found = [f"{needs} the setting {n}: --setting {n}=VALUE" for n in settings if not spec.settings.get(n, "").strip()]
    found += [
        f"{needs} the variable of the secret {n}: --secret {n}=VARIABLE" for n in secrets if not spec.secrets.get(n)
    ]
    open_secrets = [name for name in spec.settings if name in connector.required_secrets]
    found += [f"{name} is a secret: put it into .env and name its variable with --secret" for name in open_secrets]
    return found + _address_faults(spec)


def _address_faults(spec: Spec) -> list[str]:
    if "base_url" not in spec.settings:
        return []
    try:
        base_url(Account(spec.name, spec.platform, spec.settings), spec.settings["base_url"])
    except AccountError as error:
        return [str(error).partition(": ")[2]]
    return []


def _apply(session: Session, actor: Actor, spec: Spec, known: Channel | None) -> str:
    new = {
        "platform": spec.platform,
        "settings": dict(spec.settings),
        "secrets": dict(spec.secrets),
        "spacing_us": spec.spacing_us or 0,
        "groups": sorted(spec.groups),
    }
    old = {} if known is None else _as_kept(session, known)
    differing = [name for name, value in new.items() if old.get(name) != value]
    if not differing:
        return "unchanged"
    _store(session, spec, known, new)
    action = "channel.add" if known is None else "channel.change"
    detail = {name: [old.get(name), new[name]] for name in differing}
    record(session, actor.person, action, spec.name, detail)
    if known is None:
        return "added"
    said = f"changed: {', '.join(differing)}".replace("spacing_us", "spacing")
    account = [name for name in ACCOUNT if name in differing]
    if account and channels.account_changed(session, actor, spec.name, _which(account, old, new)):
        said += f"; its authorization has lapsed: `standfast channel approve {spec.name}`, by another person, then authorize"
    return said


def _which(account: Sequence[str], old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """The names of the settings and secrets that differ."""
    return sorted(
        name for part in account for name in {*old[part], *new[part]} if old[part].get(name) != new[part].get(name)
    )


def _as_kept(session: Session, channel: Channel) -> dict[str, Any]:
    kept = {name: getattr(channel, name) for name in ("platform", "settings", "secrets", "spacing_us")}
    return {**kept, "groups": _groups(session).get(channel.name, [])}


def _store(session: Session, spec: Spec, known: Channel | None, new: Mapping[str, Any]) -> None:
    channel = known or Channel(name=spec.name, platform=spec.platform, created_at=clock.wall_us())
    channel.settings, channel.secrets, channel.spacing_us = new["settings"], new["secrets"], new["spacing_us"]
    session.add(channel)
    killswitch.freeze_groups(cursor(session), dialect(session), spec.name)
    session.exec(delete(ChannelGroup).where(col(ChannelGroup.channel) == spec.name))
    session.add_all([ChannelGroup(channel=spec.name, name=group) for group in spec.groups])
    killswitch.freeze_groups(cursor(session), dialect(session), spec.name)


def _groups(session: Session) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in session.exec(select(ChannelGroup).order_by(ChannelGroup.channel, ChannelGroup.name)):
        found.setdefault(row.channel, []).append(row.name)
    return found


def listed(session: Session) -> list[dict[str, Any]]:
    """Every channel by name: platform, groups, spacing, its gate (the suspensions that close it) and its waiting posts."""
    groups, waiting = _groups(session), _waiting(session)
    return [
        {
            "name": channel.name,
            "platform": channel.platform,
            "state": channel.state,
            "groups": groups.get(channel.name, []),
            "spacing_s": channel.spacing_us / clock.SECOND,
            "settings": channel.settings,
            "secrets": channel.secrets,
            "gate": gate(session, channel.name),
            "authorization": _authorization(session, channel),
            "scheduled": waiting.get((channel.name, "scheduled"), 0),
            "held": waiting.get((channel.name, "held"), 0),
        }
        for channel in session.exec(select(Channel).order_by(Channel.name))
    ]


def _authorization(session: Session, channel: Channel) -> str:
    """Its state in words; where the city asks for none, only what somebody has said of the channel."""
    found = channels.state(session, channel.name)
    return "not asked for" if found == "not requested" and not rules.in_force().channels else found


def gate(session: Session, channel: str) -> str:
    """``open``, or ``closed`` and by which suspensions."""
    try:
        found = post_queue.closed_by(session, channel)
    except GateClosed:
        return "closed (the gate cannot be read)"
    return f"closed (suspension {', '.join(map(str, found))})" if found else "open"


def _waiting(session: Session) -> dict[tuple[str, str], int]:
    query = select(Post.channel, Post.state, func.count()).where(col(Post.state).in_(("scheduled", "held")))
    return {
        (channel, state): number for channel, state, number in session.exec(query.group_by(Post.channel, Post.state))
    }


@dataclass(frozen=True)
class Tested:
    """What came of asking a channel's platform: `words` is who it says we are, or why not."""

    name: str
    platform: str
    ok: bool
    words: str


def test(channels: Iterable[Channel], environ: Mapping[str, str], seconds: float) -> list[Tested]:
    """Each channel's answer, asked at the same time, in the order given; none takes much longer than `seconds`."""
    asked = [_ask(channel, environ, seconds) for channel in channels]
    until = Deadline.after(seconds + GRACE_S)
    found = []
    for channel, thread, answer in asked:
        thread.join(max(until.remaining_s(), 0))
        late = Tested(
            channel.name, channel.platform, False, f"no answer within {seconds:g}s: try again, or see its status"
        )
        found.append(answer[0] if answer else late)
    return found


def _ask(
    channel: Channel, environ: Mapping[str, str], seconds: float
) -> tuple[Channel, threading.Thread, list[Tested]]:
    answer: list[Tested] = []

    def ask() -> None:
        ok, words = _answer(channel, environ, seconds)
        answer.append(Tested(channel.name, channel.platform, ok, words))

    thread = threading.Thread(target=ask, name=f"test-{channel.name}", daemon=True)
    thread.start()
    return channel, thread, answer


def _answer(channel: Channel, environ: Mapping[str, str], seconds: float) -> tuple[bool, str]:
    connector: Connector | None = None
    try:
        account = registry.resolve_account(channel.name, channel.platform, channel.settings, channel.secrets, environ)
        connector = registry.open_connector(account)
        return True, connector.test(Deadline.after(seconds))
    except ConnectorError as error:
        return False, error.detail
    except Exception as error:  # a connector from outside may fail in any way; the others are still asked
        return False, f"the connector failed ({type(error).__name__}): report it to its makers"
    finally:
        if connector is not None:
            connector.close()
