"""A draft to entries: every rule that does not depend on the file's format."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from calendars import media, recurrence, values, zones
from calendars.draft import Cell, Draft, DraftEntry, Faults, did_you_mean
from calendars.entry import Entry, MediaItem

T = TypeVar("T")
MOST_WHY = 1000
"""Characters of a reason that the log keeps."""
LengthOf = Callable[[str, str], tuple[int, int] | None]
"""(channel, text) to (length, limit) as the channel's platform counts; None where there is no limit or no such channel."""


@dataclass(frozen=True)
class Terms:
    """What a file is read against: the city's zone, its channels (None: any name will do), its platforms' lengths."""

    default_zone: str
    known_channels: Collection[str] | None = None
    length_of: LengthOf | None = None


def assemble(path: Path, draft: Draft, terms: Terms, faults: Faults) -> tuple[str, tuple[Entry, ...]]:
    """The owner and the entries of the file at `path`; they may be used only when `faults` stayed empty."""
    return _Assembly(path, draft, terms, faults).run()


class _Assembly:
    def __init__(self, path: Path, draft: Draft, terms: Terms, faults: Faults) -> None:
        self._path, self._draft, self._terms, self._faults = path, draft, terms, faults
        self._head = draft.head
        self._ids: dict[str, int] = {}
        self._folder: Path | None = path.parent
        self._zone = terms.default_zone
        self._channels: tuple[str, ...] = ()
        self._lateness: int | None = None
        self._rights = ""

    def run(self) -> tuple[str, tuple[Entry, ...]]:
        owner = self._owner()
        self._zone = self._a_zone(self._head, terms_zone=self._terms.default_zone)
        self._channels = self._a_channels(self._head)
        self._lateness = self._a_lateness(self._head, None)
        self._folder = self._a_folder()
        self._rights = self._words(self._head.single.get("rights"))
        entries: list[Entry] = []
        for draft in self._draft.entries:
            entry = self._entry(draft)
            if entry is not None:
                entries.append(entry)
        return owner, tuple(entries)

    def _owner(self) -> str:
        cell = self._head.single.get("owner")
        if self._head.lacks("owner"):
            remedy = "name the person with whose rights the file is applied (CSV: a first line '# owner: NAME')"
            self._faults.add(self._draft.line, "owner", f"is missing: {remedy}")
        if cell is None:
            return ""
        self._fit(cell)
        return cell.text.strip()

    def _a_folder(self) -> Path | None:
        cell = self._head.single.get("media_folder")
        if cell is None:
            return self._path.parent
        return self._tried(cell, lambda text: media.folder_of(self._path, text))

    def _entry(self, draft: DraftEntry) -> Entry | None:
        before = len(self._faults)
        name = self._an_id(draft)
        zone = self._a_zone(draft, terms_zone=self._zone)
        channels = self._a_channels(draft) or self._channels
        if not channels:
            self._faults.add(draft.line, name, "has no channel: add 'channels' here, or 'channel' for the whole file")
        local = self._a_local(draft, name, zone)
        rule = self._a_rule(draft, local, zone)
        text, texts = self._wording(draft, name, channels)
        share_of, source_checked = self._a_share(draft)
        entry = Entry(
            id=name,
            line=draft.line,
            channels=channels,
            local=local or "",
            zone=zone,
            text=text,
            texts=texts,
            media=self._images(draft),
            tags=self._tags(draft),
            rrule=rule,
            except_locals=self._exceptions(draft, local, zone, rule),
            lateness_s=self._a_lateness(draft, self._lateness),
            share_of=share_of,
            source_checked=source_checked,
            overrides=self._overrides(draft),
        )
        return entry if len(self._faults) == before else None

    def _an_id(self, draft: DraftEntry) -> str:
        cell = draft.single.get("id")
        if draft.lacks("id"):
            remedy = "give the entry a name of its own that never changes, such as market-03-06"
            self._faults.add(draft.line, "id", f"is missing: {remedy}")
        if cell is None or not cell.text.strip():
            return ""
        name = cell.text.strip()
        if not values.is_name(name):
            self._faults.at(cell, f"is no id: {values.HOW_NAME}")
        elif name in self._ids:
            self._faults.at(cell, f"is the id of two entries (first on line {self._ids[name]}): give each its own")
        self._ids.setdefault(name, cell.line)
        return name

    def _a_zone(self, draft: DraftEntry, *, terms_zone: str) -> str:
        cell = draft.single.get("timezone")
        zone = cell.text.strip() if cell is not None else terms_zone
        message = zones.wrong(zone)
        if message is not None and cell is not None:
            self._faults.at(cell, message)
        elif message is not None and draft is self._head:
            self._faults.add(
                self._draft.line, zone, f"is the city's zone and {message}: correct the setting 'timezone'"
            )
        return zone

    def _a_channels(self, draft: DraftEntry) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for cell in draft.lists.get("channels", []):
            name = cell.text.strip()
            if name in found:
                self._faults.at(cell, "stands here twice: remove one")
            elif self._is_channel(Cell(name, cell.line)):
                found[name] = None
        return tuple(found)

    def _is_channel(self, cell: Cell) -> bool:
        known = self._terms.known_channels
        if not values.is_name(cell.text):
            self._faults.at(cell, f"is no channel's name: {values.HOW_NAME}")
        elif known is not None and cell.text not in known:
            self._faults.at(cell, f"is not a channel of the city: {did_you_mean(cell.text, known)}")
        else:
            return True
        return False

    def _a_local(self, draft: DraftEntry, name: str, zone: str) -> str | None:
        cell = draft.single.get("at")
        if draft.lacks("at"):
            self._faults.add(draft.line, name, f"has no time: {values.HOW_TIME} under 'at'")
        if cell is None or not cell.text.strip():
            return None
        local = self._tried(cell, values.local_time)
        if local is not None and zones.wrong(zone) is None:
            self._tried(cell, lambda _: zones.resolve(local, zone))
        return local

    def _a_rule(self, draft: DraftEntry, local: str | None, zone: str) -> str | None:
        cell = draft.single.get("repeat")
        if cell is None:
            return None
        rule = self._tried(cell, recurrence.canonical)
        if rule is not None and local is not None and zones.wrong(zone) is None:
            self._tried(cell, lambda _: recurrence.check(rule, local, zone))
        return rule

    def _exceptions(self, draft: DraftEntry, local: str | None, zone: str, rule: str | None) -> tuple[str, ...]:
        cells = draft.lists.get("except", [])
        if not cells or local is None or zones.wrong(zone) is not None:
            return ()
        if rule is None:
            if "repeat" not in draft.single:
                self._faults.at(cells[0], "leaves out a date, but the entry does not repeat: add 'repeat' or remove it")
            return ()
        time = local.partition("T")[2]
        found: dict[str, Cell] = {}
        for cell in cells:
            other = self._tried(cell, lambda text: values.local_time(text, default_time=time))
            if other is not None:
                found[other] = cell
        self._refuse_strangers(found, rule, local, zone)
        return tuple(found)

    def _refuse_strangers(self, found: dict[str, Cell], rule: str, local: str, zone: str) -> None:
        """A mistyped exception would let a post go out: each must be a date of the rule."""
        try:
            strangers = recurrence.not_dates(rule, local, zone, found) if found else frozenset()
        except ValueError:  # the rule itself is at fault, and said so
            return
        for other in strangers:
            self._faults.at(
                found[other], f"is not a date of {rule} from {local.replace('T', ' ')}: correct or remove it"
            )

    def _wording(self, draft: DraftEntry, name: str, channels: tuple[str, ...]) -> tuple[str, dict[str, str]]:
        texts: dict[str, str] = {}
        for channel, cell in draft.texts.items():
            if channel not in channels:
                remedy = did_you_mean(channel, channels)
                self._faults.add(cell.line, channel, f"has a text but is not among the entry's channels: {remedy}")
            else:
                texts[channel] = self._text(cell)
        common = draft.single.get("text")
        if common is None and draft.lacks("text") and not (channels and all(channel in texts for channel in channels)):
            self._faults.add(draft.line, name, "has no text: write one under 'text'")
        text = self._text(common) if common is not None else ""
        self._lengths(draft, channels, texts, text)
        return text, texts

    def _text(self, cell: Cell) -> str:
        text = cell.text.strip()
        if not text:
            self._faults.add(cell.line, cell.text, "is a text of blanks alone: write one")
        self._fit(cell)
        return text

    def _lengths(self, draft: DraftEntry, channels: tuple[str, ...], texts: dict[str, str], text: str) -> None:
        if self._terms.length_of is None:
            return
        for channel in channels:
            wording = texts.get(channel, text)
            cell = draft.texts.get(channel) or draft.single.get("text")
            counted = self._terms.length_of(channel, wording) if wording and cell is not None else None
            if counted is not None and cell is not None and counted[0] > counted[1]:
                short = f"shorten it by {counted[0] - counted[1]} or give the channel its own text"
                self._faults.at(cell, f"is {counted[0]} long on {channel}, which takes {counted[1]}: {short}")

    def _images(self, draft: DraftEntry) -> tuple[MediaItem, ...]:
        found: list[MediaItem] = []
        for image in draft.media:
            alt = self._words(image.alt)
            if not alt:
                remedy = "say under 'alt' what the image shows"
                self._faults.at(image.file, f"has no text alternative for people who cannot see it: {remedy}")
            about = (alt, self._words(image.captions), self._words(image.rights) or self._rights)
            folder = self._folder
            if folder is None or not self._fit(image.file):
                continue
            path = self._tried(image.file, partial(media.resolve, self._path, folder))
            if path is not None:
                found.append(MediaItem(path, *about))
        return tuple(found)

    def _words(self, cell: Cell | None) -> str:
        """What a cell says, looked at; empty where it is not given or blank."""
        words = cell.text.strip() if cell is not None else ""
        if cell is not None and words:
            self._fit(cell)
        return words

    def _a_share(self, draft: DraftEntry) -> tuple[str, bool]:
        """Whose post it shares, and whether that source was looked at."""
        cell, said = draft.single.get("share_of"), draft.single.get("source_checked")
        of = "" if cell is None else self._tried(cell, values.share) or ""
        checked = said is not None and bool(self._tried(said, values.yes))
        if said is not None and checked and cell is None:
            self._faults.at(said, "is about a source, but the entry shares nothing: add 'share_of' or write no")
        return of, checked

    def _overrides(self, draft: DraftEntry) -> dict[str, str]:
        """By check: why it may pass. Which checks there are is not known here."""
        found = {}
        for check, cell in draft.overrides.items():
            why = self._words(cell)
            if not why:
                self._faults.add(cell.line, check, "gives no reason: say why it may pass, or remove it")
            elif len(why) > MOST_WHY:
                self._faults.at(cell, f"is a reason of {len(why)} characters, more than {MOST_WHY}: shorten it")
            else:
                found[check] = why
        return found

    def _tags(self, draft: DraftEntry) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for cell in draft.lists.get("tags", []):
            tag = cell.text.strip()
            if not tag or len(tag) > 64 or "\n" in tag or ";" in tag:
                self._faults.at(cell, "is no tag: use one to 64 characters on one line, without ';'")
            elif self._fit(cell):
                found[tag] = None
        return tuple(found)

    def _a_lateness(self, draft: DraftEntry, default: int | None) -> int | None:
        cell = draft.single.get("lateness")
        return default if cell is None else self._tried(cell, values.duration_s)

    def _fit(self, cell: Cell) -> bool:
        """True when the text may be published as it is; a control character in it is a mistake."""
        unfit = values.unfit_character(cell.text)
        if unfit is not None:
            self._faults.at(cell, f"holds the control character {unfit}: delete it and type the text anew")
        return unfit is None

    def _tried(self, cell: Cell, parse: Callable[[str], T]) -> T | None:
        """What `parse` makes of the cell; None, and a mistake noted, when it refuses."""
        try:
            return parse(cell.text.strip())
        except ValueError as error:
            self._faults.at(cell, str(error))
            return None
