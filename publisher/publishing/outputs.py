"""Which files the public site consists of, what each is made from, and how to make it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from publisher import headers, urls
from publisher.editorial.catalog import on_channel
from publisher.model import Channel
from publisher.publishing.digests import digest, source_facts, together
from publisher.publishing.feed_outputs import list_feeds
from publisher.publishing.openness import describe_kept
from publisher.publishing.press import Output, subjects_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from publisher.model import Catalog, Place, Post, Series
    from publisher.publishing.press import Press, Subjects


def list_outputs(press: Press) -> list[Output]:
    """List every file of the public site, what links lead to before what links to it."""
    web, everywhere = (on_channel(press.catalog, one) for one in (Channel.WEB, Channel.FEED))
    subjects = subjects_of(web)
    fed = subjects if web is everywhere else subjects_of(everywhere)
    return [
        *_assets(press),
        *_posts(press, web),
        *_overviews(press, web, subjects),
        *_editions(press),
        *_answers(press, web, everywhere, fed),
        *list_feeds(press, everywhere, fed),
    ]


def _series_facts(press: Press, series: Series) -> str:
    """Return a digest of what a page says of a series and each of its parts."""
    return digest(
        series.info,
        [
            (p.number, p.withdrawn, press.library.said(p.post) if p.post else None)
            for p in series.parts
        ],
    )


def _contents_facts(series: Series) -> tuple[object, ...]:
    """Return what a post's page says of its series: numbers, titles, addresses."""
    return (
        series.info,
        [
            (p.number, p.withdrawn, (p.post.location, p.post.title) if p.post else None)
            for p in series.parts
        ],
    )


def _assets(press: Press) -> Iterator[Output]:
    css, feed_css = press.pages.stylesheet().encode(), press.pages.feed_stylesheet().encode()
    yield Output(
        file=press.pages.stylesheet_path, inputs=digest(css), make=lambda: css, asset=True
    )
    yield Output(
        file="assets/feed.css",
        inputs=digest(feed_css),
        make=lambda: feed_css,
        asset=True,
    )


def _posts(press: Press, web: Catalog) -> Iterator[Output]:
    titles = {one.slug: one.title for one in web.series}
    contents = {
        one.slug: digest(_contents_facts(one), titles.get(one.info.next_series))
        for one in web.series
    }
    # Oldest first: the newest bodies are still at hand when the feeds ask for them.
    for post in reversed(web.posts):
        place = web.place(post)
        yield Output(
            file=urls.output_file(urls.post_path(post.location)),
            inputs=digest(
                press.pages.fingerprint,
                source_facts(post),
                contents[place.series.slug] if place else "",
                press.library.link_facts(post),
            ),
            make=_post_maker(press, web, post, place),
            page_of=post,
        )
        for name in post.files:
            yield Output(
                file=f"{post.location}/{name}",
                inputs=digest(post.source_sha256, name),
                make=_image_maker(press, post, name),
                from_store=press.is_recalled(post),
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


def _overviews(press: Press, web: Catalog, subjects: Subjects) -> Iterator[Output]:
    pages, mark = press.pages, press.pages.fingerprint
    of_series = {one.slug: _series_facts(press, one) for one in web.series}
    everything = together([mark, *map(press.library.said, web.posts), *of_series.values()])
    titles = {one.slug: one.title for one in web.series}
    for series in web.series:
        following = titles.get(series.info.next_series)
        yield Output(
            file=f"{series.slug}/index.html",
            inputs=digest(mark, of_series[series.slug], following),
            make=_page(pages.series, series, web),
        )
    yield from _subjects(press, subjects)
    yield Output(file="index.html", inputs=everything, make=_page(pages.home, web))
    has_editions = bool(press.editions)
    yield Output(
        file="archive/index.html",
        inputs=digest(everything, has_editions),
        make=lambda: pages.archive(web, has_editions=has_editions).encode(),
    )
    yield Output(
        file="feeds/index.html",
        inputs=everything,
        make=_page(pages.feeds, on_channel(web, Channel.FEED)),
    )
    site, kept = press.config.site, describe_kept(press.config.privacy)
    yield Output(
        file="privacy/index.html",
        inputs=digest(mark, kept, site.postal_address),
        make=lambda: pages.privacy(kept, postal_address=site.postal_address).encode(),
    )
    yield Output(file="404.html", inputs=mark, make=_page(pages.not_found))
    shown = {one.slug: one for one in web.series}
    for one in web.withdrawals:
        yield Output(
            file=f"archive/gone/{one.location}.html",
            inputs=digest(mark, one, titles.get(one.series or "")),
            make=_page(pages.gone, one, shown.get(one.series or "")),
        )


def _subjects(press: Press, subjects: Subjects) -> Iterator[Output]:
    pages, mark = press.pages, press.pages.fingerprint
    for slug, (tag, posts) in subjects.tags.items():
        yield Output(
            file=f"tags/{slug}/index.html",
            inputs=digest(mark, tag, together(map(press.library.said, posts))),
            make=_page(pages.tag, tag, posts),
        )
    for path, (author, written) in subjects.authors.items():
        yield Output(
            file=urls.output_file(path),
            inputs=digest(mark, author, together(map(press.library.said, written))),
            make=_page(pages.author, author, written),
        )
    if counted := [(tag, len(posts)) for tag, posts in subjects.tags.values()]:
        yield Output(
            file="tags/index.html",
            inputs=digest(mark, counted),
            make=_page(pages.tags, counted),
        )


def _page(render: Callable[..., str], *values: object) -> Callable[[], bytes]:
    return lambda: render(*values).encode()


def _editions(press: Press) -> Iterator[Output]:
    mark = press.pages.fingerprint
    listed = []
    for content in press.editions:
        path = urls.edition_path(content.digest, content.number)
        listed.append((content.title, content.number, content.dated_on, path))
        yield Output(
            file=urls.output_file(path),
            inputs=digest(mark, content),
            make=_page(press.pages.edition, content),
        )
    if listed:
        yield Output(
            file="editions/index.html",
            inputs=digest(mark, listed),
            make=_page(press.pages.editions, listed),
        )


def _answers(press: Press, web: Catalog, everywhere: Catalog, fed: Subjects) -> Iterator[Output]:
    """List what web servers and robots read."""
    site, catalog = press.config.site, press.catalog
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
    feed_paths = _feed_paths(everywhere, fed)
    addresses = [(path, urls.absolute(site.url, path)) for path in feed_paths]
    yield _text("_headers", headers.write_headers(addresses, hub=press.config.feeds.hub))
    yield _text("robots.txt", f"User-agent: *\nAllow: /\n\nSitemap: {site.url}/sitemap.xml\n")
    pages = ["/", "/archive/", *(f"/{one.slug}/" for one in web.series)]
    entries = [f"<url><loc>{urls.absolute(site.url, path)}</loc></url>" for path in pages]
    entries += [
        f"<url><loc>{urls.absolute(site.url, urls.post_path(post.location))}</loc>"
        f"<lastmod>{post.changed_at.date().isoformat()}</lastmod></url>"
        for post in reversed(web.posts)
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
    return Output(file=file, inputs=digest(data), make=lambda: data)


def _feed_paths(catalog: Catalog, fed: Subjects) -> Iterator[str]:
    """Yield the path of every feed that is no archive: the site's, the series', the tags', the authors'."""
    folders = [urls.HOME, *(urls.post_path(one.slug) for one in catalog.series)]
    folders += [urls.tag_path(tag) for tag, _ in fed.tags.values()]
    folders += fed.authors
    for folder in folders:
        for form in urls.FEED_FORMATS:
            yield urls.feed_path(folder, form)
