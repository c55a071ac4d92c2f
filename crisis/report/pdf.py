"""A report as a tagged PDF (PDF/UA-1), set by typst: its template reads the pieces as JSON, so that no text is ever markup.

Only the fonts inside typst are used, so that every machine makes the same file. What they have no shape for (emoji, Chinese)
is described in brackets, and the document says so; the Markdown report has it as it is.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable
from importlib import resources
from itertools import groupby
from typing import Any

from config import clock, extra
from crisis.report.choice import ReportError
from crisis.report.document import (
    Block,
    Bullets,
    Heading,
    Link,
    Paragraph,
    Picture,
    Quote,
    Span,
    Table,
    paragraph,
    spans,
)
from crisis.report.plain import visible

MISSING = f"typst is not installed, which makes the PDF: {extra.install('report')}; --format md needs nothing"
STANDARD = "ua-1"
MOST_TRIES = 6
NO_SHAPE = re.compile(r'the text `"((?:[^"\\]|\\.)*)"` could not be displayed')
"""How typst names what its fonts lack, as Rust writes a string."""
ESCAPE = re.compile(r"\\u\{([0-9a-f]+)\}|\\(.)")
LAST_OF_LATIN = "\u024f"
JOINS = frozenset("\u200c\u200d\ufe0e\ufe0f")
"""They only say how the character before is drawn."""
NOTE = "Characters that could not be drawn in this file are described in brackets; the Markdown report has them as they are."


def of(blocks: Iterable[Block], title: str, exercise: bool, made_at_us: int, note: str = NOTE) -> bytes:
    """The document; `note` says what became of characters that cannot be drawn.

    Raises ReportError where typst is missing or cannot set it.
    """
    try:
        import typst
    except ImportError:
        raise ReportError(MISSING) from None
    setter = _Setter(typst, title, exercise, made_at_us // clock.SECOND, note)
    return setter.made([*blocks])


class _Setter:
    """Sets pieces again until there is no character left that the fonts lack."""

    def __init__(self, typst: Any, title: str, exercise: bool, made_at_s: int, note: str) -> None:
        self.typst, self.title, self.exercise, self.made_at_s, self.note = typst, title, exercise, made_at_s, note
        self.template = (resources.files("crisis") / "report" / "after-action.typ").read_bytes()

    def made(self, blocks: list[Block]) -> bytes:
        lacking: set[str] = set()
        for _ in range(MOST_TRIES):
            try:
                return self._compile(blocks, lacking)
            except self.typst.TypstError as error:
                found = _lacking(f"{error} {getattr(error, 'diagnostic', '')}") - lacking
                if not found:
                    break
                lacking |= found
        return self._plainly(blocks)

    def _plainly(self, blocks: list[Block]) -> bytes:
        """Without any character that is not Latin: whatever a later typst finds wrong with it."""
        try:
            return self._compile(blocks, None)
        except self.typst.TypstError as error:
            why = " ".join(str(error).split())[:300]
            raise ReportError(f"typst cannot set the report ({why}): --format md writes it without") from None

    def _compile(self, blocks: list[Block], lacking: set[str] | None) -> bytes:
        shown = _drawable(lacking)
        data = [_piece(block, shown) for block in blocks]
        if lacking is None or lacking:
            data.append(_piece(paragraph(self.note), visible))
        whole = {"title": shown(self.title), "exercise": self.exercise, "blocks": data}
        found = self.typst.compile(
            self.template,
            format="pdf",
            ignore_system_fonts=True,
            pdf_standards=[STANDARD],
            timestamp=self.made_at_s,
            sys_inputs={"report": json.dumps(whole)},
        )
        return bytes(found)


def _lacking(message: str) -> set[str]:
    """The characters that typst has no shape for, by its own words."""
    texts = (ESCAPE.sub(_unescaped, found) for found in NO_SHAPE.findall(message))
    return {char for text in texts for char in text if not char.isascii()}


def _unescaped(found: re.Match[str]) -> str:
    return chr(int(found[1], 16)) if found[1] else str(found[2])


def _drawable(lacking: set[str] | None) -> Callable[[str], str]:
    """What makes a text drawable: runs of what is lacking are described; None: everything beyond Latin is."""

    def lacks(char: str) -> bool:
        return char > LAST_OF_LATIN if lacking is None else char in lacking

    def shown(text: str) -> str:
        runs = groupby(visible(text), lambda char: lacks(char) or (bool(lacking) and char in JOINS))
        return "".join(_described("".join(run)) if is_lacking else "".join(run) for is_lacking, run in runs)

    return shown


def _described(run: str) -> str:
    """A run of characters in words: pictures by name, writing by its kind and length."""
    kinds = groupby((char for char in run if char not in JOINS), lambda char: unicodedata.category(char)[0] in "LM")
    return "".join(f"[{_letters([*chars]) if letters else _names([*chars])}]" for letters, chars in kinds)


def _letters(chars: list[str]) -> str:
    kind = unicodedata.name(chars[0], "unnamed").split()[0].title()
    return f"{len(chars)} {kind if kind != 'Cjk' else 'CJK'} characters" if len(chars) > 1 else f"1 {kind} character"


def _names(chars: list[str]) -> str:
    names = [unicodedata.name(char, f"U+{ord(char):04X}").lower() for char in chars[:5]]
    return ", ".join(names) + (f" and {len(chars) - 5} more" if len(chars) > 5 else "")


def _piece(block: Block, shown: Callable[[str], str]) -> dict[str, Any]:
    """A piece as the template takes it."""
    if isinstance(block, Heading):
        return {"kind": "heading", "level": block.level, "text": shown(block.text)}
    if isinstance(block, Paragraph):
        return {"kind": "paragraph", "spans": _spans(block.spans, shown)}
    if isinstance(block, Bullets):
        return {"kind": "list", "items": [_spans(item, shown) for item in block.items]}
    if isinstance(block, Table):
        rows = [[_spans(spans(cell), shown) for cell in row] for row in block.rows]
        return {"kind": "table", "heads": [shown(head) for head in block.heads], "wide": block.wide, "rows": rows}
    return _picture(block, shown)


def _spans(items: Iterable[Span], shown: Callable[[str], str]) -> list[dict[str, str]]:
    return [_span(item, shown) for item in items]


def _span(item: Span, shown: Callable[[str], str]) -> dict[str, str]:
    if isinstance(item, Link):
        return {"kind": "link", "text": item.url}
    return (
        {"kind": "quote", "text": shown(item.text)} if isinstance(item, Quote) else {"kind": "own", "text": shown(item)}
    )


def _picture(picture: Picture, shown: Callable[[str], str]) -> dict[str, Any]:
    lanes = [{"name": shown(lane.name), "bars": lane.bars, "marks": lane.marks} for lane in picture.lanes]
    return {"kind": "picture", "alt": shown(picture.alt), "lanes": lanes, "ticks": picture.ticks}
