"""Slips of spelling and faults of grammar, and what only looks like them: names, compounds, other spellings and languages."""

from __future__ import annotations

import pytest

from policy.slips import is_slip, is_typo, is_variant
from tests.policy.support import quotes

KNOWN = frozenset(
    "splash water slide new paper clock play yard cuddle color meter traveling realize city mascot back ground".split()  # noqa: SIM905
)


@pytest.mark.parametrize(
    ("text", "slip"),
    [
        ("The recreaton center is open.", "recreaton"),
        ("Recieve alerts by text.", "Recieve"),
        ("We apreciate your patience, becuase of rain.", "apreciate"),
        ("Volunteers planted a hundered trees.", "hundered"),
        ("Offices close for Thanksgivng.", "Thanksgivng"),
        ("Bring a carefull eye, allways.", "allways"),
        ("The newpaper says so.", "newpaper"),
        ("A self-adressed card is enough.", "adressed"),
    ],
)
def test_a_slip_is_found(text: str, slip: str) -> None:
    """CT-4"""
    assert slip in quotes(text, "spelling")


@pytest.mark.parametrize(
    "text",
    [
        "Eastgate High's team won. Hagerty spoke first; Brannon, Mrs. Oakes and Lt. Vernava came later.",
        "The clockmaker retimed it. Slackers and cuddlers meet at the waterslide, the playscapes and the walkups.",
        "Rowing was cancelled at the theatre; the colour of the fibre catalogues is travelling grey.",
        "Try carnitas, baile and ceviche. ¿Perdió a su mascota? Visit the shelter. Realismo is the theme.",
        "We're swingin' and singin' at the co-ed sock hop.",
        "Rewilding, bioretention and microsurfacing are on the permittees' list.",
    ],
)
def test_a_word_that_no_dictionary_has_is_no_slip(text: str) -> None:
    """CT-5"""
    assert quotes(text, "spelling") == []


def test_a_long_text_is_cut_at_the_end_of_a_word() -> None:
    """CT-5"""
    assert quotes("Swept on the second Wednesday of the month. " * 600, "spelling") == []


def test_a_compound_is_a_slip_only_where_a_hand_slips_in_short_words() -> None:
    """CT-4"""
    assert is_typo("newpaper", "newspaper")
    assert is_slip("newpaper", "newspaper", KNOWN.__contains__)
    assert not is_slip("waterslide", "waterside", KNOWN.__contains__)
    assert not is_slip("clockpaper", "clipper", KNOWN.__contains__)
    assert is_slip("backround", "background", KNOWN.__contains__)
    assert [
        word
        for word in ("colour", "metre", "travelling", "realise", "mascota", "cuddlers", "yards")
        if is_variant(word, KNOWN.__contains__)
    ] == [*("colour", "metre", "travelling", "realise", "mascota", "cuddlers", "yards")]
    assert not is_variant("citys", KNOWN.__contains__)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("The lights on Main Street is out.", "is"),
        ("Each of the lamps on the pier have a plate.", "have"),
        ("The box of donated toys have been picked up.", "have"),
        ("Firefighters was able to save it.", "was"),
        ("Everyone are invited. The bus don't stop here.", "are"),
        ("There is three ways to pay.", "three ways"),
        ("Two new park opened last year.", "park"),
        ("If your riding the last ferry, be early.", "your"),
        ("The mayor and the council is meeting.", "is"),
        ("Residents should of called. We seen six foxes.", "of"),
        ("Drivers must came to a stop. It has went well.", "came"),
        ("We look forward to see you.", "see"),
        ("Come visit are new library.", "are"),
        ("We except cash. Please be quite. Let us no if you can.", "except"),
        ("Them trees need water. Me and the mayor will cut it.", "Them"),
        ("Its to hot to play. Bring you're own chair. Take you time.", "to"),
        ("It is open everyday in June, from 9 and 5.", "everyday"),
        ("Dog's are welcome. Please bring less bags.", "Dog's"),
    ],
)
def test_a_plain_fault_is_found(text: str, fault: str) -> None:
    """CT-4"""
    assert fault in quotes(text, "grammar")


@pytest.mark.parametrize(
    "text",
    [
        "Ten dollars is the fee. Five miles is the course. The series of talks is over. The news is good.",
        "Inspector Flores has retired. Jones is back. Our Fourth of July fireworks are tonight.",
        "A number of visitors have asked. One of the oldest houses in the county is open. Neither gate is open.",
        "World War I nurses from this county are honored. Proposition A asks for streets.",
        "Our botanist will look at your patient, make a diagnosis and send it home. You need a can opener.",
        "This event will include a parade. The older you are, the better. If it were colder, we would skate.",
        "Your being here helps. Its days are numbered. Let's go; the lake lets swimmers in.",
        "Habrá cortes de agua por el cambio de válvulas en la estación.",
        "Loose dogs are taken in. Everyday items are on sale. In the past, this was a farm. Weather permitting, we skate.",
    ],
)
def test_a_sentence_without_fault_is_left_alone(text: str) -> None:
    """CT-5"""
    assert quotes(text, "grammar") == []
