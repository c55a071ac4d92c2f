"""``standfast records export``: a package for a records request, whole or not there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands import records_search
from commands.context import Context, Json, UserError, clean_text, emit, guarded, say
from commands.records_search import Channel, Department, Person, Series, Since, State, Suspension, Until

if TYPE_CHECKING:
    from records.export.package import Made, Order, Tell
    from records.export.redaction import Rules

NOTE = "Characters that could not be drawn in this file are described in brackets; the tables and JSON lines have them."
REDACTED = "-redacted"


def add_to(app: typer.Typer) -> None:
    """Give `app` the command."""
    app.command("export")(export)


def export(
    to: Annotated[str, typer.Option("--to", metavar="FOLDER", help="The folder that becomes the package.")],
    request: Annotated[str, typer.Option("--request", metavar="NUMBER", help="The number of the records request.")],
    words: Annotated[str, typer.Option("--words", metavar="WORDS", help="Only what holds all these words.")] = "",
    since: Since = None,
    until: Until = None,
    channel: Channel = None,
    department: Department = None,
    person: Person = None,
    suspension: Suspension = None,
    state: State = None,
    series: Series = None,
    redact: Annotated[
        str | None, typer.Option("--redact", metavar="FILE", help="Make a redacted copy, too: FOLDER-redacted.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an export that was ended half done.")] = False,
    json: Json = False,
) -> None:
    """Write records, posts and log to a package (BagIt) for a request, with its proof. Needs the right to see records."""
    with guarded() as context:
        folder = Path(clean_text(to, "--to", most=4000))
        number = clean_text(request, "--request", most=200).strip()
        if not number or not folder.name:
            raise UserError("--to and --request must not be empty")
        wish = records_search.wish_of(
            context, words, since, until, channel, department, person, suspension, state, series
        )
        rules = _rules(redact)
        actor = context.require("records", action="records.export", subject=f"request {number}")
        from records.export.package import Order

        order = Order(folder.absolute(), number, actor.person, wish)
        made = [*_made(context, order, rules, resume)]
        if json:
            emit([{"folder": str(path), **_told(found)} for path, found in made])
        else:
            for path, found in made:
                say(_line(path, found))
        _judge(made)


def _rules(redact: str | None) -> Rules | None:
    from records.export import redaction

    return None if redact is None else redaction.read(Path(clean_text(redact, "--redact", most=4000)))


def _made(context: Context, order: Order, rules: Rules | None, resume: bool) -> Iterator[tuple[Path, Made]]:
    """The package, and its redacted copy. A whole package that is there is not made again for a copy."""
    from dataclasses import replace

    from records.export import bag, layout
    from records.export.package import Making

    bag.library()
    media = context.essential.data_dir / "media"
    with _progress() as tell:
        if rules is None or not order.target.exists() or layout.work_of(order.target).exists():
            records_search.up_to_date(context)
            yield order.target, Making(context.engine, order, media, _set_pdf, tell).make(resume=resume)
        if rules is None:
            return
        _same(order)
        copy = order.target.with_name(f"{order.target.name}{REDACTED}")
        wanted = replace(order, target=copy, source=order.target, rules=rules)
        begun = resume and layout.work_of(copy).exists()
        yield copy, Making(context.engine, wanted, media, _set_pdf, tell).make(resume=begun)


def _same(order: Order) -> None:
    """Raise UserError unless the package that is there is whole and answers the same."""
    from records.export import bag, layout

    bag.check(order.target)
    about = layout.read_json(order.target / "data" / layout.ABOUT)
    if (about["request"], about["query"], about["redacted"]) != (order.request, order.wish.described(), False):
        raise UserError(f"{str(order.target)[:200]!a} is of another request or question: ask the same, or name another")


def _set_pdf(pieces: Sequence[Any], title: str, at: int) -> bytes:
    from crisis.report import document, pdf
    from records.export.pages import Grid, Heading, Theirs, Words

    def cell(value: str | Theirs) -> document.Cell:
        return document.quote(value.text) if isinstance(value, Theirs) else value or "–"

    def block(piece: Any) -> document.Block:
        if isinstance(piece, Heading):
            return document.Heading(piece.level, piece.text)
        if isinstance(piece, Words):
            return document.Bullets(((piece.text,),)) if piece.listed else document.paragraph(piece.text)
        assert isinstance(piece, Grid)
        return document.Table(piece.heads, tuple(tuple(map(cell, row)) for row in piece.rows), piece.wide)

    return pdf.of([block(piece) for piece in pieces], title, False, at, NOTE)


@contextmanager
def _progress() -> Iterator[Tell]:
    """How far it is, on a terminal alone."""
    if not sys.stderr.isatty():
        yield _unseen
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        yield _bar(bars)


def _unseen(*_: object) -> None:
    """Nobody looks on."""


def _bar(bars: Any) -> Callable[[str, int, int], None]:
    tasks: dict[str, Any] = {}

    def tell(what: str, done: int, total: int) -> None:
        if what not in tasks:
            tasks[what] = bars.add_task(what)
        bars.update(tasks[what], completed=done, total=total)

    return tell


def _told(made: Made) -> dict[str, Any]:
    about = made.about
    return {**{name: about[name] for name in ("request", "query", "counts", "redacted")}, "manifest": made.manifest}


def _line(path: Path, made: Made) -> str:
    counts = made.about["counts"]
    told = f"{counts['records']} records, {counts['posts']} posts, {counts['log']} entries of the log"
    if not any(counts.values()):
        told = f"NOTHING that is kept fits what was asked for ({told})"
    what = "the redacted copy" if made.about["redacted"] else "the package"
    return f"{what} for request {made.about['request']}: {told}, written to {str(path)!a}; manifest {made.manifest}"


def _judge(made: Sequence[tuple[Path, Made]]) -> None:
    """Raise UserError when contents are not as they were hashed: they are in the package, and named."""
    differing = sorted({number for _, found in made for number in found.differing})
    if differing:
        listed = ", ".join(map(str, differing[:20]))
        raise UserError(
            f"not as it was kept: record {listed}; keep the store as it is, and run `standfast records verify`"
        )
