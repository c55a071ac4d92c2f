"""`standfast resume`, in two steps bound to the epoch: show what will happen and give a code; lift with the code.

Only a signed-in person with the right lifts anything, a second one where the city says so; whatever is suspended or lifted
in between voids the code. A refused or expired request leaves everything as it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from config import clock
from config.essentials import Essentials
from governance import authority, codes, login_file
from governance.authority import Identity, Refusal
from scheduler import exercise, killswitch, lifting, liveness, stop_ledger, switch
from scheduler.killswitch import Scope, SwitchError, rows, run
from scheduler.switch import Switch, SwitchUnavailable
from store import chain
from store.chain import Cursor

CODE_LENGTH = 8
NEXT_HOUR_US = 3600 * clock.SECOND
SHOWN = 20
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
class Offer:
    """Step one's answer: the code, and what lifting would do."""

    code: str
    suspension: int
    kind: str
    scope: str
    expires_at: str
    unconfirmed: int
    will_be_held: list[dict[str, Any]]
    will_be_held_count: int
    next_hour: list[dict[str, Any]]
    remaining: list[int]


@dataclass(frozen=True)
class Lifted:
    """Step two's answer."""

    suspension: int
    kind: str
    epoch: int
    held: int
    held_in_all: int
    remaining: list[int]
    warning: str | None


