"""public/ over HTTP: by a real server on loopback, asked octet for octet."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import os
import resource
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from email.utils import formatdate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher import site
from publisher.headers import TYPES, content_type, policy
from publisher.web import site as serving
from publisher.web.files import Files
from publisher.web.site import (
    StaticSite,
    Wishes,
    answer_bytes,
    choose_coding,
    file_path,
    is_fresh,
    read_redirects,
    send_answer,
)
from tests.servers import House, serve

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator, MutableMapping

    from tests.servers import Kind

FORMS = ("atom", "rss", "json")
FEED = b"<feed xmlns='http://www.w3.org/2005/Atom'/>" * 100
CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)


def run_alone(work: Coroutine[Any, Any, object]) -> None:
    """Run it in a thread of its own: a browser's tests may have a loop running in this one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()


KINDS: list[Kind] = ["service", "nginx", "nginx without brotli", "caddy"]
"""Each server that docs/ names, with the settings that ship: they answer alike."""


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Every server in turn."""
    found: Kind = request.param
    return found


@pytest.fixture
def own(tmp_path: Path) -> Iterator[House]:
    """Our own server, for what it does and others do not."""
    with serve(tmp_path / "public") as running:
        yield running


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, kind: Kind) -> Iterator[House]:
    """One server for the tests that add files of their own to the same site."""
    root = tmp_path_factory.mktemp("site") / "public"
    with serve(root, kind) as running:
        running.write("index.html", b"<h1>Letters</h1>")
        running.write("404.html", b"<h1>Not here</h1>")
        running.write("calm/part-1/index.html", b"<h1>Part 1</h1>")
        running.write("feed.atom", FEED, compressed=True)
        (root.parent / "secret.txt").write_bytes(b"SECRET")
        yield running


# ------------------------------------------------------------------------------------------- pages


def test_page_is_served_with_its_guards(house: House) -> None:
    """A page comes with what keeps its reader to himself, and sets no cookie."""
    page = house.ask("/calm/part-1/")

    assert page.status == 200
    assert page.body == b"<h1>Part 1</h1>"
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-length"] == str(len(page.body))
    assert page.headers["cache-control"] == "public, max-age=300"
    assert page.headers["content-security-policy"] == CSP
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert not {"set-cookie", "access-control-allow-origin", "vary"} & set(page.headers)


def test_front_page_is_the_root(house: House) -> None:
    """The site's address is its index page."""
    assert house.ask("/").body == b"<h1>Letters</h1>"


@pytest.mark.parametrize("query", ["", "?page=2&x=%2F"])
def test_directory_gets_its_slash(house: House, query: str) -> None:
    """Relative links of a page work, since its address ends as a directory's does."""
    answer = house.ask(f"/calm/part-1{query}")

    assert answer.status == 301
    assert answer.headers["location"] == f"/calm/part-1/{query}"
    assert answer.headers["content-length"] == "0"


def test_directory_keeps_its_spelling(house: House) -> None:
    """A name with other letters is found, and stays one address when it gets its slash."""
    house.write("\u00e9tude in blue/index.html", b"warm")

    assert house.ask("/%C3%A9tude%20in%20blue").headers["location"] == "/%C3%A9tude%20in%20blue/"
    assert house.ask("/%C3%A9tude%20in%20blue/").body == b"warm"


def test_head_says_the_same_without_a_body(house: House) -> None:
    """HEAD is GET without the body: the same status, headers and length."""
    for path in ("/", "/feed.atom", "/calm", "/nowhere"):
        got, head = house.ask(path), house.ask(path, "HEAD")

        assert head.body == b""
        assert head.status == got.status
        assert {**head.headers, "date": ""} == {**got.headers, "date": ""}


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_files_take_no_other_method(house: House, method: str) -> None:
    """Nothing is changed by asking, and what is allowed is said."""
    answer = house.ask("/", method, content_length="0")

    assert answer.status == 405
    assert answer.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/a/index.html", "text/html; charset=utf-8"),
        ("/assets/site.css", "text/css; charset=utf-8"),
        ("/feed.atom", "application/xml; charset=utf-8"),
        ("/calm/feed.rss", "application/xml; charset=utf-8"),
        ("/feed.json", "application/feed+json"),
        ("/archive/2.json", "application/feed+json"),
        ("/calm/archive/12.json", "application/feed+json"),
        ("/assets/data.json", "application/json"),
        ("/calm/part-1/archive.json", "application/json"),
        ("/feeds.opml", "text/x-opml; charset=utf-8"),
        ("/sitemap.xml", "application/xml; charset=utf-8"),
        ("/robots.txt", "text/plain; charset=utf-8"),
        ("/a/b.PNG", "image/png"),
        ("/a/b.jpg", "image/jpeg"),
        ("/a/b.webp", "image/webp"),
        ("/a/b.avif", "image/avif"),
        ("/a/b.gif", "image/gif"),
        ("/favicon.ico", "image/x-icon"),
        ("/a/b.svg", "image/svg+xml"),
        ("/a/b.unknown", "application/octet-stream"),
        ("/a/plain", "application/octet-stream"),
    ],
)
def test_type_follows_the_name(path: str, expected: str) -> None:
    """Browsers show feeds, readers know JSON Feed by its type, and nothing is guessed."""
    assert content_type(path) == expected


