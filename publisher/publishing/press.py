"""What the public site's files are made with, and what is known of each before it is made.

An output knows the digest of everything it depends on, so the build renders only what may differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from publisher import feeds, renditions, urls

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from publisher.config import Config
    from publisher.model import Author, Body, Catalog, EditionContent, Post
    from publisher.pages import Pages
    from publisher.publishing.galley import Galley
    from publisher.publishing.library import Library


class Subjects(NamedTuple):
    """What posts are listed under."""

    tags: dict[str, tuple[str, list[Post]]]
    """By a tag's address, the tag as its newest post writes it and its posts."""
    authors: dict[str, tuple[Author, list[Post]]]
    """By an author's path, the author as the newest post gives them and the posts."""


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
    archive: bool = False
    """An archive of a feed has one compressed variant."""
    asset: bool = False
    page_of: Post | None = None
    """The post whose page it is."""
    from_store: bool = False
    """It is read from the store, to which a copy of this process has no connection."""
    carries: tuple[Post, ...] = ()
    """The posts whose entries it joins."""

    @property
    def variants(self) -> renditions.Suffixes:
        """What is added to its name for the compressed variants it has."""
        if self.archive:
            # There gzip's is as small as Brotli's, and it is fetched once by a reader.
            return (renditions.GZIP,)
        return renditions.VARIANTS if self.feed or self.asset else ()

    @property
    def files(self) -> tuple[str, ...]:
        """Its name and those of its variants."""
        return (self.file, *(self.file + suffix for suffix in self.variants))


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """Everything outputs are made with."""

    config: Config
    catalog: Catalog
    pages: Pages
    library: Library
    galley: Galley
    editions: Sequence[EditionContent]
    history: Sequence[tuple[str, str | None]]
    """The id and the series of every post ever published, in the order of first publication."""
    masthead: feeds.Masthead

    def body(self, post: Post) -> Body:
        """Return a post's text."""
        return self.library.body(post, from_store=self.is_recalled(post))

    def is_recalled(self, post: Post) -> bool:
        """Whether a post is shown from the store, because its file cannot be."""
        return post.id in self.catalog.recalled

    def plates(self, post: Post) -> feeds.Fillable:
        """Return a post as an entry in each format; written once in a build."""
        return self.galley.find(post.id) or self.set_plates([post])[0]

    def set_plates(self, posts: Sequence[Post]) -> list[feeds.Plates]:
        """Write posts as entries in each format and keep that for the feeds."""
        bodies: Sequence[Body | None] = [None] * len(posts)
        if self.masthead.full:
            bodies = self.library.bodies([(post, self.is_recalled(post)) for post in posts])
        entries = [
            feeds.entry(post, body, self.catalog.place(post), self.masthead)
            for post, body in zip(posts, bodies, strict=True)
        ]
        plates = feeds.plate(entries)
        for post, one in zip(posts, plates, strict=True):
            self.galley.keep(post.id, one)
        return plates


def masthead_of(config: Config) -> feeds.Masthead:
    """Return what all feeds of a site say alike."""
    site = config.site
    logo = urls.absolute(site.url, site.logo)
    logo = logo if urls.is_web_address(logo) else ""
    return feeds.Masthead(
        site_id=site.id,
        name=site.name,
        url=site.url,
        language=site.language,
        author=site.author,
        notice=site.notice,
        crisis=site.crisis,
        rights=site.rights,
        hub=config.feeds.hub,
        logo=logo,
        icon=logo,
        full=config.feeds.content == "full",
        limit=config.feeds.entries,
    )


def subjects_of(catalog: Catalog) -> Subjects:
    """Return the tags and the authors of the posts, each in the order of its address."""
    return Subjects(_by_tag(catalog), _by_author(catalog))


def _by_author(catalog: Catalog) -> dict[str, tuple[Author, list[Post]]]:
    written: dict[str, tuple[Author, list[Post]]] = {}
    for post in catalog.posts:
        for path, author in {urls.author_path(one.name): one for one in post.authors}.items():
            written.setdefault(path, (author, []))[1].append(post)
    return dict(sorted(written.items()))


def _by_tag(catalog: Catalog) -> dict[str, tuple[str, list[Post]]]:
    tagged: dict[str, tuple[str, list[Post]]] = {}
    for post in catalog.posts:
        for tag in post.tags:
            tagged.setdefault(urls.tag_slug(tag), (tag, []))[1].append(post)
    return dict(sorted(tagged.items()))
