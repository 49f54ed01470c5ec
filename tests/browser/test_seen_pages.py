"""Every page in a real browser: for everyone, at every width, silent, and the same without script."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from lxml import html

from publisher import urls
from tests.pictures import Watched, watched_page
from tests.seeing import AXE, SCHEMES, STICKING_OUT, WIDTHS, find_faults

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.pictures import Sample
    from tests.seeing import Scheme

SHARES = 3
"""The walk through all pages is cut, so that several workers take it."""
HEIGHT = 800
NARROWEST = 320
"""CSS pixels: what is left of 1280 at 400 % (WCAG 2.2, 1.4.10)."""
GONE = "/taken-back/"
ABSENT = "/no/such/page/"
WIDE = "/long-series/wide/"
PART = "/understanding-treatment/ketamine-assisted-therapy/"
KINDS = (
    "/",
    PART,
    WIDE,
    "/what-to-bring-to-a-first-appointment/",
    "/sleep-slowly/",
    "/tags/",
    "/tags/sleep/",
    "/authors/riverside-psychiatry/",
    "/archive/",
    "/editions/",
    "/editions/weekly/2/",
    "/feeds/",
    "/privacy/",
    ABSENT,
    GONE,
)
"""One page of each kind."""

FOCUSED = """() => {
    const one = document.activeElement, style = getComputedStyle(one);
    const box = one.getBoundingClientRect();
    return {
        name: one === document.body ? '' : one.textContent.trim().slice(0, 60),
        ring: style.outlineStyle === 'none' ? 0 : parseFloat(style.outlineWidth),
        seen: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
    };
}"""


def _paths(sample: Sample) -> dict[str, int]:
    """Return every address that gives a page, with its status: files, answers, a page that acts."""
    found = re.search(rf"{re.escape(sample.url)}(/u/[\w-]+)", sample.letters()[-1])
    assert found
    behind_rules = {"/404.html", f"/archive/gone{GONE.rstrip('/')}.html"}
    paths = dict.fromkeys(set(sample.pages()) - behind_rules, 200)
    own = f"/preferences/{found[1].removeprefix('/u/')}"
    acting = dict.fromkeys((found[1], f"{own}/courses", f"{own}/missed"), 200)
    return dict(sorted(paths.items())) | acting | {ABSENT: 404, GONE: 410}


def _open(page: Page, sample: Sample, path: str) -> int:
    answer = page.goto(sample.url + path, wait_until="load")
    return answer.status if answer else 0


def _said(watched: Watched) -> Watched:
    """Return what pages did, less what Chromium says of the two that answer 404 and 410."""
    expected = [f"the server responded with a status of {status}" for status in (404, 410)]
    rest = [one for one in watched.complaints if not any(words in one for words in expected)]
    assert len(watched.complaints) - len(rest) <= len(expected)
    return replace(watched, complaints=rest)


# ------------------------------------------------------------------------------------ every page


@pytest.mark.parametrize("share", range(SHARES))
def test_every_page_is_for_everyone(sample: Sample, browser: Browser, share: int) -> None:
    """By day and by night, narrow and wide, no page breaks a rule of WCAG 2.2 AA or sticks out.

    None asks another machine, or lacks what it needs, and the console stays empty.
    """
    faults = {}
    paths = [*_paths(sample)][share::SHARES]
    with watched_page(browser.new_context()) as (page, watched):
        for path in paths:
            _open(page, sample, path)
            page.evaluate(AXE)
            for scheme, width in product(SCHEMES, WIDTHS):
                page.emulate_media(color_scheme=scheme)
                page.set_viewport_size({"width": width, "height": HEIGHT})
                if found := [*find_faults(page, scheme), *page.evaluate(STICKING_OUT)]:
                    faults[path, scheme, width] = found

    assert faults == {}
    assert _said(watched) == Watched()
    assert len(paths) > len(KINDS) // SHARES


def test_nothing_sticks_out_of_narrow_pages_and_large_text(
    sample: Sample, browser: Browser
) -> None:
    """At 320 pixels, and with text of twice the size, all is on the page or scrolls in its box."""
    faults = {}
    with watched_page(browser.new_context()) as (page, _):
        for path in _paths(sample):
            _open(page, sample, path)
            page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
            for width, text in ((NARROWEST, 100), (375, 200), (1280, 200)):
                page.set_viewport_size({"width": width, "height": HEIGHT})
                page.evaluate(f"document.documentElement.style.fontSize = '{text}%'")
                if found := page.evaluate(STICKING_OUT):
                    faults[path, width, text] = found

    assert faults == {}


def test_the_rules_that_pages_pass_can_be_broken(sample: Sample, browser: Browser) -> None:
    """A page with pale text, a small target and a wide box is found out: the checks do look."""
    with watched_page(browser.new_context(viewport={"width": 375, "height": HEIGHT})) as (page, _):
        _open(page, sample, "/")
        page.evaluate("document.querySelector('.lede').style.color = '#b0b0b0'")
        page.evaluate("document.querySelector('.colophon').style.width = '500px'")
        page.evaluate(
            "document.querySelectorAll('.masthead a').forEach(one => one.style.cssText ="
            " 'display: block; width: 9px; height: 9px; min-height: 0; overflow: hidden')"
        )
        page.evaluate("document.querySelector('.masthead ul').style.columnGap = 0")
        page.evaluate("document.querySelector('h1').outerHTML = '<h4>Riverside</h4>'")
        page.evaluate(AXE)

        broken = {fault.partition(":")[0] for fault in find_faults(page)}
        by_night = {fault.partition(":")[0] for fault in find_faults(page, "dark")}
        out = page.evaluate(STICKING_OUT)

    assert {"color-contrast", "page-has-heading-one", "target-size"} <= broken
    assert by_night == {"color-contrast"}
    assert out[0].startswith('<footer class="colophon"') and out[-1] == "the page itself"


# -------------------------------------------------------------------------------- without script


def test_pages_ask_nobody_and_complain_of_nothing(sample: Sample, browser: Browser) -> None:
    """Without script, by night, no page asks another machine and the console stays empty."""
    statuses = {}
    context = browser.new_context(color_scheme="dark", java_script_enabled=False)
    with watched_page(context) as (page, watched):
        for path in _paths(sample):
            statuses[path] = _open(page, sample, path)

    assert statuses == _paths(sample)
    assert set(KINDS) <= set(statuses)
    assert _said(watched) == Watched()


def test_pages_look_the_same_without_script(sample: Sample, browser: Browser) -> None:
    """A page of each kind is the same picture, dot for dot, whether the browser may run scripts."""
    pictures: list[list[bytes]] = []
    for may_run in (True, False):
        context = browser.new_context(java_script_enabled=may_run, reduced_motion="reduce")
        with watched_page(context) as (page, _):
            taken = []
            for path in KINDS:
                _open(page, sample, path)
                taken.append(page.screenshot())
        pictures.append(taken)

    differing = [path for path, one, other in zip(KINDS, *pictures, strict=True) if one != other]
    assert differing == []
    assert len(set(pictures[0])) == len(KINDS)


def test_a_series_is_walked_without_script(sample: Sample, browser: Browser) -> None:
    """On a phone the list of parts unfolds, leads to another part, and its next link leads on."""
    context = browser.new_context(
        java_script_enabled=False, viewport={"width": 375, "height": HEIGHT}
    )
    with watched_page(context) as (page, _):
        _open(page, sample, PART)
        parts = page.locator(".ornament ol")
        assert not parts.is_visible()
        page.locator(".ornament summary").click()
        assert parts.locator("[aria-current=page]").inner_text() == "Ketamine-assisted therapy"
        parts.get_by_text("A guide to sertraline").click()
        page.wait_for_url("**/a-guide-to-sertraline/")
        page.locator("a[rel=next]").click()
        page.wait_for_url(f"**{PART}")


def test_beside_a_wide_text_the_parts_are_all_there(sample: Sample, browser: Browser) -> None:
    """On a wide screen the list of parts stands open beside the text, nothing to unfold."""
    context = browser.new_context(
        java_script_enabled=False, viewport={"width": 1280, "height": HEIGHT}
    )
    with watched_page(context) as (page, _):
        _open(page, sample, PART)
        parts = page.locator(".ornament ol").bounding_box()
        text = page.locator(".text").bounding_box()

    assert parts and text
    assert parts["x"] >= text["x"] + text["width"]


def test_a_note_leads_down_and_back_up(sample: Sample, browser: Browser) -> None:
    """A number in the text brings its source into view, and the arrow there leads back to it."""
    with watched_page(browser.new_context(java_script_enabled=False)) as (page, _):
        _open(page, sample, PART)
        mention, note = page.locator("#mention-2"), page.locator("#note-2")
        mention.click()
        assert note.evaluate("one => one.getBoundingClientRect().top") < HEIGHT
        assert page.url.endswith("#note-2")
        note.locator(".back").click()
        assert page.url.endswith("#mention-2")
        assert 0 <= mention.evaluate("one => one.getBoundingClientRect().top") < HEIGHT


def test_a_click_selects_a_whole_address(sample: Sample, browser: Browser) -> None:
    """Each address on the page about feeds is taken whole by one click, folded ones unfolded."""
    with watched_page(browser.new_context()) as (page, _):
        _open(page, sample, "/feeds/")
        for details in page.locator("details").all():
            details.locator("summary").click()
        taken = []
        for address in page.locator("code").all():
            address.click()
            taken.append(page.evaluate("getSelection().toString().trim()"))
        shown = page.locator("code").all_inner_texts()

    assert taken == shown
    assert not any(re.search(r"\s", one) for one in taken)
    assert {f"{sample.url}/tags/sleep/feed.{form}" for form in urls.FEED_FORMATS} <= set(taken)


# ---------------------------------------------------------------------------------- the keyboard


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("path", ["/", PART, WIDE, "/feeds/"])
def test_the_keyboard_reaches_everything_and_shows_where_it_is(
    sample: Sample, browser: Browser, path: str, scheme: Scheme
) -> None:
    """Tab goes through all that can be used, in the order of the page, each seen and ringed."""
    context = browser.new_context(color_scheme=scheme, viewport={"width": 375, "height": HEIGHT})
    with watched_page(context) as (page, _):
        _open(page, sample, path)
        stops = []
        page.keyboard.press("Tab")
        while (stop := page.evaluate(FOCUSED))["name"]:
            stops.append(stop)
            page.keyboard.press("Tab")
        usable = page.locator("a[href]:visible, summary:visible, [tabindex='0']:visible").count()

    assert stops[0]["name"] == "Skip to the text"
    assert [stop for stop in stops if stop["ring"] < 3 or not stop["seen"]] == []
    assert len(stops) == usable


def test_the_skip_link_leads_past_the_menu(sample: Sample, browser: Browser) -> None:
    """The first Tab shows the way past the menu; taking it, the next Tab is in the text."""
    with watched_page(browser.new_context(java_script_enabled=False)) as (page, _):
        _open(page, sample, "/archive/")
        skip = page.locator(".skip")
        hidden = skip.bounding_box()
        page.keyboard.press("Tab")
        shown = skip.bounding_box()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        inside = page.evaluate("document.activeElement.closest('main') !== null")

    assert hidden and hidden["y"] + hidden["height"] <= 0
    assert shown and shown["y"] >= 0
    assert inside


# ----------------------------------------------------------------------------------------- print


def test_a_printed_post_is_its_text_and_its_sources(sample: Sample, browser: Browser) -> None:
    """On paper there is no navigation, links tell their address, and the sources are kept."""
    with watched_page(browser.new_context(color_scheme="dark")) as (page, _):
        _open(page, sample, PART)
        page.emulate_media(media="print")
        hidden = page.locator("nav:visible, form:visible, .follow:visible, .skip:visible").count()
        notes = page.locator("section.notes").is_visible()
        told = page.evaluate(
            "[...document.querySelectorAll('main a[href^=http]:not(.bare)')]"
            ".map(one => getComputedStyle(one, '::after').content)"
        )
        ground = page.evaluate("getComputedStyle(document.documentElement).colorScheme")
        ink = page.evaluate("getComputedStyle(document.body).color")

    assert hidden == 0
    assert notes
    assert all("http" in one for one in told)
    assert (ground, ink) == ("light dark", "rgb(29, 35, 39)")


# ------------------------------------------------------------------------- what programs read


def test_every_page_tells_programs_the_same_things(sample: Sample) -> None:
    """Each page has one title of its own, one h1, no empty link, and absolute addresses for programs."""
    titles: dict[str, str] = {}
    for path in sample.pages():
        file = sample.public / f"{path[1:]}index.html" if path.endswith("/") else path[1:]
        tree: Any = html.fromstring((sample.public / file).read_bytes())
        titles[path] = tree.findtext(".//title") or ""
        assert len(tree.findall(".//h1")) == 1, path
        for link in tree.iter("a"):
            assert link.text_content().strip() or link.get("aria-label"), path
        for link in tree.cssselect("link[rel=alternate], link[rel=canonical]"):
            assert link.get("href", "").startswith(f"{sample.url}/"), path
        assert len(tree.cssselect("link[rel=alternate]")) in {3, 6}, path

    assert len(set(titles.values())) == len(titles)
