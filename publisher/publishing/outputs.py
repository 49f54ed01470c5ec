"""Which files the public site consists of, what each is made from, and how to make it.

An output knows the digest of everything it depends on, so the build renders only what may differ.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from publisher import feeds, headers, urls
from publisher.editorial.catalog import on_channel
from publisher.model import Channel, EditionContent, Place, Post, Series

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from publisher.config import Config
    from publisher.model import Body, Catalog
    from publisher.pages import Pages
    from publisher.publishing.library import Library


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One file of the public site."""

    file: str
    """Below the output directory."""
    inputs: str
    """A digest of everything it is made from."""
    make: Callable[[], bytes]
    feed: bool = False
    """Feeds are also written durably; feeds and assets have compressed variants."""
    asset: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """Everything outputs are made with."""

    config: Config
    catalog: Catalog
    pages: Pages
    library: Library
    feed_css: bytes
    editions: Sequence[EditionContent]

    def body(self, post: Post) -> Body:
        """Return a post's text."""
        return self.library.body(post, from_store=post.id in self.catalog.recalled)


def list_outputs(press: Press) -> Iterator[Output]:
    """List every file of the public site, what links lead to before what links to it."""
    web = on_channel(press.catalog, Channel.WEB)
    yield from _assets(press)
    yield from _posts(press, web)
    yield from _overviews(press, web)
    yield from _editions(press)
    yield from _answers(press)
    yield from _feeds(press)


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _source_facts(post: Post) -> tuple[object, ...]:
    """Return what a post's own text is made from; a set's order differs between processes."""
    return (post.path, post.location, post.part, post.source_sha256)


def _facts(post: Post) -> tuple[object, ...]:
    """Return what other pages say of a post."""
    return (
        post.id,
        post.location,
        post.title,
        post.summary,
        post.published_at.isoformat(),
        post.tags,
        sorted(post.channels),
    )


def _series_facts(series: Series) -> tuple[object, ...]:
    return (
        series.info,
        tuple((p.number, p.withdrawn, _facts(p.post) if p.post else None) for p in series.parts),
    )


def _contents_facts(series: Series) -> str:
    """Return a digest of what a post's page says of its series: numbers, titles, addresses."""
    return _digest(
        series.info,
        tuple(
            (p.number, p.withdrawn, (p.post.location, p.post.title) if p.post else None)
            for p in series.parts
        ),
    )


def _assets(press: Press) -> Iterator[Output]:
    css = press.pages.stylesheet().encode()
    yield Output(
        file=press.pages.stylesheet_path, inputs=_digest(css), make=lambda: css, asset=True
    )
    yield Output(
        file="assets/feed.css",
        inputs=_digest(press.feed_css),
        make=lambda: press.feed_css,
        asset=True,
    )


def _posts(press: Press, web: Catalog) -> Iterator[Output]:
    titles = {one.slug: one.title for one in web.series}
    contents = {
        one.slug: _digest(_contents_facts(one), titles.get(one.info.next_series))
        for one in web.series
    }
    # Oldest first: the newest bodies are still at hand when the feeds ask for them.
    for post in reversed(web.posts):
        place = web.place(post)
        yield Output(
            file=urls.output_file(urls.post_path(post.location)),
            inputs=_digest(
                press.pages.fingerprint,
                _source_facts(post),
                contents[place.series.slug] if place else "",
                press.library.link_facts(post),
            ),
            make=_post_maker(press, web, post, place),
        )
        for name in post.files:
            yield Output(
                file=f"{post.location}/{name}",
                inputs=_digest(post.source_sha256, name),
                make=_image_maker(press, post, name),
            )


def _post_maker(
    press: Press, web: Catalog, post: Post, place: Place | None
) -> Callable[[], bytes]:
    return lambda: press.pages.post(post, press.body(post), place, web).encode()


def _image_maker(press: Press, post: Post, name: str) -> Callable[[], bytes]:
    def make() -> bytes:
        kept = post.id in press.catalog.recalled
        return press.library.source(post, from_store=kept).images[name]

    return make


