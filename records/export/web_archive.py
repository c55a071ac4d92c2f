"""What went over the wire as a web archive: requests, answers, and what was captured, each message byte for byte."""

from __future__ import annotations

import io
import re
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from config import clock, extra
from records.export import layout
from records.wish import RecordsError

KINDS = {"request": "request", "answer": "response", "inbound": "resource"}
HTTP = "application/http"
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*:[!-~]{1,4000}", re.ASCII)
TOKEN = re.compile(r"[\w.+-]+/[\w.+-]+(?:;[ -~]*)?", re.ASCII)
FIELDS = rb"\r\n(?:[!-9;-~]+:[^\r\n]*\r\n)*\r\n"
WHOLE = {
    "request": re.compile(rb"[A-Z]+ [!-~]+ HTTP/\d\.\d" + FIELDS),
    "response": re.compile(rb"HTTP/\d\.\d \d{3}[^\r\n]*" + FIELDS),
}
"""How a message begins whose head is whole; who reads an archive stumbles over any other."""
SPACE = uuid.UUID("6d9b0d8e-6d0c-4f0b-9f5e-5f1f3a0c2b11")
"""What the numbers of these records are made in: the same records have the same in every package."""


def write(folder: Path, step: Callable[[int], None]) -> None:
    """The archive of the package in `folder`. Raises RecordsError without the library."""
    try:
        from warcio.warcwriter import WARCWriter
    except ImportError:
        raise RecordsError(
            f"warcio is not installed, which makes the web archive: {extra.install('records')}"
        ) from None
    with (folder / layout.WEB).open("wb") as file:
        writer = WARCWriter(file, gzip=False, warc_version="1.1")
        _head(writer)
        for done, line in enumerate(layout.lines(folder / layout.RECORDS), 1):
            body = layout.body_of(folder, line) if line["series"] in KINDS else None
            if body is not None:
                _message(writer, line, body)
            step(done)


def _head(writer: Any) -> None:
    info = {
        "software": "Standfast",
        "format": "WARC File Format 1.1",
        "description": "Exchanges with platforms; see README.md",
    }
    writer.write_record(writer.create_warcinfo_record("exchanges.warc", info))


def _message(writer: Any, line: Mapping[str, Any], body: bytes) -> None:
    """A message that the library would not give back byte for byte is a resource: it stands as it is."""
    kind = KINDS[line["series"]]
    is_http = str(line["mime"]).startswith(HTTP)
    if kind == "resource" and is_http:
        kind = "response"
    is_whole = is_http and WHOLE[kind].match(body) is not None
    record = _record(writer, line, body, kind) if is_whole else None
    if record is None or _as_written(record) != body:
        record = _record(writer, line, body, "resource")
    writer.write_record(record)


def _record(writer: Any, line: Mapping[str, Any], body: bytes, kind: str) -> Any:
    heads = {
        "WARC-Record-ID": f"<urn:uuid:{_number(line['record'])}>",
        "WARC-Date": clock.to_datetime(line["at"]).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "X-Standfast-Record": str(line["record"]),
    }
    mime = str(line["mime"])
    content_type = mime if kind == "resource" and TOKEN.fullmatch(mime) else ""
    if kind == "resource":
        content_type = content_type or "application/octet-stream"
    try:
        return writer.create_warc_record(
            _address(line), kind, io.BytesIO(body), len(body), content_type, warc_headers_dict=heads
        )
    except Exception:  # the library reads the message's head, and stumbles over what is none
        return None


def _as_written(record: Any) -> bytes:
    """The bytes that would be written."""
    if record.http_headers is None:
        head = b""
    else:
        record.http_headers.compute_headers_buffer(None)
        head = record.http_headers.headers_buff
    place = record.raw_stream.tell()
    rest: bytes = record.raw_stream.read()
    record.raw_stream.seek(place)
    return bytes(head) + rest


def _address(line: Mapping[str, Any]) -> str:
    """Where it went, by its facts; else a name of its own."""
    found = re.search(r'"url":"((?:[^"\\]|\\.)*)"', str(line["facts"]))
    address = found[1] if found else ""
    return address if ADDRESS.fullmatch(address) else f"urn:standfast:record:{line['record']}"


def _number(record: int) -> uuid.UUID:
    return uuid.uuid5(SPACE, str(record))
