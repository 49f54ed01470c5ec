"""Courses: whose turn it is, rehearsed apart from live, and what readers want of single parts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from publisher.store.schema import BIG, UtcDateTime

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the table of courses anew, which nothing wrote to before, and that of their marks."""
    op.drop_table("courses")
    op.create_table(
        "courses",
        sa.Column("subscriber_id", BIG, nullable=False),
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("pace", sa.Text(), nullable=False),
        sa.Column("started_on", sa.Date(), nullable=False),
        sa.Column("next_due_on", sa.Date(), nullable=True),
        sa.Column("rehearsed_due_on", sa.Date(), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscribers.id"],
            name=op.f("fk_courses_subscriber_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("subscriber_id", "series", name=op.f("pk_courses")),
        comment="a series sent to one subscriber from part 1 at a pace",
    )
    op.create_index(
        op.f("ix_courses_series_subscriber_id"), "courses", ["series", "subscriber_id"]
    )
    op.create_table(
        "course_marks",
        sa.Column("subscriber_id", BIG, nullable=False),
        sa.Column("post_id", sa.Text(), nullable=False),
        sa.Column("rehearsal", sa.Boolean(), nullable=False),
        sa.Column("mark", sa.String(length=8), nullable=False),
        sa.CheckConstraint("mark IN ('skipped', 'again')", name=op.f("ck_course_marks_mark")),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscribers.id"],
            name=op.f("fk_course_marks_subscriber_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "subscriber_id", "post_id", "rehearsal", name=op.f("pk_course_marks")
        ),
        comment="what a reader wants of one part that receipts do not say",
    )
