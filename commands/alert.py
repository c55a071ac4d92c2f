"""``standfast alert``: read alerts (CAP 1.2) from files, see what came of them, and say that nothing is to be done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands.context import Context, Json, UserError, clean_text, emit, guarded, say, shown, table
from commands.post_options import out

if TYPE_CHECKING:
    from crisis.alerts.hold import Held
    from crisis.alerts.intake import Intake, Taken
    from store.alert_tables import AlertRecord

app = typer.Typer(no_args_is_help=True, help="Alerts (CAP 1.2): read, list, show, dismiss.")
Number = Annotated[int, typer.Argument(min=1, metavar="N", help="The alert's number.")]
NOT_RECORDED = 20


@app.command("read")
def read(
    files: Annotated[list[str], typer.Argument(metavar="FILE…", help="Files with alerts, or with feeds of them.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would come of them; keep nothing.")] = False,
    json: Json = False,
) -> None:
    """Judge the alerts in files by the city's rules, and keep what came of them. What the whitelist names may suspend.

    Needs the right to suspend; with --dry-run, only a sign-in. Exit codes: 0 read; 1 refused, or what came is no alert or
    could not do what the whitelist says; 20 an alert was to suspend and that is not recorded.
    """
    with guarded() as context:
        taken, held = _read(context, files, dry_run)
        if json:
            emit({"dry_run": dry_run, "alerts": [vars(item) for item in taken], "held": [vars(item) for item in held]})
        else:
            for item in taken:
                _print(item)
        for one in held:
            _follow(one)
        if any(one.unrecorded for one in held):
            raise typer.Exit(NOT_RECORDED)
        if any(one.refused for one in held) or any(item.kind == "unreadable" for item in taken):
            raise typer.Exit(1)


def _read(context: Context, files: Sequence[str], dry_run: bool) -> tuple[list[Taken], list[Held]]:
    from config.fault import Fault
    from crisis.alerts import setup
    from crisis.alerts.hold import Holder
    from crisis.alerts.intake import Intake

    actor = context.actor if dry_run else context.require("suspend", action="read", subject="alerts")
    if (lacking := setup.missing()) is not None:
        raise Fault(lacking)
    rules = setup.rules_of(context.settings)
    if not rules.place:
        say("standfast: warning: the rules name no place, so that every alert is ignored: see docs/alerts.md")
    own = Intake(context.engine, lambda: rules, actor.person, keeps=not dry_run)
    contents = [(name, _content(name)) for name in files]
    taken = [item for name, data in contents for item in _taken(own, data, name)]
    if dry_run:
        return taken, []
    return taken, Holder(context.engine, context.essential, context.loaded.environ, say).run()


def _content(name: str) -> bytes:
    from crisis.alerts import feed

    file = Path(name)
    if not file.is_file():
        raise UserError(f"{clean_text(name, 'FILE')} is no file: give the path of an alert")
    with file.open("rb") as stream:
        return stream.read(feed.MAX_FEED_BYTES + 1)


def _taken(own: Intake, data: bytes, name: str) -> list[Taken]:
    from crisis.alerts.alert import AlertError

    try:
        return own.take(data, name)
    except AlertError as error:
        return [own.unreadable(data, name, error)]


def _print(item: Taken) -> None:
    number = f"alert {item.number}" if item.number is not None else "an alert"
    mark = f"  {item.mark}" if item.mark else ""
    again = "  (it came before)" if item.again else ""
    out(shown(f"{item.kind.upper()}{mark}  {number}  {item.event}{again}".rstrip()))
    for line in item.reasons:
        out(shown(f"  {line}"))
    for line in item.doubts:
        out(shown(f"  judge: {line}"))
    for scope in item.scopes:
        out(shown(f"  suspends: {scope}"))


def _follow(held: Held) -> None:
    """After a stop that was told already, what follows every stop; and what did not come of it."""
    for line in (*held.refused, *held.unrecorded):
        say(f"standfast: {line}")
    for number in held.suspensions:
        after_hold(number)


def after_hold(suspension: int) -> None:
    """Wait for quiet as long as `crisis` does, then empty the platforms' own schedulers; the stop stands whatever happens."""
    from commands import crisis
    from scheduler import receipt, switch
    from scheduler.status import Status

    with closing(Context()) as context:
        own = switch.open_switch(context.essential)
        try:
            _, _, words = Status(context.essential).run(wait=True)
            with switch.reading(own) as cursor:
                built = receipt.build(cursor, own.name, suspension, context.essential.recall_s)
        finally:
            own.close()
    say(words)
    crisis.after_stop(built, sweep=True)