@pytest.mark.parametrize("ending", sorted(TYPES))
def test_server_tells_the_type(house: House, ending: str) -> None:
    """Every server says of a file what the table says, whatever its own tables say."""
    house.write(f"kinds/one.{ending}", b"<x/>")

    answer = house.ask(f"/kinds/one.{ending}")

    assert answer.status == 200
    assert answer.headers["content-type"] == TYPES[ending]


def test_drawing_may_not_act(house: House) -> None:
    """An SVG opened by itself runs nothing."""
    house.write("calm/picture.svg", b"<svg/>")

    policy = house.ask("/calm/picture.svg").headers["content-security-policy"]

    assert "default-src 'none'" in policy
    assert "sandbox" in policy


def test_asset_with_a_hash_is_kept_for_a_year(house: House) -> None:
    """A name that changes with its bytes is cached for good; any other asset is not."""
    house.write("assets/site.0123abcd.css", b"p{}")
    house.write("assets/site.css", b"p{}")
    house.write("calm/picture-0123abcd.png", b"png")

    ages = {
        path: house.ask(path).headers["cache-control"]
        for path in ("/assets/site.0123abcd.css", "/assets/site.css", "/calm/picture-0123abcd.png")
    }

    assert list(ages.values()) == [
        "public, max-age=31536000, immutable",
        "public, max-age=300",
        "public, max-age=300",
    ]


# ------------------------------------------------------------------------------------------- feeds


@pytest.mark.parametrize("path", ["feed.atom", "calm/feed.rss", "feed.json", "feeds.opml"])
def test_feed_may_be_read_from_anywhere(house: House, path: str) -> None:
    """Readers in browsers may fetch feeds, and every reader is told an honest hour to come back."""
    house.write(path, FEED, compressed=True)

    feed = house.ask(f"/{path}")

    assert feed.headers["access-control-allow-origin"] == "*"
    assert feed.headers["cache-control"] == (
        "public, max-age=900, stale-while-revalidate=3600, stale-if-error=86400"
    )
    assert "content-security-policy" not in feed.headers


def test_feed_names_its_hub_and_itself(tmp_path: Path, kind: Kind) -> None:
    """Where a hub is announced each feed says so in its headers, and no page does (WebSub)."""
    with serve(
        tmp_path, kind, hub="https://hub.example/", url="https://letters.example/"
    ) as house:
        feeds = (
            *(f"{folder}feed.{form}" for folder in ("", "calm/", "tags/sleep/") for form in FORMS),
            *(f"{folder}archive/12.{form}" for folder in ("", "calm/") for form in FORMS),
        )
        others = ("index.html", "feeds.opml", "sitemap.xml", "calm/archive.json")
        for path in (*feeds, *others):
            house.write(path, FEED)
        links = {path: house.ask(f"/{path}").headers.get("link") for path in (*feeds, *others)}
        etag = house.ask("/feed.atom").headers["etag"]
        again = house.ask("/feed.atom", if_none_match=etag)

    assert links == {
        **{
            path: f'<https://hub.example/>; rel="hub", <https://letters.example/{path}>; rel="self"'
            for path in feeds
        },
        **dict.fromkeys(others),
    }
    assert (again.status, again.headers["link"]) == (304, links["feed.atom"])


def test_without_a_hub_nothing_is_linked(house: House) -> None:
    """No hub, no header."""
    assert "link" not in house.ask("/feed.atom").headers


def test_feed_names_itself_as_it_is_asked_for(tmp_path: Path) -> None:
    """Letters beyond ASCII stand in a header as they stand in an address."""
    with serve(tmp_path, hub="https://hub.example/", url="https://letters.example") as house:
        house.write("\u00e9tude/feed.atom", FEED)
        feed = house.ask("/%C3%A9tude/feed.atom")

    assert feed.headers["link"] == (
        '<https://hub.example/>; rel="hub",'
        ' <https://letters.example/%C3%A9tude/feed.atom>; rel="self"'
    )


