"""The tables: state on the row, history in append-only tables, promises as constraints.

The words are those of the whole product; a table's comment says what one row is. Times are UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, Table, UniqueConstraint
from sqlalchemy.types import TypeDecorator, TypeEngine
from typing_extensions import override

from publisher.model import DeliveryState, EditionState, Meaning, SubscriberState

if TYPE_CHECKING:
    from enum import StrEnum

    from sqlalchemy.engine import Dialect

DELIVERY_STATES = tuple(DeliveryState)
"""Delivery states are small numbers in the table, their places here: 0 pending, 1 inflight, …"""

_DELIVERY_CODES = {state: code for code, state in enumerate(DELIVERY_STATES)}

KEY_PURPOSES = ("link", "bounce", "form", "session", "pepper")


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant, kept in UTC; a naive one is refused."""

    impl = sa.DateTime
    cache_ok = True

    @override
    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(sa.DateTime(timezone=dialect.name == "postgresql"))

    @override
    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            msg = "a time without a zone cannot be stored"
            raise ValueError(msg)
        in_utc = value.astimezone(UTC)
        return in_utc if dialect.name == "postgresql" else in_utc.replace(tzinfo=None)

    @override
    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class DeliveryCode(TypeDecorator[DeliveryState]):
    """A delivery's state as a small number."""

    impl = sa.SmallInteger
    cache_ok = True

    @override
    def process_bind_param(self, value: DeliveryState | None, dialect: Dialect) -> int | None:
        return None if value is None else _DELIVERY_CODES[value]

    @override
    def process_result_value(self, value: int | None, dialect: Dialect) -> DeliveryState | None:
        return None if value is None else DELIVERY_STATES[value]


