"""What a drill measured, and its evidence."""

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Filled by the change that brings these tables."""
