"""Social security numbers and payment cards, in whatever digits and spelling."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import accumulate

from stdnum import luhn

from policy.finding import Span
from policy.reading import Reading

_SIGN = r"(?: ?(?:-{1,2}\n?|[./_:,]) ?| {1,2})"
"""Between the parts of a number; a line is broken after a hyphen."""
_SSN = re.compile(rf"(?<![0-9])(?<![0-9][-.])([0-9]{{3}}){_SIGN}([0-9]{{2}}){_SIGN}([0-9]{{4}})(?![0-9])(?![-.][0-9])")
_ODD_SIGNS = "·•*|~"
_SPELLED_ODDLY = re.compile(
    rf"(?<![0-9])(?:[0-9]{{3}}(?P<sign>[{_ODD_SIGNS}])[0-9]{{2}}(?P=sign)"
    r"|\([0-9]{3}\)[ -]{0,2}[0-9]{2}-)[0-9]{4}(?![0-9])"
)
_ALIKE = re.compile(r"(?<![0-9a-z])[0-9oil]{3}[- ./][0-9oil]{2}[- ./][0-9oil]{4}(?![0-9a-z])", re.IGNORECASE)
_NINE = re.compile(r"(?<![0-9])[0-9](?:[-. _/:,]{0,3}[0-9]){8}(?![0-9])(?![-.,][0-9])")
_WORTH_A_LOOK = re.compile(r"[0-9oilOIL](?:[^0-9A-Za-z]{0,5}[0-9oilOIL]){8}")
_CARD_SIGNS = rf" ./_{_ODD_SIGNS}-"
_CARD_LIKE = re.compile(rf"[2-6](?:[\n{_CARD_SIGNS}]{{0,3}}[0-9]){{12}}")
"""What most texts do not have: for these, nothing more is asked."""
_ZIP = re.compile(r"[0-9]{5} ?- ?[0-9]{4}")
_CUE = re.compile(
    r"\bssns?|social[ -]*security|\bsoc(?:ial)?\.? sec|\bsocials?\b|\bsoc\b|seguro social|\bss ?(?:#|no\b|nos\b|num)|\bitin\b",
    re.IGNORECASE,
)
_OTHER = re.compile(
    r"\b(?:parcel|permit|case|docket|account|acct|invoice|serial|part|model|claim|bid|contract|ticket|tracking|order|isbn|item|lot)"
    r"(?: (?:no|nos|number|numbers|id|nr|#))?[.:#]? ?#?$",
    re.IGNORECASE,
)
CUE_BEFORE, CUE_AFTER = 60, 30
"""Characters around a number in which words say what it is."""
_GROUP = re.compile(r"[0-9]+")
_CARD_WORDS = re.compile(
    r"\b(?:credit|debit|visa|mastercard|amex|american express|discover|cvv|payment|card)\b", re.IGNORECASE
)
_LIBRARY = re.compile(r"\blibrary cards?\b|\bbarcodes?\b|\btracking\b", re.IGNORECASE)
_CARD_LENGTHS = range(13, 20)
_BRANDS = (
    (re.compile(r"4"), (13, 16, 19)),
    (re.compile(r"5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)"), (16,)),
    (re.compile(r"3[47]"), (15,)),
    (re.compile(r"3(?:0[0-5]|[689])"), (14, 16, 17, 18, 19)),
    (re.compile(r"35"), (16, 17, 18, 19)),
    (re.compile(r"6(?:011|4[4-9]|5)"), (16, 17, 18, 19)),
    (re.compile(r"62|81"), (16, 17, 18, 19)),
    (re.compile(r"50|5[6-9]|6[0137]"), (13, 14, 15, 16, 17, 18, 19)),
)
"""How the issuers' numbers begin, and how long they are."""


def ssn(reading: Reading) -> Iterator[Span]:
    """Social security numbers: by their shape; without it where words beside them say so."""
    plain = reading.skeleton.plain
    if not _WORTH_A_LOOK.search(plain):
        return
    for shape in (_SSN, _SPELLED_ODDLY):
        for found in shape.finditer(plain):
            if _is_ssn(plain, found):
                yield Span(*reading.skeleton.origin(*found.span()))
    for found in _ALIKE.finditer(plain):
        digits = sum(map(str.isdigit, found.group()))
        if 6 <= digits < 9:
            yield Span(*reading.skeleton.origin(*found.span()))
    for found in _NINE.finditer(plain):
        if not _ZIP.fullmatch(found.group()) and not _SSN.fullmatch(found.group()) and _has_cue(plain, *found.span()):
            yield Span(*reading.skeleton.origin(*found.span()))


def _is_ssn(plain: str, found: re.Match[str]) -> bool:
    if _has_cue(plain, *found.span()):
        return True
    before = plain[max(0, found.start() - CUE_BEFORE) : found.start()]
    return all(int(part) for part in _GROUP.findall(found.group())) and not _OTHER.search(before)


def _has_cue(plain: str, start: int, end: int) -> bool:
    before, after = plain[max(0, start - CUE_BEFORE) : start], plain[end : end + CUE_AFTER]
    return bool(_CUE.search(before) or _CUE.search(after)) and not _OTHER.search(before)


def payment_card(reading: Reading) -> Iterator[Span]:
    """Numbers that an issuer of cards may have given, with a right check digit."""
    plain, past = reading.skeleton.plain, 0
    if not _CARD_LIKE.search(plain):
        return
    for groups in _chains(plain):
        for start, end in _windows(plain, groups):
            if start >= past and _is_card(plain, start, end):
                past = end
                yield Span(*reading.skeleton.origin(start, end))


def _chains(plain: str) -> Iterator[list[tuple[int, int]]]:
    """Groups of digits that stand together: only a blank or sign between one and the next."""
    chain: list[tuple[int, int]] = []
    for found in _GROUP.finditer(plain):
        if chain and not _joined(plain[chain[-1][1] : found.start()]):
            yield chain
            chain = []
        chain.append(found.span())
    yield chain


def _joined(between: str) -> bool:
    return len(between) <= 3 and not between.replace("-\n", "-").strip(_CARD_SIGNS)


def _windows(plain: str, groups: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Neighbouring groups that together have as many digits as a card, the longest first."""
    for first, (start, _) in enumerate(groups):
        if plain[start] not in "234568":
            continue
        near = groups[first : first + _CARD_LENGTHS[-1]]
        sizes = accumulate(end - begin for begin, end in near)
        yield from reversed([(start, end) for (_, end), size in zip(near, sizes, strict=True) if size in _CARD_LENGTHS])


def _is_card(plain: str, start: int, end: int) -> bool:
    digits = "".join(_GROUP.findall(plain[start:end]))
    before = plain[max(0, start - CUE_BEFORE) : start]
    if _LIBRARY.search(before) or not luhn.is_valid(digits) or len(set(digits)) == 1:
        return False
    if any(begin.match(digits) and len(digits) in lengths for begin, lengths in _BRANDS):
        return True
    return bool(_CARD_WORDS.search(before))
