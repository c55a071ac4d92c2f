"""KS-22: the report as a tagged PDF (PDF/UA-1): its figures, language, title, structure and the picture's words."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from pypdf import PdfReader
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject

from config import clock
from crisis.report import pdf, picture, sections
from crisis.report.choice import ReportError
from crisis.report.document import Heading, Lane, Picture, Quote, paragraph, table
from crisis.report.moment import Times
from tests.crisis.report import incident
from tests.crisis.report.incident import Incident
from tests.crisis.report.test_markdown import HOSTILE
from tests.scheduler.press import ManualClock, Press

ZONE = Times("America/Chicago")
AT = 1_774_000_000 * clock.SECOND


def _made(press: Press) -> PdfReader:
    report = incident.read(press)
    blocks = sections.document(report, ZONE)
    return PdfReader(io.BytesIO(pdf.of(blocks, sections.title(report), report.exercise, report.made_at)))


def _set(*blocks: Any) -> PdfReader:
    return PdfReader(io.BytesIO(pdf.of(blocks, "T", False, AT)))


def _text(reader: PdfReader) -> str:
    return " ".join(" ".join(page.extract_text() for page in reader.pages).split())


def _root(reader: PdfReader) -> DictionaryObject:
    found = reader.trailer["/Root"]
    assert isinstance(found, DictionaryObject)
    return found


def _elements(node: Any) -> Iterator[DictionaryObject]:
    """Every element of the structure tree."""
    node = node.get_object() if isinstance(node, IndirectObject) else node
    if isinstance(node, ArrayObject):
        for item in node:
            yield from _elements(item)
    elif isinstance(node, DictionaryObject):
        yield node
        yield from _elements(node.get("/K", ArrayObject()))


def _tags(reader: PdfReader) -> list[DictionaryObject]:
    return [element for element in _elements(_root(reader)["/StructTreeRoot"]) if "/S" in element]


def test_it_is_tagged_and_says_the_figures(hands: ManualClock, press: Press) -> None:
    incident.whole(press, hands)
    reader = _made(press)
    root, text = _root(reader), _text(reader)
    assert root["/MarkInfo"]["/Marked"] == True  # noqa: E712  # pypdf's own kind of boolean
    assert root["/Lang"] == "en"
    assert reader.metadata is not None
    assert reader.metadata.title == "After-action report: suspension 1"
    assert b"pdfuaid:part" in reader.trailer["/Root"]["/Metadata"].get_data()
    tags = _tags(reader)
    names = {str(tag["/S"]) for tag in tags}
    assert {"/H1", "/H2", "/Table", "/TH", "/TD", "/Figure"} <= names
    (figure,) = [tag for tag in tags if tag["/S"] == "/Figure"]
    assert "Suspension 1 began" in figure["/Alt"]
    assert "lifted after 8 min 46 s" in figure["/Alt"]
    for words in ("posts held for a person 6", "… still held 3", "the storm has passed", "no such number", "0.25 s"):
        assert words in text
    assert "described in brackets" not in text
    links = [note.get_object()["/A"]["/URI"] for page in reader.pages for note in page.get("/Annots", [])]
    assert set(links) == {"https://example.org/1"}


def test_a_drill_says_exercise_on_every_page_and_row(hands: ManualClock, press: Press) -> None:
    """KS-20."""
    made = Incident(press, hands)
    made.begin(kind="drill")
    made.lift()
    reader = _made(press)
    assert all("EXERCISE" in page.extract_text() for page in reader.pages)
    assert "EXERCISE posts held for a person" in _text(reader)
    assert str(next(tag for tag in _tags(reader) if tag["/S"] == "/Figure")["/Alt"]).startswith("EXERCISE")


@pytest.mark.parametrize("said", HOSTILE)
def test_no_text_breaks_it_or_becomes_markup(said: str) -> None:
    reader = _set(Heading(1, "T"), paragraph("said: ", Quote(said)), table((("a", 1),), [(Quote(said),)]))
    assert len([tag for tag in _tags(reader) if tag["/S"] == "/H1"]) == 1
    assert "said: “" in _text(reader)


@pytest.mark.parametrize(
    "said", ["#set page(width: 1cm)", "$x^2$ @ref <label> = head", "#sys.inputs", "\\ ~ -- ' \" [a] // x"]
)
def test_typst_s_own_marks_are_only_words(said: str) -> None:
    assert said.split()[0] in _text(_set(Heading(1, "T"), paragraph(Quote(said))))


def test_what_cannot_be_drawn_is_described_and_said() -> None:
    """Spanish is drawn; emoji and Chinese are described; nothing fails, and the file says that it did so."""
    text = _text(_set(Heading(1, "T"), paragraph(Quote("¡Cuidado, niños! 🌪️👩‍🚒 洪水警報"))))
    assert "¡Cuidado, niños!" in text
    assert "[cloud with tornado, woman, fire engine]" in text
    assert "[4 CJK characters]" in text
    assert "described in brackets" in text


def test_a_thousand_characters_without_a_shape_cost_no_thousand_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    """typst names them all at once; only what it did not name is tried again."""
    many, tries = "".join(map(chr, range(0x4E00, 0x4E00 + 1000))), list[int]()
    compiled = pdf._Setter._compile
    monkeypatch.setattr(pdf._Setter, "_compile", lambda *rest: (tries.append(1), compiled(*rest))[1])
    assert "[1000 CJK characters]" in _text(_set(Heading(1, "T"), paragraph(Quote(many))))
    assert len(tries) == 2


def test_a_word_longer_than_its_column_is_broken() -> None:
    """Nothing runs out of the page."""
    rows = [("1", Quote("x" * 280), Quote("https://example.org/" + "y" * 250))]
    (page,) = _set(Heading(1, "T"), table((("a", 1), ("b", 1), ("c", 1)), rows)).pages
    ends: list[float] = []
    page.extract_text(
        visitor_text=lambda text, cm, tm, *_: ends.append(tm[4] * cm[0] + cm[4]) if text.strip() else None
    )
    lines = page.extract_text().splitlines()
    assert max(len(line) for line in lines) < 120
    assert "".join("".join(lines).split()).count("x") == 280 + 1  # one in example.org
    assert max(ends) < page.mediabox.width


def test_arabic_is_drawn_or_described() -> None:
    text = _text(_set(Heading(1, "T"), paragraph("then ", Quote("تحذير من الفيضانات"), " end")))
    assert "then" in text
    assert "end" in text


def test_a_typst_that_says_it_otherwise_still_makes_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another version may word its complaint anew: then everything beyond Latin is described."""
    monkeypatch.setattr(pdf, "NO_SHAPE", re.compile("never said"))
    text = _text(_set(Heading(1, "T"), paragraph(Quote("señal 洪水"))))
    assert "señal [2 CJK characters]" in text


