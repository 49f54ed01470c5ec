"""Corrections: what is said to those who have an edition."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from publisher.store.schema import BIG

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "corrections",
        sa.Column("edition_id", BIG, nullable=False),
        sa.Column("corrects_id", BIG, nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("post_id", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["edition_id"],
            ["editions.id"],
            name=op.f("fk_corrections_edition_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["corrects_id"], ["editions.id"], name=op.f("fk_corrections_corrects_id")
        ),
        sa.PrimaryKeyConstraint("edition_id", name=op.f("pk_corrections")),
        comment="what a correction says, and the edition whose readers get it",
    )
    op.create_index(op.f("ix_corrections_corrects_id"), "corrections", ["corrects_id"])
