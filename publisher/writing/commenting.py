"""Comments on single paragraphs: said, answered, settled, and shown at the text as it is now."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from publisher import posts
from publisher.editorial import placing
from publisher.errors import NotFound, Problem, Refused
from publisher.store import comments, reviews
from publisher.writing.opening import show_body
from publisher.writing.reviewing import read_exact

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from publisher.config import Config
    from publisher.model import Comment, Note
    from publisher.store import Store

MOST_SAID: Final = 4_000
"""Characters of one comment or answer."""
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_MOST_WORDS: Final = 20_000
"""Characters of a paragraph that another text than the present one had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A post's text as a reviewer reads it."""

    blocks: tuple[tuple[posts.Block, tuple[Comment, ...]], ...]
    """Each paragraph with what was said of it."""
    gone: tuple[Comment, ...]
    """What was said of text that is there no more."""
    claims: tuple[posts.Claim, ...]
    notes: tuple[Note, ...]


def read_text(config: Config, path: str, data: bytes, said: Iterable[Comment]) -> Reading:
    """Return a post's text with each comment once; raises NotFound, ContentError for no text."""
    body = show_body(config, path, data).body
    blocks = posts.take_blocks(body.html)
    placed = placing.place([one.words for one in blocks], said)
    return Reading(
        blocks=tuple(zip(blocks, placed.at, strict=True)),
        gone=placed.gone,
        claims=posts.take_claims(body),
        notes=body.notes,
    )


def comment(
    config: Config,
    store: Store,
    path: str,
    text: str,
    *,
    source_sha256: str,
    place: int,
    words: str,
    by: str,
    now: datetime,
) -> int:
    """Say something of one paragraph of a text; return the comment's number.

    ``source_sha256`` is the text that was looked at and ``words`` what its paragraph said: where the
    file was edited meanwhile, the comment is still about that. Raises Refused for nothing said.
    """
    exact = read_exact(config, path)
    said = _said(text, path)
    if source_sha256 == exact.post.source_sha256:
        blocks = posts.take_blocks(show_body(config, path, exact.source.data).body.html)
        if not 0 <= place < len(blocks):
            raise NotFound(_unknown(f"paragraph {place + 1}", path))
        words = blocks[place].words
    elif not _SHA256.fullmatch(source_sha256):
        raise NotFound(_unknown("a paragraph of an unknown text", path))
    with store.write() as tx:
        made = comments.add(
            tx,
            post_id=exact.post.id,
            source_sha256=source_sha256,
            place=place,
            words=words.replace("\0", "")[:_MOST_WORDS],
            by=by,
            text=said,
            now=now,
        )
        reviews.note(tx, exact.post.id, "commented", by=by, now=now, detail=f"comment {made}")
    return made


def answer_comment(
    config: Config,
    store: Store,
    path: str,
    comment_id: int,
    text: str = "",
    *,
    by: str,
    now: datetime,
    settled: bool | None = None,
) -> None:
    """Answer a comment, mark it as settled or open it again, or both.

    Raises NotFound, and Refused where there is neither an answer nor a mark.
    """
    post_id = read_exact(config, path).post.id
    said = _said(text, path) if text.strip() or settled is None else ""
    with store.write() as tx:
        if all(one.id != comment_id for one in comments.read_all(tx, post_id)):
            raise NotFound(_unknown(f"comment {comment_id}", path))
        acts = []
        if said:
            comments.add_reply(tx, comment_id, by=by, text=said, now=now)
            acts.append("answered")
        if settled is not None and comments.set_settled(
            tx, comment_id, by=by, now=now if settled else None
        ):
            acts.append("settled" if settled else "reopened")
        for verb in acts:
            reviews.note(tx, post_id, verb, by=by, now=now, detail=f"comment {comment_id}")


def _said(text: str, path: str) -> str:
    said = text.strip()
    if said and len(said) <= MOST_SAID and "\0" not in said:
        return said
    raise Refused(
        Problem(
            code="review.comment",
            path=f"posts/{path}",
            expected=f"a comment of 1 to {MOST_SAID:,} characters",
            got=f"{len(said):,}" if said else "none",
            hint="A sentence is enough. What you wrote is still here." if said else "",
        )
    )


def _unknown(got: str, path: str) -> Problem:
    return Problem(
        code="comment.unknown",
        path=f"posts/{path}",
        expected="a paragraph or a comment that is there",
        got=got,
        hint="Look at the review page anew.",
    )
