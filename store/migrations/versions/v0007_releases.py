"""Channels that a suspension of more than them has been lifted for."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "suspension_release",
        sa.Column("suspension_id", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("suspension_id", "channel"),
    )
    op.add_column("resume_request", sa.Column("channels", sa.Text(), nullable=True))
