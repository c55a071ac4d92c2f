"""Alerts that were read, each once, and what became of them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

KINDS = "kind IN ('ignore', 'note', 'suggest', 'hold', 'unreadable', 'unjudged')"
OUTCOMES = "outcome IN ('nothing', 'told', 'suggested', 'holding', 'held', 'dismissed')"


def upgrade() -> None:
    _alerts()
    _beside_them()


def _alerts() -> None:
    op.create_table(
        "alert",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("key_hash", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("document", sa.String(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("came_at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("msg_type", sa.String(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("mark", sa.String(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("doubts", sa.JSON(), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("follows", sa.JSON(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("suspensions", sa.JSON(), nullable=False),
        sa.Column("dismissed_by", sa.String(), nullable=True),
        sa.Column("dismissed_at", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(KINDS, name="kind_known"),
        sa.CheckConstraint(OUTCOMES, name="outcome_known"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key_hash", "digest"),
        sqlite_autoincrement=True,
    )
    op.create_index("alert_outcome", "alert", ["outcome"])
    op.create_index("alert_kind", "alert", ["kind", "came_at"])


def _beside_them() -> None:
    op.create_table(
        "alert_reference",
        sa.Column("alert_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key_hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("alert_id", "key_hash"),
    )
    op.create_index("alert_reference_key", "alert_reference", ["key_hash"])
    op.create_table(
        "alert_document",
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("alert_id", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("kept", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("sha256"),
    )
    op.create_index("ix_alert_document_alert_id", "alert_document", ["alert_id"])
    op.create_table(
        "alert_trouble",
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("host", "name"),
    )
