"""Reports: the bounces, complaints and mailto unsubscribes that were taken in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from publisher.store.schema import BIG, UtcDateTime

revision = "0004"
down_revision = "0002"


def upgrade() -> None:
    """Make the table of reports."""
    op.create_table(
        "reports",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("taken_at", UtcDateTime(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("subscriber_id", BIG, nullable=False),
        sa.Column("edition_id", BIG, nullable=True),
        sa.Column("meaning", sa.String(length=4), nullable=True),
        sa.Column("status", sa.String(length=12), server_default="", nullable=False),
        sa.Column("reply", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint(
            "kind IN ('bounce', 'complaint', 'unsubscribe')", name=op.f("ck_reports_kind")
        ),
        sa.CheckConstraint("meaning IN ('ours', 'soft', 'hard')", name=op.f("ck_reports_meaning")),
        sa.CheckConstraint(
            "(kind = 'bounce') = (meaning IS NOT NULL)", name=op.f("ck_reports_judged")
        ),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_reports")),
        comment="a bounce, complaint or mailto unsubscribe that was taken in, once by its digest",
    )
    op.create_index(op.f("ix_reports_subscriber_id"), "reports", ["subscriber_id"])
