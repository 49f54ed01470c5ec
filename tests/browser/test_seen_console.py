"""The console in a real browser: for everyone, silent, by keyboard, with script and without."""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from publisher import app, staffing, subscribing
from publisher.engine import clock
from publisher.web.console.routes import ROUTES
from tests.conftest import empty_site
from tests.consoles import come_in, fill, said, served
from tests.pictures import Watched, watched_page
from tests.seeing import AXE, SCHEMES, STICKING_OUT, WIDTHS, find_faults

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext, Page

    from publisher.app import Site
    from tests.consoles import Console

LISTED = b"Who,Joined,Note\neva@example.org,2026-01-02,met at the fair\nnonsense,,\n"
HEIGHT = 800
PASSWORD = "a few plain words"
_IN_FRAME, _IN_DATE = 30, 6
"""What has stops of its own, and at most how many."""
STOPS = """() => {
    const groups = new Set();
    const groupOf = one => (one.form ? one.form.action : '') + ' ' + one.name;
    const stops = [...document.querySelectorAll(
        'a[href], button, input, select, textarea, summary, [tabindex="0"]')].filter(one => {
        if (one.disabled || one.type === 'hidden' || one.tabIndex < 0) return false;
        if (!one.checkVisibility()) return false;
        if (one.type !== 'radio') return true;
        return !groups.has(groupOf(one)) && groups.add(groupOf(one));
    });
    window.walk = {stops, places: [], unseen: []};
    document.addEventListener('focusin', event => {
        const here = event.target, style = getComputedStyle(here);
        window.walk.places.push(stops.findIndex(one => one === here
            || (here.type === 'radio' && one.type === 'radio' && groupOf(one) === groupOf(here))));
        if (style.outlineStyle === 'none' && style.boxShadow === 'none')
            window.walk.unseen.push(here.outerHTML.slice(0, 80));
    });
    return stops.length;
}"""
"""Finds what a keyboard has to reach, and notes what it comes to, and whether that can be seen.

Of radio buttons one stands for its group, in which the arrows go on.
"""
WALKED = """() => ({
    places: window.walk.places,
    unseen: window.walk.unseen,
    missed: window.walk.stops.filter((_, at) => !window.walk.places.includes(at))
        .map(one => one.outerHTML.slice(0, 80)),
})"""


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A site with an edition that went, one that is held and a draft of what is new."""
    folder = empty_site(tmp_path_factory.mktemp("console") / "site")
    fill(folder)
    with served(folder) as one:
        now = clock.now()
        staffing.add(one.site.store, "door@example.org", name="Door", roles=[], by="test", now=now)
        for name in ("ann", "bo"):
            subscribing.add(
                one.site.store, f"{name}@example.net", consent="asked", source="desk", now=now
            )
        app.publish_once(one.site, now=now, clock=clock.now, digest="weekly")
        folder.post("sleep/03-light.md", "Light and sleep")
        late = now + timedelta(days=8)
        app.publish_once(one.site, now=late, clock=lambda: late, deliver_too=False)
        folder.post("sleep/04-noise.md", "Noise")
        digest = one.site.config.digests["weekly"]
        app.send_test(one.site, digest, subscribing.read_address("x@example.org"), now=now)
        _fill_people(one.site)
        yield one


def _fill_people(site: Site) -> None:
    """Leave what the pages of subscribers show: people who stand differently, a list, a backup."""
    now, store = clock.now(), site.store
    subscribing.take_off(store, 2, evidence="by letter, 3 March", by="Grey", now=now)
    subscribing.suppress_address(
        store, "zoe.with-a-rather-long-name@mail.example.net", evidence="moved", now=now
    )
    app.make_backup(site, by="Grey", now=now)
    app.hold_list(site, "fair.csv", LISTED, now=now)


def _addresses(console: Console) -> dict[str, int]:
    """Return an address of every page that can be looked at, with its status."""
    with console.site.store.read() as tx:
        from publisher.store import editions  # noqa: PLC0415 - only here

        made = editions.read_all(tx)
    went = next(one for one in made if one.letters)
    held = next(one for one in made if str(one.state) == "held")
    mail = next(iter(console.folder.outbox()))
    parts = {
        "digest": "weekly",
        "edition_id": str(went.id),
        "letter": "1",
        "act": "cancel",
        "folder": mail.parent.name,
        "name": mail.stem,
        "staff_id": str(staffing.list_staff(console.site.store)[0].id),
        "token": "none",
        "upload": next((console.folder.path / "var" / "imports").glob("*.csv")).stem,
        "subscriber_id": "1",
        "post_id": "sleep/01-worry.md",
        "path": "sleep/01-worry.md",
        "series": "sleep",
    }
    bare = (".html", ".csv", ".ics", "/progress", "/export")
    shown = [one for one in ROUTES if one.method == "GET" and not one.path.endswith(bare)]
    shown = [one for one in shown if "/frame/" not in one.path]
    named = {**parts, "path:path": parts["path"]}
    addresses = {
        re.sub(r"\{([^}]+)\}", lambda found: named[found[1]], one.path): 200 for one in shown
    }
    addresses |= {path: 404 for path in addresses if path.endswith("/none")}
    more = {
        f"/console/editions/{held.id}": 200,
        f"/console/editions/{held.id}/do/cancel": 200,
        f"/console/editions/{held.id}/do/approve": 200,
        "/console/digests/weekly/letter?view=text": 200,
        "/console/digests/weekly/letter?view=headers": 200,
        "/console/digests/weekly/letter?scheme=dark&width=phone": 200,
        "/console/digests/weekly?on=soon": 422,
        "/console/posts/proof/sleep/01-worry.md?view=letter&scheme=dark": 200,
        "/console/posts/proof/sleep/01-worry.md?view=headers": 200,
        "/console/posts/edit/sleep/01-worry.md?as=text": 200,
        "/console/posts/mail/sleep/03-light.md": 200,
        "/console/posts/mail/sleep/04-noise.md": 200,
        "/console/subscribers/2": 200,
        "/console/subscribers/export": 200,
        "/console/nowhere": 404,
    }
    return addresses | more


def test_every_page_is_for_everyone(console: Console, browser: Browser) -> None:
    """By day and night, narrow and wide, no page breaks WCAG 2.2 AA, sticks out, or asks elsewhere."""
    faults, statuses = {}, {}
    with watched_page(browser.new_context()) as (page, watched):
        come_in(console, page)
        addresses = _addresses(console)
        for path in addresses:
            answer = page.goto(console.url + path, wait_until="load")
            statuses[path] = answer.status if answer else 0
            page.evaluate(AXE)
            for scheme, width in product(SCHEMES, WIDTHS):
                page.emulate_media(color_scheme=scheme)
                page.set_viewport_size({"width": width, "height": HEIGHT})
                if found := [*find_faults(page, scheme), *page.evaluate(STICKING_OUT)]:
                    faults[path, scheme, width] = found

    assert faults == {}
    assert statuses == addresses
    assert said(watched) == Watched()
    assert len(addresses) > 25


def _walk(page: Page) -> list[str]:
    """Go through a page by Tab alone; return what is not reached, not in order, or not seen."""
    presses = page.evaluate(STOPS)
    presses += _IN_FRAME * page.locator("iframe").count()
    presses += _IN_DATE * page.locator("input[type=date], input[type=datetime-local]").count()
    for _ in range(presses):
        page.keyboard.press("Tab")
    walked = page.evaluate(WALKED)
    places = list(dict.fromkeys(walked["places"]))
    faults = [f"no focus to be seen: {one}" for one in walked["unseen"]]
    faults += [f"not reached: {one}" for one in walked["missed"]]
    return faults if places == sorted(places) else [*faults, f"an order of its own: {places}"]


def test_every_page_is_gone_through_by_keyboard(console: Console, browser: Browser) -> None:
    """Tab comes to every link, button and field of every page, in their order, and is seen there."""
    faults = {}
    with watched_page(browser.new_context()) as (page, _):
        come_in(console, page)
        for path in _addresses(console):
            page.goto(console.url + path, wait_until="load")
            if found := _walk(page):
                faults[path] = found

    assert faults == {}


def test_pages_for_those_outside_are_for_everyone(console: Console, browser: Browser) -> None:
    """The doors themselves break no rule either, with what was typed wrong beside them."""
    faults = {}
    with watched_page(browser.new_context()) as (page, watched):
        for path in ("sign-in", "sign-in/mail", "link/none", "setup/none"):
            page.goto(f"{console.url}/console/{path}")
            page.evaluate(AXE)
            if found := find_faults(page):
                faults[path] = found
        page.goto(f"{console.url}/console/sign-in")
        page.get_by_label("Email address").fill("x@example.org")
        page.get_by_label("Password").fill("whatever it is")
        page.get_by_role("button", name="Sign in").click()
        page.evaluate(AXE)
        faults |= {"wrong": found} if (found := find_faults(page)) else {}
        title = page.title()

    assert faults == {}
    assert title.startswith("Error: Sign in")
    assert said(watched) == Watched()


def test_nothing_sticks_out_at_320_pixels_and_large_text(
    console: Console, browser: Browser
) -> None:
    """At 400 % and with text of twice the size all is there, or scrolls in a box of its own."""
    faults = {}
    with watched_page(browser.new_context()) as (page, _):
        come_in(console, page)
        for path in _addresses(console):
            page.goto(console.url + path)
            for width, text in ((320, 100), (1280, 200)):
                page.set_viewport_size({"width": width, "height": HEIGHT})
                page.evaluate(f"document.documentElement.style.fontSize = '{text}%'")
                if found := page.evaluate(STICKING_OUT):
                    faults[path, width] = found

    assert faults == {}


@pytest.mark.parametrize("has_script", [True, False])
def test_a_newcomer_sees_a_letter_go_in_five_minutes(
    tmp_path: Path, browser: Browser, *, has_script: bool
) -> None:
    """The tour, step by step: account, digest, test, outbox, scheduled in 1 minute, its result."""
    folder = empty_site(tmp_path / "site")
    fill(folder)
    with served(folder) as one:
        app.add_sample_reader(one.site, now=clock.now())
        link = app.make_setup_link(one.site, now=clock.now())
        assert link
        context = browser.new_context(java_script_enabled=has_script)
        with watched_page(context) as (page, watched):
            page.goto(link)
            page.get_by_label("Your name").fill("Ann Lee")
            page.get_by_label("Email address").fill("ann@example.org")
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Make the account").click()
            assert page.locator("h1").inner_text() == "Nothing needs you"
            tour = page.get_by_role("region", name="Nothing leaves this machine yet")
            assert len(tour.get_by_role("listitem").all()) == 4
            tour.get_by_role("link", name="See the next digest").click()
            assert "Worry at night" in page.locator("h1").inner_text()
            frame = page.frame_locator("iframe.letter")
            assert frame.get_by_role("heading", name="Rest by day").is_visible()
            page.get_by_role("link", name="Send a test").click()
            assert (
                page.get_by_label("Email address", exact=True).input_value() == "ann@example.org"
            )
            page.get_by_role("button", name="Send 1 test").click()
            assert "Nothing left this machine." in page.locator(".said").inner_text()
            assert page.get_by_text("Nothing leaves this machine yet").is_visible()
            page.get_by_role("link", name="[Test").click()
            letter = page.frame_locator("iframe")
            assert letter.get_by_role("heading", name="Worry at night").is_visible()
            page.get_by_role("link", name="Digests", exact=True).click()
            page.get_by_role("link", name="Weekly letter").first.click()
            page.get_by_role("link", name="Schedule", exact=True).click()
            page.get_by_label("in 1 minute").check()
            page.get_by_role("button", name="Schedule 1 email").click()
            assert "It goes in 1 minute." in page.locator(".said").inner_text()
            assert one.wake.is_set()
            soon = clock.now() + timedelta(minutes=1, seconds=1)
            app.publish_once(one.site, now=soon, clock=lambda: soon)
            page.reload()
            assert "1 of 1 accepted." in page.locator(".live").inner_text()
            page.get_by_role("link", name="Today").click()
            page.get_by_role("button", name="Hide the tour").click()
            assert page.locator(".tour").count() == 0
            page.get_by_role("link", name="Ann Lee").click()
            page.get_by_role("button", name="Show the tour again").click()
            assert page.locator(".tour").is_visible()
            _leave(page)
            assert page.locator("h1").inner_text() == "Sign in"
    assert said(watched) == Watched()


def test_people_are_looked_after_without_script(tmp_path: Path, browser: Browser) -> None:
    """Added, found, taken in from a list after a look at its columns, suppressed, given out."""
    folder = empty_site(tmp_path / "site")
    fill(folder)
    (tmp_path / "fair.csv").write_bytes(LISTED)
    with served(folder) as one:
        context = browser.new_context(java_script_enabled=False, accept_downloads=True)
        with watched_page(context) as (page, watched):
            come_in(one, page)
            page.get_by_role("link", name="Subscribers").click()
            page.get_by_role("link", name="Add somebody").click()
            page.get_by_label("Email address").fill("ann@example.net")
            page.get_by_label("How they agreed").fill("at the desk, 3 March")
            page.get_by_role("button", name="Add them").click()
            assert "no one was emailed" in page.locator(".said").inner_text()
            page.get_by_role("link", name="Subscribers").first.click()
            page.get_by_label("Find by address").fill("ann")
            page.get_by_role("button", name="Search").click()
            assert page.locator("h1").inner_text() == "ann@example.net"
            assert page.get_by_role("cell", name="at the desk, 3 March").is_visible()

            page.get_by_role("link", name="Subscribers").first.click()
            page.get_by_role("link", name="Take in a list").click()
            page.get_by_label("File").set_input_files(tmp_path / "fair.csv")
            page.get_by_role("button", name="Look at its columns").click()
            assert page.get_by_label("Who").input_value() == ""
            page.get_by_label("Who").select_option("Email address")
            page.get_by_label("Joined").select_option("When they confirmed")
            page.get_by_role("button", name="See what it would come to").click()
            assert page.locator("h1").inner_text() == "1 person would be added"
            page.get_by_role("button", name="Add 1 person").click()
            assert page.locator("h1").inner_text() == "1 person added"
            assert page.get_by_role("cell", name="nonsense").is_visible()

            page.get_by_role("link", name="Subscribers").first.click()
            page.get_by_role("link", name="Do not mail").click()
            page.get_by_label("Email address").fill("eva@example.org")
            page.get_by_label("Why, for whoever").fill("letter, 4 March")
            page.get_by_role("button", name="Do not mail").click()
            assert page.get_by_role("cell", name="letter, 4 March").is_visible()

            page.get_by_role("link", name="Subscribers").first.click()
            page.get_by_role("link", name="Export").click()
            with page.expect_download() as waiting:
                page.get_by_role("button", name="Export the list").click()
            given = waiting.value.path().read_text("utf-8").splitlines()
    assert [line.split(",")[:2] for line in given[1:]] == [
        ["ann@example.net", "active"],
        ["eva@example.org", "unsubscribed"],
    ]
    assert said(watched) == Watched()


def _leave(page: Page) -> None:
    page.get_by_role("button", name="Sign out").click()


def test_progress_is_live_and_ends_with_the_result(tmp_path: Path, browser: Browser) -> None:
    """While an edition goes its page follows by itself; when it is over, the result is there."""
    folder = empty_site(tmp_path / "site")
    fill(folder)
    with served(folder) as one:
        app.add_sample_reader(one.site, now=clock.now())
        app.publish_once(
            one.site, now=clock.now(), clock=clock.now, digest="weekly", deliver_too=False
        )
        with watched_page(browser.new_context()) as (page, watched):
            come_in(one, page)
            page.goto(f"{one.url}/console/editions/1")
            before = page.locator(".live").inner_text()
            app.deliver_open(one.site, clock=clock.now, is_stopping=lambda: False)
            page.get_by_text("1 of 1 accepted.").wait_for()
            page.locator(".state.sent").first.wait_for()

    assert before.startswith("0 of 1 accepted")
    assert said(watched) == Watched()


@pytest.mark.parametrize("has_script", [True, False])
def test_a_post_is_written_and_goes(tmp_path: Path, browser: Browser, *, has_script: bool) -> None:
    """From a title to a published post and its place in the next edition, with script and without."""
    folder = empty_site(tmp_path / "site")
    fill(folder)
    with served(folder) as one:
        app.add_sample_reader(one.site, now=clock.now())
        context = browser.new_context(java_script_enabled=has_script)
        with watched_page(context) as (page, watched):
            come_in(one, page)
            page.get_by_role("link", name="Posts", exact=True).click()
            page.get_by_role("link", name="Begin a post").click()
            page.get_by_label("Title").fill("Noise and sleep")
            page.get_by_label("Series").fill("sleep")
            page.get_by_role("button", name="Begin the draft").click()
            page.get_by_label("Text, in Markdown").fill("## Why it wakes us\n\nIt *does*.")
            if has_script:
                page.locator("#preview em").wait_for()
                page.get_by_text("not saved yet").wait_for()
            page.get_by_label("Draft").uncheck()
            page.get_by_role("button", name="Save").click()
            assert page.locator(".said").inner_text() == "Saved."
            page.get_by_role("link", name="See the saved post").click()
            frame = page.frame_locator("iframe")
            assert frame.get_by_role("heading", name="Why it wakes us").is_visible()
            page.goto(f"{one.url}/console/digests/weekly")
            assert page.get_by_role("rowheader", name="Noise and sleep").is_visible()
            page.get_by_role("link", name="Change it").click()
            page.get_by_role("button", name="Move up: Noise and sleep").click()
            moved = page.locator(".moved label").all_inner_texts()
    assert moved.index("Noise and sleep") == 1
    assert said(watched) == Watched()


def test_the_keyboard_does_all(console: Console, browser: Browser) -> None:
    """Tab reaches whatever can be used on a page, in order, each seen and with a ring around it."""
    focused = """() => {
        const one = document.activeElement, style = getComputedStyle(one);
        const box = one.getBoundingClientRect();
        return [one === document.body ? '' : one.tagName, style.outlineStyle !== 'none'
            && parseFloat(style.outlineWidth) >= 3, box.bottom > 0 && box.top < innerHeight];
    }"""
    with watched_page(_phone(browser)) as (page, _):
        come_in(console, page)
        page.goto(f"{console.url}/console/digests/weekly")
        stops: list[list[Any]] = []
        page.keyboard.press("Tab")
        while (stop := page.evaluate(focused))[0] and len(stops) < 200:
            stops.append(stop)
            page.keyboard.press("Tab")
        usable = page.locator("a[href]:visible, button:visible, input:visible").count()

    assert [stop for stop in stops if not (stop[1] and stop[2])] == []
    assert len(stops) >= usable


def _phone(browser: Browser) -> BrowserContext:
    return browser.new_context(viewport={"width": 375, "height": HEIGHT})
