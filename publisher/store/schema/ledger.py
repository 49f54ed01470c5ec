"""The tables of the ledger: deliveries and attempts, and the receipts."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, Column, ForeignKey, Integer, Table, UniqueConstraint

from publisher.store.schema.columns import BIG, DeliveryCode, UtcDateTime, metadata, one_of

chunks = Table(
    "chunks",
    metadata,
    Column("edition_id", ForeignKey("editions.id", ondelete="CASCADE"), primary_key=True),
    Column("id", Integer, primary_key=True),
    Column("lo", BIG, nullable=False),
    Column("hi", BIG, nullable=False),
    Column("state", sa.String(8), nullable=False, server_default="ready"),
    Column("token", BIG, nullable=False, server_default="0"),
    Column("owner", sa.Text, nullable=False, server_default=""),
    Column("lease_until", UtcDateTime),
    Column("not_before", UtcDateTime),
    Column("takeovers", Integer, nullable=False, server_default="0"),
    one_of("state", ("ready", "running", "done")),
    CheckConstraint("lo <= hi", name="range"),
    comment="a range of an edition's deliveries, by subscriber id: claimed, leased, fenced",
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("edition_id", ForeignKey("editions.id", ondelete="CASCADE"), primary_key=True),
    Column("subscriber_id", BIG, primary_key=True),
    Column("seq", Integer, nullable=False),
    Column("letter_id", Integer, nullable=False),
    Column("state", DeliveryCode, nullable=False, server_default="0"),
    Column("attempts", sa.SmallInteger, nullable=False, server_default="0"),
    Column("token", BIG, nullable=False, server_default="0"),
    Column("first_attempt_at", UtcDateTime),
    Column("next_attempt_at", UtcDateTime),
    Column("code", sa.SmallInteger),
    Column("enhanced", sa.String(12)),
    Column("reply", sa.Text),
    CheckConstraint("state BETWEEN 0 AND 8", name="state"),
    sqlite_with_rowid=False,
    comment="one letter to one subscriber",
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", BIG, primary_key=True),
    Column("edition_id", BIG, nullable=False),
    Column("subscriber_id", BIG, nullable=False),
    Column("n", sa.SmallInteger, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("outcome", sa.String(10), nullable=False),
    Column("phase", sa.String(8), nullable=False),
    Column("code", sa.SmallInteger),
    Column("enhanced", sa.String(12)),
    Column("reply", sa.Text, nullable=False, server_default=""),
    one_of("outcome", ("deferred", "rejected", "uncertain")),
    UniqueConstraint("edition_id", "subscriber_id", "n", "outcome"),
    comment="an SMTP transaction that did not end in acceptance; the rest is on the row",
)

days = Table(
    "days",
    metadata,
    Column("day", sa.Date, primary_key=True),
    Column("begun", Integer, nullable=False),
    comment="how many readers' mails began on a day of the site's, under a daily limit",
)


def _receipts(name: str, comment: str) -> Table:
    return Table(
        name,
        metadata,
        Column("subscriber_id", BIG, primary_key=True),
        Column("post_id", sa.Text, primary_key=True),
        Column("edition_id", BIG, nullable=False),  # its receipts are found by its deliveries
        sqlite_with_rowid=False,
        comment=comment,
    )


receipts = _receipts("receipts", "the fact that this subscriber has this post")
rehearsal_receipts = _receipts(
    "rehearsal_receipts", "the same for rehearsals, kept apart: nothing left the machine"
)


def receipts_of(*, rehearsal: bool) -> sa.Table:
    """Return the table of the receipts that editions of this kind write and see."""
    return rehearsal_receipts if rehearsal else receipts
