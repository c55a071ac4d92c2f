"""The doctor's look at the notice list's addresses: each is one that apprise understands. Nothing is sent, nothing shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from crisis import plan
from crisis.notices import address
from crisis.plan import Plan
from crisis.plan_table import PlanError
from scheduler.checkup import BAD, OK, Found, Patient


def check(patient: Patient) -> Found:
    """What keeps the people of the plan's list from being told. A variable that is not set is the plan's own check's."""
    try:
        found = plan.read(plan.file_of(patient.settings.root, patient.settings.plan))
    except PlanError:  # the plan's own check says it
        return
    if not found.notices:
        return
    if not address.is_installed():
        yield BAD, f"the plan's notice list names {_people(len(found.notices))}, and {address.NOT_INSTALLED}"
        return
    faults = [*_faults(found, patient.environ)]
    yield from ((BAD, line) for line in faults)
    known = len([*_set(found, patient.environ)])
    if known and not faults:
        where = f"{known} address(es) of {_people(len(found.notices))} are understood"
        yield OK, f"{where}; `standfast crisis notices --test PERSON` tries one person's"


def _faults(found: Plan, variables: Mapping[str, str]) -> Iterator[str]:
    for person, name in _set(found, variables):
        if (why := address.trouble(variables[name].strip())) is not None:
            yield f"{name} of {person} {why}"


def _set(found: Plan, variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(person, variable) of each address that is there."""
    for notice in found.notices:
        yield from ((notice.person, name) for name in notice.targets if variables.get(name, "").strip())


def _people(number: int) -> str:
    return "one person" if number == 1 else f"{number} people"
