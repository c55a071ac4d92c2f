"""What a plan lacks: one function for each part of it, each gap a level and one line with its remedy.

A *warning* is what has not been filled in or is due. A *fault* is what the plan gets wrong: about the city's people, channels,
roles or variables, about the platforms, or about itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from calendars.draft import did_you_mean
from crisis import department
from crisis.plan import PHASES, RIGHTS, Level, Notice, Plan
from governance.roles import STEWARD, Roles
from scheduler import killswitch
from scheduler.checkup import BAD, WARN

DAY_S = 86_400
PEOPLE = '["dora.lind", "omar.reyes"]'
AGREE = ("suspend", "resume")
"""Rights of which the roles file may give no more than the plan says."""


@dataclass(frozen=True)
class City:
    """What a plan is held against: the day, and the city's people, rights, channels, settings and variables."""

    today: date
    states: Mapping[str, str]
    """Person → ``active`` or ``left``."""
    may: Mapping[str, Collection[str]]
    """Permission → the people who hold it on all channels."""
    roles: Roles
    roles_file: str
    channels: Mapping[str, str]
    """Channel → platform."""
    groups: Collection[str]
    over: Callable[[str, str], int | None]
    """(platform, text) → by how many characters the text is too long there; None when nobody knows."""
    two_persons: bool
    variables: Mapping[str, str]


Gaps = Iterator[tuple[str, str]]
"""(level, line) pairs, the line without the file's name."""


def gaps(plan: Plan, city: City) -> Gaps:
    """Everything that `plan` lacks in `city`, but for its statements (`crisis.statement_gap`) and what its items ask for
    (`crisis.checklist_gap`)."""
    for part in (_review, _roles, _access, _rights, _levels, _notices, _departments, _reminder, _checklist):
        yield from part(plan, city)


def _review(plan: Plan, city: City) -> Gaps:
    how = f"read the plan together, then write reviewed = {city.today}"
    if plan.reviewed is None:
        yield WARN, f"reviewed is missing: nobody has looked at this plan yet; {how}"
        return
    days = plan.review_interval_s // DAY_S
    if plan.reviewed > city.today:
        yield BAD, f"reviewed = {plan.reviewed} lies ahead of today, {city.today}: mend the date"
    elif (city.today - plan.reviewed).days > days:
        yield WARN, f"reviewed = {plan.reviewed} is more than {days:.0f} days ago (review_interval): {how}"


def _roles(plan: Plan, city: City) -> Gaps:
    listed = {notice.person for notice in plan.notices}
    if not plan.roles:
        yield WARN, "role: there is none: write a [role.NAME] for each part that somebody plays"
    for role in plan.roles.values():
        key = f"role.{role.name}.people"
        if not role.people:
            yield WARN, f"{key} is empty: nobody is called; write people = {PEOPLE}"
        elif len(role.people) == 1:
            yield WARN, f"{key} = {role.people[0]} alone: nobody stands in; add who is next"
        for person in role.people:
            yield from _person(key, person, city)
            if listed and person not in listed:
                yield WARN, f"{key} names {person}, who is not on the notice list: add a [[notice]] for them"


def _person(key: str, person: str, city: City) -> Gaps:
    """Whether `person` is there, as `key` of the plan says."""
    state = city.states.get(person)
    if state is None:
        remedy = f"`standfast people add {person}`, or mend the name"
        yield BAD, f"{key} names {person}, whom the store does not know: {remedy}"
    elif state != "active":
        yield BAD, f"{key} names {person}, who has left: name somebody else"


def _access(plan: Plan, city: City) -> Gaps:
    """Whether the roles file knows each `access`, and its people really hold what it gives."""
    for role in plan.roles.values():
        if not role.access:
            continue
        held = city.roles.get(role.access)
        if held is None:
            remedy = did_you_mean(role.access, city.roles)
            yield BAD, f"role.{role.name}.access = {role.access!r} is no role of {city.roles_file}: {remedy}"
            continue
        for person in role.people:
            if city.states.get(person) == "active" and (lacking := _lacking(person, held, city)):
                remedy = f"`standfast people grant {person} {role.access}`"
                yield BAD, f"role.{role.name}.people names {person}, who may not {', '.join(lacking)}: {remedy}"


def _lacking(person: str, permissions: Collection[str], city: City) -> list[str]:
    return sorted(word for word in permissions if person not in city.may.get(word, ()))


def _rights(plan: Plan, city: City) -> Gaps:
    for right, permission in RIGHTS.items():
        for name in plan.rights[right]:
            yield from _right(plan, city, f"rights.{right}", name, permission)
    for right in AGREE:
        yield from _beyond(plan, city, right)
    yield from _nobody(plan, city)


def _right(plan: Plan, city: City, key: str, name: str, permission: str) -> Gaps:
    role = plan.roles.get(name)
    if role is None:
        yield BAD, f"{key} names {name!r}, which is no role of this plan: {did_you_mean(name, plan.roles)}"
    elif not role.access:
        yield BAD, f"{key} names {name!r}, which has no access: write role.{name}.access, or take it out here"
    elif role.access in city.roles and permission not in city.roles[role.access]:
        where = f"whose access {role.access!r} does not hold {permission!r} in {city.roles_file}"
        yield BAD, f"{key} names {name!r}, {where}: mend one of the two files"


