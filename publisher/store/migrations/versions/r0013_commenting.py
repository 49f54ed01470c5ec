"""Commenting: what was affirmed with an approval, and what was said of single paragraphs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from publisher.store.schema import BIG, UtcDateTime

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the checklist to approvals; make the tables of comments and of answers to them."""
    op.add_column("reviews", sa.Column("checked", sa.Text(), server_default="[]", nullable=False))
    op.add_column(
        "reviews",
        sa.Column("changes_since", sa.String(length=64), server_default="", nullable=False),
    )
    op.create_table(
        "review_comments",
        sa.Column("id", BIG, nullable=False),
        sa.Column("post_id", sa.Text(), nullable=False),
        sa.Column("source_sha256", sa.String(length=64), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("said_by", sa.Text(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("said_at", UtcDateTime(), nullable=False),
        sa.Column("settled_by", sa.Text(), server_default="", nullable=False),
        sa.Column("settled_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "(settled_by = '') = (settled_at IS NULL)", name=op.f("ck_review_comments_settled")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_comments")),
        comment="what a person said of one paragraph of one exact text of a post",
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_review_comments_post_id"), "review_comments", ["post_id"])
    op.create_table(
        "review_replies",
        sa.Column("id", BIG, nullable=False),
        sa.Column("comment_id", BIG, nullable=False),
        sa.Column("said_by", sa.Text(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("said_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["comment_id"],
            ["review_comments.id"],
            name=op.f("fk_review_replies_comment_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_replies")),
        comment="what was answered to a comment of a review",
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_review_replies_comment_id"), "review_replies", ["comment_id"])
