"""Digests of what outputs are made from: where two are alike, nothing has to be rendered."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from publisher.model import Post


def digest(*parts: object) -> str:
    """Return a digest of values; a set's order differs between processes, so give none."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def together(digests: Iterable[str]) -> str:
    """Return a digest of digests, in their order."""
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def source_facts(post: Post) -> tuple[object, ...]:
    """Return what a post's own text is made from."""
    return (post.path, post.location, post.part, post.source_sha256)


def digest_said(post: Post) -> str:
    """Return a digest of what is said of a post elsewhere than in its own text."""
    return digest(
        *(post.id, post.location, post.title, post.summary),
        *(post.published_at.isoformat(), post.tags),
        # Plain values: what a dataclass or an enumeration says of itself takes far longer.
        [(author.name, author.credentials, author.url) for author in post.authors],
        sorted([channel.value for channel in post.channels]),
    )
