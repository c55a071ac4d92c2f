"""The model and the real code agree: a short run here; ``python -m tests.oracle`` takes 300 examples on each database."""

from __future__ import annotations

import pytest

from tests.conftest import BOTH
from tests.model import step
from tests.oracle import campaign, probe
from tests.oracle.campaign import Plan
from tests.oracle.rig import STEPS
from tests.support.databases import Databases

SEED = 20261125
NOT_BUILT: frozenset[tuple[str, str]] = frozenset()
"""Actions of the model for which the product has no code yet."""


@pytest.mark.parametrize("database", BOTH)
def test_the_real_code_does_what_the_model_does(databases: Databases, database: str) -> None:
    """I1, I2, I3, I4, I5, I6, I7, I8: publishes, stops, resumes, crashes, lost acknowledgements, outages, restores."""
    report = campaign.run(Plan(database, examples=20, steps=40, seed=SEED), databases)
    assert report.fault == ""
    assert report.steps > 20 * 40 * 0.9
    assert len(report.taken) > 40


def test_the_rig_can_do_all_that_the_model_knows() -> None:
    """An action that the model learns must be learnt by the rig, or be named as not built."""
    assert set(STEPS) == set(step.STEPS) - NOT_BUILT


def test_a_run_that_never_took_an_action_fails(databases: Databases, capsys: pytest.CaptureFixture[str]) -> None:
    """Agreement about what was never tried means nothing."""
    report = campaign.run(Plan("sqlite", examples=2, steps=10, seed=SEED), databases)
    assert report.missing
    assert campaign.verdict([report]) == 1
    assert "NEVER TAKEN" in capsys.readouterr().out


def test_a_seed_repeats_a_run(databases: Databases) -> None:
    """What a summary line names can be looked at again."""
    plan = Plan("sqlite", examples=5, steps=20, seed=SEED)
    first, second = campaign.run(plan, databases), campaign.run(plan, databases)
    assert first.taken == second.taken


def test_what_the_model_forbids_is_asked_too() -> None:
    """The probes: each is one of the actions drawn."""
    assert set(probe.STEPS) == {"claim", "confirm", "rescue", "close", "status"}
