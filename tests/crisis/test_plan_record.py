"""KS-22: which plan was in force is noted in the log while the suspension stands, once, whatever state the plan is in."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from commands import duties
from commands.context import Context
from crisis import plan, plan_record
from crisis.plan_record import PlanKeeper
from crisis.report.report import IN_FORCE
from tests.crisis.plans import changed, filled, written
from tests.crisis.report import incident
from tests.scheduler.press import ManualClock, Press


def _noted(press: Press) -> list[tuple[str, str, str]]:
    entries = [(entry.subject, json.loads(entry.detail)) for entry in press.log(IN_FORCE)]
    return [(subject, detail["version"], detail["sha256"]) for subject, detail in entries]


def test_it_is_noted_once_for_each_suspension_that_stands(press: Press) -> None:
    keeper = PlanKeeper(press.engine, plan.SHIPPED)
    assert keeper.run() == 0
    press.suspend("channel:parks")
    press.lift(press.suspend().suspension)
    digest = hashlib.sha256(plan.SHIPPED.read_bytes()).hexdigest()
    assert [keeper.run(), keeper.run()] == [1, 0]
    assert _noted(press) == [("suspension 1", "1", digest)]
    press.suspend()
    assert keeper.run() == 1
    assert [subject for subject, _, _ in _noted(press)] == ["suspension 1", "suspension 3"]


def test_the_report_says_what_was_in_force_and_not_what_is_there_now(
    hands: ManualClock, press: Press, tmp_path: Path
) -> None:
    """The twin: where nothing was noted, what is read now, and that it is so."""
    file = written(tmp_path, changed(('version = "1"', 'version = "7"')))
    number = press.suspend().suspension
    told = incident.read(press).stops[0].plan
    assert told is not None
    assert (told.version, told.recorded) == ("1", False)
    hands.pass_s(3)
    PlanKeeper(press.engine, file).run()
    told = incident.read(press, number).stops[0].plan
    assert told is not None
    assert (told.version, told.recorded, told.sha256) == ("7", True, hashlib.sha256(file.read_bytes()).hexdigest())


def test_a_plan_that_cannot_be_read_is_noted_as_such(press: Press, tmp_path: Path) -> None:
    press.suspend()
    gone = tmp_path / "gone.toml"
    assert plan_record.as_read_now(gone) == plan_record.as_read_now(tmp_path / "none")
    PlanKeeper(press.engine, gone).run()
    broken = written(tmp_path, filled().replace("version", "versoin"))
    PlanKeeper(press.engine, broken).run()
    assert _noted(press)[-1][1] == plan_record.UNREADABLE


def test_the_daemon_does_it(press: Press) -> None:
    press.suspend()
    (duty,) = [duty for duty in duties.of_crisis(Context(), press.engine) if duty.name == "plan"]
    assert duty.action() == 1
    assert _noted(press)[0][0] == "suspension 1"
