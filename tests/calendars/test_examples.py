"""The example city and the examples of docs/calendars.md are read by the code they describe."""

from __future__ import annotations

import re
import tomllib
from datetime import date, timedelta
from pathlib import Path

import twitter_text

from calendars import reader
from calendars.entry import Calendar, Entry, Occurrence
from calendars.recurrence import occurrences

ROOT = Path(__file__).resolve().parents[2]
CITY = ROOT / "examples" / "plainsboro"
CHANNELS = tomllib.loads((CITY / "channels.toml").read_text(encoding="utf-8"))["channel"]


def _length_of(channel: str, text: str) -> tuple[int, int] | None:
    if CHANNELS[channel]["platform"] != "x":
        return None
    return twitter_text.parse_tweet(text).weightedLength, 280


def _calendars() -> list[Calendar]:
    found = reader.read_folder(
        CITY / "calendars", default_zone="America/Chicago", known_channels=CHANNELS, length_of=_length_of
    )
    assert [str(fault) for _, _, faults in found for fault in faults] == []
    return [calendar for _, calendar, _ in found if calendar is not None]


def _entries() -> list[Entry]:
    return [entry for calendar in _calendars() for entry in calendar.entries]


def _moments() -> list[tuple[Entry, Occurrence]]:
    return [(entry, moment) for entry in _entries() for moment in occurrences(entry, 0, 2**52, 1000)]


def test_the_example_city_has_five_channels_on_three_platforms() -> None:
    assert sorted(channel["platform"] for channel in CHANNELS.values()) == ["facebook", "facebook", "outbox", "x", "x"]
    assert {channel for entry in _entries() for channel in entry.channels} == set(CHANNELS)
    for channel in CHANNELS.values():
        assert channel["groups"]
        assert all(re.fullmatch(r"[A-Z][A-Z0-9_]+", name) for name in channel["secrets"].values())


def test_the_example_city_fills_eight_weeks() -> None:
    entries, moments = _entries(), _moments()
    assert len(_calendars()) >= 5
    assert len(entries) >= 120
    first = date(2027, 2, 22)
    weeks = {(date.fromisoformat(moment.local[:10]) - first) // timedelta(weeks=1) for _, moment in moments}
    assert weeks == set(range(8))


def test_the_example_city_shows_what_a_calendar_can_do() -> None:
    entries = _entries()
    assert any(entry.rrule and entry.except_locals for entry in entries)
    assert any(len(entry.channels) == 5 and len(entry.texts) >= 3 for entry in entries)
    assert sum(bool(entry.media) for entry in entries) >= 3
    notes = [moment.note for _, moment in _moments() if moment.note]
    assert sum("does not exist" in note for note in notes) >= 2
    assert sum("comes twice" in note for note in notes) >= 1


def test_the_example_city_speaks_as_we() -> None:
    """Policy section V: first person, always "we" and never "I"; a quotation of a reader's button is no such case."""
    texts = [text for entry in _entries() for text in (entry.text, *entry.texts.values()) if text]
    alone = [text for text in texts if re.search(r"\b(I|my|me|mine)\b", re.sub(r'"[^"]*"', "", text))]
    assert alone == []


def _documented(kind: str) -> str:
    text = (ROOT / "docs" / "calendars.md").read_text(encoding="utf-8")
    (block,) = re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL)
    return str(block)


def test_the_documented_examples_say_the_same_in_both_formats(tmp_path: Path) -> None:
    (tmp_path / "market.png").write_bytes(b"image")
    read: list[Calendar] = []
    for kind in ("yaml", "csv"):
        path = tmp_path / f"example.{kind}"
        path.write_text(_documented(kind), encoding="utf-8")
        calendar, faults = reader.read(path, default_zone="UTC", known_channels=CHANNELS)
        assert [str(fault) for fault in faults] == []
        assert calendar is not None
        read.append(calendar)
    for calendar in read:
        market, snow = calendar.entries
        assert (calendar.owner, market.id, market.zone) == ("maria.santos", "market-opens", "America/Chicago")
        assert [moment.local[:10] for moment in occurrences(market, 0, 2**52, 3)] == [
            "2026-12-05",
            "2026-12-12",
            "2026-12-19",
        ]
        assert len(occurrences(market, 0, 2**52, 99)) == 7
        assert market.media[0].alt == "A market stall with a striped awning and crates of apples."
        assert (snow.channels, snow.lateness_s) == (("parks-x", "cityhall-outbox"), 2700)
        assert snow.text_for("cityhall-outbox").startswith("Snow is likely tonight.\n\nOur plows start with the hills")


def test_the_documented_rules_are_taken() -> None:
    from calendars.recurrence import canonical

    text = (ROOT / "docs" / "calendars.md").read_text(encoding="utf-8")
    rules = re.findall(r"^\| `(FREQ=[^`]+)`", text, re.MULTILINE)
    assert len(rules) == 5
    assert [canonical(rule) for rule in rules] == rules
