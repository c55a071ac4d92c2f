"""Which posts a suspension held, and what an after-action report asks of whom, until when."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

HELD = """INSERT INTO suspension_post (suspension_id, post_id, at) SELECT s.id, p.id, p.updated_at FROM post p
  JOIN suspension s ON p.hold_reason IN ('its time passed during suspension ' || s.id,
    'it waits to be confirmed after suspension ' || s.id) WHERE p.state = 'held'"""
"""What older lifts held and nobody has decided about since."""


def upgrade() -> None:
    op.create_table(
        "suspension_post",
        sa.Column("suspension_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("post_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("suspension_id", "post_id"),
    )
    op.execute(HELD)
    op.create_table(
        "corrective_action",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("suspension_id", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("due", sa.String(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("done_by", sa.String(), nullable=True),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_corrective_action_suspension_id", "corrective_action", ["suspension_id"])
