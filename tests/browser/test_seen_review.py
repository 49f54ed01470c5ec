"""A review in a real browser: asked, read on a phone, commented, mended, ticked, void by an edit."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from publisher import app, staffing
from publisher.engine import clock
from publisher.model import Role
from tests.browser.test_seen_console import _phone
from tests.conftest import empty_site
from tests.consoles import come_in, said, served
from tests.pictures import Watched, watched_page
from tests.seeing import AXE, SCHEMES, STICKING_OUT, WIDTHS, find_faults

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from tests.conftest import Folder
    from tests.consoles import Console

PATH = "sleep/01-worry.md"
REVIEW = f"/console/posts/review/{PATH}"
DOSE = "Some people take 20 mg of melatonin at night.[@lee]"
BODY = f"""Worry gets louder when the house is quiet. That is no weakness.

{DOSE} Ask whoever treats you before you do.

## What helps by day

A walk in the morning helps most people sleep.[@ray][@lee] So does rising at the same time.

- Write the worry down.
- Close the book on it.

In the US call or text 988. In an emergency call 911.
"""
REFERENCES = (
    "{lee: {text: 'Lee A. Melatonin at night. J Sleep. 2020;4:1-9.', url: 'https://doi.org/10.1000/lee'},"
    " ray: {text: 'Ray B. Morning light. Rest. 2021;7:20-31.', url: 'https://doi.org/10.1000/ray'}}"
)


def _site(folder: Folder) -> None:
    """Write one post that needs a review, by another program than the console."""
    folder.configure(review="required = true")
    folder.post(PATH, "Worry at night", body=BODY, references=REFERENCES, review_due="2027-12-01")


def _add(one: Console, name: str, role: Role) -> None:
    staffing.add(
        one.site.store,
        f"{name.lower()}@example.org",
        name=name,
        credentials="MD",
        roles=[role],
        by="test",
        now=clock.now(),
    )


def _sign_in(one: Console, page: Page, name: str) -> None:
    who = next(who for who in staffing.list_staff(one.site.store) if who.name == name)
    page.goto(app.make_sign_in_link(one.site, who, now=clock.now()))
    page.get_by_role("button", name="Sign in").click()


def _follow_mail(one: Console, page: Page) -> str:
    """Open the link of the newest mail and press its button; return what the mail says."""
    mail = max(one.folder.outbox(), key=lambda file: file.stat().st_mtime_ns)
    text = mail.read_text("utf-8").replace("=\n", "")
    found = re.search(r"/console/link/[\w-]+", text)
    assert found
    page.goto(one.url + found[0])
    page.get_by_role("button", name="Sign in").click()
    return text


def _edit(one: Console, page: Page, before: str, after: str) -> None:
    page.goto(f"{one.url}/console/posts/edit/{PATH}")
    box = page.get_by_label("Text, in Markdown")
    box.fill(box.input_value().replace(before, after))
    page.get_by_role("button", name="Save").click()


def _look_everywhere(page: Page) -> list[Any]:
    """Return what breaks a rule or sticks out, in both schemes, narrow and wide."""
    page.evaluate(AXE)
    found = []
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        found += find_faults(page, scheme)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        found += page.evaluate(STICKING_OUT)
    page.set_viewport_size({"width": 375, "height": 800})
    return found


def _ask(one: Console, ann: Page) -> None:
    """Ask for a review, with a note and a day."""
    ann.goto(one.url + REVIEW)
    ann.get_by_label("Reviewer", exact=True).select_option("Chen, MD")
    ann.get_by_label("Until").fill("2026-12-24")
    ann.get_by_label("Note for the reviewer").fill("Is the dose right?")
    ann.get_by_role("button", name="Ask 1 person").click()


def _comment(one: Console, chen: Page) -> None:
    """Come by the mailed link, read claims beside sources, comment, ask for changes."""
    _follow_mail(one, chen)
    assert chen.url == one.url + REVIEW
    assert chen.get_by_text("Is the dose right?").is_visible()
    assert chen.get_by_text("until 24 December 2026").is_visible()
    assert chen.get_by_text("Next review due 1 December 2027.").is_visible()
    claims = chen.locator(".claims li").all_inner_texts()
    assert len(claims) == 2
    assert "melatonin at night." in claims[0] and "Ray B. Morning light." in claims[1]
    chen.get_by_label("Comment on: Some people take").click()
    open_form = chen.locator(".say[open]")
    open_form.get_by_label("Comment on this paragraph").fill("The source says 2 mg.")
    open_form.get_by_role("button", name="Keep the comment").click()
    assert chen.locator(".said").inner_text() == "Your comment is kept."
    chen.get_by_role("button", name="Ask for changes").click()
    assert "Ann got a mail." in chen.locator(".said").inner_text()


def _mend(one: Console, ann: Page) -> None:
    """Come by the mailed link, mend the text, answer and settle."""
    mail = _follow_mail(one, ann)
    assert "1 comment is open:" in mail and "The source says 2 mg." in mail
    assert ann.url == one.url + REVIEW
    _edit(one, ann, "take 20 mg", "take 2 mg")
    assert ann.get_by_text("The source says 2 mg.").is_visible()
    ann.get_by_role("link", name="Answer or settle").click()
    block = ann.locator(".block", has_text="Some people take 2 mg")
    block.get_by_text("Answer or settle").click()
    block.get_by_label("Answer", exact=True).fill("Thank you, 2 mg it is.")
    block.get_by_role("button", name="Mark as settled").click()
    assert ann.locator(".said").inner_text() == "Settled."


def _tick_and_approve(one: Console, chen: Page) -> None:
    """Approve with an item left out, which is told, and then with all."""
    chen.goto(one.url + REVIEW)
    for box in chen.get_by_role("checkbox").all()[:3]:
        box.check()
    chen.get_by_label("Note", exact=True).fill("Well mended.")
    chen.get_by_role("button", name="Approve this version").click()
    assert "1 not ticked: The crisis line" in chen.locator(".problems").inner_text()
    assert chen.get_by_label("Note", exact=True).input_value() == "Well mended."
    chen.get_by_label("The crisis line is present").check()
    chen.get_by_role("button", name="Approve this version").click()
    assert chen.get_by_text("These words are approved.").is_visible()
    assert chen.locator(".checked li").count() == 4


@pytest.mark.parametrize("has_script", [True, False])
def test_a_review_goes_from_asking_to_an_edit_that_voids_it(
    tmp_path: Path, browser: Browser, *, has_script: bool
) -> None:
    """The whole way of a text between two people, one of them on a phone, with script and without."""
    folder = empty_site(tmp_path / "site")
    _site(folder)
    with served(folder) as one:
        _add(one, "Ann", Role.AUTHOR)
        _add(one, "Chen", Role.REVIEWER)
        desk = browser.new_context(java_script_enabled=has_script)
        hand = browser.new_context(
            java_script_enabled=has_script, viewport={"width": 375, "height": 800}
        )
        with watched_page(desk) as (ann, at_desk), watched_page(hand) as (chen, at_hand):
            _sign_in(one, ann, "Ann")
            _ask(one, ann)
            _comment(one, chen)
            _mend(one, ann)
            _tick_and_approve(one, chen)
            _edit(one, ann, "most people sleep", "most of us sleep")
            chen.reload()
            assert "that approval is void" in chen.locator(".lede").inner_text()
            assert chen.locator(".changes ins").all_inner_texts() == ["of us"]
            chen.get_by_role("button", name="Approve 1 changed paragraph").click()
            assert chen.get_by_text("These words are approved.").is_visible()
            app.publish_once(one.site, now=clock.now(), clock=clock.now)
    assert "most of us sleep" in (folder.path / "public/sleep/worry/index.html").read_text()
    assert (said(at_desk), said(at_hand)) == (Watched(), Watched())


def test_a_review_is_for_everyone_and_for_the_keyboard(tmp_path: Path, browser: Browser) -> None:
    """With its boxes open the page breaks no rule; comment, ticks and approval need no pointer."""
    folder = empty_site(tmp_path / "site")
    _site(folder)
    with served(folder) as one, watched_page(_phone(browser)) as (page, watched):
        come_in(one, page)
        page.goto(one.url + REVIEW)
        _press_to(page, "Comment on: Some people take")
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        page.keyboard.type("2 mg, surely.")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_url("**#comment-1")
        folder.post(
            PATH, "Worry at night", body=BODY.replace(DOSE, "A pill."), references=REFERENCES
        )
        page.goto(one.url + REVIEW)
        gone = page.locator(".gone").inner_text()
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        faults = _look_everywhere(page)

        page.goto(one.url + REVIEW)
        for item in one.site.config.review.checklist:
            _press_to(page, item)
            page.keyboard.press("Space")
        _press_to(page, "Approve this version")
        page.keyboard.press("Enter")
        page.get_by_text("These words are approved.").wait_for()
        faults += _look_everywhere(page)

    assert "Some people take 20 mg" in gone and "2 mg, surely." in gone
    assert faults == []
    assert said(watched) == Watched()


def _press_to(page: Page, name: str) -> None:
    """Press Tab until what has this name is focused, seen, and has a ring around it."""
    for _ in range(120):
        page.keyboard.press("Tab")
        found = page.evaluate(
            """() => {
                const one = document.activeElement, style = getComputedStyle(one);
                const box = one.getBoundingClientRect();
                return [one.getAttribute('aria-label') || one.labels?.[0]?.textContent
                    || one.textContent, style.outlineStyle !== 'none' && box.bottom > 0
                    && box.top < innerHeight];
            }"""
        )
        if found[0].strip().startswith(name):
            assert found[1]
            return
    pytest.fail(f"Tab never came to {name}")
