"""What a calendar file is checked against besides its own rules: the city's channels, people, platforms and other files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from sqlmodel import Session, col, select

from calendars import reader
from calendars.entry import Calendar, Entry, Fault, MediaItem
from config import essentials
from config.settings import Settings
from connectors import media as images
from connectors import registry
from connectors.errors import AccountError
from connectors.media import MediaError
from connectors.protocol import Connector, Media
from governance import access
from scheduler import post_queue, states
from scheduler.planning import content, stager
from scheduler.planning.stager import Body
from store import chain
from store.tables import CalendarFile, Channel, Post


@dataclass(frozen=True)
class City:
    """What a file is checked against besides itself: channels by name with their platform, None when no store answers."""

    platforms: Mapping[str, str] | None

    def length_of(self, channel: str, text: str) -> tuple[int, int] | None:
        """(length, limit) as the channel's platform counts; None when that is not known."""
        platform = (self.platforms or {}).get(channel)
        if platform is None:
            return None
        connector = _connector(platform)
        found = None if connector is None else connector.length(text)
        return None if found is None else (found.count, found.limit)


@lru_cache(maxsize=64)
def _connector(platform: str) -> type[Connector] | None:
    """The platform's connector, None when it cannot be loaded (`standfast doctor` says why)."""
    try:
        return registry.load(platform)
    except AccountError:
        return None


def city_of(session: Session) -> City:
    """The channels of the store."""
    return City(dict(session.exec(select(Channel.name, Channel.platform)).all()))


@dataclass
class Bodies:
    """The entries of a calendar as the store would keep them, and the images they name."""

    calendar: Calendar
    faults: list[Fault] = field(default_factory=list)
    images: dict[Path, str] = field(default_factory=dict)
    _media: dict[str, list[content.MediaRow]] = field(default_factory=dict)
    _read: dict[Path, Media | str] = field(default_factory=dict)

    def read(self) -> Bodies:
        """Itself, with every image read once."""
        for entry in self.calendar.entries:
            if entry.media:
                rows = [self._media_row(entry, item) for item in entry.media]
                self._media[entry.id] = [row for row in rows if row]
        return self

    def of(self, entry: Entry) -> Body:
        """The entry as the store would keep it."""
        return stager.body_of(entry, self._media.get(entry.id, ()))

    def _media_row(self, entry: Entry, item: MediaItem) -> content.MediaRow | None:
        found = self._image(item.path)
        if isinstance(found, str):
            self.faults.append(Fault(str(self.calendar.path), entry.line, item.path.name, found))
            return None
        name = f"{found.sha256}.{images.EXTENSIONS[found.mime]}"
        self.images[item.path] = name
        row = {"file": name, "alt": item.alt, "mime": found.mime, "sha256": found.sha256}
        return content.with_facts(row, {"captions": item.captions, "rights": item.rights})

    def _image(self, path: Path) -> Media | str:
        if path not in self._read:
            try:
                self._read[path] = images.read_image(path, "")
            except MediaError as error:
                self._read[path] = str(error)
        return self._read[path]

    def refused(self, entries: Iterable[Entry], city: City) -> list[Fault]:
        """What the platforms would not take of the images; lengths were looked at when the file was read."""
        file, found = str(self.calendar.path), []
        for entry in entries:
            media = [Media(m.path, m.alt, *self._kind(m.path)) for m in entry.media if m.path in self.images]
            for channel in entry.channels if media else ():
                platform = (city.platforms or {}).get(channel)
                lines = content.problems(platform, entry.text_for(channel), media) if platform else []
                found += [Fault(file, entry.line, channel, line) for line in lines]
        return found

    def _kind(self, path: Path) -> tuple[str, str]:
        read = self._read[path]
        return (read.mime, read.sha256) if isinstance(read, Media) else ("", "")


def name_of(path: Path, settings: Settings) -> str | Fault:
    """The name under which the store knows the file; a Fault when it does not lie in the calendars folder.

    One file must have one name, else its posts would be made twice. A link that leads out of the folder is refused: the
    mistakes told of it would show what only the service account may read.
    """
    where, folder = None, settings.calendars_dir.resolve()
    if path.absolute().parent.resolve() != folder:
        where = f"does not lie in the calendars folder {settings.calendars_dir}: move it there or set 'calendars'"
    elif chain.storable(path.name) != path.name:
        where = "has a name that is not UTF-8: rename the file"
    elif not _leads_inside(path, folder):
        where = "is a link out of the calendars folder: copy the file itself there"
    return path.name if where is None else Fault(str(path), 1, path.name, where)


