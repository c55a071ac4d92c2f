"""Failpoints that are off cost a publish nothing that could be felt."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.failpoint import cost
from tests.support.city import CHECKOUT

STEPS = 24
"""More than one publish comes by."""
SHARE = 0.02
"""Of a publish's time; measured at about a thousandth."""


def test_the_steps_of_a_publish_are_no_part_of_its_time_worth_naming(tmp_path: Path) -> None:
    """Both measured here: a slow machine is slow for both."""
    assert cost.step_ns() * STEPS / 1000 < SHARE * cost._publish_us(CHECKOUT)


def test_the_product_without_its_steps_is_the_same_program(tmp_path: Path) -> None:
    """What the comparison runs against still publishes, and has no step left."""
    assert cost.copy_without(tmp_path) >= 20
    assert not any("failpoint.step(" in file.read_text() for file in tmp_path.rglob("*.py"))
    assert cost._publish_us(tmp_path) > 0


def test_a_stop_pays_nothing_for_failpoints_but_one_small_module() -> None:
    """What the registry needs to be read is not loaded while they are off."""
    code = f"import sys; sys.path.insert(0, {str(CHECKOUT)!r}); from config import failpoint; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    assert "config.failpoint" in ran.stdout.split()
    assert not {"tomllib", "importlib.resources"} & set(ran.stdout.split())
