"""What a post says about itself beside its words: its images with captions and rights, and whose post it shares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from commands import post_options as options
from commands.context import Context, UserError

if TYPE_CHECKING:
    from datetime import date

    from policy.post import Post
    from scheduler.planning.content import MediaRow
    from scheduler.planning.post_service import Edit

Given = Sequence[str] | None


class About:
    """The options of one command. Raises UserError for what does not go together."""

    def __init__(
        self,
        media: Given,
        alt: Given,
        rights: Given,
        captions: Given,
        share_of: str | None,
        source_checked: bool,
        no_share: bool = False,
    ) -> None:
        if no_share and (share_of is not None or source_checked):
            raise UserError("--no-share and --share-of or --source-checked are given: leave one out")
        self._media, self._alt, self._facts = media or (), alt or (), (rights or (), captions or ())
        self.share_of = "" if no_share else options.share_of(share_of)
        self.source_checked = source_checked

    def rows(self, context: Context) -> tuple[MediaRow, ...]:
        """The images given, kept in the data directory. Raises UserError, ContentError, MediaError."""
        about = self._facts if self._media else ((), ())
        return options.media_of(context, self._media, self._alt, *about)

    def new_rows(self, context: Context) -> tuple[MediaRow, ...]:
        """The images of a new post, which can have none but these. Raises as `rows` does."""
        if self.source_checked and not self.share_of:
            raise UserError("--source-checked is about what is shared: give --share-of, too")
        return options.media_of(context, self._media, self._alt, *self._facts)

    def seen(self, text: str, rows: Sequence[MediaRow], day: date | None = None) -> Post:
        """The post with these words and images as the checks see it."""
        from scheduler.planning import content_checks

        return content_checks.post_of(text, rows, day, self.share_of or "", self.source_checked)

    def edit(
        self, text: str | None, rows: tuple[MediaRow, ...] | None, tags: tuple[str, ...] | None, lateness_us: int | None
    ) -> Edit:
        """The edit that says all of it; None leaves a part as it is. Raises UserError for one that changes nothing."""
        from scheduler.planning.post_service import Edit

        facts = () if self._media else options.facts(*self._facts)
        change = Edit(text, rows, tags, lateness_us, self.share_of, self.source_checked or None, facts)
        if change == Edit():
            ways = "--text, --media, --no-media, --rights, --captions, --share-of, --set-tag or --lateness"
            raise UserError(f"nothing to change: give {ways}")
        return change
