"""YAML text as steps with lines, by two readers: ruamel, which decides what is right, and libyaml, many times as fast.

libyaml is asked first and believed only where both are known to agree (a test compares them on generated and hostile
texts). What it refuses, or might read differently, goes to ruamel: no answer depends on which of the two is there.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from importlib import import_module
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

SCALAR, SEQUENCE, MAPPING, END = "scalar", "sequence", "mapping", "end"
Step = tuple[str, int, str | None]
"""(one of the above, line from 1, value): a scalar's as written, None for an empty one. For a key whose value was left out, the
line of that value is where either reader noticed; nobody asks for it."""
LineOf = Callable[[Any], int]

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BEGINS = {"SequenceStartEvent": SEQUENCE, "MappingStartEvent": MAPPING}
_ENDS = frozenset({"SequenceEndEvent", "MappingEndEvent"})
_HINT = "check the indent, the ':' and the quotes; text with ': ' or ' #' needs quotes"
_ODD_CHARACTERS = re.compile(r"[^\n -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_ODD_FORMS = re.compile(
    r"""\n% | \n\.\.\.                               # directives, the end of a document
    | \n[ -]*\?(?:\s|\Z) | [\[{,]\s*\?               # keys behind a question mark
    | ["'\]}]\s*:\S                                  # a ':' behind a quote or bracket, glued to what follows
    | [|>][-+0-9]*(?:\#                              # a comment glued to the head of a block text
        | [ \t]*(?:\#.*)?\n(?:\ *\n)*\ +\n)          # a block text that begins with a line of blanks
    """,
    re.VERBOSE,
)


class NotReadable(Exception):
    """The text is not YAML that a calendar may use; carries the line, the value and the remedy."""

    def __init__(self, line: int, value: str, message: str) -> None:
        super().__init__(message)
        self.line, self.value, self.message = line, value, message


class Doubtful(Exception):
    """libyaml may not read this as ruamel does."""


def reference(text: str) -> Iterator[Step]:
    """The steps of the one document in `text` (line ends already ``\\n``), as ruamel reads it. Raises NotReadable.

    Its scanner also raises OverflowError and the like on hostile escapes, so all are caught here.
    """
    lines = _Lines(text)
    try:
        yield from _steps(YAML(typ="safe", pure=True).parse(text), lines.of)
    except NotReadable:
        raise
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        line = lines.at(mark.index) if mark is not None else lines.last
        problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise NotReadable(line, "", f"is not valid YAML ({_one_line(problem)}): {_HINT}") from None
    except Exception as error:
        problem = _one_line(str(error))
        raise NotReadable(lines.last, "", f"is not valid YAML ({problem}) on or after this line: {_HINT}") from None


def _one_line(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())[:120]


class _Lines:
    """Line numbers from character positions: ruamel also counts U+2028 and U+0085, editors do not."""

    def __init__(self, text: str) -> None:
        self._ends = [at for at, char in enumerate(text) if char == "\n"]
        self.last = 1

    def of(self, event: Any) -> int:
        self.last = self.at(event.start_mark.index)
        return self.last

    def at(self, index: int) -> int:
        return bisect_right(self._ends, index - 1) + 1


def quick(text: str) -> Iterator[Step]:
    """The same as libyaml reads it. Raises Doubtful or NotReadable where ruamel has to decide."""
    yaml = _libyaml()
    if yaml is None or _ODD_CHARACTERS.search(text) or _ODD_FORMS.search(f"\n{text}"):
        raise Doubtful
    try:
        yield from _steps(yaml.parse(text, Loader=yaml.CSafeLoader), _quick_line)
    except yaml.YAMLError:
        raise Doubtful from None


@lru_cache(maxsize=1)
def _libyaml() -> Any:
    """PyYAML; None where it is missing or was built without libyaml, which costs nothing but time."""
    try:
        yaml = import_module("yaml")
    except ImportError:
        return None
    return yaml if yaml.__with_libyaml__ else None


def _quick_line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _steps(events: Iterable[Any], line_of: LineOf) -> Iterator[Step]:
    """What the events of either library say: their classes and fields have the same names. Raises NotReadable."""
    documents = 0
    for event in events:
        name = type(event).__name__
        if name == "ScalarEvent":
            yield _scalar(event, line_of)
        elif name in _ENDS:
            yield END, 0, None
        elif name in _BEGINS:
            yield _BEGINS[name], _line(event, line_of), None
        elif name == "AliasEvent":
            message = "is an alias: calendars take none, write the value again"
            raise NotReadable(line_of(event), f"*{event.anchor}", message)
        elif name == "DocumentStartEvent":
            documents += 1
            if documents > 1:
                raise NotReadable(line_of(event), "---", "begins a second document: keep one calendar per file")


def _scalar(event: Any, line_of: LineOf) -> Step:
    line, value = _line(event, line_of), event.value
    return SCALAR, line, None if value in _NULLS and not event.style else value


def _line(event: Any, line_of: LineOf) -> int:
    """The line of a value without anchor and tag. Raises NotReadable for one that has either."""
    line = line_of(event)
    if event.anchor:
        raise NotReadable(line, f"&{event.anchor}", "is an anchor: remove it, or put the text in quotes")
    if event.tag is not None:
        raise NotReadable(line, str(event.tag), "is a tag: remove it, or put the text in quotes")
    return line
