"""Whatever the text: no crash, no hang, and quotes that stand where they are said to stand."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from config import clock
from policy.catalog import CATALOG
from policy.checks import LANGUAGE, MOST_PER_RULE
from policy.post import Media, Post
from policy.skeleton import Skeleton
from tests.policy.support import found, shipped

PLANE = 0x10000
CHARACTERS = st.one_of(
    *(st.characters(min_codepoint=n * PLANE, max_codepoint=n * PLANE + PLANE - 1) for n in range(17))
)
PIECES = st.one_of(
    CHARACTERS,
    st.sampled_from(
        [
            "078-05-1120",
            "4111 1111 1111 1111",
            "I ",
            "#cityofplano",
            "\u202e",
            "\u200d",
            "\u0301" * 5,
            "f.u.c.k",
            "!!!",
            "🎉",
        ]
    ),
    st.sampled_from(
        ["\x00", "\x1b", "\ud800", "\udfff", "\uffff", "o", "О", "l", "１", "٣", "http://", "a.b.", "@", '"', "“"]
    ),
)
HUNDRED_KB = 100_000
SLOWEST_S = 15.0
"""A hundred kilobytes by every check; a pattern that goes back and forth takes hours."""
PATTERNS = (
    *("a", "1", "1 ", "4 ", "4", "-", "0-", "1-1", "I ", "A", "AB ", "A, ", "!", "!?", "?", "#", "#a", "@", "@a"),
    *(".", "a.", "a.b", "http://", "www.", "\n", " ", "(", "((", '"', "“", "f ", "f.", "$", "*", "f*", "s!", "🎉"),
    *("\U0001f389\u200d", "́", "é", "\u200b", "\u202e", "𝗮", "𝗮 ", "Ⓐ", "my ", "the ", "of the parks "),
    *("Vote for A ", "# ", "5 % ", "sue ", "the city's attorney ", "078-05-", "078-05-1120", "O", "l", "１", "١", "ﷺ"),
    *("漢", "a\n", "\U0001f389\n", "a'", "I'", "[", "%", "word ", "Word ", "WORD ", "ssn ", "ssn 1", "\ud800", "\x00"),
    *(
        "a\u0336",
        "\u0336",
        "Ⓐ ",
        "Ａ",
        "ᵃ",
        "ᴀ",
        "ʇ ",
        "Ꮋ",
        "ᗩ",
        "рa",
        "\U0001f1eb",
        "\U0001f1eb ",
        "/ə",
        "[ə",
        "μ",
        "ﬁ",
        "ɱ",
    ),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, max_size=60).map("".join))
def test_any_text_is_read_and_every_quote_stands_in_it(text: str) -> None:
    """CT-3, CT-4: every plane, control characters, halves of pairs, marks that turn the text."""
    media = (Media("a.png", text, None, ""), Media("b.mp4", "", text))
    places = {"text": text, "alt text of a.png": text, "captions of b.mp4": text}
    for finding in shipped().run(Post(text, "x", media, "https://x.com/1")):
        assert places.get(finding.where, "")[finding.start : finding.end] == finding.quote
        assert finding.rule in CATALOG
        assert str(finding)


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECES, max_size=40).map("".join))
@example("`\U00010000")
def test_a_skeleton_leads_back_to_its_text(text: str) -> None:
    """CT-3"""
    skeleton = Skeleton(text)
    for place in range(len(skeleton.plain)):
        start, end = skeleton.origin(place, place + 1)
        assert 0 <= start < end <= len(text)
        assert skeleton.plain[place] in Skeleton(text[start:end]).plain


@pytest.mark.parametrize("piece", PATTERNS)
def test_a_hundred_kilobytes_of_anything_are_read_in_seconds(piece: str) -> None:
    """CT-3: no pattern goes back and forth."""
    text = (piece * HUNDRED_KB)[:HUNDRED_KB]
    start = clock.boot_s()
    many = found(text, *(rule for rule in CATALOG if rule not in LANGUAGE))
    assert clock.boot_s() - start < SLOWEST_S
    assert len(many) <= MOST_PER_RULE * len(CATALOG)


def test_the_language_of_a_hundred_kilobytes_is_read_in_seconds() -> None:
    """CT-4: of a text that long, the beginning is read."""
    start = clock.boot_s()
    found("The crews was out, teh libary is closed. " * 2500, *LANGUAGE)
    assert clock.boot_s() - start < SLOWEST_S