BIG = sa.BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up only plain INTEGER keys

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _one_of(column: str, values: type[StrEnum] | tuple[str, ...]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


site = Table(
    "site",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("epoch", sa.String(36), nullable=False),
    Column("revision", BIG, nullable=False, server_default="0"),
    Column("made_at", UtcDateTime, nullable=False),
    CheckConstraint("id = 1", name="single"),
    comment="this database: its epoch, and how often what is public has changed",
)

keys = Table(
    "keys",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("purpose", sa.String(10), nullable=False),
    Column("secret", sa.LargeBinary, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("retired_at", UtcDateTime),
    _one_of("purpose", KEY_PURPOSES),
    CheckConstraint("purpose <> 'pepper' OR retired_at IS NULL", name="pepper"),
    Index(
        "ix_keys_signing",
        "purpose",
        unique=True,
        sqlite_where=sa.text("retired_at IS NULL"),
        postgresql_where=sa.text("retired_at IS NULL"),
    ),
    sqlite_autoincrement=True,
    comment="a secret; the one that is not retired signs, all verify",
)

# ------------------------------------------------------------------------------------------ posts

posts = Table(
    "posts",
    metadata,
    Column("post_id", sa.Text, primary_key=True),
    Column("path", sa.Text, nullable=False),
    Column("location", sa.Text, nullable=False),
    Column("title", sa.Text, nullable=False),
    Column("series", sa.Text),
    Column("part", Integer),
    Column("source_sha256", sa.String(64), nullable=False),
    Column("published_at", UtcDateTime, nullable=False),
    Column("pinned_at", UtcDateTime, nullable=False),
    Column("sequence", Integer, nullable=False, unique=True),
    Column("withdrawn", sa.Text, nullable=False, server_default=""),
    Column("counts_as_sent", sa.Boolean, nullable=False, server_default=sa.false()),
    CheckConstraint("part IS NULL OR part > 0", name="part"),
    comment="a post that was published: its identity, pinned",
)

sources = Table(
    "sources",
    metadata,
    Column("post_id", ForeignKey("posts.post_id", ondelete="CASCADE"), primary_key=True),
    Column("name", sa.Text, primary_key=True),
    Column("data", sa.LargeBinary, nullable=False),
    comment="the last good source of a published post, '' its text, else an image by name",
)

locations = Table(
    "locations",
    metadata,
    Column("location", sa.Text, primary_key=True),
    Column("post_id", sa.Text, nullable=False),
    comment="a location a post was ever published at",
)

series_sources = Table(
    "series_sources",
    metadata,
    Column("slug", sa.Text, primary_key=True),
    Column("data", sa.LargeBinary, nullable=False),
    comment="the last good series.toml of a series",
)

reviews = Table(
    "reviews",
    metadata,
    Column("post_id", sa.Text, primary_key=True),
    Column("source_sha256", sa.String(64), primary_key=True),
    Column("reviewer", sa.Text, nullable=False),
    Column("approved_at", UtcDateTime, nullable=False),
    Column("note", sa.Text, nullable=False, server_default=""),
    comment="a person's approval of one post's exact source and images",
)

imports = Table(
    "imports",
    metadata,
    Column("source_sha256", sa.String(64), primary_key=True),
    Column("post_path", sa.Text, nullable=False),
    Column("counts_as_sent", sa.Boolean, nullable=False),
    Column("imported_at", UtcDateTime, nullable=False),
    comment="a foreign source taken in, and whether its post counts as sent",
)

# --------------------------------------------------------------------------------------- editions

digests = Table(
    "digests",
    metadata,
    Column("name", sa.Text, primary_key=True),
    Column("seen_at", UtcDateTime, nullable=False),
    comment="a digest, and when the store first saw it: its slots begin there",
)

slots = Table(
    "slots",
    metadata,
    Column("digest", sa.Text, primary_key=True),
    Column("slot", sa.Text, primary_key=True),
    Column("fire_at", UtcDateTime, nullable=False),
    Column("verdict", sa.String(12), nullable=False),
    Column("decided_at", UtcDateTime, nullable=False),
    _one_of("verdict", ("edition", "nothing_new", "missed")),
    Index(None, "digest", "fire_at"),
    comment="a slot that was decided; two schedulers decide it once",
)

editions = Table(
    "editions",
    metadata,
    Column("id", BIG, primary_key=True),
    Column("digest", sa.Text, nullable=False),
    Column("number", Integer),
    Column("rehearsal", sa.Boolean, nullable=False),
    Column("slot", sa.Text, nullable=False),
    Column("fire_at", UtcDateTime, nullable=False),
    Column("state", sa.String(10), nullable=False),
    Column("reason", sa.Text, nullable=False, server_default=""),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("subject", sa.Text, nullable=False, server_default=""),
    Column("content", sa.Text),
    Column("content_sha256", sa.String(64)),
    Column("audience", Integer, nullable=False, server_default="0"),
    Column("snapshot_id", BIG),
    Column("opened_through", BIG, nullable=False, server_default="0"),
    Column("approved_by", sa.Text, nullable=False, server_default=""),
    Column("approved_at", UtcDateTime),
    Column("drafted_at", UtcDateTime, nullable=False),
    Column("opened_at", UtcDateTime),
    Column("closed_at", UtcDateTime),
    UniqueConstraint("digest", "slot"),
    UniqueConstraint("digest", "rehearsal", "number"),
    _one_of("state", EditionState),
    CheckConstraint("state <> 'held' OR reason <> ''", name="held_reason"),
    CheckConstraint(
        "state IN ('draft', 'held', 'cancelled', 'failed', 'missed') OR content_sha256 IS NOT NULL",
        name="frozen",
    ),
    CheckConstraint("state = 'missed' OR number IS NOT NULL", name="numbered"),
    Index(None, "state", "fire_at"),
    sqlite_autoincrement=True,
    comment="one numbered mailing of a digest for one slot",
)

edition_posts = Table(
    "edition_posts",
    metadata,
    Column("edition_id", ForeignKey("editions.id", ondelete="CASCADE"), primary_key=True),
    Column("post_id", sa.Text, primary_key=True),
    Column("position", Integer),
    Column("source_sha256", sa.String(64), nullable=False, server_default=""),
    Index(None, "post_id"),
    comment="a post of an edition, or without position one that counts as sent since then",
)

letters = Table(
    "letters",
    metadata,
    Column("edition_id", ForeignKey("editions.id", ondelete="CASCADE"), primary_key=True),
    Column("id", Integer, primary_key=True),
    Column("key", sa.String(64), nullable=False),
    Column("post_ids", sa.Text, nullable=False),
    Column("html", sa.Text, nullable=False),
    Column("text", sa.Text, nullable=False),
    UniqueConstraint("edition_id", "key"),
    comment="an edition's mail for one set of its posts, rendered and inlined once",
)

# ------------------------------------------------------------------------------------ subscribers

subscribers = Table(
    "subscribers",
    metadata,
    Column("id", BIG, primary_key=True),
    Column("address", sa.Text, nullable=False),
    Column("address_key", sa.Text, nullable=False, unique=True),
    Column("address_hash", sa.String(64), nullable=False),
    Column("state", sa.String(12), nullable=False),
    Column("discreet", sa.Boolean, nullable=False, server_default=sa.false()),
    Column("plain_text", sa.Boolean, nullable=False, server_default=sa.false()),
    Column("paused_until", UtcDateTime),
    Column("subscribed_at", UtcDateTime, nullable=False),
    Column("confirmed_at", UtcDateTime),
    Column("unsubscribed_at", UtcDateTime),
    Column("source", sa.Text, nullable=False, server_default=""),
    _one_of("state", SubscriberState),
    CheckConstraint("state <> 'active' OR confirmed_at IS NOT NULL", name="consent"),
    Index(None, "address_hash"),
    sqlite_autoincrement=True,  # an erased person's id, on links and receipts, is nobody else's
    comment="a person at an address",
)

consents = Table(
    "consents",
    metadata,
    Column("id", BIG, primary_key=True),
    Column("subscriber_id", ForeignKey("subscribers.id", ondelete="CASCADE"), nullable=False),
    Column("wording", sa.Text, nullable=False),
    Column("wording_sha256", sa.String(64), nullable=False),
    Column("source", sa.Text, nullable=False),
    Column("requested_at", UtcDateTime, nullable=False),
    Column("confirmed_at", UtcDateTime),
    Index(None, "subscriber_id"),
    comment="proof of one consent: wording, where and when",
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("subscriber_id", ForeignKey("subscribers.id", ondelete="CASCADE"), primary_key=True),
    Column("digest", sa.Text, primary_key=True),
    comment="a digest a person chose; no row means every digest",
)

declined_series = Table(
    "declined_series",
    metadata,
    Column("subscriber_id", ForeignKey("subscribers.id", ondelete="CASCADE"), primary_key=True),
    Column("series", sa.Text, primary_key=True),
    comment="a series a person left out",
)

courses = Table(
    "courses",
    metadata,
    Column("subscriber_id", ForeignKey("subscribers.id", ondelete="CASCADE"), primary_key=True),
    Column("series", sa.Text, primary_key=True),
    Column("pace", sa.Text, nullable=False),
    Column("started_on", sa.Date, nullable=False),
    Column("next_due_on", sa.Date),
    Column("ended_at", UtcDateTime),
    comment="a series sent to one subscriber from part 1 at a pace",
)

suppressions = Table(
    "suppressions",
    metadata,
    Column("address_hash", sa.String(64), primary_key=True),
    Column("reason", sa.String(12), nullable=False),
    Column("evidence", sa.Text, nullable=False, server_default=""),
    Column("suppressed_at", UtcDateTime, nullable=False),
    _one_of("reason", ("unsubscribed", "bounced", "complained", "cleaned", "staff", "erased")),
    comment="a standing do-not-mail fact, by keyed hash: it outlives the subscriber",
)

reports = Table(
    "reports",
    metadata,
    Column("sha256", sa.String(64), primary_key=True),
    Column("taken_at", UtcDateTime, nullable=False),
    Column("kind", sa.String(12), nullable=False),
    Column("subscriber_id", BIG, nullable=False),
    Column("edition_id", BIG),
    Column("meaning", sa.String(4)),
    Column("status", sa.String(12), nullable=False, server_default=""),
    Column("reply", sa.Text, nullable=False, server_default=""),
    _one_of("kind", ("bounce", "complaint", "unsubscribe")),
    _one_of("meaning", Meaning),
    CheckConstraint("(kind = 'bounce') = (meaning IS NOT NULL)", name="judged"),
    Index(None, "subscriber_id"),
    comment="a bounce, complaint or mailto unsubscribe that was taken in, once by its digest",
)

# ---------------------------------------------------------------------------------------- ledger

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
    _one_of("state", ("ready", "running", "done")),
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
    Index(
        "ix_deliveries_waiting",
        "edition_id",
        "next_attempt_at",
        sqlite_where=sa.text("state = 3"),
        postgresql_where=sa.text("state = 3"),
    ),
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
    _one_of("outcome", ("deferred", "rejected", "uncertain")),
    UniqueConstraint("edition_id", "subscriber_id", "n", "outcome"),
    comment="an SMTP transaction that did not end in acceptance; the rest is on the row",
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

events = Table(
    "events",
    metadata,
    Column("id", BIG, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", sa.Text, nullable=False),
    Column("verb", sa.Text, nullable=False),
    Column("subject", sa.Text, nullable=False),
    Column("detail", sa.Text, nullable=False, server_default=""),
    Index(None, "subject"),
    comment="what was done, by whom, when: the history of editions, posts and people",
)
