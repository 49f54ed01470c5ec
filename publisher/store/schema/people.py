"""The tables of people: subscribers, what they chose and agreed to, who must not be mailed."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Table

from publisher.model import CourseMark, Meaning, SubscriberState
from publisher.store.schema.columns import BIG, UtcDateTime, metadata, one_of

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
    one_of("state", SubscriberState),
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
    Column("rehearsed_due_on", sa.Date),
    Column("ended_at", UtcDateTime),
    Index(None, "series", "subscriber_id"),
    comment="a series sent to one subscriber from part 1 at a pace",
)

course_marks = Table(
    "course_marks",
    metadata,
    Column("subscriber_id", ForeignKey("subscribers.id", ondelete="CASCADE"), primary_key=True),
    Column("post_id", sa.Text, primary_key=True),
    Column("rehearsal", sa.Boolean, primary_key=True),
    Column("mark", sa.String(8), nullable=False),
    one_of("mark", CourseMark),
    comment="what a reader wants of one part that receipts do not say",
)

suppressions = Table(
    "suppressions",
    metadata,
    Column("address_hash", sa.String(64), primary_key=True),
    Column("reason", sa.String(12), nullable=False),
    Column("evidence", sa.Text, nullable=False, server_default=""),
    Column("suppressed_at", UtcDateTime, nullable=False),
    one_of("reason", ("unsubscribed", "bounced", "complained", "cleaned", "staff", "erased")),
    Index("ix_suppressions_newest", "suppressed_at", "address_hash"),
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
    one_of("kind", ("bounce", "complaint", "unsubscribe")),
    one_of("meaning", Meaning),
    CheckConstraint("(kind = 'bounce') = (meaning IS NOT NULL)", name="judged"),
    Index(None, "subscriber_id"),
    comment="a bounce, complaint or mailto unsubscribe that was taken in, once by its digest",
)

notices = Table(
    "notices",
    metadata,
    Column("id", BIG, primary_key=True),
    Column("kind", sa.String(8), nullable=False),
    Column("subscriber_id", BIG),
    Column("consent_id", BIG),
    Column("staff_id", BIG),
    Column("address_hash", sa.String(64), nullable=False),
    Column("address", sa.Text, nullable=False, server_default=""),
    Column("made_at", UtcDateTime, nullable=False),
    Column("state", sa.String(8), nullable=False, server_default="pending"),
    Column("attempts", sa.SmallInteger, nullable=False, server_default="0"),
    Column("next_attempt_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("used_at", UtcDateTime),
    Column("asked_again", sa.Integer, nullable=False, server_default="0"),
    Column("reply", sa.Text, nullable=False, server_default=""),
    one_of("kind", ("confirm", "known", "welcome", "erase", "move", "sign-in")),
    one_of("state", ("pending", "sent", "failed", "withheld")),
    Index(None, "address_hash"),
    sqlite_autoincrement=True,  # a link is made of its number, which is nobody else's ever
    comment="a transactional mail to one person: asked for, and what became of it",
)
