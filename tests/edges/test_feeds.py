"""Feeds: valid to strangers, whole, the same in three formats, and the same bytes every time."""

from __future__ import annotations

import json
import locale
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from html import escape, unescape
from html.parser import HTMLParser
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import UUID

import atoma  # type: ignore[import-untyped]
import feedparser
import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from typing_extensions import override

from publisher import feeds
from publisher.feeds import EPOCH, Entry, Form, Masthead, Standing, entry, make_plates, standing
from publisher.feeds.markup import absolute_html, as_title, clean, resolve
from publisher.model import (
    Author,
    Body,
    Catalog,
    Channel,
    Image,
    Note,
    Part,
    Place,
    Post,
    Series,
    SeriesInfo,
)
from publisher.urls import feed_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SITE = "https://letters.example"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
MASTHEAD = Masthead(
    site_id="5f2b1a52-6f0e-4e49-9f58-0d8cf7f4a111",
    name="Riverside Letters",
    url=SITE,
    language="en-US",
    author="Riverside Psychiatry",
    notice="General information, not medical advice.",
    crisis="In the US call or text 988.",
)
BODY = Body(
    html=(
        '<h2 id="main">What is <em>known</em></h2>'
        '<p class="lead">It helps &amp; it &lt;may&gt; harm'
        '<sup class="note"><a href="#note-1" id="mention-1">1</a></sup>.</p>'
        '<p><img src="/understanding/part-3/brain.png" alt="A brain" loading="lazy"></p>'
        '<p><a href="/feeds/">Feeds</a> <a href="../part-2/">before</a> '
        '<a href="mailto:letters@letters.example">write</a></p>'
    ),
    notes=(Note(number=1, html='<a href="https://doi.example/?a=1&amp;b=2">A trial</a>'),),
)
NASTY_TITLES = (
    "Bell \x07, null \x00, tab \x0b and \x85 control",
    "It ends ]]> here",
    "Emoji \U0001f9e0 and \U0001f469\U0001f3fd\u200d\u2695\ufe0f",
    "\u0627\u0644\u0646\u0648\u0645 \u0648\u0627\u0644\u0635\u062d\u0629 \u202eoverride\u202c",
    "Fish & <chips> &amp; \"quotes\" 'too'",
    "A <b>bold</b> claim <script>alert(1)</script>",
    "A lone \ud800 surrogate, \ufffe and \U0001ffff",
    "Two\r\nlines\tand   spaces",
    " \x00 ",
    "a < b > c && d",
)


def make_post(number: int, **changes: Any) -> Post:
    """A loose post; higher numbers are newer by a day."""
    fields: dict[str, Any] = {
        "id": f"urn:uuid:00000000-0000-5000-8000-{number:012}",
        "path": f"post-{number}.md",
        "series": None,
        "slug": f"post-{number}",
        "title": f"Post number {number}",
        "published_at": NOON + timedelta(days=number),
        "summary": f"What post {number} says.",
        "source_sha256": "0" * 64,
        **changes,
    }
    return Post(**fields)


def make_series(count: int, planned: int = 0, **changes: Any) -> Series:
    posts = [
        make_post(n, series="understanding", slug=f"part-{n}", title=f"Part the {n}.", **changes)
        for n in range(1, count + 1)
    ]
    parts = [Part(number=n, post=post) for n, post in enumerate(posts, 1)]
    coming = [Part(number=n) for n in range(count + 1, planned + 1)]
    info = SeriesInfo(slug="understanding", title="Understanding & <treatment>")
    return Series(info=info, parts=(*parts, *coming))


