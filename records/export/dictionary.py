"""The data dictionary: what each field of each file means, its type and its unit. The tables are written from it."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

from config import spreadsheet
from records.export import layout

POSTS, RECORDS, LOG = "posts", "records", "log"


@dataclass(frozen=True)
class Column:
    """A field of a line: the key it has in the JSON lines, and what it means. `in_tables`: CSV and XLSX have it, too."""

    file: str
    name: str
    kind: str
    meaning: str
    in_tables: bool = True


MOMENT = "time, UTC (JSON lines: microseconds since 1970)"
COLUMNS = (
    Column(POSTS, "post", "number", "The post's number."),
    Column(POSTS, "channel", "text", "The account it is for."),
    Column(POSTS, "department", "text", "The department that the channel is authorized for."),
    Column(POSTS, "state", "word", "Its state when this was taken: draft, in_review, scheduled, publishing, published, held, "
           "unknown, failed or cancelled."),
    Column(POSTS, "sent", "word", "yes, no, in part, or not known: whether it went out. What is held, refused or cancelled "
           "did not, whatever was planned."),
    Column(POSTS, "hold_reason", "text", "Why it waits for a person, where it does."),
    Column(POSTS, "text", "text", "Its words as they stand now; earlier ones are records of series post."),
    Column(POSTS, "tags", "list", "Its tags."),
    Column(POSTS, "media", "list", "Its images and videos: file, description for who cannot see it, SHA-256."),
    Column(POSTS, "share_of", "text", "Whose post it shares."),
    Column(POSTS, "due_at", MOMENT, "When it was to go out."),
    Column(POSTS, "published_at", MOMENT, "When it went out; empty where it did not."),
    Column(POSTS, "link", "address", "Where it stands on the platform."),
    Column(POSTS, "remote_id", "text", "Its number on the platform."),
    Column(POSTS, "author", "person", "Who wrote it."),
    Column(POSTS, "changed_by", "person", "Who gave it its present words, where that is somebody else."),
    Column(POSTS, "created_at", MOMENT, "When it was queued."),
    Column(POSTS, "updated_at", MOMENT, "When it was changed last."),
    Column(POSTS, "disposed_at", MOMENT, "When its words were disposed of by the retention schedule."),
    Column(POSTS, "attempts", "number", "How often sending it was tried."),
    Column(POSTS, "versions", "number", "How many versions of it are records, whether in this package or not."),
    Column(RECORDS, "record", "number", "The record's number."),
    Column(RECORDS, "series", "word", "What kind it is: post (a version of a post), media, request (what was sent to a "
           "platform), answer, inbound (what the public wrote), mail, export, disposition."),
    Column(RECORDS, "subject", "text", "What it is about."),
    Column(RECORDS, "at", MOMENT, "When that happened."),
    Column(RECORDS, "kept_at", MOMENT, "When it became a record."),
    Column(RECORDS, "actor", "person", "Whose act it was."),
    Column(RECORDS, "channel", "text", "The account."),
    Column(RECORDS, "post_id", "number", "The post that it is about."),
    Column(RECORDS, "attempt_id", "number", "The attempt to send that it is about."),
    Column(RECORDS, "suspension_id", "number", "The suspension that it is about."),
    Column(RECORDS, "post_state", "word", "The state of that post when this was taken."),
    Column(RECORDS, "sent", "word", "Whether this went out, as in posts; of a version: whether it was this one."),
    Column(RECORDS, "attempt_state", "word", "What became of the attempt."),
    Column(RECORDS, "mime", "text", "The kind of its content."),
    Column(RECORDS, "facts", "JSON text", "What else is said of it, byte for byte as hashed."),
    Column(RECORDS, "size", "bytes", "The size of its content."),
    Column(RECORDS, "sha256", "hex", "The SHA-256 of its content."),
    Column(RECORDS, "hash", "hex", "The SHA-256 of the record."),
    Column(RECORDS, "entry", "number", "The entry of the log that names it."),
    Column(RECORDS, "content", "text", "Its content, where it is a text of at most 256 KiB.", in_tables=False),
    Column(RECORDS, "content_file", "path", "The file in this package that holds its content, otherwise."),
    Column(RECORDS, "content_gone", "text", "Why there is no content."),
    Column(RECORDS, "redacted", "list", "In a redacted copy: why something was taken out."),
    Column(RECORDS, "words", "text", "Tables only: the words of its content as a person reads them."),
    Column(LOG, "seq", "number", "The entry's number."),
    Column(LOG, "at", MOMENT, "When it was written."),
    Column(LOG, "actor", "person", "Who acted."),
    Column(LOG, "action", "word", "What was done or refused."),
    Column(LOG, "subject", "text", "What it was done to."),
    Column(LOG, "detail", "JSON text", "How and why, byte for byte as hashed."),
    Column(LOG, "previous", "hex", "The hash of the entry before."),
    Column(LOG, "hash", "hex", "The SHA-256 of the entry."),
    Column(LOG, "redacted", "list", "In a redacted copy: why something was taken out."),
)  # fmt: skip
FILES = {POSTS: layout.POSTS, RECORDS: layout.RECORDS, LOG: layout.LOG}
TIMES = frozenset((column.file, column.name) for column in COLUMNS if column.kind == MOMENT)


def columns(file: str) -> list[str]:
    """The columns of the table `file`, in order."""
    return [column.name for column in COLUMNS if column.file == file and column.in_tables]


HEADS = ("file", "field", "kind", "meaning")


def as_csv() -> bytes:
    """The dictionary as a table."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(HEADS)
    for column in COLUMNS:
        writer.writerow(map(spreadsheet.cell, (column.file, column.name, column.kind, column.meaning)))
    return text.getvalue().encode()


def as_markdown() -> str:
    """The dictionary as a page."""
    parts = ["# Data dictionary\n"]
    for file, name in FILES.items():
        rows = [f"| `{c.name}` | {c.kind} | {c.meaning} |" for c in COLUMNS if c.file == file]
        parts += [
            f"\n## {name}, csv/{file}.csv, sheet “{file}”\n\n| field | kind | meaning |\n|---|---|---|\n",
            "\n".join(rows),
            "\n",
        ]
    return "".join(parts)
