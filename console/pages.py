"""Answers: templates filled in the visitor's language, with headers that let a page load and send nothing elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from importlib import resources
from typing import Any

import jinja2
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from config import clock, essentials
from config.local_time import LocalTime
from console import wording

POLICY = (
    "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "require-trusted-types-for 'script'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Robots-Tag": "noindex, nofollow",
    "Connection": "close",
}
LASTING = {"Strict-Transport-Security": "max-age=31536000"}
"""Said only over the page's own TLS: a proxy says it for its own."""


class Pages:
    """The templates, read once."""

    def __init__(self, *, tls: bool) -> None:
        self.headers = {**HEADERS, **(LASTING if tls else {})}

    @cached_property
    def templates(self) -> jinja2.Environment:
        """Everything that is put in is escaped; a name that is not there is a fault."""
        loader = jinja2.FunctionLoader(lambda name: _file("templates", name))
        return jinja2.Environment(
            loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )

    @cached_property
    def _style(self) -> str:
        return _file("style.css")

    def style(self) -> Response:
        """The stylesheet."""
        return Response(self._style, media_type="text/css", headers=self.headers)

    def page(
        self,
        request: Request,
        template: str,
        loaded: essentials.Loaded,
        about: Mapping[str, Any],
        *,
        status: int = 200,
        refresh: int = 0,
    ) -> Response:
        """A filled page; with `refresh`, one that is asked for again after so many seconds."""
        language = wording.language(request.headers.get("accept-language", ""))
        local = LocalTime(loaded)
        text = self.templates.get_template(template).render(
            t=wording.texts()[language],
            language=language,
            local=local.text,
            now=local.text(clock.to_text(clock.wall_us())),
            **about,
        )
        headers = {**self.headers, "Content-Language": language, **({"Refresh": str(refresh)} if refresh else {})}
        return Response(text, status_code=status, media_type="text/html", headers=headers)

    def moved(self, where: str) -> Response:
        """After a form: look there (303), so that loading again sends nothing again."""
        return RedirectResponse(where, status_code=303, headers=self.headers)


def _file(*names: str) -> str:
    return resources.files("console").joinpath(*names).read_text(encoding="utf-8")
