"""`standfast crisis drill`: practise the stop, simulated or live, and show what the drills so far have measured."""

from __future__ import annotations

import json as json_format
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands.context import Context, Json, UserError, clean_text, emit, guarded, say, table

if TYPE_CHECKING:
    from crisis.drill import Measured
    from crisis.plan import Plan
    from governance.authority import Identity
    from scheduler.emergency_stop import Answer
    from scheduler.killswitch import Scope
    from store.drill_tables import Drill

ScopeOption = Annotated[str, typer.Option("--scope", help="all, channel:NAME or group:NAME.")]


def drill(
    simulate: Annotated[
        bool, typer.Option("--simulate", help="Show what a stop would hold now; changes nothing.")
    ] = False,
    live: Annotated[bool, typer.Option("--live", help="Really hold, as an exercise, until a person resumes.")] = False,
    show: Annotated[bool, typer.Option("--show", help="Show the drills so far and what they measured.")] = False,
    scope: ScopeOption = "all",
    reason: Annotated[str, typer.Option("--reason", help="What is practised.")] = "",
    json: Json = False,
) -> None:
    """Practise the stop. Every line says EXERCISE, and nothing is published or taken out on a live platform.

    Exit codes of --live: as `crisis`. A real `standfast crisis` wins at any moment.
    """
    with guarded() as context:
        if [simulate, live, show].count(True) != 1:
            raise UserError("say which: --simulate, --live or --show")
        if show:
            return _show(context, json)
        wanted = _scope(context, scope)
        who = _may(context, wanted)
        why = clean_text(reason, "--reason") if reason else ""
        if simulate:
            return _simulate(context, who, wanted, why, json)
        return _live(context, who, wanted, why, json)


def _scope(context: Context, text: str) -> Scope:
    """The scope meant, which must exist. Raises SwitchError."""
    from scheduler import killswitch
    from store.engine import cursor, dialect, reading

    found = killswitch.Scope.parse(clean_text(text, "--scope"))
    with reading(context.engine) as session:
        killswitch.check_scope(cursor(session), dialect(session), found)
    return found


def _may(context: Context, scope: Scope) -> Identity:
    """The signed-in person, who may stop for real: an exercise teaches those who will do it."""
    from scheduler import killswitch

    channel = scope.value if scope.kind == killswitch.CHANNEL else "*"
    return context.require("suspend", channel, action="drill", subject=str(scope))


