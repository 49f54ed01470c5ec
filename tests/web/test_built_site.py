"""A site as it is built, by every server and static host: the same files, headers, moves and goodbyes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from publisher import headers, urls
from publisher.web.site import read_redirects
from tests.servers import serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Folder
    from tests.servers import House, Kind

KINDS: list[Kind] = ["service", "nginx", "nginx without brotli", "caddy"]
HUB = "https://hub.example/"
URL = "https://letters.example"
TYPED = {
    "/feed": "/feed.atom",
    "/feed/": "/feed.atom",
    "/feed.xml": "/feed.atom",
    "/atom": "/feed.atom",
    "/atom.xml": "/feed.atom",
    "/rss": "/feed.rss",
    "/rss/": "/feed.rss",
    "/rss.xml": "/feed.rss",
    "/index.xml": "/feed.rss",
    "/index.rss": "/feed.rss",
    "/feed/rss/": "/feed.rss",
    "/feed/json": "/feed.json",
    "/sleep/feed": "/sleep/feed.atom",
    "/sleep/feed/": "/sleep/feed.atom",
}


def _build(folder: Folder) -> list[str]:
    """Build a site with a past and return the paths of its files."""
    folder.configure(
        site='name = "Riverside Letters"\nid = "7f9c24e5-1c1b-4f0e-9f52-2d1f5b8f4a11"\n'
        f'url = "{URL}"',
        feeds=f'hub = "{HUB}"',
    )
    folder.post("sleep/01-worry.md", "Worry at night", tags="[rest]", aliases="[worries]")
    folder.post("sleep/02-light.md", "Light", tags="[rest]")
    assert folder.run("build").code == 0
    # The hub does not answer here, and that stops nothing.
    assert folder.run("withdraw", "sleep/light", "--reason", "It was wrong.").code == 0
    public = folder.path / "public"
    files = [f"/{file.relative_to(public)}" for file in public.rglob("*") if file.is_file()]
    hidden = (".br", ".gz", "/_headers", "/_redirects")
    return sorted(file for file in files if not file.endswith(hidden))


@pytest.fixture
def paths(folder: Folder) -> list[str]:
    """The files of a built site."""
    return _build(folder)


@pytest.fixture(params=KINDS)
def house(request: pytest.FixtureRequest, folder: Folder, paths: list[str]) -> Iterator[House]:
    """Every server before the built site."""
    with serve(folder.path / "public", request.param, hub=HUB, url=URL) as running:
        yield running


def _told(path: str) -> dict[str, str]:
    """Return what the table says of a file."""
    policy = headers.policy(path, hub=HUB, url=URL)
    said = {name.lower(): value for name, value in policy}
    return said | {"content-type": headers.content_type(path)}


def test_every_file_is_served_with_its_headers(house: House, paths: list[str]) -> None:
    """Type, caching, guards, sharing and hub are the table's, for each file and each server."""
    names = {name for path in paths for name in _told(path)} | {"set-cookie"}

    answers = {path: house.ask(path) for path in paths}

    assert {path: answer.status for path, answer in answers.items()} == dict.fromkeys(paths, 200)
    told = {
        path: {name: value for name, value in answer.headers.items() if name in names}
        for path, answer in answers.items()
    }
    assert told == {path: _told(path) for path in paths}
    assert sum(headers.is_feed(path) for path in paths) >= 9


def test_feed_is_found_where_people_look(house: House) -> None:
    """The addresses that other publishers use lead to the feed for good, and the feed is there."""
    led = {path: house.ask(path) for path in TYPED}

    assert {path: answer.status for path, answer in led.items()} == dict.fromkeys(TYPED, 301)
    assert {path: answer.headers["location"] for path, answer in led.items()} == TYPED
    assert {house.ask(feed).status for feed in TYPED.values()} == {200}


def test_past_is_told(house: House) -> None:
    """A moved post leads on with what was asked of it; a withdrawn one says that it is gone."""
    moved = house.ask("/sleep/worries/?from=letter")
    gone, bare = house.ask("/sleep/light/"), house.ask("/sleep/light")

    assert (moved.status, moved.headers["location"]) == (301, "/sleep/worry/?from=letter")
    assert gone.status == bare.status == 410
    assert b"It was wrong." in gone.body
    assert gone.headers["content-type"] == "text/html; charset=utf-8"


# ---------------------------------------------------------------------------- static hosts


def _pattern(written: str) -> re.Pattern[str]:
    """Read a pattern of ``_headers``: a star is anything, a name one segment."""
    parts = re.split(r"(\*|:\w+)", written)
    kinds = [
        ".*" if part == "*" else "[^/]+" if part[:1] == ":" else re.escape(part) for part in parts
    ]
    return re.compile("".join(kinds))


def _given(text: str, path: str) -> dict[str, str]:
    """Return the headers a static host gives a file; what two patterns say is joined by a comma."""
    given: dict[str, str] = {}
    fits = False
    for line in text.splitlines():
        if line.startswith("/"):
            fits = bool(_pattern(line).fullmatch(path))
        elif fits:
            name, _, value = line.strip().partition(": ")
            given[name.lower()] = ", ".join(filter(None, (given.get(name.lower()), value)))
    return given


def test_static_host_says_the_same(folder: Folder, paths: list[str]) -> None:
    """By ``_headers`` a static host says of each file what we do, but for what it knows itself."""
    text = folder.public("_headers")
    more = ["/archive/1.atom", "/archive/1.json", "/sleep/archive/2.rss", "/sleep/archive/2.json"]

    for path in (*paths, *more):
        given, told = _given(text, path), _told(path)
        if path in more:
            told.pop("link")  # each archive names its hub itself
        own = {"content-type", "cache-control", "content-security-policy"}
        assert {name: given.get(name) for name in told if name not in own} == {
            name: value for name, value in told.items() if name not in own
        }
        is_shared = headers.is_feed(path) or path.endswith(".opml")
        if is_shared:
            assert given["content-type"] == told["content-type"]
        if is_shared or "cache-control" in given:
            assert given["cache-control"] == told["cache-control"]
        if path.endswith("html"):
            assert given["content-security-policy"] == told["content-security-policy"]


def test_static_host_can_read_all_of_it(folder: Folder, paths: list[str]) -> None:
    """At most one star in a pattern, lines that are not too long, each path with its own rule."""
    patterns = [line for line in folder.public("_headers").splitlines() if line.startswith("/")]
    rules = [line.split() for line in folder.public("_redirects").splitlines()]

    assert all(pattern.count("*") <= 1 for pattern in patterns)
    assert len(patterns) == len(set(patterns))
    assert max(map(len, folder.public("_headers").splitlines())) < 1000
    assert {len(rule) for rule in rules} == {3}
    assert len({source for source, _, _ in rules}) == len(rules)


def test_rule_leads_to_a_file(folder: Folder, paths: list[str]) -> None:
    """Every rule's target is there, and no rule hides a file."""
    rules = read_redirects(folder.public("_redirects"))

    targets = {"/" + urls.output_file(rule.target) for rule in rules.values()}
    hidden = {"/" + urls.output_file(f"{source}/") for source in rules} | set(rules)

    assert targets <= set(paths)
    assert hidden.isdisjoint(paths)


def test_post_called_feed_keeps_its_address(folder: Folder) -> None:
    """Where a part of a series is called feed, its address is its own."""
    folder.post("sleep/01-feed.md", "Feed")
    folder.post("walks/01-hills.md", "Hills")
    folder.run("build")

    rules = read_redirects(folder.public("_redirects"))

    assert "/sleep/feed" not in rules
    assert rules["/walks/feed"].target == "/walks/feed.atom"
