"""Staff: accounts and roles, sessions, links that work once, and what they change of drafts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from publisher.store.schema import BIG, UtcDateTime

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Make the tables."""
    _make_accounts()
    _make_entrances()
    _make_work()


def _make_accounts() -> None:
    op.create_table(
        "staff",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("address_key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("credentials", sa.Text(), server_default="", nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("name <> ''", name=op.f("ck_staff_named")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff")),
        sa.UniqueConstraint("address_key", name=op.f("uq_staff_address_key")),
        sa.UniqueConstraint("name_key", name=op.f("uq_staff_name_key")),
        sqlite_autoincrement=True,
        comment="a person who may sign in to the console",
    )
    op.create_table(
        "staff_roles",
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=10), nullable=False),
        sa.CheckConstraint(
            "role IN ('author', 'reviewer', 'publisher', 'admin')",
            name=op.f("ck_staff_roles_role"),
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_staff_roles_staff_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("staff_id", "role", name=op.f("pk_staff_roles")),
        comment="what a member of staff may do",
    )


def _make_entrances() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.Column("proved_at", UtcDateTime(), nullable=False),
        sa.Column("agent", sa.Text(), server_default="", nullable=False),
        sa.Column("said", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_sessions_staff_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_sessions_token_sha256")),
        sqlite_autoincrement=True,
        comment="a browser that is signed in, by the hash of its cookie, and what it is to be told next",
    )
    op.create_index(op.f("ix_sessions_staff_id"), "sessions", ["staff_id"])
    op.create_table(
        "staff_links",
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=8), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=True),
        sa.Column("target", sa.Text(), server_default="", nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("purpose IN ('setup', 'sign-in')", name=op.f("ck_staff_links_purpose")),
        sa.CheckConstraint(
            "(purpose = 'setup') = (staff_id IS NULL)", name=op.f("ck_staff_links_whose")
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_staff_links_staff_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_sha256", name=op.f("pk_staff_links")),
        comment="a link that works once: to make the first account, or to sign in; used, it is gone",
    )
    op.create_index(op.f("ix_staff_links_staff_id"), "staff_links", ["staff_id"])


def _make_work() -> None:
    op.create_table(
        "edition_edits",
        sa.Column("edition_id", BIG, nullable=False),
        sa.Column("subject", sa.Text(), server_default="", nullable=False),
        sa.Column("preheader", sa.Text(), server_default="", nullable=False),
        sa.Column("intro", sa.Text(), server_default="", nullable=False),
        sa.Column("post_order", sa.Text(), server_default="[]", nullable=False),
        sa.Column("left_out", sa.Text(), server_default="[]", nullable=False),
        sa.ForeignKeyConstraint(
            ["edition_id"],
            ["editions.id"],
            name=op.f("fk_edition_edits_edition_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("edition_id", name=op.f("pk_edition_edits")),
        comment="what staff changed of a draft: empty means as the posts have it",
    )
