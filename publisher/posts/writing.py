"""The text of a new post."""

from __future__ import annotations

from typing import TYPE_CHECKING

from publisher.posts.frontmatter import compose

if TYPE_CHECKING:
    from datetime import date


def draft(
    title: str,
    *,
    post_id: str,
    date: date,
    summary: str = "",
    part: int | None = None,
    is_draft: bool = True,
) -> str:
    """Return the text of a new post, which ``parse`` accepts: its keys and one line to replace.

    ``date`` may be a local time. It is marked ``draft: true`` unless told otherwise, so that it
    is not published before it is written.
    """
    front = {
        "id": post_id,
        "title": title,
        "date": date,
        "summary": summary or None,
        "part": part,
        "draft": is_draft or None,
    }
    return compose(front, "Write the post here.")
