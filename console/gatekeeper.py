"""Who may stop by the page, asked in two lanes so that nobody who may waits behind those who guess.

What the local authority file knows (the people who may suspend everything, and the sealed codes) goes straight to the stop,
which asks the store itself. What it does not know is asked of the store first, a few at a time, and leaves no thread busy and
no entry in the record for each guess. Whoever serves the page lends it no right: without a token or a code nothing is stopped.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from config.essentials import Essentials
from console.credential import Credential
from console.refusal_log import RefusalLog
from governance import authority
from governance.authority import Refusal
from scheduler import switch
from scheduler.killswitch import Scope
from scheduler.stop_authority import StopAuthority

CHECKS = 4
"""Unknown credentials that are looked up at once."""
MOST_DOUBTED = 256


class Gatekeeper:
    """Asked from the server's loop; the looking up happens in threads of its own."""

    def __init__(self, load: Callable[[], Essentials]) -> None:
        self.load = load
        self.log = RefusalLog(load)
        self._lists = ThreadPoolExecutor(1, "stop-page-list")
        self._checks = ThreadPoolExecutor(CHECKS, "stop-page-check")
        self._doubted: OrderedDict[str, None] = OrderedDict()

    async def refusal(self, credential: Credential, scope: Scope) -> Refusal | None:
        """Why it may not stop `scope`; None when it may try: the stop asks again, and counts."""
        loop = asyncio.get_running_loop()
        if credential.digest not in self._doubted and await loop.run_in_executor(self._lists, self._listed, credential):
            return None
        return await loop.run_in_executor(self._checks, self._looked_up, credential, scope)

    def doubt(self, credential: Credential) -> None:
        """The stop refused what the file knows (a used code, a revoked token): from now on the store is asked first."""
        self._doubted[credential.digest] = None
        if len(self._doubted) > MOST_DOUBTED:
            self._doubted.popitem(last=False)

    def close(self) -> None:
        """End the threads; a look that hangs is left to itself."""
        for pool in (self._lists, self._checks):
            pool.shutdown(wait=False, cancel_futures=True)
        self.log.close()

    def _listed(self, credential: Credential) -> bool:
        return credential.is_listed(self.load().authority_file)

    def _looked_up(self, credential: Credential, scope: Scope) -> Refusal | None:
        essential = self.load()
        own = switch.open_switch(essential)
        asked = StopAuthority(own, essential, {}, [], self.log.note)
        try:
            if credential.code:
                asked.by_code(credential.code)
            else:
                asked.by_person(scope, credential.token)
        except Refusal as refusal:
            return refusal
        finally:
            own.close()
        return None

    async def whose(self, token: str) -> str | None:
        """The person whose token this is; None when it is nobody's, or the store does not answer."""
        return await asyncio.get_running_loop().run_in_executor(self._checks, self._whose, token)

    def _whose(self, token: str) -> str | None:
        own = switch.open_switch(self.load())
        try:
            with switch.reading(own) as cursor:
                found = authority.person_of(cursor, own.name, token)
        except Refusal as refusal:
            self.log.note("unknown", str(refusal), "look")
            return None
        except switch.SwitchUnavailable:
            return None
        finally:
            own.close()
        return None if found is None else found.person