WISHES = [
    ("br", "br"),
    ("gzip", "gzip"),
    ("gzip, deflate, br, zstd", "br"),
    ("GZIP ; Q=1.0", "gzip"),
    ("gzip;q=0, br;q=0", ""),
    ("identity", ""),
    ("identity;q=0.5, br;q=0.5", "br"),
    ("identity;q=0, *;q=0", ""),
    ("deflate", ""),
    ("", ""),
    (",,;q=1,", ""),
]
"""What readers ask for, and what every server gives."""
CODINGS = ("br", "gzip", "identity")
NICETIES = [
    ("br;q=0.5, gzip;q=0.8", "gzip"),
    ("x-gzip", "gzip"),
    ("*", "br"),
    ("br;q=0, *", "gzip"),
    ("identity;q=1, br;q=0.5", ""),
    ("gzip;q=many", ""),
    ("gzip;level=9", "gzip"),
]
"""What next to nobody asks for; other servers give another form of the same feed (RFC 9110 12.4)."""


@pytest.mark.parametrize(("accepted", "coding"), [*WISHES, *NICETIES])
def test_variant_follows_what_is_asked(house: House, accepted: str, coding: str) -> None:
    """A reader gets the variant it likes best, and always the same feed (RFC 9110 12.5.3)."""
    answer = house.ask("/feed.atom", accept_encoding=accepted)

    given = answer.headers.get("content-encoding", "")
    unpack = {"br": brotli.decompress, "gzip": gzip.decompress, "": bytes}[given]
    if house.kind == "nginx without brotli":
        coding = choose_coding(accepted, {"gzip"})
    if house.kind == "service" or accepted not in dict(NICETIES):
        assert given == coding
    assert unpack(answer.body) == FEED
    assert answer.headers["vary"].lower() == "accept-encoding"
    assert answer.headers["content-length"] == str(len(answer.body))
    assert answer.headers["content-type"] == "application/xml; charset=utf-8"


def test_without_a_wish_the_feed_is_plain(house: House) -> None:
    """A reader that says nothing about codings gets none, and caches know that others may."""
    answer = house.ask("/feed.atom")

    assert "content-encoding" not in answer.headers
    assert answer.headers["vary"].lower() == "accept-encoding"


@given(st.text(max_size=40), st.sets(st.sampled_from(["br", "gzip"])))
def test_any_wish_has_an_answer(accepted: str, offered: set[str]) -> None:
    """No header breaks the choice, and only what is there is chosen."""
    assert choose_coding(accepted, offered) in {"", *offered}


def test_each_variant_has_its_own_etag(house: House) -> None:
    """A cache that holds one variant is never told that another is the same."""
    codings = ("gzip", "identity") if house.kind == "nginx without brotli" else CODINGS
    answers = [house.ask("/feed.atom", accept_encoding=coding) for coding in codings]

    etags = {answer.headers["etag"] for answer in answers}
    assert len(etags) == len(codings)
    assert not any(etag.startswith("W/") for etag in etags)
    assert len({answer.headers["last-modified"] for answer in answers}) == 1


def test_variant_of_another_making_is_not_served(own: House) -> None:
    """A kill between variant and file leaves a variant that does not fit: the file is served."""
    path = own.write("stale/feed.atom", FEED, compressed=True)
    os.utime(path.with_name("feed.atom.br"), ns=(1, 1))

    answer = own.ask("/stale/feed.atom", accept_encoding="br, gzip;q=0.5")

    assert answer.headers["content-encoding"] == "gzip"


# -------------------------------------------------------------------------------------- not modified


