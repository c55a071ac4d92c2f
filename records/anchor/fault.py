"""Why something is not anchored, or an anchor does not hold."""

from __future__ import annotations

from config.fault import Fault


class AnchorError(Fault):
    """One line that says what, which value, and what to do where there is something."""
