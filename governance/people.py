"""People, their roles and tokens: every change needs ``people``, and is entered in the chain in its own transaction.

The chain's head is the lock that puts two changes in order, so the entry is written first and everything is looked at
after it: two people who take each other's roles away at once cannot leave the city without anybody.
"""

from __future__ import annotations

import fcntl
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session, col, or_, select

from config import clock
from config.fault import Fault
from governance import access, authority, entry, roles, standing
from governance.authority import EVERY_CHANNEL, SERVICE_ACCOUNT, Identity
from governance.names import PERSON_ID
from store.crisis_tables import BreakGlassCode
from store.engine import reading
from store.tables import Channel, ChannelGroup, Person, RoleGrant, Token

MOST_DAYS = 3650
DAY_US = 86_400 * clock.SECOND


class PeopleError(Fault):
    """A change that cannot be made: one line that names the value and the remedy."""


@dataclass(frozen=True)
class NewToken:
    """A token at its making: `token` is the only place where the secret is ever shown. `expires_at` in µs UTC."""

    id: str
    person: str
    token: str
    label: str
    expires_at: int | None


def bootstrap(session: Session, person: str, name: str) -> str:
    """The token of the first steward, made without anybody's leave. Raises PeopleError when there is a person already."""
    entry.record(session, SERVICE_ACCOUNT, "people.bootstrap", person, {"name": name, "role": roles.STEWARD})
    first = session.exec(select(Person.id).limit(1)).first()
    if first is not None:
        raise PeopleError(f"there are people already ({first} and others): ask one of the stewards for `people add`")
    _insert_person(session, person, name)
    session.add(_grant_row(person, roles.STEWARD, EVERY_CHANNEL, SERVICE_ACCOUNT))
    return _insert_token(session, person, "first steward", None).token


def add_person(
    session: Session,
    actor: Identity,
    person: str,
    name: str,
    employment: str = standing.EMPLOYEE,
    department: str | None = None,
) -> Person:
    """The person added. Raises Refused, PeopleError."""
    detail = {"name": name} | ({} if employment == standing.EMPLOYEE else {"employment": employment})
    entry.begin(session, actor, "people.add", person, detail | ({"department": department} if department else {}))
    check_employment(employment)
    made = _insert_person(session, person, name)
    made.employment, made.department = employment, department or None
    session.flush()
    return made


def employ(session: Session, actor: Identity, person: str, employment: str | None, department: str | None) -> None:
    """Change what `person` is here as, or their department; None leaves it. Raises Refused, PeopleError."""
    entry.begin(session, actor, "people.employ", person, {"employment": employment, "department": department})
    found = active(session, person)
    if employment is not None:
        check_employment(employment)
        found.employment = employment
    if department is not None:
        found.department = department.strip() or None
    session.flush()


def check_employment(employment: str) -> None:
    """Nothing when `employment` is one of `standing.EMPLOYMENT`. Raises PeopleError."""
    if employment not in standing.EMPLOYMENT:
        remedy = roles.did_you_mean(employment, standing.EMPLOYMENT)
        raise PeopleError(f"employment {employment[:70]!a} is not known: {remedy}")


def grant(session: Session, actor: Identity, person: str, role: str, channel: str = EVERY_CHANNEL) -> None:
    """Give a role on one channel or on all. Raises Refused, PeopleError."""
    entry.begin(session, actor, "people.grant", person, {"role": role, "channel": channel})
    active(session, person)
    if role not in roles.in_force():
        raise PeopleError(f"there is no role {role!r}: {roles.did_you_mean(role, roles.in_force())}")
    check_place(session, channel)
    if _live_grants(session, person, role, channel):
        raise PeopleError(f"{person} holds {role!r} on {channel} already: nothing was changed")
    session.add(_grant_row(person, role, channel, actor.person))
    session.flush()


def check_place(session: Session, channel: str) -> None:
    """Nothing when `channel` is ``*``, a channel, or ``group:`` and a group that has one. Raises PeopleError."""
    if channel == EVERY_CHANNEL:
        return
    is_group = channel.startswith(authority.GROUP)
    name, what = channel.removeprefix(authority.GROUP), "group" if is_group else "channel"
    known = session.exec(select(ChannelGroup.name).distinct() if is_group else select(Channel.name)).all()
    if name not in known:
        raise PeopleError(f"there is no {what} {name!r}: {roles.did_you_mean(name, known)}")


