"""The city's tone, and what people with a screen reader or without sound need."""

from __future__ import annotations

import pytest

from policy.post import Media
from tests.policy.support import found, quotes


@pytest.mark.parametrize(
    ("rule", "text", "expected"),
    [
        ("first_person", "I love this park, and it is mine. Ask me, I’m here.", ["I", "mine", "me", "I’m"]),
        ("first_person", "Come with me and my dog. My dog bites. You and I.", ["me", "my", "My", "I"]),
        ("first_person", '"I love this park," says Maria. We do, too.', []),
        ("first_person", "Phase I ends. Read to Me is back, and My Fair Lady. A salt mine. Oh my!", []),
        ("first_person", "The I-75 ramp, Interstate I and W. I Avenue.", []),
        ("shouting", "FREE HOT DOGS today!!!", ["!!!", "FREE HOT DOGS"]),
        ("shouting", "CLOSED: the SPECTACULAR show at NASA in TX.", ["CLOSED", "SPECTACULAR"]),
        ("acronym", "The MPO meets. Ask FEMA or DART.", ["MPO"]),
        (
            "acronym",
            "The Community Emergency Response Team (CERT) meets; CERT is free. The TIF (tax increment fund).",
            [],
        ),
        ("acronym", "Ask the EOC (open all night).", ["EOC"]),
        ("link_text", "Click here: https://plano.gov. Or bit.ly/3Qz", ["Click here", "bit.ly/3Qz"]),
        ("link_text", "See the map at https://www.plano.gov/trails.", []),
        ("emoji_run", "Kickball ⚽🎉🥳 now. Fine 👍🏽👨‍👩‍👧 here.", ["⚽🎉🥳"]),
        ("emoji_run", "📅 Saturday\n⏰ noon", ["📅", "⏰"]),
        ("hashtag_case", "#planoinbloom #PlanoInBloom #plano #parks", ["#planoinbloom"]),
        ("fancy_letters", "𝗣𝗼𝗼𝗹 𝗱𝗮𝘆 is Ⓒⓗⓘⓛⓓ ᴄʜɪʟɪ Ｂａｇ 🅂plash", ["𝗣𝗼𝗼𝗹 𝗱𝗮𝘆", "Ⓒⓗⓘⓛⓓ ᴄʜɪʟɪ Ｂａｇ 🅂"]),
        ("fancy_letters", "Lot 🅿️, ½ mile, m², 1ˢᵗ? naïve café, Đà Nẵng phở, 漢字, №5 ™", ["ˢᵗ"]),
        ("spelling", "The libary closes in Febuary. Đà Nẵng, Muehlenbeck and pupusas stay.", ["libary", "Febuary"]),
        ("spelling", "Hoy cerramos la calle para el desfile.", []),
        ("grammar", "The crews was out. Your invited to it's the the show.", ["was", "Your", "the the"]),
        ("grammar", "Boots in every size are waiting for you.", []),
        ("grammar", "At 9 a.m. a NASA team flew to Walla Walla. We had had no rain.", []),
    ],
)
def test_how_the_city_does_not_write(rule: str, text: str, expected: list[str]) -> None:
    """CT-4, CT-5"""
    quoted = quotes(text, rule)
    if rule == "grammar" and expected:  # the library may see more than one fault in such a sentence
        quoted = [quote for quote in quoted if quote in expected]
    assert sorted(quoted) == sorted(expected)


def test_media_need_words_captions_and_rights() -> None:
    """CT-3, CT-4: without a word about rights nothing is judged where nobody could have given one."""
    media = (Media("a.png", " ", None, ""), Media("b.mp4", "A swim race", None, "city"), Media("c.png", "Photo."))
    assert [(f.rule, f.level, f.where) for f in found("Look.", media=media)] == [
        ("missing_alt", "block", "alt text of a.png"),
        ("missing_alt", "block", "alt text of c.png"),
        ("captions", "warn", "captions of b.mp4"),
        ("rights", "warn", "rights of a.png"),
    ]


def test_a_share_needs_a_source_that_somebody_checked() -> None:
    """CT-4"""
    assert [f.rule for f in found("Look.", share_of="https://x.com/1")] == ["share_source"]
    assert found("Look.", share_of="https://x.com/1", source_checked=True) == []


def test_a_text_is_as_long_as_its_platform_counts() -> None:
    """CT-3: an address counts 23 on X, a Chinese character two."""
    assert found("a" * 250 + " https://plano.gov/" + "b" * 200, "platform_length", platform="x") == []
    (finding,) = found("漢" * 141, "platform_length", platform="x")
    assert finding.what_to_do == "282 characters as x counts, at most 280: shorten it by 2"
    assert found("漢" * 141, "platform_length", platform="outbox") == []
