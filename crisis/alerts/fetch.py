"""One bounded GET from a host that the city lists: no redirect, no proxy, https (http on this machine alone), one deadline."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from config import web_address
from config.fault import Fault
from connectors.errors import ConnectorError
from connectors.http import Answer, Transport
from connectors.protocol import Account, Deadline
from crisis.alerts import feed

ACCEPT = f"{feed.CAP_TYPE}, application/atom+xml, application/rss+xml, application/xml;q=0.8, text/xml;q=0.8"
OK, NOT_MODIFIED = 200, 304


class FetchError(Fault):
    """Nothing could be fetched from an address: one line, without the query of the address, which may hold a key."""


def get(address: str, hosts: Collection[str], seconds: float, most: int, headers: Mapping[str, str]) -> Answer:
    """What the host answered: all of it, or that nothing has changed (status 304). Raises FetchError.

    `most`: bytes of the body, whole MiB. Redirects are not followed: they lead where nobody has looked.
    """
    if (why := web_address.refusal(address, hosts)) is not None:
        raise FetchError(f"{web_address.named(address)} {why}")
    try:
        answer = _ask(address, seconds, most, headers)
    except ConnectorError as error:
        raise FetchError(f"{web_address.named(address)}: {error.detail}") from None
    if answer.status not in (OK, NOT_MODIFIED):
        redirect = ": it leads elsewhere, give that address" if 300 <= answer.status < 400 else ""
        raise FetchError(f"{web_address.named(address)} answers {answer.status}{redirect}")
    return answer


def _ask(address: str, seconds: float, most: int, headers: Mapping[str, str]) -> Answer:
    parts = urlsplit(address)
    own = Transport(Account("alerts", "alerts"), f"{parts.scheme}://{parts.netloc}", most)
    try:
        all_headers = {"User-Agent": "standfast", "Accept": ACCEPT, **headers}
        return own.ask(lambda: own.session.get(address, headers=all_headers), Deadline.after(seconds))
    finally:
        own.close()