def _overviews(press: Press, web: Catalog) -> Iterator[Output]:
    pages, mark = press.pages, press.pages.fingerprint
    everything = _digest(
        mark,
        tuple(_facts(post) for post in web.posts),
        tuple(_series_facts(one) for one in web.series),
    )
    titles = {one.slug: one.title for one in web.series}
    for series in web.series:
        following = titles.get(series.info.next_series)
        yield Output(
            file=f"{series.slug}/index.html",
            inputs=_digest(mark, _series_facts(series), following),
            make=_page(pages.series, series, web),
        )
    for slug, (tag, tagged) in _by_tag(web).items():
        yield Output(
            file=f"tags/{slug}/index.html",
            inputs=_digest(mark, tag, tuple(_facts(post) for post in tagged)),
            make=_page(pages.tag, tag, tagged),
        )
    yield Output(file="index.html", inputs=everything, make=_page(pages.home, web))
    yield Output(file="archive/index.html", inputs=everything, make=_page(pages.archive, web))
    yield Output(
        file="feeds/index.html",
        inputs=everything,
        make=_page(pages.feeds, on_channel(web, Channel.FEED)),
    )
    site = press.config.site
    yield Output(
        file="privacy/index.html",
        inputs=_digest(mark, press.config.privacy, site.postal_address),
        make=lambda: pages.privacy(
            keep_attempts_days=press.config.privacy.keep_attempts.days,
            keep_unconfirmed_days=press.config.privacy.keep_unconfirmed.days,
            postal_address=site.postal_address,
        ).encode(),
    )
    reply_to = (press.config.mail.reply_to or press.config.mail.from_).address
    yield Output(
        file="subscribe/index.html",
        inputs=_digest(mark, reply_to),
        make=lambda: pages.message(
            f"Get {site.name} by email",
            "Write a line to this address and say that you would like the letters. You are "
            "added when we read it, and every letter has a link to leave.",
            links=((f"mailto:{reply_to}", reply_to), ("/feeds/", "Or follow in a feed reader")),
        ).encode(),
    )
    yield Output(file="404.html", inputs=mark, make=_page(pages.not_found))
    shown = {one.slug: one for one in web.series}
    for one in web.withdrawals:
        yield Output(
            file=f"archive/gone/{one.location}.html",
            inputs=_digest(mark, one, titles.get(one.series or "")),
            make=_page(pages.gone, one, shown.get(one.series or "")),
        )


def _page(render: Callable[..., str], *values: object) -> Callable[[], bytes]:
    return lambda: render(*values).encode()


def _by_tag(catalog: Catalog) -> dict[str, tuple[str, list[Post]]]:
    """Return each tag's address, with the tag as its newest post writes it and its posts."""
    tagged: dict[str, tuple[str, list[Post]]] = {}
    for post in catalog.posts:
        for tag in post.tags:
            tagged.setdefault(urls.tag_slug(tag), (tag, []))[1].append(post)
    return dict(sorted(tagged.items()))


def _editions(press: Press) -> Iterator[Output]:
    mark = press.pages.fingerprint
    listed = []
    for content in press.editions:
        path = urls.edition_path(content.digest, content.number)
        listed.append((content.title, content.number, content.dated_on, path))
        yield Output(
            file=urls.output_file(path),
            inputs=_digest(mark, content),
            make=_page(press.pages.edition, content),
        )
    if listed:
        yield Output(
            file="editions/index.html",
            inputs=_digest(mark, listed),
            make=_page(press.pages.editions, listed),
        )


def _answers(press: Press) -> Iterator[Output]:
    """List what web servers and robots read."""
    site, catalog = press.config.site, press.catalog
    web = on_channel(catalog, Channel.WEB)
    everywhere = on_channel(catalog, Channel.FEED)
    typed = headers.typed_feeds(
        [one.slug for one in everywhere.series], [post.location for post in web.posts]
    )
    # Some hosts tell an address with a slash at its end from one without.
    redirects = [f"{path}{slash} {feed} 301" for path, feed in typed for slash in ("", "/")]
    redirects += [
        f"{urls.post_path(old)} {urls.post_path(new)} 301" for old, new in web.redirects.items()
    ]
    # The page stands elsewhere, so that no web server finds it before the rule.
    gone = [
        f"{urls.post_path(one.location)} /archive/gone/{one.location}.html 410"
        for one in catalog.withdrawals
    ]
    yield _text("_redirects", "".join(f"{line}\n" for line in [*redirects, *gone]))
    feed_paths = _feed_paths(everywhere)
    addresses = [(path, urls.absolute(site.url, path)) for path in feed_paths]
    yield _text("_headers", headers.write_headers(addresses, hub=press.config.feeds.hub))
    yield _text("robots.txt", f"User-agent: *\nAllow: /\n\nSitemap: {site.url}/sitemap.xml\n")
    pages = ["/", "/archive/", *(f"/{one.slug}/" for one in web.series)]
    dated = [(urls.post_path(post.location), post.changed_at) for post in reversed(web.posts)]
    entries = [f"<url><loc>{urls.absolute(site.url, path)}</loc></url>" for path in pages]
    entries += [
        f"<url><loc>{urls.absolute(site.url, path)}</loc><lastmod>{at:%Y-%m-%d}</lastmod></url>"
        for path, at in dated
    ]
    yield _text(
        "sitemap.xml",
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
        + "\n".join(entries)
        + "\n</urlset>\n",
    )


