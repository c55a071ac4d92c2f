"""What an after-action report asks of whom, until when."""

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Filled by the change that brings these tables."""
