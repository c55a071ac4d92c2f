"""The index for words: FTS5 on SQLite, tsvector with GIN on PostgreSQL. What is disposed of leaves it at once."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

NAMES = ("record_words", "log_words")
SQLITE = (
    *(f"""CREATE VIRTUAL TABLE {name} USING fts5(words, tags, tokenize = "ascii tokenchars ':'")""" for name in NAMES),
    "CREATE TRIGGER record_disposed AFTER UPDATE OF disposed_by ON record WHEN NEW.disposed_by IS NOT NULL "
    "BEGIN UPDATE record_words SET words = '' WHERE rowid = NEW.id; END",
)
POSTGRESQL = (
    *(
        f"CREATE TABLE {name} (number BIGINT PRIMARY KEY, words tsvector NOT NULL, tags tsvector NOT NULL)"
        for name in NAMES
    ),
    *(f"CREATE INDEX {name}_gin ON {name} USING gin (words, tags)" for name in NAMES),
    "CREATE FUNCTION record_disposed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "UPDATE record_words SET words = ''::tsvector WHERE number = NEW.id; RETURN NULL; END $$",
    "CREATE TRIGGER record_disposed AFTER UPDATE OF disposed_by ON record FOR EACH ROW "
    "WHEN (NEW.disposed_by IS NOT NULL) EXECUTE FUNCTION record_disposed()",
)
"""The words come as the program has taken them apart, the same on both: neither database knows any language."""


def upgrade() -> None:
    op.create_table(
        "search_mark",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
    )
    known = sa.text("suspension_id IS NOT NULL")
    op.create_index("record_suspension", "record", ["suspension_id"], sqlite_where=known, postgresql_where=known)
    op.get_bind().exec_driver_sql("INSERT INTO search_mark (id, seq) VALUES (1, 0)")
    dialect = op.get_bind().dialect.name
    for statement in SQLITE if dialect == "sqlite" else POSTGRESQL:
        op.get_bind().exec_driver_sql(statement)
