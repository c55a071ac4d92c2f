"""Whatever the bytes, reading does not raise; and what is written as the documents say is read back the same."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from calendars import reader
from calendars.entry import Entry, MediaItem

CHANNELS = ("parks-x", "city", "library.facebook")
ZONES = ("America/Chicago", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC")
MODEST = settings(max_examples=700, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)

VALID = {
    "yaml": (
        "owner: maria\nchannels: [parks-x, city]\nlateness: 2h\nentries:\n"
        "- id: a\n  at: 2027-03-14 02:30\n  timezone: America/Chicago\n  text: |\n    Hello\n    there\n"
        "  texts: {city: 'Own: text'}\n  media:\n  - file: market.png\n    alt: \"A market\"\n  tags: [x, y]\n"
        "  repeat: FREQ=WEEKLY;BYDAY=SU;COUNT=3\n  except: [2027-03-21]\n"
        "- id: b\n  at: 2027-03-15T09:00\n  text: We welcome you\n  lateness: 30m\n"
    ),
    "csv": (
        "# owner: maria\n# channel: parks-x\n"
        "id,at,timezone,channels,text,text:city,media,alt,tags,repeat,except,lateness\n"
        'a,2027-03-14 02:30,America/Chicago,parks-x;city,"Hello,\nthere",Own,market.png,"A ""market""",x;y,'
        '"FREQ=WEEKLY;BYDAY=SU,MO;COUNT=3",2027-03-21,2h\n'
        "b,2027-03-15 09:00,,,We welcome you,,,,,,,\n"
    ),
}
FORMATS = pytest.mark.parametrize("kind", ["yaml", "csv"])
PIECES = [
    "\n",
    " ",
    ",",
    ";",
    ":",
    '"',
    "'",
    "#",
    "- ",
    "[",
    "]",
    "{",
    "}",
    "&a ",
    "*a",
    "!t ",
    "|",
    ">",
    "%",
    "\t",
    "\0",
]
PIECES += [
    "id",
    "at",
    "text",
    "entries:",
    "FREQ=DAILY",
    "COUNT=99999",
    "9999-12-31 23:59",
    "0000-00-00",
    "\u2028",
    "\ufeff",
]
PIECES += ["../", "/etc/passwd", "\\UFFFFFFFF", "😀", "\r", "---\n", "2027-11-07 01:30", "BYDAY=5MO", "-1", "~", "null"]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "market.png").write_bytes(b"image")
        yield Path(name)


def _judge(folder: Path, kind: str, data: bytes) -> None:
    """Either a calendar, or at least one fault with a line, a value and a message of one line each."""
    path = folder / f"c.{kind}"
    path.write_bytes(data)
    calendar, faults = reader.read(path, default_zone="America/Chicago", known_channels=CHANNELS)
    assert (calendar is None) == bool(faults)
    for fault in faults:
        assert fault.line >= 1
        assert fault.line <= data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").count(b"\n") + 1
        assert fault.message
        assert "\n" not in fault.message
    assert faults == sorted(faults, key=lambda fault: fault.line)


@FORMATS
def test_the_unchanged_file_is_valid(folder: Path, kind: str) -> None:
    path = folder / f"valid.{kind}"
    path.write_text(VALID[kind])
    calendar, faults = reader.read(path, default_zone="America/Chicago", known_channels=CHANNELS)
    assert faults == []
    assert calendar is not None
    assert len(calendar.entries) == 2


@FORMATS
@MODEST
@given(data=st.binary(max_size=400))
def test_bytes_never_raise(folder: Path, kind: str, data: bytes) -> None:
    _judge(folder, kind, data)


@FORMATS
@MODEST
@given(parts=st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=8)), max_size=40))
def test_text_never_raises(folder: Path, kind: str, parts: list[str]) -> None:
    _judge(folder, kind, "".join(parts).encode("utf-8", "surrogatepass"))


CUTS = st.lists(
    st.tuples(st.integers(0, 2000), st.integers(0, 12), st.one_of(st.sampled_from(PIECES), st.text(max_size=4))),
    min_size=1,
    max_size=4,
)


@FORMATS
@settings(MODEST, max_examples=800)
@given(cuts=CUTS)
def test_a_valid_file_with_changes_never_raises(folder: Path, kind: str, cuts: list[tuple[int, int, str]]) -> None:
    text = VALID[kind]
    for at, length, piece in cuts:
        place = at % len(text)
        text = text[:place] + piece + text[place + length :]
    _judge(folder, kind, text.encode("utf-8", "surrogatepass"))


def _words(least: int = 1) -> st.SearchStrategy[str]:
    letters = st.characters(
        codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp"), exclude_characters="\ufeff\ufffe\uffff"
    )
    text = st.text(st.one_of(letters, st.sampled_from("\n,;:\"'#-|&*")), min_size=least, max_size=60)
    return text.map(str.strip).filter(lambda words: len(words) >= least)


