"""Writing and reviewing: who saved what, what is not saved yet, who was asked, what was approved."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from publisher.store.schema import BIG, UtcDateTime

revision = "0009"
down_revision = "0008"

_OPEN = sa.text("answer IS NULL")


def upgrade() -> None:
    """Make the tables of requests, approved texts, saves and drafts."""
    op.create_table(
        "approved_texts",
        sa.Column("post_id", sa.Text(), nullable=False),
        sa.Column("source_sha256", sa.String(length=64), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("post_id", "source_sha256", name=op.f("pk_approved_texts")),
        comment="the text of an approval, to tell what was changed since",
    )
    _make_requests()
    op.create_table(
        "saves",
        sa.Column("id", BIG, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("source_sha256", sa.String(length=64), nullable=False),
        sa.Column("saved_by", sa.Text(), nullable=False),
        sa.Column("saved_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saves")),
        comment="a post's source as a person of the staff saved it: who wrote what",
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_saves_path"), "saves", ["path"])
    op.create_index(op.f("ix_saves_source_sha256"), "saves", ["source_sha256"])
    op.create_table(
        "drafts",
        sa.Column("editor", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("began_sha256", sa.String(length=64), nullable=False),
        sa.Column("began", sa.LargeBinary(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("began_at", UtcDateTime(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("editor", "path", name=op.f("pk_drafts")),
        comment="a post as a person is writing it, not saved yet, and what they began from",
    )
    op.create_index(op.f("ix_drafts_path"), "drafts", ["path"])


def _make_requests() -> None:
    op.create_table(
        "review_requests",
        sa.Column("id", BIG, nullable=False),
        sa.Column("post_id", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("source_sha256", sa.String(length=64), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("answer", sa.String(length=10), nullable=True),
        sa.Column("answered_by", sa.Text(), server_default="", nullable=False),
        sa.Column("answered_at", UtcDateTime(), nullable=True),
        sa.Column("token_sha256", sa.String(length=64), nullable=True),
        sa.Column("token_until", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "answer IN ('approved', 'changes', 'overtaken')",
            name=op.f("ck_review_requests_answer"),
        ),
        sa.CheckConstraint(
            "(answer IS NULL) = (answered_at IS NULL)", name=op.f("ck_review_requests_answered")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_requests")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_review_requests_token_sha256")),
        comment="a person asked to review a post, by whom, and what they answered",
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_review_requests_open",
        "review_requests",
        ["post_id", "reviewer"],
        unique=True,
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )
