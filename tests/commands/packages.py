"""What tests of packages share: a city with records of every kind, and others' tools to look at what is exported."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import bagit

from records import seal
from records.export import layout
from records.keep import About, blob, document, file
from store.engine import writing
from store.tables import POST_STATES, Attempt, Post
from tests.commands.office import Office, Said
from tests.records.package_verifier import faults, ten_lines

HTTP = "application/http; msgtype="
REQUEST = b'POST /2/tweets HTTP/1.1\r\nHost: api.example\r\nContent-Type: application/json\r\n\r\n{"text": "Pool"}'
ANSWER = b'HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n\r\n{"data": {"id": "1"}}'
UNUSUAL = b"HTTP/1.1 200 OK\r\nX-Unusual:no space\r\n\r\nbody"
ODD = b"HTTP/1.1 200 OK\nX-Folded: a\n  b\nno colon here\n\nbody \xff\x00"
ATTACHED = (
    b'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: application/zip; name="../../evil.zip"\r\n'
    b"Content-Transfer-Encoding: base64\r\n\r\n!!!not base64\r\n--b--"
)
IMAGE = b"\x89PNG image"
ZIP = b"PK\x03\x04" + bytes(range(256)) * 8


def ok(office: Office, *arguments: str, **rest: Any) -> Said:
    said = office.run(*arguments, **rest)
    assert said.code == 0, said
    return said


def export(office: Office, to: Path, *more: str) -> Path:
    """The data of a package for request 7, which everybody's tools accept."""
    ok(office, "records", "export", "--to", str(to), "--request", "R-7", *more)
    check(to)
    return to / "data"


def check(bag: Path) -> None:
    """The reference tools and the verifier written from the page alone."""
    run = subprocess.run(
        [sys.executable, bagit.__file__, "--validate", str(bag)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    warc = [sys.executable, "-m", "warcio.cli", "check", "-v", str(bag / "data" / layout.WEB)]
    run = subprocess.run(warc, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
    assert "fail" not in run.stdout
    assert faults(bag) == []
    if not layout.read_json(bag / "data" / layout.ABOUT)["redacted"]:
        assert ten_lines(bag) == ""


def lines(data: Path, name: str) -> list[dict[str, Any]]:
    return [*layout.lines(data / name)]


def add_post(office: Office, words: str, state: str = "scheduled", **values: Any) -> int:
    """A post of ana's put straight into a state."""
    made: dict[str, Any] = {"author": "ana", "local_time": "-", "zone": "UTC", "due_at": 10**15, "ready_at": 10**15}
    made |= {"lateness_us": 1, "created_at": 1, "updated_at": 10**15, "content_hash": seal.of_content(words.encode())}
    with writing(office.engine) as session:
        post = Post(channel="parks", state=state, text=words.replace("\0", ""), **(made | values))
        session.add(post)
        session.flush()
        return int(post.id or 0)


def add_attempt(office: Office, post: int, state: str, **values: Any) -> int:
    made: dict[str, Any] = {
        "worker": "w",
        "idempotency_key": "k",
        "content_hash": "h",
        "claim_epoch": 1,
        "claimed_at": 1,
    }
    with writing(office.engine) as session:
        attempt = Attempt(post_id=post, channel="parks", state=state, **(made | values))
        session.add(attempt)
        session.flush()
        return int(attempt.id or 0)


def keep_bytes(office: Office, about: About, body: bytes, mime: str) -> int:
    with writing(office.engine) as session:
        return blob(session, about, body, mime)


def furnish(office: Office) -> dict[str, int]:
    """Posts in every state, messages, a mail, an image, and words that would do harm."""
    made = {state: add_post(office, f"Pool news {state}", state) for state in POST_STATES}
    media = office.city.data_dir / "media"
    media.mkdir(exist_ok=True)
    (media / "a.png").write_bytes(IMAGE)
    attempt = add_attempt(office, made["published"], "published", content_hash=seal.of_content(b"Pool news published"))
    with writing(office.engine) as session:
        about = About("media", f"post {made['held']}", 5, "ana", "parks", made["held"])
        made["image"] = file(session, about, "a.png", seal.of_content(IMAGE), 10, "image/png")
        lost = replace(about, facts={"missing": True})
        file(session, lost, "gone.png", "e" * 64, 0, "image/png")
        made["inbound"] = document(
            session, About("inbound", "reply", 6, "", "parks"), {"text": "Pool?", "from": "@kim"}
        )
    for series, body in (("request", REQUEST), ("answer", ANSWER)):
        mime = HTTP + ("request" if series == "request" else "response")
        facts = {"url": "https://api.example/2/tweets", "method": "POST"}
        about = About(series, "attempt 1", 7, "standfast", "parks", made["published"], attempt, facts=facts)
        made[series] = keep_bytes(office, about, body, mime)
    mail = b"From: kim@x.example\r\nSubject: Pool hours\r\n\r\nWhen?\xff\r\n" + ZIP
    made["mail"] = keep_bytes(office, About("mail", "mail from kim", 8), mail, "message/rfc822")
    return made
