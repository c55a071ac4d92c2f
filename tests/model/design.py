"""The names of the weakened designs: PROTOCOL's last section, in its order, and what this project's own search found.

Each is a switch of the model (`Config.weakened`): the steps ask for it at the one place where it differs from the protocol.
"""

from __future__ import annotations

from typing import Final

NAIVE_FLAG: Final = "naive flag check"
"""A worker looks at the flag and sends; no row says so."""
ROW_AFTER_SEND: Final = "row written after the send"
"""The leave is not written down; the record after the call is the first to say that there was one."""
CLAIM_ONLY: Final = "gate checked at claim only"
"""Neither the leave asks the gate again, nor does the stop abort what is claimed."""
NO_LOCK: Final = "no lock at READ COMMITTED"
"""Others write between the stop's statements and its COMMIT."""
QUIET_AT_ONCE: Final = '"quiet" right after commit'
TIMEOUT_IS_QUIET: Final = "drain time-out counted as quiet"
IGNORES_UNKNOWN: Final = "quiet ignores unknown"
OWN_SNAPSHOT: Final = "report from its own snapshot"
"""What is in flight is read in a transaction of its own, before the suspension's."""
LEASE: Final = "lease expiry re-queues"
AUTOMATIC_RETRY: Final = "automatic retry after a time-out"
NO_RECONCILE_FENCE: Final = "reconcile without the fence"
""""Not found" is believed while the sender may still be alive."""
CATCH_UP: Final = "resume with catch-up"
IN_MEMORY: Final = "pause in memory"
FAIL_OPEN: Final = "fail-open cache"
"""A store that cannot be read is taken for what it said last."""
NO_ATTEMPT_ID: Final = "no attempt id (ABA)"
"""The leave asks whether the post is being published, not whether by this attempt."""
SWEEP_FIRST: Final = "native sweep before the drain"
UNBOUND_OVERRIDE: Final = "override not bound to the epoch"
NAIVE_RESTORE: Final = "naive restore"
"""The next daemon's start takes the copy for the store it knew."""

UNWOKEN: Final = "planned window that waits to be begun"
"""The gate asks whether somebody began it, not whether its moment has come."""
CLOCK_AGAIN: Final = "planned window that asks the clock again"
"""What has begun looks at the clock at every claim."""
NO_DOUBT: Final = "restore without a doubt"
"""The copy is suspended, and what it says of its posts is believed."""
BY_TIME_ALONE: Final = "restore that doubts by time alone"
"""Only what was due is doubted, not what this host has sent of what the copy has for later."""
HIDDEN_RESTORE: Final = "restore hidden by a stop"
"""A stop taken into an older copy raises its epoch to the one that it lacks."""

PART_CATCH_UP: Final = "staged resume with catch-up"
"""A channel that is resumed first sends what it missed."""
FORGOTTEN_STOP: Final = "put back as if a lifted part was never stopped"
"""What was in hand at the stop goes again by itself once its channel was resumed, for the stop does not cover that any more."""
FORGOTTEN_CALLS: Final = "quiet forgets a lifted part"
"""What a channel had in flight at the stop is asked no more once that was resumed."""