class Resumption:
    """One run of resume: the signed-in person, the store, and this host's cell."""

    def __init__(self, essential: Essentials, environ: dict[str, str]) -> None:
        self.essential, self.environ = essential, environ
        self.switch: Switch = switch.open_switch(essential)

    def ask(self, reason: str, *, scope: Scope | None, suspension: int | None) -> Offer:
        """A code that lifts one suspension, and what lifting would do. Raises Refusal, SwitchError, SwitchUnavailable."""
        self._settings_are_whole()
        with self._exclusive(step="resume.ask") as cursor:
            who = self._person(cursor, "ask to resume")
            stop_ledger.check_whole(cursor, self.switch.name, self.essential)
            stop_ledger.adopt(cursor, self.switch.name, self.essential)
            killswitch.begin_due(cursor, self.switch.name)
            chosen = self._choose(cursor, scope, suspension)
            self._check(cursor, who, chosen, "ask to resume")
            code = codes.make(CODE_LENGTH)
            self._keep_request(cursor, who, chosen, reason, code)
            return self._offer(cursor, chosen, code)

    def confirm(self, code: str, reason: str) -> Lifted:
        """What was lifted. Raises Refusal, SwitchError, SwitchUnavailable; then everything is as it was."""
        self._settings_are_whole()
        with self._exclusive(step="resume.confirm") as cursor:
            started = clock.boot_s()
            who = self._person(cursor, "resume")
            stop_ledger.check_whole(cursor, self.switch.name, self.essential)
            request, chosen, epoch = self._request(cursor, who, code)
            self._check(cursor, who, chosen, "resume")
            self._second_person(cursor, who, request, chosen)
            new_epoch, held = lifting.lift(
                cursor,
                self.switch.name,
                chosen.id,
                by=who.person,
                reason=reason,
                asked_epoch=epoch,
                reconfirm_us=self._reconfirm_us,
            )
            run(
                cursor,
                self.switch.name,
                "UPDATE resume_request SET used_at = ? WHERE id = ?",
                (clock.wall_us(), request),
            )
            remaining = [item.id for item in active(cursor, self.switch.name) if item.has_come]
            in_all = int(rows(cursor, self.switch.name, "SELECT count(*) FROM post WHERE state = 'held'")[0][0])
            _in_time(started)
        return Lifted(chosen.id, chosen.kind, new_epoch, held, in_all, remaining, self._raise_fence(chosen))

    @property
    def _reconfirm_us(self) -> int:
        return int(self.essential.reconfirm_s * clock.SECOND)

    def _raise_fence(self, lifted: Active) -> str | None:
        """Why this host's cell does not say yet what the ledger says, or None; the lift stands either way."""
        try:
            with switch.reading(self.switch) as cursor:
                all_of_it = lifted.scope.kind == killswitch.ALL and lifted.kind != exercise.DRILL
                return stop_ledger.raise_fence(
                    cursor, self.switch.name, self.essential, lifted_all=all_of_it, step="resume"
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
        channel = chosen.scope.value if chosen.scope.kind == killswitch.CHANNEL else authority.EVERY_CHANNEL
        return authority.ineligible(cursor, self.switch.name, person, "resume", channel)

    def _second_person(self, cursor: Cursor, who: Identity, request: int, chosen: Active) -> None:
        if not self.essential.resume_two_persons:
            return
        asked = str(rows(cursor, self.switch.name, "SELECT by FROM resume_request WHERE id = ?", (request,))[0][0])
        why = self._ineligible(cursor, asked, chosen)
        if asked == who.person:
            why = f"{who.person} asked for this resume, so another person must confirm it (resume_two_persons)"
        elif why is not None:
            why = f"who asked for this resume may not any more ({why}): somebody else must ask (resume_two_persons)"
        if why is not None:
            raise _Logged(who.person, "resume", f"request {request}", f"{why}; NOT LIFTED")

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

    def _keep_request(self, cursor: Cursor, who: Identity, chosen: Active, reason: str, code: str) -> None:
        epoch = killswitch.epoch_or_zero(cursor, self.switch.name)
        statement = (
            "INSERT INTO resume_request (suspension_id, epoch, code_hash, by, reason, at) VALUES (?, ?, ?, ?, ?, ?)"
        )
        values = (chosen.id, epoch, codes.hash_of(code), who.person, reason, clock.wall_us())
        run(cursor, self.switch.name, statement, values)
        detail = {"reason": reason, "epoch": epoch}
        subject = f"suspension {chosen.id}"
        chain.append(cursor, self.switch.name, actor=who.person, action="ask_resume", subject=subject, detail=detail)

    def _request(self, cursor: Cursor, who: Identity, code: str) -> tuple[int, Active, int]:
        """(request, suspension, epoch) of a code that is known, unused and not too old."""
        columns = (
            "r.id, r.at, r.used_at, r.epoch, s.id, s.epoch, s.kind, s.scope_kind, s.scope_value, s.by, s.at, s.reason"
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
        request, asked_at, used_at, epoch, number, its_epoch, kind, scope_kind, scope_value, by, at, reason = found[0]
        age_s = (clock.wall_us() - asked_at) / clock.SECOND
        if used_at is not None or not 0 <= age_s <= self.essential.resume_code_life_s:
            what = "was used already" if used_at is not None else "has expired"
            why = f"that code {what}: run `standfast resume` again; NOT LIFTED"
            raise _Logged(who.person, "resume", f"request {request}", why)
        scope = Scope(scope_kind, scope_value)
        return int(request), Active(int(number), its_epoch, kind, scope, by, at, reason), int(epoch)

    def _offer(self, cursor: Cursor, chosen: Active, code: str) -> Offer:
        now, reconfirm = clock.wall_us(), self._reconfirm_us
        return Offer(
            code=code,
            suspension=chosen.id,
            kind=chosen.kind,
            scope=str(chosen.scope),
            expires_at=clock.to_text(now + int(self.essential.resume_code_life_s * clock.SECOND)),
            unconfirmed=len(killswitch.unconfirmed(cursor, self.switch.name, chosen.id)),
            will_be_held=_posts(cursor, self.switch.name, chosen.id, 0, now + reconfirm),
            will_be_held_count=lifting.missed(cursor, self.switch.name, chosen.id, reconfirm),
            next_hour=_posts(cursor, self.switch.name, chosen.id, now + reconfirm, now + NEXT_HOUR_US, _OPEN_OTHERWISE),
            remaining=[item.id for item in active(cursor, self.switch.name) if item.has_come and item.id != chosen.id],
        )


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


_OPEN_OTHERWISE = f"""AND NOT EXISTS (SELECT 1 FROM suspension s WHERE s.id <> ?
  AND {killswitch.ACTIVE.replace("?", "p.due_at")} AND {killswitch.COVERS.format(channel="p.channel")}) """  # noqa: S608 (constants only)
"""No other suspension covers the post when its time comes; a planned one does so from its start on."""


def _posts(cursor: Cursor, dialect: str, number: int, after: int, until: int, but: str = "") -> list[dict[str, Any]]:
    """The scheduled posts due in (`after`, `until`] that suspension `number` covers; `but` (SQL) asks for its number again."""
    covers = killswitch.COVERS.format(channel="p.channel")
    query = (
        "SELECT p.id, p.channel, p.due_at, p.text FROM post p WHERE p.state = 'scheduled' AND p.due_at > ? "  # noqa: S608 (constants only)
        f"AND p.due_at <= ? AND EXISTS (SELECT 1 FROM suspension s WHERE s.id = ? AND {covers}) {but}"
        f"ORDER BY p.due_at, p.id LIMIT {SHOWN}"
    )
    found = rows(cursor, dialect, query, (after, until, number, *((number,) if but else ())))
    return [{"post": i, "channel": c, "due_at": clock.to_text(d), "text": t[:60]} for i, c, d, t in found]