def revoke_grant(session: Session, actor: Identity, person: str, role: str, channel: str = EVERY_CHANNEL) -> None:
    """Take a role away. Raises Refused, PeopleError (also for the last one who could sign in and hold ``people``)."""
    entry.begin(session, actor, "people.revoke", person, {"role": role, "channel": channel})
    _known(session, person)
    found = _live_grants(session, person, role, channel)
    if not found:
        held = ", ".join(f"{row.role} on {row.channel}" for row in _live_grants(session, person)) or "no role"
        raise PeopleError(f"{person} does not hold {role!r} on {channel}: they hold {held}")
    _end_grants(session, found, actor.person)
    _keep_somebody(session)


def create_token(
    session: Session, actor: Identity, person: str, label: str = "", lifetime_us: int | None = None
) -> NewToken:
    """A new token for `person`, for ever or for `lifetime_us` microseconds. Raises Refused, PeopleError."""
    made = _insert_token(session, person, label, lifetime_us)
    entry.begin(
        session, actor, "people.token", person, {"token": made.id, "label": label, "expires_at": made.expires_at}
    )
    active(session, person)
    return made


def revoke_token(session: Session, actor: Identity, token: str) -> str:
    """Whose token it was that is now revoked; `token` is its id (or the whole token). Raises Refused, PeopleError."""
    token_id = token.strip().removeprefix("sf_").partition("_")[0][:40]
    entry.begin(session, actor, "people.revoke_token", token_id, {})
    found = session.get(Token, token_id)
    if found is None:
        raise PeopleError(f"there is no token {token_id!r}: `standfast people list` names them")
    if found.revoked_at is not None:
        raise PeopleError(f"token {token_id!r} was revoked already, on {clock.to_text(found.revoked_at)}")
    found.revoked_at = clock.wall_us()
    session.flush()
    _keep_somebody(session)
    return found.person


def mark_left(session: Session, actor: Identity, person: str) -> int:
    """How many tokens were revoked because `person` left; roles end too, and the id is never given again.

    Raises Refused, PeopleError.
    """
    entry.begin(session, actor, "people.leave", person, {})
    found = active(session, person)
    found.state = "left"
    _end_grants(session, _live_grants(session, person), actor.person)
    live = session.exec(select(Token).where(Token.person == person, col(Token.revoked_at).is_(None))).all()
    for token in live:
        token.revoked_at = clock.wall_us()
    session.flush()
    _keep_somebody(session)
    return len(live)


def listing(session: Session) -> list[dict[str, Any]]:
    """Everybody with their roles and tokens (never a secret or its hash), by id; moments as RFC 3339 text."""
    return [_described(session, person) for person in session.exec(select(Person).order_by(Person.id)).all()]


def roles_of(session: Session, person: str) -> list[dict[str, str]]:
    """The roles `person` holds now, in the order given: ``role`` and ``channel`` (``*``: all)."""
    return [{"role": row.role, "channel": row.channel} for row in _live_grants(session, person)]


def refresh_authority(engine: Engine, file: Path) -> int:
    """How many tokens the local authority file now names. Raises OSError, StoreError; the old file stays then."""
    with _alone(file):
        with reading(engine) as session:
            rows, good = authority_rows(session), break_glass_rows(session)
        authority.write_file(file, rows, good)
    return len(rows)


def authority_rows(session: Session) -> list[authority.AuthorityRow]:
    """The live tokens of the people who may suspend everything."""
    tokens = session.exec(_live_tokens(access.holders(session, "suspend"))).all()
    names = {person.id: person.name for person in session.exec(select(Person)).all()}
    return [authority.AuthorityRow(t.id, t.secret_hash, t.person, names[t.person], t.expires_at) for t in tokens]


