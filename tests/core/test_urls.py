"""Addresses and ids: pure functions, so examples and properties."""

from __future__ import annotations

import unicodedata
import uuid
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher import urls

SITE = "5f2b1c1e-6f0e-4c43-9a75-0a5b0f7d3c11"


def test_post_id_grows_from_the_site_id() -> None:
    """A site id that is a UUID is the namespace itself."""
    expected = f"urn:uuid:{uuid.uuid5(uuid.UUID(SITE), 'sleep/worry')}"

    assert expected == urls.post_id(SITE, "sleep/worry")


def test_post_id_takes_any_site_id() -> None:
    """A site id that is no UUID becomes one first, so ids never clash between sites."""
    namespace = uuid.uuid5(uuid.NAMESPACE_OID, "riverside")
    expected = f"urn:uuid:{uuid.uuid5(namespace, 'worry')}"

    assert expected == urls.post_id("riverside", "worry")
    assert expected != urls.post_id("lakeside", "worry")


@pytest.mark.parametrize(
    "text",
    [
        "urn:uuid:5f2b1c1e-6f0e-4c43-9a75-0a5b0f7d3c11",
        "tag:example.org,2020:post-1",
        "https://example.org/?p=12",
        "https://example.org/größe/%20x",
        "http://u@h/",
    ],
)
def test_is_iri_accepts_absolute_iris(text: str) -> None:
    """What RFC 3987 calls an absolute IRI may be an id in every feed."""
    assert urls.is_iri(text)


@pytest.mark.parametrize(
    "text",
    ["", "12", "post 12", "x:", "http:foo", "https://", "a b:c", "https://x/%zz", "tag:a<b", "/a"],
)
def test_is_iri_refuses_the_rest(text: str) -> None:
    """An id that feeds would have to repair is none."""
    assert not urls.is_iri(text)


@pytest.mark.parametrize("text", ["https://example.org", "HTTP://example.org/a?b#c"])
def test_is_web_address_accepts_http_with_a_host(text: str) -> None:
    """A web address is http or https and has a host."""
    assert urls.is_web_address(text)


@pytest.mark.parametrize("text", ["ftp://a/b", "//a/b", "www.a.org", "https:///x", "https://a b"])
def test_is_web_address_refuses_the_rest(text: str) -> None:
    """Nothing else is one."""
    assert not urls.is_web_address(text)


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Sleep, slowly", "sleep-slowly"),
        ("Don\u2019t — Grief: a Guide!", "dont-grief-a-guide"),
        ("Ünïcode straße Ærø", "unicode-strasse-aero"),
        ("  2027  ", "2027"),
        ("日本", ""),
        ("", ""),
    ],
)
def test_slug_of_folds_to_ascii(title: str, slug: str) -> None:
    """Letters with marks lose them, apostrophes vanish, everything else becomes one hyphen."""
    assert slug == urls.slug_of(title)


def test_slug_of_cuts_between_words() -> None:
    """A long title is cut at 80 characters, after a whole word where there is one."""
    assert "-".join(["word"] * 16) == urls.slug_of("word " * 30)
    assert urls.slug_of("x" * 100) == "x" * 80


@settings(deadline=None)
@given(st.text())
def test_slug_of_makes_slugs(title: str) -> None:
    """Whatever the title, the slug is one, or empty, and is its own slug."""
    slug = urls.slug_of(title)

    assert slug == "" or urls.is_slug(slug)
    assert len(slug) <= urls.SLUG_LIMIT
    assert slug == urls.slug_of(slug)


@pytest.mark.parametrize("text", ["a", "a-1", "2027", "x" * 200])
def test_is_slug_accepts_lower_case_words(text: str) -> None:
    """Letters a to z, digits, single hyphens between them."""
    assert urls.is_slug(text)


@pytest.mark.parametrize(
    "text", ["", "A", "a_b", "-a", "a-", "a--b", "a b", "é", "x" * 201, "a\n"]
)
def test_is_slug_refuses_the_rest(text: str) -> None:
    """Nothing that an address would have to escape, or that a file name cannot hold."""
    assert not urls.is_slug(text)


