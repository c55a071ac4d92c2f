"""Holding statements: blanks are filled once and as they stand, and who forgets one hears its name and how to give it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.x import XConnector
from crisis import plan, statement
from crisis.statement import BLANK, Blank, Statement, StatementError, fill
from tests.crisis import plans

ROAD = Statement(
    "road",
    "A street is closed.",
    {
        "en": ("{place} is closed because of {cause}; use another way.", "{place} is closed."),
        "es": ("{place} está cerrada hasta {until}.",),
    },
    {"place": Blank("where", "Mill Street", 20), "cause": Blank("why", "ice", 10)},
)
GIVEN = {"place": "Mill Street", "cause": "ice", "until": "9"}
SHIPPED = plan.read().statements


def _refused(blanks: dict[str, str], language: str = "en") -> list[str]:
    with pytest.raises(StatementError) as caught:
        fill(ROAD, language, blanks)
    return str(caught.value).splitlines()


def test_the_blanks_are_filled() -> None:
    assert fill(ROAD, "en", GIVEN) == "Mill Street is closed because of ice; use another way."
    assert fill(ROAD, "es", GIVEN) == "Mill Street está cerrada hasta 9."
    assert fill(ROAD, "es", GIVEN | {"place": "  Mill Street \t"}) == "Mill Street está cerrada hasta 9."


def test_the_first_that_fits_is_taken() -> None:
    assert (
        fill(ROAD, "en", GIVEN, lambda text: len(text) <= 54)
        == "Mill Street is closed because of ice; use another way."
    )
    assert fill(ROAD, "en", GIVEN, lambda text: len(text) <= 53) == "Mill Street is closed."
    with pytest.raises(StatementError, match="road in en is too long, filled like this"):
        fill(ROAD, "en", GIVEN, lambda text: len(text) <= 10)


@pytest.mark.parametrize("lacking", [{}, {"cause": ""}, {"cause": " \t "}])
def test_an_unfilled_blank_is_named_with_how_to_give_it(lacking: dict[str, str]) -> None:
    assert _refused({"place": "Mill Street", **lacking}) == [
        "the blank 'cause' of road is not filled: give cause=\"ice\""
    ]


def test_a_blank_that_nobody_describes_is_asked_for_all_the_same() -> None:
    assert _refused({"place": "Mill Street"}, "es") == ["the blank 'until' of road is not filled: give until=\"…\""]


def test_an_unknown_blank_is_named_with_the_nearest() -> None:
    assert _refused(GIVEN | {"plase": "x"}) == ["road has no blank 'plase': did you mean 'place'?"]
    assert _refused(GIVEN | {"\n" * 200: "x"})[0].startswith("road has no blank '\\n\\n")


def test_every_blank_that_is_wrong_is_told_at_once() -> None:
    assert len(_refused({"place": "{cause}", "plase": "x"})) == 3


def test_a_language_that_is_not_there_is_named() -> None:
    assert _refused(GIVEN, "fr") == ["road has no text in 'fr': known are en, es"]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("{until}", "holds a brace ('{until}'): write words only"),
        ("a}", "holds a brace"),
        ("two\nlines", "holds a line break, which cannot be published"),
        ("bell\x07", "holds U+0007, which cannot be published"),
        ("x" * 501, "has 501 characters, more than 500: shorten it"),
    ],
)
def test_what_does_not_belong_into_a_blank_is_refused(value: str, says: str) -> None:
    (fault,) = _refused(GIVEN | {"cause": value})
    assert fault.startswith(f"the blank 'cause' of road {says}")


@given(st.dictionaries(st.sampled_from(["place", "cause", "until"]), st.text(max_size=30)))
def test_what_is_filled_in_never_becomes_a_blank(blanks: dict[str, str]) -> None:
    """Either lines that refuse, or the prepared words with exactly what was given in the places of the blanks."""
    if any(statement._unfilled(ROAD, "en", blanks)) or any(statement._unfit(ROAD, blanks)):
        assert all(len(line) < 300 for line in _refused(blanks))
        return
    filled = fill(ROAD, "en", blanks)
    place, cause = blanks["place"].strip(), blanks["cause"].strip()
    assert filled == place + " is closed because of " + cause + "; use another way."
    assert not BLANK.search(filled)


def test_a_brace_that_came_in_by_another_way_is_put_in_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were braces let pass, they still would not be filled a second time."""
    monkeypatch.setattr(statement, "_unfit", lambda *_: ())
    assert fill(ROAD, "es", GIVEN | {"place": "{until}"}) == "{until} está cerrada hasta 9."


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("name", SHIPPED)
def test_each_shipped_statement_fits_the_shortest_platform(name: str, language: str) -> None:
    """With every blank at its longest: 280 as X counts."""
    longest = {blank: "x" * SHIPPED[name].blanks[blank].longest for blank in SHIPPED[name].blanks}

    def fits(text: str) -> bool:
        return XConnector.length(text).count <= 280

    assert fits(fill(SHIPPED[name], language, longest, fits))
    with pytest.raises(StatementError):
        fill(SHIPPED[name], language, {blank: value * 9 for blank, value in longest.items()}, fits)


@pytest.mark.parametrize("name", SHIPPED)
def test_each_shipped_statement_says_the_same_blanks_in_each_language(name: str) -> None:
    found = SHIPPED[name]
    assert set(found.texts) == {"en", "es"}
    assert set(found.blanks_in("en")) == set(found.blanks_in("es")) == found.blanks.keys()


def test_a_text_of_several_lines_is_read(tmp_path: Path) -> None:
    text = plans.changed(
        ("[blank.place]", '[statement.x]\nabout = "x"\ntext.en = ["one\\ntwo {place}"]\n[blank.place]')
    )
    found = plans.read(tmp_path, text).statements["x"]
    assert fill(found, "en", {"place": "here"}) == "one\ntwo here"
