"""Coming, choosing, leaving and owning in a real browser: on a phone, without script, for everybody."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest

from tests.pictures import Watched, watched_page
from tests.seeing import AXE, SCHEMES, STICKING_OUT, WIDTHS, find_faults
from tests.visits import ADDRESS, Visit, dump, links_of, tree, visiting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from tests.conftest import Folder

LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"


@pytest.fixture
def visit(folder: Folder) -> Iterator[Visit]:
    """A site with two digests and a series with a long name."""
    folder.configure(
        digests__monthly='title = "Monthly letter"\nschedule = "first monday of the month at 07:30"'
    )
    folder.post("long/01-one.md", "One")
    (folder.path / "posts" / "long" / "series.toml").write_text(f'title = "{LONG}"\n', "utf-8")
    with visiting(folder) as one:
        yield one


def _open(visit: Visit, page: Page, path: str) -> None:
    page.goto(f"{visit.client.base_url}{path}".replace("//", "/").replace(":/", "://", 1))


def _press(page: Page, button: str) -> None:
    with page.expect_navigation():
        page.get_by_role("button", name=button, exact=True).click()


def _title(page: Page) -> str:
    return page.locator("h1").inner_text().replace("\n", " ")


def _subscribe(visit: Visit, page: Page, address: str = ADDRESS) -> None:
    _open(visit, page, "/subscribe")
    page.get_by_label("Email address").fill(address)
    visit.clock.later(seconds=5)
    _press(page, "Subscribe")


# -------------------------------------------------------------------------------------- the journeys


def test_a_person_comes_chooses_leaves_and_returns_on_a_phone_without_script(
    visit: Visit, browser: Browser
) -> None:
    """The whole way of a subscriber, by forms and links alone, in the dark; nothing else is asked."""
    context = browser.new_context(
        java_script_enabled=False, viewport={"width": 375, "height": 700}, color_scheme="dark"
    )
    with watched_page(context) as (page, watched):
        _open(visit, page, "/")
        page.get_by_role("link", name="Subscribe").click()
        page.get_by_label("Email address").fill(ADDRESS)
        page.get_by_label("Monthly letter").check()
        visit.clock.later(seconds=5)
        _press(page, "Subscribe")
        assert _title(page) == "Check your email"
        confirm, _ = visit.links()

        _open(visit, page, confirm)
        assert visit.people() == [f"{ADDRESS} pending"]
        _press(page, "Yes, send it to me")
        assert _title(page) == "You are on the list"
        assert visit.people() == [f"{ADDRESS} active"]
        preferences, leave = visit.links()

        _open(visit, page, preferences)
        assert "Every letter comes to a•••@example.net." in page.locator(".lede").inner_text()
        page.get_by_label("Weekly letter").uncheck()
        page.get_by_label(LONG).uncheck()
        page.get_by_label("Discreet").check()
        page.get_by_label("2 months from today").check()
        _press(page, "Save")
        assert _title(page) == "Saved"
        assert "Nothing comes before 23 January 2027." in page.locator(".lede").inner_text()
        assert not page.get_by_label(LONG).is_checked()

        _open(visit, page, leave)
        assert visit.people() == [f"{ADDRESS} active"]
        _press(page, "Unsubscribe")
        assert _title(page) == "You are unsubscribed"
        _press(page, "Undo: keep the letters coming")
        assert _title(page) == "Undone: you are on the list"
        page.get_by_role("link", name="Choose what you get").click()
        _press(page, "Unsubscribe")
        assert visit.people() == [f"{ADDRESS} unsubscribed"]

        visit.clock.later(days=2)
        _subscribe(visit, page)
        again, _ = visit.links()
        _open(visit, page, again)
        _press(page, "Yes, send it to me")
        assert visit.people() == [f"{ADDRESS} active"]
        assert context.cookies() == []

    (person,) = visit.folder.json("subscribers", "ls")
    assert (person["digests"], person["series"], person["discreet"]) == (
        ["monthly"],
        ["long"],
        True,
    )
    assert watched == Watched()


def test_a_person_sees_moves_and_erases_what_is_kept_without_script(
    visit: Visit, browser: Browser
) -> None:
    """By the mailed link alone: shown, taken along, moved to another address, erased."""
    token = visit.join()
    context = browser.new_context(
        java_script_enabled=False, viewport={"width": 375, "height": 700}
    )
    with watched_page(context) as (page, watched):
        _open(visit, page, f"/preferences/{token}")
        _press(page, "Mail me the link")
        data = visit.links()[0]
        _open(visit, page, data)
        _press(page, "Show it")
        assert page.get_by_text(ADDRESS).first.is_visible()
        page.get_by_text("Your consent", exact=True).click()
        assert page.get_by_text("Send Riverside Letters to my address by email.").is_visible()
        page.get_by_role("link", name="Back").click()
        with page.expect_download() as taken:
            page.get_by_role("button", name="Download it").click()
        assert taken.value.suggested_filename == "my-data.json"

        page.get_by_label("New email address").fill("neu@example.org")
        _press(page, "Mail a link there")
        (confirm,) = visit.links()
        _open(visit, page, confirm)
        _press(page, "Yes, send them here")
        assert visit.people() == ["neu@example.org active"]

        _open(visit, page, f"/preferences/{token}")
        _press(page, "Mail me the link")
        _open(visit, page, visit.links()[0])
        _press(page, "Erase everything about me")
        assert _title(page) == "Everything about you is erased"

    assert visit.people() == []
    assert watched == Watched()


def test_a_form_on_a_friends_page_works_in_a_browser(folder: Folder, browser: Browser) -> None:
    """The block of the manual, on a page of another origin, posts and leads back there."""
    folder.configure(subscribe='embed_origins = ["http://localhost:9"]')
    with visiting(folder) as visit, watched_page(browser.new_context()) as (page, _):
        form = (
            f'<form action="{visit.client.base_url}/subscribe" method="post">'
            '<input type="email" name="email" aria-label="Email address"><button>Go</button></form>'
        )
        page.route(
            "http://localhost:9/", lambda route: route.fulfill(body=form, content_type="text/html")
        )
        page.goto("http://localhost:9/")
        page.get_by_label("Email address").fill(ADDRESS)
        _press(page, "Go")

        assert _title(page) == "Check your email"
        assert page.get_by_role("link", name="Back to localhost:9").is_visible()
        assert visit.people() == [f"{ADDRESS} pending"]


# ------------------------------------------------------------------------------------ for everybody


class Look:
    """Looks at a page by day and by night, narrow and wide, and keeps what is wrong with it."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.faults: dict[tuple[str, str, int], list[str]] = {}
        self.seen: list[str] = []

    def __call__(self) -> None:
        page = self._page
        self.seen.append(_title(page))
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        page.evaluate(AXE)
        for scheme, width in product(SCHEMES, WIDTHS):
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": 700})
            if found := [*find_faults(page, scheme), *page.evaluate(STICKING_OUT)]:
                self.faults[self.seen[-1], scheme, width] = found


