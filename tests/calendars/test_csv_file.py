"""Mistakes in CSV rows and header rows by line, and what spreadsheets make of a file."""

from __future__ import annotations

import pytest

from tests.calendars.conftest import Read, said

CSV_HEAD = "# owner: maria\n# channel: parks-x\nid,at,text,media,alt,repeat,channels,text:city\n"

ROWS = [  # rows from line 4 on, line, value, message
    ('a,2027-03-01 09:00,"x\ny",,,,,\nb,soon,x,,,,,\n', 6, "soon", "is not a local time"),
    ('a,2027-03-01 09:00,"x\ny\nz",market.pgn,alt,,,\n', 6, "market.pgn", "is not there: copy it to"),
    ("a,2027-03-01 09:00,x,market.png,,,,\n", 4, "market.png", "has no text alternative for people who cannot see it"),
    ("a,2027-03-01 09:00,x,,lonely,,,\n", 4, "lonely", "is about an image, but the row names none: fill"),
    ("a,2027-03-01 09:00,x,,,,parks-x;citty,\n", 4, "citty", "is not a channel of the city: did you mean 'city'?"),
    (
        "a,2027-03-01 09:00,x,,,,,own\n",
        4,
        "city",
        "has a text but is not among the entry's channels: known are parks-x",
    ),
    (
        "a,2027-03-01 09:00,one,,,,,,two\n",
        4,
        "two",
        "stands under no column of the header row: remove it, or put quotes",
    ),
    ("a,2027-03-01 09:00,,,,,,\n", 4, "a", "has no text: write one under 'text'"),
    ("a,2027-03-01 09:00,  ,,,,,\n", 4, "  ", "is a text of blanks alone: write one"),
    (
        'a,2027-03-01 09:00,"open,,,,,\nb\n',
        4,
        "",
        "the row that begins here is not valid CSV (unexpected end of data): put",
    ),
    ('a,2027-03-01 09:00,"a"b,,,,,\n', 4, "", "the row that begins here is not valid CSV (',' expected after"),
    (
        "a,2027-03-01 09:00,x,,,,,\n,,,,,,,\na,2027-03-01 09:00,x,,,,,\n",
        6,
        "a",
        "is the id of two entries (first on line 4)",
    ),
    (f"a,2027-03-01 09:00,{'x' * 140_000},,,,,\n", 4, "", "not valid CSV (field larger than field limit (131072))"),
]


@pytest.mark.parametrize(("rows", "line", "value", "message"), ROWS, ids=[row[3][:40] for row in ROWS])
def test_a_mistake_in_csv_is_named(read: Read, rows: str, line: int, value: str, message: str) -> None:
    calendar, faults = read(CSV_HEAD + rows, "c.csv")
    assert calendar is None
    assert [(fault.line, fault.value) for fault in faults] == [(line, value)]
    assert message in faults[0].message


COLUMNS = [
    ("id,at,text,mediaa", "mediaa", "is not a column a calendar has: did you mean 'media'?"),
    ("id,at,text,text", "text", "is a column that stands here twice: remove or rename one"),
    ("id,at,text,channel,channels", "channels", "says the same as another column: keep 'channels'"),
    ("at,text", "id", "is missing in the header row: add the column"),
    ("id,date,text", "at", "is missing in the header row: add the column 'at', or 'date' and 'time'"),
    ("id,at,time,text", "at", "stands beside 'date' or 'time': keep 'at', or 'date' and 'time'"),
]


@pytest.mark.parametrize(("header", "value", "message"), COLUMNS, ids=[row[0] for row in COLUMNS])
def test_a_mistake_in_the_header_row_is_named(read: Read, header: str, value: str, message: str) -> None:
    calendar, faults = read(f"# owner: m\n{header}\n", "c.csv")
    assert calendar is None
    assert said(faults) == [(2, value, message)]


def test_csv_is_read_as_a_spreadsheet_saves_it(read: Read) -> None:
    """Byte order mark, CRLF, padded comment lines, quoted comments, blank rows, capitals in the header, several images."""
    rows = (
        '## for people,,,\r\n# owner: maria,,,\r\n"# channels: parks-x; city",,,\r\n\r\n'
        "ID,Date,Time,Text,Media,Alt,Media 2,Alt 2,Text: city\r\n"
        'a,2027-03-01,9:00,"One,\r\n""two""",market.png,A market,market.png,"The same; again",Own\r\n,,,,,,,,\r\n'
    )
    calendar, faults = read(b"\xef\xbb\xbf" + rows.encode(), "c.csv")
    assert faults == []
    assert calendar is not None
    (entry,) = calendar.entries
    assert (entry.line, entry.local, entry.text) == (6, "2027-03-01T09:00", 'One,\n"two"')
    assert [item.alt for item in entry.media] == ["A market", "The same; again"]
    assert (dict(entry.texts), entry.channels) == ({"city": "Own"}, ("parks-x", "city"))
