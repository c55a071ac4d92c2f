"""Records, their content, and the versions of posts: what a change replaces is kept by the database itself."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEPT = (
    "channel, text, media, tags, share_of, source_checked, content_hash, local_time, zone, due_at, lateness_us, author, "
    "file, entry, changed_by"
)
CONTENT = tuple(KEPT.split(", ")[:11])
COPY = (
    "INSERT INTO post_version (post_id, changed_at, {names}) "
    "SELECT OLD.id, COALESCE(OLD.changed_at, OLD.created_at), {old} WHERE NOT OLD.kept AND {real}"
)
REAL = "substr(COALESCE(OLD.source_key, ''), 1, 7) <> 'staged:'"


def upgrade() -> None:
    op.add_column("post", sa.Column("changed_by", sa.String(), server_default=sa.text("''"), nullable=False))
    op.add_column("post", sa.Column("changed_at", sa.BigInteger(), nullable=True))
    # Nobody noted when a post got the content that it has: it had it when it was changed last.
    op.execute("UPDATE post SET changed_at = updated_at")
    op.add_column("post", sa.Column("kept", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("post", sa.Column("disposed_at", sa.BigInteger(), nullable=True))
    unkept = sa.text("NOT kept")
    op.create_index("post_unkept", "post", ["id"], sqlite_where=unkept, postgresql_where=unkept)
    _records()
    _versions()
    dialect = op.get_bind().dialect.name
    for statement in SQLITE if dialect == "sqlite" else POSTGRESQL:
        op.get_bind().exec_driver_sql(statement)


def _records() -> None:
    op.create_table(
        "record",
        sa.Column("id", IDENTITY, primary_key=True, autoincrement=True),
        sa.Column("series", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kept_at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=True),
        sa.Column("post_id", sa.BigInteger(), nullable=True),
        sa.Column("attempt_id", sa.BigInteger(), nullable=True),
        sa.Column("suspension_id", sa.BigInteger(), nullable=True),
        sa.Column("mime", sa.String(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("entry_seq", sa.BigInteger(), nullable=True),
        sa.Column("disposed_by", sa.BigInteger(), nullable=True),
        sqlite_autoincrement=True,
    )
    op.create_index("record_entry", "record", ["entry_seq", "id"])
    op.create_index("record_post", "record", ["post_id"])
    op.create_index("record_at", "record", ["at"])
    op.create_index("record_series", "record", ["series", "at"])
    op.create_index("record_content_of", "record", ["sha256"])
    unsealed = sa.text("entry_seq IS NULL")
    op.create_index("record_unsealed", "record", ["id"], sqlite_where=unsealed, postgresql_where=unsealed)
    op.create_table(
        "record_content",
        sa.Column("sha256", sa.String(), primary_key=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("file", sa.Text(), nullable=True),
    )


def _versions() -> None:
    op.create_table(
        "post_version",
        sa.Column("id", IDENTITY, primary_key=True, autoincrement=True),
        sa.Column("post_id", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("media", sa.JSON(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("share_of", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("source_checked", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("content_hash", sa.String(), nullable=False),
        sa.Column("local_time", sa.String(), nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("lateness_us", sa.BigInteger(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("file", sa.String(), nullable=True),
        sa.Column("entry", sa.String(), nullable=True),
        sa.Column("changed_by", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sqlite_autoincrement=True,
    )


def _old() -> str:
    return ", ".join(f"OLD.{name}" for name in KEPT.split(", "))


def _differs(operator: str, cast: str) -> str:
    """That some of the content is another; `cast` makes texts of JSON, which PostgreSQL cannot compare."""
    kinds = {"media": cast, "tags": cast}
    return " OR ".join(
        f"OLD.{name}{kinds.get(name, '')} {operator} NEW.{name}{kinds.get(name, '')}" for name in CONTENT
    )


WATCHED = ", ".join(CONTENT)
UNKEPT = "UPDATE post SET kept = 0 WHERE id = NEW.id AND kept"
COPIED = COPY.format(names=KEPT, old=_old(), real=REAL)
SQLITE = (
    f"CREATE TRIGGER post_changed AFTER UPDATE OF {WATCHED} ON post "
    f"WHEN NEW.disposed_at IS NULL AND ({_differs('IS NOT', '')}) "
    f"BEGIN {COPIED}; {UNKEPT}; END",
)
POSTGRESQL = (
    f"CREATE FUNCTION post_changed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {COPIED}; "
    "NEW.kept := false; RETURN NEW; END $$",
    f"CREATE TRIGGER post_changed BEFORE UPDATE OF {WATCHED} ON post FOR EACH ROW "
    f"WHEN (NEW.disposed_at IS NULL AND ({_differs('IS DISTINCT FROM', '::text')})) EXECUTE FUNCTION post_changed()",
)
"""What is replaced is copied, unless it is a record already or was only laid down; what replaces it is not one yet."""