@pytest.mark.parametrize("coding", ["identity", "gzip", "br"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("known", ["etag", "date", "both"])
def test_reader_that_has_it_is_told_so(house: House, coding: str, method: str, known: str) -> None:
    """ETag alone, date alone or both: 304 with both again, for each variant, without a body."""
    first = house.ask("/feed.atom", accept_encoding=coding)
    validators = {
        "if_none_match": first.headers["etag"],
        "if_modified_since": first.headers["last-modified"],
    }
    if known != "both":
        validators.pop("if_modified_since" if known == "etag" else "if_none_match")

    again = house.ask("/feed.atom", method, accept_encoding=coding, **validators)

    assert again.status == 304
    assert again.body == b""
    kept = {"etag", "last-modified", "cache-control", "vary", "access-control-allow-origin"}
    if house.kind == "caddy":  # a date beside an ETag may be left out (RFC 9110 15.4.5)
        kept.remove("last-modified")
    assert {name: again.headers[name] for name in kept} == {
        name: first.headers[name] for name in kept
    }
    assert not {"content-type", "content-encoding"} & set(again.headers)


ETAG = '"17-2a"'
MOMENT = 1_790_000_000
DATE = formatdate(MOMENT, usegmt=True)
EARLIER = formatdate(MOMENT - 1, usegmt=True)
LATER = formatdate(MOMENT + 3600, usegmt=True)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, False),
        ({"if-none-match": ETAG}, True),
        ({"if-none-match": f"W/{ETAG}"}, True),
        ({"if-none-match": f'"a", W/"b",{ETAG}'}, True),
        ({"if-none-match": "*"}, True),
        ({"if-none-match": '"17-2a-br"'}, False),
        ({"if-none-match": "17-2a"}, False),
        ({"if-none-match": ""}, False),
        ({"if-modified-since": DATE}, True),
        ({"if-modified-since": LATER}, True),
        ({"if-modified-since": EARLIER}, False),
        ({"if-modified-since": "yesterday"}, False),
        ({"if-modified-since": "Mon, 21 Sep 2026 14:13:20 -0000"}, False),
        ({"if-modified-since": "Mon, 21 Sep 20260 14:13:20 GMT"}, False),
        ({"if-none-match": '"other"', "if-modified-since": LATER}, False),
        ({"if-none-match": ETAG, "if-modified-since": EARLIER}, True),
    ],
)
def test_validators_are_compared_as_the_standard_says(
    asked: dict[str, str], expected: bool
) -> None:
    """ETags count before dates, weakly and in lists; what is none counts as none (RFC 9110 13)."""
    wishes = Wishes(
        etags=asked["if-none-match"].encode() if "if-none-match" in asked else None,
        since=asked["if-modified-since"].encode() if "if-modified-since" in asked else None,
    )

    assert is_fresh(wishes, ETAG, MOMENT) is expected


@given(st.text(max_size=40), st.sampled_from(["etags", "since"]))
def test_any_validator_has_an_answer(text: str, name: str) -> None:
    """No header breaks the comparison."""
    wishes = Wishes(**{name: text.encode()})

    assert is_fresh(wishes, ETAG, MOMENT) in {True, False}


@pytest.mark.parametrize("known", ["{}", "W/{}", '"other", {}', '"a", W/{}, "b"', "*"])
def test_etag_is_found_however_it_is_listed(house: House, known: str) -> None:
    """Alone, weakened by a proxy, among others or as any: the reader has it."""
    etag = house.ask("/feed.atom").headers["etag"]

    assert house.ask("/feed.atom", if_none_match=known.format(etag)).status == 304


@pytest.mark.parametrize(
    "asked",
    [
        {"if_none_match": '"other"'},
        {"if_none_match": '"other"', "if_modified_since": "{later}"},
        {"if_modified_since": "{earlier}"},
        {"if_modified_since": "yesterday"},
    ],
)
def test_reader_that_has_another_gets_the_feed(house: House, asked: dict[str, str]) -> None:
    """An ETag that differs counts before a date that does not; what is no date is none."""
    moment = int((house.root / "feed.atom").stat().st_mtime)
    dates = {
        "earlier": formatdate(moment - 1, usegmt=True),
        "later": formatdate(moment + 3600, usegmt=True),
    }
    wished = {name: value.format(**dates) for name, value in asked.items()}

    answer = house.ask("/feed.atom", **wished)

    assert (answer.status, answer.body) == (200, FEED)


def test_etags_over_several_lines_are_one_list(own: House) -> None:
    """A proxy may split a list into lines; nginx takes that for a bad request."""
    own.write("feed.atom", FEED)
    etag = own.ask("/feed.atom").headers["etag"]

    with closing(http.client.HTTPConnection("127.0.0.1", own.port, timeout=20)) as wire:
        wire.putrequest("GET", "/feed.atom", skip_accept_encoding=True)
        wire.putheader("If-None-Match", etag)
        wire.putheader("If-None-Match", '"another"')
        wire.endheaders()

        assert wire.getresponse().status == 304


def test_change_is_seen_at_once(house: House) -> None:
    """A file that is replaced, by one of equal length within the second, is new to every reader."""
    house.write("news/feed.atom", b"first", compressed=True)
    before = house.ask("/news/feed.atom")
    house.write("news/feed.atom", b"other", compressed=True)

    by_etag = house.ask("/news/feed.atom", if_none_match=before.headers["etag"])
    by_date = house.ask("/news/feed.atom", if_modified_since=before.headers["last-modified"])

    assert (by_etag.status, by_etag.body) == (200, b"other")
    assert (by_date.status, by_date.body) == (200, b"other")


