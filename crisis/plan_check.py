"""The doctor's look at the plan: read it, gather what it is held against, and say what it lacks."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from sqlmodel import Session, select

from config import clock, essentials
from connectors import registry
from connectors.errors import AccountError
from crisis import checklist_gap, plan, plan_gap, statement_gap
from crisis.plan_table import PlanError
from governance import access, roles
from scheduler.checkup import BAD, OK, WARN, Found, Patient
from store.engine import reading
from store.tables import Channel, ChannelGroup, Person


def check(patient: Patient) -> Found:
    """What the plan lacks; one that cannot be read is a fault for each of its mistakes."""
    file = plan.file_of(patient.settings.root, patient.settings.plan)
    try:
        found = plan.read(file)
    except PlanError as error:
        yield from ((BAD, line) for line in error.faults)
        return
    yield OK, f"{file}, version {found.version}"
    yield from _file(found)
    with reading(patient.engine) as session:
        city = _city(session, patient)
    for part in (plan_gap.gaps, checklist_gap.gaps, statement_gap.gaps):
        yield from ((level, f"{file}: {line}") for level, line in part(found, city))


def _file(found: plan.Plan) -> Found:
    if found.is_shipped:
        yield WARN, 'the plan is the one shipped, no city\'s: write plan = "crisis-plan.toml" and run `standfast init`'
    elif found.file.stat().st_mode & 0o002:
        yield WARN, f"anybody may write to {found.file}, and so decide what the city says in a crisis: chmod o-w it"


def _city(session: Session, patient: Patient) -> plan_gap.City:
    settings = patient.settings
    today = clock.to_datetime(clock.wall_us()).astimezone(ZoneInfo(settings.timezone)).date()
    named = roles.SHIPPED if settings.roles is None else essentials.path_below(settings.root, str(settings.roles))
    return plan_gap.City(
        today=today,
        states={person.id: person.state for person in session.exec(select(Person))},
        may={permission: access.holders(session, permission) for permission in roles.PERMISSIONS},
        roles=roles.in_force(),
        roles_file=str(named),
        channels={channel.name: channel.platform for channel in session.exec(select(Channel))},
        groups=set(session.exec(select(ChannelGroup.name)).all()),
        over=_over,
        two_persons=settings.resume_two_persons,
        variables=patient.environ,
    )


def _over(platform: str, text: str) -> int | None:
    try:
        length = registry.load(platform).length(text)
    except AccountError:  # the doctor's check of the channels says it
        return None
    return length.count - length.limit
