"""The doctor's look at alerts: whether they can be read, come in, are judged, and reach anybody."""

from __future__ import annotations

from pathlib import Path

from sqlmodel import Session, select

from config import web_address
from crisis import plan
from crisis.alerts import intake, rules, setup, trouble
from crisis.alerts.rule_reader import RulesError
from crisis.alerts.rules import Rules
from crisis.plan_table import PlanError
from scheduler.checkup import BAD, OK, WARN, Found, Patient
from scheduler.killswitch import Scope
from store.engine import reading
from store.tables import Channel, ChannelGroup


def check(patient: Patient) -> Found:
    """What is set up, what is missing for it, what does not arrive, and what waits for a person."""
    settings = patient.settings
    on = setup.is_on(settings)
    if not on and settings.alerts is None:
        yield OK, "no folder and no feed is set: alerts come in by `standfast alert read` alone"
        return
    if (lacking := setup.missing()) is not None:
        yield (BAD if on else WARN), lacking
    yield from _rules(patient)
    if (folder := setup.folder(settings)) is not None:
        yield from _folder(folder)
    if settings.alerts_feed:
        yield OK, f"{web_address.named(settings.alerts_feed)}, every {settings.alerts_interval:g} s"
    for row in trouble.all_of(patient.engine):
        yield WARN, f"{row.name} on {row.host}: {row.text}"
    yield from _people(patient)


def _rules(patient: Patient) -> Found:
    file = setup.rules_file(patient.settings)
    try:
        found = rules.read(file)
    except RulesError as error:
        yield from ((BAD, f"{line} (until then no alert is judged)") for line in error.faults)
        return
    own = file if file != rules.SHIPPED else 'alerts = "alerts.toml" in standfast.toml, and there'
    if not found.place:
        yield WARN, f"the rules name no place, so that every alert is ignored: fill [place] in {own}"
        return
    holds = f"{len(found.holds)} line(s) of the whitelist may suspend" if found.holds else "nothing is held by itself"
    yield OK, f"{file}: {holds}"
    if file.stat().st_mode & 0o002:
        yield BAD, f"anybody may write to {file}, and so decide what stops the city: chmod o-w it"
    with reading(patient.engine) as session:
        yield from ((BAD, line) for line in _unknown_scopes(session, found, file))


def _unknown_scopes(session: Session, found: Rules, file: Path) -> list[str]:
    channels, groups = set(session.exec(select(Channel.name))), set(session.exec(select(ChannelGroup.name)))
    known = {"channel": channels, "group": groups}
    lines = []
    for rule in found.holds:
        scope = Scope.parse(rule.scope)
        if scope.kind in known and scope.value not in known[scope.kind]:
            lines.append(
                f"{file}: hold[{rule.number}].scope: there is no {scope}: its alerts could only be suggestions"
            )
    return lines


def _folder(folder: Path) -> Found:
    if not folder.is_dir():
        yield BAD, f"{folder} does not exist: make it, or mend alerts_folder"
    elif folder.stat().st_mode & 0o002:
        yield WARN, f"anybody may put alerts into {folder}: chmod o-w it"
    else:
        yield OK, f"{folder}, looked into every second"


def _people(patient: Patient) -> Found:
    with reading(patient.engine) as session:
        open_ones = intake.waiting(session)
    if open_ones:
        yield WARN, f"{open_ones} alert(s) wait for a person's decision: `standfast alert list`"
    try:
        named = plan.read(plan.file_of(patient.settings.root, patient.settings.plan)).notices
    except PlanError:  # the check of the plan says it
        return
    if not named:
        yield WARN, "the plan's notice list is empty, so that nobody is told of an alert: name people in it"
