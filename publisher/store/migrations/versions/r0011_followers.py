"""Followers: how many people the services that fetch a feed for many say they are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "followers",
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("seen_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("path", "name", name=op.f("pk_followers")),
        comment="a service that fetches a feed for many, and for how many it said last",
    )
