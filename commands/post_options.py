"""The options of ``standfast post``, and how their words become values."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands.context import Context, UserError, clean_text, parse_at

if TYPE_CHECKING:
    from datetime import date

    from calendars.entry import Occurrence
    from scheduler.planning.content import MediaRow
    from scheduler.planning.post_selection import Wanted

MOST_ID = 2**63 - 1
MOST_INPUT = 1_000_000
"""Bytes read from a text file or standard input."""
MOST_TAG = 64

Id = Annotated[int, typer.Argument(metavar="ID", min=1, max=MOST_ID, help="The post's number.")]
Ids = Annotated[list[int] | None, typer.Argument(metavar="[ID]...", min=1, max=MOST_ID, help="The posts' numbers.")]
Channels = Annotated[list[str] | None, typer.Option("--channel", metavar="NAME", help="A channel; may be repeated.")]
States = Annotated[list[str] | None, typer.Option("--state", metavar="S", help="A state; 'covered': behind the gate.")]
Tag = Annotated[str | None, typer.Option("--tag", metavar="T", help="Only posts with this tag.")]
File = Annotated[str | None, typer.Option("--file", metavar="F", help="Only posts of this calendar file.")]
At = Annotated[str | None, typer.Option("--at", metavar="TIME", help="Local time, such as '2026-12-01 09:00'.")]
Zone = Annotated[str | None, typer.Option("--zone", metavar="Z", help="The time's IANA zone (default: the city's).")]
Text = Annotated[str | None, typer.Option("--text", metavar="T", help="What the post says.")]
TextFile = Annotated[str | None, typer.Option("--text-file", metavar="F", help="Read the text from F ('-': stdin).")]
MediaFiles = Annotated[list[str] | None, typer.Option("--media", metavar="FILE", help="An image; may be repeated.")]
Alts = Annotated[list[str] | None, typer.Option("--alt", metavar="TEXT", help="What the image shows, one per image.")]
Rights = Annotated[
    list[str] | None,
    typer.Option("--rights", metavar="TEXT", help="Whose the image is: one for all, or one per image."),
]
Captions = Annotated[
    list[str] | None,
    typer.Option(
        "--captions", metavar="TEXT", help="Captions of what moves or sounds: their file or words, one per image."
    ),
]
ShareOf = Annotated[
    str | None,
    typer.Option("--share-of", metavar="URL", help="The address or @account of another's post that it shares."),
]
SourceChecked = Annotated[
    bool, typer.Option("--source-checked", help="Somebody looked who is behind what is shared, and whether it is true.")
]
Tags = Annotated[list[str] | None, typer.Option("--tag", metavar="T", help="A tag; may be repeated.")]
Lateness = Annotated[str | None, typer.Option("--lateness", metavar="D", help="Later than this it is held (30m, 2h).")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")]
Suspension = Annotated[
    int | None, typer.Option("--suspension", metavar="N", min=1, max=MOST_ID, help="Those held by this suspension.")
]
AllHeld = Annotated[bool, typer.Option("--all-held", help="All held posts (of the query).")]
Series = Annotated[bool, typer.Option("--series", help="Let several missed occurrences of one series out, spaced.")]


def out(text: str) -> None:
    """A line on stdout, readable in any encoding."""
    encoding = sys.stdout.encoding or "utf-8"
    typer.echo(text.encode(encoding, "backslashreplace").decode(encoding))


def wanted(
    ids: Sequence[int] | None = None,
    channels: Sequence[str] | None = None,
    states: Sequence[str] | None = None,
    tag: str | None = None,
    file: str | None = None,
    suspension: int | None = None,
) -> Wanted:
    """The query of these options. Raises UserError when ids and a query are given together."""
    from scheduler.planning.post_selection import Wanted

    words = {"--channel": channels, "--state": states, "--tag": [tag] if tag else [], "--file": [file] if file else []}
    for option, given in words.items():
        for word in given or ():
            clean_text(word, option, most=1000)
    if ids and (any(words.values()) or suspension is not None):
        raise UserError("posts are named by id or by a query, not both: leave one out")
    if tag == "" or file == "":
        raise UserError("an empty --tag or --file matches nothing: name one")
    return Wanted(tuple(ids or ()), tuple(channels or ()), tuple(states or ()), tag, file, suspension=suspension)


def occurrence(context: Context, at: str, zone: str | None) -> Occurrence:
    """The moment that ``--at`` and ``--zone`` mean. Raises UserError."""
    return parse_at(at, context.settings.timezone if zone is None else zone)


def occurrence_now(context: Context, zone: str | None) -> Occurrence:
    """This very moment, to the second. Raises UserError."""
    from calendars import zones
    from calendars.entry import Occurrence
    from config import clock

    name = context.settings.timezone if zone is None else zone
    if (message := zones.wrong(name)) is not None:
        raise UserError(f"zone {name[:60]!a} {message}")
    now = clock.wall_us() // clock.SECOND * clock.SECOND
    return Occurrence(zones.local_of(now, name), name, now)


def day_of(moment: Occurrence) -> date:
    """The local day of a moment."""
    from datetime import date

    return date.fromisoformat(moment.local[:10])


def text_of(text: str | None, file: str | None) -> str | None:
    """What ``--text`` or ``--text-file`` says; None when neither is given. Raises UserError, ContentError."""
    from scheduler.planning import content

    if text is not None and file is not None:
        raise UserError("--text and --text-file are given: leave one out")
    if file is None:
        return None if text is None else content.fit(text, "the text")
    return content.fit(read(file), f"the text of {file[:60]!a}")


def read(file: str) -> str:
    """What the file (``-``: standard input) says, unchanged. Raises UserError."""
    try:
        data = sys.stdin.buffer.read(MOST_INPUT + 1) if file == "-" else _bytes(Path(file))
        if len(data) > MOST_INPUT:
            raise UserError(f"{file[:60]!a} has more than {MOST_INPUT:,} bytes: name a text file")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{file[:60]!a} is not UTF-8 text ({error.reason} at byte {error.start}): save it so") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "not a path"
        raise UserError(f"{file[:60]!a} cannot be read ({why}): name a text file") from None


def _bytes(path: Path) -> bytes:
    if path.exists() and not path.is_file():
        raise UserError(f"{str(path)[:60]!a} is not a file: name a text file")
    with path.open("rb") as file:
        return file.read(MOST_INPUT + 1)


def share_of(text: str | None) -> str | None:
    """What is shared; None when nothing is said of it. Raises UserError."""
    from calendars import values

    if text is None:
        return None
    try:
        return values.share(clean_text(text.strip(), "--share-of", most=2000))
    except ValueError as error:
        raise UserError(f"--share-of {text[:60]!a} {error}") from None


def media_of(
    context: Context,
    files: Sequence[str],
    alts: Sequence[str],
    rights: Sequence[str] = (),
    captions: Sequence[str] = (),
) -> tuple[MediaRow, ...]:
    """The images, kept in the data directory. Raises UserError, ContentError, MediaError."""
    from scheduler.planning import content

    whose, heard = _rights(files, rights), _captions(files, captions)
    if len(files) > len(alts):
        raise UserError(f"{files[len(alts)][:60]!a} has no alt text: give one --alt for each --media, in order")
    if len(alts) > len(files):
        raise UserError(f"--alt {alts[len(files)][:60]!a} belongs to no image: give one --alt for each --media")
    kept = [content.keep(context.essential.data_dir, Path(file), alt) for file, alt in zip(files, alts, strict=True)]
    facts = ({"rights": own, "captions": words} for own, words in zip(whose, heard, strict=True))
    return tuple(content.with_facts(row, said) for row, said in zip(kept, facts, strict=True))


def _rights(files: Sequence[str], rights: Sequence[str]) -> list[str]:
    """Whose each image is; empty where nobody says."""
    if len(rights) not in (0, 1, len(files)) or len(rights) > len(files):
        raise UserError(
            f"{len(rights)} times --rights and {len(files)} times --media: give one for all, or one for each"
        )
    said = facts_of(rights, "--rights") or ("",)
    return list(said) * len(files) if len(said) == 1 else list(said)


def _captions(files: Sequence[str], captions: Sequence[str]) -> list[str]:
    """The captions of each image; empty where there are none."""
    if len(captions) not in (0, len(files)):
        raise UserError(
            f"{len(captions)} times --captions and {len(files)} times --media: give one for each ('' where there are none)"
        )
    return list(facts_of(captions, "--captions")) or [""] * len(files)


def facts_of(texts: Sequence[str] | None, option: str) -> tuple[str, ...]:
    """What is said of images, each in one line. Raises UserError."""
    return tuple(clean_text(text.strip(), option, most=1000) for text in texts or ())


def facts(rights: Sequence[str], captions: Sequence[str]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """What is said of images that stay as they are, by its name. Raises UserError."""
    said = {"rights": facts_of(rights, "--rights"), "captions": facts_of(captions, "--captions")}
    return tuple((name, texts) for name, texts in said.items() if texts)


def tags_of(tags: Sequence[str] | None) -> tuple[str, ...]:
    """The tags, each once. Raises UserError."""
    found = [clean_text(tag.strip(), "--tag") for tag in tags or ()]
    for tag in found:
        if not tag or len(tag) > MOST_TAG or ";" in tag:
            raise UserError(f"--tag {tag[:70]!a} is no tag: use one to {MOST_TAG} characters, without ';'")
    return tuple(dict.fromkeys(found))


def duration_us(text: str, option: str) -> int:
    """A duration such as ``30m`` in µs. Raises UserError."""
    from calendars import values
    from config import clock

    try:
        return values.duration_s(text) * clock.SECOND
    except ValueError as error:
        raise UserError(f"{option} {text[:60]!a} {error}") from None


def row(post: dict[str, Any]) -> tuple[object, ...]:
    """A line of `post list`."""
    words = " ".join(str(post["text"]).split())
    when = f"{str(post['local_time']).replace('T', ' ')} {post['zone']}"
    return post["id"], post["channel"], when, post["shown"], words if len(words) <= 50 else f"{words[:49]}…"


def states_of(states: list[str] | None, all_held: bool) -> list[str] | None:
    """The states meant. Raises UserError."""
    if all_held and states and states != ["held"]:
        raise UserError("--all-held and --state are given: leave one out")
    return ["held"] if all_held else states


def totals(totals: dict[str, int], shown: int) -> str:
    """The last line of `post list`."""
    names = {"covered": "scheduled (behind the gate)"}
    words = " · ".join(f"{names.get(state, state)} {number:,}" for state, number in totals.items())
    number = sum(totals.values())
    return f"{words or 'no posts'}" + (f"; the first {shown:,} of {number:,} are shown" if shown < number else "")
