"""One request from its last byte to its answer: understood, met by a fault or not, done, logged, answered."""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from sandbox import facebook, planner, x
from sandbox.arrivals import Arrival, ArrivalLog
from sandbox.faults import Scene, unavailable
from sandbox.messages import Answer, Call, Request
from sandbox.rules import Rule, Rules
from sandbox.state import State
from sandbox.wire import Hangup, Wire

REDIRECTED = "/redirected"
"""Where redirects lead: the same platform again, so that a client that followed one stands in the log with this path."""
INCOMPLETE = "incomplete"


@dataclass
class Sandbox:
    """The platforms' common memory. `lock` serialises every use of the rest, so the log's order is that of the state."""

    state: State
    log: ArrivalLog
    rules: Rules
    lock: threading.Lock
    ending: threading.Event
    """Set when the process ends: nobody waits any longer."""

    @classmethod
    def open(cls, log: Path, journal: Path | None) -> Sandbox:
        """A sandbox that writes to `log` and remembers in `journal`. Raises OSError, ValueError."""
        return cls(State(journal), ArrivalLog(log), Rules(), threading.Lock(), threading.Event())


def understand(request: Request) -> Call:
    """What `request` asks, and of which platform."""
    path = request.path.removeprefix(REDIRECTED)
    return x.call(request, path) if path.startswith(("/2/", "/1.1/")) else facebook.call(request, path)


def exchange(sandbox: Sandbox, request: Request, wire: Wire) -> None:
    """Do what `request` asks, log it, then answer. Raises Hangup or OSError when the connection is of no more use."""
    call = understand(request)
    if not request.complete:
        with sandbox.lock:
            _log(sandbox, request, call, None, INCOMPLETE)
        raise Hangup
    with sandbox.lock:
        rule = sandbox.rules.take(request, call)
        if rule is None or not rule.fault.late:
            answer = _settle(sandbox, request, call, rule)
    if rule is not None and rule.fault.late:
        sandbox.ending.wait(rule.options.seconds)
        with sandbox.lock:
            answer = _settle(sandbox, request, call, rule)
    _deliver(call, request, answer, rule, wire)


def _settle(sandbox: Sandbox, request: Request, call: Call, rule: Rule | None) -> Answer | None:
    """Do what was asked, unless a fault forbids it (None), and log it; what has come due by then is fired before."""
    planner.fire(sandbox)
    answer = _run(sandbox, call) if rule is None or rule.accepts else None
    _log(sandbox, request, call, answer, rule.name if rule else None)
    return answer


def _run(sandbox: Sandbox, call: Call) -> Answer:
    try:
        return call.run(sandbox.state)
    except Exception as error:
        # The log must have this request too, whatever it made of the sandbox.
        print(f"sandbox: {call.platform}: {type(error).__name__}: {error}", file=sys.stderr)
        return unavailable(call.platform, 500)


def _log(sandbox: Sandbox, request: Request, call: Call, answer: Answer | None, fault: str | None) -> None:
    accepted = answer is not None and answer.accepted
    arrival = Arrival(
        seq=sandbox.log.next_seq,
        boot_ns=request.boot_ns,
        wall_us=request.wall_us,
        kind=call.kind,
        platform=call.platform,
        account=call.account,
        method=request.method,
        path=request.path,
        text=call.text,
        remote_id=answer.remote_id if answer is not None and accepted else None,
        accepted=accepted,
        fault=fault,
        key=request.header("idempotency-key") or None,
    )
    sandbox.log.write(arrival)


def _deliver(call: Call, request: Request, answer: Answer | None, rule: Rule | None, wire: Wire) -> None:
    shown = answer or unavailable(call.platform)
    if rule is None:
        wire.send(shown)
    else:
        rule.fault.deliver(Scene(wire, call.platform, request, shown, rule.options))
