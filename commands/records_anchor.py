"""``standfast records anchor`` and ``anchors``: the log's head laid down outside, and what was."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands.context import Context, Json, UserError, emit, guarded, table
from config import clock, essentials, web_address

if TYPE_CHECKING:
    from config.settings import Settings
    from records.anchor.book import Head, Last
    from records.anchor.check import Checked
    from records.anchor.run import Places
    from scheduler.checkup import Patient

WITHIN_S = 10.0
"""Longest that an authority, or an address, may take."""
MOST_ANSWER = 2**20
QUERY, REPLY = "application/timestamp-query", "application/timestamp-reply"
NOWHERE = "the log is anchored nowhere"
REMEDY = "set anchor_tsa_url, anchor_folder or anchor_address (docs/records.md)"
TITLE = "Standfast: the log's newest entry is {}"
BODY = """Keep this message. It says what the log of Standfast was, so that nobody can write it anew unseen.

entry: {seq}
hash: {hash}
store: {store}
{stamped}
To check it: standfast records verify --known {seq}:{hash}
"""


def add_to(app: typer.Typer) -> None:
    """Give `app` the commands."""
    app.command("anchor")(anchor)
    app.command("anchors")(anchors)


def anchor(json: Json = False) -> None:
    """Lay down the log's newest entry outside, at all places that the settings name. Exit code 1 when one of them failed."""
    from records import archive
    from records.anchor import run

    with guarded() as context:
        context.require("records", action="records.anchor", subject="the log")
        places = places_of(context.settings, context.loaded.environ)
        _refuse_nowhere(places)
        archive.catch_up(context.engine, context.essential.data_dir / "media")
        made = run.anchor(context.engine, places)
        emit(made) if json else _show(made)
        if any(item["trouble"] for item in made):
            raise typer.Exit(1)


def anchors(
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="The newest so many.")] = 100,
    json: Json = False,
) -> None:
    """Show which entries of the log were anchored, when and where, and what failed."""
    from records.anchor import book

    with guarded() as context:
        found = book.listed(context.engine, limit)
        emit(found) if json else _show(found)


def _show(rows: Sequence[Mapping[str, Any]]) -> None:
    names = ("id", "at", "seq", "place", "target", "stamped_at", "trouble", "hash")
    heads = ("anchor", "at", "entry", "place", "where", "stamped", "trouble", "hash")
    table(heads, [tuple(row[name] for name in names) for row in rows])


def _refuse_nowhere(places: Places) -> None:
    from commands import duties

    if not places.names:
        raise UserError(f"{NOWHERE}: {REMEDY}")
    if duties.tells_nobody():
        raise UserError(f"{clock.REHEARSAL_VARIABLE} or a failpoint is set: nothing outside is reached; unset it")


# --- the places ------------------------------------------------------------------------------------------------------


def places_of(settings: Settings, environ: Mapping[str, str]) -> Places:
    """Where the settings say that the log is anchored."""
    from records.anchor import run, stamp

    url, variable = settings.anchor_tsa_url, settings.anchor_address
    file = _below(settings, settings.anchor_certificate)
    authority = run.Authority(web_address.named(url), lambda request: _asked(url, request), lambda: stamp.trusted(file))
    address = run.Address(variable, lambda head, stamped: _sent(environ.get(variable, "").strip(), head, stamped))
    return run.Places(
        authority if url else None, _below(settings, settings.anchor_folder), address if variable else None
    )


def _below(settings: Settings, path: Path | None) -> Path | None:
    return None if path is None else essentials.path_below(settings.root, str(path))


def _asked(url: str, request: bytes) -> bytes:
    """An authority's answer, bounded in time and size. Raises AnchorError."""
    from urllib.parse import urlsplit

    from connectors.errors import ConnectorError
    from connectors.http import Transport
    from connectors.protocol import Account, Deadline
    from records.anchor.fault import AnchorError

    parts, name = urlsplit(url), web_address.named(url)
    try:
        own = Transport(Account("anchor", "the authority"), f"{parts.scheme}://{parts.netloc}", MOST_ANSWER)
        headers = {"User-Agent": "standfast", "Content-Type": QUERY, "Accept": REPLY}
        answer = own.ask(lambda: own.session.post(url, data=request, headers=headers), Deadline.after(WITHIN_S))
    except ConnectorError as error:
        raise AnchorError(f"{name}: {error.detail}") from None
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if answer.status != 200 or kind != REPLY:
        raise AnchorError(f"{name} answers {answer.status} ({kind[:60]!a}) and no stamp: mend anchor_tsa_url")
    return answer.body


