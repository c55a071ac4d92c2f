"""What somebody typed to show that they may: a personal token or a sealed one-time code, in one field."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from governance import authority, break_glass
from scheduler.emergency_stop import Request
from scheduler.killswitch import Scope

MOST = 400
"""More characters than any token or code has, however it is spaced."""
TOKEN_BEGINS = "sf_"  # noqa: S105 (it begins one)


@dataclass(frozen=True)
class Credential:
    """One of the two: every token begins with ``sf_``, and no code can (its alphabet has no such sign)."""

    token: str = field(default="", repr=False)
    code: str = field(default="", repr=False)

    @classmethod
    def parse(cls, text: str) -> Credential | None:
        """What was typed; None when that is nothing. A phone's capital at the beginning does not count."""
        typed = text.strip()[:MOST]
        if not any(char.isalnum() for char in typed):
            return None
        if typed[: len(TOKEN_BEGINS)].lower() == TOKEN_BEGINS:
            return cls(token=TOKEN_BEGINS + typed[len(TOKEN_BEGINS) :])
        return cls(code=typed)

    @property
    def digest(self) -> str:
        """What it is known by while the page remembers it."""
        return hashlib.sha256(repr((self.token, self.code)).encode("utf-8", "surrogatepass")).hexdigest()

    def request(self, scope: Scope, reason: str) -> Request:
        """The stop that it asks for. One of the two is never empty: without either, a stop would be the account owner's."""
        assert self.token or self.code
        return Request(scope, reason, code=self.code, token=self.token)

    def is_listed(self, authority_file: Path) -> bool:
        """True when the local authority file knows it: then it is heard before all that is not known."""
        if self.token:
            return authority.from_file(authority_file, self.token) is not None
        return break_glass.from_file(authority_file, self.code) is not None
