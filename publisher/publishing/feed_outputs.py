"""The feeds among the public site's files: of the site, of each series, tag and author, and archives."""

from __future__ import annotations

from collections import defaultdict
from functools import cache, partial
from typing import TYPE_CHECKING

from publisher import feeds, urls
from publisher.publishing.digests import digest, source_facts
from publisher.publishing.press import Output

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from publisher.config import Config
    from publisher.model import Catalog, Post
    from publisher.publishing.press import Press, Subjects


def list_feeds(press: Press, catalog: Catalog, subjects: Subjects) -> Iterator[Output]:
    """List every feed in its three formats, and the list of feeds."""
    masthead = press.masthead
    folder = _Folder(press, catalog)
    shown = {post.id: post for post in catalog.posts}
    history: list[Post | None] = []
    by_series: defaultdict[str | None, list[Post | None]] = defaultdict(list)
    for post_id, slug in press.history:
        history.append(shown.get(post_id))
        by_series[slug].append(shown.get(post_id))
    yield from folder.list_past(feeds.site_feed(catalog, masthead), history)
    for series in catalog.series:
        live = feeds.series_feed(catalog, series, masthead)
        yield from folder.list_past(live, by_series[series.slug])
    yield _opml(press.config, catalog, subjects)
    for tag, posts in subjects.tags.values():
        yield from folder.list_live(feeds.tag_feed(catalog, tag, posts, masthead))
    for author, written in subjects.authors.values():
        yield from folder.list_live(feeds.author_feed(catalog, author, written, masthead))


class _Folder:
    """What every feed of one build is listed from."""

    def __init__(self, press: Press, catalog: Catalog) -> None:
        self._press = press
        self._catalog = catalog
        self._said = digest(press.masthead)
        self._settled: dict[str, str] = {}

    def list_past(self, live: feeds.Feed, history: list[Post | None]) -> Iterator[Output]:
        """List a feed and its archives."""
        live, archives = feeds.cut_archives(live, history, self._press.masthead.limit)
        yield from self.list_live(live)
        for archive in archives:
            # A large site has more of them than of all else, and most stay as they are.
            describe = cache(partial(archive.describe, self._catalog, self._press.masthead))
            made_from = (live.title, live.subtitle, archive.number, archive.is_last)
            facts = [self._settled_facts(post) for post in archive.posts]
            yield from self._in_all_forms(
                archive.address, digest(made_from, facts), archive.posts, describe, is_archive=True
            )

    def list_live(self, feed: feeds.Feed) -> Iterator[Output]:
        """List a feed without its archives."""
        made_from = (feed.title, feed.subtitle, feed.is_complete, feed.prev_archive)
        posts = [listed.post for listed in feed.entries]
        facts = [self._facts(post, settled=False) for post in posts]
        yield from self._in_all_forms(
            feed.address, digest(made_from, facts), posts, lambda: feed, is_archive=False
        )

    def _in_all_forms(
        self,
        address: str,
        made_from: str,
        posts: Sequence[Post],
        describe: Callable[[], feeds.Feed],
        *,
        is_archive: bool,
    ) -> Iterator[Output]:
        name = address.removeprefix(self._press.config.site.url).lstrip("/")
        for form in urls.FEED_FORMATS:
            yield Output(
                file=f"{name}.{form}",
                inputs=digest(self._said, made_from, form),
                make=partial(self._make, describe, form),
                feed=True,
                archive=is_archive,
                carries=tuple(posts),
            )

    def _make(self, describe: Callable[[], feeds.Feed], form: feeds.Form) -> bytes:
        return feeds.write(describe(), form, self._press.plates)

    def _settled_facts(self, post: Post) -> str:
        """Return as below; a post stands in an archive of the site and in one of its series."""
        if post.id not in self._settled:
            self._settled[post.id] = self._facts(post, settled=True)
        return self._settled[post.id]

    def _facts(self, post: Post, *, settled: bool) -> str:
        """Return what an entry in a feed is made from: the post, its links, its place."""
        catalog = self._catalog
        place = feeds.standing_facts(
            catalog.place(post), redirects=catalog.redirects, settled=settled
        )
        return repr((*source_facts(post), self._press.library.link_facts(post), *place))


def _opml(config: Config, catalog: Catalog, subjects: Subjects) -> Output:
    site = config.site
    folders = [(site.name, urls.HOME)]
    folders += [(one.title, urls.post_path(one.slug)) for one in catalog.series]
    folders += [(tag, urls.tag_path(tag)) for tag, _ in subjects.tags.values()]
    folders += [(author.name, path) for path, (author, _) in subjects.authors.items()]
    data = feeds.write_opml(
        site.name,
        [
            (
                title,
                urls.absolute(site.url, urls.feed_path(folder, "atom")),
                urls.absolute(site.url, folder),
            )
            for title, folder in folders
        ],
    )
    return Output(file="feeds.opml", inputs=digest(data), make=lambda: data, feed=True)
