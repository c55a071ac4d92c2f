"""What the tests of drills share: drills held, answered, lifted and judged in an office."""

from __future__ import annotations

from pathlib import Path

from sqlmodel import col, select

from cli import resume
from config import clock, essentials
from crisis import drill, plan
from scheduler import exercise, stop_cell
from store.crisis_tables import Acknowledgement
from store.drill_tables import Drill
from store.engine import reading, writing
from store.tables import Suspension
from tests.commands.office import Office, app

PLAN = """
[[notice]]
person = "ana"
targets = ["NOTICE_ANA"]
language = "en"
acknowledge_within = "10m"
"""


def recorded(office: Office) -> list[Drill]:
    """All drills on record, oldest first."""
    with reading(office.engine) as session:
        found = list(session.exec(select(Drill).order_by(col(Drill.id))))
        session.expunge_all()
    return found


def live(office: Office, *more: str) -> int:
    """The suspension of a live drill that began now."""
    said = office.run("crisis", "drill", "--live", "--json", *more)
    assert said.code == 0, said
    number: int = said.data["suspension"]
    return number


def lift(office: Office, number: int) -> None:
    """End it as people do, in two steps."""
    asked = office.run("resume", "--reason", "drill over", "--suspension", str(number), "--json")
    assert asked.code == 0, asked
    assert all(line.startswith(exercise.EXERCISE) for line in asked.err.splitlines()), asked.err
    lifted = office.run("resume", "--confirm", asked.data["code"], "--reason", "drill over")
    assert lifted.code == 0, lifted


def answer(office: Office, number: int, person: str) -> None:
    """`person` says that they know of it."""
    with writing(office.engine) as session:
        session.add(Acknowledgement(suspension_id=number, person=person, at=clock.wall_us()))


def settled(office: Office, plan_text: str = "") -> list[Drill]:
    """All drills, once those that are over are judged by the shipped plan with `plan_text` at its end."""
    drill.settle(office.engine, written(office, plan_text), 30.0)
    return recorded(office)


def written(office: Office, text: str) -> plan.Plan:
    """The shipped plan with `text` at its end, as ``drill-plan.toml``; without text the shipped one itself."""
    if not text:
        return plan.read()
    file = office.city.root / "drill-plan.toml"
    shipped: Path = plan.SHIPPED
    file.write_text(shipped.read_text(encoding="utf-8") + text, encoding="utf-8")
    return plan.read(file)


def lift_row(office: Office, number: int) -> None:
    """End it past every rule."""
    with writing(office.engine) as session:
        own = session.get_one(Suspension, number)
        own.lifted_at, own.lifted_epoch = clock.wall_us(), own.epoch + 1


def prepare() -> None:
    """A host whose stop cell is in order, and `standfast resume` among the commands."""
    cell = essentials.load().cell_file
    stop_cell.lay_down(cell, 1)
    if "resume" not in {command.name for command in app.registered_commands}:
        app.command(name="resume")(resume)
