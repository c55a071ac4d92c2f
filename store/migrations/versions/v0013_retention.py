"""Legal holds, and dispositions with what they list; a moderation entry says which disposition took its words."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("moderation", sa.Column("disposed_by", sa.BigInteger(), nullable=True))
    op.create_table(
        "legal_hold",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("query", sa.JSON(), nullable=False),
        sa.Column("placed_by", sa.String(), nullable=False),
        sa.Column("placed_at", sa.BigInteger(), nullable=False),
        sa.Column("released_by", sa.String(), nullable=True),
        sa.Column("released_at", sa.BigInteger(), nullable=True),
        sa.Column("release_reason", sa.Text(), nullable=True),
    )
    _dispositions()
    _items()


def _dispositions() -> None:
    op.create_table(
        "disposition",
        sa.Column("id", IDENTITY, primary_key=True, autoincrement=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("proposed_by", sa.String(), nullable=False),
        sa.Column("proposed_at", sa.BigInteger(), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("approved_by", sa.String(), nullable=True),
        sa.Column("approved_at", sa.BigInteger(), nullable=True),
        sa.Column("approved_digest", sa.String(), nullable=True),
        sa.Column("carried_by", sa.JSON(), nullable=False),
        sa.Column("begun_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("certificate", sa.BigInteger(), nullable=True),
        sa.Column("void_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("state IN ('proposed', 'approved', 'carrying', 'done', 'void')", name="state_known"),
        sa.CheckConstraint("approved_by <> proposed_by", name="disposition_two_people"),
        sqlite_autoincrement=True,
    )


def _items() -> None:
    op.create_table(
        "disposition_item",
        sa.Column("disposition_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(), primary_key=True),
        sa.Column("number", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("file", sa.Text(), nullable=True),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("kind IN ('record', 'moderation')", name="kind_known"),
        sa.CheckConstraint("state IN ('waiting', 'disposed', 'kept')", name="state_known"),
    )
    op.create_index("disposition_item_of", "disposition_item", ["kind", "number"])
    op.create_index("disposition_item_waiting", "disposition_item", ["disposition_id", "state"])
    waiting = sa.text("file IS NOT NULL")
    op.create_index(
        "disposition_item_file", "disposition_item", ["disposition_id"], sqlite_where=waiting, postgresql_where=waiting
    )