def _text(file: str, text: str) -> Output:
    data = text.encode()
    return Output(file=file, inputs=_digest(data), make=lambda: data)


def _feed_paths(catalog: Catalog) -> Iterator[str]:
    """Yield the path of every feed that is no archive: the site's, the series', the tags'."""
    folders = [urls.HOME, *(urls.post_path(one.slug) for one in catalog.series)]
    folders += [urls.tag_path(tag) for tag, _ in _by_tag(catalog).values()]
    for folder in folders:
        for form in urls.FEED_FORMATS:
            yield urls.feed_path(folder, form)


def _feeds(press: Press) -> Iterator[Output]:
    config = press.config
    catalog = on_channel(press.catalog, Channel.FEED)
    masthead = masthead_of(config)
    limit = config.feeds.entries
    yield from _three(
        "feed",
        _digest(
            masthead, _entry_facts(press, catalog, feeds.newest(catalog, catalog.posts, limit))
        ),
        lambda: feeds.site_feed(catalog, press.body, masthead),
    )
    for series in catalog.series:
        yield from _three(
            f"{series.slug}/feed",
            _digest(
                masthead,
                series.info,
                _entry_facts(press, catalog, feeds.newest(catalog, series.posts, limit)),
            ),
            _series_describer(press, catalog, series, masthead),
        )
    yield _opml(config, catalog)
    for slug, (tag, tagged) in _by_tag(catalog).items():
        yield from _three(
            f"tags/{slug}/feed",
            _digest(
                masthead, tag, _entry_facts(press, catalog, feeds.newest(catalog, tagged, limit))
            ),
            _tag_describer(press, catalog, tag, masthead),
        )


def _opml(config: Config, catalog: Catalog) -> Output:
    site = config.site
    folders = [(site.name, urls.HOME)]
    folders += [(one.title, urls.post_path(one.slug)) for one in catalog.series]
    folders += [(tag, urls.tag_path(tag)) for tag, _ in _by_tag(catalog).values()]
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
    return Output(file="feeds.opml", inputs=_digest(data), make=lambda: data, feed=True)


def masthead_of(config: Config) -> feeds.Masthead:
    """Return what all feeds of a site say alike."""
    site = config.site
    return feeds.Masthead(
        site_id=site.id,
        name=site.name,
        url=site.url,
        language=site.language,
        author=site.author,
        notice=site.notice,
        crisis=site.crisis,
        hub=config.feeds.hub,
        full=config.feeds.content == "full",
        limit=config.feeds.entries,
    )


def _series_describer(
    press: Press, catalog: Catalog, series: Series, masthead: feeds.Masthead
) -> Callable[[], feeds.Feed]:
    return lambda: feeds.series_feed(catalog, series, press.body, masthead)


def _tag_describer(
    press: Press, catalog: Catalog, tag: str, masthead: feeds.Masthead
) -> Callable[[], feeds.Feed]:
    return lambda: feeds.tag_feed(catalog, tag, press.body, masthead)


def _entry_facts(press: Press, catalog: Catalog, posts: Sequence[Post]) -> tuple[object, ...]:
    """Return what a feed's entries are made from: the posts and their neighbours."""
    facts: list[object] = []
    for post in posts:
        place = catalog.place(post)
        around = None
        if place:
            neighbours = (place.previous, place.next)
            around = (
                place.series.title,
                place.number,
                place.series.total,
                tuple((one.location, one.title) for one in neighbours if one),
            )
        facts.append((_source_facts(post), around, press.library.link_facts(post)))
    return tuple(facts)


def _three(name: str, inputs: str, describe: Callable[[], feeds.Feed]) -> Iterator[Output]:
    """List one feed in its three formats; it is described once, by whichever is made first."""
    described: list[feeds.Feed] = []

    def made_by(write: Callable[[feeds.Feed], bytes]) -> Callable[[], bytes]:
        def make() -> bytes:
            if not described:
                described.append(describe())
            return write(described[0])

        return make

    for ending, write in (
        ("atom", feeds.write_atom),
        ("rss", feeds.write_rss),
        ("json", feeds.write_json),
    ):
        yield Output(
            file=f"{name}.{ending}", inputs=_digest(inputs, ending), make=made_by(write), feed=True
        )
