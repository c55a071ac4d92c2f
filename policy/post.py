"""What the checks look at: a post as it would go out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

VIDEO_ENDS = (".mp4", ".m4v", ".mov", ".webm", ".avi", ".mkv", ".mpg", ".mpeg")
SOUND_ENDS = (".mp3", ".m4a", ".wav", ".ogg", ".flac", ".aac")


@dataclass(frozen=True)
class Media:
    """A picture, video or sound: `captions` names its captions, or says them; `rights` says whose it is, None where nobody
    could have said so."""

    file: str
    alt: str = ""
    captions: str | None = None
    rights: str | None = None
    mime: str = ""

    @property
    def moves_or_sounds(self) -> bool:
        """True for a moving picture or a sound, by its kind or its name."""
        return self.mime.startswith(("video/", "audio/")) or self.file.lower().endswith((*VIDEO_ENDS, *SOUND_ENDS))


@dataclass(frozen=True)
class Post:
    """One content for one platform. `day` is the day on which it goes out, for what holds in election windows alone."""

    text: str
    platform: str = ""
    media: tuple[Media, ...] = ()
    share_of: str = ""
    source_checked: bool = False
    tags: tuple[str, ...] = ()
    day: date | None = None

    def texts(self) -> Iterator[tuple[str, str]]:
        """Everything that people read of it, each with its place."""
        yield "text", self.text
        for item in self.media:
            yield f"alt text of {item.file}", item.alt
            if item.captions:
                yield f"captions of {item.file}", item.captions
