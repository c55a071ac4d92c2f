"""YAML text to plain nodes with lines: nothing is converted, and what could blow up (aliases, tags, depth) is refused."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceStartEvent,
)

MAX_DEPTH = 12
MAX_NODES = 3_000_000
"""A hundred thousand entries have a third of it; each costs far more memory than its bytes."""
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass
class Scalar:
    """A value exactly as written (13:30 stays 13:30, no stays no); `text` is None for an empty one."""

    line: int
    text: str | None


@dataclass
class Sequence:
    """A list."""

    line: int
    items: list[Node] = field(default_factory=list)


@dataclass
class Mapping:
    """Keys with their values, in order, doubled keys included."""

    line: int
    pairs: list[tuple[Node, Node]] = field(default_factory=list)


Node = Scalar | Sequence | Mapping


class NotReadable(Exception):
    """The text is not YAML that a calendar may use; carries the line, the value and the remedy."""

    def __init__(self, line: int, value: str, message: str) -> None:
        super().__init__(message)
        self.line, self.value, self.message = line, value, message


def tree(text: str) -> Node | None:
    """The one document in `text` (line ends already ``\\n``); None when it is empty. Raises NotReadable."""
    lines = _Lines(text)
    builder = _Builder(lines)
    for event in _events(text, lines):
        builder.take(event)
    return builder.root


class _Lines:
    """Line numbers from character positions: ruamel also counts U+2028 and U+0085, editors do not."""

    def __init__(self, text: str) -> None:
        self._ends = [at for at, char in enumerate(text) if char == "\n"]
        self.last = 1

    def of(self, event: Event) -> int:
        self.last = self.at(event.start_mark.index)
        return self.last

    def at(self, index: int) -> int:
        return bisect_right(self._ends, index - 1) + 1


def _events(text: str, lines: _Lines) -> Iterator[Event]:
    """ruamel's events. Its scanner also raises OverflowError and the like on hostile escapes, so all are caught here."""
    try:
        yield from YAML(typ="safe", pure=True).parse(text)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        line = lines.at(mark.index) if mark is not None else lines.last
        problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise NotReadable(line, "", f"is not valid YAML ({_one_line(problem)}): {_HINT}") from None
    except Exception as error:
        problem = _one_line(str(error))
        raise NotReadable(lines.last, "", f"is not valid YAML ({problem}) on or after this line: {_HINT}") from None


_HINT = "check the indent, the ':' and the quotes; text with ': ' or ' #' needs quotes"


def _one_line(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())[:120]


class _Builder:
    """Events to nodes without recursion, so that depth is our bound and not the interpreter's."""

    def __init__(self, lines: _Lines) -> None:
        self._lines = lines
        self._open: list[tuple[Sequence | Mapping, list[Node]]] = []
        self._documents = 0
        self._nodes = 0
        self.root: Node | None = None

    def take(self, event: Event) -> None:
        """Add what `event` says. Raises NotReadable for an alias, an anchor, a tag, too much depth or a second document."""
        if isinstance(event, DocumentStartEvent):
            self._count_document(event)
        elif isinstance(event, CollectionEndEvent):
            self._close()
        elif isinstance(event, NodeEvent):
            self._refuse_references(event)
            self._add(event)

    def _count_document(self, event: Event) -> None:
        self._documents += 1
        if self._documents > 1:
            raise NotReadable(self._lines.of(event), "---", "begins a second document: keep one calendar per file")

    def _refuse_references(self, event: NodeEvent) -> None:
        line = self._lines.of(event)
        tag = getattr(event, "tag", None)
        if isinstance(event, AliasEvent):
            raise NotReadable(line, f"*{event.anchor}", "is an alias: calendars take none, write the value again")
        if event.anchor:
            raise NotReadable(line, f"&{event.anchor}", "is an anchor: remove it, or put the text in quotes")
        if tag is not None:
            raise NotReadable(line, str(tag), "is a tag: remove it, or put the text in quotes")

    def _add(self, event: NodeEvent) -> None:
        line = self._lines.last
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise NotReadable(line, "", f"is value number {MAX_NODES + 1:,} of this file: split the file")
        if isinstance(event, ScalarEvent):
            plain = event.style is None or event.style == ""
            empty = plain and event.value in _NULLS
            self._attach(Scalar(line, None if empty else event.value))
        elif isinstance(event, (SequenceStartEvent, MappingStartEvent)):
            if len(self._open) >= MAX_DEPTH:
                raise NotReadable(line, "", f"is nested more than {MAX_DEPTH} deep: a calendar needs four levels")
            node = Sequence(line) if isinstance(event, SequenceStartEvent) else Mapping(line)
            self._attach(node)
            self._open.append((node, []))

    def _attach(self, node: Node) -> None:
        if self._open:
            self._open[-1][1].append(node)
        else:
            self.root = node

    def _close(self) -> None:
        node, children = self._open.pop()
        if isinstance(node, Sequence):
            node.items = children
        else:
            node.pairs = list(zip(children[::2], children[1::2], strict=True))
