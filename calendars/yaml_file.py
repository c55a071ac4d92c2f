"""A YAML calendar as a draft: its own strict schema, every value with its line."""

from __future__ import annotations

from collections.abc import Callable

from calendars.draft import Cell, Draft, DraftEntry, Faults, did_you_mean
from calendars.yaml_tree import Mapping, Node, NotReadable, Scalar, Sequence, tree

_HEAD_SINGLE = frozenset({"owner", "timezone", "lateness", "media_folder"})
_ENTRY_SINGLE = frozenset({"id", "at", "timezone", "text", "repeat", "lateness"})
_ENTRY_LISTS = frozenset({"channels", "tags", "except"})
_CHANNELS = {"channel": "channels"}
_EXAMPLE = "begin with 'owner: NAME' and 'entries:' (docs/calendars.md has a whole example)"


def draft(text: str, faults: Faults) -> Draft | None:
    """The file's words (line ends already ``\\n``); None when there is nothing to go on, with the mistakes in `faults`."""
    try:
        root = tree(text)
    except NotReadable as error:
        faults.add(error.line, error.value, error.message)
        return None
    if not isinstance(root, Mapping):
        what = "is empty" if root is None or (isinstance(root, Scalar) and root.text is None) else "is no calendar"
        faults.add(root.line if root is not None else 1, "", f"the file {what}: {_EXAMPLE}")
        return None
    return _Reader(faults).file(root)


class _Reader:
    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def file(self, root: Mapping) -> Draft:
        made = Draft(line=root.line, head=DraftEntry(root.line))
        entries: list[tuple[Cell, Node]] = []
        takers = self._takers(made.head, _HEAD_SINGLE, frozenset({"channels"}))
        takers["entries"] = lambda key, node: entries.append((key, node))
        self._mapping(root, takers)
        if not entries:
            self._faults.add(root.line, "entries", "is missing: add 'entries:' with at least one entry")
        for key, node in entries:
            made.entries = self._entries(key, node)
        return made

    def _entries(self, key: Cell, node: Node) -> list[DraftEntry]:
        if not isinstance(node, Sequence):
            self._faults.at(key, "must hold a list: begin each entry with '- id: …'")
            return []
        if not node.items:
            self._faults.at(key, "holds no entry: add at least one, beginning with '- id: …'")
        made: list[DraftEntry] = []
        for item in node.items:
            if isinstance(item, Mapping):
                made.append(self._entry(item))
            else:
                self._faults.add(item.line, _shown(item), "is no entry: begin each entry with '- id: …'")
        return made

    def _entry(self, node: Mapping) -> DraftEntry:
        made = DraftEntry(node.line)
        takers = self._takers(made, _ENTRY_SINGLE, _ENTRY_LISTS)
        takers["texts"] = lambda key, value: self._texts(made, key, value)
        takers["media"] = lambda key, value: self._media(made, key, value)
        self._mapping(node, takers)
        return made

    def _takers(
        self, made: DraftEntry, single: frozenset[str], lists: frozenset[str]
    ) -> dict[str, Callable[[Cell, Node], None]]:
        """What to do with each known key of a mapping that fills `made`."""

        def one(key: Cell, node: Node) -> None:
            cell = self._scalar(key, node)
            if cell is not None:
                made.single[key.text] = cell
            elif not isinstance(node, Scalar):
                made.refused.add(key.text)

        def many(key: Cell, node: Node) -> None:
            name = _CHANNELS.get(key.text, key.text)
            if name in made.lists:
                self._faults.at(key, "says the same as 'channels': keep one of the two")
            made.lists[name] = self._list(key, node)

        takers: dict[str, Callable[[Cell, Node], None]] = dict.fromkeys(single, one)
        takers.update(dict.fromkeys(lists, many))
        takers["channel"] = many
        return takers

    def _mapping(self, node: Mapping, takers: dict[str, Callable[[Cell, Node], None]]) -> None:
        """Hand every key of `node` to its taker; unknown, doubled and odd keys are mistakes."""
        for key, value in self._keys(node):
            taker = takers.get(key.text)
            if taker is None:
                self._faults.at(key, f"is not a key a calendar has here: {did_you_mean(key.text, takers)}")
            else:
                taker(key, value)

    def _keys(self, node: Mapping) -> list[tuple[Cell, Node]]:
        seen: dict[str, int] = {}
        kept: list[tuple[Cell, Node]] = []
        for key, value in node.pairs:
            name = _shown(key)
            if not isinstance(key, Scalar) or key.text is None:
                self._faults.add(key.line, name, "is no key: write 'key: value'")
            elif name in seen:
                self._faults.add(key.line, name, f"stands here twice (first on line {seen[name]}): remove one")
            else:
                seen[name] = key.line
                kept.append((Cell(name, key.line), value))
        return kept

    def _scalar(self, key: Cell, node: Node) -> Cell | None:
        if not isinstance(node, Scalar):
            self._faults.at(
                key, "takes one value, not a list or a block of keys: write 'key: value', in quotes if needed"
            )
            return None
        return None if node.text is None else Cell(node.text, node.line)

    def _list(self, key: Cell, node: Node) -> list[Cell]:
        if isinstance(node, Sequence):
            cells = [self._scalar(key, item) for item in node.items]
            return [cell for cell in cells if cell is not None]
        cell = self._scalar(key, node)
        return [cell] if cell is not None else []

    def _texts(self, made: DraftEntry, key: Cell, node: Node) -> None:
        if not isinstance(node, Mapping):
            self._faults.at(key, "takes one line per channel: write 'CHANNEL: its own text' below it, indented")
            return
        for channel, value in self._keys(node):
            cell = self._scalar(channel, value)
            if cell is None:
                self._faults.at(channel, "has no text of its own: write it after the ':' or remove the line")
            else:
                made.texts[channel.text] = cell

    def _media(self, made: DraftEntry, key: Cell, node: Node) -> None:
        items = node.items if isinstance(node, Sequence) else [node]
        for item in items:
            if isinstance(item, Mapping):
                self._image(made, item)
            elif _shown(item):
                self._faults.add(item.line, _shown(item), "needs 'file: NAME' and 'alt: what the image shows' below it")
            elif isinstance(node, Sequence):
                self._faults.at(key, "holds an empty line: remove it, or give 'file' and 'alt'")

    def _image(self, made: DraftEntry, node: Mapping) -> None:
        image = DraftEntry(node.line)
        takers = self._takers(image, frozenset({"file", "alt"}), frozenset())
        del takers["channel"]
        self._mapping(node, takers)
        file = image.single.get("file")
        if image.lacks("file"):
            self._faults.add(node.line, "file", "is missing: name the image of this 'media' item")
        elif file is not None:
            made.media.append((file, image.single.get("alt")))


def _shown(node: Node) -> str:
    """The node as one short text for a message."""
    if isinstance(node, Scalar):
        return node.text or ""
    return "[…]" if isinstance(node, Sequence) else "{…}"
