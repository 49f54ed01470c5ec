"""The feeds among the public site's files: of the site, of each series, tag and author, and archives."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING

from publisher import feeds, urls
from publisher.publishing.press import Output, by_author, digest, source_facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from publisher.config import Config
    from publisher.model import Catalog, Post
    from publisher.publishing.press import Press, Tagged


def list_feeds(press: Press, catalog: Catalog, tagged: Tagged) -> Iterator[Output]:
    """List every feed in its three formats, and the list of feeds."""
    masthead = press.masthead
    said = digest(masthead)
    shown = {post.id: post for post in catalog.posts}
    history: list[Post | None] = []
    by_series: defaultdict[str | None, list[Post | None]] = defaultdict(list)
    for post_id, slug in press.history:
        history.append(shown.get(post_id))
        by_series[slug].append(shown.get(post_id))
    live = feeds.site_feed(catalog, masthead)
    yield from _in_all_forms(press, feeds.with_archives(live, catalog, history, masthead), said)
    for series in catalog.series:
        live = feeds.series_feed(catalog, series, masthead)
        past = by_series[series.slug]
        yield from _in_all_forms(press, feeds.with_archives(live, catalog, past, masthead), said)
    yield _opml(press.config, catalog, tagged)
    for tag, posts in tagged.values():
        yield from _in_all_forms(press, [feeds.tag_feed(catalog, tag, posts, masthead)], said)
    for author, written in by_author(catalog).values():
        feed = feeds.author_feed(catalog, author, written, masthead)
        yield from _in_all_forms(press, [feed], said)


def _in_all_forms(press: Press, described: list[feeds.Feed], said: str) -> Iterator[Output]:
    for feed in described:
        inputs = digest(
            said,
            (feed.title, feed.subtitle, feed.updated_at.isoformat(), feed.is_complete),
            (feed.prev_archive, feed.next_archive),
            tuple(_entry_facts(press, listed) for listed in feed.entries),
        )
        name = feed.address.removeprefix(press.config.site.url).lstrip("/")
        carries = tuple(listed.post for listed in feed.entries)
        for form in urls.FEED_FORMATS:
            yield Output(
                file=f"{name}.{form}",
                inputs=digest(inputs, form),
                make=partial(feeds.write, feed, form, press.plates),
                feed=True,
                archive=feed.is_archive,
                carries=carries,
            )


def _entry_facts(press: Press, listed: feeds.Listed) -> tuple[object, ...]:
    """Return what an entry in a feed is made from: the post, its links, its place."""
    return (
        *source_facts(listed.post),
        press.library.link_facts(listed.post),
        listed.standing.line,
        listed.standing.total,
    )


def _opml(config: Config, catalog: Catalog, tagged: Tagged) -> Output:
    site = config.site
    folders = [(site.name, urls.HOME)]
    folders += [(one.title, urls.post_path(one.slug)) for one in catalog.series]
    folders += [(tag, urls.tag_path(tag)) for tag, _ in tagged.values()]
    folders += [(author.name, path) for path, (author, _) in by_author(catalog).items()]
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
