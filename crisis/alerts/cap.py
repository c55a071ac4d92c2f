"""The bytes of a CAP 1.2 message as an `Alert`: bounded, checked against the schema, every moment in µs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from config import clock
from crisis.alerts import schema, xml_document
from crisis.alerts.alert import Alert, AlertError, Area, Code, Info, Key, shown

if TYPE_CHECKING:
    from lxml import etree

MAX_BYTES = 1_048_576
"""A long alert has some 50 KB; the standard sets no bound, so that one with a picture inside may have more."""
MAX_NAME = 500
"""Characters of an identifier or a sender, which are kept."""
FIRST_YEAR, LAST_YEAR = 2000, 2199
_IN = f"{{{schema.NAMESPACE}}}"


def parse(data: bytes, source: str) -> Alert:
    """The alert in `data`. Raises AlertError, one line that names `source` (a file, an address), when it is none."""
    root = xml_document.root(data, source, MAX_BYTES)
    schema.check(root, source)
    return _Reader(source).alert(root)


@dataclass(frozen=True)
class _Reader:
    """Reads what the schema has passed, so that every element that must be there is."""

    source: str

    def alert(self, root: etree._Element) -> Alert:
        references = list(_references(_text(root, "references")))
        return Alert(
            key=Key(self._name(root, "sender"), self._name(root, "identifier"), self._sent(root)),
            status=_text(root, "status"),
            msg_type=_text(root, "msgType"),
            scope=_text(root, "scope"),
            note=_text(root, "note"),
            references=tuple(key for key in references if isinstance(key, Key)),
            odd_references=tuple(odd for odd in references if not isinstance(odd, Key)),
            infos=tuple(map(self._info, root.iterfind(f"{_IN}info"))),
        )

    def _info(self, node: etree._Element) -> Info:
        return Info(
            language=_text(node, "language") or "en-US",
            event=_text(node, "event"),
            categories=_texts(node, "category"),
            responses=_texts(node, "responseType"),
            urgency=_text(node, "urgency"),
            severity=_text(node, "severity"),
            certainty=_text(node, "certainty"),
            event_codes=_codes(node, "eventCode"),
            effective_us=self._moment(node, "effective"),
            onset_us=self._moment(node, "onset"),
            expires_us=self._moment(node, "expires"),
            sender_name=_text(node, "senderName"),
            headline=_text(node, "headline"),
            areas=tuple(map(_area, node.iterfind(f"{_IN}area"))),
        )

    def _name(self, root: etree._Element, name: str) -> str:
        """An identifier or a sender on one line; the schema lets it be empty or endless."""
        words = " ".join(_text(root, name).split())
        if not words:
            raise AlertError(self.source, f"{name} is empty: ask the sender to give one", line=_line(root, name))
        if len(words) > MAX_NAME:
            message = f"{name} has more than {MAX_NAME} characters: ask the sender for a shorter one"
            raise AlertError(self.source, message, line=_line(root, name), value=words)
        return words

    def _sent(self, root: etree._Element) -> int:
        sent = self._moment(root, "sent")
        assert sent is not None  # the schema asks for it
        return sent

    def _moment(self, node: etree._Element, name: str) -> int | None:
        text = _text(node, name)
        if not text:
            return None
        try:
            return moment_us(text)
        except ValueError as error:
            message = f"{name} {error}: ask the sender to correct it"
            raise AlertError(self.source, message, line=_line(node, name), value=text) from None


def moment_us(text: str) -> int:
    """A moment such as ``2026-05-01T12:00:00-05:00`` in wall µs. Raises ValueError that says what is wrong with it."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("is no moment") from None
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"is outside the years {FIRST_YEAR} to {LAST_YEAR}")
    return clock.from_datetime(moment)  # refuses one without an offset from UTC


def _references(text: str) -> Iterator[Key | str]:
    """Each ``sender,identifier,sent`` as a key; one that names no alert as it is written, cut for people."""
    for group in text.split():
        try:
            sender, identifier, sent = group.split(",")
            if not (sender and identifier):
                raise ValueError
            yield Key(sender, identifier, moment_us(sent))
        except ValueError:
            yield shown(group)


def _area(node: etree._Element) -> Area:
    shapes = len(node.findall(f"{_IN}polygon")) + len(node.findall(f"{_IN}circle"))
    return Area(_text(node, "areaDesc"), _codes(node, "geocode"), shapes)


def _codes(node: etree._Element, name: str) -> tuple[Code, ...]:
    return tuple(Code(_text(pair, "valueName"), _text(pair, "value")) for pair in node.iterfind(f"{_IN}{name}"))


def _texts(node: etree._Element, name: str) -> tuple[str, ...]:
    return tuple((found.text or "").strip() for found in node.iterfind(f"{_IN}{name}"))


def _text(node: etree._Element, name: str) -> str:
    return (node.findtext(f"{_IN}{name}") or "").strip()


def _line(node: etree._Element, name: str) -> int | None:
    return xml_document.line(node.find(f"{_IN}{name}"))
