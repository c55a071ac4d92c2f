"""The first tables.

A migration is history: it names tables and words as they were and imports nothing of today's. There is no way back:
a newer store is never taken down to an older program, since records would be lost; restore a backup instead.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""A rising number: SQLite counts only in INTEGER."""


def upgrade() -> None:
    _gate()
    _suspensions()
    _log()
    _channels()
    _people()
    _calendars()
    _posts()
    _attempts()
    _workers()


def _gate() -> None:
    """The store's name, the gate, and the first step of a resume."""
    op.create_table(
        "meta",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "gate",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "resume_request",
        sa.Column("id", IDENTITY, autoincrement=True, nullable=False),
        sa.Column("suspension_id", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("code_hash", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_resume_request_suspension_id", "resume_request", ["suspension_id"])


def _suspensions() -> None:
    """Stops, the channels they named and what was in flight then."""
    op.create_table(
        "suspension",
        sa.Column("id", IDENTITY, autoincrement=True, nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("scope_kind", sa.String(), nullable=False),
        sa.Column("scope_value", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("request_id", sa.String(), nullable=False),
        sa.Column("lifted_epoch", sa.BigInteger(), nullable=True),
        sa.Column("lifted_by", sa.String(), nullable=True),
        sa.Column("lifted_at", sa.BigInteger(), nullable=True),
        sa.Column("lift_reason", sa.String(), nullable=True),
        sa.Column("quiet_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("request_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("suspension_active", "suspension", ["lifted_epoch"])
    op.create_table(
        "suspension_channel",
        sa.Column("suspension_id", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("suspension_id", "channel"),
    )
    op.create_table(
        "suspension_inflight",
        sa.Column("suspension_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt_id", sa.BigInteger(), nullable=False),
        sa.Column("state_then", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("suspension_id", "attempt_id"),
    )


def _log() -> None:
    """The hash chain and its head."""
    op.create_table(
        "chain_head",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "log_entry",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("previous", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("ix_log_entry_action", "log_entry", ["action"])


def _channels() -> None:
    """The accounts and their groups."""
    op.create_table(
        "channel",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("secrets", sa.JSON(), nullable=False),
        sa.Column("spacing_us", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("next_free_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("not_before_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('active', 'suspended')", name="state_known"),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "channel_group",
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("channel", "name"),
    )
    op.create_index("ix_channel_group_name", "channel_group", ["name"])


def _people() -> None:
    """Who may do what, and their tokens."""
    op.create_table(
        "person",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('active', 'left')", name="state_known"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "role_grant",
        sa.Column("id", IDENTITY, autoincrement=True, nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("granted_by", sa.String(), nullable=False),
        sa.Column("granted_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_by", sa.String(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_role_grant_person", "role_grant", ["person"])
    op.create_table(
        "token",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("secret_hash", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_token_person", "token", ["person"])
    op.create_index("ix_token_secret_hash", "token", ["secret_hash"])


def _calendars() -> None:
    """Calendars as they were last applied."""
    op.create_table(
        "calendar_file",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("synced_at", sa.BigInteger(), nullable=True),
        sa.Column("staged_until", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("fault", sa.Text(), nullable=True),
        sa.Column("fault_digest", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "calendar_entry",
        sa.Column("file", sa.String(), nullable=False),
        sa.Column("entry", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("file", "entry"),
    )


def _posts() -> None:
    """What is to go out; its indexes serve the claim, the due moment, the receipt and the calendar's difference."""
    op.create_table(
        "post",
        sa.Column("id", IDENTITY, autoincrement=True, nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("hold_reason", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("media", sa.JSON(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("content_hash", sa.String(), nullable=False),
        sa.Column("local_time", sa.String(), nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("time_note", sa.String(), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("ready_at", sa.BigInteger(), nullable=False),
        sa.Column("lateness_us", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("file", sa.String(), nullable=True),
        sa.Column("entry", sa.String(), nullable=True),
        sa.Column("source_key", sa.String(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=True),
        sa.Column("remote_id", sa.String(), nullable=True),
        sa.Column("link", sa.String(), nullable=True),
        sa.CheckConstraint(
            "state IN ('draft', 'in_review', 'scheduled', 'publishing', 'published', 'held', 'unknown', 'failed', 'cancelled')",
            name="state_known",
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("source_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("post_due", "post", ["state", "due_at"])
    op.create_index("post_file", "post", ["file", "entry"])
    op.create_index("post_published", "post", ["published_at"])
    op.create_index("post_ready", "post", ["channel", "state", "ready_at"])


def _attempts() -> None:
    """Attempts."""
    op.create_table(
        "attempt",
        sa.Column("id", IDENTITY, autoincrement=True, nullable=False),
        sa.Column("post_id", sa.BigInteger(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("worker", sa.String(), nullable=False),
        sa.Column("idempotency_key", sa.String(), nullable=False),
        sa.Column("content_hash", sa.String(), nullable=False),
        sa.Column("claim_epoch", sa.BigInteger(), nullable=False),
        sa.Column("authorise_epoch", sa.BigInteger(), nullable=True),
        sa.Column("claimed_at", sa.BigInteger(), nullable=False),
        sa.Column("sending_at", sa.BigInteger(), nullable=True),
        sa.Column("deadline_boot_ns", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("remote_id", sa.String(), nullable=True),
        sa.Column("link", sa.String(), nullable=True),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("look_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_by", sa.String(), nullable=True),
        sa.CheckConstraint(
            "state IN ('claimed', 'sending', 'published', 'rejected', 'unknown', 'aborted', 'not_sent', 'closed_by_person')",
            name="state_known",
        ),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    _attempt_indexes()


def _attempt_indexes() -> None:
    """The partial unique index is the database's own refusal of a second live attempt."""
    op.create_index(
        "attempt_one_live",
        "attempt",
        ["post_id", "part"],
        unique=True,
        sqlite_where=sa.text("state IN ('claimed', 'sending', 'unknown', 'published')"),
        postgresql_where=sa.text("state IN ('claimed', 'sending', 'unknown', 'published')"),
    )
    op.create_index(
        "attempt_open",
        "attempt",
        ["state"],
        sqlite_where=sa.text("state IN ('claimed', 'sending', 'unknown')"),
        postgresql_where=sa.text("state IN ('claimed', 'sending', 'unknown')"),
    )
    op.create_index("ix_attempt_post_id", "attempt", ["post_id"])
    op.create_index("ix_attempt_worker", "attempt", ["worker"])


def _workers() -> None:
    """Processes that publish, and what a person must look at."""
    op.create_table(
        "worker",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("boot_id", sa.String(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("pid_start", sa.BigInteger(), nullable=False),
        sa.Column("lock_file", sa.String(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("heartbeat", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("heartbeat_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "alarm",
        sa.Column("id", IDENTITY, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("raised_at", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_by", sa.String(), nullable=True),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
