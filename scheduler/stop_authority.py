"""Who stops: a signed-in person who may, a sealed code, or the owner of the service account; whatever the store's state is.

Who is signed in is never worse off than who is not: a token that is not good keeps no owner of the service account from
stopping, and what the store cannot say the local authority file does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress

from config import clock
from config.essentials import Essentials
from governance import authority, break_glass, login_file
from governance.authority import Identity, Refusal
from scheduler import killswitch, switch
from scheduler.killswitch import Scope
from scheduler.switch import Switch, SwitchUnavailable
from store import chain

NOTHING = "NOTHING IS SUSPENDED"


class StopAuthority:
    """The question who stops, for one run of `crisis`; what people must know beside the answer goes to `warnings`.

    `log` takes (person, why) of a refusal in place of the chain: who answers strangers must not write for each of them.
    """

    def __init__(
        self,
        own: Switch,
        essential: Essentials,
        environ: Mapping[str, str],
        warnings: list[str],
        log: Callable[[str, str], None] | None = None,
    ) -> None:
        self.switch, self.essential, self.environ, self.warnings = own, essential, environ, warnings
        self._log = log or self._log_refusal

    def by_code(self, text: str) -> break_glass.Code:
        """The sealed code that was typed. Raises Refusal (logged where possible)."""
        try:
            with switch.reading(self.switch) as cursor:
                return break_glass.find(cursor, self.switch.name, text)
        except Refusal as refusal:
            self._log("unknown", str(refusal))
            raise type(refusal)(f"{refusal}; {self._nothing()}") from None
        except Exception:  # whatever keeps the store from being asked
            found = break_glass.from_file(self.essential.authority_file, text)
        if found is None:
            raise Refusal(f"the store does not answer and the local file does not know this code; {NOTHING}")
        return found

    def by_person(self, scope: Scope, elsewhere: str = "") -> Identity:
        """A token that may, else the owner of the service account. Raises Refusal (logged where possible).

        `elsewhere`: the token of who asks from another machine; then nobody's login and nobody's account here counts.
        """
        token = elsewhere or login_file.token_for(self.essential.data_dir, dict(self.environ))
        owner = not elsewhere and authority.owns_service_account(self.essential.data_dir)
        if token is None:
            if owner:
                return authority.SERVICE
            raise Refusal(
                "you are not signed in and do not own the service account: run `standfast login`, set STANDFAST_TOKEN, or "
                f"use a sealed code (--code); {NOTHING}"
            )
        try:
            with switch.reading(self.switch) as cursor:
                return self._by_ledger(cursor, token, scope, owner)
        except Refusal:
            raise
        except Exception:  # whatever keeps the ledger from being asked
            return self._by_file(token, owner)

    def _by_ledger(self, cursor: chain.Cursor, token: str, scope: Scope, owner: bool) -> Identity:
        try:
            found = authority.person_of(cursor, self.switch.name, token)
        except Refusal as refusal:
            if not owner:
                self._log("unknown", str(refusal))
            return self._owner_instead(refusal, owner)
        assert found is not None
        channel = scope.value if scope.kind == killswitch.CHANNEL else authority.EVERY_CHANNEL
        why = authority.ineligible(cursor, self.switch.name, found.person, "suspend", channel)
        if why is not None:
            self._log(found.person, why)
            signed_out = "unset STANDFAST_TOKEN" if self.environ.get(login_file.VARIABLE) else "standfast logout"
            hint = f"; sign out (`{signed_out}`) to stop as the owner of the service account" if owner else ""
            raise Refusal(f"{why}{hint}; {NOTHING}")
        return found

    def _by_file(self, token: str, owner: bool) -> Identity:
        with suppress(Exception):
            if (found := authority.from_file(self.essential.authority_file, token)) is not None:
                return found
        away = Refusal("the store does not answer and the local file does not know this token")
        return self._owner_instead(away, owner)

    def _owner_instead(self, why: Refusal, owner: bool) -> Identity:
        """A token that is not good must not keep the owner of the service account from stopping at 2 a.m."""
        if not owner:
            raise type(why)(f"{why}; {NOTHING}")
        self.warnings.append(f"{why}; stopped as the owner of the service account")
        return authority.SERVICE

    def _nothing(self) -> str:
        """What a refused stop did not do, and what stands all the same: two people may have opened one sheet."""
        with suppress(Exception), switch.reading(self.switch) as cursor:
            query = f"SELECT s.id FROM suspension s WHERE {killswitch.ACTIVE} ORDER BY s.id"  # noqa: S608 (constants only)
            standing = [str(row[0]) for row in killswitch.rows(cursor, self.switch.name, query, (clock.wall_us(),))]
            if standing:
                return f"THIS COMMAND HAS SUSPENDED NOTHING; suspension {' and '.join(standing)} stands"
        return NOTHING

    def _log_refusal(self, person: str, why: str) -> None:
        self.switch.rollback()
        try:
            with switch.exclusive(self.switch, step="crisis.refusal") as cursor:
                detail = {"why": why, "action": "suspend"}
                chain.append(cursor, self.switch.name, actor=person, action="refused", subject="", detail=detail)
        except SwitchUnavailable as error:
            self.warnings.append(f"the refusal could not be logged: {error}")
