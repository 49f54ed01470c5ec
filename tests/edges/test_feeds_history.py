"""Archives of feeds: every post once, whole documents that stay (RFC 5005 section 4)."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from publisher import feeds
from publisher.editorial.order import find_places
from publisher.feeds import Entry, EntryImage, EntrySeries, Masthead, cut_history
from publisher.feeds.xml_formats import plate_xml, write_entry
from publisher.model import Author, Body, Catalog, Part, Post, Series, SeriesInfo
from tests.factories import make_post

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SITE = "https://letters.example"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
MASTHEAD = Masthead(
    site_id="riverside", name="Riverside Letters", url=SITE, language="en", limit=3
)
SPACES = {"a": "http://www.w3.org/2005/Atom", "fh": "http://purl.org/syndication/history/1.0"}


def post_of(number: int, **changes: object) -> Post:
    post = make_post(slug=f"post-{number}", title=f"Post {number}")
    made = {"published_at": NOON + timedelta(days=number), "updated_at": None, **changes}
    return replace(post, **made)  # type: ignore[arg-type]


def catalog_of(posts: Iterable[Post], *series: Series) -> Catalog:
    newest_first = sorted(posts, key=lambda post: post.published_at, reverse=True)
    return Catalog(posts=tuple(newest_first), series=series, places=find_places(series))


def series_of(count: int, *, status: str = "ongoing", planned: int = 0) -> Series:
    parts = [
        Part(number=n, post=post_of(n, series="sleep", slug=f"part-{n}"))
        for n in range(1, count + 1)
    ]
    coming = [Part(number=n) for n in range(count + 1, planned + 1)]
    info = SeriesInfo(slug="sleep", title="Sleep", status=status)
    return Series(info=info, parts=(*parts, *coming))


def describe(posts: Sequence[Post]) -> list[feeds.Feed]:
    catalog = catalog_of(posts)
    return with_archives(feeds.site_feed(catalog, MASTHEAD), catalog, posts)


def with_archives(
    live: feeds.Feed, catalog: Catalog, history: Sequence[Post | None]
) -> list[feeds.Feed]:
    feed, archives = feeds.cut_archives(live, history, MASTHEAD.limit)
    return [feed, *(one.describe(catalog, MASTHEAD) for one in archives)]


def write(feed: feeds.Feed, form: feeds.Form = "atom") -> bytes:
    return feeds.write(
        feed, form, lambda post: feeds.make_plates(post, Body(html="<p>Text</p>"), None, MASTHEAD)
    )


def titles(feed: feeds.Feed) -> list[str]:
    return [listed.post.title for listed in feed.entries]


# ------------------------------------------------------------------------------------ where to cut


@given(
    count=st.integers(0, 40),
    size=st.integers(1, 12),
    withdrawn=st.sets(st.integers(0, 39)),
    live_count=st.integers(0, 15),
)
def test_every_post_is_in_the_feed_or_in_one_archive(
    count: int, size: int, withdrawn: set[int], live_count: int
) -> None:
    """Whoever reads the feed and its archives has every post, and no archive repeats another."""
    posts = [post_of(number) for number in range(count)]
    history = [None if number in withdrawn else post for number, post in enumerate(posts)]
    shown = [post for post in history if post]
    live = shown[::-1][:live_count]

    pages = cut_history(live, history, size)

    archived = [post.id for page in pages for post in page]
    assert len(archived) == len(set(archived))
    assert {*archived, *(post.id for post in live)} == {post.id for post in shown}
    assert all(len(page) <= size for page in pages)


@given(count=st.integers(0, 40), size=st.integers(1, 12), more=st.integers(1, 15))
def test_a_full_archive_keeps_its_posts(count: int, size: int, more: int) -> None:
    """Posts that come later never move an earlier one from its document."""
    posts = [post_of(number) for number in range(count + more)]

    before = cut_history(posts[:count][::-1][:size], posts[:count], size)
    after = cut_history(posts[::-1][:size], posts, size)

    full = [page for page in before if len(page) == size]
    assert after[: len(full)] == full


def test_a_withdrawn_post_keeps_its_place_in_the_count() -> None:
    """Taking a post back empties a place and shifts no other post into another document."""
    posts = [post_of(number) for number in range(1, 8)]

    before = cut_history(posts[:3], posts, 3)
    after = cut_history(posts[:3], [None, *posts[1:]], 3)

    assert after == [before[0][1:], *before[1:]]


# --------------------------------------------------------------------------------------- documents


def test_the_feed_leads_to_its_newest_archive_and_on_to_the_first() -> None:
    """Walking back from the feed, a reader comes by every post, oldest document last."""
    live, *archives = describe([post_of(number) for number in range(1, 9)])

    assert titles(live) == ["Post 8", "Post 7", "Post 6"]
    assert [titles(one) for one in archives] == [
        ["Post 3", "Post 2", "Post 1"],
        ["Post 6", "Post 5", "Post 4"],
    ]
    assert live.prev_archive == archives[1].address == f"{SITE}/archive/2"
    assert archives[1].prev_archive == archives[0].address
    assert archives[0].prev_archive == ""
    assert archives[0].next_archive == archives[1].address
    assert {one.current for one in archives} == {f"{SITE}/feed"}
    assert {one.id for one in archives} == {live.id}


def test_what_the_feed_leaves_out_is_in_an_archive_that_still_grows() -> None:
    """A correction of an old post takes a place in the feed; what it displaces stays reachable."""
    posts = [post_of(number) for number in range(1, 9)]
    posts[0] = replace(posts[0], updated_at=NOON + timedelta(days=100))
    posts[1] = replace(posts[1], updated_at=NOON + timedelta(days=101))

    live, *archives = describe(posts)

    assert titles(live) == ["Post 8", "Post 2", "Post 1"]
    assert titles(archives[-1]) == ["Post 8", "Post 7"]


def test_long_posts_make_a_shorter_feed() -> None:
    """A feed of a megabyte is refused by some readers; at least ten posts are there all the same."""
    long = [post_of(number, words=20_000) for number in range(30)]

    chosen = feeds.newest(catalog_of(long), long, 30)

    assert [post.title for post in chosen] == [f"Post {number}" for number in range(29, 19, -1)]


def test_an_archive_says_nothing_that_a_later_part_changes() -> None:
    """Another part makes no byte of a full archive different."""
    texts = []
    for count in (4, 5):
        series = series_of(count)
        catalog = catalog_of(series.posts, series)
        live = feeds.series_feed(catalog, series, MASTHEAD)
        first = with_archives(live, catalog, series.posts)[1]
        texts.append(
            [
                feeds.write(
                    first,
                    form,
                    lambda post, catalog=catalog: feeds.make_plates(  # type: ignore[misc]
                        post, Body(html="<p>Text</p>"), catalog.place(post), MASTHEAD
                    ),
                )
                for form in ("atom", "rss", "json")
            ]
        )

    assert texts[0] == texts[1]
    assert b"Part 3 in " in texts[0][0]
    assert not re.search(rb"Part \d of", b"".join(texts[0]))


def test_an_archive_is_marked_and_linked_in_each_format() -> None:
    """Readers that know RFC 5005 find the mark and the links; JSON Feed has ``next_url``."""
    live, first, second = describe([post_of(number) for number in range(1, 9)])

    for form, parent in (("atom", "."), ("rss", "channel")):
        root = etree.fromstring(write(second, form)).find(parent)  # type: ignore[arg-type]
        assert root is not None
        links = {one.get("rel"): one.get("href") for one in root.iterfind("a:link", SPACES)}
        assert links["prev-archive"] == f"{first.address}.{form}"
        assert links["current"] == f"{live.address}.{form}"
        assert "next-archive" not in links
        assert root.find("fh:archive", SPACES) is not None
    assert json.loads(write(live, "json"))["next_url"] == f"{second.address}.json"
    assert "next_url" not in json.loads(write(first, "json"))


def test_a_finished_series_is_complete_in_one_feed() -> None:
    """A reader of a finished series gets every part at once, and knows that no more will come."""
    whole, waiting = series_of(5, status="finished"), series_of(5, status="finished", planned=6)

    for series, is_complete in ((whole, True), (waiting, False)):
        catalog = catalog_of(series.posts, series)
        live, *archives = with_archives(
            feeds.series_feed(catalog, series, MASTHEAD), catalog, series.posts
        )
        assert live.is_complete is is_complete
        assert len(live.entries) == (5 if is_complete else 3)
        assert bool(archives) is not is_complete


# ---------------------------------------------------------------------------------------- entries


TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn")), min_size=1, max_size=12)


@settings(max_examples=80)
@given(
    texts=st.tuples(TEXT, TEXT, TEXT),
    raw_id=st.sampled_from(["", "?p=1&b=<2>"]),
    authors=st.lists(st.tuples(TEXT, st.booleans()), min_size=1, max_size=3),
    tags=st.lists(TEXT, max_size=3),
    has_series=st.booleans(),
    image=st.sampled_from([None, ("image/png", "A 'brain' & \"more\""), ("", "")]),
    seconds=st.integers(0, 2_000_000_000),
)
def test_entries_are_as_feedgen_writes_them(
    texts: tuple[str, str, str],
    raw_id: str,
    authors: list[tuple[str, bool]],
    tags: list[str],
    has_series: bool,
    image: tuple[str, str] | None,
    seconds: int,
) -> None:
    """Filling in what differs gives the very bytes that feedgen gives for the whole entry."""
    moment = datetime.fromtimestamp(seconds, UTC)
    title, html, summary = texts
    entry = Entry(
        id="urn:x:1",
        raw_id=raw_id,
        title=title,
        url=f"{SITE}/p/?a=1&b=2",
        published_at=moment,
        updated_at=moment + timedelta(days=1),
        authors=tuple(
            Author(name=name, url='https://a.example/?q="1"&b' if has_url else "")
            for name, has_url in authors
        ),
        tags=tuple(tags),
        tags_url=f"{SITE}/tags/",
        summary=summary,
        html=f"<p title='\"'>{html}</p>",
        series=EntrySeries(title=title, url=f"{SITE}/s/", part=1) if has_series else None,
        image=EntryImage(url=f"{SITE}/a.png", media_type=image[0], alt=image[1])
        if image
        else None,
    )

    assert plate_xml(entry) == write_entry(entry)