def _beyond(plan: Plan, city: City, right: str) -> Gaps:
    """Roles of the roles file that may do what the plan lets nobody of theirs do; the steward must hold everything."""
    meant = {plan.roles[name].access for name in plan.rights[right] if name in plan.roles}
    for name, held in sorted(city.roles.items()):
        if right in held and name != STEWARD and name not in meant:
            where = f"which {city.roles_file} lets {right}"
            yield BAD, f"rights.{right} names no role with access = {name!r}, {where}: mend one of the two files"


def _nobody(plan: Plan, city: City) -> Gaps:
    for right in AGREE:
        if not _able(plan, city, right):
            level = BAD if _named(plan, right) else WARN
            yield level, f"rights.{right}: nobody whom the plan names may {right}: give its roles people who hold it"
    confirmers = _able(plan, city, "confirm")
    if city.two_persons and len(confirmers) < 2:
        who = f"{len(confirmers)} of 2 needed people ({', '.join(confirmers) or 'none'}) may confirm a resume"
        yield BAD, f"rights.confirm: {who}, and resume_two_persons = true: name more people, or unset it"


def _named(plan: Plan, right: str) -> list[str]:
    """The people in the roles that the plan gives `right`."""
    roles = [plan.roles[name] for name in plan.rights[right] if name in plan.roles]
    return sorted({person for role in roles for person in role.people})


def _able(plan: Plan, city: City, right: str) -> list[str]:
    """Those of them who hold the permission it takes."""
    return [person for person in _named(plan, right) if person in city.may.get(RIGHTS[right], ())]


def _levels(plan: Plan, city: City) -> Gaps:
    if not plan.levels:
        yield WARN, "level: there is none: write a [level.NAME] with about, scope and kind"
    elif all(level.scope.kind != killswitch.ALL for level in plan.levels.values()):
        yield WARN, 'level: none stops everything: give one of them scope = "all"'
    for level in plan.levels.values():
        yield from _scope(level, city)


def _scope(level: Level, city: City) -> Gaps:
    kind, value = level.scope.kind, level.scope.value
    known = {killswitch.CHANNEL: city.channels, killswitch.GROUP: city.groups}.get(kind, (value,))
    if value not in known:
        scope, remedy = str(level.scope), did_you_mean(value, known)
        yield BAD, f"level.{level.name}.scope = {scope!r}: there is no such {kind}: {remedy}"


def _notices(plan: Plan, city: City) -> Gaps:
    if not plan.notices:
        yield WARN, "notice: nobody is on the notice list: write a [[notice]] for each person to be told of a stop"
    listed = {notice.person for notice in plan.notices}
    for place, notice in enumerate(plan.notices, 1):
        key = f"notice[{place}]"
        yield from _person(f"{key}.person", notice.person, city)
        yield from _targets(key, notice, city)
        if notice.language not in plan.languages:
            remedy = f"choose one of {', '.join(plan.languages)}, or add it to languages"
            yield BAD, f"{key}.language = {notice.language!r} is not promised by this plan: {remedy}"
        yield from _escalation(listed, key, notice)


def _targets(key: str, notice: Notice, city: City) -> Gaps:
    """A variable is named, what it holds never."""
    if not notice.targets:
        yield WARN, f"{key}.targets is empty: {notice.person} cannot be told; name a variable that holds an address"
    for name in notice.targets:
        if not city.variables.get(name, "").strip():
            yield BAD, f"{key}.targets names {name}, which is not set: add it to .env"


def _departments(plan: Plan, city: City) -> Gaps:
    known = {name for name, value in city.variables.items() if value.strip()}
    yield from ((BAD, line) for line in department.unset(plan.departments, known))


def _escalation(listed: Collection[str], key: str, notice: Notice) -> Gaps:
    if not notice.escalate_to:
        if notice.acknowledge_within_s:
            yield WARN, f"{key}.escalate_to is missing: nobody hears that {notice.person} did not answer; name somebody"
    elif notice.escalate_to == notice.person:
        yield BAD, f"{key}.escalate_to = {notice.person} is the same person: name somebody else"
    elif notice.escalate_to not in listed:
        remedy = did_you_mean(notice.escalate_to, listed)
        yield BAD, f"{key}.escalate_to = {notice.escalate_to} is not on the notice list: {remedy}"
    if notice.escalate_to and not notice.acknowledge_within_s:
        yield WARN, f'{key}.acknowledge_within is missing: escalate_to never counts; write acknowledge_within = "10m"'


def _reminder(plan: Plan, _city: City) -> Gaps:
    reminder = plan.reminder
    if reminder is None:
        yield WARN, "reminder is missing: nobody is reminded of a stop that stands; write [reminder] with its times"
    elif reminder.escalate_after_s < reminder.first_s:
        words = f"{reminder.escalate_after_s:g}s is before first = {reminder.first_s:g}s"
        yield BAD, f"reminder.escalate_after = {words}: the next in line would hear before the first; raise it"


def _checklist(plan: Plan, _city: City) -> Gaps:
    for phase in PHASES:
        if not plan.checklist[phase]:
            yield WARN, f"checklist.{phase} has no item: write a [[checklist.{phase}]] with id, owner and text"
        for item in plan.checklist[phase]:
            if item.owner not in plan.roles:
                remedy = did_you_mean(item.owner, plan.roles)
                yield BAD, f"checklist.{phase}: {item.id} is owned by {item.owner!r}, no role of this plan: {remedy}"