def test_removed_file_is_gone_at_once(house: House) -> None:
    """What was served from memory is not served after its file went."""
    house.write("short/index.html", b"here")
    here = house.ask("/short/")
    site.remove(Path("short/index.html"), root=house.root)

    gone = house.ask("/short/")

    assert (here.status, gone.status) == (200, 404)


def test_large_file_is_sent_in_pieces(house: House) -> None:
    """A picture of some megabytes arrives whole, by HEAD without, and has its 304 too."""
    picture = os.urandom(3_000_001)
    house.write("calm/large.png", picture)

    got, head = house.ask("/calm/large.png"), house.ask("/calm/large.png", "HEAD")
    again = house.ask("/calm/large.png", if_none_match=got.headers["etag"])

    assert got.body == picture
    assert (head.body, head.headers["content-length"]) == (b"", "3000001")
    assert (again.status, again.body) == (304, b"")


# ---------------------------------------------------------------------------------- what is not served


ABOVE = [
    "/../secret.txt",
    "/..%2fsecret.txt",
    "/%2e%2e/secret.txt",
    "/%2e%2e%2fsecret.txt",
    "/calm/../../secret.txt",
    "/calm/%2E%2E/%2E%2E/secret.txt",
    "/feed.atom%00",
    "/feed.atom%00.html",
]
"""What nginx calls a bad request."""
SPELLINGS = [
    "/calm%2Fpart-1/",
    "/calm%2fpart-1/index.html",
    "//calm/part-1",
    "/calm//part-1/",
    "/./index.html",
    "/calm/./part-1/",
    "/feed.atom/",
    "/index.html/",
]
"""What Caddy reads as the page that is meant."""
NOTHING = [
    "/..\\secret.txt",
    "/..%5csecret.txt",
    "/feed.atom%0a",
    "//etc/passwd",
    "/.hidden",
    "/.hidden/index.html",
    "/.~feed.atom.abc",
    "/_headers",
    "/_redirects",
    "/_Redirects",
    "/feed.atom.br",
    "/feed.atom.gz",
    "/calm/part-1/index.html/x",
    "/calm/nothing",
    "/assets/",
    "/empty/",
    "/empty",
    "/" + "n" * 300,
    "/%ff%fe",
    "/%c0%ae%c0%ae/secret.txt",
    "/loop",
]


@pytest.mark.parametrize("path", [*ABOVE, *SPELLINGS, *NOTHING])
def test_path_that_is_no_page_is_not_found(house: House, path: str) -> None:
    """Nothing beside the site's own pages and files is handed out, however it is spelled."""
    if not (house.root / "loop").is_symlink():
        for name in (".hidden", ".~feed.atom.abc", "_headers", "_redirects"):
            (house.root / name).write_bytes(b"SECRET")
        (house.root / "empty").mkdir()
        (house.root / "loop").symlink_to("loop")

    answer = house.ask(path)

    if (house.kind == "caddy" and path in SPELLINGS and answer.status in {200, 308}) or (
        house.kind.startswith("nginx") and path in ABOVE and answer.status == 400
    ):
        assert b"SECRET" not in answer.body
    else:
        assert answer.status == 404
        assert answer.body == b"<h1>Not here</h1>"
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["cache-control"] == "public, max-age=60"
        assert answer.headers["content-security-policy"] == CSP


@pytest.mark.parametrize("path", ["/pipe", "/outside.txt", "/outside/secret.txt"])
def test_what_is_no_file_of_the_site_is_not_found(own: House, path: str) -> None:
    """Links that lead out of ``public/`` and pipes: none is ever written there, none is served."""
    own.root.mkdir()
    (own.root.parent / "secret.txt").write_bytes(b"SECRET")
    os.mkfifo(own.root / "pipe")
    (own.root / "outside.txt").symlink_to("../secret.txt")
    (own.root / "outside").symlink_to("..")

    assert own.ask(path).status == 404


def test_symlink_within_the_site_is_followed(house: House) -> None:
    """What stays below the root may have two names."""
    (house.root / "again").symlink_to("calm")

    assert house.ask("/again/part-1/").body == b"<h1>Part 1</h1>"


def test_symlink_turned_outside_is_not_served(own: House) -> None:
    """A link that was fine and is turned to lead out is looked at again."""
    link = own.root / "turned.txt"
    own.write("inside.txt", b"INSIDE")
    (own.root.parent / "secret.txt").write_bytes(b"SECRET")
    link.symlink_to("inside.txt")
    before = own.ask("/turned.txt")
    link.unlink()
    link.symlink_to("../secret.txt")

    after = own.ask("/turned.txt")

    assert (before.body, after.status) == (b"INSIDE", 404)


