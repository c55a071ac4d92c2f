"""`standfast resume`, in two steps bound to the epoch: show what will happen and give a code; lift with the code.

Only a signed-in person with the right lifts anything, a second one where the city says so; whatever is suspended or lifted
in between voids the code. A refused or expired request leaves everything as it was.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from config import clock
from config.essentials import Essentials
from governance import authority, codes, login_file
from governance.authority import Identity, Refusal
from scheduler import exercise, killswitch, lifting, liveness, stop_ledger, switch, triage
from scheduler.killswitch import Scope, SwitchError, rows, run
from scheduler.switch import Switch, SwitchUnavailable
from scheduler.triage import Outlook
from store import chain
from store.chain import Cursor

CODE_LENGTH = 8
LONGEST_LIFT_S = 5.0
"""A lift that was held up for longer begins anew: posts that fell due meanwhile would go out late, unseen by a person."""


@dataclass(frozen=True)
class Active:
    """A suspension that could be lifted."""

    id: int
    epoch: int
    kind: str
    scope: Scope
    by: str
    at: int
    reason: str
    starts_at: int = 0
    has_come: bool = True
    """False for a planned one whose moment is to come."""


@dataclass(frozen=True)
class Offer(Outlook):
    """Step one's answer: the code, and what lifting would do. `channels`: the only ones it is for, None for the whole;
    `still_closed`: those of them that another suspension keeps closed; `released`: those it was lifted for before."""

    code: str
    suspension: int
    kind: str
    scope: str
    channels: list[str] | None
    expires_at: str
    remaining: list[int]
    still_closed: dict[str, list[int]]
    released: list[str]


@dataclass(frozen=True)
class Lifted:
    """Step two's answer. `channels`: the only ones it was lifted for; `left`: how many channels it covers still."""

    suspension: int
    kind: str
    epoch: int
    held: int
    held_in_all: int
    remaining: list[int]
    warning: str | None
    channels: list[str] | None = None
    left: int = 0
    still_closed: dict[str, list[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Asked:
    """A request of step one, as its code finds it."""

    id: int
    chosen: Active
    epoch: int
    channels: list[str] | None


class Resumption:
    """One run of resume: the signed-in person, the store, and this host's cell."""

    def __init__(self, essential: Essentials, environ: dict[str, str]) -> None:
        self.essential, self.environ = essential, environ
        self.switch: Switch = switch.open_switch(essential)

    def ask(self, reason: str, *, scope: Scope | None, suspension: int | None, only: Sequence[Scope] = ()) -> Offer:
        """A code that lifts one suspension, and what lifting would do. Raises Refusal, SwitchError, SwitchUnavailable.

        `only`: the channels and groups (as they are now) that it is lifted for; for everything else it stands.
        """
        self._settings_are_whole()
        with self._exclusive(step="resume.ask") as cursor:
            who = self._person(cursor, "ask to resume")
            stop_ledger.check_whole(cursor, self.switch.name, self.essential)
            stop_ledger.adopt(cursor, self.switch.name, self.essential)
            killswitch.begin_due(cursor, self.switch.name)
            chosen = self._choose(cursor, scope, suspension)
            channels = self._part_of(cursor, chosen, only) if only else None
            self._check(cursor, who, chosen, "ask to resume")
            code = codes.make(CODE_LENGTH)
            self._keep_request(cursor, who, chosen, channels, reason, code)
            return self._offer(cursor, chosen, channels, code)

    def confirm(self, code: str, reason: str, *, suspension: int | None = None) -> Lifted:
        """What was lifted. Raises Refusal, SwitchError, SwitchUnavailable; then everything is as it was.

        `suspension`: the one that whoever confirms means, None for the code's.
        """
        self._settings_are_whole()
        with self._exclusive(step="resume.confirm") as cursor:
            started, name = clock.boot_s(), self.switch.name
            who = self._person(cursor, "resume")
            stop_ledger.check_whole(cursor, name, self.essential)
            asked = self._request(cursor, who, code)
            if suspension not in (None, asked.chosen.id):
                raise SwitchError(f"the code lifts suspension {asked.chosen.id}, not {suspension}; NOT LIFTED")
            self._check(cursor, who, asked.chosen, "resume")
            self._second_person(cursor, who, asked)
            lifts_all = _lifts_all(cursor, name, asked)
            new_epoch, held = self._lift(cursor, who, asked, reason)
            run(cursor, name, "UPDATE resume_request SET used_at = ? WHERE id = ?", (clock.wall_us(), asked.id))
            remaining = [item.id for item in active(cursor, name) if item.has_come]
            in_all = int(rows(cursor, name, "SELECT count(*) FROM post WHERE state = 'held'")[0][0])
            left = 0 if asked.channels is None else _count_covered(cursor, name, asked.chosen.id)
            closed = _closed(cursor, name, asked.channels)
            _in_time(started)
        warning = self._raise_fence(lifts_all)
        chosen = asked.chosen
        return Lifted(chosen.id, chosen.kind, new_epoch, held, in_all, remaining, warning, asked.channels, left, closed)

    def _lift(self, cursor: Cursor, who: Identity, asked: _Asked, reason: str) -> tuple[int, int]:
        named: dict[str, Any] = {"by": who.person, "reason": reason, "asked_epoch": asked.epoch}
        named["reconfirm_us"] = self._reconfirm_us
        if asked.channels is None:
            return lifting.lift(cursor, self.switch.name, asked.chosen.id, **named)
        return lifting.lift_part(cursor, self.switch.name, asked.chosen.id, asked.channels, **named)

    @property
    def _reconfirm_us(self) -> int:
        return int(self.essential.reconfirm_s * clock.SECOND)

    def _raise_fence(self, lifted_all: bool) -> str | None:
        """Why this host's cell does not say yet what the ledger says, or None; the lift stands either way."""
        try:
            with switch.reading(self.switch) as cursor:
                return stop_ledger.raise_fence(
                    cursor, self.switch.name, self.essential, lifted_all=lifted_all, step="resume"
                )
        except SwitchUnavailable as error:
            return str(error)

    def close(self) -> None:
        """Close the connection."""
        self.switch.close()

    def _exclusive(self, step: str) -> Any:
        return _Registered(self.switch, self.essential, step)

    def _settings_are_whole(self) -> None:
        """Raise SwitchError where settings cannot be read: a default may not stand in for the rule of two persons."""
        if self.essential.warnings:
            raise SwitchError(f"the settings cannot be read: {'; '.join(self.essential.warnings)}; NOT LIFTED")

    # --- who ---------------------------------------------------------------------------------------------------------

    def _person(self, cursor: Cursor, action: str) -> Identity:
        token = login_file.token_for(self.essential.data_dir, self.environ)
        try:
            found = authority.person_of(cursor, self.switch.name, token)
        except Refusal as refusal:
            raise _Logged("unknown", action, "", f"{refusal}; NOT LIFTED") from None
        if found is None:
            raise Refusal("resuming needs a signed-in person: run `standfast login` or set STANDFAST_TOKEN; NOT LIFTED")
        return found

    def _check(self, cursor: Cursor, who: Identity, chosen: Active, action: str) -> None:
        why = self._ineligible(cursor, who.person, chosen)
        if why is not None:
            raise _Logged(who.person, action, f"suspension {chosen.id}", f"{why}; NOT LIFTED")

    def _ineligible(self, cursor: Cursor, person: str, chosen: Active) -> str | None:
        """Why `person` may not lift this, or part of it: what covers all is cleared by who answers for all."""
        channel = chosen.scope.value if chosen.scope.kind == killswitch.CHANNEL else authority.EVERY_CHANNEL
        return authority.ineligible(cursor, self.switch.name, person, "resume", channel)

    def _second_person(self, cursor: Cursor, who: Identity, request: _Asked) -> None:
        if not self.essential.resume_two_persons:
            return
        query = "SELECT by FROM resume_request WHERE id = ?"
        asked = str(rows(cursor, self.switch.name, query, (request.id,))[0][0])
        why = self._ineligible(cursor, asked, request.chosen)
        if asked == who.person:
            why = f"{who.person} asked for this resume, so another person must confirm it (resume_two_persons)"
        elif why is not None:
            why = f"who asked for this resume may not any more ({why}): somebody else must ask (resume_two_persons)"
        if why is not None:
            raise _Logged(who.person, "resume", f"request {request.id}", f"{why}; NOT LIFTED")

    # --- what --------------------------------------------------------------------------------------------------------

    def _choose(self, cursor: Cursor, scope: Scope | None, suspension: int | None) -> Active:
        found = [
            item
            for item in active(cursor, self.switch.name)
            if (scope is None or item.scope == scope) and suspension in (None, item.id)
        ]
        to_come = [item for item in found if not item.has_come] if suspension is None else []
        found = [item for item in found if item not in to_come]
        if not found:
            killswitch.epoch(cursor, self.switch.name)
            hint = f" (planned: {_named(to_come)}; --suspension NUMBER takes one back)" if to_come else ""
            raise SwitchError(f"nothing that fits is suspended{hint}: see `standfast crisis status`; NOT LIFTED")
        if len(found) > 1:
            raise SwitchError(f"several are active: {_named(found)}: name one with --suspension; NOT LIFTED")
        return found[0]

    def _part_of(self, cursor: Cursor, chosen: Active, only: Sequence[Scope]) -> list[str]:
        """The channels that `only` names and `chosen` covers now, groups as they are at this moment. Raises SwitchError."""
        name, found = self.switch.name, set[str]()
        if chosen.scope.kind == killswitch.CHANNEL:
            raise SwitchError(f"suspension {chosen.id} is of {chosen.scope} alone: leave --only out; NOT LIFTED")
        for scope in only:
            killswitch.check_scope(cursor, name, scope)
            covered = {item for item in _named_by(cursor, name, scope) if lifting.covers(cursor, name, chosen.id, item)}
            if not covered:
                raise SwitchError(
                    f"suspension {chosen.id} ({chosen.scope}) covers nothing of {scope} now: see `standfast crisis status`; "
                    "NOT LIFTED"
                )
            found |= covered
        return sorted(found)

    def _keep_request(
        self, cursor: Cursor, who: Identity, chosen: Active, channels: list[str] | None, reason: str, code: str
    ) -> None:
        epoch = killswitch.epoch_or_zero(cursor, self.switch.name)
        columns = "suspension_id, epoch, code_hash, by, reason, at, channels"
        part = None if channels is None else json.dumps(channels)
        values = (chosen.id, epoch, codes.hash_of(code), who.person, reason, clock.wall_us(), part)
        run(cursor, self.switch.name, f"INSERT INTO resume_request ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)", values)  # noqa: S608 (constants only)
        detail = {"reason": reason, "epoch": epoch} | ({} if channels is None else {"channels": channels})
        subject = f"suspension {chosen.id}"
        chain.append(cursor, self.switch.name, actor=who.person, action="ask_resume", subject=subject, detail=detail)

    def _request(self, cursor: Cursor, who: Identity, code: str) -> _Asked:
        """The request of a code that is known, unused and not too old."""
        columns = (
            "r.id, r.at, r.used_at, r.epoch, r.channels, "
            "s.id, s.epoch, s.kind, s.scope_kind, s.scope_value, s.by, s.at, s.reason"
        )
        query = (
            f"SELECT {columns} FROM resume_request r JOIN suspension s ON s.id = r.suspension_id "  # noqa: S608 (constants only)
            "WHERE r.code_hash = ?"
        )
        found = rows(cursor, self.switch.name, query, (codes.hash_of(code),))
        if not found:
            raise _Logged(
                who.person, "resume", "", "that code is not known: run `standfast resume` for one; NOT LIFTED"
            )
        request, asked_at, used_at, epoch, part, number, its_epoch, kind, scope_kind, scope_value, *rest = found[0]
        age_s = (clock.wall_us() - asked_at) / clock.SECOND
        if used_at is not None or not 0 <= age_s <= self.essential.resume_code_life_s:
            what = "was used already" if used_at is not None else "has expired"
            why = f"that code {what}: run `standfast resume` again; NOT LIFTED"
            raise _Logged(who.person, "resume", f"request {request}", why)
        chosen = Active(int(number), its_epoch, kind, Scope(scope_kind, scope_value), *rest)
        return _Asked(int(request), chosen, int(epoch), None if part is None else json.loads(part))

    def _offer(self, cursor: Cursor, chosen: Active, channels: list[str] | None, code: str) -> Offer:
        name, life_us = self.switch.name, int(self.essential.resume_code_life_s * clock.SECOND)
        found = triage.outlook(cursor, name, triage.Part(chosen.id, channels), self._reconfirm_us)
        stays = [item.id for item in active(cursor, name) if item.has_come and (channels or item.id != chosen.id)]
        return Offer(
            **vars(found),
            code=code,
            suspension=chosen.id,
            kind=chosen.kind,
            scope=str(chosen.scope),
            channels=channels,
            expires_at=clock.to_text(clock.wall_us() + life_us),
            remaining=stays,
            still_closed=_closed(cursor, name, channels, but=chosen.id),
            released=[channel for channel, _by, _at in killswitch.released(cursor, name, chosen.id)],
        )


def _named_by(cursor: Cursor, dialect: str, scope: Scope) -> list[str]:
    """The channels of a scope. Raises SwitchError for ``all``, which is no part."""
    if scope.kind == killswitch.CHANNEL:
        return [scope.value]
    if scope.kind == killswitch.GROUP:
        query = "SELECT channel FROM channel_group WHERE name = ? ORDER BY channel"
        return [str(row[0]) for row in rows(cursor, dialect, query, (scope.value,))]
    raise SwitchError("--only names a part, channel:NAME or group:NAME: for everything leave it out; NOT LIFTED")


def _lifts_all(cursor: Cursor, dialect: str, asked: _Asked) -> bool:
    """Whether the lift is of a stop of everything that stood whole: only then is a lost cell laid down anew by it.

    While a part was lifted, a lost cell may hold a stop that nothing else keeps: it is recorded as one of its own instead.
    """
    chosen = asked.chosen
    if asked.channels is not None or chosen.scope.kind != killswitch.ALL or chosen.kind == exercise.DRILL:
        return False
    return killswitch.stands_whole(cursor, dialect, chosen.id)


def _count_covered(cursor: Cursor, dialect: str, number: int) -> int:
    covered = killswitch.COVERS.format(channel="c.name")
    query = f"SELECT count(*) FROM channel c WHERE EXISTS (SELECT 1 FROM suspension s WHERE s.id = ? AND {covered})"  # noqa: S608 (constants only)
    return int(rows(cursor, dialect, query, (number,))[0][0])


def _closed(cursor: Cursor, dialect: str, channels: list[str] | None, but: int = 0) -> dict[str, list[int]]:
    """By channel, of those that a suspension other than `but` covers now: which."""
    now = clock.wall_us()
    found = {item: killswitch.closed_by(cursor, dialect, item, now) for item in channels or ()}
    return {item: other for item, all_of in found.items() if (other := [number for number in all_of if number != but])}


class _Logged(Refusal):
    """A refusal that goes into the chain, in a transaction of its own, since the refused act is undone."""

    def __init__(self, actor: str, action: str, subject: str, why: str) -> None:
        super().__init__(why)
        self.actor, self.action, self.subject = actor, action, subject


class _Registered:
    """The exclusive transaction of a process that the hostage rule must spare; logs refusals after undoing the act."""

    def __init__(self, own: Switch, essential: Essentials, step: str) -> None:
        self.own = own
        self.registration = liveness.registered_or_not(essential.workers_dir, liveness.SWITCH)
        self.transaction = switch.exclusive(own, step)

    def __enter__(self) -> Any:
        self.registration.__enter__()
        try:
            return self.transaction.__enter__()
        except BaseException:
            self.registration.__exit__(None, None, None)
            raise

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            self.transaction.__exit__(kind, error, trace)
        finally:
            if isinstance(error, _Logged):
                self._log(error)
            self.registration.__exit__(None, None, None)

    def _log(self, refusal: _Logged) -> None:
        with switch.exclusive(self.own, step="resume.refusal") as cursor:
            detail = {"why": str(refusal), "action": refusal.action}
            chain.append(
                cursor, self.own.name, actor=refusal.actor, action="refused", subject=refusal.subject, detail=detail
            )


def _named(items: list[Active]) -> str:
    return ", ".join(f"{item.id} ({item.scope}, by {item.by})" for item in items)


def active(cursor: Cursor, dialect: str) -> list[Active]:
    """The suspensions that are not lifted, oldest first, planned ones too."""
    columns = "s.id, s.epoch, s.kind, s.scope_kind, s.scope_value, s.by, s.at, s.reason, s.starts_at"
    query = (
        f"SELECT {columns}, CASE WHEN {killswitch.HAS_COME} THEN 1 ELSE 0 END FROM suspension s "  # noqa: S608 (constants only)
        "WHERE s.lifted_epoch IS NULL ORDER BY s.id"
    )
    return [
        Active(int(number), int(epoch), kind, Scope(scope_kind, value), by, int(at), reason, int(starts_at), bool(come))
        for number, epoch, kind, scope_kind, value, by, at, reason, starts_at, come in rows(
            cursor, dialect, query, (clock.wall_us(),)
        )
    ]


def _in_time(started_s: float) -> None:
    """Raise SwitchError when a lift took so long (a stopped process) that posts may have fallen due since it looked."""
    if clock.boot_s() - started_s > LONGEST_LIFT_S:
        raise SwitchError(
            f"the lift took over {LONGEST_LIFT_S:.0f} s, so nothing was changed: confirm again; NOT LIFTED"
        )
