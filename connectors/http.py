"""One bounded HTTP request at a time for a platform's client library, and what came of it as facts.

A `Transport` gives the library a `requests` session whose adapter opens a fresh connection for each request (a pooled
one may be half-closed, which makes the outcome ambiguous), follows no redirect, repeats nothing, uses no proxy, netrc or
cookie, ends every step by one deadline and reads at most 1 MiB. The connectors judge by the recorded `Answer`, never by
what the library made of it: tweepy and facebook-sdk each read some failures as success.
"""

from __future__ import annotations

import http.client
import io
import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from config import clock, failpoint
from connectors import exchange
from connectors.account import base_url
from connectors.errors import NotSent, PublishError, Uncertain
from connectors.exchange import Draft, Exchange
from connectors.protocol import Account, Deadline, Permit
from connectors.wire import Leave, Wire, cause, dial, nothing_sent

BODY_LIMIT = 1 << 20
_BLOCK = 65536
_TEXT_LIMIT = 200
_LINK = re.compile(r"\w+://\S+")


@dataclass(frozen=True)
class Answer:
    """What the platform answered, read whole; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    reason: str = ""

    def document(self) -> dict[str, Any]:
        """The body as a JSON object; empty when it is none."""
        try:
            document = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return document if isinstance(document, dict) else {}


class _TooLong(Exception):
    """The body is over the limit, which is the argument (bytes)."""


class _CutShort(Exception):
    """The connection ended before the body did."""


class Call(Leave):
    """One request in the making, and its answer or failure; `drafting`: it is only looked at, and never sent."""

    def __init__(
        self, deadline: Deadline, permit: Permit | None = None, limit: int = BODY_LIMIT, *, drafting: bool = False
    ) -> None:
        super().__init__(deadline, permit)
        self.limit = limit
        self.begun, self.drafting = False, drafting
        self.draft: Draft | None = None
        self.answer: Answer | None = None
        self.failure: PublishError | None = None


class Transport:
    """The way of one account to its platform, whose API lives at `home` (``https://host``)."""

    def __init__(self, account: Account, home: str, limit: int = BODY_LIMIT) -> None:
        """Keep where to send to; connect to nothing. Raises AccountError for a `base_url` that cannot be used.

        `limit`: bytes of an answer's body, whole MiB.
        """
        self._account, self._limit = account, limit
        self._base = base_url(account, home)
        self._calls = threading.local()
        self.session = _Session()
        for scheme in ("https://", "http://"):
            self.session.mount(scheme, _Adapter(self))

    def ask(
        self, do: Callable[[], object], deadline: Deadline, permit: Permit | None = None, limit: int | None = None
    ) -> Answer:
        """The platform's answer to the one request that `do` makes through `session`; `limit`: another than the way's own.

        Raises NotSent when no byte of it was written, Uncertain when some may have been and no whole answer came back.
        """
        call = Call(deadline, permit, limit or self._limit)
        self._calls.current = call
        try:
            do()
        except Exception as error:
            # What happened on the wire stands, whatever the library made of it or raised afterwards.
            call.failure = call.failure or self._unanswered(call, error)
        finally:
            self._calls.current = None
        if call.answer is not None:
            return call.answer
        raise call.failure or NotSent(f"{self._account.platform}: the client made no request")

    def draft(self, do: Callable[[], object]) -> Draft:
        """The one request that `do` would make, without secrets. Nothing is connected to. Raises NotSent when it makes none."""
        call = Call(Deadline(0), drafting=True)
        self._calls.current = call
        try:
            do()
        except Exception as error:
            if call.draft is None:
                raise self._unanswered(call, error) from None
        finally:
            self._calls.current = None
        if call.draft is None:
            raise NotSent(f"{self._account.platform}: the client made no request")
        return call.draft

    def say(self, text: object) -> str:
        """`text` from the platform as a short single line without links, control characters or this account's secrets."""
        line = str(text)
        # The longest first: one secret may begin with another.
        for secret in sorted(self._account.secrets.values(), key=len, reverse=True):
            for form in {secret, quote(secret, safe=""), quote_plus(secret)} - {""}:
                line = line.replace(form, "***")
        line = _LINK.sub("(link)", line)
        line = " ".join("".join(c if c.isprintable() else " " for c in line).split())
        return line[:_TEXT_LIMIT]

    def close(self) -> None:
        """Release the session."""
        self.session.close()

    def exchange(self, request: requests.PreparedRequest) -> Answer:
        """The answer to `request`, the current call's only one."""
        call: Call | None = getattr(self._calls, "current", None)
        if call is None or call.begun:
            raise NotSent(f"{self._account.platform}: a request beside the call's own was refused")
        call.begun = True
        if call.drafting:
            call.draft = self._drafted(request)
            raise NotSent(f"{self._account.platform}: a draft is not sent")
        at_us = clock.wall_us()
        try:
            call.answer = self._send(request, call)
        except Exception as error:
            call.failure = self._unanswered(call, error)
            self._note(at_us, request, call)
            raise call.failure from None
        self._note(at_us, request, call)
        return call.answer

    def _note(self, at_us: int, request: requests.PreparedRequest, call: Call) -> None:
        """For the record, where somebody listens: what was written, and what came back."""
        if not call.wrote or not exchange.is_wanted():
            return
        sent = self._drafted(request)
        if call.answer is None:
            exchange.note(Exchange(at_us, sent, None, call.failure.detail if call.failure else ""))
        else:
            exchange.note(Exchange(at_us, sent, self._told(sent.url, call.answer), status=call.answer.status))

    def _drafted(self, request: requests.PreparedRequest) -> Draft:
        path, secrets = self._base.path + _path(request), self._account.secrets.values()
        host = self._base.host if self._base.port in (80, 443) else f"{self._base.host}:{self._base.port}"
        headers = [("Host", host), *request.headers.items()]
        first = f"{request.method or 'GET'} {path} HTTP/1.1"
        body = exchange.message(first, [(str(n), str(v)) for n, v in headers], _body(request) or b"", secrets)
        url = f"{'https' if self._base.tls else 'http'}://{host}{path}"
        return Draft(exchange.scrubbed(url.encode(), secrets).decode("utf-8", "replace"), body)

    def _told(self, url: str, answer: Answer) -> Draft:
        first = f"HTTP/1.1 {answer.status} {answer.reason}".rstrip()
        body = exchange.message(first, answer.headers.items(), answer.body, self._account.secrets.values())
        return Draft(url, body, exchange.ANSWER_TYPE)

    def _send(self, request: requests.PreparedRequest, call: Call) -> Answer:
        base = self._base
        with failpoint.step(call.step, "connect"):
            sock = dial(base.host, base.port, base.tls, call.deadline)
        try:
            link = http.client.HTTPConnection(base.host, base.port)
            link.default_port = 443 if base.tls else 80
            link.sock = Wire(sock, call)
            link.request(request.method or "GET", base.path + _path(request), _body(request), dict(request.headers))
            with failpoint.step(call.step, "answer"):
                return _read(link.getresponse(), call.limit)
        finally:
            sock.close()

    def _unanswered(self, call: Call, error: Exception) -> PublishError:
        what = f"{self._account.platform} at {self._base.host}"
        if not call.wrote:
            return error if isinstance(error, PublishError) else nothing_sent(what, error)
        return Uncertain(f"{what}: the request was written but not answered: {_after(error)}")


class _Session(requests.Session):
    """A session that takes nothing from the machine's environment and goes nowhere by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False
        self.headers.update({"Connection": "close", "Accept-Encoding": "identity"})

    def get_redirect_target(self, _resp: requests.Response) -> str | None:
        """None: a redirect is an answer. Following one would send a post twice or to somebody else."""
        return None


class _Adapter(HTTPAdapter):
    """The last place before the wire: every request of the session goes to `transport`."""

    def __init__(self, transport: Transport) -> None:
        super().__init__(max_retries=0)
        self._transport = transport

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """The answer as the library expects it. Raises PublishError."""
        answer = self._transport.exchange(request)
        raw = urllib3.HTTPResponse(
            io.BytesIO(answer.body),
            dict(answer.headers),
            answer.status,
            reason=answer.reason,
            preload_content=False,
        )
        return self.build_response(request, raw)


def _path(request: requests.PreparedRequest) -> str:
    parts = urlsplit(request.url or "")
    return (str(parts.path) or "/") + (f"?{parts.query}" if parts.query else "")


def _body(request: requests.PreparedRequest) -> bytes | None:
    body = request.body
    if body is None or isinstance(body, bytes):
        return body
    if isinstance(body, str):
        return body.encode()
    raise TypeError("the request's body is not in memory")


def _read(raw: http.client.HTTPResponse, limit: int) -> Answer:
    """The whole answer. Raises _TooLong over the limit, _CutShort when it ends early."""
    body = bytearray()
    while block := raw.read(_BLOCK):
        body += block
        if len(body) > limit:
            raise _TooLong(limit)
    if raw.length:
        raise _CutShort
    headers = {name.lower(): value for name, value in raw.headers.items()}
    return Answer(raw.status, headers, bytes(body), raw.reason)


def _after(error: Exception) -> str:
    if isinstance(error, _TooLong):
        return f"the answer is longer than {error.args[0] >> 20} MiB"
    if isinstance(error, (_CutShort, http.client.IncompleteRead)):
        return "the answer was cut short"
    if isinstance(error, http.client.RemoteDisconnected):
        return "the connection was closed without an answer"
    if isinstance(error, http.client.HTTPException):
        return "the answer is not HTTP"
    return cause(error)
