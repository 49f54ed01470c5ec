"""A feed that someone opens in a browser: plain, readable, in the colours of the site."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pytest

from publisher.look import palette
from tests.pictures import Watched, watched_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser

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
