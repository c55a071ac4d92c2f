"""Anchors: what of the log's head was laid down outside the store."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "anchor",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("trouble", sa.Text(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=True),
        sa.Column("stamped_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("place IN ('authority', 'folder', 'address')", name="place_known"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
