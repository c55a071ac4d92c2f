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

from config import essentials
from config.fault import Fault
from scheduler import emergency_stop
from scheduler import status as status_command
from scheduler.killswitch import Scope
from scheduler.resumption import Active, Resumption, active
from scheduler.switch import open_switch, reading
from tests.chaos.worker import Diary
from tests.support.forked import die_with_parent

DRAIN_MARGIN_S = 2.0
"""A trial has no five seconds for what will not become quiet."""
VOID = 8
"""How often somebody asks anew because the code was void."""
SOONEST_S = 1e-6
"""A timer of 0 would never go off."""


def stop(diary: Diary, scope: str, wait: bool) -> None:
    """`standfast crisis` without starting Python anew."""
    loaded = essentials.merged()
    request = emergency_stop.Request(Scope.parse(scope), "chaos", wait=wait)
    emergency_stop.DRAIN_MARGIN_S = DRAIN_MARGIN_S
    diary.write("begun", scope=scope)
    own = emergency_stop.EmergencyStop(essentials.load(), loaded.environ, lambda line: _told(diary, line, scope))
    answer = own.run(request)
    told = answer.receipt.as_json() if answer.receipt else None
    diary.write("answer", code=answer.code, receipt=told, words=answer.words)


def stop_by_command(diary: Diary, scope: str, wait: bool) -> None:
    """`standfast crisis` itself."""
    arguments = ["crisis", "--scope", scope, "--json", *([] if wait else ["--no-wait"])]
    diary.write("begun", scope=scope)
    with _command(arguments) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        for line in process.stderr:
            _told(diary, line.rstrip(), scope)
        told = process.stdout.read()
    receipt = json.loads(told) if told.strip() else None
    diary.write("answer", code=process.returncode, receipt=receipt, words="")


def _told(diary: Diary, line: str, scope: str) -> None:
    if line.startswith("SUSPENDED  "):
        number, _, epoch = line.partition("(suspension ")[2].rstrip(")").partition(", epoch ")
        diary.write("suspended", suspension=int(number), epoch=int(epoch), scope=scope)


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
        diary.write("not lifted", suspended_epoch=item.epoch, why=str(error))
        return False
    return True


def _confirming(diary: Diary, item: Active, falls_after_s: float | None) -> None:
    """Say so; from now on the kernel ends this process after `falls_after_s`, wherever it is, as kill -9 does."""
    diary.write("confirming", suspended_epoch=item.epoch, kind=item.kind)
    if falls_after_s is not None:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, max(falls_after_s, SOONEST_S))


def _lift(diary: Diary, item: Active, falls_after_s: float | None) -> None:
    """`standfast resume` in both steps."""
    own = Resumption(essentials.load(), dict(os.environ))
    try:
        offer = own.ask("chaos", scope=None, suspension=item.id)
        if item not in open_suspensions(diary):  # the number is another suspension's since the store was put back
            raise Fault("the offer is for another suspension")
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
    )


def _lift_by_command(diary: Diary, item: Active, falls_after_s: float | None) -> None:
    """`standfast resume` itself, in both steps."""
    offer = _answer(["resume", "--reason", "chaos", "--suspension", str(item.id), "--json"])
    _confirming(diary, item, falls_after_s)
    told = _answer(["resume", "--confirm", offer["code"], "--reason", "chaos", "--json"])
    diary.write(
        "lifted",
        suspended_epoch=item.epoch,
        epoch=told["epoch"],
        held=told["held"],
        warning=told["warning"],
        kind=item.kind,
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
