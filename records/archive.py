"""What came about becomes record: each version of a post, its media, and every record made in an act is named by the chain.

In small steps, each a transaction: by the daemon soon after, and before anybody reads the records. Nothing is lost where
nobody comes by for a while: what a change replaces is kept by the database itself (revision 0012), and the rest stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, func
from sqlmodel import Session, col, delete, select, update

from records import keep, log, seal
from records.keep import About
from store import bulk
from store.engine import ask, writing
from store.record_tables import PostVersion, Record
from store.tables import STAGED, Post

STEP = 500
"""Records made or named in one transaction."""
KEPT = "records.kept"
"""The action of the chain's entries that name records."""
KEEPER = "standfast"
UNSYNCHRONIZED: Any = {"execution_options": {"synchronize_session": False}}
SAYS = (
    "channel",
    "text",
    "media",
    "tags",
    "share_of",
    "source_checked",
    "content_hash",
    "local_time",
    "zone",
    "due_at",
    "lateness_us",
    "author",
    "file",
    "entry",
)
"""What a version of a post says, beside its number, who made it and when."""


def catch_up(engine: Engine, media_dir: Path, most: int | None = None) -> int:
    """How many records the chain names now that it did not before, at most about `most`. Raises StoreError."""
    named = 0
    while _waits(engine) and (most is None or named < most):
        with writing(engine, step="records.archive") as session:
            _versions(session, media_dir)
            named += _sealed(session)
    return named


REAL = f"substr(COALESCE(source_key, ''), 1, {len(STAGED)}) <> '{STAGED}'"
"""The condition on a post that a calendar sync has not only laid it down."""
WAITS = f"""SELECT 1 WHERE EXISTS (SELECT 1 FROM post_version) OR EXISTS (SELECT 1 FROM record WHERE entry_seq IS NULL)
  OR EXISTS (SELECT 1 FROM post WHERE NOT kept AND {REAL})"""  # noqa: S608 (constants only)


def _waits(engine: Engine) -> bool:
    """True when there is something to do: without, nobody's lock is asked for."""
    return ask(engine, WAITS) is not None


def _versions(session: Session, media_dir: Path) -> int:
    """How many versions of posts became records: those that were replaced first, then those that stand.

    Who comes second waits: by their numbers the records of a post are in the order of its versions.
    """
    oldest = select(PostVersion).order_by(col(PostVersion.id)).limit(STEP)
    replaced = session.exec(oldest.with_for_update()).all()
    if not replaced:
        return _standing(session, media_dir)
    _keep(session, [(version.post_id, version) for version in replaced], media_dir)
    own = [version.id or 0 for version in replaced]
    session.execute(delete(PostVersion).where(bulk.among(session, PostVersion.id, own)), **UNSYNCHRONIZED)
    return len(replaced)


def _standing(session: Session, media_dir: Path) -> int:
    real = func.substr(func.coalesce(col(Post.source_key), ""), 1, len(STAGED)) != STAGED
    unkept = select(Post).where(~col(Post.kept), real).order_by(col(Post.id)).limit(STEP)
    locked = session.exec(unkept.with_for_update(skip_locked=True)).all()
    behind = _replaced_since(session, [post.id or 0 for post in locked])
    posts = [post for post in locked if post.id not in behind]
    _keep(session, [(post.id or 0, post) for post in posts], media_dir)
    own = [post.id or 0 for post in posts]
    session.execute(update(Post).where(bulk.among(session, Post.id, own)).values(kept=True), **UNSYNCHRONIZED)
    return len(posts)


def _replaced_since(session: Session, posts: Sequence[int]) -> set[int]:
    """Those of `posts`, which nobody else can change now, of which an earlier version came to wait since we looked."""
    waiting = select(PostVersion.post_id).where(bulk.among(session, PostVersion.post_id, posts))
    return set(session.exec(waiting)) if posts else set()


def _keep(session: Session, versions: Sequence[tuple[int, PostVersion | Post]], media_dir: Path) -> None:
    keep.documents(session, [_described(post, version) for post, version in versions])
    for post, version in versions:
        for item in version.media:
            _medium(session, _about("media", post, version), item, media_dir)


def _described(post: int, version: PostVersion | Post) -> tuple[About, dict[str, Any]]:
    about = _about("post", post, version)
    content = {name: getattr(version, name) for name in SAYS} | {"post": post, "by": about.actor, "at": about.at}
    return about, content


def _about(series: str, post: int, version: PostVersion | Post) -> About:
    by = version.changed_by or version.author
    at = version.changed_at or (version.created_at if isinstance(version, Post) else 0)
    return About(series, f"post {post}", at, by, version.channel, post)


def _medium(session: Session, about: About, item: Mapping[str, Any], media_dir: Path) -> None:
    """The original of an image or video, once for each post that uses it."""
    known = select(Record.id).where(Record.sha256 == item["sha256"], Record.post_id == about.post)
    if session.exec(known.where(Record.series == about.series).limit(1)).first() is not None:
        return
    path = media_dir / item["file"]
    size = path.stat().st_size if path.is_file() else None
    own = about if size is not None else replace(about, facts={"missing": True})
    keep.file(session, own, item["file"], item["sha256"], size or 0, item["mime"])


def _sealed(session: Session) -> int:
    """How many records the chain's next entry names."""
    unsealed = (
        select(Record.id, Record.hash).where(col(Record.entry_seq).is_(None)).order_by(col(Record.id)).limit(STEP)
    )
    found = [(int(number or 0), own) for number, own in session.exec(unsealed.with_for_update())]
    if not found:
        return 0
    numbers = [number for number, _ in found]
    detail = {"records": ranges(numbers), "count": len(found), "sha256": seal.of_batch(own for _, own in found)}
    entry = log.record(session, KEEPER, KEPT, f"records {numbers[0]}–{numbers[-1]}", detail)
    named = update(Record).where(bulk.among(session, Record.id, numbers)).values(entry_seq=entry)
    session.execute(named, **UNSYNCHRONIZED)
    return len(found)


def ranges(numbers: Sequence[int]) -> list[list[int]]:
    """Rising numbers as runs ``[first, last]``."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return found
