"""`standfast stop-page`: the page from which somebody stops everything with a phone; alone, or beside the daemon."""

from __future__ import annotations

import importlib
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands.context import UserError, guarded, say
from config import essentials, extra
from config.fault import Fault

if TYPE_CHECKING:
    from console.server import Serving
    from scheduler.checkup import Patient

EXTRA = f"the stop page needs what the extra `console` brings: {extra.install('console')}"
LOOK_S = 1.0
"""How often the command looks whether its server still runs."""


def stop_page(
    listen: Annotated[
        str | None,
        typer.Option(
            "--listen", metavar="HOST:PORT", help="Where to listen (default: the settings', else 127.0.0.1:8443)."
        ),
    ] = None,
    tls_certificate: Annotated[
        str | None,
        typer.Option(
            "--tls-certificate", metavar="FILE", help="The page's own certificate (PEM); else a proxy speaks TLS."
        ),
    ] = None,
    tls_key: Annotated[
        str | None, typer.Option("--tls-key", metavar="FILE", help="The certificate's private key (PEM).")
    ] = None,
) -> None:
    """Serve the page that stops everything from a phone, until SIGTERM or Ctrl-C. Needs no daemon, plan or answering store."""
    given = {"stop_page": listen, "stop_page_certificate": tls_certificate, "stop_page_key": tls_key}
    with guarded():
        ended = Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ended.set())
        with _served(essentials.merged(), given) as page:
            say(f"standfast: the stop page is at {page.url}")
            while not ended.wait(LOOK_S):
                if not page.thread.is_alive():
                    raise UserError("the stop page's server has ended by itself: start it again")


@contextmanager
def beside_daemon() -> Iterator[None]:
    """The page while the daemon runs, where the settings ask for one: what keeps it from being served keeps nothing else."""
    loaded = essentials.merged()
    with ExitStack() as stack:
        if loaded.values.get("stop_page"):
            try:
                page = stack.enter_context(_served(loaded, {}))
                say(f"standfast: the stop page is at {page.url}")
            except Exception as error:
                why = str(error) if isinstance(error, Fault) else f"{type(error).__name__}: {error}"
                say(f"standfast: warning: THE STOP PAGE IS NOT SERVED: {why}")
        yield


def check(patient: Patient) -> Iterator[tuple[str, str]]:
    """The doctor's look at the page: (level, text)."""
    if not patient.settings.stop_page:
        yield "ok", "the daemon serves none (stop_page)"
        return
    try:
        from console.doorway import Doorway

        doorway = Doorway.of(essentials.merged(), {})
        doorway.check()
        importlib.import_module("console.server")
        yield (
            "ok",
            f"{doorway.address}; {'a proxy speaks TLS' if doorway.certificate is None else 'it speaks TLS itself'}",
        )
    except ImportError as error:
        yield "fault", f"{EXTRA} ({error})"
    except Fault as fault:
        yield "fault", str(fault)


@contextmanager
def _served(loaded: essentials.Loaded, given: dict[str, Any]) -> Iterator[Serving]:
    """The page, served. Raises Fault when it cannot be served."""
    try:
        from console import server
    except ImportError as error:
        raise UserError(f"{EXTRA} ({error})") from None
    from commands import crisis
    from console.doorway import Doorway

    doorway = Doorway.of(loaded, given)
    with server.served(
        doorway, lambda: essentials.merged(secrets=False), partial(crisis.after_stop, sweep=True)
    ) as page:
        yield page
