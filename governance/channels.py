"""A channel's way from request to authorization, and what becomes of it afterwards (policy IV; GV-1, GV-2, GV-3).

Every step is one entry of the chain in the caller's transaction. The row says what stands now; nothing is ever removed. What
is still missing is one list, whatever is missing (`missing`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, col, func, select

from config import clock
from governance import access, authority, catalog, clearance, days, entry, look, roles, rules
from governance.authority import EVERY_CHANNEL, Identity
from governance.channel_fault import ChannelFault
from store.engine import cursor, dialect
from store.governance_tables import ChannelAuthorization, Training
from store.tables import Channel, Person

DOCUMENTS = ("strategy", "calendar")
WORDS = {"strategy": "written strategy", "calendar": "content calendar"}


@dataclass(frozen=True)
class Asked:
    """What a request says; empty fields are left as they are."""

    department: str = ""
    contact: str = ""
    administrator: str = ""
    tool: str = ""


def request(session: Session, actor: Identity, channel: str, asked: Asked) -> None:
    """Ask for a channel's authorization, or change what was asked: an approval is void then. Raises Refused, ChannelFault."""
    given = {name: value.strip() for name, value in vars(asked).items() if value.strip()}
    _begin(session, actor, "channel.request", channel, given, own=True)
    row = _row(session, channel) or _fresh(channel, actor)
    _not_retired(row)
    if asked.administrator and session.get(Person, asked.administrator) is None:
        known = session.exec(select(Person.id).where(Person.state == "active")).all()
        remedy = roles.did_you_mean(asked.administrator, known)
        raise ChannelFault(f"channel {channel}: there is no person {asked.administrator[:70]!a}: {remedy}")
    for name, value in given.items():
        setattr(row, name, value)
    row.state = "suspended" if row.state == "suspended" else "requested"
    _asked_anew(row, actor)
    _save(session, row)


def document(session: Session, actor: Identity, channel: str, kind: str, where: str, on: str, zone: str) -> None:
    """Record the written strategy or content calendar: where it is, of which day. Raises Refused, ChannelFault, DayFault."""
    _begin(session, actor, f"channel.{kind}", channel, {"document": where, "on": on}, own=True)
    row = _asked_for(session, channel)
    if not where.strip():
        raise ChannelFault(f"channel {channel}: the {WORDS[kind]} must be somewhere: say where with --document")
    days.past(on, f"the day of the {WORDS[kind]}", zone)
    setattr(row, kind, where.strip())
    setattr(row, f"{kind}_on", on)
    _save(session, row)


def approve(session: Session, actor: Identity, channel: str, on: str, zone: str) -> None:
    """Approve a request, as the department did on that day. Raises Refused, ChannelFault (also for one's own), DayFault."""
    _begin(session, actor, "channel.approve", channel, {"on": on})
    row = _asked_for(session, channel)
    if row.requested_by == actor.person:
        raise ChannelFault(f"channel {channel}: {actor.person} asked for it and cannot approve it: another person does")
    days.past(on, "the day of the approval", zone)
    if early := out_of_order(session, row, on):
        raise ChannelFault("\n".join(f"channel {channel}: {line}" for line in early))
    row.approved_by, row.approved_on, row.approved_at = actor.person, on, clock.wall_us()
    _save(session, row)


def authorize(session: Session, actor: Identity, channel: str) -> None:
    """Let posts go out on the channel from now on. Raises Refused, ChannelFault with everything that is missing."""
    _begin(session, actor, "channel.authorize", channel, {})
    row = _row(session, channel)
    if row is not None:
        _not_retired(row)
        _not_suspended(row)
    if lacking := missing(session, channel):
        raise ChannelFault("\n".join(f"channel {channel}: {line}" for line in lacking))
    assert row is not None
    row.state, row.reason = "authorized", ""
    row.authorized_by, row.authorized_at = actor.person, clock.wall_us()
    _save(session, row)


def missing(session: Session, channel: str) -> list[str]:
    """Everything that keeps the channel from being authorized, a line each, with what to do; empty when nothing does."""
    row = _row(session, channel) or ChannelAuthorization(channel=channel, requested_by="")
    found = [] if row.department else [f"no department: `standfast channel request {channel} --department NAME`"]
    if row.approved_by is None:
        found.append(f"no department approval: `standfast channel approve {channel}`, by another person than asked")
    elif row.approved_by == row.requested_by:
        found.append(f"its approval is by {row.approved_by}, who asked for it: another person approves")
    found += _unlisted(session, row)
    found += _administrator_faults(session, row)
    found += [
        f"no {WORDS[kind]}: `standfast channel {kind} {channel} --document WHERE --on DAY`"
        for kind in DOCUMENTS
        if not getattr(row, kind)
    ]
    if not row.contact:
        found.append(f"no contact: `standfast channel request {channel} --contact WHO`")
    return found + (out_of_order(session, row, row.approved_on) if row.approved_on else [])