def test_root_may_be_a_symlink_that_moves(tmp_path: Path, kind: Kind) -> None:
    """A site that is put live by turning a link is served from its new place at once."""
    for name in ("one", "two"):
        site.write(Path("index.html"), name.encode(), root=tmp_path / name)
    public = tmp_path / "public"
    public.symlink_to("one")

    with serve(public, kind) as house:
        before = house.ask("/")
        public.unlink()
        public.symlink_to("two")
        after = house.ask("/")

    assert (before.body, after.body) == (b"one", b"two")


@given(st.text(max_size=30))
def test_no_path_leads_out(text: str) -> None:
    """Whatever is asked for, the path that comes of it has plain names only."""
    path = file_path(f"/{text}", None)

    assert path is None or Path(f"/site{path}") == Path(os.path.normpath(f"/site{path}"))


def test_path_without_a_slash_is_none() -> None:
    """``OPTIONS *`` and proxies' whole addresses name no file."""
    assert file_path("*", b"*") is None


def test_site_without_a_page_for_it_says_not_found(tmp_path: Path, kind: Kind) -> None:
    """Before the first build every answer is still one."""
    with serve(tmp_path / "public", kind) as house:
        answer = house.ask("/")

    assert (answer.status, answer.body) == (404, b"Not found\n")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


# ------------------------------------------------------------------------------------- moved and gone


def test_rules_are_read_as_written() -> None:
    """From, to and status; the first of two counts, and what is no rule is passed over."""
    text = """
    # moved
    /old/slug     /new/slug/   301
    /old/slug/    /other/      301
    /rss          /feed.rss    308
    /%C3%A9tude    /\u00e9tude/#top  302
    /away         https://other.example/a?b=c  307
    /gone/        /            410
    /only         /two
    /bad          /status      200
    /loop         /loop/       301
    """

    rules = {path: (rule.status, rule.target) for path, rule in read_redirects(text).items()}

    assert rules == {
        "/old/slug": (301, "/new/slug/"),
        "/rss": (308, "/feed.rss"),
        "/\u00e9tude": (302, "/%C3%A9tude/#top"),
        "/away": (307, "https://other.example/a?b=c"),
        "/gone": (410, "/"),
    }


@pytest.fixture(scope="module")
def moved_house(tmp_path_factory: pytest.TempPathFactory, kind: Kind) -> Iterator[House]:
    """A site with a past."""
    root = tmp_path_factory.mktemp("moved")
    with serve(root, kind) as running:
        running.write(
            "_redirects",
            b"/old /calm/part-1/ 301\n/away https://other.example/ 308\n/asked /q?a=1 302\n"
            b"/untold / 410\n/shown /gone.html 410\n",
        )
        running.write("gone.html", b"gone")
        running.write("404.html", b"not here")
        yield running


@pytest.mark.parametrize(
    ("path", "status", "location"),
    [
        ("/old", 301, "/calm/part-1/"),
        ("/old/", 301, "/calm/part-1/"),
        ("/old?utm=1", 301, "/calm/part-1/?utm=1"),
        ("/away", 308, "https://other.example/"),
        ("/asked?b=2", 302, "/q?a=1"),
    ],
)
def test_moved_address_leads_on(moved_house: House, path: str, status: int, location: str) -> None:
    """An earlier address leads to the present one for ever."""
    answer = moved_house.ask(path)

    assert (answer.status, answer.headers["location"]) == (status, location)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cache-control"] == "public, max-age=300"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/untold/", b"not here"),
        ("/shown", b"gone"),
    ],
)
def test_withdrawn_post_is_gone(moved_house: House, path: str, body: bytes) -> None:
    """A post taken back answers 410 with the page that says so, else with the best there is."""
    answer = moved_house.ask(path)

    assert (answer.status, answer.body) == (410, body)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


def test_rule_counts_before_a_file_that_is_left_there(own: House) -> None:
    """Our own server looks at the rules first; a build leaves no file where a rule is."""
    own.write("_redirects", b"/old /new/ 301\n/told / 410\n")
    own.write("old/index.html", b"the old page")
    own.write("told/index.html", b"withdrawn on Monday")

    old, told = own.ask("/old/"), own.ask("/told/")

    assert (old.status, old.headers["location"]) == (301, "/new/")
    assert (told.status, told.body) == (410, b"withdrawn on Monday")


def test_gone_is_said_in_words_without_a_page(tmp_path: Path, kind: Kind) -> None:
    """Without any page the status is still told."""
    with serve(tmp_path, kind) as house:
        house.write("_redirects", b"/gone / 410\n")
        answer = house.ask("/gone")

    assert (answer.status, answer.body) == (410, b"Gone\n")