def test_tag_slug_tells_other_letters_by_code_point() -> None:
    """A tag in letters that do not fold still has an address of its own."""
    assert urls.tag_slug("Grief & Loss") == "grief-loss"
    assert urls.tag_slug("不 安") == "u4e0d-u5b89"
    assert urls.tag_slug("  ") == ""


@settings(deadline=None)
@given(st.text(min_size=1).filter(lambda tag: tag.strip()))
def test_tag_slug_is_a_slug(tag: str) -> None:
    """Every tag with something in it has an address."""
    assert all(part.isascii() and part.isalnum() for part in urls.tag_slug(tag).split("-"))


@pytest.mark.parametrize(
    ("location", "is_own"),
    [
        ("feeds", True),
        ("u/x", True),
        (".well-known", True),
        ("sleep/from", True),
        ("sleep/archive/2", True),
        ("sleep/feeds", False),
        ("from", False),
        ("sleep", False),
    ],
)
def test_is_reserved_knows_the_sites_own_paths(location: str, is_own: bool) -> None:
    """The site's own first segments everywhere, two more inside a series."""
    assert is_own == urls.is_reserved(location)


@pytest.mark.parametrize(
    ("alias", "series", "location"),
    [
        ("old", "sleep", "sleep/old"),
        ("old", None, "old"),
        ("/old", "sleep", "old"),
        ("/mind/old/", "sleep", "mind/old"),
        ("mind/old", None, "mind/old"),
        ("/blog/2019/Some_Post.html", None, "blog/2019/Some_Post.html"),
        ("/a%20b", None, "a%20b"),
        ("", "sleep", ""),
        ("/", "sleep", ""),
        ("../x", "sleep", ""),
        ("/a//b", None, ""),
        ("a b", None, ""),
        ("/größe", None, ""),
    ],
)
def test_alias_location_names_an_earlier_path(
    alias: str, series: str | None, location: str
) -> None:
    """A name alone belongs to the same series; a path counts from the root."""
    assert location == urls.alias_location(alias, series)


def test_paths_are_those_of_the_contract() -> None:
    """Every address that DESIGN names has one function that makes it."""
    assert urls.post_path("sleep/worry") == "/sleep/worry/"
    assert urls.image_path("sleep/worry", "a b.png") == "/sleep/worry/a%20b.png"
    assert urls.tag_path("Grief") == "/tags/grief/"
    assert urls.edition_path("weekly", 12) == "/editions/weekly/12/"
    assert urls.feed_path("/", "atom") == "/feed.atom"
    assert urls.feed_path("/sleep/", "rss") == "/sleep/feed.rss"
    assert urls.archive_feed_path("/", 3, "json") == "/archive/3.json"
    assert urls.archive_feed_path("/sleep/", 1, "atom") == "/sleep/archive/1.atom"
    expected = "/sleep/from/2027-01-05/7d.atom"
    assert expected == urls.course_feed_path("sleep", date(2027, 1, 5), 7, "atom")
    assert urls.confirm_path("T") == "/confirm/T"
    assert urls.unsubscribe_path("T") == "/u/T"
    assert urls.preferences_path("T") == "/preferences/T"
    assert urls.data_path("T") == "/data/T"


def test_absolute_joins_the_site_and_a_path() -> None:
    """A site path gets the site in front of it; an absolute address stays as it is."""
    assert urls.absolute("https://x.org/", "/a/") == "https://x.org/a/"
    assert urls.absolute("https://x.org/blog", "/a/") == "https://x.org/blog/a/"
    assert urls.absolute("https://x.org", "https://y.org/b.png") == "https://y.org/b.png"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/", "index.html"),
        ("/sleep/worry/", "sleep/worry/index.html"),
        ("/feed.atom", "feed.atom"),
        ("/sleep/worry/a%20b.png", "sleep/worry/a b.png"),
    ],
)
def test_output_file_is_where_a_path_is_served_from(path: str, name: str) -> None:
    """A folder is served from its index.html, a file from itself."""
    assert name == urls.output_file(path)


@settings(deadline=None)
@given(st.text(alphabet=st.characters(categories=["L"]), min_size=1))
def test_slug_of_ignores_how_marks_are_encoded(title: str) -> None:
    """The same title typed on two machines has one slug."""
    apart, together = (unicodedata.normalize(form, title) for form in ("NFD", "NFC"))

    assert urls.slug_of(apart) == urls.slug_of(together)