def make_catalog(posts: Iterable[Post] = (), *series: Series) -> Catalog:
    shown = [*posts, *(post for one in series for post in one.posts)]
    places = {}
    for one in series:
        for index, post in enumerate(one.posts):
            after = one.posts[index + 1 : index + 2]
            places[post.id] = Place(
                series=one,
                number=index + 1,
                previous=one.posts[index - 1] if index else None,
                next=after[0] if after else None,
            )
    newest_first = sorted(shown, key=lambda post: (-post.published_at.timestamp(), post.id))
    return Catalog(posts=tuple(newest_first), series=series, places=places)


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed as it is described, with what its entries are made of: it can be written."""

    described: feeds.Feed
    catalog: Catalog
    bodies: Callable[[Post], Body]
    masthead: Masthead

    @property
    def entries(self) -> list[Entry]:
        """The entries, the line of the series with the rest."""
        return [
            replace(one, html="\n".join(filter(None, (listed.standing.line, one.html))))
            for listed in self.described.entries
            for one in [self._entry(listed.post)]
        ]

    def write(self, form: Form) -> bytes:
        return feeds.write(self.described, form, self._plates)

    def changed(self, **changes: Any) -> Feed:
        return replace(self, described=replace(self.described, **changes))

    def _entry(self, post: Post) -> Entry:
        body = self.bodies(post) if self.masthead.full else None
        return entry(post, body, self.catalog.place(post), self.masthead)

    def _plates(self, post: Post) -> feeds.Plates:
        body = self.bodies(post) if self.masthead.full else None
        return make_plates(post, body, self.catalog.place(post), self.masthead)


def site_feed(catalog: Catalog, bodies: Callable[[Post], Body], masthead: Masthead) -> Feed:
    return Feed(feeds.site_feed(catalog, masthead), catalog, bodies, masthead)


def series_feed(
    catalog: Catalog, series: Series, bodies: Callable[[Post], Body], masthead: Masthead
) -> Feed:
    return Feed(feeds.series_feed(catalog, series, masthead), catalog, bodies, masthead)


def write_atom(feed: Feed) -> bytes:
    return feed.write("atom")


def write_rss(feed: Feed) -> bytes:
    return feed.write("rss")


def write_json(feed: Feed) -> bytes:
    return feed.write("json")


WRITERS: dict[str, Callable[[Feed], bytes]] = {
    "atom": write_atom,
    "rss": write_rss,
    "json": write_json,
}


def feed_of(*posts: Post, body: Body = BODY, **changes: Any) -> Feed:
    return site_feed(make_catalog(posts), lambda _: body, replace(MASTHEAD, **changes))


def entry_of(
    post: Post, body: Body | None = BODY, place: Place | None = None, **changes: Any
) -> Entry:
    return entry(post, body, place, replace(MASTHEAD, **{"notice": "", "crisis": "", **changes}))


# ------------------------------------------------------------------------- how a stranger reads them


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """An entry as a reader of one format finds it."""

    id: str
    url: str
    title: str
    summary: str
    html: str
    published_at: datetime
    updated_at: datetime
    authors: tuple[str, ...]
    tags: tuple[str, ...]


SPACES = {
    "a": "http://www.w3.org/2005/Atom",
    "dc": "http://purl.org/dc/elements/1.1/",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "fh": "http://purl.org/syndication/history/1.0",
}


def found(element: etree._Element, path: str) -> list[str]:
    values = element.xpath(path, namespaces=SPACES)
    assert isinstance(values, list)
    return [str(value) for value in values]


def one(element: etree._Element, path: str) -> str:
    assert element.xpath(f"count({path})", namespaces=SPACES) == 1
    return str(element.xpath(f"string({path})", namespaces=SPACES))


def read_atom(text: bytes) -> list[Read]:
    return [
        Read(
            id=one(item, "a:id"),
            url="".join(found(item, "a:link[@rel='alternate' and @type='text/html']/@href")),
            title=one(item, "a:title"),
            summary=one(item, "a:summary"),
            html=one(item, "a:content[@type='html']"),
            published_at=datetime.fromisoformat(one(item, "a:published")),
            updated_at=datetime.fromisoformat(one(item, "a:updated")),
            authors=tuple(found(item, "a:author/a:name/text()")),
            tags=tuple(found(item, f"a:category[@scheme='{SITE}/tags/']/@term")),
        )
        for item in etree.fromstring(text).iterfind("a:entry", SPACES)
    ]


def read_rss(text: bytes) -> list[Read]:
    return [
        Read(
            id=one(item, "guid[@isPermaLink='false']"),
            url=one(item, "link"),
            title=one(item, "title"),
            summary=unescape(one(item, "description")),
            html=one(item, "content:encoded"),
            published_at=parsedate_to_datetime(one(item, "pubDate")),
            updated_at=datetime.fromisoformat(one(item, "a:updated")),
            authors=tuple(found(item, "dc:creator/text()")),
            tags=tuple(found(item, f"category[@domain='{SITE}/tags/']/text()")),
        )
        for item in etree.fromstring(text).iterfind("channel/item")
    ]


def read_json(text: bytes) -> list[Read]:
    return [
        Read(
            id=item["id"],
            url=item["url"],
            title=item["title"],
            summary=item["summary"],
            html=item["content_html"],
            published_at=datetime.fromisoformat(item["date_published"]),
            updated_at=datetime.fromisoformat(item["date_modified"]),
            authors=tuple(author["name"] for author in item["authors"]),
            tags=tuple(item.get("tags", ())),
        )
        for item in json.loads(text)["items"]
    ]


def read_all(feed: Feed) -> tuple[list[Read], list[Read], list[Read]]:
    return read_atom(write_atom(feed)), read_rss(write_rss(feed)), read_json(write_json(feed))


ADDRESS = {"type": "string", "format": "uri", "pattern": "^[a-z][a-z0-9+.-]*:"}
TEXT = {"type": "string", "minLength": 1}
INSTANT = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"}
AUTHORS = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "properties": {"name": TEXT, "url": ADDRESS, "avatar": ADDRESS},
        "additionalProperties": False,
        "minProperties": 1,
    },
}
ITEM = {
    "type": "object",
    "required": ["id", "url", "title", "summary", "content_html", "date_published"],
    "properties": {
        "id": TEXT,
        "url": ADDRESS,
        "external_url": ADDRESS,
        "title": TEXT,
        "content_html": {"type": "string"},
        "summary": TEXT,
        "image": ADDRESS,
        "date_published": INSTANT,
        "date_modified": INSTANT,
        "authors": AUTHORS,
        "tags": {"type": "array", "items": TEXT, "minItems": 1, "uniqueItems": True},
        "language": TEXT,
        "_series": {"type": "object", "required": ["about", "part", "total", "title", "url"]},
    },
    "additionalProperties": False,
}
JSON_FEED = {
    "type": "object",
    "required": ["version", "title", "home_page_url", "feed_url", "authors", "language", "items"],
    "properties": {
        "version": {"const": "https://jsonfeed.org/version/1.1"},
        "title": TEXT,
        "home_page_url": ADDRESS,
        "feed_url": ADDRESS,
        "description": TEXT,
        "user_comment": TEXT,
        "next_url": ADDRESS,
        "icon": ADDRESS,
        "favicon": ADDRESS,
        "authors": AUTHORS,
        "language": TEXT,
        "expired": {"const": True},
        "hubs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["type", "url"],
                "properties": {"type": TEXT, "url": ADDRESS},
            },
        },
        "items": {"type": "array", "items": ITEM},
    },
    "additionalProperties": False,
}


def check_by_strangers(feed: Feed) -> None:
    """Have each format read by a program that is not ours, and expect no complaint."""
    atom, rss = write_atom(feed), write_rss(feed)
    headers = {"content-type": "application/xml; charset=utf-8"}
    for text, kind in ((atom, "atom10"), (rss, "rss20")):
        parsed = feedparser.parse(text, response_headers=headers)
        assert not parsed.bozo, parsed.get("bozo_exception")
        assert parsed.version == kind
        assert len(parsed.entries) == len(feed.entries)
    assert len(atoma.parse_atom_bytes(atom).entries) == len(feed.entries)
    assert len(atoma.parse_rss_bytes(rss).items) == len(feed.entries)
    jsonschema.validate(json.loads(write_json(feed)), JSON_FEED)


class Addresses(HTMLParser):
    """Collects every address of an HTML text."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in {"href", "src", "poster", "cite"}:
                self.found.append(value or "")
            elif name == "srcset":
                self.found += [piece.split()[0] for piece in (value or "").split(", ")]


