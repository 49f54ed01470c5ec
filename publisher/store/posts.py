"""Pins: what was published under which id, where, and its last good source."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from itertools import islice
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from publisher.editorial.catalog import Record
from publisher.model import PublishedPost
from publisher.store import bump_revision, dialect
from publisher.store.schema import (
    approved_texts,
    imports,
    locations,
    posts,
    reviews,
    series_sources,
    sources,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from publisher.model import Post
    from publisher.store import Transaction

_SOME = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """A post as it is being published: the post, its place, its source and images."""

    post: Post
    part: int | None
    data: bytes
    images: Mapping[str, bytes]


def load_record(tx: Transaction) -> Record:
    """Return every pin, every location ever public and every approval."""
    everywhere = tx.execute(sa.select(locations.c.location, locations.c.post_id))
    approved = tx.execute(sa.select(reviews.c.post_id, reviews.c.source_sha256))
    return Record(
        published=_published(tx),
        locations={location: post_id for location, post_id in everywhere},  # noqa: C416 - rows
        approved=frozenset((post_id, sha256) for post_id, sha256 in approved),
    )


def _published(tx: Transaction, *chosen: sa.ColumnElement[bool]) -> dict[str, PublishedPost]:
    """Return the pins, by turn of publication; their columns are named as what they become."""
    names = [one.name for one in fields(PublishedPost)]
    rows = tx.execute(
        sa.select(*(posts.c[name] for name in names)).where(*chosen).order_by(posts.c.sequence)
    )
    pins = (PublishedPost(**dict(zip(names, row, strict=True))) for row in rows)
    return {pin.post_id: pin for pin in pins}


def last_good(tx: Transaction, post_id: str) -> tuple[bytes, dict[str, bytes]] | None:
    """Return the text and the images of a post as it was last published."""
    rows = tx.execute(
        sa.select(sources.c.name, sources.c.data).where(sources.c.post_id == post_id)
    )
    kept = {row.name: bytes(row.data) for row in rows}
    text = kept.pop("", None)
    return None if text is None else (text, kept)


def pin(
    tx: Transaction,
    publications: Iterable[Publication],
    *,
    archived: frozenset[str],
    now: datetime,
) -> int:
    """Record posts as published, with their last good source; return how many changed.

    ``archived`` holds the paths whose posts count as sent: they came with an archive. A pin's
    sequence, first moment of publication and mark are kept.
    """
    following = (tx.scalar(sa.select(sa.func.max(posts.c.sequence))) or 0) + 1
    count = 0
    for some in _in_turns(publications):
        record = _published(tx, posts.c.post_id.in_([item.post.id for item in some]))
        rows = []
        changed = []
        for item in some:
            before = record.get(item.post.id)
            if before and _is_pinned_as(before, item):
                continue
            sequence = before.sequence if before else following
            following += 0 if before else 1
            is_archived = before.counts_as_sent if before else item.post.path in archived
            facts = {"sequence": sequence, "counts_as_sent": is_archived, "pinned_at": now}
            rows.append(_row(item) | facts)
            changed.append(item)
        dialect.upsert(tx, posts, rows, kept=["pinned_at"])
        places = [{"location": row["location"], "post_id": row["post_id"]} for row in rows]
        dialect.upsert(tx, locations, places)
        _keep_sources(tx, changed, record)
        count += len(rows)
    return count


def _in_turns(publications: Iterable[Publication]) -> Iterator[list[Publication]]:
    """Yield some at a time: all sources of a large site at once are more than a build should hold."""
    waiting = iter(publications)
    while some := list(islice(waiting, _SOME)):
        yield some


def last_good_series(tx: Transaction) -> dict[str, bytes]:
    """Return each series' ``series.toml`` as it last loaded."""
    rows = tx.execute(sa.select(series_sources.c.slug, series_sources.c.data))
    return {row.slug: bytes(row.data) for row in rows}


def keep_series(tx: Transaction, loaded: Mapping[str, bytes]) -> None:
    """Keep the ``series.toml`` of series, as they load now."""
    dialect.upsert(
        tx, series_sources, [{"slug": slug, "data": data} for slug, data in loaded.items()]
    )