def _unlisted(session: Session, row: ChannelAuthorization) -> list[str]:
    """What keeps its platform and its tool from counting as approved."""
    channel = session.get_one(Channel, row.channel)
    found = []
    if (status := catalog.status(session, "platform", channel.platform)) != "approved":
        remedy = f"`standfast channel platform {channel.platform} --status approved` where the city has decided so"
        found.append(f"no approved platform: {channel.platform} is {status}: {remedy}")
    if not row.tool:
        found.append(f"no approved tool: `standfast channel request {row.channel} --tool standfast`")
    elif (status := catalog.status(session, "tool", row.tool)) != "approved":
        remedy = f"`standfast channel tool {row.tool} --status approved` where the city has decided so"
        found.append(f"no approved tool: {row.tool} is {status}: {remedy}")
    return found


def _administrator_faults(session: Session, row: ChannelAuthorization) -> list[str]:
    """What keeps its administrator from counting; completed training is a line of its own."""
    course, who = rules.in_force().course, row.administrator
    if not who:
        asked = f"`standfast channel request {row.channel} --administrator PERSON`"
        return [f"no designated administrator: {asked}", "no completed training: nobody is designated"]
    found = look.somebody(session, who, row.channel)
    why = clearance.of_somebody(found, "queue", row.channel, "", clock.wall_us())
    lines = [] if why is None else [f"no designated administrator: {why}: `standfast people grant {who} administrator`"]
    if (found.trained_until or 0) <= clock.wall_us():
        lines.append(
            f"no completed training: {who} has none in {course!r} that counts: `standfast people train {who} {course}`"
        )
    return lines


def out_of_order(session: Session, row: ChannelAuthorization, approved_on: str) -> list[str]:
    """What of strategy, calendar and training is dated after the approval (GV-2)."""
    dated = {WORDS[kind]: getattr(row, f"{kind}_on") for kind in DOCUMENTS}
    dated["training"] = _trained_on(session, row.administrator)
    return [
        f"the approval of {approved_on} is dated before the {what} of {on}: approve it again afterwards"
        for what, on in dated.items()
        if on is not None and approved_on < on
    ]


def _trained_on(session: Session, person: str) -> str | None:
    """The first day of the training that counts for `person` now."""
    course, now = rules.in_force().course, clock.wall_us()
    query = select(func.min(Training.completed_on)).where(Training.person == person, Training.course == course)
    return session.exec(query.where(col(Training.revoked_at).is_(None), col(Training.ends_at) > now)).one()


def account_changed(session: Session, actor: Identity, channel: str, what: Sequence[str]) -> bool:
    """True when an authorization or an approval is void because the channel is another account now: whoever changed it has
    asked for it anew, and another person approves. `what`: the names of what is different. The caller holds the row."""
    row = _row(session, channel)
    if row is None or row.state == "retired" or not (row.approved_at or row.authorized_at):
        return False
    why = f"its account was changed ({', '.join(what)})"
    was = {"state": row.state, "approved_by": row.approved_by, "authorized_by": row.authorized_by}
    entry.record(session, actor.person, "channel.lapse", channel, {"why": why, "was": was})
    if row.state == "authorized":
        row.state, row.reason = "requested", why
    _asked_anew(row, actor)
    _save(session, row)
    return True


def _asked_anew(row: ChannelAuthorization, actor: Identity) -> None:
    row.requested_by, row.requested_at = actor.person, clock.wall_us()
    row.approved_by = row.approved_on = row.approved_at = row.authorized_by = row.authorized_at = None


def suspend(session: Session, actor: Identity, channel: str, reason: str) -> None:
    """Keep a channel from publishing until it is reinstated. Raises Refused, ChannelFault."""
    _end(session, actor, channel, reason, "suspend", "suspended")


def retire(session: Session, actor: Identity, channel: str, reason: str) -> None:
    """End a channel for ever; its posts and records stay. Raises Refused, ChannelFault."""
    _end(session, actor, channel, reason, "retire", "retired")


