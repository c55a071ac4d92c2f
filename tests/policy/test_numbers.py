"""Social security numbers and payment cards in every usual spelling, and the numbers of a city that are neither."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import luhn

from policy.post import Media
from tests.policy.support import found, quotes

SIGNS = st.sampled_from(["-", " ", ".", "/", "–", "\u2011", " - ", "\u00a0", "-\u200b", "\u2060-"])
ZEROS = (0x30, 0xFF10, 0x660, 0x966, 0x1D7CE, 0x1D7D8, 0x1D7F6)
"""The zero of several scripts, fullwidth and mathematical digits among them."""
INVISIBLE = st.sampled_from(
    ["", "", "\u200b", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u202e", "\u0301", "\ufe0f", "\u20e3"]
)
AREAS = st.from_regex(r"[1-8][0-9]{2}", fullmatch=True)
CARDS = st.from_regex(r"4[0-9]{14}|5[1-5][0-9]{13}|3[47][0-9]{12}", fullmatch=True)
"""All digits of a card but the last."""
QUICK = settings(max_examples=60, deadline=None)


def _spelled(digits: str, zero: int) -> str:
    return "".join(chr(zero + int(digit)) for digit in digits)


@QUICK
@given(
    st.from_regex(r"[1-8][0-9]{2}", fullmatch=True),
    st.integers(1, 99),
    st.integers(1, 9999),
    SIGNS,
    st.sampled_from(ZEROS),
    INVISIBLE,
)
def test_a_social_security_number_is_found_however_it_is_spelled(
    area: str, group: int, serial: int, sign: str, zero: int, unseen: str
) -> None:
    """CT-3: fullwidth and other scripts' digits, any dash, and what nobody sees between the digits."""
    parts = (area, f"{group:02}", f"{serial:04}")
    number = sign.join(unseen.join(_spelled(part, zero)) for part in parts)
    (finding,) = found(f"Her number is {number}, she said.", "ssn")
    assert finding.quote.rstrip(unseen or "x") == number.rstrip(unseen or "x")
    assert finding.level == "block"


@pytest.mark.parametrize(
    "text",
    [
        "SSN 078051120",
        "social security number: 078 051 120",
        "his SSN (078051120)",
        "Social Security no. 0 7 8 0 5 1 1 2 0",
        "SSN#078-05-1120",
        "ssn:078051120.",
        "078051120 is the SSN we have",
        "O78-O5-112O",
        "l23-45-6789",
        "１２３－４５－６７８９",
        "123-45-\n6789",
        "123·45·6789",
        "123*45*6789",
        "123--45--6789",
        "(123) 45-6789",
        "123ー45ー6789",
        "123\u3164-45\u2800-\u115f6789",
    ],
)
def test_a_social_security_number_is_found_by_the_words_beside_it_or_behind_letters_that_look_alike(text: str) -> None:
    """CT-3"""
    assert len(quotes(text, "ssn")) == 1


@pytest.mark.parametrize(
    "text",
    [
        "Call 972-941-7000 or (972) 941-7124.",
        "Plano, TX 75086-1990",
        "Social Security staff will be at 401 W. 16th Street, Plano, TX 75075-4021.",
        "Permit BLD-2025-004512, case 2025-018, parcel R-2211-00A-0010-1",
        "parcel number 123-45-6789",
        "Between 2026-12-01 and 2026-12-24, 9 a.m.-5 p.m.",
        "Write it as 000-00-0000 on the form.",
        "Dial 9-1-1, 3-1-1 or 8-1-1; 14,000 of 1,120,500 were counted 123456789 times",
        "ISBN 978-0-13-468599-1",
        "Invoice 123-45-6789-001",
        "Bus routes:\n- 123\n- 45\n- 6789",
        "The park is 120*45 feet, 123*45=5535 square feet",
        "Tel. (040) 22 3344",
        "Stops 4001\n4002\n4003\n4004",
    ],
)
def test_a_city_s_other_numbers_are_none(text: str) -> None:
    """CT-5"""
    assert found(text, "ssn", "payment_card") == []


@QUICK
@given(
    st.from_regex(r"4[0-9]{14}|5[1-5][0-9]{13}|3[47][0-9]{12}", fullmatch=True),
    st.sampled_from(["", " ", "-", "\u200b", "\u00a0"]),
    st.sampled_from(ZEROS),
)
def test_a_payment_card_is_found_by_its_check_digit(start: str, sign: str, zero: int) -> None:
    """CT-3: and not when one digit is another."""
    digits = start + luhn.calc_check_digit(start)
    groups = [_spelled(digits[at : at + 4], zero) for at in range(0, len(digits), 4)]
    assert len(quotes(f"Paid with {sign.join(groups)} today.", "payment_card")) == (len(set(digits)) > 1)
    wrong = start + str((int(digits[-1]) + 1) % 10)
    assert quotes(f"Paid with {wrong} today.", "payment_card") == []


def test_a_number_before_a_card_does_not_hide_it() -> None:
    """CT-3"""
    assert quotes("Gate 5 4111 1111 1111 1111 22", "payment_card") == ["4111 1111 1111 1111"]


@pytest.mark.parametrize("sign", ["·", "•", "*", "|", "~", "-\n"])
def test_a_payment_card_is_found_between_other_signs(sign: str) -> None:
    """CT-3"""
    number = sign.join(["4111"] + ["1111"] * 3)
    assert quotes(f"Paid with {number} today.", "payment_card") == [number]


def test_a_library_card_is_no_payment_card() -> None:
    """CT-5"""
    number = "2123400123456"
    assert quotes(f"Library card {number}{luhn.calc_check_digit(number)}", "payment_card") == []


def test_alt_text_and_captions_are_read_as_well() -> None:
    """CT-3"""
    media = (Media("form.png", "A form with 078-05-1120 on it", "4111111111111111 is said", "city"),)
    assert [(f.rule, f.where) for f in found("Look.", "ssn", "payment_card", media=media)] == [
        ("ssn", "alt text of form.png"),
        ("payment_card", "captions of form.png"),
    ]


def test_a_finding_cites_the_clause_and_is_kept_without_the_number() -> None:
    """CT-2"""
    (finding,) = found("It is 078-05-1120.", "ssn")
    assert (finding.quote, finding.start, finding.end) == ("078-05-1120", 6, 17)
    assert finding.clause == "Social Media Policy 135.000, V, information not subject to disclosure"
    assert "078" not in str(finding) + str(finding.as_data())
    assert str(finding).startswith("ssn (block): '•••-••-••20' in the text: take the number out")
