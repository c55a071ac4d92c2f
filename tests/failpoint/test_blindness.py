"""Whether the matrix can see: a design without a part of the protocol must fail in it."""

from __future__ import annotations

import pytest

from tests.failpoint.test_matrix import run
from tests.failpoint.weakened import WEAKENED

FALLS: dict[str, tuple[str, ...]] = {
    "row after the send": ("publish / publish.send.answer:after", "publish / publish.send.write:after@2"),
    "outcome dropped": ("publish / publish.claim.commit:after",),
    "rescue is kind": ("publish / publish.send.answer:after", "publish / publish.record.commit:before"),
    "nobody is rescued": ("publish / publish.authorise.commit:after", "publish / publish.claim.commit:after"),
    "naive restore": ("restored / worker.enrol.lock:before",),
    "catch-up": ("confirm / resume.fence.write:before",),
    "window is woken": ("window comes / keeper.begin.lock:before",),
    "quiet at once": ("standing under stop / publish.send.connect:before",),
}
"""Weakened design → cases of which each must fail, and by which invariant they may."""
INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I7", "I8", "lost")


@pytest.mark.parametrize("weakness", list(WEAKENED))
def test_a_weakened_design_fails_in_the_matrix(pytestconfig: pytest.Config, weakness: str) -> None:
    """Each case of the list is passed by the product itself and failed by the design that lacks a part of it."""
    more = [word for name in FALLS[weakness] for word in ("--case", name)]
    results = run(pytestconfig, "sqlite", "--weakened", weakness, *more)
    assert [item["name"] for item in results if not _broken(item["violations"])] == []


def _broken(violations: list[str]) -> bool:
    return any(line.startswith(INVARIANTS) for line in violations)


def test_every_weakened_design_has_cases_that_catch_it() -> None:
    assert set(FALLS) == set(WEAKENED)
