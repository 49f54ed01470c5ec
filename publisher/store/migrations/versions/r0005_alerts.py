"""Alerts: what staff were told, by which channel."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from publisher.store.schema import BIG, UtcDateTime

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table of alerts."""
    op.create_table(
        "alerts",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("edition_id", BIG, nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("told_at", UtcDateTime(), nullable=True),
        sa.Column("next_try_at", UtcDateTime(), nullable=True),
        sa.Column("tries", sa.SmallInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("key", "channel", name=op.f("pk_alerts")),
        comment="something staff had to know, for one channel: told, to be told, or given up",
    )
    op.create_index(op.f("ix_alerts_next_try_at"), "alerts", ["next_try_at"])
