"""The report as Markdown: parsed back by a parser of its own, whatever people and platforms wrote into it."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from config import clock
from crisis.report import markdown, plain, sections
from crisis.report.document import EXERCISE, Block, Bullets, Heading, Link, Paragraph, Quote, Table, link, named, table
from crisis.report.moment import Times, length
from scheduler.killswitch import PLANNED
from store.engine import writing
from store.tables import Person, Post
from tests.crisis.report import incident
from tests.crisis.report.incident import Incident
from tests.scheduler.press import ManualClock, Press

PARSER = MarkdownIt("gfm-like", {"html": True, "linkify": False}).enable(["table", "strikethrough"])
HOSTILE = (
    "plain words, and ``` three ticks ```",
    "a|b\\|c\n\n# heading\n\n* item\n| x | y |\n|---|---|",
    "<script>alert(1)</script><img src=x onerror=y> &lt; &#60;",
    "[link](javascript:alert(1)) ![i](https://evil.example/x.png) <https://evil.example>",
    "\u202e\u2066turned\u2069 \u200b\ufeff hidden \x1b[31m\x07\x00 \u2028\u2029",
    "*_~`*_~` **bold** __x__ ~~gone~~ `",
    "````",
    " leading and trailing ",
    "Árbol caído: ¡cuidado! 洪水警報 تحذير 🌪️👩‍🚒",
    "=====\n-----\n1. one\n> quote\n    code",
    "\\",
    "`",
    "x" * 5000,
)
ANY = st.text(max_size=80) | st.sampled_from(HOSTILE)
OWN = {
    "inline",
    "text",
    "code_inline",
    "softbreak",
    "heading_open",
    "heading_close",
    "paragraph_open",
    "paragraph_close",
}
TABLE = {f"{name}_{end}" for name in ("table", "thead", "tbody", "tr", "th", "td") for end in ("open", "close")}


def _tokens(text: str) -> list[Token]:
    return [own for token in PARSER.parse(text) for own in (token, *(token.children or ()))]


def _rows(tokens: list[Token]) -> int:
    return sum(token.type == "tr_open" for token in tokens)


def _hidden(text: str) -> list[str]:
    """Characters that move a terminal, turn a line or hide."""
    return [c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") and c not in "\n\u200c\u200d"]


def _written(press: Press, zone: str = "America/Chicago") -> tuple[list[Block], str]:
    blocks = sections.document(incident.read(press), Times(zone))
    return blocks, markdown.of(blocks)


def test_it_is_well_formed(hands: ManualClock, press: Press) -> None:
    """KS-22: as many headings, tables and rows as there are pieces, and no markup of any other kind."""
    incident.whole(press, hands)
    blocks, text = _written(press)
    tokens = _tokens(text)
    tables = [block for block in blocks if isinstance(block, Table)]
    assert len(tables) >= 12
    assert sum(token.type == "table_open" for token in tokens) == len(tables)
    assert _rows(tokens) == sum(len(block.rows) + 1 for block in tables)
    assert next(t.content for t in tokens if t.type == "inline") == "After-action report: suspension 1"
    assert sum(t.type == "heading_open" for t in tokens) == sum(isinstance(block, Heading) for block in blocks)
    for words in (
        "the storm has passed",
        "no such number",
        "Mend Dora's number.",
        "https://example.org/1",
        "8 min 46 s",
    ):
        assert words in text
    assert _hidden(text) == []


def test_times_are_the_city_s_with_utc_beside() -> None:
    at = clock.from_datetime(clock.to_datetime(0).replace(year=2026, month=12, day=2, hour=1, minute=2, second=3))
    assert Times("America/Chicago").both(at) == "2026-12-01 19:02:03 (2026-12-02 01:02:03Z)"
    assert Times("Europe/Berlin").both(at) == "2026-12-02 02:02:03 (01:02:03Z)"
    assert Times("UTC").both(None) == "–"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0.00 s"),
        (0.254, "0.25 s"),
        (60, "1 min"),
        (3725, "1 h 2 min"),
        (86400 * 3 + 3600, "3 d 1 h"),
        (7200.5, "2 h"),
    ],
)
def test_lengths_of_time(seconds: float, said: str) -> None:
    assert length(int(seconds * clock.SECOND)) == said


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ANY, min_size=1, max_size=4), ANY, ANY)
def test_no_text_becomes_markup(texts: list[str], name: str, url: str) -> None:
    """Whatever somebody wrote stands in code spans or escaped: the same rows, no link, no emphasis, no HTML, no heading."""
    rows = [(str(n), (named(name), " ", Quote(text)), link(url)) for n, text in enumerate(texts)]
    blocks: list[Block] = [
        Heading(1, "Report"),
        Paragraph(("said: ", Quote(texts[0]), " by ", named(name))),
        table((("a", 1), ("b", 1), ("c", 1)), rows),
        Bullets((("item ", Quote(texts[0])),)),
    ]
    text = markdown.of(blocks)
    tokens = _tokens(text)
    links = {"link_open", "link_close"} if any(isinstance(row[2], Link) for row in rows) else set()
    lists = {f"{kind}_{end}" for kind in ("bullet_list", "list_item") for end in ("open", "close")}
    assert {token.type for token in tokens} <= OWN | TABLE | lists | links | {"text_special"}
    assert _rows(tokens) == len(rows) + 1
    assert sum(token.type == "td_open" for token in tokens) == 3 * len(rows)
    assert sum(token.type == "list_item_open" for token in tokens) == 1
    assert _hidden(text) == []
    for said in (token.content for token in tokens if token.type == "inline"):
        assert "javascript:" not in said or "`" in said


@settings(max_examples=300, deadline=None)
@given(ANY)
def test_a_code_span_says_what_was_written(text: str) -> None:
    """But for what hides, which is spelled out, and the bar, which would end a cell."""
    shown = markdown.quoted(text)
    (code,) = [t.content for t in _tokens(f"x {shown} y") if t.type == "code_inline"] or [None]
    wanted = plain.visible(text).replace("|", "¦")
    assert code is None if not wanted.strip() else code is not None and code.strip(" ") == wanted.strip(" ")


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_our_own_words_are_escaped(text: str) -> None:
    inline = [t.content for t in _tokens(f"x {markdown.escaped(text)} y") if t.type in ("text", "text_special")]
    assert "".join(inline).split() == f"x {plain.visible(text)} y".split()


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "https://a b", "https://x/<y>", "https://x/|", "HTTPS://x", "https://é"]
)
def test_only_a_plain_address_can_be_followed(url: str) -> None:
    assert link(url) == Quote(url)
    assert isinstance(link("https://x.example/i/status/1?a=b"), Link)


def test_hostile_posts_reasons_and_names_break_no_report(hands: ManualClock, press: Press) -> None:
    """Each of them as a post's text, a person's name, a link and the reason for the stop."""
    made = Incident(press, hands)
    made.begin()
    for n, text in enumerate(HOSTILE):
        kept = text.replace("\0", "")
        press.queue(in_s=1 + n / 100, text=kept)
        with writing(press.engine) as session:
            session.add(Person(id=f"p{n}", name=kept[:60], created_at=1))
    press.change(Post, made.posts["escaped"], text=HOSTILE[2])
    hands.pass_s(60)
    made.lift()
    blocks, text = _written(press)
    tables = [block for block in blocks if isinstance(block, Table)]
    assert _rows(_tokens(text)) == sum(len(block.rows) + 1 for block in tables)
    assert {token.type for token in _tokens(text)} & {
        "html_block",
        "html_inline",
        "image",
        "em_open",
        "s_open",
    } == set()
    assert "洪水警報" in text
    assert _hidden(text) == []


def _lines_without_exercise(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip() and EXERCISE not in line]


def test_a_drill_says_exercise_on_every_line(hands: ManualClock, press: Press) -> None:
    """KS-20: but for a table's ruling and the picture's fences, which can hold no word; the twin is a real one."""
    made = Incident(press, hands)
    made.begin(kind="drill")
    made.lift()
    _, text = _written(press)
    assert {line.strip("|-") for line in _lines_without_exercise(text)} <= {"", "```text", "```"}
    assert "This was a drill" in text
    hands.pass_s(1)
    press.suspend()
    assert EXERCISE not in _written(press)[1]


def test_one_that_still_stands_says_so(hands: ManualClock, press: Press) -> None:
    made = Incident(press, hands)
    made.begin()
    _, text = _written(press)
    assert text.startswith("# Interim report: suspension 1\n")
    assert "INTERIM: suspension 1 still stands" in text
    assert "scheduled posts behind the gate now" in text
    made.lift()
    assert "INTERIM" not in _written(press)[1]


def test_what_is_left_out_is_counted(sqlite_press: Press) -> None:
    press = sqlite_press
    number = press.suspend().suspension
    for n in range(130):
        press.queue(in_s=-1, text=f"post {n}")
    press.lift(number)
    _, text = _written(press)
    assert "| posts held for a person" in text
    assert "and 30 more" in text
    assert " 130 " in text


def test_a_planned_window_tells_its_moment(hands: ManualClock, press: Press) -> None:
    press.suspend(kind=PLANNED)
    assert "| planned for" in _written(press)[1]
