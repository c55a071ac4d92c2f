"""Somebody with a phone: asks for pages, fills forms, and looks at the answers as they came over the wire."""

from __future__ import annotations

import http.client
import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape
from urllib.parse import urlencode, urlsplit

from tests.support.live_city import until


@dataclass(frozen=True)
class Seen:
    """An answer."""

    status: int
    headers: http.client.HTTPMessage
    html: str

    @property
    def title(self) -> str:
        """The page's title."""
        found = re.search(r"<title>(.*?)</title>", self.html, re.DOTALL)
        return "" if found is None else unescape(found[1])

    @property
    def text(self) -> str:
        """The page's words, without markup."""
        body = self.html.partition("<body>")[2]
        return " ".join(unescape(re.sub(r"<[^>]*>", " ", body)).split())

    @property
    def form(self) -> str:
        """The id of the form on the page."""
        found = re.search(r'name="form" value="([^"]+)"', self.html)
        return "" if found is None else found[1]


class Visitor:
    """One client of the page at `url`."""

    def __init__(self, url: str, **headers: str) -> None:
        parts = urlsplit(url)
        self.host, self.port, self.headers = str(parts.hostname), int(parts.port or 80), headers

    def ask(self, method: str, path: str, fields: Mapping[str, str] | None = None, **headers: str) -> Seen:
        """The answer to one request, on a connection of its own."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        body = None if fields is None else urlencode(fields)
        form = {"Content-Type": "application/x-www-form-urlencoded"} if fields is not None else {}
        sent = {name.replace("_", "-"): value for name, value in {**form, **self.headers, **headers}.items()}
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            return Seen(answer.status, answer.headers, answer.read().decode("utf-8"))
        finally:
            connection.close()

    def get(self, path: str = "/", **headers: str) -> Seen:
        """A page."""
        return self.ask("GET", path, **headers)

    def confirm(self, credential: str, *, form: str | None = None, **fields: str) -> Seen:
        """The answer to a confirmation: filled with `credential`, on a form of its own unless `form` names one."""
        own = self.get("/stop").form if form is None else form
        return self.ask("POST", "/stop", {"form": own, "credential": credential, **fields})

    def stop(self, credential: str, **fields: str) -> str:
        """Where the receipt of a stop that was accepted is."""
        answer = self.confirm(credential, **fields)
        assert answer.status == 303, answer.text
        return str(answer.headers["Location"])

    def receipt_until(self, path: str, title: str, within_s: float = 20.0) -> Seen:
        """The receipt once its title begins with `title`."""
        found: list[Seen] = []

        def seen() -> bool:
            found.append(self.get(path))
            return found[-1].title.startswith(title)

        until(seen, f"a receipt that says {title!r}, not {[item.title for item in found[-1:]]}", within_s)
        return found[-1]