def test_rules_that_change_count_at_once(tmp_path: Path, kind: Kind) -> None:
    """A build's new rules hold for the next request, a thousand of them as well as one."""
    many = b"".join(b"/old-%06d /new-%06d/ 301\n" % (n, n) for n in range(20_000))
    with serve(tmp_path, kind) as house:
        nothing = house.ask("/old-000007")
        house.write("_redirects", b"/old-000007 /first/ 301\n")
        first = house.ask("/old-000007")
        house.write("_redirects", many)
        second = house.ask("/old-000007")

    assert nothing.status == 404
    assert first.headers["location"] == "/first/"
    assert second.headers["location"] == "/new-000007/"


# ------------------------------------------------------------------------------ the rest of the site


async def application(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
    """The pages that act, in brief: say how they were asked."""
    if scope["type"] == "lifespan":
        for _ in range(2):
            await send({"type": f"{(await receive())['type']}.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    body = f"{scope['method']} {scope['path']}".encode()
    await send({"type": "http.response.body", "body": body})


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/", b"front page"),
        ("POST", "/subscribe", b"POST /subscribe"),
        ("POST", "/", b"POST /"),
        ("GET", "/u/token", b"GET /u/token"),
        ("GET", "/.well-known/security.txt", b"GET /.well-known/security.txt"),
        ("GET", "/_redirects", b"GET /_redirects"),
    ],
)
def test_what_is_no_file_is_the_applications(
    tmp_path: Path, kind: Kind, method: str, path: str, body: bytes
) -> None:
    """Files come first; whatever else is asked, and every other method, goes on."""
    with serve(tmp_path, kind, fallback=application) as house:
        house.write("index.html", b"front page")
        house.write("404.html", b"not here")
        house.write("_redirects", b"/old / 301\n")
        answer = house.ask(path, method, content_length="0")

    assert answer.body == body


def called(app: StaticSite, scope: dict[str, Any], *received: str) -> list[dict[str, Any]]:
    """Call the application as a server does, and return what it sent."""
    sent: list[dict[str, Any]] = []
    queue = [{"type": kind} for kind in received]

    async def receive() -> dict[str, Any]:
        return queue.pop(0)

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(dict(message))

    run_alone(app(scope, receive, send))
    return sent


def test_websocket_is_refused(tmp_path: Path) -> None:
    """Files have nothing to say to a socket that stays open."""
    sent = called(StaticSite(tmp_path), {"type": "websocket"}, "websocket.connect")

    assert sent == [{"type": "websocket.close"}]


def test_start_and_stop_are_agreed_to(tmp_path: Path) -> None:
    """A server that tells of start and stop gets its answers."""
    sent = called(
        StaticSite(tmp_path), {"type": "lifespan"}, "lifespan.startup", "lifespan.shutdown"
    )

    assert [message["type"] for message in sent] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]


