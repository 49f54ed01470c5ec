"""Takes the pictures of README and docs: the letter and a series page, as a browser shows them.

Run by ``make pictures``. The sample site is built in a folder of its own at a fixed moment, so the
same posts, templates and fonts give the same pictures. Anything that is asked of another machine
is refused, and ends the run.
"""

from __future__ import annotations

import email
import email.policy
import shutil
import socket
import tempfile
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import uvicorn
from playwright.sync_api import sync_playwright

from publisher import app, staffing, subscribing
from publisher.engine import clock
from publisher.model import Role
from publisher.web import make_site
from publisher.web.console import make_console

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from playwright.sync_api import Browser, BrowserContext, Page, Response, Route

REPOSITORY = Path(__file__).parent.parent
DOCS = REPOSITORY / "docs"
FIRST_SLOT = datetime(2026, 11, 17, 12, 30, tzinfo=UTC)
SECOND_SLOT = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
"""By the second slot one post is new: its letter fits a picture, and the series shows its place."""
LOOKED_AT = datetime(2026, 11, 27, 15, 0, tzinfo=UTC)
"""When staff look at the console: a post of the day before is new, another waits for a review."""
MOST_OCTETS = 250_000
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
)


# ------------------------------------------------------------------------------------ the sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The sample site of the repository, built in a folder of its own, and where it is served."""

    path: Path
    url: str

    @property
    def public(self) -> Path:
        """Where its pages are."""
        return self.path / "public"

    def pages(self) -> list[str]:
        """Return the path of every page, as a browser asks for it."""
        files = sorted(self.public.rglob("*.html"))
        paths = ["/" + file.relative_to(self.public).as_posix() for file in files]
        return [path.removesuffix("index.html") for path in paths]

    def letters(self) -> list[str]:
        """Return the HTML of every letter in its outbox, oldest first."""
        mails = (
            email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
            for file in sorted((self.path / "outbox").rglob("*.eml"))
        )
        parts = [mail.get_body(("html",)) for mail in mails]
        return [part.get_content() for part in parts if part]


@contextmanager
def served_sample(
    folder: Path, more: Mapping[str, str] | None = None, *, readers: int = 0
) -> Iterator[Sample]:
    """Build the sample site at its two slots and serve it on loopback, its console at ``LOOKED_AT``.

    ``more`` are texts of files to lie beside the sample's own, by their path below ``posts/``.
    """
    shutil.copy(REPOSITORY / "config.toml", folder)
    shutil.copytree(REPOSITORY / "posts", folder / "posts")
    for path, text in (more or {}).items():
        file = folder / "posts" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        site = app.open_site(folder / "config.toml", {"PUBLISHER_SITE__URL": url})
        app.add_sample_reader(site, now=FIRST_SLOT)
        for n in range(readers):
            subscribing.add(
                site.store, f"r{n}@example.org", consent="asked", source="desk", now=FIRST_SLOT
            )
        app.publish_once(site, now=FIRST_SLOT, clock=lambda: FIRST_SLOT, digest="weekly")
        app.publish_once(site, now=SECOND_SLOT, clock=lambda: SECOND_SLOT)
        console = make_console(site, app.make_console_pages(site.config), lambda: LOOKED_AT)
        asgi = make_site(
            site.config, site.store, app.make_pages(site.config), clock.now, console=console
        )
        server = uvicorn.Server(uvicorn.Config(asgi, lifespan="off", log_config=None))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield Sample(path=folder, url=url)
        finally:
            server.should_exit = True
            thread.join()
            site.store.close()


# ----------------------------------------------------------------------------------- the browser