def break_glass_rows(session: Session) -> list[dict[str, Any]]:
    """The codes that are still good, for the local authority file."""
    good = select(BreakGlassCode).where(col(BreakGlassCode.used_at).is_(None), col(BreakGlassCode.revoked_at).is_(None))
    rows = session.exec(good.order_by(col(BreakGlassCode.id))).all()
    return [{"id": row.id, "label": row.label, "mark": row.mark, "code_hash": row.code_hash} for row in rows]


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """One refresh at a time: the last to write has then also read last."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.with_name(f".{file.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def check_new(person: str, name: str) -> None:
    """Nothing when somebody can be known under these. Raises PeopleError naming the value."""
    if not PERSON_ID.fullmatch(person):
        raise PeopleError(f"person {person[:70]!a} cannot be an id: use up to 64 of a-z, 0-9, '.', '_' and '-'")
    if not name.strip():
        raise PeopleError(f"person {person!r} needs a name: give --name")


def _insert_person(session: Session, person: str, name: str) -> Person:
    check_new(person, name)
    if (there := session.get(Person, person)) is not None:
        raise PeopleError(f"there is a person {person!r} already ({there.name}, {there.state}): choose another id")
    made = Person(id=person, name=name.strip(), created_at=clock.wall_us())
    session.add(made)
    session.flush()
    return made


def _short(number: int) -> str:
    """`number`, or how large it is where its digits would fill the screen."""
    return str(number) if abs(number) < 10**12 else "more than 10^12" if number > 0 else "less than -10^12"


def _insert_token(session: Session, person: str, label: str, lifetime_us: int | None) -> NewToken:
    if lifetime_us is not None and not 0 < lifetime_us <= MOST_DAYS * DAY_US:
        raise PeopleError(f"a token cannot live {_short(lifetime_us // DAY_US)} days: choose 1 to {MOST_DAYS}")
    now = clock.wall_us()
    made = NewToken(
        id=(token_id := secrets.token_hex(6)),
        person=person,
        token=f"sf_{token_id}_{(secret := secrets.token_urlsafe(32))}",
        label=label,
        expires_at=None if lifetime_us is None else now + lifetime_us,
    )
    session.add(
        Token(
            id=made.id,
            person=person,
            secret_hash=authority.hash_of(secret),
            label=label,
            created_at=now,
            expires_at=made.expires_at,
        )
    )
    session.flush()
    return made


def _known(session: Session, person: str) -> Person:
    found = session.get(Person, person)
    if found is None:
        names = session.exec(select(Person.id)).all()
        raise PeopleError(f"there is no person {person!r}: {roles.did_you_mean(person, names)}")
    return found


def active(session: Session, person: str) -> Person:
    """The person of this id who has not left. Raises PeopleError."""
    found = _known(session, person)
    if found.state != "active":
        raise PeopleError(f"{person} has left: add the person under a new id")
    return found


def _grant_row(person: str, role: str, channel: str, by: str) -> RoleGrant:
    return RoleGrant(person=person, role=role, channel=channel, granted_by=by, granted_at=clock.wall_us())


def _live_grants(session: Session, person: str, role: str | None = None, channel: str | None = None) -> list[RoleGrant]:
    statement = select(RoleGrant).where(RoleGrant.person == person, col(RoleGrant.revoked_at).is_(None))
    found = session.exec(statement.order_by(col(RoleGrant.id))).all()
    return [row for row in found if role in (None, row.role) and channel in (None, row.channel)]


def _end_grants(session: Session, grants: list[RoleGrant], by: str) -> None:
    for row in grants:
        row.revoked_at, row.revoked_by = clock.wall_us(), by
    session.flush()


def _live_tokens(people: list[str]) -> Any:
    alive = or_(col(Token.expires_at).is_(None), col(Token.expires_at) > clock.wall_us())
    live = select(Token).where(col(Token.revoked_at).is_(None), alive)
    return live.where(col(Token.person).in_(people)).order_by(col(Token.id))


def _keep_somebody(session: Session) -> None:
    """Raises PeopleError when nobody is left who holds ``people`` everywhere and has a token to sign in with."""
    if session.exec(_live_tokens(access.holders(session, "people")).limit(1)).first() is None:
        raise PeopleError(
            "then nobody with a valid token could look after people any more: "
            f"first give another person the role {roles.STEWARD!r} and a token"
        )


def _described(session: Session, person: Person) -> dict[str, Any]:
    tokens = session.exec(select(Token).where(Token.person == person.id).order_by(col(Token.created_at))).all()
    return {
        "id": person.id,
        "name": person.name,
        "state": person.state,
        "employment": person.employment,
        "department": person.department,
        "roles": roles_of(session, person.id),
        "tokens": [_token_described(token) for token in tokens],
    }


def _token_described(token: Token) -> dict[str, Any]:
    moments = {"created_at": token.created_at, "expires_at": token.expires_at, "revoked_at": token.revoked_at}
    words = {name: None if at is None else clock.to_text(at) for name, at in moments.items()}
    return {"id": token.id, "label": token.label, **words}
