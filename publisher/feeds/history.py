"""The whole history of a feed as documents that stay (RFC 5005 §4).

Archives are cut from the oldest post on, in the order of first publication, each as long as the
feed itself. So a document once full keeps its posts for ever, and says nothing that a later post
could change; only its link to the next one appears when there is one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """One document of a feed's past: what it holds is known, its words are made when it is written."""

    live: Feed
    number: int
    is_last: bool
    posts: Sequence[Post]

    @property
    def address(self) -> str:
        """As a feed's."""
        return self._address(self.number)

    def describe(self, catalog: Catalog, masthead: Masthead) -> Feed:
        """Return it as a feed."""
        number = self.number
        return replace(
            self.live,
            title=f"{self.live.title} · archive {number}",
            address=self.address,
            entries=list_posts(catalog, newest(catalog, self.posts, None), masthead, settled=True),
            updated_at=last_change(self.posts),
            current=self.live.address,
            prev_archive=self._address(number - 1) if number > 1 else "",
            next_archive="" if self.is_last else self._address(number + 1),
            is_archive=True,
        )

    def _address(self, number: int) -> str:
        return f"{self.live.home_url}{urls.ARCHIVE.lstrip('/')}{number}"


def cut_archives(
    live: Feed, history: Sequence[Post | None], size: int
) -> tuple[Feed, list[Archive]]:
    """Return a feed that leads to its archives, and these, oldest first.

    ``history`` and ``size`` as in ``cut_history``. A complete feed needs no archives.
    """
    if live.is_complete:
        return live, []
    pages = cut_history([listed.post for listed in live.entries], history, size)
    archives = [
        Archive(live=live, number=number, is_last=number == len(pages), posts=page)
        for number, page in enumerate(pages, 1)
    ]
    return replace(live, prev_archive=archives[-1].address if archives else ""), archives
