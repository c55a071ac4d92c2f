"""What a post says about itself: whose post it shares, and that somebody has looked at that source."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column("post", sa.Column("share_of", sa.String(), server_default=sa.text("''"), nullable=False))
    op.add_column("post", sa.Column("source_checked", sa.Boolean(), server_default=sa.false(), nullable=False))
