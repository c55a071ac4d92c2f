"""The moderation register: each act with its clause, the words as they stood before it, and who did it."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "moderation",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("clause", sa.String(), nullable=False),
        sa.Column("clause_words", sa.Text(), nullable=False),
        sa.Column("member", sa.String(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("captured_at", sa.BigInteger(), nullable=False),
        sa.Column("acted_at", sa.BigInteger(), nullable=False),
        sa.Column("link", sa.String(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("undoes", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.CheckConstraint(
            "action IN ('hide', 'delete', 'block', 'mute', 'unhide', 'unblock', 'unmute')", name="action_known"
        ),
        sa.CheckConstraint("clause <> '' AND words <> '' AND member <> '' AND actor <> ''", name="moderation_complete"),
        sa.CheckConstraint("captured_at < acted_at AND acted_at <= recorded_at", name="moderation_in_order"),
    )
    op.create_index("moderation_undoes", "moderation", ["undoes"], unique=True)
