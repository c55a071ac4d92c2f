"""The outbox: a platform that is a folder. The default, and the reference that other connectors are measured by.

A post is a folder named by the message's key, with `post.json` and copies of its images. It appears whole, by one rename,
which is the moment of publishing. `outbox.log` has one JSON line per post in the order in which they appeared.

The same key with the same content is the same post: the earlier one is the answer, and nothing is written. The same key
with another content is Duplicate.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from config import clock, failpoint
from connectors import exchange
from connectors import media as images
from connectors.account import require
from connectors.errors import AccountError, CannotTell, Duplicate, NotSent, PublishError, Uncertain
from connectors.exchange import Draft, Exchange
from connectors.protocol import Account, Deadline, Length, Message, Permit, Prepared, Published, Search

TEXT_LIMIT = 100_000
LOG = "outbox.log"
POST = "post.json"
_STAGING = ".staging"
JSON = "application/json"
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}")


class OutboxConnector:
    """One outbox. Setting: `folder`, which is made when it does not exist."""

    platform = "outbox"
    required_settings: tuple[str, ...] = ("folder",)
    required_secrets: tuple[str, ...] = ()

    def __init__(self, account: Account) -> None:
        """Keep `account`; touch nothing. Raises AccountError."""
        require(account, self.required_settings, self.required_secrets)
        self._channel = account.channel
        self._folder = Path(account.settings["folder"])

    @staticmethod
    def length(text: str) -> Length:
        """The number of characters."""
        return Length(len(text), TEXT_LIMIT)

    @staticmethod
    def problems(message: Message) -> list[str]:
        """One line per reason why the outbox would not take `message`."""
        lines = []
        if len(message.text) > TEXT_LIMIT:
            lines.append(f"the text has {len(message.text)} characters, the outbox takes {TEXT_LIMIT}: cut it")
        if not message.text.strip() and not message.media:
            lines.append("the post is empty: give it text or an image")
        return lines

    def prepare(self, message: Message, deadline: Deadline) -> Prepared:  # noqa: ARG002 - reads files only
        """The images' names in the outbox, once each was read and is what was queued. Raises Rejected, NotSent."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise NotSent(f"outbox {self._folder}: {_why(error)}: nothing was published") from None
        for item in message.media:
            images.content(item)
        return Prepared(tuple(images.file_name(item, n) for n, item in enumerate(message.media, start=1)))

    def draft(self, message: Message, prepared: Prepared) -> Draft:  # noqa: ARG002 - the message says it all
        """The post as it will be written. Raises PublishError."""
        return Draft(
            (self._folder / _name(message.key)).absolute().as_uri(), exchange.document(_content(message)), JSON
        )

    def publish(self, message: Message, prepared: Prepared, permit: Permit) -> Published:
        """Make the post appear. Raises PublishError."""
        place = self._folder / _name(message.key)
        staged: Path | None = None
        try:
            with failpoint.step("publish.outbox.write"):
                staged = self._stage(message, prepared)
            permit.check()
            with failpoint.step("publish.outbox.rename"):
                place_taken = not _appear(staged, place)
        except PublishError:
            raise
        except Exception as error:
            raise NotSent(f"outbox {self._folder}: {_why(error)}: nothing was published") from None
        finally:
            if staged is not None:
                shutil.rmtree(staged, ignore_errors=True)
        if place_taken:
            return self._earlier(place, message)
        return self._appeared(place, message)

    def find(self, message: Message, search: Search, deadline: Deadline) -> Published | None:  # noqa: ARG002 - by key
        """The post with the message's key, whenever it appeared, or None. Raises CannotTell."""
        name = _name(message.key)
        if name in search.not_these:
            return None
        try:
            there = (self._folder / name / POST).is_file()
            # `prepare` made it: a folder that is missing was moved or is not mounted, and may hold the post.
            readable = there or os.access(self._folder, os.R_OK | os.X_OK)
        except OSError as error:
            raise CannotTell(f"outbox {self._folder}: {_why(error)}") from None
        if not readable:
            raise CannotTell(f"outbox {self._folder} is missing or cannot be read: bring it back")
        if not there or not self._says_same(self._folder / name, message):
            return None
        return self._published(self._folder / name, message)

    def test(self, deadline: Deadline) -> str:  # noqa: ARG002 - a folder answers at once
        """The outbox's folder, once a file could be written there. Raises AccountError."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self._folder):
                pass
        except OSError as error:
            raise AccountError(
                f"channel {self._channel} (outbox): cannot write to folder={str(self._folder)!r} ({_why(error)}): "
                "correct the setting, or let the service's account write there"
            ) from None
        return f"outbox {self._folder}"

    def close(self) -> None:
        """Nothing to release."""

    def _stage(self, message: Message, prepared: Prepared) -> Path:
        """A folder with the whole post, durable, where nobody looks."""
        staging = self._folder / _STAGING
        staging.mkdir(parents=True, exist_ok=True)
        staged = Path(tempfile.mkdtemp(dir=staging))
        for item, name in zip(message.media, prepared.media_ids, strict=True):
            _write(staged / name, images.content(item))
        content = _content(message) | {"published_at": clock.to_text(clock.wall_us()), "channel": self._channel}
        _write(staged / POST, json.dumps(content, ensure_ascii=False, indent=1).encode("utf-8", "replace"))
        staged.chmod(0o755)
        _sync(staged)
        return staged

    def _appeared(self, place: Path, message: Message) -> Published:
        """The post that now is there, once that is durable and in the log. Raises Uncertain."""
        line = {"key": message.key, "channel": self._channel, "at": clock.to_text(clock.wall_us())}
        try:
            _sync(self._folder)
            with failpoint.step("publish.outbox.log"), (self._folder / LOG).open("ab", buffering=0) as log:
                log.write(json.dumps(line | {"text": message.text}).encode() + b"\n")
                os.fsync(log.fileno())
        except OSError as error:
            raise Uncertain(f"outbox {self._folder}: {_why(error)} after the post appeared") from None
        return self._published(place, message)

    def _earlier(self, place: Path, message: Message) -> Published:
        """The earlier post of the same key when it says the same. Raises Duplicate."""
        if not self._says_same(place, message):
            raise Duplicate(f"outbox {self._folder} has another post of the key {message.key!r}: look at it")
        return self._published(place, message)

    @staticmethod
    def _says_same(place: Path, message: Message) -> bool:
        """True when the post that lies there has the message's content: its key alone is no proof."""
        try:
            earlier: dict[str, Any] = json.loads((place / POST).read_bytes())
            return all(earlier.get(name) == value for name, value in _content(message).items())
        except (OSError, ValueError, AttributeError):
            return False

    def _published(self, place: Path, message: Message) -> Published:
        """That it is there; for the record, with the post as it lies there."""
        sent = self.draft(message, Prepared())
        with suppress(OSError):
            exchange.note(Exchange(clock.wall_us(), sent, Draft(sent.url, (place / POST).read_bytes(), sent.mime)))
        return Published(place.name, place.resolve().as_uri())


def _appear(staged: Path, place: Path) -> bool:
    """True when `staged` became `place`; false when `place` is taken. Raises OSError, then nothing has appeared."""
    try:
        # A folder that holds anything is never replaced by a rename.
        staged.rename(place)
    except OSError:
        if place.exists():
            return False
        raise
    return True


def _content(message: Message) -> dict[str, Any]:
    pictures = [{"sha256": item.sha256, "mime": item.mime, "alt": item.alt} for item in message.media]
    # A lone surrogate cannot be written as UTF-8: compare what is written.
    key, text = (value.encode("utf-8", "replace").decode("utf-8") for value in (message.key, message.text))
    return {"key": key, "post": message.post_id, "text": text, "media": pictures}


def _name(key: str) -> str:
    """`key` as a file name; a hash where it could not be one."""
    return key if _PLAIN.fullmatch(key) else hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _why(error: Exception) -> str:
    return (getattr(error, "strerror", None) or type(error).__name__).lower()