def _leads_inside(path: Path, folder: Path) -> bool:
    try:
        return path.resolve().is_relative_to(folder)
    except (OSError, RuntimeError):  # a loop of links
        return False


def channels_of(calendar: Calendar) -> frozenset[str]:
    """The channels on which the file has posts."""
    return frozenset(channel for entry in calendar.entries for channel in entry.channels)


def rights(session: Session, person: str, channels: Iterable[str]) -> dict[str, str]:
    """Why `person`, the owner of a file, may not queue, by channel; empty when they may on all."""
    reasons = {channel: access.eligible(session, person, channel) for channel in sorted(channels)}
    return {channel: why for channel, why in reasons.items() if why is not None}


def cancel_faults(session: Session, calendar: Calendar, channels: Iterable[str]) -> list[Fault]:
    """A fault for each of `channels`, on which the file would cancel posts, where its owner may not queue."""
    remedy = f"let somebody who may cancel them: standfast post cancel --file {calendar.path.name} --channel"
    return [
        Fault(str(calendar.path), 1, calendar.owner, f"may not cancel its posts on {name}: {why}; {remedy} {name}")
        for name, why in rights(session, calendar.owner, channels).items()
    ]


def refusals(calendar: Calendar, refused: Mapping[str, str]) -> list[Fault]:
    """What `rights` found, as faults of the file."""
    remedy = "name another owner, or let somebody grant it with `standfast people grant`"
    return [
        Fault(str(calendar.path), 1, calendar.owner, f"is the owner and may not queue on {channel}: {why}; {remedy}")
        for channel, why in refused.items()
    ]


def twins(session: Session, calendar: Calendar, settings: Settings) -> list[Fault]:
    """A file renamed or copied would say everything twice: a fault for each known file that it repeats."""
    own, folder = calendar.path.name, settings.calendars_dir
    others = session.exec(
        select(CalendarFile).where(CalendarFile.name != own, col(CalendarFile.synced_at).is_not(None))
    )
    known = session.get(CalendarFile, own)
    new = known is None or known.synced_at is None
    found = []
    for other in others:
        there = (folder / other.name).exists()
        if there and other.digest == calendar.digest:
            found.append(f"is a copy of {other.name}, which is applied already: delete one of them")
        elif new and not there and _share_posts(session, other.name, calendar):
            remedy = f"give it that name again, or run `standfast calendar sync --remove {other.name}` first"
            found.append(f"holds entries of {other.name}, which is gone while its posts still wait: {remedy}")
    return [Fault(str(calendar.path), 1, own, message) for message in found]


def _share_posts(session: Session, name: str, calendar: Calendar) -> bool:
    waiting = select(Post.entry).where(Post.file == name, col(Post.state).in_(states.EDITABLE))
    found = session.execute(waiting.where(~post_queue.is_staged()).distinct()).scalars()
    return not {entry.id for entry in calendar.entries}.isdisjoint(found)


def data_dir(settings: Settings) -> Path:
    """The data directory, under which the images are kept."""
    return essentials.path_below(settings.root, str(settings.data_dir))


def read(path: Path, settings: Settings, city: City) -> reader.Reading:
    """The calendar in `path` and no faults, or None and all its faults; read against what is known of the city."""
    known = None if city.platforms is None else tuple(city.platforms)
    return reader.read(path, default_zone=settings.timezone, known_channels=known, length_of=city.length_of)


def look(path: Path, settings: Settings, city: City, session: Session | None) -> tuple[Calendar | None, list[Fault]]:
    """The calendar in `path`, and every fault that can be told without planning it; without `session` nobody's rights."""
    calendar, faults = read(path, settings, city)
    if calendar is None:
        return None, faults
    bodies = Bodies(calendar).read()
    faults = bodies.faults + bodies.refused(calendar.entries, city)
    if session is not None:
        faults += refusals(calendar, rights(session, calendar.owner, channels_of(calendar)))
    return calendar, sorted(faults, key=lambda fault: fault.line)