def _since_us() -> int:
    """Boot-time µs at which this process was started: a person's time begins with the Enter key."""
    from config import clock
    from scheduler import liveness

    ticks = liveness.pid_start(os.getpid())
    now = clock.boot_ns() // 1000
    return now if ticks is None else min(now, ticks * clock.SECOND // os.sysconf("SC_CLK_TCK"))


# --- simulate --------------------------------------------------------------------------------------------------------


def _simulate(context: Context, who: Identity, scope: Scope, reason: str, json: bool) -> None:
    from crisis import drill as drills
    from governance import access
    from scheduler import exercise, liveness

    plan, faults = _plan(context)
    with liveness.registered_or_not(context.essential.workers_dir, drills.SIMULATE):
        measured = drills.simulate(context.essential, scope, who.person, reason, _since_us())
    evidence = {"receipt": measured.receipt.as_json(), "plan": _version(plan, faults)}
    with access.acting(context.engine) as session:
        number = drills.keep(session, who, drills.SIMULATE, measured, evidence)
    if json:
        emit({"drill": number, "mode": drills.SIMULATE, **_told(measured), **evidence})
        return
    for line in _simulated(number, measured, plan, context.loaded.environ, faults):
        say(exercise.marked(line))


def _simulated(
    number: int, measured: Measured, plan: Plan, environ: Mapping[str, str], faults: Iterable[str]
) -> Iterable[str]:
    found = measured.receipt
    yield f"DRILL PASSED  simulated: a stop of {found.scope} would be recorded after {_s(measured.suspended_us)}"
    yield f"  covered     {found.covered} scheduled post(s) would wait behind the gate; {found.held} are held already"
    yield f"  in flight   {len(found.in_flight)} call(s) are under way now and would be waited for"
    for item in found.channels:
        if item["covered"] or item["look"]:
            by_hand = f"; own scheduler: {item['planner'] or 'look by hand'}" if item["look"] else ""
            yield f"    {item['channel']}  {item['covered']} covered{by_hand}"
    yield f"  recall      {len(found.published_recently)} post(s) of the last while would be listed to be looked at"
    yield from _listed(plan, environ)
    yield from (f"  warning     {line}" for line in faults)
    yield f"nothing was changed; this is drill {number}"


def _listed(plan: Plan, environ: Mapping[str, str]) -> Iterable[str]:
    """Who would be told, and for whom an address is missing."""
    if not plan.notices:
        yield "  warning     the plan's notice list is empty: nobody would be told"
    for item in plan.notices:
        missing = [name for name in item.targets if not environ.get(name, "").strip()]
        what = f"would be told by {len(item.targets) - len(missing)} address(es)"
        yield f"  notice      {item.person} {what}{'; not set: ' + ', '.join(missing) if missing else ''}"


# --- live ------------------------------------------------------------------------------------------------------------


def _live(context: Context, who: Identity, scope: Scope, reason: str, json: bool) -> None:
    from config import local_time
    from crisis import drill as drills
    from store.engine import reading

    with reading(context.engine) as session:
        drills.refuse_beside_real(session)
    answer, measured = _stopped(context, scope, reason)
    say(local_time.for_people(answer.words))
    number = None if measured is None else _kept_or_told(context, who, measured)
    if measured is not None:
        _tell_people(context, measured.receipt.suspension)
    if json:
        emit({"drill": number, **({} if measured is None else _told(measured)), **answer.as_json()})
    raise typer.Exit(answer.code)


def _tell_people(context: Context, suspension: int) -> None:
    """As after a real stop, so that it is seen who answers; every line of theirs is marked, too."""
    from commands.telling import Telling
    from scheduler import exercise

    Telling(context, suspension, lambda line: say(exercise.marked(line))).report()


def _stopped(context: Context, scope: Scope, reason: str) -> tuple[Answer, Measured | None]:
    """The exercise's stop, and what it took: None when it did not come to a receipt."""
    from config import clock
    from crisis.drill import Measured
    from scheduler.emergency_stop import EmergencyStop, Request
    from scheduler.exercise import DRILL

    since, seen = _since_us(), list[int]()

    def tell(line: str) -> None:
        if "SUSPENDED" in line:
            seen.append(clock.boot_ns() // 1000 - since)
        say(line)

    answer = EmergencyStop(context.essential, dict(context.loaded.environ), tell).run(Request(scope, reason, DRILL))
    took = clock.boot_ns() // 1000 - since
    if answer.receipt is None:
        return answer, None
    quiet = took if answer.receipt.quiet_confirmed else None
    return answer, Measured(answer.receipt, seen[0] if seen else took, quiet)


def _kept_or_told(context: Context, who: Identity, measured: Measured) -> int | None:
    """The drill's number; None where it could not be kept: the exercise stands all the same, and the exit code says so."""
    from scheduler import exercise

    try:
        return _kept(context, who, measured)
    except Exception as error:  # its own words would say that nothing was changed
        why = f"the drill may not be on record ({type(error).__name__}): see `standfast crisis drill --show`"
        say(exercise.marked(f"  warning     {why}; without a record it gets no verdict"))
        return None


def _kept(context: Context, who: Identity, measured: Measured) -> int:
    from crisis import drill as drills
    from governance import access
    from scheduler import exercise

    plan, faults = _plan(context)
    evidence = {"receipt": measured.receipt.as_json(), "plan": _version(plan, faults)}
    with access.acting(context.engine) as session:
        number = drills.keep(session, who, drills.LIVE, measured, evidence)
    quiet = "not confirmed yet" if measured.quiet_us is None else f"confirmed after {_s(measured.quiet_us)}"
    say(exercise.marked(f"  measured    SUSPENDED after {_s(measured.suspended_us)}; quiet {quiet} (drill {number})"))
    for line in exercise.Answers.of(measured.receipt.suspension, plan.must_answer, ()).lines(exercise.DRILL):
        say(exercise.marked(line))
    end = f"standfast resume --suspension {measured.receipt.suspension} --reason 'drill over'"
    say(exercise.marked(f"End it as a real one is ended: {end}"))
    return number


def after_lift() -> None:
    """The verdict of a drill that was lifted just now; whatever goes wrong here changes nothing about the lift."""
    with guarded() as context:
        for row in _settled(context):
            _say_verdict(row)


def _say_verdict(row: Drill) -> None:
    from scheduler import exercise

    say(exercise.marked(f"DRILL {row.verdict.upper()}  drill {row.id} of {row.scope}: {_measures(row)}"))
    for reason in json_format.loads(row.evidence).get("reasons", ()):
        say(exercise.marked(f"  because     {reason}"))


# --- what is on record -----------------------------------------------------------------------------------------------


def _settled(context: Context) -> list[Drill]:
    from crisis import drill as drills
    from scheduler import exercise
    from store.drill_tables import Drill
    from store.engine import reading

    plan, faults = _plan(context)
    if faults:  # the shipped plan asks nobody to answer: by it everything would pass
        why = f"no drill gets its verdict before the plan can be read: {faults[0]}"
        say(exercise.marked(f"  warning     {why}"))
        return []
    numbers = drills.settle(context.engine, plan, context.settings.send_deadline)
    with reading(context.engine) as session:
        found = [session.get_one(Drill, number) for number in numbers]
        session.expunge_all()
        return found


def _show(context: Context, json: bool) -> None:
    from sqlmodel import col, select

    from config import clock
    from crisis import drill as drills
    from store.drill_tables import Drill
    from store.engine import reading

    context.actor  # noqa: B018  # whoever is signed in may look
    _settled(context)
    plan, _faults = _plan(context)
    with reading(context.engine) as session:
        rows = session.exec(select(Drill).order_by(col(Drill.id))).all()
        why = {row.id: drills.why(session, row, plan) for row in rows}
        session.expunge_all()
    if json:
        more = {row.id: {"evidence": json_format.loads(row.evidence), "why": why[row.id]} for row in rows}
        return emit([{**row.model_dump(), **more[row.id]} for row in rows])
    heads = ("drill", "when", "by", "mode", "scope", "verdict", "measured", "why")
    told = [(row.id, clock.to_text(row.at), row.by, row.mode, row.scope, row.verdict, _measures(row)) for row in rows]
    return table(heads, [(*cells, "; ".join(why[cells[0]])) for cells in told])


def _measures(row: Drill) -> str:
    parts = [f"SUSPENDED {_s(row.suspended_us)}"]
    parts += [f"quiet {_s(row.quiet_us)}"] if row.quiet_us is not None else []
    parts += [f"all answered {_s(row.acknowledged_us)}"] if row.acknowledged_us is not None else []
    return ", ".join(parts)


def _told(measured: Measured) -> dict[str, Any]:
    quiet = None if measured.quiet_us is None else measured.quiet_us / 1e6
    return {"exercise": True, "suspended_s": measured.suspended_us / 1e6, "quiet_s": quiet}


def _version(plan: Plan, faults: list[str]) -> dict[str, Any]:
    return {"file": plan.file.name, "version": plan.version, "shipped": plan.is_shipped, "faults": faults}


def _s(us: int) -> str:
    return f"{us / 1e6:.2f} s"


def _plan(context: Context) -> tuple[Plan, list[str]]:
    """The city's plan, or the shipped one and what is wrong with the city's."""
    from crisis import plan

    return plan.read_or_shipped(plan.file_of(context.settings.root, context.settings.plan))
