"""The tables of the site itself and of what is written: keys, posts, reviews, editions."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, Table, UniqueConstraint

from publisher.model import EditionState, ReviewAnswer
from publisher.store.schema.columns import BIG, KEY_PURPOSES, UtcDateTime, metadata, one_of

site = Table(
    "site",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("epoch", sa.String(36), nullable=False),
    Column("revision", BIG, nullable=False, server_default="0"),
    Column("made_at", UtcDateTime, nullable=False),
    Column("live_at", UtcDateTime),
    Column("live_by", sa.Text, nullable=False, server_default=""),
    CheckConstraint("id = 1", name="single"),
    comment="this database: its epoch, how often what is public has changed, since when it is live",
)

standing = Table(
    "standing",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("home", sa.Text, nullable=False),
    Column("moved_to", sa.Text, nullable=False, server_default=""),
    CheckConstraint("id = 1", name="single"),
    comment="where this database is, and where it moved to",
)

keys = Table(
    "keys",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("purpose", sa.String(10), nullable=False),
    Column("secret", sa.LargeBinary, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("retired_at", UtcDateTime),
    one_of("purpose", KEY_PURPOSES),
    CheckConstraint("purpose <> 'pepper' OR retired_at IS NULL", name="pepper"),
    sqlite_autoincrement=True,
    comment="a secret; the one that is not retired signs, all verify",
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
    Column("checked", sa.Text, nullable=False, server_default="[]"),
    Column("changes_since", sa.String(64), nullable=False, server_default=""),
    comment="a person's approval of one post's exact source and images",
)

approved_texts = Table(
    "approved_texts",
    metadata,
    Column("post_id", sa.Text, primary_key=True),
    Column("source_sha256", sa.String(64), primary_key=True),
    Column("data", sa.LargeBinary, nullable=False),
    comment="the text of an approval, to tell what was changed since",
)

review_requests = Table(
    "review_requests",
    metadata,
    Column("id", BIG, primary_key=True),
    Column("post_id", sa.Text, nullable=False),
    Column("path", sa.Text, nullable=False),
    Column("source_sha256", sa.String(64), nullable=False),
    Column("asked_by", sa.Text, nullable=False),
    Column("reviewer", sa.Text, nullable=False),
    Column("note", sa.Text, nullable=False, server_default=""),
    Column("due_on", sa.Date),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("answer", sa.String(10)),
    Column("answered_by", sa.Text, nullable=False, server_default=""),
    Column("answered_at", UtcDateTime),
    Column("token_sha256", sa.String(64), unique=True),
    Column("token_until", UtcDateTime),
    one_of("answer", ReviewAnswer),
    CheckConstraint("(answer IS NULL) = (answered_at IS NULL)", name="answered"),
    sqlite_autoincrement=True,
    comment="a person asked to review a post, by whom, and what they answered",
)

review_comments = Table(
    "review_comments",
    metadata,
    Column("id", BIG, primary_key=True),
    Column("post_id", sa.Text, nullable=False),
    Column("source_sha256", sa.String(64), nullable=False),
    Column("place", Integer, nullable=False),
    Column("words", sa.Text, nullable=False),
    Column("said_by", sa.Text, nullable=False),
    Column("said", sa.Text, nullable=False),
    Column("said_at", UtcDateTime, nullable=False),
    Column("settled_by", sa.Text, nullable=False, server_default=""),
    Column("settled_at", UtcDateTime),
    CheckConstraint("(settled_by = '') = (settled_at IS NULL)", name="settled"),
    Index(None, "post_id"),
    sqlite_autoincrement=True,
    comment="what a person said of one paragraph of one exact text of a post",
)

review_replies = Table(
    "review_replies",
    metadata,
    Column("id", BIG, primary_key=True),
    Column("comment_id", ForeignKey("review_comments.id", ondelete="CASCADE"), nullable=False),
    Column("said_by", sa.Text, nullable=False),
    Column("said", sa.Text, nullable=False),
    Column("said_at", UtcDateTime, nullable=False),
    Index(None, "comment_id"),
    sqlite_autoincrement=True,
    comment="what was answered to a comment of a review",
)

saves = Table(
    "saves",
    metadata,
    Column("id", BIG, primary_key=True),
    Column("path", sa.Text, nullable=False),
    Column("source_sha256", sa.String(64), nullable=False),
    Column("saved_by", sa.Text, nullable=False),
    Column("saved_at", UtcDateTime, nullable=False),
    Index(None, "path"),
    Index(None, "source_sha256"),
    sqlite_autoincrement=True,
    comment="a post's source as a person of the staff saved it: who wrote what",
)

drafts = Table(
    "drafts",
    metadata,
    Column("editor", sa.Text, primary_key=True),
    Column("path", sa.Text, primary_key=True),
    Column("began_sha256", sa.String(64), nullable=False),
    Column("began", sa.LargeBinary, nullable=False),
    Column("text", sa.Text, nullable=False),
    Column("began_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Index(None, "path"),
    comment="a post as a person is writing it, not saved yet, and what they began from",
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
    one_of("verdict", ("edition", "nothing_new", "missed")),
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
    Column("trial", sa.Boolean, nullable=False, server_default=sa.false()),
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
    one_of("state", EditionState),
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

corrections = Table(
    "corrections",
    metadata,
    Column("edition_id", ForeignKey("editions.id", ondelete="CASCADE"), primary_key=True),
    Column("corrects_id", ForeignKey("editions.id"), nullable=False, index=True),
    Column("subject", sa.Text, nullable=False),
    Column("text", sa.Text, nullable=False),
    Column("post_id", sa.Text, nullable=False, server_default=""),
    comment="what a correction says, and the edition whose readers get it",
)

alerts = Table(
    "alerts",
    metadata,
    Column("key", sa.Text, primary_key=True),
    Column("channel", sa.String(32), primary_key=True),  # a staff member's mail: mail:ID
    Column("edition_id", BIG, nullable=False),
    Column("facts", sa.Text, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("told_at", UtcDateTime),
    Column("next_try_at", UtcDateTime, index=True),
    Column("tries", sa.SmallInteger, nullable=False, server_default="0"),
    comment="something staff had to know, for one channel: told, to be told, or given up",
)

followers = Table(
    "followers",
    metadata,
    Column("path", sa.Text, primary_key=True),
    Column("name", sa.String(40), primary_key=True),
    Column("people", Integer, nullable=False),
    Column("seen_on", sa.Date, nullable=False),
    comment="a service that fetches a feed for many, and for how many it said last",
)
