"""What a calendar was read against, so that an unchanged one need not be read again."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("calendar_file", sa.Column("basis", sa.Text(), nullable=True))
