"""Growing: where a database stands and where it moved to, and how many mails began on a day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from publisher.store import standing

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the two tables, and note where this database stands."""
    made = op.create_table(
        "standing",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("home", sa.Text(), nullable=False),
        sa.Column("moved_to", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_standing_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_standing")),
        comment="where this database is, and where it moved to",
    )
    op.bulk_insert(made, [{"id": 1, "home": standing.find_home(op.get_bind())}])
    op.create_table(
        "days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("begun", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_days")),
        comment="how many readers' mails began on a day of the site's, under a daily limit",
    )
