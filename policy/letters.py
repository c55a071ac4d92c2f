"""Letters that are no letters: screen readers spell them out, skip them or read nonsense."""

from __future__ import annotations

import re
from collections.abc import Iterator

from policy.finding import Span
from policy.reading import Reading

_MATHEMATICAL = "\U0001d400-\U0001d7ff"
_LETTER_LIKE = "\u210a-\u2113\u2115\u2119-\u211d\u2124\u2128\u212c-\u2134\u2145-\u2149"
_WIDE = "\uff21-\uff3a\uff41-\uff5a"
_ENCLOSED = "\u249c-\u24e9\U0001f110-\U0001f12b\U0001f130-\U0001f149\U0001f150-\U0001f169\U0001f170-\U0001f189"
_SMALL = "\u1d00-\u1d22\u0262\u026a\u0274\u0280\u028f\u0299\u029c\u029f\ua730\ua731\ua7af\u0493\u01eb"
_TURNED = "\u0250-\u0252\u0254\u0258\u0259\u025f\u0265\u026f\u0279\u0287\u028c-\u028e\u1d09"
_RAISED = "\u02b0-\u02b8\u02e0-\u02e4\u1d2c-\u1d6a\u2071\u207f\u2090-\u209c"
_ANY = f"[{_MATHEMATICAL}{_LETTER_LIKE}{_WIDE}{_ENCLOSED}{_SMALL}{_TURNED}{_RAISED}]"
_RUN = re.compile(f"{_ANY}(?:{_ANY}|[ ,.'’&!?-]{{1,2}}(?={_ANY})|[sqx](?={_ANY}))*")
_ALONE = re.compile(f"[{_MATHEMATICAL}]")
_LETTER = re.compile(_ANY)
_INSIDE = re.compile(f"[{_ENCLOSED}{_WIDE}](?=[A-Za-z])|(?<=[A-Za-z])[{_ENCLOSED}{_WIDE}]")
_PILED = re.compile("[A-Za-z][\u0300-\u036f\u0489]{3,}")


def fancy_letters(reading: Reading) -> Iterator[Span]:
    """Words in mathematical, wide, enclosed, small or turned letters, or with marks piled on them."""
    if reading.text.isascii():
        return
    for found in _RUN.finditer(reading.text):
        if (
            _ALONE.search(found.group())
            or len(_LETTER.findall(found.group())) > 1
            or _INSIDE.match(reading.text, found.start())
        ):
            yield Span(*found.span())
    yield from (Span(*found.span()) for found in _PILED.finditer(reading.text))
