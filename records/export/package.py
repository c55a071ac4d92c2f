"""A package made step by step in a folder of its own, and given its name when it is whole: nothing half done looks finished.

Each step is noted when it is done; after a kill the work goes on with the first that is not. All but the first work from the
files alone, so that what was taken from the store is taken once.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session, select

from records import keep, log, seal
from records.export import bag, layout, pages, redaction, snapshot, statement, tables, web_archive
from records.export.redaction import Rules
from records.keep import About
from records.wish import RecordsError, Wish, asked
from store.engine import reading, writing
from store.record_tables import Record

Tell = Callable[[str, int, int], None]
STATE, PACKAGE, LOCK = "state.json", "package", "lock"
FORM = 1
"""Of a package; it rises when the layout changes."""


@dataclass(frozen=True)
class Order:
    """What is to be made, where, for which request and by whom; `rules`: make the redacted copy of the package at `source`."""

    target: Path
    request: str
    by: str
    wish: Wish
    source: Path | None = None
    rules: Rules | None = None

    def key(self) -> dict[str, Any]:
        """What must be the same for work to go on."""
        rules = None if self.rules is None else self.rules.digest
        return {"request": self.request, "query": self.wish.described(), "rules": rules}


@dataclass(frozen=True)
class Made:
    """A package: what it says of itself, the SHA-256 of its manifest, and the records that are not as they were hashed."""

    about: dict[str, Any]
    manifest: str
    differing: list[int]


class Making:
    """The way of one package. `media_dir`: where originals lie; `set_pdf`: what sets the report."""

    def __init__(self, engine: Engine, order: Order, media_dir: Path, set_pdf: pages.Setter, tell: Tell) -> None:
        self.engine, self.order, self.media_dir, self.set_pdf, self.tell = engine, order, media_dir, set_pdf, tell
        self.work = layout.work_of(order.target)
        self.folder = self.work / PACKAGE
        self.state: dict[str, Any] = {}

    def make(self, *, resume: bool) -> Made:
        """The package, whole and at its place. Raises RecordsError, StoreError, OSError; what was done by then is kept."""
        with _private(), self._at_work(resume):
            for name, step in self._steps():
                if name not in self.state["done"]:
                    step()
                    self._note(done=[*self.state["done"], name])
        shutil.rmtree(self.work, ignore_errors=True)
        return Made(self.state["about"], self.state["manifest"], self.state["about"]["differing"])

    def _steps(self) -> Iterator[tuple[str, Callable[[], None]]]:
        yield "taken", self._take if self.order.rules is None else self._redact
        yield "tables", lambda: tables.write_csv(self.folder, self._teller("tables"))
        yield "sheets", lambda: tables.write_sheets(self.folder, self._teller("sheets"))
        yield "web archive", lambda: web_archive.write(self.folder, self._teller("web archive"))
        yield "report", lambda: pages.write(self.folder, self._about(), self.set_pdf, self._teller("report"))
        yield "papers", lambda: statement.write(self.folder, self._about())
        yield "bag", self._bag
        yield "recorded", self._record
        yield "named", self._name

    def _teller(self, what: str) -> Callable[[int], None]:
        every = snapshot.CHUNK
        total = sum(self._about()["counts"].values())
        return lambda done: self.tell(what, done, max(done, total)) if done % every == 0 else None

    def _about(self) -> dict[str, Any]:
        found: dict[str, Any] = self.state["about"]
        return found

    def _take(self) -> None:
        taken = snapshot.take(self.engine, self.order.wish, self.folder, self.media_dir, self.tell)
        order = self.order
        about = {
            "format": FORM,
            "request": order.request,
            "query": order.wish.described(),
            "by": order.by,
            "redacted": False,
        }
        self._note(about=about | asdict(taken))

    def _redact(self) -> None:
        assert self.order.source is not None
        assert self.order.rules is not None
        about = redaction.copied(self.order.source / "data", self.folder, self.order.rules, self.tell)
        self._note(about=about)

    def _bag(self) -> None:
        self.tell("bag", 0, 1)
        self._note(manifest=bag.make(self.folder, self._about()))
        self.tell("bag", 1, 1)

    def _record(self) -> None:
        """An entry of the log, and a record: before anybody can take the package."""
        about = self._about()
        content = {name: about[name] for name in ("request", "query", "counts", "redacted", "at")}
        content |= {"manifest": self.state["manifest"], "by": self.order.by}
        said = About("export", f"request {self.order.request}", about["at"], self.order.by)
        with writing(self.engine) as session:
            if not _is_kept(session, content):
                number = keep.document(session, said, content)
                detail = {
                    **about["counts"],
                    "manifest": self.state["manifest"],
                    "redacted": about["redacted"],
                    "record": number,
                }
                log.record(session, self.order.by, "records.export", f"request {self.order.request}", detail)

    def _name(self) -> None:
        if not self.folder.exists() and self.order.target.exists():
            return  # it has its name, and was killed before that was noted
        layout.sync(self.folder)
        if self.order.target.exists():
            raise RecordsError(f"{_told(self.order.target)} exists by now: move it away, then --resume")
        self.folder.rename(self.order.target)
        _sync_folder(self.order.target.parent)

    # the folder of work

    @contextmanager
    def _at_work(self, resume: bool) -> Iterator[None]:
        self._open(resume)
        with (self.work / LOCK).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise RecordsError(f"another export is at work in {_told(self.work)}: wait for it") from None
            self.state = self._found(resume)
            yield

    def _open(self, resume: bool) -> None:
        target = self.order.target
        begun = (self.work / STATE).exists()
        if target.exists() and not (resume and begun and not self.folder.exists()):
            raise RecordsError(f"{_told(target)} exists: name another folder")
        if not target.parent.is_dir():
            raise RecordsError(f"{_told(target.parent)}: there is no such folder: make it, or name another")
        if begun and not resume:
            raise RecordsError(f"{_told(self.work)} holds an unfinished export: --resume goes on with it, or remove it")
        if not begun:
            with reading(self.engine) as session:
                asked(session, self.order.wish)  # what cannot be answered is refused before anything is made for it
        self.work.mkdir(mode=0o700, exist_ok=True)

    def _found(self, resume: bool) -> dict[str, Any]:
        file, key = self.work / STATE, self.order.key()
        if not resume or not file.exists():
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(mode=0o700)
            self.state = {"key": key, "done": []}
            self._note()
            return self.state
        found = layout.read_json(file)
        if found["key"] != key:
            raise RecordsError(f"{_told(self.work)} is of another request or question: ask the same, or remove it")
        return found

    def _note(self, **values: Any) -> None:
        self.state |= values
        layout.write_json(self.work / STATE, self.state)


def _is_kept(session: Session, content: dict[str, Any]) -> bool:
    """True when this very export is a record already: it was killed just after."""
    digest = seal.of_content(keep.encoded(content))
    known = select(Record.id).where(Record.sha256 == digest, Record.series == "export").limit(1)
    return session.exec(known).first() is not None


@contextmanager
def _private() -> Iterator[None]:
    """What is made is readable by its owner alone."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _told(path: Path) -> str:
    return ascii(str(path))[:200]
