"""Letters in a real browser: they ask nobody for anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pytest

from tests.pictures import Watched, watched_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.pictures import Sample


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_letters_ask_nobody_and_complain_of_nothing(
    sample: Sample, browser: Browser, scheme: Literal["light", "dark"]
) -> None:
    """In Chromium, without script, no letter asks any machine at all; the console stays empty."""
    context = browser.new_context(color_scheme=scheme, java_script_enabled=False)
    asked: list[str] = []
    with watched_page(context) as (page, watched):
        page.on("request", lambda request: asked.append(request.url))
        for letter in sample.letters():
            page.set_content(letter, wait_until="load")

    assert watched == Watched()
    assert asked == []


def test_browser_would_see_a_request_elsewhere(browser: Browser) -> None:
    """The watch that the pages pass does notice: a picture on another machine is seen and refused."""
    with watched_page(browser.new_context(java_script_enabled=False)) as (page, watched):
        page.set_content('<img src="https://elsewhere.invalid/dot.png">', wait_until="load")

    assert watched.remote == ["https://elsewhere.invalid/dot.png"]


def test_browser_would_see_what_is_missing(sample: Sample, browser: Browser) -> None:
    """A picture of our own that is not there is seen too, and so is what the console says of it."""
    with watched_page(browser.new_context()) as (page, watched):
        page.goto(f"{sample.url}/privacy/")
        with page.expect_console_message():
            page.evaluate("document.body.append(Object.assign(new Image(), {src: '/no.png'}))")

    assert watched.failed == [f"{sample.url}/no.png"]
    assert "404" in watched.complaints[0]