@dataclass(frozen=True, slots=True)
class Watched:
    """What pages did behind the reader's back."""

    remote: list[str] = field(default_factory=list)
    """Addresses on other machines they asked for; nothing was let through."""
    complaints: list[str] = field(default_factory=list)
    """What the browser's console said."""
    failed: list[str] = field(default_factory=list)
    """Addresses of what a page needs that were not to be had."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the machine's Chromium; without one this fails and says so."""
    program = shutil.which("chromium")
    if program is None:
        raise FileNotFoundError("chromium is not installed; .ci/system chromium does it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*CHROMIUM_FLAGS])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def watched_page(context: BrowserContext) -> Iterator[tuple[Page, Watched]]:
    """Open a page whose requests to other machines are noted and refused."""
    watched = Watched()

    def let_through(route: Route) -> None:
        if urlsplit(route.request.url).hostname in {"127.0.0.1", "localhost"}:
            route.continue_()
        else:
            watched.remote.append(route.request.url)
            route.abort()

    def note_failure(response: Response) -> None:
        is_page = response.request.is_navigation_request()
        if response.status >= HTTPStatus.BAD_REQUEST and not is_page:
            watched.failed.append(response.url)

    context.route("**/*", let_through)
    page = context.new_page()
    page.on("response", note_failure)
    page.on("console", lambda message: watched.complaints.append(message.text))
    page.on("pageerror", lambda error: watched.complaints.append(str(error)))
    yield page, watched
    context.close()


# ---------------------------------------------------------------------------------- the pictures


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture: its file, what it shows, and how large."""

    name: str
    path: str = ""
    """The page below the site's address; empty for the newest letter."""
    width: int
    most_height: int
    """CSS pixels, as the width; what lies further down is cut off."""
    scale: float = 1.5
    is_dark: bool = False
    is_console: bool = False
    """Whether staff see it, who are signed in."""


CONSOLE_POSTS = {
    "sleep-slowly/05-noise-at-night.md": (
        '---\ntitle: "Noise at night"\ndate: 2026-11-26\nsummary: "Why some sounds wake us and '
        'others do not, and what a quieter room can and cannot do."\n---\n\nSome people sleep '
        "beside a railway. What wakes us is less the sound than what it means.\n\n## What helps"
        "\n\nA steady sound, such as a fan, hides the sudden ones.\n"
    ),
    "understanding-treatment/05-stopping.md": (
        '---\ntitle: "Stopping an antidepressant"\ndate: 2026-11-26\nreviewer: "Bo Chen"\n'
        'summary: "Why doses go down in steps, and what to ask before the first one."\n---\n\n'
        "Nobody should stop from one day to the next. Ask whoever prescribed it first.\n"
    ),
}
"""What staff find new: one post that goes, one that waits for a reviewer."""
READERS = 411

PICTURES = (
    Picture(name="letter.png", width=680, most_height=1300),
    Picture(name="letter-dark.png", width=680, most_height=1300, is_dark=True),
    Picture(
        name="series.png",
        path="/understanding-treatment/",
        width=1000,
        most_height=1130,
        scale=1.25,
    ),
    Picture(
        name="console-today.png",
        path="/console/",
        width=1100,
        most_height=760,
        scale=1,
        is_console=True,
    ),
    Picture(
        name="console-editor.png",
        path="/console/posts/edit/sleep-slowly/05-noise-at-night.md",
        width=1320,
        most_height=1150,
        scale=1,
        is_console=True,
    ),
    Picture(
        name="console-edition.png",
        path="/console/digests/weekly",
        width=1100,
        most_height=1000,
        scale=1,
        is_console=True,
    ),
    Picture(
        name="console-result.png",
        path="/console/editions/2",
        width=1100,
        most_height=900,
        scale=1,
        is_console=True,
    ),
    Picture(
        name="console-review.png",
        path="/console/posts/review/understanding-treatment/05-stopping.md",
        width=420,
        most_height=1145,
        is_console=True,
        is_dark=True,
    ),
)


def take(browser: Browser, sample: Sample, picture: Picture) -> bytes:
    """Return a picture as PNG; raises RuntimeError where its page asks another machine."""
    context = browser.new_context(
        viewport={"width": picture.width, "height": 600},
        device_scale_factor=picture.scale,
        color_scheme="dark" if picture.is_dark else "light",
        java_script_enabled=picture.is_console,
    )
    with watched_page(context) as (page, watched):
        if picture.is_console:
            _come_in(page, sample)
        if picture.path:
            page.goto(sample.url + picture.path, wait_until="networkidle")
        else:
            page.set_content(sample.letters()[-1], wait_until="networkidle")
        whole = page.locator("html").bounding_box()
        height = min(int(whole["height"]) if whole else 0, picture.most_height)
        clip = {"x": 0, "y": 0, "width": picture.width, "height": height}
        data = page.screenshot(full_page=True, clip=clip)  # type: ignore[arg-type]
    if watched.remote:
        raise RuntimeError(f"{picture.name}: asked for {', '.join(watched.remote)}")
    return data


def _come_in(page: Page, sample: Sample) -> None:
    """Sign in as the one member of staff that pictures know; a reviewer is there beside."""
    site = app.open_site(sample.path / "config.toml", {"PUBLISHER_SITE__URL": sample.url})
    people = {one.name: one for one in staffing.list_staff(site.store)}
    for name, roles in (("Ann Lee", list(Role)), ("Bo Chen", [Role.REVIEWER])):
        if name not in people:
            address = f"{name.split()[0].lower()}@example.org"
            people[name] = staffing.add(
                site.store, address, name=name, credentials="MD", roles=roles, by="", now=LOOKED_AT
            )
    token = staffing.make_link(site.store, people["Ann Lee"], now=LOOKED_AT)
    site.store.close()
    page.goto(f"{sample.url}/console/link/{token}")
    page.get_by_role("button", name="Sign in").click()


def main() -> None:
    """Take every picture and say what was written."""
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryDirectory() as staffed,
        served_sample(Path(folder)) as public,
        served_sample(Path(staffed), CONSOLE_POSTS, readers=READERS) as console,
        chromium() as browser,
    ):
        for picture in PICTURES:
            sample = console if picture.is_console else public
            data = take(browser, sample, picture)
            if len(data) > MOST_OCTETS:
                raise RuntimeError(f"{picture.name}: {len(data):,} octets are too many")
            (DOCS / picture.name).write_bytes(data)
            print(f"docs/{picture.name}  {len(data) / 1000:.0f} kB")


if __name__ == "__main__":
    main()
