"""A site with its console on loopback, for a browser: served, filled, come into."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import uvicorn

from publisher import app, staffing
from publisher.engine import clock
from publisher.model import Role
from publisher.web import make_site
from publisher.web.console import make_console

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from publisher.app import Site
    from tests.conftest import Folder
    from tests.pictures import Watched


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """A served site with its console."""

    site: Site
    folder: Folder
    url: str
    wake: threading.Event


@contextmanager
def served(folder: Folder) -> Iterator[Console]:
    """Serve a site at an address of its own, published once."""
    wake = threading.Event()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        folder.configure(site=f'{folder.settings["site"]}\nurl = "{url}"')
        site = folder.open()
        app.publish_once(site, now=clock.now(), clock=clock.now)
        console = make_console(site, app.make_console_pages(site.config), clock.now, wake=wake.set)
        asgi = make_site(
            site.config, site.store, app.make_pages(site.config), clock.now, console=console
        )
        server = uvicorn.Server(uvicorn.Config(asgi, lifespan="off", log_config=None))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield Console(site=site, folder=folder, url=url, wake=wake)
        finally:
            server.should_exit = True
            thread.join()
            site.store.close()


def fill(folder: Folder) -> None:
    """Write posts and add readers: something of everything that pages show."""
    folder.post("sleep/01-worry.md", "Worry at night")
    folder.post(
        "sleep/02-rest.md", "Rest by day, with a title that is long enough to need two lines"
    )
    folder.post("alone.md", "On its own")


def come_in(console: Console, page: Page, *roles: Role) -> None:
    """Sign in by a link, as somebody with these roles, or all."""
    name = f"Grey {len(staffing.list_staff(console.site.store))}"
    who = staffing.add(
        console.site.store,
        f"{name.replace(' ', '')}@example.org",
        name=name,
        credentials="MD",
        roles=roles or tuple(Role),
        by="test",
        now=clock.now(),
    )
    token = staffing.make_link(console.site.store, who, now=clock.now())
    page.goto(f"{console.url}/console/link/{token}")
    page.get_by_role("button", name="Sign in").click()


def said(watched: Watched) -> Watched:
    """Return what pages did, less what Chromium says of those that answer with an error."""
    expected = ("status of 404", "status of 422", "status of 409")
    rest = [one for one in watched.complaints if not any(words in one for words in expected)]
    # A letter's frame is shut off: that it may run nothing is what was asked for.
    rest = [one for one in rest if "sandboxed" not in one]
    return replace(watched, complaints=rest)
