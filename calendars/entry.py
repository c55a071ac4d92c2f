"""What a calendar file says, once read: values only, no database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple


class MediaItem(NamedTuple):
    """An image of an entry: the path (resolved against the calendar's folder), its text alternative, its captions where it
    moves or sounds, and whose it is; the last two empty where the file does not say."""

    path: Path
    alt: str
    captions: str = ""
    rights: str = ""


class Entry(NamedTuple):
    """A line of a calendar. It fans out to one post per channel and occurrence.

    `local` is wall time without a zone (``YYYY-MM-DDTHH:MM[:SS]``), `zone` an IANA name; `rrule` an RFC 5545 rule or None;
    `texts` maps a channel's name to its own wording; `lateness_s` the entry's own lateness limit, None for the setting;
    `share_of` the address or account of another's post that it shares; `overrides` maps a content check to why it may pass.
    """

    id: str
    line: int
    channels: tuple[str, ...]
    local: str
    zone: str
    text: str
    texts: Mapping[str, str] = MappingProxyType({})
    media: tuple[MediaItem, ...] = ()
    tags: tuple[str, ...] = ()
    rrule: str | None = None
    except_locals: tuple[str, ...] = ()
    lateness_s: int | None = None
    share_of: str = ""
    source_checked: bool = False
    overrides: Mapping[str, str] = MappingProxyType({})

    def text_for(self, channel: str) -> str:
        """The wording for `channel`: its own variant, else the common text."""
        return self.texts.get(channel, self.text)


@dataclass(frozen=True)
class Calendar:
    """One file, whole: `owner` is the person with whose rights it is applied; `digest` the SHA-256 of its bytes."""

    path: Path
    owner: str
    digest: str
    entries: tuple[Entry, ...]


class Occurrence(NamedTuple):
    """One moment of an entry: wall time + zone + resolved instant (µs UTC). `note` says what a DST change did."""

    local: str
    zone: str
    at_us: int
    note: str | None = None


@dataclass(frozen=True)
class Fault:
    """A mistake in a file: where, the value, what is wrong and the remedy, in one line each."""

    file: str
    line: int
    value: str
    message: str

    def __str__(self) -> str:
        value = f" {self.value!r}:" if self.value else ""
        return f"{self.file}:{self.line}:{value} {self.message}"
