"""Files of media removed once nothing refers to them: after the step that decided so, one at a time, and never one in use."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Text, cast, func
from sqlmodel import Session, col, select

from config import clock
from store.record_tables import PostVersion, RecordContent
from store.retention_tables import DispositionItem
from store.tables import Post

RECENT_S = 3600
"""A file that was written, or taken up by a new post, within this time stays until a later run."""
ASIDE = ".disposed-"


def remove_some(session: Session, disposition: int, folder: Path) -> bool:
    """True when a file was dealt with: removed, or kept as it is in use again."""
    for item in session.exec(_pending(disposition)):
        if _is_used(session, str(item.file)) or _removed(folder / str(item.file)):
            item.file = None
            return True
    return False


def _pending(disposition: int) -> Any:
    own = select(DispositionItem).where(DispositionItem.disposition_id == disposition)
    return own.where(col(DispositionItem.file).is_not(None)).order_by(col(DispositionItem.number))


def left(session: Session, disposition: int) -> int:
    """How many files are still to be removed."""
    query = select(func.count()).select_from(DispositionItem).where(DispositionItem.disposition_id == disposition)
    return session.exec(query.where(col(DispositionItem.file).is_not(None))).one()


def _is_used(session: Session, name: str) -> bool:
    """True when a record has the file, or a post that is no record yet."""
    if session.exec(select(RecordContent.sha256).where(RecordContent.file == name).limit(1)).first() is not None:
        return True
    posts = select(Post.id).where(~col(Post.kept), cast(Post.media, Text).contains(name, autoescape=True))
    versions = select(PostVersion.id).where(cast(PostVersion.media, Text).contains(name, autoescape=True))
    return any(session.exec(query.limit(1)).first() is not None for query in (posts, versions))


def _removed(path: Path) -> bool:
    """True when the file is gone. Moved aside first: who takes it up in that moment writes it anew."""
    aside = path.with_name(f"{ASIDE}{path.name}")
    with suppress(FileNotFoundError):
        path.replace(aside)
    with suppress(FileNotFoundError):
        if clock.machine_wall_us() / clock.SECOND - aside.stat().st_mtime < RECENT_S:
            aside.replace(path)
            return False
        aside.unlink()
        _settle(path.parent)
    return True


def _settle(folder: Path) -> None:
    """The folder's own state on its disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
