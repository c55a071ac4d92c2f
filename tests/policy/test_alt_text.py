"""Alt texts: those that say nothing are as good as none, and a short one that says something passes."""

from __future__ import annotations

import pytest

from policy.post import Media
from tests.policy.support import found

TEXT = "The splash pad opens Saturday. Bring a towel!"


def _is_missing(alt: str, file: str = "splash-pad.jpg") -> bool:
    return [finding.rule for finding in found(TEXT, "missing_alt", media=(Media(file, alt),))] == ["missing_alt"]


@pytest.mark.parametrize(
    "alt",
    [
        *("", " \t", "...", "🎉🎉", "*", "xxx", "asdf", "Fireworks", "#PlanoTX", "https://plano.gov/a.jpg"),
        *(
            "Image",
            "photo of",
            "A picture of an event",
            "Nice graphic",
            "A group of people",
            "No photo description available.",
        ),
        *(
            "IMG_1234",
            "DSC00012.JPG",
            "PXL_20240501_123456789.jpg",
            "Screenshot 2024-05-01 at 10.12.13 AM",
            "final_v2.png",
        ),
        *(
            "splash-pad.jpg",
            "Splash Pad",
            "photo 1 of 3",
            "Untitled design (3)",
            "3f2a9c81-77aa-4b1f",
            "Image of splash-pad.jpg",
        ),
        *(
            "Alt text here",
            "TBD",
            "see caption",
            "Description goes here",
            "N/A",
            "Lorem ipsum dolor sit amet",
            "imagen",
        ),
        *("Photo by Dale Whitcomb", "Courtesy of the county", "© City of Plano", "Photo credit: Dale Whitcomb, Parks"),
        *(TEXT, "the splash pad opens saturday", "Bring a towel"),
    ],
)
def test_an_alt_text_that_says_nothing_is_none(alt: str) -> None:
    """CT-3"""
    assert _is_missing(alt)


@pytest.mark.parametrize(
    "alt",
    [
        *(
            "A dog",
            "Two dogs",
            "The pool.",
            "Plano logo",
            "Map of the detour",
            "A man and a woman",
            "Person with a camera",
        ),
        *(
            "A group of people in a boat",
            "Children run through jets of water",
            "Fuegos artificiales",
            "公园里的孩子们在玩水",
        ),
        *(
            "Flyer: The splash pad opens Saturday",
            "Bring a towel! A boy holds one.",
            "Photo of a red fox on a frosty path",
        ),
        *("By the lake, two ducks sleep", "Chart of lake levels since 2010"),
    ],
)
def test_a_short_alt_text_that_says_something_passes(alt: str) -> None:
    """CT-5"""
    assert not _is_missing(alt)