@app.command("list")
def list_(
    everything: Annotated[bool, typer.Option("--all", help="Also those that were ignored.")] = False,
    waiting: Annotated[bool, typer.Option("--waiting", help="Only those that wait for a person.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="The newest so many.")] = 50,
    json: Json = False,
) -> None:
    """Show the newest alerts and what became of them. Needs a sign-in."""
    with guarded() as context:
        _ = context.actor
        rows = _rows(context, everything, waiting, limit)
        for line in _troubles(context):
            say(f"standfast: warning: {line}")
        if json:
            emit([_described(row) for row in rows])
        else:
            heads = ("alert", "came", "came to", "outcome", "mark", "what", "from", "for")
            table(heads, [[_cut(cell) for cell in _cells(row)] for row in rows])


def _rows(context: Context, everything: bool, waiting: bool, limit: int) -> list[AlertRecord]:
    from sqlmodel import col, select

    from store.alert_tables import UNJUDGED, AlertRecord
    from store.engine import reading

    query = select(AlertRecord).order_by(col(AlertRecord.id).desc()).limit(limit)
    if waiting:
        query = query.where((col(AlertRecord.outcome) == "suggested") | (col(AlertRecord.kind) == UNJUDGED))
    elif not everything:
        query = query.where(col(AlertRecord.kind) != "ignore")
    with reading(context.engine) as session:
        found = list(session.exec(query))
        session.expunge_all()
    return found[::-1]


def _troubles(context: Context) -> list[str]:
    from crisis.alerts import trouble

    return [f"{row.name} on {row.host}: {row.text}" for row in trouble.all_of(context.engine)]


def _cells(row: AlertRecord) -> tuple[object, ...]:
    from config import clock

    return row.id, clock.to_text(row.came_at), row.kind, row.outcome, row.mark, row.event, row.sender, row.area


def _cut(cell: object) -> object:
    return cell if not isinstance(cell, str) or len(cell) <= 40 else f"{cell[:39]}…"


@app.command("show")
def show(
    number: Number,
    document: Annotated[
        str | None, typer.Option("--document", metavar="FILE", help="Write the bytes that came into a new file.")
    ] = None,
    json: Json = False,
) -> None:
    """Show one alert whole: what it came to, why, and what became of it. Needs a sign-in."""
    with guarded() as context:
        _ = context.actor
        row, data = _found(context, number)
        if document is not None:
            _write(clean_text(document, "--document"), data, number)
        if json:
            emit(_described(row))
        else:
            table(("field", "value"), [*_lines(row)])


def _found(context: Context, number: int) -> tuple[AlertRecord, bytes | None]:
    from crisis.alerts import book
    from store.alert_tables import AlertRecord
    from store.engine import reading

    with reading(context.engine) as session:
        row = session.get(AlertRecord, number) if number < 2**63 else None
        if row is None:
            raise UserError(f"there is no alert {number}: `standfast alert list` names them")
        data = book.document(session, row.document)
        session.expunge_all()
    return row, data


def _write(name: str, data: bytes | None, number: int) -> None:
    if data is None:
        raise UserError(f"the bytes of alert {number} were not kept: it does not concern the city; its SHA-256 was")
    try:
        with Path(name).open("xb") as stream:
            stream.write(data)
    except FileExistsError:
        raise UserError(f"{name} is there already: name a new file") from None


def _described(row: AlertRecord) -> dict[str, Any]:
    from config import clock

    moments = {name: getattr(row, name) for name in ("sent_at", "came_at", "dismissed_at")}
    told = {name: clock.to_text(at) if at else None for name, at in moments.items()}
    hidden = {"key_hash", "digest", "document"}
    return {**{k: v for k, v in row.model_dump().items() if k not in hidden}, **told, "sha256": row.document}


def _lines(row: AlertRecord) -> Iterator[tuple[str, object]]:
    for name, value in _described(row).items():
        if isinstance(value, list):
            yield from ((name if not place else "", item) for place, item in enumerate(value))
        elif value not in (None, "", False):
            yield name, value


@app.command("dismiss")
def dismiss(
    number: Number,
    note: Annotated[str, typer.Option("--note", metavar="WORDS", help="Why nothing is to be done.")],
    json: Json = False,
) -> None:
    """Say that nothing is to be done about an alert. It lifts nothing. Needs the right to suspend."""
    with guarded() as context:
        words = clean_text(note, "--note", most=2000).strip()
        if not words:
            raise UserError("--note is empty: say why nothing is to be done")
        row = _dismissed(context, number, words)
        if json:
            emit(_described(row))
        say(f"alert {number} is dismissed; what is suspended stays so")


def _dismissed(context: Context, number: int, note: str) -> AlertRecord:
    from crisis.alerts import desk
    from governance import access

    actor = context.actor
    with access.acting(context.engine) as session:
        access.check(session, actor, "suspend", "*", action="dismiss", subject=f"alert {number}")
        row = desk.dismiss(session, number, actor.person, note)
        session.flush()
        session.expunge_all()
    return row
