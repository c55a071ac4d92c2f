"""What `crisis --cut` and `crisis --kind compromise` do beside the stop: end local senders, keep evidence, revoke tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING

from commands.context import Context

if TYPE_CHECKING:
    from crisis.cut import Done
    from scheduler.killswitch import Recorded
    from scheduler.liveness import Process

SECONDS = 10.0
"""For a channel's evidence, and as much again for its token."""


def cut(recorded: Recorded, tell: Callable[[str], None]) -> None:
    """Right after SUSPENDED, before the drain: this host's senders are ended, then the platforms take the tokens back."""
    with closing(Context()) as context:
        for process in _ended(context):
            tell(
                f"CUT  ended process {process.pid} ({process.kind}): its calls are settled now; it may be started again"
            )
        for done in _done(context, recorded.suspension, recorded.by, revoke=True):
            tell(_line(done))


def look(suspension: int, by: str, tell: Callable[[str], None]) -> None:
    """The evidence alone, after the receipt."""
    with closing(Context()) as context:
        for done in _done(context, suspension, by, revoke=False):
            tell(_line(done))
    tell("  the tokens are still good: `standfast crisis --cut` revokes them; new ones go into .env")


def _ended(context: Context) -> Iterator[Process]:
    from scheduler import liveness
    from scheduler.daemon import DAEMON

    workers_dir = context.essential.workers_dir
    for known in liveness.known(workers_dir):
        if known.kind == DAEMON and (ended := liveness.end(workers_dir, known.pid)) is not None:
            yield ended


def _done(context: Context, suspension: int, by: str, *, revoke: bool) -> Iterator[Done]:
    from crisis.cut import Cutter
    from scheduler.account import ConnectorPool

    with closing(ConnectorPool(context.engine)) as pool:
        own = Cutter(context.engine, pool, by, context.essential.data_dir / "evidence")
        yield from own.run(suspension, SECONDS, revoke=revoke)


def _line(done: Done) -> str:
    from config import clock

    kept = f"{done.posts} post(s) kept as evidence" if done.evidence else "no evidence kept"
    token = f"token revoked at {clock.to_text(done.revoked_at)}" if done.revoked_at else "token not revoked"
    return f"CUT  {done.channel}  {kept}; {token}" + (f"; {done.trouble}" if done.trouble else "")
