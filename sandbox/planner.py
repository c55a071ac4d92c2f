"""The platforms' own schedulers: what was planned there goes public at its time, and stands in the arrival log as ``fired``.

Before anybody's request is done, what has come due by then is fired: a list never lacks a post that the log does not show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from config import clock
from sandbox.arrivals import Arrival

if TYPE_CHECKING:
    from sandbox.exchange import Sandbox

LONGEST_S = 1.0
"""How long it sleeps at most: the machine's clock may be set."""


def fire(sandbox: Sandbox) -> None:
    """Make public what has come due; the caller holds the lock."""
    for post in sandbox.state.due(clock.wall_us()):
        sandbox.state.fire(post.id)
        sandbox.log.write(
            Arrival(
                seq=sandbox.log.next_seq,
                boot_ns=clock.boot_ns(),
                wall_us=clock.wall_us(),
                kind="fired",
                platform=post.platform,
                account=post.account,
                method="",
                path=f"/{post.id}",
                text=post.text,
                remote_id=post.id,
                accepted=True,
                fault=None,
                key=None,
            )
        )


def run(sandbox: Sandbox) -> None:
    """Fire what comes due, until the process ends."""
    while not sandbox.ending.is_set():
        with sandbox.lock:
            fire(sandbox)
            sandbox.state.replanned.clear()
            next_us = sandbox.state.next_due()
        ahead_s = LONGEST_S if next_us is None else max(0.0, (next_us - clock.wall_us()) / clock.SECOND)
        sandbox.state.replanned.wait(min(ahead_s, LONGEST_S))