def addresses(html: str) -> list[str]:
    parser = Addresses()
    parser.feed(html)
    return parser.found


# -------------------------------------------------------------------------------- the nasty corpus


def nasty_posts() -> list[Post]:
    return [
        make_post(
            number,
            title=title,
            summary=title,
            correction=title,
            warnings=(title,),
            tags=(title, "sleep", "sleep", ""),
            authors=(Author(name=f"Dr. {title}", credentials="MD", url="https://a.example"),),
        )
        for number, title in enumerate(NASTY_TITLES)
    ]


CORPORA: dict[str, Callable[[], Feed]] = {
    "nasty titles": lambda: feed_of(*nasty_posts(), name="Letters & <b>more</b> \x00"),
    "control characters": lambda: feed_of(
        make_post(1), body=Body(html="<p>\x00\x0b\x0c\x1f\x7f\x9f\ufffe\ud800 ]]&gt; ]]></p>")
    ),
    "a megabyte": lambda: feed_of(
        make_post(1), body=Body(html=f"<p>{'wörter &amp; mehr ' * 60}</p>" * 1_000)
    ),
    "no posts": feed_of,
    "one post": lambda: feed_of(make_post(1)),
    "an empty body": lambda: feed_of(make_post(1), body=Body(html=""), notice="", crisis=""),
    "one second": lambda: feed_of(*(make_post(n, published_at=NOON) for n in range(5))),
    "500 entries": lambda: feed_of(*(make_post(n) for n in range(500)), limit=500),
    "summaries": lambda: feed_of(*nasty_posts(), full=False),
    "everything": lambda: feed_of(
        make_post(1, raw_id="?p=12 & more", image=Image(src="a.png", alt="A")),
        hub="https://hub.example/?a=1&b=2",
        rights="© Riverside & co.",
        logo=f"{SITE}/assets/logo.png",
        icon=f"{SITE}/assets/icon.png",
    ),
    "a series": lambda: site_feed(
        make_catalog([make_post(40)], make_series(4, planned=6)), lambda _: BODY, MASTHEAD
    ),
}


@pytest.mark.parametrize("corpus", CORPORA.values(), ids=CORPORA.keys())
def test_feeds_are_valid_to_strangers(corpus: Callable[[], Feed]) -> None:
    """feedparser, atoma and the JSON Feed schema have nothing to say against any feed."""
    check_by_strangers(corpus())


@pytest.mark.parametrize("corpus", CORPORA.values(), ids=CORPORA.keys())
def test_feeds_are_the_same_bytes_twice(corpus: Callable[[], Feed]) -> None:
    """The same posts give the same bytes, or no reader would ever be answered 304."""
    first, second = corpus(), corpus()

    assert [write(first) for write in WRITERS.values()] == [
        write(second) for write in WRITERS.values()
    ]


@pytest.mark.parametrize("corpus", CORPORA.values(), ids=CORPORA.keys())
def test_feeds_say_the_same_in_three_formats(corpus: Callable[[], Feed]) -> None:
    """Ids, addresses, dates, titles, authors, tags and content agree between the formats."""
    feed = corpus()

    atom, rss, by_json = read_all(feed)

    guids = [entry.raw_id or entry.id for entry in feed.entries]
    assert [read.id for read in rss] == guids
    assert [replace(read, id="") for read in rss] == [replace(read, id="") for read in atom]
    assert by_json == atom
    assert [read.id for read in atom] == [entry.id for entry in feed.entries]
    assert [read.html for read in atom] == [entry.html for entry in feed.entries]


@pytest.mark.parametrize("corpus", CORPORA.values(), ids=CORPORA.keys())
def test_feeds_hold_absolute_addresses_only(corpus: Callable[[], Feed]) -> None:
    """Every address in every entry leads somewhere from anywhere."""
    for one_entry in corpus().entries:
        for address in [one_entry.url, *addresses(one_entry.html)]:
            assert urlsplit(address).scheme in {"https", "mailto"}, address


