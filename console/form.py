"""What a browser sent: read with a bound, and looked at for where it was sent from."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request

from console.credential import Credential
from scheduler.killswitch import ALL, CHANNEL, GROUP, Scope

MOST_BYTES = 8192
MOST_FIELDS = 16
MOST_REASON, MOST_NAME = 500, 200
HOME = ("same-origin", "none", "")
"""What Sec-Fetch-Site says of a form of this page, and of a browser too old to say anything."""


class TooBig(Exception):
    """More bytes or fields than any form of these pages has."""


async def fields(request: Request) -> dict[str, str]:
    """The fields of an urlencoded form, the first of each name. Raises TooBig after `MOST_BYTES`."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            raise TooBig
    try:
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise TooBig from None
    return dict(reversed(pairs))


def is_foreign(request: Request, proxy: bool) -> bool:
    """True when the browser says that another site sent this. A browser that says nothing is believed: no cookie or login is
    used here, so another site has nothing to ride on, and the stop must not be locked out."""
    site = request.headers.get("sec-fetch-site", "").lower()
    if site:
        return site not in HOME
    origin = urlsplit(request.headers.get("origin", ""))
    # "null" is what a browser says of our own form, for we ask it to send no referrer; a proxy may name another host.
    return bool(origin.netloc) and not proxy and origin.netloc.lower() != request.headers.get("host", "").lower()


@dataclass(frozen=True)
class Wish:
    """A filled confirmation: the form's own id, the credential, what to stop and why."""

    form: str
    credential: Credential | None
    what: str
    name: str
    reason: str

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Wish:
        """What was filled in; of a form without an id, one of its own."""
        return cls(
            form=given.get("form", "")[:64] or new_id(),
            credential=Credential.parse(given.get("credential", "")),
            what=given.get("what", ALL),
            name=_plain(given.get("name", ""))[:MOST_NAME].strip(),
            reason=_plain(given.get("reason", ""))[:MOST_REASON].strip(),
        )

    @property
    def scope(self) -> Scope | None:
        """What to stop; None when it does not say which channel or group."""
        if self.what not in (CHANNEL, GROUP):
            return Scope()
        return Scope(self.what, self.name) if self.name else None


def new_id() -> str:
    """An id for a form that is shown now: two taps on it are one stop."""
    return secrets.token_urlsafe(24)


def _plain(text: str) -> str:
    """`text` without what neither database nor screen can keep."""
    return "".join(char if char.isprintable() else " " for char in text)
