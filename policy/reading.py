"""One text with the views of it that the checks share."""

from __future__ import annotations

import re
from functools import cached_property

from policy.skeleton import Skeleton

LINK = re.compile(
    r"(?:https?://|www\.)[^\s<>\"]{1,2000}"
    r"|(?<![\w.@-])(?:[a-z0-9-]{1,63}\.){1,4}(?:com|org|gov|net|edu|us|ly|co|gl|gd|me|io|info|tv|link|to)(?:/[^\s<>\"]{0,2000})?(?![\w-])",
    re.IGNORECASE,
)
MASKED = re.compile(
    rf"(?<!\w)[#@]\w[\w.-]{{0,200}}|[\w.+-]{{1,64}}@[\w-]{{1,63}}(?:\.[\w-]{{1,63}}){{1,4}}|{LINK.pattern}",
    re.IGNORECASE,
)
QUOTED = re.compile(r"\"[^\"\n]{1,1000}\"|“[^”\n]{1,1000}”")


class Reading:
    """`text` under its place, `where`."""

    def __init__(self, where: str, text: str) -> None:
        self.where, self.text = where, text

    @cached_property
    def skeleton(self) -> Skeleton:
        """As people read it."""
        return Skeleton(self.text)

    @cached_property
    def prose(self) -> str:
        """The text with blanks for what is no prose: links, addresses, handles, hashtags."""
        return MASKED.sub(_blank, self.text)

    @cached_property
    def own_words(self) -> str:
        """The prose without what somebody else is quoted to say."""
        return QUOTED.sub(_blank, self.prose)

    @cached_property
    def plain_prose(self) -> Skeleton:
        """The prose as people read it."""
        return Skeleton(self.prose)


def _blank(found: re.Match[str]) -> str:
    """Blanks for the words; what ends the sentence behind them stays."""
    words = found.group()
    masked = len(words.rstrip(".,;:!?)"))
    return " " * masked + words[masked:]
