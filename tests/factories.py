"""Values for tests: plain functions, every field defaulted, every change by name."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from publisher import urls
from publisher.editorial.catalog import Record, Sources, decide_catalog
from publisher.editorial.choice import History
from publisher.errors import Problem
from publisher.model import (
    Address,
    Catalog,
    Edition,
    EditionContent,
    EditionState,
    LetterPost,
    Post,
    PublishedPost,
    Ruling,
    SeriesInfo,
    Subscriber,
    SubscriberState,
    Verdict,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
"""When tests happen, where nothing else is said."""
SITE_ID = "7f9c24e5-1c1b-4f0e-9f52-2d1f5b8f4a11"
SITE_URL = "https://letters.example"


def make_id(location: str) -> str:
    """The id that a post of the site of tests has by its first location."""
    return urls.post_id(SITE_ID, location)


def make_sha256(*facts: object) -> str:
    """A digest of anything."""
    return hashlib.sha256(repr(facts).encode()).hexdigest()


# ------------------------------------------------------------------------------------------ posts


def make_post(
    slug: str = "sleep",
    *,
    series: str | None = None,
    part: int | None = None,
    days: float = -1,
    **changes: Any,
) -> Post:
    """A post, loose where no series is given, dated ``days`` after NOON; as its file would say.

    Its path, id and title follow from its slug, series and part; its digest from its title,
    summary and ``draft`` and ``withdrawn``, as an edit would change it.
    """
    location = f"{series}/{slug}" if series else slug
    aliases = tuple(changes.pop("aliases", ()))
    name = f"{part:02}-{slug}" if part else slug
    fields: dict[str, Any] = {
        "id": make_id(aliases[0] if aliases else location),
        "path": f"{series}/{name}.md" if series else f"{name}.md",
        "series": series,
        "slug": slug,
        "title": slug.replace("-", " ").capitalize(),
        "published_at": NOON + timedelta(days=days),
        "summary": f"What there is to say of {slug.replace('-', ' ')}.",
        "part": part,
        "aliases": aliases,
        **changes,
    }
    said = [fields.get(key) for key in ("title", "summary", "draft", "withdrawn")]
    fields.setdefault("source_sha256", make_sha256(*said))
    return Post(**fields)


def make_series_posts(series: str = "therapies", count: int = 3, **changes: Any) -> list[Post]:
    """The parts 1 to ``count`` of a series, a day apart, the last one a day before NOON."""
    return [
        make_post(f"part-{n}", series=series, part=n, days=n - count - 1, **changes)
        for n in range(1, count + 1)
    ]


def make_series_info(slug: str = "therapies", **changes: Any) -> SeriesInfo:
    """What ``series.toml`` says."""
    return SeriesInfo(**{"slug": slug, "title": slug.replace("-", " ").capitalize(), **changes})


def make_published(post: Post | None = None, **changes: Any) -> PublishedPost:
    """What the store pins of a post once it was published."""
    post = post or make_post()
    fields: dict[str, Any] = {
        "post_id": post.id,
        "path": post.path,
        "location": post.location,
        "title": post.title,
        "series": post.series,
        "part": post.part,
        "source_sha256": post.source_sha256,
        "sequence": 1,
        "published_at": post.published_at,
        **changes,
    }
    return PublishedPost(**fields)


def make_record(
    *published: PublishedPost | Post,
    approved: Iterable[Post] = (),
    locations: Mapping[str, str] | None = None,
) -> Record:
    """What the store knows: posts pinned as they are, in turn, and earlier locations by post id."""
    pins = [
        make_published(one, sequence=turn) if isinstance(one, Post) else one
        for turn, one in enumerate(published, start=1)
    ]
    return Record(
        published={pin.post_id: pin for pin in pins},
        locations={pin.location: pin.post_id for pin in pins} | dict(locations or {}),
        approved=frozenset((post.id, post.source_sha256) for post in approved),
    )


def make_problem(path: str = "posts/sleep.md", **changes: Any) -> Problem:
    """Something wrong with a source."""
    fields: dict[str, Any] = {"code": "post.title", "expected": "a title", "got": "nothing"}
    return Problem(path=path, **(fields | changes))


def make_catalog(
    *posts: Post,
    infos: Iterable[SeriesInfo] = (),
    record: Record | None = None,
    now: datetime = NOON,
) -> Catalog:
    """The catalog of posts that all load, decided as the product decides it."""
    sources = Sources(posts=posts, infos={info.slug: info for info in infos})
    return decide_catalog(
        sources, record or Record(), lambda _: None, now=now, review_required=False
    )


def make_ruling(path: str = "sleep.md", **changes: Any) -> Ruling:
    """A verdict on a source."""
    fields: dict[str, Any] = {"post_id": None, "verdict": Verdict.ERROR, "reason": "it is broken"}
    return Ruling(path=path, **(fields | changes))


# --------------------------------------------------------------------------- editions and letters


def make_history(*, started: bool = True, taken: Iterable[str] = (), **changes: Any) -> History:
    """What a digest has had before."""
    fields: dict[str, Any] = {"archived": frozenset(), **changes}
    return History(started=started, taken=frozenset(taken), **fields)


def make_edition(**changes: Any) -> Edition:
    """A draft of the weekly digest's first edition."""
    fields: dict[str, Any] = {
        "id": 1,
        "digest": "weekly",
        "number": 1,
        "rehearsal": False,
        "slot": "2026-11-24T07:30[America/New_York]",
        "fire_at": NOON + timedelta(minutes=30),
        "state": EditionState.DRAFT,
    }
    return Edition(**(fields | changes))


