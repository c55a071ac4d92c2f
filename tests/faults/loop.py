"""The loop: the first operation fails, then the second, … until a run passes without having met its fault."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import process_time

from config import clock
from tests.faults.crisis_runs import (
    EmergencyPost,
    EmergencyPublish,
    EmergencyRenew,
    LiveDrill,
    PlanWindow,
    WindowBegins,
)
from tests.faults.desk_runs import (
    CalendarSync,
    Look,
    PostAdd,
    PostCancel,
    PostClose,
    PostEdit,
    PostHold,
    PostRelease,
    PostReschedule,
    Start,
    StartRestored,
)
from tests.faults.fault import Fault, Tally
from tests.faults.judge import Judge
from tests.faults.publish_runs import Publish, PublishLostAnswer, Reconcile, Rescue, StopBeforeLeave, StopBeforeSend
from tests.faults.rig import Rig
from tests.faults.scenario import Scenario
from tests.faults.switch_runs import CellKeeping, Crisis, CrisisOfAPart, ResumeAsk, ResumeConfirm, Status

SCENARIOS: tuple[type[Scenario], ...] = (
    Publish,
    PublishLostAnswer,
    StopBeforeLeave,
    StopBeforeSend,
    Rescue,
    Reconcile,
    Crisis,
    CrisisOfAPart,
    Status,
    ResumeAsk,
    ResumeConfirm,
    CellKeeping,
    PlanWindow,
    WindowBegins,
    EmergencyPost,
    EmergencyRenew,
    EmergencyPublish,
    LiveDrill,
    CalendarSync,
    PostAdd,
    PostEdit,
    PostHold,
    PostRelease,
    PostReschedule,
    PostCancel,
    PostClose,
    Look,
    Start,
    StartRestored,
)
TURNING_POINT = "COMMIT"
"""The operation that every kind of trouble meets, also where the others meet one kind each."""


@dataclass(frozen=True)
class Loop:
    """What a scenario's loop came to: `operations` of a clean run, `runs` that met a fault, how long it took, and how much of
    that this process computed."""

    scenario: str
    operations: int
    runs: int
    seconds: float
    cpu_s: float

    def __str__(self) -> str:
        counts = f"{self.operations:4} operations  {self.runs:5} runs"
        return f"{self.scenario:34}  {counts}  {self.seconds:6.1f} s  (CPU {self.cpu_s:.1f} s)"


class Broken(AssertionError):
    """A run that did not hold: which one, and how to run it again."""


def loop(
    kind: type[Scenario], rig: Rig, *, everything: bool = False, only: Fault | None = None, every: int = 1
) -> Loop:
    """The loop over `kind`. Raises Broken.

    Each operation meets one kind of trouble, in turn (``COMMIT`` all of them); with `everything` all meet all, once and
    lasting. Where `every` is n, each n-th of these runs is made, the same ones each time.
    """
    judge, began, cpu, runs = Judge(rig), clock.boot_s(), process_time(), 0
    first = once(kind, rig, judge, None)
    trace = first.operations
    assert len(trace) >= kind.least, f"{kind.name} has only {len(trace)} operations: {trace}"
    assert trace.count("COMMIT") >= kind.commits, f"{kind.name} commits less than {kind.commits} times: {trace}"
    planned = [only] if only else list(faults(rig.injector.kinds, rig.injector.lasting, first, everything))
    for fault in planned[::every]:
        runs += not once(kind, rig, judge, fault).clean
    longest = len(trace)
    while not only:  # a run that met a fault may have gone another way: until one passes clean
        longest += 1
        if once(kind, rig, judge, Fault(rig.injector.kinds[longest % len(rig.injector.kinds)], longest)).clean:
            break
        runs += 1
    judge.chain()
    return Loop(kind.name, len(trace), runs, clock.boot_s() - began, process_time() - cpu)


def faults(kinds: Sequence[str], lasting: Sequence[str], trace: Tally, everything: bool) -> Iterator[Fault]:
    """What goes wrong in turn, in the order of the operations of `trace`."""
    for nth, operation in enumerate(trace.operations, 1):
        for number, kind in enumerate(kinds):
            in_turn, odd = nth % len(kinds) == number, nth // len(kinds) % 2 == 1
            is_late = nth in trace.fetched
            lasts = kind in lasting and (everything or not is_late)
            if everything or (in_turn and not (odd and (is_late or lasts))) or operation == TURNING_POINT:
                yield Fault(kind, nth)
            if is_late and (everything or (in_turn and odd)):
                yield Fault(kind, nth, late=True)
            if lasts and (everything or (in_turn and odd)):
                yield Fault(kind, nth, lasts=True)


def once(kind: type[Scenario], rig: Rig, judge: Judge, fault: Fault | None) -> Tally:
    """The account of one run that meets `fault`. Raises Broken."""
    judge.begin()
    scenario, tally, step = kind(rig, judge), Tally(fault), "prepare"
    try:
        scenario.prepare()
        step = "go"
        with rig.injector.armed(fault) as tally:
            scenario.go()
        scenario.clean, step = tally.clean, "at once"
        scenario.at_once(tally)
        judge.look()
        step = "afterwards"
        scenario.afterwards()
        judge.settled()
    except Exception as error:
        where = f"{kind.name} on {rig.engine.dialect.name}: {fault or 'no fault'} ({tally.struck or '-'}); {step}"
        again = f"--only {kind.name!r} {_options(fault)}"
        raise Broken(f"{where}: {type(error).__name__}: {error}\n  again: python -m tests.faults {again}") from error
    finally:
        scenario.end()
    return tally


def _options(fault: Fault | None) -> str:
    """What asks `python -m tests.faults` for this fault alone."""
    if fault is None:
        return ""
    more = "".join(word for asked, word in ((fault.lasts, " --lasts"), (fault.late, " --late")) if asked)
    return f"--kind {fault.kind!r} --nth {fault.nth}{more}"
