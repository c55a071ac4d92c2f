"""What each character of a text is to a screen reader, as one sign per character, from what Unicode says of it."""

from __future__ import annotations

import unicodedata

PLAIN, RARE, STYLED, ENCLOSED, WIDE, RAISED, SHAPED = "aiMeWrs"
"""A Latin letter; one of phonetics; mathematical; in a frame or from formulas; wide; raised or lowered; small or turned."""
GREEK, CYRILLIC, ARMENIAN, OLD, LOOK_ALIKE, SYLLABIC, EAST_ASIAN, OTHER = "gyhwckjx"
"""Letters of other scripts; `LOOK_ALIKE` those of Cherokee and Canadian syllabics that look Latin, `SYLLABIC` their others."""
OVERLAY, MARK, FLAG, NOTHING, BLANK, SIGN = "mnR~ ."
"""A line through or a frame around the letter before; another mark; half a flag; nothing seen; a blank; anything else."""

_OVERLAYS = frozenset(
    "\u0305\u0332\u0333\u0334\u0335\u0336\u0337\u0338\u033f\u0347\u035e\u035f\u0360\u0361\u0362\u0488\u0489"
)
_TAGS = {"<font>": ENCLOSED, "<circle>": ENCLOSED, "<square>": ENCLOSED, "<compat>": ENCLOSED, "<wide>": WIDE}
_RAISED_TAGS = ("<super>", "<sub>")
_MATHEMATICAL = range(0x1D400, 0x1D800)
_SHAPES = ("SMALL CAPITAL", "TURNED", "REVERSED", "SIDEWAYS", "INVERTED")
_ROUND = ("CIRCLED LATIN", "SQUARED LATIN")
_ORTHOGRAPHIC = frozenset("ɓɖɗəɛɔɣɨɩɲʉʊʋɑƒƙƴƁƊƐƔƖƘƝƳƆƉƑ")
"""Of the letters of phonetics, those that languages write with."""
_PHONETIC = (
    range(0x250, 0x2B0),
    range(0x1D00, 0x1DC0),
    range(0x2C60, 0x2C80),
    range(0xA720, 0xA800),
    range(0xAB30, 0xAB70),
)
_HOOKED = ("WITH HOOK", "WITH TOPBAR", "WITH LEFT HOOK", "WITH LONG RIGHT LEG")
_USED_AS_LETTERS = frozenset("₠₡₢₣₤₥₦₧₨₩₪₫₭₮₯₰₱₲₳₴₵₸₹₺₽₿฿∀∂∃∈∋∏∑√∩∪∧∨⊂⊃⊕⊙")
"""Signs of money and mathematics that stand for letters where they stand beside some; braille does wherever it stands."""
_BRAILLE = range(0x2801, 0x2900)
_IS_A_SIGN = frozenset("ªºℹℓµ")
_SCRIPTS = {
    "LATIN": PLAIN, "GREEK": GREEK, "CYRILLIC": CYRILLIC, "ARMENIAN": ARMENIAN, "CHEROKEE": SYLLABIC, "CANADIAN": SYLLABIC,
    "LISU": ENCLOSED, "CJK": EAST_ASIAN, "HIRAGANA": EAST_ASIAN, "KATAKANA": EAST_ASIAN, "HANGUL": EAST_ASIAN,
    "BOPOMOFO": EAST_ASIAN, "IDEOGRAPHIC": EAST_ASIAN, "HALFWIDTH": EAST_ASIAN, "KATAKANA-HIRAGANA": EAST_ASIAN,
    "COPTIC": OLD, "GEORGIAN": OLD, "RUNIC": OLD, "OGHAM": OLD, "TIFINAGH": OLD, "GOTHIC": OLD, "DESERET": OLD, "OLD": OLD,
    "VAI": OLD, "YI": OLD, "ETHIOPIC": OLD, "GLAGOLITIC": OLD, "CARIAN": OLD, "LYCIAN": OLD, "LYDIAN": OLD,
}  # fmt: skip
_LOOK_ALIKES = frozenset("ᎠᎡᎢᎥᎧᎩᎪᎫᎬᎯᎳᎷᎻᎽᎾᏀᏂᏃᏄᏉᏌᏎᏏᏒᏔᏕᏖᏗᏙᏚᏛᏞᏟᏢᏦᏧᏬᏳᏴᐯᐱᑌᑎᑕᑢᑫᑭᒍᒎᒥᒪᓄᔕᕮᕼᖇᖴᖶᗅᗝᗞᗩᗪᗯᗰᗴᗷᘔᘿ᙭")


def kinds(text: str) -> str:
    """The kind of each character of `text`."""
    return text.translate(_TABLE)


class _Kinds(dict[int, str]):
    """Code point → kind; filled as characters come."""

    def __missing__(self, point: int) -> str:
        self[point] = found = _kind(chr(point))
        return found


def _kind(char: str) -> str:
    category = unicodedata.category(char)
    if category[0] == "Z" or char in "\t\n\r":
        return BLANK
    if category == "Cf" or "\ufe00" <= char <= "\ufe0f":
        return NOTHING
    if category[0] == "M":
        return OVERLAY if char in _OVERLAYS or "\u20d0" <= char <= "\u20f0" else MARK
    if char in _USED_AS_LETTERS or ord(char) in _BRAILLE:
        return ENCLOSED
    if category[0] not in "LSN" or char in _IS_A_SIGN:
        return SIGN
    return _letter(char, unicodedata.name(char, ""))


def _letter(char: str, name: str) -> str:
    if name.startswith("REGIONAL INDICATOR"):
        return FLAG
    if ord(char) in _MATHEMATICAL:
        return STYLED
    if any(words in name for words in _ROUND):
        return ENCLOSED
    return _dressed(char) or _of_script(unicodedata.normalize("NFC", char), name)


def _dressed(char: str) -> str:
    """The kind of a letter that stands for a plain one; nothing for others."""
    tag = unicodedata.decomposition(char).partition(" ")[0]
    plain = unicodedata.normalize("NFKC", char).strip("()")
    if len(plain) != 1 or not plain.isalpha() or not tag.startswith("<"):
        return ""
    if tag in _RAISED_TAGS:
        return RAISED
    return _TAGS.get(tag, "") if plain.isascii() else ""


def _of_script(char: str, name: str) -> str:
    if not char[0].isalpha():
        return SIGN
    if char.upper() in _LOOK_ALIKES:
        return LOOK_ALIKE
    kind = _SCRIPTS.get(unicodedata.name(char[0], "").partition(" ")[0], OTHER)
    if kind == PLAIN or name.startswith("TURNED"):
        return _latin(char, name)
    return SIGN if kind == OTHER and unicodedata.category(char[0]) == "Lm" else kind


def _latin(char: str, name: str) -> str:
    if char in _ORTHOGRAPHIC:
        return PLAIN
    if any(shape in name for shape in _SHAPES) and "BREVE" not in name:
        return SHAPED
    phonetic = any(ord(char[0]) in block for block in _PHONETIC) or any(hook in name for hook in _HOOKED)
    return RARE if phonetic else PLAIN


_TABLE = _Kinds()
