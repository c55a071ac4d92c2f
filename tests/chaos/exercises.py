"""Live drills in a trial, in a process of their own: the command's own way, with its words written down as they come."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import typer
from sqlmodel import col, select

from commands import drill as command
from commands.context import Context
from config.fault import Fault
from scheduler import emergency_stop, exercise
from store.drill_tables import Drill
from store.engine import StoreError, reading
from store.tables import Suspension
from tests.chaos import acts
from tests.chaos.worker import Diary


def drill(diary: Diary, scope: str) -> None:
    """`standfast crisis drill --live`."""
    emergency_stop.DRAIN_MARGIN_S = acts.DRAIN_MARGIN_S
    receipt: dict[str, Any] = {}
    command.say = lambda line: acts.told(diary, line, scope, exercise.DRILL)  # type: ignore[attr-defined]  # the name it imports
    command.emit = receipt.update  # type: ignore[attr-defined]  # the name it imports
    diary.write("begun", scope=scope, kind=exercise.DRILL)
    try:
        with closing(Context()) as context:
            wanted = command._scope(context, scope)
            command._live(context, command._may(context, wanted), wanted, "chaos", json=True)
    except typer.Exit as end:
        diary.write("answer", code=end.exit_code, receipt=receipt, words="", kind=exercise.DRILL)
    except (Fault, StoreError) as error:
        diary.write("not drill", why=str(error))


def over(diary: Diary) -> None:
    """What `standfast resume` does when it has lifted a drill: the drills that are over get their verdict."""
    try:
        with closing(Context()) as context:
            command._settled(context)
            with reading(context.engine) as session:
                of_drill = col(Suspension.id) == col(Drill.suspension_id)
                found = session.exec(select(Suspension.epoch, Drill.verdict).join(Drill, of_drill)).all()
    except (Fault, StoreError) as error:
        return diary.write("no verdict", why=str(error))
    return diary.write("verdicts", verdicts=[list(item) for item in found])