def test_a_typst_that_cannot_at_all_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf._Setter, "_compile", _fails)
    with pytest.raises(ReportError, match=r"^typst cannot set the report \(no way.*--format md") as found:
        _set(Heading(1, "T"))
    assert "\n" not in str(found.value)


def _fails(self: Any, *rest: Any) -> bytes:
    raise self.typst.TypstError("no\nway")


def test_without_typst_the_remedy_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(ReportError, match=r"pip install 'standfast\[report\]'"):
        _set(Heading(1, "T"))


def test_the_same_report_makes_the_same_file() -> None:
    blocks = [Heading(1, "T"), paragraph("x")]
    assert pdf.of(blocks, "T", False, AT) == pdf.of(blocks, "T", False, AT)


# --- the picture -----------------------------------------------------------------------------------------------------


def _lane(found: Picture, name: str) -> Lane:
    (lane,) = [lane for lane in found.lanes if lane.name == name]
    return lane


def test_the_picture_of_one_event(press: Press) -> None:
    """A suspension of an instant is no wider than it was, and has a scale all the same."""
    press.lift(press.suspend().suspension)
    found = picture.of(incident.read(press), ZONE)
    (bar,) = _lane(found, "suspension 1").bars
    assert bar[1] - bar[0] <= 20
    assert [where for where, _ in found.ticks] == sorted({where for where, _ in found.ticks})
    assert len(_set(Heading(1, "T"), found).pages) == 1


def test_two_thousand_marks_are_gathered(hands: ManualClock, press: Press) -> None:
    """KS-22: as many marks as fit, which together count all."""
    incident.whole(press, hands)
    report = incident.read(press)
    span = report.end - report.start
    many = [report.start + span * n // 2000 for n in range(2000)]
    found = picture.of(replace(report, marks={"notices": many, "acknowledged": [report.end]}), ZONE)
    marks = _lane(found, "notices").marks
    assert len(marks) <= picture.FULL // picture.STEP
    assert sum(number for _, number in marks) == 2000
    assert all(0 <= where <= picture.FULL for lane in found.lanes for where, _ in lane.marks)
    assert "notices: 2000" in found.alt
    assert len(_set(Heading(1, "T"), found).pages) == 1


def test_many_suspensions_share_lanes(press: Press) -> None:
    for _ in range(15):
        press.lift(press.suspend().suspension)
    found = picture.of(incident.read(press, since=0), ZONE)
    assert len(found.lanes) == picture.MOST_BARS
    assert len(found.lanes[-1].bars) == 8
    assert found.lanes[-1].name == "and 8 more"


def test_one_that_stands_is_drawn_open(hands: ManualClock, press: Press) -> None:
    press.suspend()
    hands.pass_s(7200)
    found = picture.of(incident.read(press), ZONE)
    assert _lane(found, "suspension 1").bars[0][2] is False
    assert "still in force" in found.alt
