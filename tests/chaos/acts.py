"""Crisis, status and resume in a trial, each in a process of its own that writes down what it was told, and when."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from config import clock, essentials
from config.fault import Fault
from scheduler import emergency_stop, exercise
from scheduler import status as status_command
from scheduler.emergency_stop import Answer
from scheduler.killswitch import PLANNED, Scope
from scheduler.receipt import Receipt
from scheduler.resumption import Active, Resumption, active
from scheduler.switch import open_switch, reading
from tests.chaos.worker import Diary
from tests.support.forked import die_with_parent

CRISIS = "crisis"
DRAIN_MARGIN_S = 2.0
"""A trial has no five seconds for what will not become quiet."""
VOID = 8
"""How often somebody asks anew because the code was void."""
SOONEST_S = 1e-6
"""A timer of 0 would never go off."""


def stop(diary: Diary, scope: str, wait: bool) -> Receipt | None:
    """`standfast crisis` without starting Python anew, up to its receipt."""
    diary.write("begun", scope=scope, kind=CRISIS)
    answer = _run(diary, emergency_stop.Request(Scope.parse(scope), "chaos", wait=wait))
    _answered(diary, answer, CRISIS)
    return answer.receipt


def plan(diary: Diary, scope: str, ahead_s: float) -> None:
    """`standfast crisis --kind planned --starts …`; its reason is its own, by which it is known before it has an epoch."""
    starts_us = clock.wall_us() + int(ahead_s * clock.SECOND)
    reason = f"window {os.getpid()} {starts_us}"
    diary.write("begun", scope=scope, kind=PLANNED)
    answer = _run(diary, emergency_stop.Request(Scope.parse(scope), reason, PLANNED, starts_at=starts_us))
    if "suspension" in answer.facts:
        number = answer.facts["suspension"]
        diary.write("planned", suspension=number, scope=scope, starts_us=starts_us, reason=reason)
    _answered(diary, answer, PLANNED)


def _run(diary: Diary, request: emergency_stop.Request) -> Answer:
    emergency_stop.DRAIN_MARGIN_S = DRAIN_MARGIN_S
    tell = lambda line: told(diary, line, str(request.scope), request.kind)  # noqa: E731  # one line, used once
    return emergency_stop.EmergencyStop(essentials.load(), essentials.merged().environ, tell).run(request)


def _answered(diary: Diary, answer: Answer, kind: str) -> None:
    receipt = answer.receipt.as_json() if answer.receipt else None
    diary.write("answer", code=answer.code, receipt=receipt, words=answer.words, kind=kind)


def stop_by_command(diary: Diary, scope: str, wait: bool) -> None:
    """`standfast crisis` itself, with the sweep that follows it."""
    arguments = ["crisis", "--scope", scope, "--json", *([] if wait else ["--no-wait"])]
    diary.write("begun", scope=scope, kind=CRISIS)
    with _command(arguments) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        for line in process.stderr:
            told(diary, line.rstrip(), scope, CRISIS, sweeps=True)
        answer = process.stdout.read()
    receipt = json.loads(answer) if answer.strip() else None
    diary.write("answer", code=process.returncode, receipt=receipt, words="", kind=CRISIS)


def told(diary: Diary, line: str, scope: str, kind: str, *, sweeps: bool = False) -> None:
    """Write down a line that people got to see; `sweeps`: the same process goes on to sweep."""
    line = line.removeprefix(f"{exercise.EXERCISE}  ")
    if line.startswith("SUSPENDED  "):
        number, _, epoch = line.partition("(suspension ")[2].rstrip(")").partition(", epoch ")
        diary.write("suspended", suspension=int(number), epoch=int(epoch), scope=scope, kind=kind)
        if sweeps:
            diary.write("sweeping", suspension=int(number), scope=scope)
    if line.startswith("SWEPT  "):
        _, channel, rest = line.split("  ", 2)
        counts, _, trouble = rest.partition(": ")
        found, gone = (int(word) for word in counts.split() if word.isdigit())
        diary.write("swept", channel=channel, found=found, gone=gone, trouble=None if trouble == "empty" else trouble)


@contextmanager
def _command(arguments: list[str]) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", "import cli; cli.main()", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, preexec_fn=die_with_parent) as process:
        yield process


def status(diary: Diary, wait: bool) -> None:
    """`standfast crisis status`, with ``--wait`` or without."""
    status_command.DRAIN_MARGIN_S = DRAIN_MARGIN_S  # type: ignore[attr-defined]  # the name it imports
    diary.write("status?")
    try:
        code, data, words = status_command.Status(essentials.load()).run(wait=wait)
    except Fault as error:
        return diary.write("no status", why=str(error))
    return diary.write("status", code=code, data=data, words=words, wait=wait)


def resume(diary: Diary, suspension: int | None, by_command: bool, falls_after_s: float | None = None) -> None:
    """Lift this suspension, or the oldest; asked anew while others suspend and lift in between.

    With `falls_after_s` this process ends so long (s) after it began to confirm.
    """
    for _ in range(VOID):
        found = [item for item in open_suspensions(diary) if suspension in (None, item.id)]
        if not found or _lifted(diary, found[0], by_command, falls_after_s):
            return


def resume_all(diary: Diary, by_command: bool) -> None:
    """Lift one suspension after another until there is none, or too many codes were void."""
    left = VOID
    while left and (found := open_suspensions(diary)):
        left -= not _lifted(diary, found[0], by_command)


def _lifted(diary: Diary, item: Active, by_command: bool, falls_after_s: float | None = None) -> bool:
    try:
        (_lift_by_command if by_command else _lift)(diary, item, falls_after_s)
    except Fault as error:
        diary.write("not lifted", suspended_epoch=item.epoch, reason=item.reason, why=str(error))
        return False
    return True


def _confirming(diary: Diary, item: Active, falls_after_s: float | None) -> None:
    """Say so; from now on the kernel ends this process after `falls_after_s`, wherever it is, as kill -9 does."""
    diary.write("confirming", suspended_epoch=item.epoch, kind=item.kind, reason=item.reason)
    if falls_after_s is not None:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, max(falls_after_s, SOONEST_S))


def _lift(diary: Diary, item: Active, falls_after_s: float | None) -> None:
    """`standfast resume` in both steps."""
    own = Resumption(essentials.load(), dict(os.environ))
    try:
        offer = own.ask("chaos", scope=None, suspension=item.id)
        item = _still(diary, item)
        _confirming(diary, item, falls_after_s)
        lifted = own.confirm(offer.code, "chaos")
    finally:
        own.close()
    diary.write(
        "lifted",
        suspended_epoch=item.epoch,
        epoch=lifted.epoch,
        held=lifted.held,
        warning=lifted.warning,
        kind=item.kind,
        reason=item.reason,
    )
    if item.kind == exercise.DRILL:
        from tests.chaos import exercises  # which imports this

        exercises.over(diary)


def _still(diary: Diary, item: Active) -> Active:
    """The same suspension as it stands now: asking for a resume begins a window whose moment has come."""
    for found in open_suspensions(diary):
        if (found.id, found.at, found.reason) == (item.id, item.at, item.reason):
            return found
    raise Fault("the offer is for another suspension")  # the number is another one's since the store was put back


def _lift_by_command(diary: Diary, item: Active, falls_after_s: float | None) -> None:
    """`standfast resume` itself, in both steps."""
    offer = _answer(["resume", "--reason", "chaos", "--suspension", str(item.id), "--json"])
    item = _still(diary, item)
    _confirming(diary, item, falls_after_s)
    lifted = _answer(["resume", "--confirm", offer["code"], "--reason", "chaos", "--json"])
    diary.write(
        "lifted",
        suspended_epoch=item.epoch,
        epoch=lifted["epoch"],
        held=lifted["held"],
        warning=lifted["warning"],
        kind=item.kind,
        reason=item.reason,
    )


def _answer(arguments: list[str]) -> dict[str, Any]:
    with _command(arguments) as process:
        told, why = process.communicate()
    if process.returncode:
        raise Fault(f"{' '.join(arguments[:2])} ended with {process.returncode}: {why.strip()[-200:]}")
    answer: dict[str, Any] = json.loads(told)
    return answer


def open_suspensions(diary: Diary) -> list[Active]:
    """The suspensions that are not lifted; none while the store cannot be read."""
    own = open_switch(essentials.load())
    try:
        with reading(own) as cursor:
            return active(cursor, own.name)
    except Fault as error:
        diary.write("not lifted", why=str(error))
        return []
    finally:
        own.close()
