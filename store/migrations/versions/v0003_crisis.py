"""What the crisis chapter needs: a planned suspension that has begun."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("suspension", sa.Column("begun_at", sa.BigInteger(), nullable=True))
    op.execute("UPDATE suspension SET begun_at = at")  # none of those there was planned
