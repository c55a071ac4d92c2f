"""One notice to one address, through apprise: bounded in time, and nothing gets out with the address in it."""

from __future__ import annotations

import logging
from functools import lru_cache
from importlib.util import find_spec
from queue import Empty, Queue
from threading import Lock, Thread
from typing import Any

from config import extra
from crisis.notices.words import Words

ANSWER_S = 10.0
"""Longest that one step of a call (connect, read) may take; a mail server greets slowly."""
LIMIT_S = 20.0
"""A service that hangs past its own limits is given up; its thread ends when it does."""
NOT_INSTALLED = f"apprise is not installed: {extra.install('notices')}"
NOT_UNDERSTOOD = "is no address that apprise understands: see docs/notices.md"


class _Hanging:
    """Addresses that were given up and still keep a thread: as long as they do they get no other."""

    lock = Lock()
    urls: frozenset[str] = frozenset()


def is_installed() -> bool:
    """True when apprise can be imported; it is imported when something is sent, not before."""
    return find_spec("apprise") is not None


def trouble(url: str) -> str | None:
    """Why no notice can be sent to `url`, without showing it; None when apprise understands it."""
    try:
        return None if _opened(url) is not None else NOT_UNDERSTOOD
    except Exception as error:  # a service's own code reads what somebody typed
        return f"cannot be understood ({type(error).__name__}): mend the address"


def send(url: str, words: Words, limit_s: float = LIMIT_S) -> str | None:
    """None when the service took the notice, else why it is not known to have, without the address."""
    if not is_installed():
        return NOT_INSTALLED
    _load()
    if url in _Hanging.urls:
        return "an earlier notice to it is still under way"
    answers: Queue[str | None] = Queue()
    Thread(target=_answer, args=(answers, url, words), name="notice", daemon=True).start()
    try:
        return answers.get(timeout=limit_s)
    except Empty:
        with _Hanging.lock:
            if not answers.empty():  # it came just now
                return answers.get()
            _Hanging.urls |= {url}
        return f"no answer within {limit_s:g} s; it may have arrived all the same"


@lru_cache(maxsize=1)
def _load() -> None:
    """Read the library's many services: it takes a while, which is not the first address's own time."""
    trouble("json://127.0.0.1")


def _answer(answers: Queue[str | None], url: str, words: Words) -> None:
    found = _sent(url, words)
    with _Hanging.lock:
        answers.put(found)
        _Hanging.urls -= {url}


def _sent(url: str, words: Words) -> str | None:
    try:
        own = _opened(url)
        if own is None:
            return NOT_UNDERSTOOD
        took = own.notify(title=words.subject, body=words.body, body_format="text")
        return None if took else "the service cannot be reached, refused it, or did not take all of it"
    except Exception as error:  # whatever a service's code does, the next address must be reached
        return f"{type(error).__name__} while sending"


def _opened(url: str) -> Any:
    """apprise with the address (or the several, with commas between) of `url` and limits for each call of theirs; None when
    it does not understand all of it."""
    from apprise import Apprise, AppriseAsset

    _hush()
    # One service after another in the caller's own thread: the library's threads would keep a process from ending. No picture
    # is fetched from its makers.
    asset = AppriseAsset(async_mode=False, service_timeout=0, image_url_mask="", image_url_logo="", app_id="Standfast")
    own = Apprise(asset=asset)
    if not own.add(url):
        return None
    for service in own:
        service.socket_connect_timeout = min(service.socket_connect_timeout, ANSWER_S)
        service.socket_read_timeout = ANSWER_S
    return own


def _hush() -> None:
    """What the library says of its addresses reaches no screen and no log of ours."""
    own = logging.getLogger("apprise")
    own.propagate = False
    if not own.handlers:
        own.addHandler(logging.NullHandler())