@pytest.mark.parametrize("corpus", CORPORA.values(), ids=CORPORA.keys())
def test_feeds_show_no_sign_of_feedgen(corpus: Callable[[], Feed]) -> None:
    """The generator is named by its own name, and CDATA is never written."""
    feed = corpus()

    for text in (write_atom(feed), write_rss(feed)):
        assert b"python-feedgen" not in text
        assert b"CDATA" not in text
        assert b"publisher" in text[text.index(b"<generator") : text.index(b"</generator>")]


@settings(max_examples=60, deadline=None)
@given(
    title=st.text(st.characters(exclude_categories=())),
    text=st.text(st.characters(exclude_categories=())),
    tags=st.lists(st.text(max_size=8), max_size=3),
)
def test_any_text_makes_a_valid_feed(title: str, text: str, tags: list[str]) -> None:
    """No title, summary or text of any post can break a feed, or differ between formats."""
    post = make_post(1, title=title, summary=text, correction=text, tags=tuple(tags))
    feed = feed_of(post, body=Body(html=f"<p>{escape(text)}</p>"), name=f"Site {title}")

    check_by_strangers(feed)
    atom, rss, by_json = read_all(feed)

    assert atom == rss == by_json
    assert atom[0].title == (as_title(title) or "post-1")


@given(text=st.text(st.characters(exclude_categories=())))
def test_clean_text_is_left_alone(text: str) -> None:
    """What is clean stays as it is, and every letter a person can read is kept."""
    cleaned = clean(text)

    assert clean(cleaned) == cleaned
    assert "".join(filter(str.isalnum, cleaned)) == "".join(filter(str.isalnum, text))


# ------------------------------------------------------------------------------ the feed as a whole


def test_atom_has_what_rfc_4287_asks_for() -> None:
    """Id, title, updated, author, language, and links to itself, the site and the hub."""
    feed = feed_of(make_post(1), hub="https://hub.example/")

    root = etree.fromstring(write_atom(feed))

    assert one(root, "a:id") == feed.described.id
    assert one(root, "a:title") == "Riverside Letters"
    assert one(root, "a:updated") == "2026-11-25T12:00:00+00:00"
    assert one(root, "a:author/a:name") == "Riverside Psychiatry"
    assert one(root, "a:subtitle") == "Every post of Riverside Letters, newest first."
    assert found(root, "@xml:lang") == ["en-US"]
    assert [dict(link.attrib) for link in root.iterfind("a:link", SPACES)] == [
        {"href": f"{SITE}/feed.atom", "rel": "self", "type": "application/atom+xml"},
        {"href": "https://hub.example/", "rel": "hub"},
        {"href": f"{SITE}/", "rel": "alternate", "type": "text/html"},
    ]


def test_rss_has_what_its_profile_asks_for() -> None:
    """The channel's link is the site; itself and the hub are Atom links; ttl is an hour."""
    feed = feed_of(make_post(1), hub="https://hub.example/", rights="Ours")

    (channel,) = etree.fromstring(write_rss(feed))

    assert one(channel, "link") == f"{SITE}/"
    assert one(channel, "lastBuildDate") == "Wed, 25 Nov 2026 12:00:00 +0000"
    assert one(channel, "language") == "en-US"
    assert one(channel, "ttl") == "60"
    assert one(channel, "copyright") == "Ours"
    assert [dict(link.attrib) for link in channel.iterfind("a:link", SPACES)] == [
        {"href": f"{SITE}/feed.rss", "rel": "self", "type": "application/rss+xml"},
        {"href": "https://hub.example/", "rel": "hub"},
    ]
    assert not found(channel, "//author")


def test_json_has_what_version_1_1_asks_for() -> None:
    """Version, home, its own address, hub, authors and language; unused fields are left out."""
    feed = feed_of(make_post(1), hub="https://hub.example/", logo=f"{SITE}/logo.png")

    document = json.loads(write_json(feed))

    del document["items"]
    assert document == {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "Riverside Letters",
        "description": "Every post of Riverside Letters, newest first.",
        "user_comment": document["user_comment"],
        "home_page_url": f"{SITE}/",
        "feed_url": f"{SITE}/feed.json",
        "language": "en-US",
        "icon": f"{SITE}/logo.png",
        "authors": [{"name": "Riverside Psychiatry"}],
        "hubs": [{"type": "WebSub", "url": "https://hub.example/"}],
    }
    assert document["user_comment"].endswith(f"{SITE}/feeds/")


def test_json_is_readable_utf_8() -> None:
    """Letters outside ASCII are written as they are."""
    text = write_json(feed_of(make_post(1, title="Schlaf für Ältere")))

    assert "Schlaf für Ältere".encode() in text


def test_xml_begins_with_its_declaration_and_stylesheet() -> None:
    """A browser that opens a feed is shown the CSS named before the root."""
    for write in (write_atom, write_rss):
        lines = write(feed_of(make_post(1))).splitlines()

        assert lines[0] == b'<?xml version="1.0" encoding="utf-8"?>'
        assert lines[1].startswith(b'<?xml-stylesheet type="text/css" href="/assets/feed.css"?><')


