"""Each mistake with its exact line, value and remedy, and all of them at once."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from calendars import reader
from calendars.draft import MAX_FAULTS, Faults, TooManyFaults
from calendars.entry import MediaItem
from tests.calendars.conftest import CHANNELS, Read, said

HEAD = "owner: maria\nchannel: parks-x\nentries:\n"
GOOD = "- id: a\n  at: 2027-03-01 09:00\n  text: Hello\n"

WHOLE = """\
owner: maria
timezone: America/Denver
channels: [parks-x, city]
lateness: 1h30m
media_folder: .
entries:
- id: a
  at: 2027-03-01 9:00
  timezone: Asia/Kathmandu
  channels: [city, library-facebook]
  text: |
    Two lines,
    é and 🌳
  texts:
    city: "Our own: words"
  media:
  - {file: market.png, alt: A market}
  tags: [one, two words]
  repeat: rrule:freq=daily;count=3
  except: [2027-03-02, "2027-03-03T09:00"]
  lateness: 2h
- id: 080202
  at: '2027-03-01T13:30:15'
  text: no
"""


def test_a_whole_file_is_read_as_written(read: Read, tmp_path: Path) -> None:
    calendar, faults = read(WHOLE)
    assert faults == []
    assert calendar is not None
    assert (calendar.owner, calendar.digest) == ("maria", hashlib.sha256(WHOLE.encode()).hexdigest())
    first, second = calendar.entries
    assert (first.id, first.line, first.local, first.zone) == ("a", 7, "2027-03-01T09:00", "Asia/Kathmandu")
    assert first.channels == ("city", "library-facebook")
    assert first.text_for("library-facebook") == "Two lines,\né and 🌳"
    assert first.text_for("city") == "Our own: words"
    assert first.media == (MediaItem((tmp_path / "market.png").resolve(), "A market"),)
    assert (first.tags, first.rrule) == (("one", "two words"), "FREQ=DAILY;COUNT=3")
    assert first.except_locals == ("2027-03-02T09:00", "2027-03-03T09:00")
    assert (first.lateness_s, second.lateness_s) == (7200, 5400)
    assert (second.id, second.text, second.local) == ("080202", "no", "2027-03-01T13:30:15")
    assert (second.zone, second.channels) == ("America/Denver", ("parks-x", "city"))


MISTAKES = [  # what stands from line 4 on, line, value, message
    (
        "- id: a\n  at: 2027-03-01 09:00\n  txt: x\n  text: x\n",
        6,
        "txt",
        "is not a key a calendar has here: did you mean 'text'?",
    ),
    (
        "- id: a\n  id: b\n  at: 2027-03-01 09:00\n  text: x\n",
        5,
        "id",
        "stands here twice (first on line 4): remove one",
    ),
    (GOOD + GOOD, 7, "a", "is the id of two entries (first on line 4): give each its own"),
    ("- at: 2027-03-01 09:00\n  text: x\n", 4, "id", "is missing: give the entry a name of its own that never changes"),
    ("- id: a b\n  at: 2027-03-01 09:00\n  text: x\n", 4, "a b", "is no id: use up to 100 letters"),
    (
        "- id: a\n  text: x\n",
        4,
        "a",
        "has no time: write the local time as 2026-12-01 09:00 (24-hour clock) under 'at'",
    ),
    (
        "- id: a\n  at: 2027-03-01\n  text: x\n",
        5,
        "2027-03-01",
        "has no time of day: write the local time as 2026-12-01",
    ),
    ("- id: a\n  at: 3/1/2027 9am\n  text: x\n", 5, "3/1/2027 9am", "is not a local time: write the local time as"),
    (
        "- id: a\n  at: 2027-02-29 09:00\n  text: x\n",
        5,
        "2027-02-29 09:00",
        "does not exist (day is out of range for month)",
    ),
    (
        "- id: a\n  at: 2027-03-01T09:00Z\n  text: x\n",
        5,
        "2027-03-01T09:00Z",
        "carries an offset from UTC: write the local time",
    ),
    (
        "- id: a\n  at: 0027-03-01 09:00\n  text: x\n",
        5,
        "0027-03-01 09:00",
        "is outside the years 2000 to 2199: correct",
    ),
    (
        GOOD + "  timezone: America/Chigago\n",
        7,
        "America/Chigago",
        "is not a time zone: did you mean 'America/Chicago'?",
    ),
    (GOOD + "  channels: [park-x]\n", 7, "park-x", "is not a channel of the city: did you mean 'parks-x'?"),
    (GOOD + "  channels:\n  - city\n  - city\n", 9, "city", "stands here twice: remove one"),
    (GOOD + "  channels: ['<script>']\n", 7, "<script>", "is no channel's name: use up to 100 letters"),
    (GOOD + "  channel: city\n  channels: city\n", 8, "channels", "says the same as 'channels': keep one of the two"),
    ("- id: a\n  at: 2027-03-01 09:00\n", 4, "a", "has no text: write one under 'text'"),
    ("- id: a\n  at: 2027-03-01 09:00\n  text: ' '\n", 6, " ", "is a text of blanks alone: write one"),
    (
        '- id: a\n  at: 2027-03-01 09:00\n  text: "\\x07x"\n',
        6,
        "\x07x",
        "holds the control character U+0007: delete it",
    ),
    ("- id: a\n  at: 2027-03-01 09:00\n  text: [x]\n", 6, "text", "takes one value, not a list or a block of keys"),
    (GOOD + "  texts: {city: x}\n", 7, "city", "has a text but is not among the entry's channels: known are parks-x"),
    (GOOD + "  texts: x\n", 7, "texts", "takes one line per channel: write 'CHANNEL: its own text' below it"),
    (
        GOOD + "  texts: {parks-x: }\n",
        7,
        "parks-x",
        "has no text of its own: write it after the ':' or remove the line",
    ),
    (
        GOOD + "  media: [{file: market.png}]\n",
        7,
        "market.png",
        "has no text alternative for people who cannot see it: say",
    ),
    (
        GOOD + "  media:\n  - file: market.png\n    alt: ' '\n",
        8,
        "market.png",
        "has no text alternative for people who",
    ),
    (GOOD + "  media: [{alt: x}]\n", 7, "file", "is missing: name the image of this 'media' item"),
    (GOOD + "  media: market.png\n", 7, "market.png", "needs 'file: NAME' and 'alt: what the image shows' below it"),
    (GOOD + "  media: [{file: market.pgn, alt: x}]\n", 7, "market.pgn", "(did you mean 'market.png'?)"),
    (
        GOOD + "  media: [{file: ../market.png, alt: x}]\n",
        7,
        "../market.png",
        "leads out of the calendar's folder: copy",
    ),
    (GOOD + "  media: [{file: /etc/passwd, alt: x}]\n", 7, "/etc/passwd", "leads out of the calendar's folder: copy"),
    (GOOD + "  media: [{file: ., alt: x}]\n", 7, ".", "is not a file: name an image"),
    (
        GOOD + "  media: [{file: 'a\\b.png', alt: x}]\n",
        7,
        "a\\b.png",
        "is not there: write the folder with '/', not '\\'",
    ),
    (
        GOOD + "  repeat: FREQ=SECONDLY\n",
        7,
        "FREQ=SECONDLY",
        "has FREQ=SECONDLY: give DAILY, WEEKLY, MONTHLY or YEARLY",
    ),
    (GOOD + "  repeat: FREQ=WEEKLY;BYDAY=SA\n", 7, "FREQ=WEEKLY;BYDAY=SA", "does not fall on its own first date"),
    (
        GOOD + "  repeat: FREQ=DAILY\n  except: [2027-02-28]\n",
        8,
        "2027-02-28",
        "is not a date of FREQ=DAILY from 2027-03-01 09:00",
    ),
    (GOOD + "  repeat: FREQ=DAILY\n  except: [soon]\n", 8, "soon", "is not a local time: write the local time"),
    (
        GOOD + "  except: [2027-03-01]\n",
        7,
        "2027-03-01",
        "leaves out a date, but the entry does not repeat: add 'repeat'",
    ),
    (GOOD + "  lateness: soon\n", 7, "soon", "is not a duration: write for example 30m, 2h or 1d"),
    (GOOD + "  lateness: 0m\n", 7, "0m", "is out of range: give more than 0 seconds and at most 366 days"),
    (GOOD + "  tags: ['a;b']\n", 7, "a;b", "is no tag: use one to 64 characters on one line, without ';'"),
    (GOOD + "- hello\n", 7, "hello", "is no entry: begin each entry with '- id: …'"),
    ("- id: &x a\n", 4, "&x", "is an anchor: remove it, or put the text in quotes"),
    ("- id: *x\n", 4, "*x", "is an alias: calendars take none, write the value again"),
    ("- id: !!python/object:os.system x\n", 4, "tag:yaml.org,2002:python/object:os.system", "is a tag: remove it"),
    ("- id: a\n  text: one: two\n", 5, "", "is not valid YAML (mapping values are not allowed"),
    ('- id: a\n  text: "open\n', 6, "", "is not valid YAML (found unexpected end of stream)"),
    ('- id: "\\UFFFFFFFF"\n', 4, "", "is not valid YAML ("),
    ("- " * 30 + "x\n", 4, "", "is nested more than 12 deep: a calendar needs four levels"),
    (GOOD + "---\nx: 1\n", 7, "---", "begins a second document: keep one calendar per file"),
    (GOOD + "  tags: [\x01]\n", 7, "U+0001", "is a control character: delete it (is this really a text file?)"),
]


@pytest.mark.parametrize(("body", "line", "value", "message"), MISTAKES, ids=[row[3][:40] for row in MISTAKES])
def test_a_mistake_in_yaml_is_named(read: Read, body: str, line: int, value: str, message: str) -> None:
    calendar, faults = read(HEAD + body)
    assert calendar is None
    assert [(fault.line, fault.value) for fault in faults] == [(line, value)]
    assert message in faults[0].message
    assert "\n" not in faults[0].message


FILES = [  # name, whole content, line, value, message
    ("c.yaml", b"", 1, "", "the file is empty: docs/calendars.md has an example"),
    ("c.csv", b"\n\n", 1, "", "the file is empty: docs/calendars.md has an example"),
    ("c.yaml", b"# nothing\n", 1, "", "the file is empty: begin with 'owner: NAME'"),
    ("c.yaml", b"- a\n", 1, "", "the file is no calendar: begin with 'owner: NAME' and 'entries:'"),
    ("c.yaml", b"owner: maria\n", 1, "entries", "is missing: add 'entries:' with at least one entry"),
    ("c.yaml", b"owner: maria\nentries: []\n", 2, "entries", "holds no entry: add at least one"),
    ("c.yaml", b"owner: maria\nentries: x\n", 2, "entries", "must hold a list: begin each entry with '- id: "),
    (
        "c.yaml",
        b"channel: city\nentries:\n" + GOOD.encode(),
        1,
        "owner",
        "is missing: name the person with whose rights",
    ),
    (
        "c.yaml",
        b"owner: m\nentries:\n" + GOOD.encode(),
        3,
        "a",
        "has no channel: add 'channels' here, or 'channel' for",
    ),
    ("c.yaml", HEAD.encode() + b"- id: a\n  text: \xff\n", 5, "0xff", "is not UTF-8: save the file as UTF-8"),
    ("c.yaml", "owner: maria".encode("utf-16"), 1, "", "the file is UTF-16: save it as UTF-8"),
    ("c.yml", HEAD.encode() + b"- id: \x00\n", 4, "U+0000", "is a control character: delete it"),
    ("c.csv", b"# owner: m\nid,at\x00,text\n", 2, "U+0000", "is a control character: delete it"),
    (
        "c.csv",
        b"# owner: m\nid;at;text\na;b;c\n",
        2,
        "id;at;text",
        "has columns parted by semicolons: save the file as comma",
    ),
    ("c.csv", b"id\tat\ttext\n", 1, "id\tat\ttext", "has columns parted by tabs: save the file as comma-separated"),
    (
        "c.csv",
        b"# lateness: 1h\n# ownr: m\n# owner: m\nid,at,text\n",
        2,
        "ownr",
        "is not a setting of a calendar: did you mean 'owner'? (begin a",
    ),
    ("c.csv", b"# owner: m\nid,at,text\n", 2, "", "the file holds no entry: add a row under the header"),
    ("c.csv", b"# owner: m\n", 1, "", "the file holds no entry: add a header row beginning with id,at,text"),
    ("c.csv", b"# owner: m\nhello,world\n", 2, "hello", "is no header row: begin the table with a row such as id,at"),
    ("c.xlsx", b"x", 1, ".xlsx", "is no calendar format: save the file as one of .csv, .yaml, .yml"),
]


@pytest.mark.parametrize(("name", "data", "line", "value", "message"), FILES, ids=[row[4][:40] for row in FILES])
def test_a_mistake_of_the_whole_file_is_named(
    read: Read, name: str, data: bytes, line: int, value: str, message: str
) -> None:
    calendar, faults = read(data, name)
    assert calendar is None
    assert [(fault.line, fault.value) for fault in faults] == [(line, value)]
    assert message in faults[0].message


def test_all_mistakes_come_at_once_and_by_line(read: Read) -> None:
    text = HEAD.replace("channel", "chanel") + GOOD + "  lateness: x\n" + GOOD.replace("09:00", "99:00") + "nope: 1\n"
    _, faults = read(text)
    assert [fault.line for fault in faults] == [2, 4, 7, 8, 8, 9, 11]
    assert str(faults[0]).endswith("c.yaml:2: 'chanel': is not a key a calendar has here: did you mean 'channel'?")


def test_a_file_that_is_wrong_throughout_is_cut_short(read: Read) -> None:
    _, faults = read(HEAD + "- x\n" * (MAX_FAULTS + 500))
    assert len(faults) == MAX_FAULTS + 1
    assert faults[-1].message == "more than 1000 mistakes: mend these and check again"


def test_looking_ends_when_a_file_is_wrong_throughout() -> None:
    faults = Faults("c.yaml")
    for line in range(1, MAX_FAULTS + 1):
        faults.add(line, "", "wrong")
    with pytest.raises(TooManyFaults):
        faults.add(MAX_FAULTS + 1, "", "wrong")


def test_a_text_over_the_channels_length_is_named_with_both_counts(read: Read) -> None:
    def length_of(channel: str, text: str) -> tuple[int, int] | None:
        return (len(text), 4) if channel == "parks-x" else None

    calendar, faults = read(HEAD + GOOD + "  channels: [parks-x, city]\n", length_of=length_of)
    assert calendar is None
    remedy = "shorten it by 1 or give the channel its own text"
    assert said(faults) == [(6, "Hello", f"is 5 long on parks-x, which takes 4: {remedy}")]
    own = "  channels: [parks-x, city]\n  texts: {parks-x: Hi!!}\n"
    assert read(HEAD + GOOD + own, length_of=length_of)[1] == []


def test_any_channel_will_do_where_none_are_known(read: Read) -> None:
    calendar, _ = read(HEAD.replace("parks-x", "anything") + GOOD, known_channels=None)
    assert calendar is not None
    assert calendar.entries[0].channels == ("anything",)


def test_a_wrong_default_zone_is_the_settings_fault(read: Read) -> None:
    _, faults = read(HEAD + GOOD, default_zone="Mars/Olympus")
    assert said(faults)[0][:2] == (1, "Mars/Olympus")
    assert "correct the setting 'timezone'" in faults[0].message


def test_a_link_out_of_the_folder_is_refused(
    read: Read, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "secret.png"
    outside.write_bytes(b"x")
    (tmp_path / "link.png").symlink_to(outside)
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    _, faults = read(HEAD + GOOD + "  media: [{file: link.png, alt: x}, {file: loop.png, alt: x}]\n")
    assert "is a link out of the calendar's folder: copy the file itself there" in faults[0].message
    assert faults[1].value == "loop.png"


def test_an_empty_image_is_refused(read: Read, tmp_path: Path) -> None:
    (tmp_path / "none.png").touch()
    _, faults = read(HEAD + GOOD + "  media: [{file: none.png, alt: x}]\n")
    assert said(faults) == [(7, "none.png", "is an empty file: copy the image again")]


def test_the_media_folder_must_be_there(read: Read) -> None:
    _, faults = read("media_folder: pictures\n" + HEAD + GOOD)
    assert said(faults) == [(1, "pictures", "is not a folder beside the calendar: create it or correct the name")]


def test_a_file_over_the_bound_is_not_parsed(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MAX_BYTES", 10)
    _, faults = read(HEAD + GOOD)
    assert [fault.message for fault in faults] == ["the file is larger than 0 MB: split it"]


@pytest.mark.parametrize("name", ["missing.yaml", "folder.yaml", "pipe.csv", "x" * 300 + ".csv", "nul\0.csv"])
def test_what_is_no_ordinary_file_is_a_fault(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.yaml").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    calendar, faults = reader.read(tmp_path / name, default_zone="UTC")
    assert (calendar, len(faults), faults[0].line) == (None, 1, 1)


def test_deep_flow_is_refused_before_it_costs(read: Read) -> None:
    """ruamel's scanner is quadratic in open brackets: the bound on depth must strike first."""
    _, faults = read("[" * 200_000)
    assert len(faults) == 1


def test_a_folder_is_read_by_name_without_editors_files(tmp_path: Path) -> None:
    for name in (
        "b.yaml",
        "a.csv",
        ".hidden.yaml",
        "b.yaml~",
        ".b.yaml.swp",
        "~$a.csv",
        "#b.yaml#",
        "c.tmp",
        "notes.txt",
        "photo.png",
    ):
        (tmp_path / name).write_text(HEAD + GOOD)
    (tmp_path / "media").mkdir()
    found = reader.read_folder(tmp_path, default_zone="UTC", known_channels=CHANNELS)
    assert [(path.name, calendar is not None) for path, calendar, _ in found] == [
        ("a.csv", False),
        ("b.yaml", True),
        ("notes.txt", False),
    ]
    ((_, calendar, faults),) = reader.read_folder(tmp_path / "none", default_zone="UTC")
    assert (calendar, len(faults)) == (None, 1)
    assert faults[0].message.startswith("the folder cannot be read (No such file or directory)")


def test_the_same_id_may_stand_in_two_files(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(HEAD + GOOD)
    assert all(not faults for _, _, faults in reader.read_folder(tmp_path, default_zone="UTC"))
