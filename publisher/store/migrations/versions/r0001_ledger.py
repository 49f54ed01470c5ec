"""The ledger: posts, editions, subscribers, deliveries, receipts; one site, one key a purpose."""

from __future__ import annotations

import secrets
import uuid
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from publisher.store.schema import BIG, UtcDateTime

revision = "0001"
down_revision = None

_KEY_PURPOSES = ("link", "bounce", "form", "session", "pepper")


def upgrade() -> None:
    """Make every table, the site's epoch and its first keys."""
    _create()
    made_at = datetime.now(UTC)  # noqa: TID251 - a migration is told nothing
    site = sa.table("site", sa.column("id"), sa.column("epoch"), sa.column("made_at", UtcDateTime))
    op.bulk_insert(site, [{"id": 1, "epoch": str(uuid.uuid4()), "made_at": made_at}])
    keys = sa.table(
        "keys", sa.column("purpose"), sa.column("secret"), sa.column("made_at", UtcDateTime)
    )
    op.bulk_insert(
        keys,
        [
            {"purpose": purpose, "secret": secrets.token_bytes(32), "made_at": made_at}
            for purpose in _KEY_PURPOSES
        ],
    )


def _create() -> None:
    op.create_table(
        "attempts",
        sa.Column("id", BIG, nullable=False),
        sa.Column("edition_id", BIG, nullable=False),
        sa.Column("subscriber_id", BIG, nullable=False),
        sa.Column("n", sa.SmallInteger(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("phase", sa.String(length=8), nullable=False),
        sa.Column("code", sa.SmallInteger(), nullable=True),
        sa.Column("enhanced", sa.String(length=12), nullable=True),
        sa.Column("reply", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint(
            "outcome IN ('deferred', 'rejected', 'uncertain')", name=op.f("ck_attempts_outcome")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
        sa.UniqueConstraint(
            "edition_id",
            "subscriber_id",
            "n",
            "outcome",
            name=op.f("uq_attempts_edition_id_subscriber_id_n_outcome"),
        ),
        comment="an SMTP transaction that did not end in acceptance; the rest is on the row",
    )
    op.create_table(
        "digests",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_digests")),
        comment="a digest, and when the store first saw it: its slots begin there",
    )
    op.create_table(
        "editions",
        sa.Column("id", BIG, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("rehearsal", sa.Boolean(), nullable=False),
        sa.Column("slot", sa.Text(), nullable=False),
        sa.Column("fire_at", UtcDateTime(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("subject", sa.Text(), server_default="", nullable=False),
        sa.Column("content", sa.Text(), nullable=True),
        sa.Column("content_sha256", sa.String(length=64), nullable=True),
        sa.Column("audience", sa.Integer(), server_default="0", nullable=False),
        sa.Column("snapshot_id", BIG, nullable=True),
        sa.Column("opened_through", BIG, server_default="0", nullable=False),
        sa.Column("approved_by", sa.Text(), server_default="", nullable=False),
        sa.Column("approved_at", UtcDateTime(), nullable=True),
        sa.Column("drafted_at", UtcDateTime(), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=True),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "state <> 'held' OR reason <> ''", name=op.f("ck_editions_held_reason")
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'held', 'cancelled', 'failed', 'missed') OR content_sha256 IS NOT NULL",
            name=op.f("ck_editions_frozen"),
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'scheduled', 'ready', 'sending', 'paused', 'sent', 'partial', 'held', 'cancelled', 'failed', 'missed')",
            name=op.f("ck_editions_state"),
        ),
        sa.CheckConstraint(
            "state = 'missed' OR number IS NOT NULL", name=op.f("ck_editions_numbered")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_editions")),
        sa.UniqueConstraint(
            "digest", "rehearsal", "number", name=op.f("uq_editions_digest_rehearsal_number")
        ),
        sa.UniqueConstraint("digest", "slot", name=op.f("uq_editions_digest_slot")),
        comment="one numbered mailing of a digest for one slot",
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_editions_state_fire_at"), "editions", ["state", "fire_at"], unique=False
    )
    op.create_table(
        "events",
        sa.Column("id", BIG, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        comment="what was done, by whom, when: the history of editions, posts and people",
    )
    op.create_index(op.f("ix_events_subject"), "events", ["subject"], unique=False)
    op.create_table(
        "imports",
        sa.Column("source_sha256", sa.String(length=64), nullable=False),
        sa.Column("post_path", sa.Text(), nullable=False),
        sa.Column("counts_as_sent", sa.Boolean(), nullable=False),
        sa.Column("imported_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("source_sha256", name=op.f("pk_imports")),
        comment="a foreign source taken in, and whether its post counts as sent",
    )
    op.create_table(
        "keys",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.String(length=10), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("retired_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "purpose IN ('link', 'bounce', 'form', 'session', 'pepper')",
            name=op.f("ck_keys_purpose"),
        ),
        sa.CheckConstraint(
            "purpose <> 'pepper' OR retired_at IS NULL", name=op.f("ck_keys_pepper")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_keys")),
        comment="a secret; the one that is not retired signs, all verify",
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_keys_signing",
        "keys",
        ["purpose"],
        unique=True,
        sqlite_where=sa.text("retired_at IS NULL"),
        postgresql_where=sa.text("retired_at IS NULL"),
    )
    op.create_table(
        "locations",
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("post_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("location", name=op.f("pk_locations")),
        comment="a location a post was ever published at",
    )
    op.create_table(
        "posts",
        sa.Column("post_id", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("series", sa.Text(), nullable=True),
        sa.Column("part", sa.Integer(), nullable=True),
        sa.Column("source_sha256", sa.String(length=64), nullable=False),
        sa.Column("published_at", UtcDateTime(), nullable=False),
        sa.Column("pinned_at", UtcDateTime(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("withdrawn", sa.Text(), server_default="", nullable=False),
        sa.Column("counts_as_sent", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.CheckConstraint("part IS NULL OR part > 0", name=op.f("ck_posts_part")),
        sa.PrimaryKeyConstraint("post_id", name=op.f("pk_posts")),
        sa.UniqueConstraint("sequence", name=op.f("uq_posts_sequence")),
        comment="a post that was published: its identity, pinned",
    )
    op.create_table(
        "receipts",
        sa.Column("subscriber_id", BIG, nullable=False),
        sa.Column("post_id", sa.Text(), nullable=False),
        sa.Column("edition_id", BIG, nullable=False),
        sa.PrimaryKeyConstraint("subscriber_id", "post_id", name=op.f("pk_receipts")),
        comment="the fact that this subscriber has this post",
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_receipts_edition_id"), "receipts", ["edition_id"], unique=False)
    op.create_table(
        "rehearsal_receipts",
        sa.Column("subscriber_id", BIG, nullable=False),
        sa.Column("post_id", sa.Text(), nullable=False),
        sa.Column("edition_id", BIG, nullable=False),
        sa.PrimaryKeyConstraint("subscriber_id", "post_id", name=op.f("pk_rehearsal_receipts")),
        comment="the same for rehearsals, kept apart: nothing left the machine",
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_rehearsal_receipts_edition_id"),
        "rehearsal_receipts",
        ["edition_id"],
        unique=False,
    )
    op.create_table(
        "reviews",
        sa.Column("post_id", sa.Text(), nullable=False),
        sa.Column("source_sha256", sa.String(length=64), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("approved_at", UtcDateTime(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("post_id", "source_sha256", name=op.f("pk_reviews")),
        comment="a person's approval of one post's exact source and images",
    )
    op.create_table(
        "site",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.String(length=36), nullable=False),
        sa.Column("revision", BIG, server_default="0", nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_site_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site")),
        comment="this database: its epoch, and how often what is public has changed",
    )
    op.create_table(
        "series_sources",
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("slug", name=op.f("pk_series_sources")),
        comment="the last good series.toml of a series",
    )
    op.create_table(
        "slots",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("slot", sa.Text(), nullable=False),
        sa.Column("fire_at", UtcDateTime(), nullable=False),
        sa.Column("verdict", sa.String(length=12), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "verdict IN ('edition', 'nothing_new', 'missed')", name=op.f("ck_slots_verdict")
        ),
        sa.PrimaryKeyConstraint("digest", "slot", name=op.f("pk_slots")),
        comment="a slot that was decided; two schedulers decide it once",
    )
    op.create_index(op.f("ix_slots_digest_fire_at"), "slots", ["digest", "fire_at"], unique=False)
    op.create_table(
        "subscribers",
        sa.Column("id", BIG, nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("address_key", sa.Text(), nullable=False),
        sa.Column("address_hash", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("discreet", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("plain_text", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("paused_until", UtcDateTime(), nullable=True),
        sa.Column("subscribed_at", UtcDateTime(), nullable=False),
        sa.Column("confirmed_at", UtcDateTime(), nullable=True),
        sa.Column("unsubscribed_at", UtcDateTime(), nullable=True),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint(
            "state <> 'active' OR confirmed_at IS NOT NULL", name=op.f("ck_subscribers_consent")
        ),
        sa.CheckConstraint(
            "state IN ('pending', 'active', 'unsubscribed')", name=op.f("ck_subscribers_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscribers")),
        sa.UniqueConstraint("address_key", name=op.f("uq_subscribers_address_key")),
        comment="a person at an address",
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_subscribers_address_hash"), "subscribers", ["address_hash"], unique=False
    )
    op.create_table(
        "suppressions",
        sa.Column("address_hash", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=12), nullable=False),
        sa.Column("evidence", sa.Text(), server_default="", nullable=False),
        sa.Column("suppressed_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "reason IN ('unsubscribed', 'bounced', 'complained', 'cleaned', 'staff', 'erased')",
            name=op.f("ck_suppressions_reason"),
        ),
        sa.PrimaryKeyConstraint("address_hash", name=op.f("pk_suppressions")),
        comment="a standing do-not-mail fact, by keyed hash: it outlives the subscriber",
    )
    op.create_table(
        "chunks",
        sa.Column("edition_id", BIG, nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("lo", BIG, nullable=False),
        sa.Column("hi", BIG, nullable=False),
        sa.Column("state", sa.String(length=8), server_default="ready", nullable=False),
        sa.Column("token", BIG, server_default="0", nullable=False),
        sa.Column("owner", sa.Text(), server_default="", nullable=False),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("not_before", UtcDateTime(), nullable=True),
        sa.Column("takeovers", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint("state IN ('ready', 'running', 'done')", name=op.f("ck_chunks_state")),
        sa.CheckConstraint("lo <= hi", name=op.f("ck_chunks_range")),
        sa.ForeignKeyConstraint(
            ["edition_id"], ["editions.id"], name=op.f("fk_chunks_edition_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("edition_id", "id", name=op.f("pk_chunks")),
        comment="a range of an edition's deliveries, by subscriber id: claimed, leased, fenced",
    )
    op.create_table(
        "consents",
        sa.Column("id", BIG, nullable=False),
        sa.Column("subscriber_id", BIG, nullable=False),
        sa.Column("wording", sa.Text(), nullable=False),
        sa.Column("wording_sha256", sa.String(length=64), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("requested_at", UtcDateTime(), nullable=False),
        sa.Column("confirmed_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscribers.id"],
            name=op.f("fk_consents_subscriber_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
        comment="proof of one consent: wording, where and when",
    )
    op.create_index(op.f("ix_consents_subscriber_id"), "consents", ["subscriber_id"], unique=False)
    op.create_table(
        "courses",
        sa.Column("subscriber_id", BIG, nullable=False),
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("pace", sa.Text(), nullable=False),
        sa.Column("started_on", sa.Date(), nullable=False),
        sa.Column("next_due_on", sa.Date(), nullable=True),
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
    op.create_table(
        "declined_series",
        sa.Column("subscriber_id", BIG, nullable=False),
        sa.Column("series", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscribers.id"],
            name=op.f("fk_declined_series_subscriber_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("subscriber_id", "series", name=op.f("pk_declined_series")),
        comment="a series a person left out",
    )
    op.create_table(
        "deliveries",
        sa.Column("edition_id", BIG, nullable=False),
        sa.Column("subscriber_id", BIG, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("letter_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("token", BIG, server_default="0", nullable=False),
        sa.Column("first_attempt_at", UtcDateTime(), nullable=True),
        sa.Column("next_attempt_at", UtcDateTime(), nullable=True),
        sa.Column("code", sa.SmallInteger(), nullable=True),
        sa.Column("enhanced", sa.String(length=12), nullable=True),
        sa.Column("reply", sa.Text(), nullable=True),
        sa.CheckConstraint("state BETWEEN 0 AND 8", name=op.f("ck_deliveries_state")),
        sa.ForeignKeyConstraint(
            ["edition_id"],
            ["editions.id"],
            name=op.f("fk_deliveries_edition_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("edition_id", "subscriber_id", name=op.f("pk_deliveries")),
        comment="one letter to one subscriber",
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_deliveries_waiting",
        "deliveries",
        ["edition_id", "next_attempt_at"],
        unique=False,
        sqlite_where=sa.text("state = 3"),
        postgresql_where=sa.text("state = 3"),
    )
    op.create_table(
        "edition_posts",
        sa.Column("edition_id", BIG, nullable=False),
        sa.Column("post_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("source_sha256", sa.String(length=64), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["edition_id"],
            ["editions.id"],
            name=op.f("fk_edition_posts_edition_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("edition_id", "post_id", name=op.f("pk_edition_posts")),
        comment="a post of an edition, or without position one that counts as sent since then",
    )
    op.create_index(op.f("ix_edition_posts_post_id"), "edition_posts", ["post_id"], unique=False)
    op.create_table(
        "letters",
        sa.Column("edition_id", BIG, nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("post_ids", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["edition_id"], ["editions.id"], name=op.f("fk_letters_edition_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("edition_id", "id", name=op.f("pk_letters")),
        sa.UniqueConstraint("edition_id", "key", name=op.f("uq_letters_edition_id_key")),
        comment="an edition's mail for one set of its posts, rendered and inlined once",
    )
    op.create_table(
        "sources",
        sa.Column("post_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["post_id"], ["posts.post_id"], name=op.f("fk_sources_post_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("post_id", "name", name=op.f("pk_sources")),
        comment="the last good source of a published post, '' its text, else an image by name",
    )
    op.create_table(
        "subscriptions",
        sa.Column("subscriber_id", BIG, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscribers.id"],
            name=op.f("fk_subscriptions_subscriber_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("subscriber_id", "digest", name=op.f("pk_subscriptions")),
        comment="a digest a person chose; no row means every digest",
    )
