"""``standfast records schedule`` and ``records dispose``: what is kept how long, and how what is due goes, by two people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands import records_hold
from commands.context import Context, Json, UserError, clean_text, emit, guarded, say, table
from commands.post_options import MOST_ID

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from governance.authority import Identity
    from records.retention.carrying import Outcome
    from records.retention.dispositions import Check, Proposal
    from records.retention.schedule import Schedule

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Disposition of what is due: propose, list, show, approve, withdraw, carry-out, certificate.",
)
Number = Annotated[int, typer.Argument(metavar="N", min=1, max=MOST_ID, help="The disposition's number.")]
NEEDED = "records"


def add_to(records: typer.Typer) -> None:
    """Put these commands below ``standfast records``."""
    records.command("schedule")(schedule)
    records.add_typer(records_hold.app, name="hold")
    records.add_typer(app, name="dispose")


def schedule(json: Json = False) -> None:
    """Show the retention schedule in force: what is kept how long, from when on, and where that is written."""
    with guarded() as context:
        found = _schedule(context)
        if json:
            rules = {name: rule.described() for name, rule in found.rules.items()}
            return emit({"file": str(found.file), "own": found.own, "rules": rules})
        if not found.own:
            say(
                "this is the shipped example: nothing is disposed of by it; the setting `retention` names the city's own"
            )
        heads = ("rule", "title", "period", "counted from", "covers", "source")
        rows = (
            (rule.name, rule.title, rule.period, rule.trigger, _covers(rule.described()), rule.source)
            for rule in found.rules.values()
        )
        return table(heads, list(rows))


def _covers(said: Mapping[str, Any]) -> str:
    narrow = [f"{name}: {', '.join(said[name])}" for name in ("channels", "tags", "incidents") if said[name]]
    return "; ".join([", ".join(said["records"]), *narrow])


@app.command("propose")
def propose(
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many.")] = 10_000,
    json: Json = False,
) -> None:
    """List what is due and why, for another person to approve. Needs the right to see records."""
    with guarded() as context:
        from records.retention import dispositions

        actor, plan = context.actor, _schedule(context)
        check = _check(actor, "dispose.propose", "")
        with _logged(context):
            _caught_up(context, check)
            made = dispositions.propose(context.engine, actor.person, plan, _zone(context), check, limit)
        return emit(vars(made)) if json else _tell_proposal(made)


def _tell_proposal(made: Proposal) -> None:
    if made.number is None:
        say("nothing is due")
    else:
        say(
            f"disposition {made.number} is proposed; another person looks (`standfast records dispose show {made.number}`) "
            f"and approves it (`standfast records dispose approve {made.number}`)"
        )
        table(RULE_HEADS, [_rule_row(name, rule) for name, rule in made.rules.items()])
    for name, count in sorted(made.held.items()):
        say(f"hold {name} keeps back {count} that would be due")
    if made.more:
        say("there is more that is due: propose again once this is carried out")


RULE_HEADS = ("rule", "title", "due", "bytes", "oldest due", "period", "counted from", "source")


def _rule_row(name: str, rule: Mapping[str, Any]) -> tuple[object, ...]:
    says = rule["says"]
    counted = rule["count"], rule["bytes"], rule["oldest_due"]
    return name, says["title"], *counted, says["period"], says["trigger"], says["source"]


@app.command("list")
def list_(json: Json = False) -> None:
    """Show the dispositions, newest first. Needs the right to see records."""
    with guarded() as context:
        from records.retention import dispositions
        from store.engine import reading

        context.require(NEEDED, action="dispose.list", subject="")
        with reading(context.engine) as session:
            found = dispositions.listed(session)
        if json:
            return emit(found)
        names = (
            "disposition",
            "state",
            "count",
            "proposed_by",
            "proposed_at",
            "approved_by",
            "ended_at",
            "void_reason",
        )
        heads = ("disposition", "state", "listed", "proposed by", "proposed", "approved by", "ended", "void")
        return table(heads, [[row[name] for name in names] for row in found])


@app.command("show")
def show(
    number: Number,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="The first so many of its list.")] = 1000,
    json: Json = False,
) -> None:
    """Show a disposition with its list: what is due by which rule, and what became of it. Needs the right to see records."""
    with guarded() as context:
        from config import clock
        from records.retention import dispositions
        from store.engine import reading

        context.require(NEEDED, action="dispose.show", subject=f"disposition {number}")
        with reading(context.engine) as session:
            found = dispositions.described(dispositions.look(session, number))
            rows = [
                {"kind": row.kind, "number": row.number, "rule": row.rule, "due": clock.to_text(row.due_at)}
                | {"bytes": row.size, "state": row.state, "why": row.why}
                for row in dispositions.items(session, number, limit)
            ]
        if json:
            return emit({**found, "items": rows})
        say(f"disposition {number}: {found['state']}, {found['count']} listed, SHA-256 {found['digest']}")
        table(RULE_HEADS, [_rule_row(name, rule) for name, rule in found["rules"].items()])
        return table(
            ("what", "number", "rule", "due since", "bytes", "state", "why"), [list(row.values()) for row in rows]
        )


@app.command("approve")
def approve(number: Number, json: Json = False) -> None:
    """Approve the exact list of a disposition that another person proposed. Needs the right to see records."""
    with guarded() as context:
        from governance import access
        from records.retention import dispositions

        actor, plan = context.actor, _schedule(context)
        with access.acting(context.engine) as session:
            _check(actor, "dispose.approve", f"disposition {number}")(session)
            _refuse_own(actor, dispositions.found(session, number))
            void = dispositions.approve(session, actor.person, number, plan)
            told = dispositions.described(dispositions.look(session, number))
        if void is not None:
            raise UserError(_void(number, void))
        if json:
            return emit(told)
        return say(f"disposition {number} is approved: `standfast records dispose carry-out {number}`")


def _refuse_own(actor: Identity, row: Any) -> None:
    """Raise Refused (logged) for the proposer."""
    from governance import access

    if row.proposed_by == actor.person:
        message = (
            f"{actor.person} may not approve disposition {row.id}, for it is their own proposal: another person does"
        )
        raise access.Refused(
            message,
            actor=actor.person,
            permission=NEEDED,
            channel="*",
            action="dispose.approve",
            subject=f"disposition {row.id}",
        )


@app.command("withdraw")
def withdraw(
    number: Number, reason: Annotated[str, typer.Option("--reason", metavar="T", help="Why.")], json: Json = False
) -> None:
    """End a disposition that nobody has begun to carry out. Needs the right to see records."""
    with guarded() as context:
        from governance import access
        from records.retention import dispositions

        why, actor = clean_text(reason, "--reason", most=1000), context.actor
        with access.acting(context.engine) as session:
            _check(actor, "dispose.withdraw", f"disposition {number}")(session)
            dispositions.withdraw(session, actor.person, number, why)
            told = dispositions.described(dispositions.look(session, number))
        return emit(told) if json else say(f"disposition {number} is withdrawn")


@app.command("carry-out")
def carry_out(number: Number, json: Json = False) -> None:
    """Remove the content of what was approved, in small steps; repeat it to go on. Needs the right to see records."""
    with guarded() as context:
        from records.retention import carrying

        actor, plan = context.actor, _schedule(context)
        check = _check(actor, "dispose.carry_out", f"disposition {number}")
        with _logged(context):
            _caught_up(context, check)
            place = context.essential.data_dir / "media"
            run = carrying.Run(context.engine, actor.person, number, plan, _zone(context), place, check)
            done = carrying.carry_out(run)
        if json:
            emit(vars(done))
        if done.void is not None:
            raise UserError(_void(number, done.void))
        if not json:
            _tell_outcome(number, done)


def _void(number: int, why: str) -> str:
    return f"disposition {number} ends here: {why}; propose anew with `standfast records dispose propose`"


def _tell_outcome(number: int, done: Outcome) -> None:
    say(f"disposition {number}: {done.disposed} disposed of, {sum(done.kept.values())} kept")
    for why, count in done.kept.items():
        say(f"  kept {count}: {why}")
    if done.files:
        say(f"  {done.files} file(s) were used within the last hour and are still there: carry it out again later")
    if done.certificate is not None:
        say(f"  certificate: record {done.certificate}; `standfast records dispose certificate {number}` shows it")


@app.command("certificate")
def certificate(number: Number, json: Json = False) -> None:
    """Print the certificate of a disposition that is done. Needs the right to see records."""
    with guarded() as context:
        from records.retention import certificate as certificates
        from records.retention import dispositions
        from store.engine import reading

        context.require(NEEDED, action="dispose.certificate", subject=f"disposition {number}")
        with reading(context.engine) as session:
            said = certificates.read(session, dispositions.look(session, number))
        return emit(said) if json else typer.echo(certificates.text(said), nl=False)


def _check(actor: Identity, action: str, subject: str) -> Check:
    """What raises Refused in a session where `actor` may not see to records."""
    from governance import access

    return lambda session: access.check(session, actor, NEEDED, "*", action=action, subject=subject)


@contextmanager
def _logged(context: Context) -> Iterator[None]:
    """A refusal inside is put into the log: what is done in several transactions has no `access.acting` of its own."""
    from governance import access

    try:
        yield
    except access.Refused as refused:
        access.log(context.engine, refused)
        raise


def _caught_up(context: Context, check: Callable[[Any], None]) -> None:
    """Everything that came about is a record by now."""
    from records import archive
    from store.engine import reading

    with reading(context.engine) as session:
        check(session)
    archive.catch_up(context.engine, Path(context.essential.data_dir) / "media")


def _schedule(context: Context) -> Schedule:
    from records.retention import schedule as schedules

    return schedules.of_settings(context.settings.root, context.settings.retention)


def _zone(context: Context) -> ZoneInfo:
    from zoneinfo import ZoneInfo

    return ZoneInfo(context.settings.timezone)
