"""What the public writes: how far each channel was read, what is known of each item, and to whom it was passed on."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
IDENTITY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    moments = ("read_to", "left_since", "left_until", "left_begun", "looked_at", "not_before")
    op.create_table(
        "inbound_cursor",
        sa.Column("channel", sa.String(), primary_key=True),
        *(sa.Column(name, sa.BigInteger(), nullable=True) for name in moments),
        sa.Column("trouble", sa.Text(), nullable=True),
    )
    _items()
    op.create_table(
        "forwarding",
        sa.Column("id", IDENTITY, primary_key=True, autoincrement=True),
        sa.Column("item_id", sa.BigInteger(), nullable=False),
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        sa.Column("addressee", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("variable", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('sending', 'delivered', 'failed')", name="state_known"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_forwarding_item_id", "forwarding", ["item_id"])


def _items() -> None:
    op.create_table(
        "inbound_item",
        sa.Column("id", IDENTITY, primary_key=True, autoincrement=True),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("remote_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("under", sa.String(), nullable=False),
        sa.Column("post_id", sa.BigInteger(), nullable=True),
        sa.Column("written_at", sa.BigInteger(), nullable=False),
        sa.Column("first_record", sa.BigInteger(), nullable=False),
        sa.Column("record", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("looked_at", sa.BigInteger(), nullable=False),
        sa.Column("gone_at", sa.BigInteger(), nullable=True),
        sa.Column("mark", sa.String(), nullable=False),
        sa.Column("marked_by", sa.String(), nullable=False),
        sa.Column("marked_at", sa.BigInteger(), nullable=True),
        sa.UniqueConstraint("channel", "remote_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("inbound_looked", "inbound_item", ["channel", "looked_at"])
    op.create_index("inbound_record", "inbound_item", ["record"])