def test_no_stylesheet_is_named_where_there_is_none() -> None:
    """The instruction is left out with its path."""
    for write in (write_atom, write_rss):
        assert b"xml-stylesheet" not in write(feed_of(make_post(1), stylesheet=""))


def test_rss_writes_ampersands_in_hexadecimal() -> None:
    """``&`` and ``<`` are hexadecimal references, as the RSS profile wants them."""
    text = write_rss(feed_of(make_post(1, title="Fish & <chips>")))

    assert b"<title>Fish &#x26; &#x3C;chips&gt;</title>" in text
    assert not re.search(rb"&(amp|lt);", text)


def test_an_empty_feed_is_dated_at_the_epoch() -> None:
    """Without posts there is no date to take, and the time of building would change the bytes."""
    feed = feed_of()

    assert feed.described.updated_at == EPOCH
    assert b"<updated>2000-01-01T00:00:00+00:00</updated>" in write_atom(feed)


def test_a_feed_is_as_new_as_its_latest_change() -> None:
    """An old post corrected today makes the feed new today."""
    changed_at = NOON + timedelta(days=90)

    feed = feed_of(make_post(1, updated_at=changed_at), make_post(2))

    assert feed.described.updated_at == changed_at


def test_namespaces_are_declared_once_and_only_where_used() -> None:
    """Items do not repeat what the root declares."""
    feed = feed_of(make_post(1), make_post(2))

    assert write_rss(feed).count(b"xmlns:") == 3
    assert write_atom(feed).count(b"xmlns") == 1


def test_a_site_without_an_author_speaks_in_its_own_name() -> None:
    """Atom needs an author, and the site's name is always there."""
    assert feed_of(author="").described.author == "Riverside Letters"


def test_feed_ids_are_distinct_and_independent_of_the_address() -> None:
    """A feed's id grows from the site's id, whatever its form, and never from its domain."""
    series = make_series(1)
    catalog = make_catalog([], series)

    def ids(masthead: Masthead) -> list[str]:
        return [
            site_feed(catalog, lambda _: BODY, masthead).described.id,
            series_feed(catalog, series, lambda _: BODY, masthead).described.id,
        ]

    by_uuid = ids(MASTHEAD)
    by_name = ids(replace(MASTHEAD, site_id="riverside"))

    assert len({*by_uuid, *by_name}) == 4
    assert all(UUID(one_id).version == 5 for one_id in [*by_uuid, *by_name])
    assert ids(replace(MASTHEAD, url="http://elsewhere.example")) == by_uuid


def test_archives_are_linked_and_marked() -> None:
    """An archive document names its neighbours and the current feed in each format (RFC 5005)."""
    feed = feed_of(make_post(1)).changed(
        address=f"{SITE}/archive/2",
        current=f"{SITE}/feed",
        prev_archive=f"{SITE}/archive/1",
        next_archive=f"{SITE}/archive/3",
        is_archive=True,
    )

    atom = etree.fromstring(write_atom(feed))
    rss = etree.fromstring(write_rss(feed))[0]

    for root, ending in ((atom, "atom"), (rss, "rss")):
        links = {link.get("rel"): link.get("href") for link in root.iterfind("a:link", SPACES)}
        assert links["self"] == f"{SITE}/archive/2.{ending}"
        assert links["current"] == f"{SITE}/feed.{ending}"
        assert links["prev-archive"] == f"{SITE}/archive/1.{ending}"
        assert links["next-archive"] == f"{SITE}/archive/3.{ending}"
        assert root.find("fh:archive", SPACES) is not None
        assert root.find("fh:complete", SPACES) is None
    assert json.loads(write_json(feed))["next_url"] == f"{SITE}/archive/1.json"
    check_by_strangers(feed)


def test_a_complete_feed_says_so() -> None:
    """A finished series tells readers that nothing more will come."""
    feed = feed_of(make_post(1)).changed(is_complete=True)

    assert etree.fromstring(write_atom(feed)).find("fh:complete", SPACES) is not None
    assert etree.fromstring(write_rss(feed)).find("channel/fh:complete", SPACES) is not None
    assert json.loads(write_json(feed))["expired"] is True
    check_by_strangers(feed)


def test_feeds_are_written_alike_from_many_threads() -> None:
    """Writing a date switches the process's locale; writers take turns and put it back."""
    feed = feed_of(*(make_post(n) for n in range(20)))
    before = locale.setlocale(locale.LC_ALL)

    with ThreadPoolExecutor(8) as pool:
        texts = set(pool.map(lambda _: write_rss(feed), range(32)))

    assert texts == {write_rss(feed)}
    assert locale.setlocale(locale.LC_ALL) == before


def test_feedgen_is_the_release_whose_ways_are_known() -> None:
    """Two private methods of it are called, so another release needs these tests read again."""
    assert version("feedgen") == "1.0.0"


# --------------------------------------------------------------------------- which posts, what order


def test_entries_are_newest_first() -> None:
    """The newest post comes first in each format, and no more than the limit."""
    feed = feed_of(*(make_post(n) for n in (3, 1, 5, 2, 4)), limit=4)

    for reads in read_all(feed):
        assert [read.title for read in reads] == [f"Post number {n}" for n in (5, 4, 3, 2)]


