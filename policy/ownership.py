"""Whose it is: rights in pictures, sources of what is shared, and the platform's own limit."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from policy.post import Post

LengthOf = Callable[[str, str], tuple[int, int] | None]
"""(platform, text) → length and limit as the platform counts; None where there is no limit or none is known."""


def rights(post: Post) -> Iterator[tuple[str, str]]:
    """(place, remedy) of media that nobody says whose they are."""
    for item in post.media:
        if item.rights is not None and not item.rights.strip():
            yield f"rights of {item.file}", f"say whose {item.file} is and by what right the city shows it"


def share_source(post: Post) -> Iterator[tuple[str, str]]:
    """(place, remedy) of a share whose source nobody has looked at."""
    if post.share_of and not post.source_checked:
        yield "share", f"look who is behind {post.share_of[:100]} and whether it is true, then say that it was checked"


def platform_length(post: Post, length_of: LengthOf) -> Iterator[tuple[str, str]]:
    """(place, remedy) of a text longer than its platform takes."""
    found = length_of(post.platform, post.text)
    if found is not None and found[0] > found[1]:
        yield (
            "text",
            f"{found[0]} characters as {post.platform} counts, at most {found[1]}: shorten it by {found[0] - found[1]}",
        )
