"""The sending journey in a browser: digest, test, schedule, undo, progress, result, correction."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from publisher import app, subscribing
from publisher.engine import clock
from tests.conftest import empty_site
from tests.consoles import come_in, said, served
from tests.pictures import Watched, watched_page
from tests.seeing import STICKING_OUT

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from tests.consoles import Console

READERS = ("ann", "bo", "cy")
TEXT = "We wrote **20 mg**. It is *2 mg*."


def _told(page: Page) -> str:
    return page.locator(".said").inner_text()


def _go(one: Console, minutes: float, *, deliver_too: bool = True) -> None:
    """Let the service run once, some time from now."""
    soon = clock.now() + timedelta(minutes=minutes)
    app.publish_once(one.site, now=soon, clock=lambda: soon, deliver_too=deliver_too)


@pytest.mark.parametrize("has_script", [True, False])
def test_an_edition_is_sent_and_corrected(
    tmp_path: Path, browser: Browser, *, has_script: bool
) -> None:
    """Each step says what it does and to how many, and each answer what did not happen."""
    folder = empty_site(tmp_path / "site")
    folder.post("sleep/01-worry.md", "Worry at night")
    with served(folder) as one:
        for name in READERS:
            subscribing.add(
                one.site.store, f"{name}@example.net", consent="yes", source="x", now=clock.now()
            )
        context = browser.new_context(java_script_enabled=has_script, accept_downloads=True)
        with watched_page(context) as (page, watched):
            come_in(one, page)
            _send(one, page)
            _watch(one, page, has_script=has_script)
            _correct(one, page)
    assert said(watched) == Watched()
    assert len(folder.outbox()) == 1 + 3 + 3  # the test, the edition, the correction


def _send(one: Console, page: Page) -> None:
    """Look at the digest, send a test, schedule, take it back, schedule again."""
    assert page.get_by_role("link", name="Add to calendar").is_visible()
    page.get_by_role("link", name="Look at it").click()
    assert "to 3 people" in page.locator(".lede").inner_text()
    page.get_by_role("button", name="Send 1 test").click()
    assert "Nothing left this machine." in _told(page)
    page.goto(f"{one.url}/console/digests/weekly/send")
    page.get_by_label("in 1 minute").check()
    page.get_by_role("button", name="Schedule 3 emails").click()
    assert "It goes in 1 minute." in _told(page)
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Add to calendar").click()
    event = waiting.value.path().read_bytes()
    assert event.startswith(b"BEGIN:VCALENDAR\r\n") and b"Worry" not in event
    page.get_by_role("link", name="Cancel 3 emails").click()
    assert "no one is emailed either way" in page.locator(".lede").inner_text()
    page.get_by_role("button", name="Cancel 3 emails").click()
    assert _told(page).startswith("Cancelled.")
    page.goto(f"{one.url}/console/digests/weekly/send")
    page.get_by_label("in 1 minute").check()
    page.get_by_role("button", name="Schedule 3 emails").click()


def _watch(one: Console, page: Page, *, has_script: bool) -> None:
    """See it begin, go on and end; without a script the page is asked for again."""
    _go(one, 1.1, deliver_too=False)
    page.reload()
    assert "0 of 3 accepted" in page.locator(".live").inner_text()
    _go(one, 1.1)
    if has_script:
        page.locator(".state.sent").first.wait_for()
    else:
        page.reload()
    assert "3 of 3 accepted" in page.locator(".live").inner_text()
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="Accepted"))
    assert row.get_by_role("cell").first.inner_text() == "3"


def _correct(one: Console, page: Page) -> None:
    """Write to the three who have it, look at the letter, send, and see where it went."""
    page.get_by_role("link", name="Send a correction to the 3 who have it").click()
    assert page.locator(".lede").inner_text().startswith("3 people have it or may have it.")
    assert page.get_by_label("Subject").input_value().startswith("Correction: ")
    page.get_by_label("What it is about").select_option("Worry at night")
    page.get_by_label("What was wrong").fill(TEXT)
    page.get_by_role("button", name="Write the correction").click()
    assert _told(page).startswith("Written. No one was emailed.")
    page.get_by_role("link", name="See it as it would be sent").click()
    letter = page.frame_locator("iframe.letter")
    assert letter.get_by_text("20 mg", exact=True).is_visible()
    page.go_back()
    for width in (375, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(STICKING_OUT) == []
    page.get_by_role("link", name="Send 3 emails in 1 minute").click()
    page.get_by_role("button", name="Send 3 emails in 1 minute").click()
    assert "Until then it can be cancelled" in _told(page)
    _go(one, 2.2)
    page.reload()
    assert "3 of 3 accepted" in page.locator(".live").inner_text()
    page.get_by_role("link", name="Weekly letter 2").click()
    assert page.get_by_role("link", name="Correction 1").is_visible()
