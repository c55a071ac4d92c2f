"""The stop page: see the state, confirm with a token or a code, watch the receipt. It can stop, and nothing here can resume."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from config import clock, essentials
from console import form, views
from console.form import Wish
from console.gatekeeper import Gatekeeper
from console.pages import Pages
from console.stops import AfterStop, Stop, Stops
from console.throttle import Throttle
from console.watch import Watch
from governance.authority import NotKnown, Refusal

logger = structlog.get_logger()
FIRST_S = 3.0
"""Longest that the answer to a confirmation waits for the stop's first word; the receipt goes on telling."""
Endpoint = Callable[[Request], Awaitable[Response]]


class StopPage:
    """The pages and what they remember between requests. Everything is asked and kept on the server's loop."""

    def __init__(
        self, load: Callable[[], essentials.Loaded], after: AfterStop, *, tls: bool = False, proxy: bool = False
    ) -> None:
        self.load, self.proxy = load, proxy
        self.gate, self.watch = Gatekeeper(self._essential), Watch(self._essential)
        self.stops, self.throttle, self.pages = Stops(load, after), Throttle(), Pages(tls=tls)

    def application(self) -> Starlette:
        """The ASGI application: every way in there is."""
        routes = [
            Route("/", self._told(self.state)),
            Route("/stop", self._told(self.confirm), methods=["GET"]),
            Route("/stop", self._told(self.stop), methods=["POST"]),
            Route("/receipt/{id}", self._told(self.receipt)),
            Route("/more", self._told(self.more), methods=["GET", "POST"]),
            Route("/style.css", self.style),
        ]
        return Starlette(routes=routes, exception_handlers={HTTPException: self._no_such})

    def close(self) -> None:
        """Give back the threads."""
        self.gate.close()
        self.watch.close()

    def _essential(self) -> essentials.Essentials:
        return essentials.load(loaded=self.load())

    def _told(self, endpoint: Endpoint) -> Endpoint:
        """`endpoint`, whose faults become pages that say what is known."""

        async def told(request: Request) -> Response:
            try:
                return await endpoint(request)
            except form.TooBig:
                return self._message(request, "too_big", 413)
            except Exception as error:
                logger.error("the stop page failed", action="stop_page", error=f"{type(error).__name__}: {error}")
                return self._message(request, "failed", 500)

        return told

    async def style(self, request: Request) -> Response:
        """The one stylesheet."""
        del request
        return self.pages.style()

    async def _no_such(self, request: Request, error: Exception) -> Response:
        return self._message(request, "missing", getattr(error, "status_code", 404))

    def _message(self, request: Request, key: str, status: int) -> Response:
        return self.pages.page(request, "message.html", self.load(), {"key": key}, status=status)

    # --- the state ---------------------------------------------------------------------------------------------------

    async def state(self, request: Request) -> Response:
        """Whether anything is suspended, and since when; no more to a stranger."""
        found = views.state(await self.watch.seen(), self._essential().cell_file)
        return self.pages.page(request, "state.html", self.load(), {"state": found})

    async def more(self, request: Request) -> Response:
        """Who, how many and why, for somebody of the city: a personal token is asked for each time."""
        if request.method != "POST":
            return await self._more(request)
        credential = Wish.of(await form.fields(request)).credential
        known = credential is not None and await self.gate.whose(credential.token) is not None
        if not known:
            await self.throttle.hold_back(_client(request))
        return await self._more(request, known=known)

    async def _more(self, request: Request, known: bool | None = None) -> Response:
        seen = await self.watch.seen()
        data = seen.data if known and seen is not None and seen.data.get("suspended") is not None else None
        alarms = [] if data is None else [f"{item['kind']}: {item['detail']}" for item in data["alarms"]]
        found = views.state(seen, self._essential().cell_file)
        refused = known is False
        status = 403 if refused else 200
        about = {"state": found, "data": data, "alarms": alarms, "refused": refused}
        return self.pages.page(request, "more.html", self.load(), about, status=status)

    # --- the stop ----------------------------------------------------------------------------------------------------

    async def confirm(self, request: Request) -> Response:
        """The one confirmation."""
        return self._form(request, Wish.of({}))

    async def stop(self, request: Request) -> Response:
        """The confirmed stop: its receipt, or the form again with the reason why nothing was stopped."""
        wish = Wish.of(await form.fields(request))
        if form.is_foreign(request, self.proxy):
            return self._message(request, "foreign", 403)
        if wish.credential is None:
            return self._form(request, wish, problem="refused", told="empty_text", status=422)
        if wish.scope is None:
            return self._form(request, wish, problem="mistake", told="scope_text", status=422)
        why, begun = await self._begun(wish)
        if why is not None or begun is None:
            return await self._refused(request, wish, why)
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(begun.first)), FIRST_S)
        if begun.mistake:
            return self._form(request, wish, problem="mistake", told="scope_text", why=begun.mistake, status=422)
        if begun.refusal:
            self.gate.doubt(wish.credential)
            return await self._refused(request, wish, begun.refusal)
        return self.pages.moved(f"/receipt/{begun.id}")

    async def _begun(self, wish: Wish) -> tuple[Refusal | None, Stop | None]:
        """(why not, None), or the stop that this form began: two taps on one form are one stop."""
        assert wish.credential is not None
        assert wish.scope is not None
        key = (wish.form, wish.credential.digest, str(wish.scope))
        if (known := self.stops.of_form(key)) is not None:
            return None, known
        why = await self.gate.refusal(wish.credential, wish.scope)
        if (known := self.stops.of_form(key)) is not None:  # the other tap came through meanwhile, and used up the code
            return None, known
        if why is not None:
            return why, None
        return None, self.stops.start(key, wish.credential.request(wish.scope, wish.reason))

    async def _refused(self, request: Request, wish: Wish, why: Refusal | None) -> Response:
        """What was given does not stop it. Of what nobody here knows no more is said than that: not whose it might be."""
        await self.throttle.hold_back(_client(request))
        told, more = _in_words(wish, why)
        return self._form(request, wish, problem="refused", told=told, why=more, status=403)

    def _form(self, request: Request, wish: Wish, *, status: int = 200, **about: str) -> Response:
        shown = request.query_params.get("show") == "1"
        values = {"problem": "", "told": "", "why": "", "form": form.new_id(), "wish": wish, "shown": shown, **about}
        return self.pages.page(request, "confirm.html", self.load(), values, status=status)

    async def receipt(self, request: Request) -> Response:
        """What is known of a stop now, for who holds its unguessable address."""
        name = str(request.path_params["id"])
        found = self.stops.of_id(name)
        if found is None:
            return self._message(request, "missing", 404)
        seen = None if found.recorded is None else await self.watch.seen(found.last_news)
        view = views.receipt(found, seen, self._essential().cell_file, clock.boot_s())
        still = request.query_params.get("still") == "1"
        refresh = 0 if still else view.refresh_s
        about = {"view": view, "id": name, "still": still}
        return self.pages.page(request, "receipt.html", self.load(), about, refresh=refresh)


def _in_words(wish: Wish, why: Refusal | None) -> tuple[str, str]:
    """(name of the page's own words for a refusal, what the stop itself says of it beside them)."""
    if not isinstance(why, NotKnown) or wish.credential is None:
        return "refused_text", str(why or "")
    return ("refused_code" if wish.credential.code else "refused_token"), ""


def _client(request: Request) -> str:
    return request.client.host if request.client is not None else ""
