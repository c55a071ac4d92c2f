"""`standfast crisis report`: the after-action report, as Markdown, as a tagged PDF, or as data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.context import Context, Json, UserError, clean_text, emit, guarded, parse_at, say
from commands.post_options import MOST_ID, out

if TYPE_CHECKING:
    from crisis.report.choice import Wish
    from crisis.report.report import PlanFact, Report

FORMATS = ("md", "pdf")
Suspensions = Annotated[
    list[int] | None,
    typer.Option(
        "--suspension", metavar="N", min=1, max=MOST_ID, help="Which one (default: the newest); may be repeated."
    ),
]
Since = Annotated[str | None, typer.Option("--since", metavar="TIME", help="All that stood after this local time.")]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="All that stood before this local time.")]
Format = Annotated[str | None, typer.Option("--format", metavar="F", help="md or pdf (default: by the file's ending).")]
Output = Annotated[str | None, typer.Option("--output", metavar="FILE", help="Write it to this file, for you alone.")]
Force = Annotated[bool, typer.Option("--force", help="Replace the file when it exists.")]


def report(
    suspension: Suspensions = None,
    since: Since = None,
    until: Until = None,
    format_: Format = None,
    output: Output = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Write the after-action report from the log. Needs the right to see records, to suspend or to resume."""
    with guarded() as context:
        file = None if output is None else Path(clean_text(output, "--output", most=4000))
        how = _format(format_, file)
        wish = _wish(context, suspension, since, until)
        _check(file, force)
        found = _built(context, wish)
        if file is not None:
            _write(context, found, file, how, force)
        elif not json:
            out(_markdown(context, found).rstrip("\n"))
        if json:
            from crisis.report import as_json

            emit(as_json.of(found))


def _format(wanted: str | None, file: Path | None) -> str:
    """``md`` or ``pdf``. Raises UserError."""
    how = wanted or ("pdf" if file is not None and file.suffix.lower() == ".pdf" else "md")
    if how not in FORMATS:
        raise UserError(f"--format {how[:60]!a} is none of {', '.join(FORMATS)}")
    if how == "pdf" and file is None:
        raise UserError("a PDF is no text for a terminal: give --output FILE.pdf")
    return how


def _wish(context: Context, numbers: list[int] | None, since: str | None, until: str | None) -> Wish:
    from crisis.report.choice import Wish

    if numbers and (since or until):
        raise UserError("--suspension and --since or --until are given: leave one out")
    zone = context.settings.timezone
    start, end = (None if text is None else parse_at(text, zone).at_us for text in (since, until))
    return Wish(tuple(numbers or ()), start, end)


def _check(file: Path | None, force: bool) -> None:
    if file is not None:
        from crisis.report import file_output

        file_output.check(file, force=force)


def _built(context: Context, wish: Wish) -> Report:
    from config import clock
    from crisis import corrective
    from crisis.report.report import build
    from governance import access
    from store.engine import reading

    access.require_any(context.engine, context.actor, corrective.READERS, "*", "crisis.report", "")
    plan, recall = _plan_now(context), int(context.settings.recall * clock.SECOND)
    with reading(context.engine) as session:
        return build(session, wish, recall, plan)


def _plan_now(context: Context) -> PlanFact | None:
    from crisis import plan, plan_record

    return plan_record.as_read_now(plan.file_of(context.settings.root, context.settings.plan))


def _markdown(context: Context, found: Report) -> str:
    from crisis.report import markdown, sections
    from crisis.report.moment import Times

    return markdown.of(sections.document(found, Times(context.settings.timezone)))


def _write(context: Context, found: Report, file: Path, how: str, force: bool) -> None:
    from crisis.report import file_output, pdf, sections
    from crisis.report.moment import Times

    if how == "pdf":
        blocks = sections.document(found, Times(context.settings.timezone))
        data = pdf.of(blocks, sections.title(found), found.exercise, found.made_at)
    else:
        data = _markdown(context, found).encode("utf-8")
    file_output.write(file, data, force=force)
    say(f"{sections.title(found)}: written to {str(file)!a}")
