from __future__ import annotations

from tests.scheduler.conftest import hands

__all__ = ["hands"]
