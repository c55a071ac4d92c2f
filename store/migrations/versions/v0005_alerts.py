"""Alerts that were read, each once, and what became of them."""

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Filled by the change that brings these tables."""