def test_parts_of_one_date_keep_the_order_of_their_series() -> None:
    """Parts published together are listed from the last to the first, not mixed up by their ids."""
    series = make_series(4, published_at=NOON)
    shuffled = replace(
        series,
        parts=tuple(
            replace(part, post=replace(part.post, id=f"urn:x:{(part.number * 7) % 5}"))
            for part in series.parts
            if part.post
        ),
    )

    feed = site_feed(make_catalog([], shuffled), lambda _: BODY, MASTHEAD)

    assert [one.series.part for one in feed.entries if one.series] == [4, 3, 2, 1]


def test_posts_kept_from_feeds_are_not_in_them() -> None:
    """``channels`` without feed keeps a post out, and its text is not even rendered."""
    asked: list[str] = []

    def bodies(post: Post) -> Body:
        asked.append(post.slug)
        return BODY

    hidden = make_post(2, channels=frozenset({Channel.WEB}))
    feed = site_feed(make_catalog([make_post(1), hidden]), bodies, MASTHEAD)

    assert [one.title for one in feed.entries] == ["Post number 1"]
    assert asked == ["post-1"]


def test_a_series_feed_holds_its_newest_parts() -> None:
    """A series' feed has its own title, home and address, and the same entries as the site's."""
    series = make_series(4, planned=6)
    catalog = make_catalog([make_post(40)], series)
    masthead = replace(MASTHEAD, limit=3)

    feed = series_feed(catalog, series, lambda _: BODY, masthead)
    site = site_feed(catalog, lambda _: BODY, MASTHEAD)

    assert feed.described.title == "Understanding & <treatment> · Riverside Letters"
    assert feed.described.subtitle == "Every part of Understanding & <treatment>, newest first."
    assert feed.described.home_url == f"{SITE}/understanding/"
    assert f"{feed.described.address}.rss" == SITE + feed_path("/understanding/", "rss")
    assert feed.entries == site.entries[1:4]
    check_by_strangers(feed)


def test_a_series_is_described_in_its_own_words() -> None:
    """The summary of ``series.toml`` is the feed's subtitle."""
    series = make_series(1)
    told = replace(series, info=replace(series.info, summary="How treatment works."))

    feed = series_feed(make_catalog([], told), told, lambda _: BODY, MASTHEAD)

    assert feed.described.subtitle == "How treatment works."


def test_editing_a_post_changes_one_entry() -> None:
    """A corrected text touches the bytes of its own entry and of no other."""
    item_starts = (
        rb'(?=<entry>|<item>|\{(?:"_series":[^}]*\},)?"authors":[^}]*\}\],"content_html")'
    )
    posts = [make_post(n, title=f"Post {n}") for n in range(1, 6)]

    def texts(edited: str) -> Callable[[Post], Body]:
        return lambda post: Body(html=f"<p>{edited if post.slug == 'post-3' else 'Same'}</p>")

    before = site_feed(make_catalog(posts), texts("Old"), MASTHEAD)
    after = site_feed(make_catalog(posts), texts("New"), MASTHEAD)

    for write in WRITERS.values():
        old, new = (re.split(item_starts, write(feed)) for feed in (before, after))
        assert len(old) == 1 + len(posts)
        assert [index for index in range(6) if old[index] != new[index]] == [3]


def test_renaming_a_post_moves_its_link_and_keeps_its_id() -> None:
    """The id is the post's own, so that no reader shows it as unread again."""
    before, after = (read_all(feed_of(make_post(1, slug=slug))) for slug in ("old", "new"))

    for (old,), (new,) in zip(before, after, strict=True):
        assert new.id == old.id
        assert (old.url, new.url) == (f"{SITE}/old/", f"{SITE}/new/")


# -------------------------------------------------------------------------------------- one entry


def test_an_imported_id_stays_the_guid() -> None:
    """Readers of the old feed know the post by its raw id, which only RSS can carry."""
    feed = feed_of(make_post(1, id="urn:uuid:new", raw_id="?p=12 & more"))

    atom, rss, by_json = read_all(feed)

    assert rss[0].id == "?p=12 & more"
    assert atom[0].id == by_json[0].id == "urn:uuid:new"


def test_dates_are_utc_in_whole_seconds() -> None:
    """Fractions and odd zones never reach a feed; ``published`` stays when a post is updated."""
    zone = timezone(timedelta(hours=5, minutes=30, seconds=10))
    moment = datetime(2026, 11, 24, 7, 30, 0, 999_999, tzinfo=zone)
    post = make_post(1, published_at=moment, updated_at=NOON + timedelta(days=1))

    for (read,) in read_all(feed_of(post)):
        assert read.published_at == datetime(2026, 11, 24, 1, 59, 50, tzinfo=UTC)
        assert read.updated_at == NOON + timedelta(days=1)


def test_authors_are_named_with_their_credentials() -> None:
    """Every author is named in each format, and never by an email address."""
    authors = (
        Author(name="Ada Moss", credentials="MD", url="https://moss.example/"),
        Author(name="Ben Hale", url="mailto:ben@example.org"),
    )
    feed = feed_of(make_post(1, authors=authors))

    for (read,) in read_all(feed):
        assert read.authors == ("Ada Moss, MD", "Ben Hale")
    for write in WRITERS.values():
        assert b"ben@example.org" not in write(feed)
    assert b"<uri>https://moss.example/</uri>" in write_atom(feed)