def make_letter_post(post: Post | None = None, **changes: Any) -> LetterPost:
    """A post as a letter shows it, with its full text."""
    post = post or make_post()
    fields: dict[str, Any] = {
        "post_id": post.id,
        "path": post.path,
        "source_sha256": post.source_sha256,
        "title": post.title,
        "url": f"{SITE_URL}/{post.location}/",
        "summary": post.summary,
        "html": f"<p>{post.summary}</p>",
        "text": post.summary,
        "words": len(post.summary.split()),
        "series": post.series or "",
        "series_title": (post.series or "").capitalize(),
        "series_url": f"{SITE_URL}/{post.series}/" if post.series else "",
        "part": post.part,
        "total": post.part,
    }
    return LetterPost(**(fields | changes))


def make_content(posts: Sequence[LetterPost] | None = None, **changes: Any) -> EditionContent:
    """What the weekly digest's first edition is made of: one post, unless others are given."""
    fields: dict[str, Any] = {
        "digest": "weekly",
        "number": 1,
        "rehearsal": False,
        "title": "Weekly letter",
        "dated_on": "2026-11-24",
        "subject": "Weekly letter: Sleep",
        "discreet_subject": "Your weekly reading",
        "preheader": "What there is to say of sleep.",
        "intro": "",
        "posts": tuple([make_letter_post()] if posts is None else posts),
        "site_name": "Riverside Letters",
        "site_url": SITE_URL,
        "language": "en-US",
        "author": "Riverside Psychiatry",
        "accent": "#0b5c6e",
        "notice": "General information, not medical advice.",
        "crisis": "In the US call or text 988.",
        "postal_address": "1 River Street, Springfield",
        "web_url": f"{SITE_URL}/editions/weekly/1/",
        "audience_rule": "confirmed subscribers of this digest",
        "templates_sha256": make_sha256("templates"),
    }
    return EditionContent(**(fields | changes))


# ------------------------------------------------------------------------------------ subscribers


def make_address(typed: str = "reader@example.org", **changes: Any) -> Address:
    """An address that can be mailed."""
    return Address(**{"typed": typed, "key": typed.casefold(), **changes})


def make_subscriber(number: int = 1, **changes: Any) -> Subscriber:
    """A confirmed reader of every digest."""
    fields: dict[str, Any] = {
        "id": number,
        "address": make_address(f"reader-{number}@example.org"),
        "state": SubscriberState.ACTIVE,
        "subscribed_at": NOON - timedelta(days=30),
        "confirmed_at": NOON - timedelta(days=30),
    }
    return Subscriber(**(fields | changes))
