"""``standfast moderation``: what was hidden, deleted, blocked or muted, by which clause of the site terms, and by whom."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands import post_options
from commands.context import Context, Json, UserError, clean_text, emit, guarded, parse_at, say, shown, table
from commands.post_options import MOST_ID

if TYPE_CHECKING:
    from sqlmodel import Session

    from governance.site_terms import Terms
    from store.moderation_tables import Moderation

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="The register of what was hidden, deleted, blocked or muted: add, list, export, undo; and the site terms.",
)
FORMATS = ("csv", "jsonl")
MOST_WORD = 500
AS_UTC = "write UTC, such as 2026-11-01T06:30:00Z"
ACTION = "hide, delete, block or mute."


@app.command("add")
def add(
    channel: Annotated[str, typer.Option("--channel", metavar="NAME", help="The channel it was done on.")],
    action: Annotated[str, typer.Option("--action", metavar="WORD", help=ACTION)],
    clause: Annotated[str, typer.Option("--clause", metavar="ID", help="The clause of the site terms it broke.")],
    member: Annotated[str, typer.Option("--member", metavar="HANDLE", help="Whose, as the platform shows it.")],
    captured_at: Annotated[str, typer.Option("--captured-at", metavar="TIME", help="When the words were captured.")],
    acted_at: Annotated[str, typer.Option("--acted-at", metavar="TIME", help="When it was done: after that.")],
    words: Annotated[str | None, typer.Option("--words", metavar="T", help="The words as they stood.")] = None,
    words_file: Annotated[
        str | None, typer.Option("--words-file", metavar="F", help="Read the words from F ('-': stdin).")
    ] = None,
    link: Annotated[str, typer.Option("--link", metavar="URL", help="Where they stood.")] = "",
    note: Annotated[str, typer.Option("--note", metavar="T", help="What else there is to say.")] = "",
    json: Json = False,
) -> None:
    """Record that a member of the public was hidden, deleted, blocked or muted. Does nothing on the platform."""
    with guarded() as context:
        from governance import moderation

        _short(channel, "--channel"), _short(action, "--action"), _short(clause, "--clause")
        said = _words(words, words_file)
        captured, acted = _moment(context, captured_at, "--captured-at"), _moment(context, acted_at, "--acted-at")
        wanted = moderation.Act(channel, action, clause, member, said, captured, acted, link, note)
        actor, terms = context.actor, _terms(context)
        with _recording(context) as session:
            made = moderation.add(session, actor, wanted, terms)
            told = moderation.described(session, [made])[0]
        if made.words != said:
            say("warning: the words hold characters that no store can keep; a sign stands in their place")
        _told(made, told, json)


@app.command("list")
def list_(
    channel: Annotated[
        str | None, typer.Option("--channel", metavar="NAME", help="Only on this one: needed without a right on all.")
    ] = None,
    action: Annotated[str | None, typer.Option("--action", metavar="WORD", help="Only this, also unhide, …")] = None,
    clause: Annotated[str | None, typer.Option("--clause", metavar="ID", help="Only by this clause.")] = None,
    member: Annotated[
        str | None, typer.Option("--member", metavar="HANDLE", help="Only this member's, exactly.")
    ] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="TIME", help="Done at or after this time.")] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Done before this time.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="The newest so many.")] = 100,
    json: Json = False,
) -> None:
    """Show entries of the register. Needs the right to queue on the channel, or to see records."""
    with guarded() as context:
        from governance import access, moderation
        from store.engine import reading

        for value, what in ((channel, "--channel"), (action, "--action"), (clause, "--clause")):
            _short(value or "", what)
        start, end = (
            None if text is None else _moment(context, text, what)
            for text, what in ((since, "--since"), (until, "--until"))
        )
        wish = moderation.Wish(channel, action, clause, member, start, end)
        where, what = channel or "*", f"channel {channel}" if channel else "all channels"
        access.require_any(context.engine, context.actor, moderation.WRITERS, where, "moderation.list", what)
        with reading(context.engine) as session:
            found = moderation.listed(session, wish, limit)
        if json:
            return emit(found)
        heads = ("entry", "acted at", "channel", "what", "member", "clause", "who", "state", "words")
        return table(heads, [_row(row) for row in found])


@app.command("export")
def export(
    format_: Annotated[str, typer.Option("--format", metavar="F", help="csv or jsonl.")],
    output: Annotated[str, typer.Option("--output", metavar="FILE", help="Write it to this file, for you alone.")],
    force: Annotated[bool, typer.Option("--force", help="Replace the file when it exists.")] = False,
) -> None:
    """Write the whole register to a file, in its order. Needs the right to see records. Exit code 1 when tampered with."""
    with guarded() as context:
        from crisis.report import file_output
        from governance import access, moderation

        if format_ not in FORMATS:
            raise UserError(f"--format {format_[:40]!a} is none of {', '.join(FORMATS)}")
        file, actor = Path(clean_text(output, "--output", most=4000)), context.actor
        access.require(context.engine, actor, moderation.EXPORTER, "*", "moderation.export", "")
        file_output.check(file, force=force)
        data, number, differing = _exported(context, format_)
        with access.acting(context.engine) as session:
            moderation.exported(session, actor, format_, number, data)
        file_output.write(file, data, force=force)
        say(f"the moderation register: {number} entries written to {str(file)!a}")
        if differing:
            listed = ", ".join(map(str, differing[:20]))
            raise UserError(
                f"not as the log has it: entry {listed}; keep the store as it is, and run `standfast records verify`"
            )


@app.command("undo")
def undo(
    number: Annotated[int, typer.Argument(metavar="NUMBER", min=1, max=MOST_ID, help="The entry's number.")],
    note: Annotated[str, typer.Option("--note", metavar="T", help="Why.")],
    acted_at: Annotated[
        str | None, typer.Option("--acted-at", metavar="TIME", help="When it was taken back (default: now).")
    ] = None,
    json: Json = False,
) -> None:
    """Record that something was unhidden, or somebody unblocked or unmuted: an entry of its own; the first one stays."""
    with guarded() as context:
        from governance import moderation

        moment = None if acted_at is None else _moment(context, acted_at, "--acted-at")
        actor = context.actor
        with _recording(context) as session:
            made = moderation.undo(session, actor, number, note, moment)
            told = moderation.described(session, [made])[0]
        _told(made, told, json)


@app.command("terms")
def terms(json: Json = False) -> None:
    """Print the clauses of the city's site terms: only for these may anything be hidden, or anybody blocked."""
    with guarded() as context:
        found = _terms(context)
        if json:
            return emit([{"clause": clause, "words": words} for clause, words in found.items()])
        return table(("clause", "words"), list(found.items()))


