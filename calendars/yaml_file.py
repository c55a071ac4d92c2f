"""A YAML calendar as a draft: its own strict schema, every value with its line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from calendars.draft import Cell, Draft, DraftEntry, DraftImage, Faults, did_you_mean
from calendars.yaml_events import NotReadable
from calendars.yaml_tree import Mapping, Node, Scalar, Sequence, tree

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
        takers: Takers = {**_HEAD, "entries": lambda _reader, _made, key, node: entries.append((key, node))}
        self._mapping(root, made.head, takers)
        if not entries:
            self._faults.add(root.line, "entries", "is missing: add 'entries:' with at least one entry")
        for key, node in entries:
            made.entries = self._entries(key, node)
        return made

    def _entries(self, key: Cell, node: Node) -> Iterable[DraftEntry]:
        if not isinstance(node, Sequence):
            self._faults.at(key, "must hold a list: begin each entry with '- id: …'")
            return ()
        if not node.items:
            self._faults.at(key, "holds no entry: add at least one, beginning with '- id: …'")
        return self._each(node)

    def _each(self, node: Sequence) -> Iterator[DraftEntry]:
        """The entries one by one; what was read of them is let go."""
        node.items.reverse()
        while node.items:
            item = node.items.pop()
            if isinstance(item, Mapping):
                made = DraftEntry(item.line)
                self._mapping(item, made, _ENTRY)
                yield made
            else:
                self._faults.add(item.line, _shown(item), "is no entry: begin each entry with '- id: …'")

    def _mapping(self, node: Mapping, made: DraftEntry, takers: Takers) -> None:
        """Hand every key of `node` to its taker, which fills `made`; unknown, doubled and odd keys are mistakes."""
        for key, value in self._keys(node):
            take = takers.get(key.text)
            if take is None:
                self._faults.at(key, f"is not a key a calendar has here: {did_you_mean(key.text, takers)}")
            else:
                take(self, made, key, value)

    def _keys(self, node: Mapping) -> list[tuple[Cell, Node]]:
        seen: dict[str, int] = {}
        kept: list[tuple[Cell, Node]] = []
        for key, value in node.pairs:
            name = key.text if isinstance(key, Scalar) else None
            if name is None:
                self._faults.add(key.line, _shown(key), "is no key: write 'key: value'")
            elif name in seen:
                self._faults.add(key.line, name, f"stands here twice (first on line {seen[name]}): remove one")
            else:
                seen[name] = key.line
                kept.append((Cell(name, key.line), value))
        return kept

    def single(self, made: DraftEntry, key: Cell, node: Node) -> None:
        """Take a key with one value."""
        cell = self._scalar(key, node)
        if cell is not None:
            made.single[key.text] = cell
        elif not isinstance(node, Scalar):
            made.refused.add(key.text)

    def listed(self, made: DraftEntry, key: Cell, node: Node) -> None:
        """Take a key with one value or several."""
        name = "channels" if key.text == "channel" else key.text
        if name in made.lists:
            self._faults.at(key, "says the same as 'channels': keep one of the two")
        made.lists[name] = self._list(key, node)

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

    def texts(self, made: DraftEntry, key: Cell, node: Node) -> None:
        """Take the channels' own texts."""
        if not isinstance(node, Mapping):
            self._faults.at(key, "takes one line per channel: write 'CHANNEL: its own text' below it, indented")
            return
        for channel, value in self._keys(node):
            cell = self._scalar(channel, value)
            if cell is None:
                self._faults.at(channel, "has no text of its own: write it after the ':' or remove the line")
            else:
                made.texts[channel.text] = cell

    def overrides(self, made: DraftEntry, key: Cell, node: Node) -> None:
        """Take why checks may pass."""
        if not isinstance(node, Mapping):
            self._faults.at(key, "takes one line per check: write 'CHECK: why it may pass' below it, indented")
            return
        for check, value in self._keys(node):
            cell = self._scalar(check, value)
            if cell is not None:
                made.overrides[check.text] = cell
            elif isinstance(value, Scalar):
                self._faults.at(check, "gives no reason: say after the ':' why it may pass, or remove the line")

    def media(self, made: DraftEntry, key: Cell, node: Node) -> None:
        """Take the images."""
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
        self._mapping(node, image, _IMAGE)
        file = image.single.get("file")
        if image.lacks("file"):
            self._faults.add(node.line, "file", "is missing: name the image of this 'media' item")
        elif file is not None:
            made.media.append(DraftImage(file, *(image.single.get(name) for name in ("alt", "captions", "rights"))))


def _shown(node: Node) -> str:
    """The node as one short text for a message."""
    if isinstance(node, Scalar):
        return node.text or ""
    return "[…]" if isinstance(node, Sequence) else "{…}"


Take = Callable[[_Reader, DraftEntry, Cell, Node], None]
Takers = dict[str, Take]
"""What is done with each key that a mapping may have."""
_HEAD: Takers = {
    **dict.fromkeys(("owner", "timezone", "lateness", "media_folder", "rights"), _Reader.single),
    **dict.fromkeys(("channels", "channel"), _Reader.listed),
}
_ENTRY: Takers = {
    **dict.fromkeys(
        ("id", "at", "timezone", "text", "repeat", "lateness", "share_of", "source_checked"), _Reader.single
    ),
    **dict.fromkeys(("channels", "channel", "tags", "except"), _Reader.listed),
    "texts": _Reader.texts,
    "media": _Reader.media,
    "override": _Reader.overrides,
}
_IMAGE: Takers = dict.fromkeys(("file", "alt", "captions", "rights"), _Reader.single)