def test_a_post_without_authors_is_the_sites() -> None:
    """The site's author stands in, in each format."""
    for (read,) in read_all(feed_of(make_post(1))):
        assert read.authors == ("Riverside Psychiatry",)


def test_tags_are_named_once() -> None:
    """Blank and repeated tags are left out."""
    for (read,) in read_all(feed_of(make_post(1, tags=("sleep", " ", "sleep", "mood & rest")))):
        assert read.tags == ("sleep", "mood & rest")


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Fish & <chips>", "Fish & <chips>"),
        ("AT&amp;T &#x26; &nosuch; &copy", "AT&T & &nosuch; &copy"),
        ("A <b>bold</b> <BR/>claim", "A bold claim"),
        ("<div class='x'>Boxed</div>", "Boxed"),
        ("a < b > c", "a < b > c"),
        ("Two\r\nlines\there", "Two lines here"),
    ],
)
def test_titles_are_plain_text(title: str, expected: str) -> None:
    """Markup in a title shows differently in every reader, so none is left; the rest stays."""
    assert as_title(title) == expected


def test_a_title_of_nothing_is_the_slug() -> None:
    """Atom needs a title, and one odd post must not stop the feed."""
    for (read,) in read_all(feed_of(make_post(1, title="\x00 <b></b>", summary="\x00"))):
        assert (read.title, read.summary) == ("post-1", "post-1")


def test_a_part_begins_with_its_place_in_the_series() -> None:
    """A reader's list shows nothing of a series, so the entry says where it stands and leads on."""
    series = make_series(3, planned=6)
    catalog = make_catalog([], series)

    lines = [standing(catalog.place(post), SITE).line for post in series.posts]

    whole = f'<a href="{SITE}/understanding/">Understanding &amp; &lt;treatment&gt;</a>'
    link = f'<a href="{SITE}/understanding/part-%d/">Part %d</a>'
    assert lines == [
        f"<p>Part 1 of 6 in {whole} · Next: {link % (2, 2)}</p>",
        f"<p>Part 2 of 6 in {whole} · Previous: {link % (1, 1)} · Next: {link % (3, 3)}</p>",
        f"<p>Part 3 of 6 in {whole} · Previous: {link % (2, 2)}</p>",
    ]
    assert (
        series_feed(catalog, series, lambda _: BODY, MASTHEAD).entries[0].html.startswith(lines[2])
    )


def test_a_settled_line_says_nothing_that_a_later_part_changes() -> None:
    """An archive names neither the number of parts nor the next one, and stays as it is."""
    short, long = make_series(2), make_series(3, planned=6)

    lines = [
        standing(make_catalog([], one).place(one.posts[1]), SITE, settled=True)
        for one in (short, long)
    ]

    assert lines[0] == lines[1]
    assert lines[0].total is None
    assert lines[0].line.startswith("<p>Part 2 in <a ")
    assert "Previous" in lines[0].line
    assert "Next" not in lines[0].line


def test_neighbours_are_linked_by_the_address_they_had_first() -> None:
    """A new slug changes no entry but the post's own; the old address leads on for ever."""
    series = make_series(2)
    renamed = replace(
        series.posts[0], slug="new", title="New title", aliases=("understanding/part-1",)
    )
    moved = replace(series, parts=(Part(number=1, post=renamed), series.parts[1]))

    def line(one: Series, redirects: dict[str, str]) -> str:
        place = make_catalog([], one).place(one.posts[1])
        return standing(place, SITE, redirects=redirects).line

    before = line(series, {})

    assert line(moved, {"understanding/part-1": "understanding/new"}) == before
    # Where another post has the old address now, it would lead to the wrong one.
    assert f'href="{SITE}/understanding/new/"' in line(moved, {})


def test_a_loose_post_stands_alone() -> None:
    """Without a series there is nothing to say of a place."""
    assert standing(None, SITE) == Standing()


def test_json_carries_the_place_in_the_series() -> None:
    """The extension names the series and the part, and says where it is explained."""
    series = make_series(2, planned=6)
    feed = series_feed(make_catalog([], series), series, lambda _: BODY, MASTHEAD)

    items = json.loads(write_json(feed))["items"]

    assert items[0]["_series"] == {
        "about": f"{SITE}/feeds/",
        "title": "Understanding & <treatment>",
        "url": f"{SITE}/understanding/",
        "part": 2,
        "total": 6,
    }
    assert "_series" not in json.loads(write_json(feed_of(make_post(1))))["items"][0]


def test_an_entry_carries_the_whole_post() -> None:
    """Warnings and correction, text, notes in a list without back-links, notice and crisis line."""
    post = make_post(
        1, correction="The dose was <wrong>.", warnings=("suicide", "self-harm"), updated_at=NOON
    )

    text = (
        "<h2>What is <em>known</em></h2>"
        "<p>It helps &amp; it &lt;may&gt; harm"
        f'<sup><a href="{SITE}/post-1/#note-1">1</a></sup>.</p>'
        f'<p><img src="{SITE}/understanding/part-3/brain.png" alt="A brain"></p>'
        f'<p><a href="{SITE}/feeds/">Feeds</a> <a href="{SITE}/part-2/">before</a> '
        '<a href="mailto:letters@letters.example">write</a></p>'
    )

    html = entry_of(post, notice="Not advice.", crisis="Call 988 & talk.").html

    assert html.splitlines() == [
        "<p><strong>Content note:</strong> suicide, self-harm</p>",
        "<p><strong>Correction:</strong> The dose was &lt;wrong&gt;.</p>",
        text,
        "<h2>Notes</h2>",
        "<ol>",
        '<li><a href="https://doi.example/?a=1&amp;b=2">A trial</a></li>',
        "</ol>",
        "<p><small>Not advice. Call 988 &amp; talk.</small></p>",
    ]