@contextmanager
def _recording(context: Context) -> Iterator[Session]:
    """A transaction in which refusals are logged; what is wrong is said in the city's time, as people gave it."""
    from config import local_time
    from governance import access, moderation

    try:
        with access.acting(context.engine) as session:
            yield session
    except moderation.ModerationError as error:
        raise UserError(local_time.for_people(str(error))) from None


def _terms(context: Context) -> Terms:
    from governance import site_terms

    return site_terms.of_settings(context.settings.root, context.settings.site_terms)


def _short(value: str, what: str) -> str:
    return clean_text(value, what, most=MOST_WORD)


def _words(words: str | None, file: str | None) -> str:
    """What ``--words`` or ``--words-file`` says, as it stands. Raises UserError unless one of them is given."""
    if (words is None) == (file is None):
        raise UserError("the words as they stood are needed: give one of --words and --words-file ('-': stdin)")
    return words if words is not None else post_options.read(str(file))


def _moment(context: Context, text: str, what: str) -> int:
    """A moment (µs UTC) in the city's time, or in UTC where it ends with Z. Raises UserError."""
    if text.strip()[-1:] in ("Z", "z"):
        return _utc(text, what)
    found = parse_at(text, context.settings.timezone)
    if found.note:
        raise UserError(f"{what} {text[:40]!a} is not one moment ({found.zone} changes its clocks): {AS_UTC}")
    return found.at_us


def _utc(text: str, what: str) -> int:
    from datetime import datetime

    from config import clock

    try:
        moment = datetime.fromisoformat(text.strip().upper())
        if not 2000 <= moment.year <= 2199:
            raise ValueError
        return clock.from_datetime(moment)
    except ValueError:
        raise UserError(f"{what} {text[:40]!a} is no moment: {AS_UTC}") from None


def _exported(context: Context, form: str) -> tuple[bytes, int, list[int]]:
    """The file, how many entries it has, and which of them are not as the log has them: one view of the store."""
    from governance import moderation, moderation_export, moderation_proof
    from store.engine import reading

    with reading(context.engine) as session:
        entries = moderation.listed(session, moderation.Wish())
        return moderation_export.FORMATS[form](entries), len(entries), moderation_proof.differing(session)


def _row(found: dict[str, Any]) -> tuple[object, ...]:
    words = " ".join(found["words"].split())
    state = f"taken back by {found['undone_by']}" if found["undone_by"] else ""
    if found["undoes"]:
        state = f"takes back {found['undoes']}"
    names = ("number", "acted_at", "channel", "action", "member", "clause", "actor")
    return *(found[name] for name in names), state, words if len(words) <= 50 else f"{words[:49]}…"


def _told(made: Moderation, told: dict[str, Any], json: bool) -> None:
    if json:
        return emit(told)
    back = "" if made.undoes is None else f" (takes back {made.undoes})"
    where = f"{made.action} on {made.channel}, {shown(made.member)}, clause {made.clause}"
    return say(f"moderation {made.id}{back}: {where}; recorded by {made.actor}")
