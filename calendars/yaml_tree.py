"""YAML text to plain nodes with lines: nothing is converted, and what could blow up (aliases, tags, depth) is refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from calendars import yaml_events
from calendars.yaml_events import END, SCALAR, SEQUENCE, Doubtful, NotReadable, Step

MAX_DEPTH = 12
MAX_NODES = 3_000_000
"""A hundred thousand entries have a third of it; each costs far more memory than its bytes."""


@dataclass(slots=True)
class Scalar:
    """A value exactly as written (13:30 stays 13:30, no stays no); `text` is None for an empty one."""

    line: int
    text: str | None


@dataclass(slots=True)
class Sequence:
    """A list."""

    line: int
    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Mapping:
    """Keys with their values, in order, doubled keys included."""

    line: int
    pairs: list[tuple[Node, Node]] = field(default_factory=list)


Node = Scalar | Sequence | Mapping


def tree(text: str) -> Node | None:
    """The one document in `text` (line ends already ``\\n``); None when it is empty. Raises NotReadable."""
    try:
        return quick_tree(text)
    except (Doubtful, NotReadable):
        return reference_tree(text)


def quick_tree(text: str) -> Mapping:
    """What libyaml reads. Raises Doubtful or NotReadable: then `reference_tree` decides."""
    root = _built(yaml_events.quick(text))
    if not isinstance(root, Mapping):  # no calendar: ruamel says what is wrong
        raise Doubtful
    return root


def reference_tree(text: str) -> Node | None:
    """What ruamel reads, and so what is right. Raises NotReadable."""
    return _built(yaml_events.reference(text))


def _built(steps: Iterable[Step]) -> Node | None:
    """The root that `steps` describe, None when there is none. Raises NotReadable."""
    builder = _Builder()
    nodes = 0
    for what, line, value in steps:
        if what == END:
            builder.end()
            continue
        nodes += 1
        if nodes > MAX_NODES:
            raise NotReadable(line, "", f"is value number {MAX_NODES + 1:,} of this file: split the file")
        if what == SCALAR:
            builder.add(Scalar(line, value))
        else:
            builder.begin(Sequence(line) if what == SEQUENCE else Mapping(line))
    return builder.root


class _Builder:
    """Steps to nodes without recursion, so that depth is our bound and not the interpreter's."""

    def __init__(self) -> None:
        self._roots: list[Node] = []
        self._children = self._roots
        self._open: list[tuple[Sequence | Mapping, list[Node]]] = []
        self.add = self._children.append

    @property
    def root(self) -> Node | None:
        return self._roots[0] if self._roots else None

    def begin(self, node: Sequence | Mapping) -> None:
        """Add a node whose children come next. Raises NotReadable when it stands too deep."""
        if len(self._open) >= MAX_DEPTH:
            raise NotReadable(node.line, "", f"is nested more than {MAX_DEPTH} deep: a calendar needs four levels")
        self._children.append(node)
        self._open.append((node, self._children))
        self._into([])

    def end(self) -> None:
        node, around = self._open.pop()
        if isinstance(node, Sequence):
            node.items = self._children
        else:
            node.pairs = list(zip(self._children[::2], self._children[1::2], strict=True))
        self._into(around)

    def _into(self, children: list[Node]) -> None:
        self._children, self.add = children, children.append