def test_an_entry_is_nothing_but_its_text_where_there_is_nothing_to_add() -> None:
    """A loose post without notes, on a site without notice, is its text alone."""
    assert entry_of(make_post(1), Body(html="<p>Text</p>")).html == "<p>Text</p>"


def test_a_summary_feed_says_where_the_rest_is() -> None:
    """Without full text the place in the series, the summary, a link and the notice are there."""
    series = make_series(2)
    catalog = make_catalog([], series)

    def bodies(post: Post) -> Body:
        raise AssertionError(post)

    feed = series_feed(catalog, series, bodies, replace(MASTHEAD, full=False))

    assert feed.entries[0].html.splitlines()[1:] == [
        "<p>What post 2 says.</p>",
        f'<p>Read the whole post: <a href="{SITE}/understanding/part-2/">Part the 2.</a></p>',
        "<p><small>General information, not medical advice. In the US call or text 988.</small></p>",
    ]
    assert feed.entries[0].html.startswith("<p>Part 2 of 2 in ")


@pytest.mark.parametrize(
    ("src", "expected"),
    [
        ("brain.png", f"{SITE}/post-1/brain.png"),
        ("my brain.png", f"{SITE}/post-1/my%20brain.png"),
        ("/post-1/brain.png", f"{SITE}/post-1/brain.png"),
        ("https://images.example/a.png", "https://images.example/a.png"),
    ],
)
def test_the_lead_image_has_an_absolute_address(src: str, expected: str) -> None:
    """A file of the bundle is below the post's page."""
    feed = feed_of(make_post(1, image=Image(src=src, alt="A brain"), files=("my brain.png",)))

    assert json.loads(write_json(feed))["items"][0]["image"] == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("/a/b.png", "https://x.example/letters/a/b.png"),
        ("b.png", "https://x.example/letters/s/p/b.png"),
        ("#note-1", "https://x.example/letters/s/p/#note-1"),
        ("//cdn.example/b.png", "https://cdn.example/b.png"),
        ("tel:988", "tel:988"),
        (" https://y.example/?a=1&b=2 ", "https://y.example/?a=1&b=2"),
        ("http://[broken", ""),
    ],
)
def test_addresses_become_absolute(address: str, expected: str) -> None:
    """Paths of the site stay below its root, even where the root is a folder."""
    root = "https://x.example/letters"

    assert resolve(address, site_url=root, page_url=f"{root}/s/p/") == expected


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<img src="a.png">', f'<img src="{SITE}/p/a.png">'),
        ('<a href="http://[broken">x</a>', "<a>x</a>"),
        ('<a href="?a=1&amp;b=%22">x</a>', f'<a href="{SITE}/p/?a=1&amp;b=%22">x</a>'),
        ('<q cite="/s">x</q>', f'<q cite="{SITE}/s">x</q>'),
        (
            '<td colspan="2" id="b" class="c" data-d="e" onclick="f()">x</td>',
            '<td colspan="2">x</td>',
        ),
        ("<p>&eacute; &#233; &amp; é</p>", "<p>&eacute; &#233; &amp; é</p>"),
        ('<img alt="a <b c" src="d.png">', f'<img alt="a <b c" src="{SITE}/p/d.png">'),
        ('<img alt="a &quot;b&quot; &lt;c&gt;">', '<img alt="a &quot;b&quot; &lt;c&gt;">'),
    ],
)
def test_html_is_rewritten_where_it_must_be(html: str, expected: str) -> None:
    """Addresses become absolute, what only our pages use is dropped, the rest stays as it was."""
    assert absolute_html(html, site_url=SITE, page_url=f"{SITE}/p/") == expected


def test_author_feed_carries_what_one_author_wrote() -> None:
    """An author's feed holds the posts that name them, with the same ids as elsewhere."""
    ann = Author(name="Ann Lee", credentials="MD")
    first, second = make_post(1, authors=(ann,)), make_post(2)
    catalog = make_catalog([first, second])

    feed = feeds.author_feed(catalog, ann, [first], MASTHEAD)

    assert [listed.post.id for listed in feed.entries] == [first.id]
    assert feed.address == f"{SITE}/authors/ann-lee/feed"
    assert feed.title.startswith("Ann Lee")
    assert feed.id not in {feeds.site_feed(catalog, MASTHEAD).id, first.id}


def test_tag_feed_carries_the_posts_of_one_tag_with_the_same_ids() -> None:
    """A tag's feed holds every post with that tag, however it is written, and no other."""
    first = make_post(1, tags=("Sleep", "worry"))
    second = make_post(2, tags=("sleep",))
    catalog = make_catalog([first, second, make_post(3, tags=("mood",))])

    feed = feeds.tag_feed(catalog, "sleep", [second, first], MASTHEAD)

    assert [listed.post for listed in feed.entries] == [second, first]
    assert feed.address == f"{SITE}/tags/sleep/feed"
    assert feed.id != feeds.site_feed(catalog, MASTHEAD).id
