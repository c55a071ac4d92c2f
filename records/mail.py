"""Mail taken in byte for byte (RC-6): a message that somebody has forwarded from a private account, with where it came from.

The message is one record, its provenance another: what is private can go by a retention rule, and the numbers stay. Nothing
in a message is opened: attachments are bytes like the rest. Its headers are read for the provenance alone, as far as can be.
"""

from __future__ import annotations

import email.policy
from collections.abc import Iterator
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from typing import Any

from sqlmodel import Session, col, select

from config import clock
from config.fault import Fault
from records import keep, log, seal
from records.keep import About
from store.chain import storable
from store.record_tables import Record
from store.tables import ChainHead

SERIES = "mail"
MESSAGE_TYPE = "message/rfc822"
MOST_BYTES = 25_000_000
MOST_HEAD = 256 * 1024
"""Bytes at the beginning in which headers are looked for."""
MOST_HEADER = 2_000
MOST_OF_A_NAME = 20
"""Of headers with one name."""
HEADERS = ("From", "Sender", "Reply-To", "To", "Cc", "Date", "Subject", "Message-ID", "In-Reply-To", "Received")


class MailError(Fault):
    """It cannot be taken in: one line that says why and what to do."""


@dataclass(frozen=True)
class Provenance:
    """Who handed it in (`person`), from which private account, why, from which file; and who took it in (`by`)."""

    person: str
    account: str
    reason: str
    file: str
    by: str


@dataclass(frozen=True)
class Taken:
    """The record of the message; `again`: it was there already, and nothing was made. `sha256`: of all its bytes (hex)."""

    record: int
    again: bool
    sha256: str
    size: int


def take_in(session: Session, data: bytes, given: Provenance) -> Taken:
    """The record of the message that `data` is, once. Raises MailError; then nothing was kept."""
    check(data, given.file)
    digest = seal.of_content(data)
    session.exec(select(ChainHead.seq).with_for_update()).first()  # two who hand in the same one come here in turn
    if (known := _known(session, digest)) is not None:
        return Taken(known, True, digest, len(data))
    now = clock.wall_us()
    made = keep.blob(session, About(SERIES, "mail", now, given.by), data, MESSAGE_TYPE)
    about = About(SERIES, f"mail {made}", now, given.by, facts={"provenance_of": made, "message_sha256": digest})
    keep.document(session, about, _provenance(data, given, digest, now))
    detail = {"from_person": given.person, "sha256": digest, "size": len(data)}
    log.record(session, given.by, "mail.intake", f"record {made}", detail)
    return Taken(made, False, digest, len(data))


def check(data: bytes, file: str) -> None:
    """Raise MailError for what is empty or larger than `MOST_BYTES`."""
    if not data:
        raise MailError(f"{file[-200:]!a} is empty: name the file of a message")
    if len(data) > MOST_BYTES:
        raise MailError(
            f"{file[-200:]!a} has more than {MOST_BYTES:,} bytes: hand in what is too large on a data carrier"
        )


def _known(session: Session, digest: str) -> int | None:
    """The record of the same bytes whose content is still there."""
    same = select(Record.id).where(Record.sha256 == digest, Record.series == SERIES, Record.mime == MESSAGE_TYPE)
    return session.exec(same.where(col(Record.disposed_by).is_(None)).limit(1)).first()


def _provenance(data: bytes, given: Provenance, digest: str, now: int) -> dict[str, Any]:
    return {
        "from_person": given.person,
        "account": given.account,
        "reason": given.reason,
        "file": storable(given.file),
        "taken_in_by": given.by,
        "taken_in_at": now,
        "sha256": digest,
        "size": len(data),
        "headers": headers(data),
    }


def headers(data: bytes) -> dict[str, list[str]]:
    """Those of `HEADERS` that the message has, as far as they can be read; a broken one as its bytes would print."""
    found: dict[str, list[str]] = {}
    for name, value in _raw(data[:MOST_HEAD]):
        kept = next((item for item in HEADERS if item.lower() == name.lower()), None)
        if kept is not None and len(found.setdefault(kept, [])) < MOST_OF_A_NAME:
            found[kept].append(_read(name, value[:MOST_HEADER]))
    return found


def _raw(head: bytes) -> Iterator[tuple[str, str]]:
    """The header lines as they stand: this policy decodes nothing."""
    try:
        parsed = BytesHeaderParser(policy=email.policy.compat32).parsebytes(head)
        yield from ((str(name), str(value)) for name, value in parsed.raw_items())
    except (
        Exception
    ):  # the parser is not to be trusted with what strangers send: the message itself is kept all the same
        return


def _read(name: str, value: str) -> str:
    """The value with its encoded words read; as it stands where that fails."""
    plain = value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    try:
        read = str(email.policy.default.header_fetch_parse(name, plain))
    except Exception:  # the reader of headers has faults of its own with broken ones
        read = plain
    return storable(" ".join(read.split()))