def _row(item: Publication) -> dict[str, Any]:
    post = item.post
    return {
        "post_id": post.id,
        "path": post.path,
        "location": post.location,
        "title": post.title,
        "series": post.series,
        "part": item.part,
        "source_sha256": post.source_sha256,
        "published_at": post.published_at,
    }


def _keep_sources(
    tx: Transaction, changed: Sequence[Publication], before: Collection[str]
) -> None:
    """Replace the last good sources of posts: text and images; an image that is gone is gone.

    ``before`` has the ids of those that have some.
    """
    rows = [
        {"post_id": item.post.id, "name": name, "data": data}
        for item in changed
        for name, data in {**item.images, "": item.data}.items()
    ]
    replaced = [item.post.id for item in changed if item.post.id in before]
    tx.execute(sa.delete(sources).where(sources.c.post_id.in_(replaced)))
    dialect.upsert(tx, sources, rows)


def _is_pinned_as(before: PublishedPost, item: Publication) -> bool:
    post = item.post
    return (before.source_sha256, before.path, before.location, before.part) == (
        post.source_sha256,
        post.path,
        post.location,
        item.part,
    )


def withdraw(tx: Transaction, post_id: str, reason: str) -> bool:
    """Take a published post back; return whether it was there and not withdrawn before."""
    changed = tx.execute(
        sa.update(posts)
        .where(posts.c.post_id == post_id, posts.c.withdrawn == "")
        .values(withdrawn=reason)
    )
    bump_revision(tx)
    return changed.rowcount == 1


def approve(
    tx: Transaction,
    post_id: str,
    source_sha256: str,
    *,
    reviewer: str,
    now: datetime,
    note: str = "",
    checked: Sequence[str] = (),
    changes_since: str = "",
    data: bytes | None = None,
) -> bool:
    """Record a person's approval of one exact source, and its text; return whether it is new.

    ``checked`` is what they affirmed; ``changes_since`` the approved text of which they looked at
    the changes alone.
    """
    row = {
        "post_id": post_id,
        "source_sha256": source_sha256,
        "reviewer": reviewer,
        "approved_at": now,
        "note": note,
        "checked": json.dumps(list(checked), ensure_ascii=False),
        "changes_since": changes_since,
    }
    if data is not None:
        key = {"post_id": post_id, "source_sha256": source_sha256}
        dialect.insert_new(tx, approved_texts, [key | {"data": data}])
    bump_revision(tx)
    return dialect.insert_new(tx, reviews, [row]) == 1


def archived_ids(tx: Transaction) -> frozenset[str]:
    """Return the ids of posts that count as sent for every digest."""
    return frozenset(tx.scalars(sa.select(posts.c.post_id).where(posts.c.counts_as_sent)))


def sequences(tx: Transaction) -> dict[str, int]:
    """Return each published post's turn of publication."""
    rows = tx.execute(sa.select(posts.c.post_id, posts.c.sequence))
    return {row.post_id: row.sequence for row in rows}


def imported_paths(tx: Transaction) -> dict[str, str]:
    """Return the post each foreign source became: its SHA-256 → path below ``posts/``."""
    rows = tx.execute(sa.select(imports.c.source_sha256, imports.c.post_path))
    return {row.source_sha256: row.post_path for row in rows}


def archived_paths(tx: Transaction) -> frozenset[str]:
    """Return the paths of imported posts that count as sent."""
    return frozenset(tx.scalars(sa.select(imports.c.post_path).where(imports.c.counts_as_sent)))


def record_import(
    tx: Transaction, source_sha256: str, post_path: str, *, counts_as_sent: bool, now: datetime
) -> None:
    """Remember that a foreign source became a post."""
    row = {
        "source_sha256": source_sha256,
        "post_path": post_path,
        "counts_as_sent": counts_as_sent,
        "imported_at": now,
    }
    dialect.upsert(tx, imports, [row])
    bump_revision(tx)
