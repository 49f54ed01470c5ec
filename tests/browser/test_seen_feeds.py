"""A feed that someone opens in a browser: plain, readable, in the colours of the site."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import feedparser
import pytest

from publisher.look import palette
from tests.pictures import Watched, watched_page
from tests.visits import visiting

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.conftest import Folder
    from tests.pictures import Sample

ACCENT = "#0b5c6e"
FEEDS = ("/feed.atom", "/feed.rss", "/sleep-slowly/feed.atom", "/tags/sleep/feed.rss")

# What a reader sees of a feed: the texts of its elements that are shown, by the element's name.
SHOWN = """() => [...document.querySelectorAll('*')]
    .filter(one => !one.children.length && one.getBoundingClientRect().height > 0)
    .map(one => [one.localName, one.textContent.trim()])"""
LOOK = """() => {
    const style = getComputedStyle(document.documentElement);
    return [style.backgroundColor, style.color];
}"""


def _rgb(colour: str) -> str:
    return "rgb({}, {}, {})".format(*(int(colour[at : at + 2], 16) for at in (1, 3, 5)))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", FEEDS)
def test_a_feed_in_a_browser_can_be_read(
    sample: Sample, browser: Browser, path: str, scheme: Literal["light", "dark"]
) -> None:
    """Titles, days and summaries are shown in the site's colours, whole texts and ids are not."""
    colours = palette(ACCENT).dark if scheme == "dark" else palette(ACCENT).light
    context = browser.new_context(color_scheme=scheme, viewport={"width": 320, "height": 700})
    with watched_page(context) as (page, watched):
        answer = page.goto(sample.url + path)
        shown = page.evaluate(SHOWN)
        told = page.evaluate(
            "getComputedStyle(document.querySelector('feed, channel'),'::before').content"
        )
        width = page.evaluate("document.documentElement.scrollWidth")
        look = page.evaluate(LOOK)

    assert answer and answer.headers["content-type"] == "application/xml; charset=utf-8"
    assert watched == Watched()
    assert look == [_rgb(colours.paper), _rgb(colours.ink)]
    assert width <= 320
    assert "This is a feed" in told
    names = {name for name, _ in shown}
    day = "published" if path.endswith("atom") else "pubDate"
    text = "summary" if path.endswith("atom") else "description"
    assert names == {"title", "link", day, text} | ({"subtitle"} if day == "published" else set())
    assert sum(name == day for name, _ in shown) == sum(name == "title" for name, _ in shown) - 1


@pytest.mark.parametrize(
    ("path", "name", "letters"), [(FEEDS[0], "published", 10), (FEEDS[1], "pubDate", 16)]
)
def test_a_feed_in_a_browser_tells_days_not_seconds(
    sample: Sample, browser: Browser, path: str, name: str, letters: int
) -> None:
    """Of a moment only the day is seen: the first letters, cut where the hour begins."""
    with watched_page(browser.new_context()) as (page, _):
        page.goto(sample.url + path)
        seen, whole, moment = page.evaluate(
            f"""() => {{
                const one = document.querySelector('{name}');
                return [one.clientWidth, one.scrollWidth, one.textContent];
            }}"""
        )

    assert seen / whole == pytest.approx(letters / len(moment), abs=0.02)


def test_a_reader_finds_a_feed_and_begins_a_series_at_part_1_without_script(
    folder: Folder, browser: Browser
) -> None:
    """From the first page to an address to paste, and the same series anew from a day of one's own."""
    folder.post("sleep/02-light.md", "Light and the clock")
    context = browser.new_context(
        java_script_enabled=False, viewport={"width": 375, "height": 700}, color_scheme="dark"
    )
    with visiting(folder) as visit, watched_page(context) as (page, watched):
        home = str(visit.client.base_url).rstrip("/")
        page.goto(f"{home}/sleep/worry/")
        named = page.locator("head link[rel=alternate]").all()
        assert [one.get_attribute("type") for one in named][:3] == [
            "application/atom+xml",
            "application/rss+xml",
            "application/feed+json",
        ]
        page.get_by_role("navigation", name="Site").get_by_role("link", name="Feeds").click()
        address = page.locator(".addresses code").first.inner_text()
        begun = page.locator(".address code").first.inner_text()
        cookies = context.cookies()

    site = "http://127.0.0.1:8000"
    assert watched == Watched()
    assert cookies == []
    assert address == f"{site}/feed.atom"
    start, day, pace = begun.removeprefix(site).rpartition("/from/")[0], "2026-11-22", "7d.atom"
    with visiting(folder) as visit:
        answer = visit.client.get("/feed.atom")
        again = visit.client.get("/feed.atom", headers={"If-None-Match": answer.headers["etag"]})
        course = visit.client.get(f"{start}/from/{day}/{pace}")
    assert (answer.status_code, again.status_code, again.content) == (200, 304, b"")
    entries = feedparser.parse(course.content).entries
    assert [one.title for one in entries] == ["Worry at night"]
    assert "Part 1 of 2" in entries[0].content[0].value