def test_every_step_of_coming_is_for_everyone(visit: Visit, browser: Browser) -> None:
    """From the form to the list, with what can go wrong, no rule of WCAG 2.2 AA is broken."""
    with watched_page(browser.new_context()) as (page, watched):
        look = Look(page)
        _open(visit, page, "/subscribe")
        look()
        for address in ("abuse@example.net", ADDRESS):
            _subscribe(visit, page, address)
            look()
        confirm, never = visit.links()
        for path in (confirm, never):
            _open(visit, page, path)
            look()
        visit.clock.later(days=8)
        _open(visit, page, confirm)
        look()
        _press(page, "Mail a new link")
        look()
        confirm, never = visit.links()
        _open(visit, page, confirm)
        _press(page, "Yes, send it to me")
        look()
        for path in ("/confirm/nothing", "/data/nothing"):
            _open(visit, page, path)
            look()

    assert look.faults == {}
    assert watched.remote == [] and watched.failed == []
    assert len(look.seen) == 10


def test_every_step_of_choosing_and_leaving_is_for_everyone(
    visit: Visit, browser: Browser
) -> None:
    """From the choices to the last page, no rule of WCAG 2.2 AA is broken."""
    token = visit.join()
    with watched_page(browser.new_context()) as (page, watched):
        look = Look(page)
        _open(visit, page, f"/preferences/{token}")
        look()
        page.get_by_label("Weekly letter").uncheck()
        _press(page, "Save")
        look()
        page.get_by_label("1 month from today").check()
        page.get_by_label("Monthly letter").check()
        _press(page, "Save")
        look()
        _press(page, "Mail me the link")
        look()
        data = visit.links()[0]
        _open(visit, page, data)
        look()
        _press(page, "Show it")
        look()
        _open(visit, page, f"/u/{token}")
        look()
        _press(page, "Unsubscribe")
        look()
        for path in (f"/u/{token}", f"/preferences/{token}"):
            _open(visit, page, path)
            look()
        _open(visit, page, data)
        _press(page, "Erase everything about me")
        look()

    assert look.faults == {}
    assert watched.remote == [] and watched.failed == []
    assert len(look.seen) == 11


# --------------------------------------------------------------------------------------- the scanner


def test_a_scanner_that_opens_every_link_changes_nothing(visit: Visit, browser: Browser) -> None:
    """Every link of every mail and page is got and looked at twice, scripts running: no row changes."""
    token = visit.join()
    visit.folder.run("publish", "--now", "weekly")
    visit.subscribe("ben@example.net")
    visit.client.post(f"/preferences/{token}/data")
    data = next(link for mail in visit.mails() for link in links_of(mail) if "/data/" in link)
    visit.client.post(f"{data}/move", data={"email": "neu@example.org"})
    visit.client.post(f"/preferences/{token}/data")
    visit.mails()
    visit.read.clear()
    letters = [file for file in visit.folder.outbox() if file.parent.name != "notices"]
    waiting = {link for mail in visit.mails() for link in links_of(mail)}
    for file in letters:
        waiting |= {link for link in visit.links_in(file) if link.startswith("/")}
    before = dump(visit.site)

    done: set[str] = set()
    with watched_page(browser.new_context()) as (page, _):
        while waiting:
            path = waiting.pop()
            done.add(path)
            for _round in range(2):
                visit.client.head(path)
                _open(visit, page, path)
            page.wait_for_load_state("networkidle")
            text = visit.client.get(path).text
            if text.startswith("<!doctype html"):
                found = {str(one) for one in tree(text).xpath("//a/@href | //form/@action")}
                waiting |= {one.partition("#")[0] for one in found if one.startswith("/")} - done

    kinds = {path.split("/")[1] for path in done}
    assert {"u", "preferences", "confirm", "data", "subscribe", "privacy", "sleep"} <= kinds
    assert any(path.endswith("/never") for path in done)
    assert any(path.endswith("/erase") for path in done)
    assert dump(visit.site) == before
