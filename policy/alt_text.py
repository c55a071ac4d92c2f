"""Alt texts that say nothing: names of files, placeholders, the words of the post once more."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator

from policy.post import Media, Post
from policy.reading import MASKED

MOST_READ = 5_000
"""Characters that are looked at: what is longer says something."""
_FILE = re.compile(
    r"(?<!\w)[\w.()-]{1,200}\.(?:jpe?g|jfif|png|gif|webp|hei[cf]|tiff?|bmp|svg|avif|psd|pdf|pptx?|docx?"
    r"|mp4|m4v|mov|webm|avi|mkv|mpe?g|wmv)(?!\w)",
    re.IGNORECASE,
)
_CREDIT = re.compile(
    r"(?:(?:photo|image|picture|graphic|video|illustration)s?,? (?:by|from|taken by)|(?:(?:photo|image|picture|video)s?,? )?"
    r"(?:credits?|courtesy(?: of)?|copyright|source|©)):? [^.!?\n]{1,80}\.?",
    re.IGNORECASE,
)
_SIGNS = re.compile(r"[\W\d_]+")
_SENTENCE_END = re.compile(r"[.!?:\n]+")
_PLACE_ON_A_SITE = re.compile(r"[\\/]")


def missing_alt(post: Post, empty: Collection[str]) -> Iterator[tuple[str, str]]:
    """(place, remedy) of media without words for who cannot see them. `empty`: words that say nothing, in lower case."""
    for item in post.media:
        if _says_nothing(item, post.text, empty):
            yield f"alt text of {item.file}", f"say what {item.file} shows, in a sentence"


def _says_nothing(item: Media, text: str, empty: Collection[str]) -> bool:
    alt = MASKED.sub(" ", _FILE.sub(" ", item.alt[:MOST_READ]))
    words = _words(alt)
    name = _words(_PLACE_ON_A_SITE.split(item.file)[-1].rpartition(".")[0])
    if all(word in empty for word in words) or words == name or _CREDIT.fullmatch(item.alt.strip()):
        return True
    return _is_one_word(alt, words) or _repeats(alt, text)


def _words(text: str) -> list[str]:
    """The words of a text in lower case, without digits and single letters."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("’", "'").replace("'s", "")
    return [word for word in _SIGNS.split(plain) if len(word) > 1 or not word.isascii()]


def _is_one_word(alt: str, words: list[str]) -> bool:
    """True for a single word, in scripts that part words by blanks."""
    return len(alt.split()) == 1 and len(words) == 1 and max(words[0]) < "\u0370"


def _repeats(alt: str, text: str) -> bool:
    """True when every sentence of `alt` is one of the post's: who hears the post has heard it."""
    return set(_sentences(alt)) <= set(_sentences(MASKED.sub(" ", text[:MOST_READ])))


def _sentences(text: str) -> Iterator[str]:
    found = (" ".join(_words(part)) for part in _SENTENCE_END.split(text))
    return (part for part in found if part)
