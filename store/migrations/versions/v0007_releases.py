"""Channels that a suspension of more than them has been lifted for."""

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Filled by the change that brings these tables."""
