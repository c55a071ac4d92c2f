"""Styled letters of every kind are found; the letters, marks and signs that languages write with are not."""

from __future__ import annotations

import pytest

from tests.policy.support import quotes

STYLED = (
    *(
        "𝗣𝗼𝗼𝗹 𝗱𝗮𝘆",
        "𝒥𝒶𝓏𝓏",
        "ℙ𝕝𝕒𝕟𝕠",
        "ℱ𝓇𝑒𝑒",
        "𝟐𝟎𝟐𝟔",
        "ＦＲＥＥ",
        "ⓅⓁⒶⓃⓄ",
        "Ⓕ Ⓡ Ⓔ Ⓔ",
        "🅵🆁🅴🅴",
        "🅕🅡🅔🅔",
        "🄵🅁🄴🄴",
        "🄕🄡🄔🄔",
        "⒲⒜⒭⒨",
    ),
    *("sᴏʟᴅ", "ꜰʀᴇᴇ ᴄᴏꜰꜰᴇᴇ", "ˢᵉᵃ", "ₛₑₐ", "ᴾᴬᴿᴷ", "ǝǝɹɟ", "uʍop ǝpᴉsdn", "ƨɘlɿɘɘ"),
    *("F̶R̶E̶E̶", "f̲r̲e̲e̲", "f͟r͟e͟e͟", "F⃣ R⃣ E⃣ E⃣", "F⃝r⃝e⃝e⃝", "Z̸̡̛a̴̢͝l̷̨͐g̶̛͝o", "f̾r̾e̾e̾"),
    *("🇫 🇷 🇪 🇪", "🇵🇱🇦🇳🇴", "🇭🇪🇱🇱🇴", "ᏢᎯᎡᏦ", "ꮪꭺꮮꭼ", "ꓑꓮꓣꓗ", "ᗰᑌᔕIᑕ", "ᗩᒪᒪ", "卂乃匚ᗪ"),
    *(
        "рark",
        "ραɾƙ",
        "мυѕιc",
        "ΛPPLY",
        "тнιѕ",
        "єครץ",
        "ⲣⲁrk",
        "քǟʀӄ",
        "ʄʀɛɛ",
        "ɱųʂıƈ",
        "₣ⱤɆɆ",
        "₱arty",
        "∑ALE",
        "⠏⠁⠗⠅",
    ),
)
SIGNS = "₣₱∑"
"""Among letters, these alone are quoted."""
WRITTEN = (
    *(
        "Café, jalapeño, façade, São Paulo, Dvořák, Łódź, Þór, İstanbul, Ștefan, Čeština",
        "re\u0301sume\u0301 e\u0301e\u0301e\u0301",
    ),
    *(
        "Chào mừng đến với thư viện, phở",
        "Thu\u031b vie\u0323\u0302n",
        "Hawaiʻi, Diné Bizaad, Tłı̨chǫ",
        "Azərbaycan, Bəxtiyar",
    ),
    *(
        "Àwọn ọ̀rọ̀ Yorùbá, Ẹ̀kọ́",
        "Hausa ƙasa, ɗan; Ewe ŋkɔ, ƒe ɖe; Akan ɛyɛ",
        "Добро пожаловать",
        "Καλώς ήρθατε, ΔΣΘ, ΑΚΑ",
    ),
    *(
        "Plano市的公园",
        "図書館はＮＨＫホールです。",
        "도서관 Plano에서",
        "مرحبا بكم في Plano",
        "שלום Plano",
        "ที่Plano",
        "नमस्ते Plano",
        "ᏣᎳᎩ, ᎣᏏᏲ",
    ),
    *(
        "ᐃᓄᒃᑎᑐᑦ",
        "Հայերեն, გამარჯობა, ወደ ቤተ",
        "Coit is said /kɔɪt/, Plano [ˈpleɪnoʊ].",
        "5 μm, kΩ, ΔT, 10 µg",
        "10 m², H₂O, 1ª, zⁿ",
    ),
    *(
        "№5 ™ ® ℃ ½ Ⅳ ₹100 €5 ₱ 20, ∑ = 5, A ∩ B, ∞",
        "①②③ 1️⃣ 2️⃣",
        "🇺🇸🇲🇽🇨🇦 🇺🇸 🇲🇽",
        "🅿️ here, Ⓜ️ there, ℹ️ Info, 🆘 🆓",
        "👨‍👩‍👧‍👦 🏳️‍🌈",
        "IT-специалист",
    ),
)


@pytest.mark.parametrize("styled", STYLED)
def test_letters_that_no_screen_reader_reads_are_found(styled: str) -> None:
    """CT-3"""
    (quote,) = quotes(f"Come and see: {styled} on Saturday, at 10 a.m.", "fancy_letters")
    assert quote.strip().startswith(styled[:1])
    assert len(quote.strip()) >= (1 if styled[0] in SIGNS else len(styled) - 1)


@pytest.mark.parametrize("text", WRITTEN)
def test_what_languages_write_with_is_left_alone(text: str) -> None:
    """CT-5"""
    assert quotes(f"Come and see: {text} on Saturday.", "fancy_letters") == []
