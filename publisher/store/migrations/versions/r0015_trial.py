"""The trial: who is mailed before a site is live; mails to staff wait in the table of notices."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from publisher.store.schema import BIG, UtcDateTime

revision = "0015"
down_revision = "0014"

_KINDS = "kind IN ('confirm', 'known', 'welcome', 'erase', 'move', 'sign-in')"
_COLUMNS = (
    "id, kind, subscriber_id, consent_id, address_hash, address, made_at, state, attempts, "
    "next_attempt_at, ended_at, used_at, asked_again, reply"
)
_SITE = "this database: its epoch, how often what is public has changed, since when it is live"


def upgrade() -> None:
    """Add since when a site is live, which editions were a trial's, and notices to staff."""
    op.add_column("site", sa.Column("live_at", UtcDateTime(), nullable=True))
    op.add_column("site", sa.Column("live_by", sa.Text(), server_default="", nullable=False))
    op.add_column(
        "editions", sa.Column("trial", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column("staff", sa.Column("tour_ended_at", UtcDateTime(), nullable=True))
    op.create_index("ix_suppressions_newest", "suppressions", ["suppressed_at", "address_hash"])
    if op.get_bind().dialect.name == "postgresql":
        op.create_table_comment("site", _SITE)
        op.create_index(
            "ix_suppressions_beginning",
            "suppressions",
            ["address_hash"],
            postgresql_ops={"address_hash": "text_pattern_ops"},
        )
        op.add_column("notices", sa.Column("staff_id", BIG, nullable=True))
        op.drop_constraint(op.f("ck_notices_kind"), "notices", type_="check")
        op.create_check_constraint(op.f("ck_notices_kind"), "notices", _KINDS)
    else:
        _make_notices_anew()


def _make_notices_anew() -> None:
    """Copy the notices into a table that takes the new kind: SQLite changes no check."""
    op.drop_index("ix_notices_waiting", "notices")
    op.drop_index(op.f("ix_notices_address_hash"), "notices")
    op.rename_table("notices", "notices_before")
    op.create_table(
        "notices",
        sa.Column("id", BIG, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("subscriber_id", BIG, nullable=True),
        sa.Column("consent_id", BIG, nullable=True),
        sa.Column("staff_id", BIG, nullable=True),
        sa.Column("address_hash", sa.String(length=64), nullable=False),
        sa.Column("address", sa.Text(), server_default="", nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("state", sa.String(length=8), server_default="pending", nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("next_attempt_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.Column("asked_again", sa.Integer(), server_default="0", nullable=False),
        sa.Column("reply", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint(_KINDS, name=op.f("ck_notices_kind")),
        sa.CheckConstraint(
            "state IN ('pending', 'sent', 'failed', 'withheld')", name=op.f("ck_notices_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
        sqlite_autoincrement=True,
    )
    op.execute(f"INSERT INTO notices ({_COLUMNS}) SELECT {_COLUMNS} FROM notices_before")  # noqa: S608 - our own names
    # A link is made of its notice's number, which is nobody else's ever: the count goes on.
    op.execute("DELETE FROM sqlite_sequence WHERE name = 'notices'")
    op.execute("UPDATE sqlite_sequence SET name = 'notices' WHERE name = 'notices_before'")
    op.drop_table("notices_before")
    op.create_index(op.f("ix_notices_address_hash"), "notices", ["address_hash"])
    op.create_index(
        "ix_notices_waiting",
        "notices",
        ["next_attempt_at"],
        sqlite_where=sa.text("state = 'pending'"),
    )