def _sent(url: str, head: Head, stamped: int | None) -> str | None:
    """What went wrong with the message, without its address; None when the service took it."""
    from crisis.notices import address
    from crisis.notices.words import Words

    if not url:
        return "is not set: put the address into .env"
    told = "" if stamped is None else f"stamped: {clock.to_text(stamped)}\n"
    body = BODY.format(seq=head.seq, hash=head.hash, store=head.store, stamped=told)
    return address.send(url, Words(TITLE.format(head.seq), body), WITHIN_S)


# --- what verify makes of them ---------------------------------------------------------------------------------------


def checked(context: Context) -> Checked:
    """Whether all anchors still hold."""
    from records.anchor import check, stamp
    from records.anchor.fault import AnchorError

    settings = context.settings
    trusted: Sequence[Any] | str
    try:
        trusted = stamp.trusted(_below(settings, settings.anchor_certificate))
    except AnchorError as error:
        trusted = str(error)
    return check.check(context.engine, _below(settings, settings.anchor_folder), trusted)


# --- the doctor and the daemon ---------------------------------------------------------------------------------------


def keeper(context: Context, engine: Any) -> Callable[[], object] | None:
    """The daemon's turn; None where the city anchors nowhere."""
    from records.anchor import run

    if not places_of(context.settings, {}).names:
        return None
    every_us = int(context.settings.anchor_every * clock.SECOND)
    return run.Keeper(engine, lambda: places_of(context.settings, essentials.merged().environ), every_us).run


def examine(patient: Patient) -> Iterator[tuple[str, str]]:
    """The doctor's look: whether the log is anchored, when it last was, and what keeps it from being so."""
    from records.anchor import book
    from scheduler.checkup import WARN
    from store.engine import reading

    places = places_of(patient.settings, patient.environ)
    if not places.names:
        yield WARN, f"{NOWHERE}: whoever can write to the store could write it anew unseen; {REMEDY}"
        return
    yield from _obstacles(patient)
    with reading(patient.engine) as session:
        lasts = {name: book.last(session, name) for name in places.names}
    for name, last in lasts.items():
        yield _told(name, last, patient.settings.anchor_every)


def _obstacles(patient: Patient) -> Iterator[tuple[str, str]]:
    from crisis.notices import address
    from records.anchor import stamp
    from records.anchor.fault import AnchorError
    from scheduler.checkup import BAD, WARN

    settings = patient.settings
    if settings.anchor_tsa_url:
        try:
            stamp.trusted(_below(settings, settings.anchor_certificate))
        except AnchorError as error:
            yield BAD, str(error)
    folder, data = _below(settings, settings.anchor_folder), patient.essential.data_dir
    if folder is not None and not folder.is_dir():
        yield BAD, f"anchor_folder {folder} does not exist: make it, or mend the setting"
    if folder is not None and (folder == data or data in folder.parents):
        yield WARN, f"anchor_folder {folder} lies in the data directory: use another disk or host"
    if settings.anchor_address and not address.is_installed():
        yield BAD, address.NOT_INSTALLED


def _told(name: str, last: Last, every_s: float) -> tuple[str, str]:
    from scheduler.checkup import BAD, OK, WARN

    if last.kept is None:
        why = f": {last.trouble}" if last.trouble else ": the daemon does it, or `standfast records anchor`"
        return (BAD if last.trouble else WARN), f"{name}: never anchored{why}"
    text = f"{name}: last anchored at {clock.to_text(last.kept)}"
    is_late = clock.wall_us() - last.kept > 2 * every_s * clock.SECOND
    if last.trouble:
        return (BAD if is_late else WARN), f"{text}, and the last try failed: {last.trouble}"
    return (WARN, f"{text}, which is long ago: is the daemon running?") if is_late else (OK, text)