def test_server_without_descriptors_says_so(tmp_path: Path) -> None:
    """A file that cannot be opened now is not called missing: readers would forget the feed."""
    site.write(Path("feed.atom"), FEED, root=tmp_path)
    app = StaticSite(tmp_path, fallback=application)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    sent: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    async def ask() -> None:
        lowest_free = os.dup(0)
        os.close(lowest_free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
        try:
            scope = {"type": "http", "method": "GET", "path": "/feed.atom", "headers": []}
            await app(scope, None, send)  # type: ignore[arg-type]  # nothing is received
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    run_alone(ask())

    assert sent[0]["status"] == 503
    assert (b"retry-after", b"30") in sent[0]["headers"]


# ---------------------------------------------------------------------------------------- the memory


def test_memory_is_bounded(tmp_path: Path) -> None:
    """The files asked for last stay in memory, up to the limit; all are found all the same."""
    for number in range(5):
        (tmp_path / f"{number}.txt").write_bytes(b"x" * 9_000)
    files = Files(tmp_path, octets=25_000)

    found = [files.find(f"/{number}.txt") for number in (0, 1, 0, 2)]
    again = [files.find(f"/{number}.txt") for number in (0, 2, 1)]

    assert [file.size for file in found if file] == [9_000] * 4
    assert [again[0] is found[0], again[1] is found[3], again[2] is found[1]] == [
        True,
        True,
        False,
    ]


def test_without_memory_all_is_read_each_time(tmp_path: Path) -> None:
    """A limit of nothing keeps nothing."""
    (tmp_path / "a.txt").write_bytes(b"x")
    files = Files(tmp_path, octets=0)

    first, second = files.find("/a.txt"), files.find("/a.txt")

    assert first == second
    assert first is not second


def test_replaced_file_gives_its_memory_back(tmp_path: Path) -> None:
    """A file that changes a thousand times takes the memory of one."""
    files = Files(tmp_path, octets=25_000)
    (tmp_path / "other.txt").write_bytes(b"x" * 9_000)
    other = files.find("/other.txt")

    for turn in range(20):
        site.write(Path("a.txt"), b"%02d" % turn * 4_500, root=tmp_path)
        files.find("/a.txt")

    assert files.find("/other.txt") is other


# ------------------------------------------------------------------------- documents made on the fly


HUB = "https://hub.example/"
URL = "https://letters.example"
COURSE = "/sleep/from/2026-11-23/3d"


async def course(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
    """A feed that stands in no file."""
    if scope["type"] != "http":
        await application(scope, receive, send)
        return
    answer = answer_bytes(scope, FEED, modified_at=MOMENT, hub=HUB, url=URL)
    await send_answer(answer, scope["method"], send)


@pytest.fixture
def course_house(tmp_path: Path, kind: Kind) -> Iterator[House]:
    """Every server, with a feed behind the files."""
    with serve(tmp_path / "public", kind, fallback=course) as running:
        yield running


def test_feed_made_on_the_fly_answers_as_a_file_does(course_house: House) -> None:
    """Type, policy, hub and validators as for a feed on disk, through every server in front."""
    for form in FORMS:
        path = f"{COURSE}.{form}"
        first = course_house.ask(path)
        by_etag = course_house.ask(path, if_none_match=first.headers["etag"])
        by_date = course_house.ask(path, if_modified_since=first.headers["last-modified"])
        other = course_house.ask(path, if_none_match='"x"', if_modified_since=DATE)
        head = course_house.ask(path, "HEAD")

        told = {name.lower(): value for name, value in policy(path, hub=HUB, url=URL)}
        assert (first.status, first.body) == (200, FEED)
        assert first.headers["content-type"] == content_type(path)
        assert first.headers["last-modified"] == DATE
        assert first.headers["content-length"] == str(len(FEED))
        assert told["link"] == f'<{HUB}>; rel="hub", <{URL}{path}>; rel="self"'
        for answer in (first, by_etag, by_date, other, head):
            assert {name: answer.headers[name] for name in told} == told
            assert answer.headers["etag"] == first.headers["etag"]
        assert [one.status for one in (by_etag, by_date, other, head)] == [304, 304, 200, 200]
        assert [one.body for one in (by_etag, by_date, other, head)] == [b"", b"", FEED, b""]


def test_etag_of_a_feed_made_on_the_fly_follows_its_bytes() -> None:
    """Another text is another ETag, and the same text made again is the same."""
    scope = {"path": f"{COURSE}.atom", "headers": []}

    etags = [
        dict(answer_bytes(scope, body, modified_at=MOMENT).headers)[b"etag"]
        for body in (b"one", b"two", b"one")
    ]

    assert etags[0] == etags[2] != etags[1]


def test_known_path_spelled_otherwise_is_looked_at_again(own: House) -> None:
    """A path that was served does not open the door for its other spellings."""
    own.write("calm/part-1/index.html", b"p1")
    served = own.ask("/calm/part-1/")

    other = own.ask("/calm%2Fpart-1/")

    assert (served.status, other.status) == (200, 404)


def test_paths_that_were_served_take_a_bounded_memory(
    own: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many files there are, and were, each is served."""
    monkeypatch.setattr(serving, "_MOST_SERVED", 3)
    for number in range(9):
        own.write(f"{number}.txt", b"text")

    statuses = {own.ask(f"/{number % 9}.txt").status for number in range(27)}

    assert statuses == {200}


def test_rule_for_a_file_that_stays_counts_within_a_second(own: House) -> None:
    """A rule written by hand for a page that is still there is seen without a restart."""
    own.write("old/index.html", b"the old page")
    before = own.ask("/old/")
    own.write("_redirects", b"/old /new/ 301\n")
    deadline = time.monotonic() + 10
    while (after := own.ask("/old/")).status == 200 and time.monotonic() < deadline:
        time.sleep(0.05)  # noqa: TID251 - a second must pass

    assert (before.status, after.status) == (200, 301)


def test_variant_that_cannot_be_named_is_none(own: House) -> None:
    """A file whose name is as long as names can be has no variants, and is served."""
    name = "n" * 251 + ".txt"
    own.write("short.txt", b"text")
    (own.root / name).write_bytes(b"text")

    assert own.ask(f"/{name}").body == b"text"
