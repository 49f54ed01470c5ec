"""The tables of staff: accounts, where they are signed in, and what their hand left on the work."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, Table

from publisher.model import Role
from publisher.store.schema.columns import UtcDateTime, metadata, one_of

staff = Table(
    "staff",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("address", sa.Text, nullable=False),
    Column("address_key", sa.Text, nullable=False, unique=True),
    Column("name", sa.Text, nullable=False),
    Column("name_key", sa.Text, nullable=False, unique=True),
    Column("credentials", sa.Text, nullable=False, server_default=""),
    Column("password_hash", sa.Text),
    Column("made_at", UtcDateTime, nullable=False),
    Column("tour_ended_at", UtcDateTime),
    CheckConstraint("name <> ''", name="named"),
    sqlite_autoincrement=True,
    comment="a person who may sign in to the console",
)

staff_roles = Table(
    "staff_roles",
    metadata,
    Column("staff_id", ForeignKey("staff.id", ondelete="CASCADE"), primary_key=True),
    Column("role", sa.String(10), primary_key=True),
    one_of("role", Role),
    comment="what a member of staff may do",
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("token_sha256", sa.String(64), nullable=False, unique=True),
    Column("staff_id", ForeignKey("staff.id", ondelete="CASCADE"), nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("proved_at", UtcDateTime, nullable=False),
    Column("agent", sa.Text, nullable=False, server_default=""),
    Column("said", sa.Text, nullable=False, server_default=""),
    Index(None, "staff_id"),
    sqlite_autoincrement=True,
    comment="a browser that is signed in, by the hash of its cookie, and what it is to be told next",
)

staff_links = Table(
    "staff_links",
    metadata,
    Column("token_sha256", sa.String(64), primary_key=True),
    Column("purpose", sa.String(8), nullable=False),
    Column("staff_id", ForeignKey("staff.id", ondelete="CASCADE")),
    Column("target", sa.Text, nullable=False, server_default=""),
    Column("made_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    one_of("purpose", ("setup", "sign-in")),
    CheckConstraint("(purpose = 'setup') = (staff_id IS NULL)", name="whose"),
    Index(None, "staff_id"),
    comment="a link that works once: to make the first account, or to sign in; used, it is gone",
)

edition_edits = Table(
    "edition_edits",
    metadata,
    Column("edition_id", ForeignKey("editions.id", ondelete="CASCADE"), primary_key=True),
    Column("subject", sa.Text, nullable=False, server_default=""),
    Column("preheader", sa.Text, nullable=False, server_default=""),
    Column("intro", sa.Text, nullable=False, server_default=""),
    Column("post_order", sa.Text, nullable=False, server_default="[]"),
    Column("left_out", sa.Text, nullable=False, server_default="[]"),
    comment="what staff changed of a draft: empty means as the posts have it",
)
