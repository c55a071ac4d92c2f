"""What a drill measured, and its evidence."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "drill",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("suspension_id", sa.BigInteger(), nullable=True),
        sa.Column("suspended_us", sa.BigInteger(), nullable=False),
        sa.Column("quiet_us", sa.BigInteger(), nullable=True),
        sa.Column("acknowledged_us", sa.BigInteger(), nullable=True),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.CheckConstraint("mode IN ('simulate', 'live')", name="mode_known"),
        sa.CheckConstraint("verdict IN ('running', 'passed', 'failed', 'overtaken')", name="verdict_known"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