def _end(session: Session, actor: Identity, channel: str, reason: str, verb: str, state: str) -> None:
    _hold(session, channel)
    _begin(session, actor, f"channel.{verb}", channel, {"reason": reason})
    if not reason.strip():
        raise ChannelFault(f"channel {channel}: a reason is needed: give --reason")
    row = _row(session, channel) or _fresh(channel, actor)
    _not_retired(row)
    row.state, row.reason = state, reason.strip()
    session.get_one(Channel, channel).state = "suspended"
    _save(session, row)


def _hold(session: Session, channel: str) -> None:
    """Lock the channel's row before the chain's head, as a claim does: else each could wait for the other."""
    session.exec(select(Channel).where(Channel.name == channel).with_for_update()).first()


def reinstate(session: Session, actor: Identity, channel: str) -> str:
    """The state of a suspended channel that may publish again: ``authorized``, or ``requested`` where it never was."""
    _hold(session, channel)
    _begin(session, actor, "channel.reinstate", channel, {})
    row = _row(session, channel)
    if row is not None:
        _not_retired(row)
    channel_row = session.get_one(Channel, channel)
    if channel_row.state != "suspended":
        raise ChannelFault(f"channel {channel} is not suspended: nothing was changed")
    channel_row.state = "active"
    if row is None:
        session.flush()
        return "active"
    row.state, row.reason = "authorized" if row.authorized_at else "requested", ""
    _save(session, row)
    return row.state


def state(session: Session, channel: str) -> str:
    """What stands of a channel's authorization, in words: ``authorized``, ``lapsed: …``, ``requested``, ``suspended: …``,
    ``retired: …`` or ``not requested``."""
    found = look.channel(session, channel)
    if found is None:
        return "not requested"
    if found.state != "authorized":
        return f"{found.state}: {found.reason}" if found.reason else found.state
    why = clearance.lapsed(found, channel, rules.in_force().course, clock.wall_us())
    return "authorized" if why is None else f"lapsed: {why}"


def shown(session: Session, channel: str) -> dict[str, Any]:
    """What is on record of a channel's authorization, with what is missing."""
    _known(session, channel)
    row = _row(session, channel)
    told: dict[str, Any] = {"channel": channel, "state": state(session, channel)}
    names: tuple[str, ...] = (
        "department",
        "contact",
        "administrator",
        "tool",
        "strategy",
        "strategy_on",
        "calendar",
        "calendar_on",
    )
    names += ("requested_by", "approved_by", "approved_on", "authorized_by")
    told |= {name: getattr(row, name) if row is not None else None for name in names}
    moment = None if row is None or row.authorized_at is None else clock.to_text(row.authorized_at)
    return told | {"authorized_at": moment, "missing": missing(session, channel)}


def _begin(
    session: Session, actor: Identity, action: str, channel: str, detail: dict[str, Any], own: bool = False
) -> None:
    """`own`: whose role lets them queue on the channel may do it, too, trained or not. Raises Refused, ChannelFault."""
    entry.record(session, actor.person, action, channel, detail)
    if not own or not authority.may(cursor(session), dialect(session), actor.person, "queue", channel):
        access.check(session, actor, "channels", EVERY_CHANNEL, action=action, subject=channel)
    _known(session, channel)


def _known(session: Session, channel: str) -> None:
    if session.get(Channel, channel) is None:
        names = session.exec(select(Channel.name).order_by(Channel.name)).all()
        raise ChannelFault(f"there is no channel {channel[:80]!r}: {roles.did_you_mean(channel, names)}")


def _row(session: Session, channel: str) -> ChannelAuthorization | None:
    return session.get(ChannelAuthorization, channel)


def _fresh(channel: str, actor: Identity) -> ChannelAuthorization:
    made = ChannelAuthorization(channel=channel, requested_by=actor.person)
    made.requested_at = clock.wall_us()
    return made


def _asked_for(session: Session, channel: str) -> ChannelAuthorization:
    found = _row(session, channel)
    if found is None:
        raise ChannelFault(f"channel {channel}: nobody has asked for it: first `standfast channel request {channel}`")
    _not_retired(found)
    return found


def _not_retired(row: ChannelAuthorization) -> None:
    if row.state == "retired":
        raise ChannelFault(f"channel {row.channel} is retired ({row.reason}): add another one")


def _not_suspended(row: ChannelAuthorization) -> None:
    """Raise ChannelFault for a channel that only `reinstate` lets publish again."""
    if row.state == "suspended":
        remedy = f"`standfast channel reinstate {row.channel}` first"
        raise ChannelFault(f"channel {row.channel} is suspended ({row.reason}): {remedy}")


def _save(session: Session, row: ChannelAuthorization) -> None:
    row.changed_at = clock.wall_us()
    session.add(row)
    session.flush()