ABOUT = st.tuples(_words(), _words(0), _words(0))
"""Alt text, captions and rights of an image."""
CHECKS = ("ssn", "profanity")
PARTS = ("alt", "captions", "rights")
RULES = st.sampled_from([None, "FREQ=DAILY;COUNT=5", "FREQ=WEEKLY;INTERVAL=2", "FREQ=DAILY;UNTIL=21990101"])


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    moment = datetime.fromisoformat("2001-01-01") + timedelta(minutes=draw(st.integers(0, 10**8)))
    channels = draw(st.lists(st.sampled_from(CHANNELS), min_size=1, max_size=3, unique=True))
    rule = draw(RULES)
    skipped = draw(st.booleans()) and rule is not None
    return Entry(
        id=draw(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,20}", fullmatch=True)),
        line=0,
        channels=tuple(channels),
        local=moment.isoformat(timespec="minutes"),
        zone=draw(st.sampled_from(ZONES)),
        text=draw(_words()),
        texts=draw(st.dictionaries(st.sampled_from(channels), _words(), max_size=3)),
        media=tuple(MediaItem(Path("market.png"), *about) for about in draw(st.lists(ABOUT, max_size=3))),
        tags=tuple(draw(st.lists(st.sampled_from(["a", "two words", "é"]), unique=True))),
        rrule=rule,
        except_locals=(moment.isoformat(timespec="minutes"),) if skipped else (),
        lateness_s=draw(st.one_of(st.none(), st.integers(1, 10**6))),
        share_of=(share_of := draw(st.sampled_from(["", "https://example.org/1?a=b", "@parks", "parks@example.org"]))),
        source_checked=bool(share_of) and draw(st.booleans()),
        overrides=draw(st.dictionaries(st.sampled_from(CHECKS), _words(), max_size=2)),
    )


MANY = st.lists(entries(), min_size=1, max_size=4, unique_by=lambda entry: entry.id)


def _yaml(found: list[Entry]) -> str:
    rows: list[dict[str, Any]] = []
    for entry in found:
        row: dict[str, Any] = {"id": entry.id, "at": entry.local, "timezone": entry.zone, "channels": [*entry.channels]}
        row |= {"text": entry.text, "texts": dict(entry.texts), "tags": [*entry.tags], "except": [*entry.except_locals]}
        row["media"] = [
            {"file": str(item.path)} | {part: getattr(item, part) for part in PARTS if getattr(item, part)}
            for item in entry.media
        ]
        row |= {"override": dict(entry.overrides)} if entry.overrides else {}
        row |= {"share_of": entry.share_of} if entry.share_of else {}
        row |= {"source_checked": "yes"} if entry.source_checked else {}
        row |= {"repeat": entry.rrule} if entry.rrule else {}
        row |= {"lateness": f"{entry.lateness_s}s"} if entry.lateness_s else {}
        rows.append(row)
    out = io.StringIO()
    writer = YAML(typ="safe", pure=True)
    # Plain style would test ruamel's writer: it leaves "?0" in a flow mapping bare, and its own scanner refuses that.
    writer.default_style = '"'
    writer.default_flow_style = False
    writer.dump({"owner": "maria", "entries": rows}, out)
    return out.getvalue()


def _csv(found: list[Entry]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    out.write("# owner: maria\r\n")
    images = [f"{name}{number}" for number in ("", "2", "3") for name in ("media", *PARTS)]
    head = [
        "id",
        "at",
        "timezone",
        "channels",
        "tags",
        "repeat",
        "except",
        "lateness",
        "share_of",
        "source_checked",
        "text",
    ]
    head += [*(f"text:{channel}" for channel in CHANNELS), *(f"override:{check}" for check in CHECKS), *images]
    writer.writerow(head)
    for entry in found:
        row = [entry.id, entry.local.replace("T", " "), entry.zone, ";".join(entry.channels), "; ".join(entry.tags)]
        row += [entry.rrule or "", ";".join(entry.except_locals), f"{entry.lateness_s}s" if entry.lateness_s else ""]
        row += [
            entry.share_of,
            "yes" if entry.source_checked else "no",
            entry.text,
            *(entry.texts.get(channel, "") for channel in CHANNELS),
        ]
        row += [entry.overrides.get(check, "") for check in CHECKS]
        row += [cell for item in entry.media for cell in (str(item.path), *(getattr(item, part) for part in PARTS))]
        writer.writerow([*row, *[""] * (len(head) - len(row))])
    return out.getvalue()


def _plain(entry: Entry, folder: Path | None) -> tuple[object, ...]:
    media = [(item.path if folder is None else (folder / item.path).resolve(), *item[1:]) for item in entry.media]
    share = (entry.share_of, entry.source_checked, dict(entry.overrides))
    times = (entry.local, entry.zone, entry.rrule, entry.except_locals, entry.lateness_s)
    return (entry.id, entry.channels, times, entry.text, dict(entry.texts), media, entry.tags, share)


@FORMATS
@settings(MODEST, max_examples=250)
@given(found=MANY)
def test_what_is_written_is_read_back(folder: Path, kind: str, found: list[Entry]) -> None:
    path = folder / f"round.{kind}"
    path.write_bytes((_yaml(found) if kind == "yaml" else _csv(found)).encode())
    calendar, faults = reader.read(path, default_zone="UTC", known_channels=CHANNELS)
    assert [str(fault) for fault in faults] == []
    assert calendar is not None
    assert [_plain(entry, None) for entry in calendar.entries] == [_plain(entry, folder) for entry in found]
