"""Letters that are no letters: screen readers spell them out, skip them or read nonsense."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from policy import letter_kinds as kind
from policy.finding import Span
from policy.reading import Reading

_UNUSUAL = re.compile(
    "[^\x00-\u017f\u01a0\u01a1\u01af\u01b0\u0218-\u021b\u02bb\u02bc\u1e00-\u1eff\u2000-\u206f\u20ac\u2103\u2109\u2116"
    "\u2122\u2190-\u21ff\u2300-\u249b\u2500-\u27ff\u2900-\u2bff\u3000-\u303f\ufe0f\U0001f300-\U0001faff]"
)
"""Texts without any of these have nothing to look for: accents, dashes, signs and emoji are none."""
_STYLED = re.compile(r"M+(?:[ .~]{1,2}M+)*")
_FRAMED = re.compile(r"[eW]~?(?: ?[eWM]~?)+|[eW](?=[ai])|(?<=[ai])[eW]")
_RAISED = re.compile(r"r{2,}")
_WORD = re.compile(r"[^ .~R]{2,}")
_STRUCK = re.compile(r"(?:[^ .~Rmn][mn]{0,9}m[mn]{0,9} ?m?){2,}")
_PILED = re.compile(r"[ais][mn]{3,}")
_MARKED = re.compile(r"(?:[ai][mn]+){3,}")
_FLAGS = re.compile(r"R+")
_SOUNDS = re.compile(
    r"(?<!\w)(?:/[^/\n]{0,30}[ˈˌːəæɛɔʃʒθðŋɑ][^/\n]{0,30}/|\[[^\]\n]{0,30}[ˈˌːəæɛɔʃʒθðŋɑ][^\]\n]{0,30}\])"
)
"""How a word is said, in the signs of phonetics between strokes or brackets."""
_UNIT = re.compile(r"[μΔΩπλΣσθαβγ][A-Za-z]{1,2}|[A-Za-z]{1,2}[μΔΩπλΣσθαβγ]")
_APART = frozenset("agyhwckjx")
_NEVER_MIXED = frozenset("gyhwc")
_NEAR = re.compile(r"[ .~]{0,3}")
_REGIONS = (
    "ACADAEAFAGAIALAMAOAQARASATAUAWAXAZBABBBDBEBFBGBHBIBJBLBMBNBOBQBRBSBTBVBWBYBZCACCCDCFCGCHCICKCLCMCNCOCPCRCUCVCWCXCYCZDEDGDJ"
    "DKDMDODZEAECEEEGEHERESETEUFIFJFKFMFOFRGAGBGDGEGFGGGHGIGLGMGNGPGQGRGSGTGUGWGYHKHMHNHRHTHUICIDIEILIMINIOIQIRISITJEJMJOJPKEKGKH"
    "KIKMKNKPKRKWKYKZLALBLCLILKLRLSLTLULVLYMAMCMDMEMFMGMHMKMLMMMNMOMPMQMRMSMTMUMVMWMXMYMZNANCNENFNGNINLNONPNRNUNZOMPAPEPFPGPHPKPL"
    "PMPNPRPSPTPWPYQARERORSRURWSASBSCSDSESGSHSISJSKSLSMSNSOSRSSSTSVSXSYSZTATCTDTFTGTHTJTKTLTMTNTOTRTTTVTWTZUAUGUMUNUSUYUZVAVCVEVG"
    "VIVNVUWFWSXKYEYTZAZMZW"
)
_KNOWN_REGIONS = frozenset(_REGIONS[place : place + 2] for place in range(0, len(_REGIONS), 2))


def fancy_letters(reading: Reading) -> Iterator[Span]:
    """Words in letters other than plain ones: styled, framed, raised, turned, struck through, or of other scripts."""
    if reading.text.isascii() or not _UNUSUAL.search(reading.text):
        return
    text, kinds = reading.text, kind.kinds(reading.text)
    yield from _joined(sorted(_found(text, kinds)), kinds)


def _found(text: str, kinds: str) -> Iterator[tuple[int, int]]:
    for pattern in (_STYLED, _RAISED, _PILED, _STRUCK):
        yield from (found.span() for found in pattern.finditer(kinds))
    yield from (found.span() for found in _FRAMED.finditer(kinds) if not _is_east_asian(found, kinds))
    yield from (found.span() for found in _MARKED.finditer(kinds) if _keeps_marks(text[found.start() : found.end()]))
    yield from (found.span() for found in _FLAGS.finditer(kinds) if not _are_flags(text[found.start() : found.end()]))
    sounds = [found.span() for found in _SOUNDS.finditer(text)]
    for found in _WORD.finditer(kinds):
        start, end = found.span()
        if _is_odd(found.group(), text[start:end]) and not any(first <= start < last for first, last in sounds):
            yield start, end


def _is_odd(kinds: str, word: str) -> bool:
    """True for a word with small capitals or turned letters, of letters that languages do not mix, or only of look-alikes."""
    signs = set(kinds)
    letters = signs & _APART | ({kind.PLAIN} if signs & {kind.RARE} else set())
    if (kind.SHAPED in signs and len(kinds) > 1) or kinds.count(kind.RARE) > 1:
        return True
    if letters == {kind.LOOK_ALIKE}:
        return len(kinds) > 2
    return _is_mixed(letters) and not _UNIT.fullmatch(word)


def _is_mixed(scripts: set[str]) -> bool:
    if scripts == {kind.LOOK_ALIKE, kind.SYLLABIC}:
        return False
    return len(scripts) > 1 and bool(scripts & _NEVER_MIXED or scripts >= {kind.SYLLABIC, kind.PLAIN})


def _is_east_asian(found: re.Match[str], kinds: str) -> bool:
    """True for wide letters beside Chinese or Japanese ones, which are written so."""
    around = kinds[max(0, found.start() - 2) : found.start()] + kinds[found.end() : found.end() + 2]
    return set(found.group()) <= {kind.WIDE, kind.BLANK} and kind.EAST_ASIAN in around


def _keeps_marks(word: str) -> bool:
    """True when the marks do not belong to letters that there are: é is one letter however it is typed."""
    left = unicodedata.normalize("NFC", word)
    return sum(unicodedata.combining(char) > 0 for char in left) > 2


def _are_flags(halves: str) -> bool:
    codes = "".join(chr(ord(half) - 0x1F1E6 + ord("A")) for half in halves)
    return all(codes[place : place + 2] in _KNOWN_REGIONS for place in range(0, len(codes), 2))


def _joined(spans: list[tuple[int, int]], kinds: str) -> Iterator[Span]:
    """The spans, those beside each other as one."""
    last: tuple[int, int] | None = None
    for start, end in spans:
        if last is not None and (start <= last[1] or _NEAR.fullmatch(kinds, last[1], start)):
            last = (last[0], max(end, last[1]))
            continue
        if last is not None:
            yield Span(*last)
        last = (start, end)
    if last is not None:
        yield Span(*last)
