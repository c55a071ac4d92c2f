"""``standfast records verify``: the log, and all that it names, hashed again."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands.context import Context, Json, UserError, emit, fail, guarded, say, shown
from commands.post_options import MOST_ID

if TYPE_CHECKING:
    from records.anchor.check import Checked
    from records.verify_all import Found, Way
    from records.verify_mark import Mark

KEEP = "keep the store as it is, look into it"
From = Annotated[
    int | None, typer.Option("--from", metavar="SEQ", min=1, max=MOST_ID, help="Begin with this entry of the log.")
]
DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
Anchors = Annotated[bool, typer.Option("--anchors", help="Also hold the log to what was anchored outside.")]
Known = Annotated[
    list[str] | None,
    typer.Option("--known", metavar="SEQ:HASH", help="An entry's hash as you have it from elsewhere; may be repeated."),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on where the last verification came to.")]


def add_to(app: typer.Typer) -> None:
    """Give `app` the command."""
    app.command("verify")(verify)


def verify(
    from_: From = None, resume: Resume = False, anchors: Anchors = False, known: Known = None, json: Json = False
) -> None:
    """Hash the log again, and the records that it names with their contents; name the first that was changed, removed or
    inserted (exit code 1 then)."""
    if from_ is not None and resume:
        raise typer.BadParameter("--from and --resume say two beginnings: give one")
    from commands import records_anchor

    with guarded() as context:
        noted = _noted(known)
        found, mark = _looked(context, from_, resume, noted)
        register = _register(context)
        held = records_anchor.checked(context) if anchors else None
        if json:
            told = {"moderation": register, "anchors": None if held is None else vars(held)}
            emit({**vars(found), "resumed": None if mark is None else vars(mark), **told})
        if faults := [*_faults(found, register), *([] if held is None else _broken(held))]:
            fail("\n".join(faults))
        _tell(found, mark)
        if held is not None:
            _tell_anchors(held)


def _noted(known: list[str] | None) -> dict[int, str]:
    """Entry → hash, as somebody kept them elsewhere. Raises UserError."""
    found = {}
    for given in known or ():
        number, _, digest = given.strip().partition(":")
        if not (number.isascii() and number.isdigit() and len(number) < 19 and DIGEST.fullmatch(digest.lower())):
            raise UserError(f"--known {given[:90]!a}: write it as SEQ:HASH, as the message with the anchor does")
        found[int(number)] = digest.lower()
    return found


def _looked(context: Context, start: int | None, resume: bool, noted: Mapping[int, str]) -> tuple[Found, Mark | None]:
    """What was found, and the mark from which it went on. Raises UserError."""
    from records import verify_all, verify_mark

    store, folder = _store_id(context), context.essential.data_dir
    mark = verify_mark.read(folder, store) if resume else None
    if resume and mark is None:
        say("no earlier verification of this store is known here: from the first entry on")
    first = start or (1 if mark is None else mark.seq)
    _refuse_beginning(context, start, first, noted)
    _catch_up(context)
    _, much = verify_all.size(context.engine, first)
    known = {**noted, **({} if mark is None else {mark.seq: mark.hash})}
    keeper = verify_mark.Keeper(folder, store)
    try:
        with _bar(first, much) as show:
            return verify_all.look(context.engine, folder / "media", first, known, _both(keeper.hear, show)), mark
    finally:
        if start is None:  # what stands before --from was not looked at
            keeper.keep()


def _refuse_beginning(context: Context, start: int | None, first: int, noted: Mapping[int, str]) -> None:
    """Raise UserError, before anything is written, when there is no such entry, or one that is looked at comes before."""
    from records import verify_all

    newest, _ = verify_all.size(context.engine, first)
    if start is not None and start > newest:
        raise UserError(f"--from {start}: there is no such entry, the newest is entry {newest}")
    if early := [number for number in noted if number < first]:
        raise UserError(f"--known names entry {min(early)}, which is not looked at: leave out --from and --resume")


def _both(*hearers: Callable[[Way], None]) -> Callable[[Way], None]:
    def hear(way: Way) -> None:
        for hearer in hearers:
            hearer(way)

    return hear


def _catch_up(context: Context) -> None:
    """What waits becomes record first; a store that can only be read is verified as it is."""
    from records import archive
    from store.engine import StoreError

    try:
        archive.catch_up(context.engine, context.essential.data_dir / "media")
    except StoreError as error:
        say(f"warning: what waits to be recorded was left waiting: {error}")


def _store_id(context: Context) -> str:
    from store.engine import reading
    from store.tables import Meta

    with reading(context.engine) as session:
        row = session.get(Meta, "store_id")
        return "" if row is None else row.value


def _register(context: Context) -> list[int]:
    """Which entries of the moderation register are not as the log says."""
    from governance import moderation_proof
    from store.engine import reading

    with reading(context.engine) as session:
        return moderation_proof.differing(session)


@contextmanager
def _bar(first: int, much: int) -> Iterator[Callable[[Way], None]]:
    """Shows on a terminal, and there alone, how far it has come."""
    if not sys.stderr.isatty() or os.environ.get("TERM") in (None, "", "dumb"):
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("verifying", total=much)
        yield lambda way: progress.update(task, completed=way.seq - first + 1 + way.records)


# --- words -----------------------------------------------------------------------------------------------------------


def _faults(found: Found, register: list[int]) -> Iterator[str]:
    if not found.ok:
        beside = _beside(found.before, found.after)
        yield f"the log is broken at entry {found.first_bad}: {found.reason}{beside}; {KEEP}"
    if register:
        numbers = ", ".join(map(str, register[:20])) + (" …" if len(register) > 20 else "")
        yield f"the moderation register is not what the log says, in {numbers}; {KEEP}"


def _beside(before: dict[str, Any] | None, after: dict[str, Any] | None) -> str:
    told = [f"{word} it {_named(item)}" for word, item in (("before", before), ("after", after)) if item is not None]
    return f" ({', '.join(told)})" if told else ""


def _named(item: dict[str, Any]) -> str:
    if "entry" in item:
        return f"entry {item['entry']} of {item['at']}, {shown(item['action'])}"
    return f"record {item['record']} of {item['at']}, {shown(item['series'])} of {shown(item['subject'])}"


def _tell(found: Found, mark: Mark | None) -> None:
    from config import clock

    if found.first == 1:
        say(f"the log is whole: {found.entries} entries")
    else:
        say(f"the log is whole from entry {found.first} to entry {found.entries}")
    if mark is not None:
        say(f"what stands before was whole at {clock.to_text(mark.at)}")
    say(f"{found.records} records are whole, with their contents{_but(found)}")
    if found.unsealed:
        say(f"{found.unsealed} more are too new to be named by the log, and were not looked at")


def _but(found: Found) -> str:
    told = []
    if found.disposed:
        told.append(f"the contents of {found.disposed} were disposed of")
    if found.missing:
        told.append(f"the files of {found.missing} were missing already when their records were made")
    return f"; {'; '.join(told)}" if told else ""


MOST_LINES = 5


def _broken(held: Checked) -> Iterator[str]:
    yield from (f"{line}; {KEEP}" for line in held.faults[:MOST_LINES])
    if (more := len(held.faults) - MOST_LINES) > 0:
        yield f"{more} more anchors do not hold: --json names them"


def _tell_anchors(held: Checked) -> None:
    say(f"{held.anchors} anchors and {held.files} files hold, with {held.stamps} stamps of an authority")
    if held.unchecked:
        say(f"warning: {held.unchecked} stamps were not checked: {held.unstamped}")
    if held.absent:
        say(f"{held.absent} files are not in the folder: were they taken to another place?")
