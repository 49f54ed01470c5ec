"""The whole history of a feed as documents that stay (RFC 5005 §4).

Archives are cut from the oldest post on, in the order of first publication, each as long as the
feed itself. So a document once full keeps its posts for ever, and says nothing that a later post
could change; only its link to the next one appears when there is one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from publisher import urls
from publisher.feeds.describe import last_change, list_posts, newest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from publisher.feeds.describe import Feed, Masthead
    from publisher.model import Catalog, Post


def cut_history(
    live: Sequence[Post], history: Sequence[Post | None], size: int
) -> list[list[Post]]:
    """Return the posts of each archive document, oldest first.

    ``history`` holds every post ever published, in that order, nothing where one was withdrawn. What
    does not fill a document is one only where the live feed leaves some of it out.
    """
    cut = [history[at : at + size] for at in range(0, len(history), size)]
    shown = {post.id for post in live}
    if cut and len(cut[-1]) < size and all(post is None or post.id in shown for post in cut[-1]):
        cut.pop()
    return [[post for post in page if post] for page in cut]


def with_archives(
    live: Feed,
    catalog: Catalog,
    history: Sequence[Post | None],
    masthead: Masthead,
) -> list[Feed]:
    """Return a feed that leads to its archives, and then these, oldest first.

    ``history`` as in ``cut_history``. A complete feed needs no archives.
    """
    if live.is_complete:
        return [live]
    pages = cut_history([listed.post for listed in live.entries], history, masthead.limit)
    root = live.home_url + urls.ARCHIVE.lstrip("/")
    archives = [
        replace(
            live,
            title=f"{live.title} · archive {number}",
            address=f"{root}{number}",
            entries=list_posts(catalog, newest(catalog, page, None), masthead, settled=True),
            updated_at=last_change(page),
            current=live.address,
            prev_archive=f"{root}{number - 1}" if number > 1 else "",
            next_archive=f"{root}{number + 1}" if number < len(pages) else "",
            is_archive=True,
        )
        for number, page in enumerate(pages, 1)
    ]
    latest = archives[-1].address if archives else ""
    return [replace(live, prev_archive=latest), *archives]
