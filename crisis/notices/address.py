"""One notice to one address, through apprise: bounded in time, and nothing gets out with the address in it."""

from __future__ import annotations

from queue import Empty, Queue
from threading import Thread

from crisis.notices.words import Words

CONNECT_S, ANSWER_S = 5, 10
LIMIT_S = 20.0
"""A service that hangs past its own limits is given up; its thread ends when it does."""


def trouble(url: str) -> str | None:
    """Why no notice can be sent to `url`, without showing it; None when apprise understands it."""
    from apprise import Apprise

    try:
        known = Apprise.instantiate(url) is not None
    except Exception as error:  # a service's own code reads what somebody typed
        return f"cannot be understood ({type(error).__name__}): mend the address"
    return None if known else "is no address that apprise understands: see its list of services"


def send(url: str, words: Words, limit_s: float = LIMIT_S) -> str | None:
    """None when the service took the notice, else why it is not known to have, without the address."""
    answers: Queue[str | None] = Queue()
    Thread(target=lambda: answers.put(_sent(url, words)), name="notice", daemon=True).start()
    try:
        return answers.get(timeout=limit_s)
    except Empty:
        return f"no answer within {limit_s:g} s"


def _sent(url: str, words: Words) -> str | None:
    try:
        from apprise import Apprise

        own = Apprise()
        if not own.add(_bounded(url)):
            return "is no address that apprise understands"
        return (
            None
            if own.notify(title=words.subject, body=words.body)
            else "the service refused it, or did not take all of it"
        )
    except Exception as error:  # whatever a service's code does, the next address must be reached
        return f"{type(error).__name__} while sending"


def _bounded(url: str) -> str:
    """`url` with limits for connecting and answering, where it names none of its own."""
    mark = "&" if "?" in url else "?"
    return url if "cto=" in url else f"{url}{mark}cto={CONNECT_S}&rto={ANSWER_S}"
