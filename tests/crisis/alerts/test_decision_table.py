"""The decision table: real documents through parser and decision, and what people are told."""

from __future__ import annotations

from collections import Counter

import pytest

from crisis.alerts.alert import AlertError
from crisis.alerts.verdict import ACTS
from tests.crisis.alerts import cases
from tests.crisis.alerts.build import decided
from tests.crisis.alerts.cases import Case


def _ids(table: list[Case]) -> list[str]:
    return [case.name.replace(" ", "-") for case in table]


DECIDED = [case for case in cases.TABLE if case.kind != cases.REFUSED]
REFUSED = [case for case in cases.TABLE if case.kind == cases.REFUSED]


@pytest.mark.parametrize("case", DECIDED, ids=_ids(DECIDED))
def test_an_alert_comes_to_what_the_table_says(case: Case) -> None:
    """KS-24: suggested by default, held by whitelist alone, tests recognised, references followed, nothing lifted."""
    made = decided(case.document, case.by, case.before)
    assert (made.kind.value, made.mark, made.scopes) == (case.kind, case.mark, case.scopes)
    assert case.says in " | ".join(made.reasons)
    assert case.doubt in " | ".join(made.doubts) if case.doubt else not made.doubts
    assert made.reasons
    assert all(line == line.strip() and "\n" not in line for line in (*made.reasons, *made.doubts))


@pytest.mark.parametrize("case", DECIDED, ids=_ids(DECIDED))
def test_what_came_before_changes_nothing_a_second_time(case: Case) -> None:
    """KS-24: idempotent: whatever an alert came to, the same alert again tells nobody and holds nothing."""
    made = decided(case.document, case.by, (*case.before, case.document))
    assert (made.kind.value, made.scopes, made.again) == ("ignore", (), True)


@pytest.mark.parametrize("case", REFUSED, ids=_ids(REFUSED))
def test_what_is_no_alert_is_one_line(case: Case) -> None:
    """KS-24, SE-4: an oversized body, a document type, another version or a false value is refused in one line."""
    with pytest.raises(AlertError) as caught:
        decided(case.document)
    assert case.says in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert str(caught.value).startswith("alert.xml:")


def test_the_table_is_large_and_knows_every_outcome() -> None:
    """KS-24: at least thirty cases, each named once, and each outcome more than once."""
    counted = Counter(case.kind for case in cases.TABLE)
    assert len(cases.TABLE) == len({case.name for case in cases.TABLE}) >= 45
    assert set(counted) == {"ignore", "note", "suggest", "hold", "refused"}
    assert min(counted.values()) >= 3


def test_nothing_but_an_unmarked_undoubted_whitelisted_alert_is_held() -> None:
    """KS-24: what every decision of the table has in common, whatever its row says."""
    for case in DECIDED:
        made = decided(case.document, case.by, case.before)
        if made.kind == "hold":
            assert case.by.holds, case.name
            assert not made.doubts, case.name
            assert not made.mark, case.name
        assert bool(made.scopes) == (made.kind == "hold"), case.name
        assert made.kind not in ACTS or made.mark not in ("TEST", "EXERCISE"), case.name
