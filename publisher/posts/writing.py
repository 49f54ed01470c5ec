"""The text of a new post, and where it goes."""

from __future__ import annotations

from itertools import chain, count
from typing import TYPE_CHECKING

from publisher import urls
from publisher.posts.files import name_of
from publisher.posts.frontmatter import compose

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date
    from pathlib import Path

_PLACEHOLDER = "Write the post here."


def draft(
    title: str,
    *,
    post_id: str,
    date: date,
    summary: str = "",
    part: int | None = None,
    is_draft: bool = True,
    body: str = "",
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
    return compose(front, body or _PLACEHOLDER)


def free_path(root: Path, series: str | None, slug: str, promised: Iterable[str] = ()) -> str:
    """Return a path for a new post: the next number of its series, an address of its own.

    ``promised`` are paths that will be there. Names that differ only in case are the same to some
    file systems, so they are to us.
    """
    folder = root / series if series else root
    entries = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    paths = [f"{series}/{name}" if series else name for name in entries]
    names = [name_of(path) for path in (*paths, *promised)]
    beside = [name for name in names if name.series == series]
    taken = {name.slug.casefold() for name in beside}
    taken |= urls.RESERVED_IN_SERIES if series else urls.RESERVED
    tries = chain([slug], (f"{slug}-{number}" for number in count(2)))
    free = next(one for one in tries if one not in taken)
    number = max((name.part or 0 for name in beside), default=0) + 1
    return f"{series}/{number:02d}-{free}.md" if series else f"{free}.md"
