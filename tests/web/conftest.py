"""What tests of the console share: a site with it, and people of staff who are signed in."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from lxml import html

from publisher import staffing
from publisher.engine import clock
from tests.servers import visited

if TYPE_CHECKING:
    from collections.abc import Iterator

    from publisher.app import Site
    from publisher.model import Role, Staff
    from tests.conftest import Folder

PASSWORD = "a few plain words"


@dataclass(frozen=True)
class Desk:
    """A served site with its console, and a way to come in."""

    folder: Folder
    site: Site
    url: str

    def add(self, name: str, *roles: Role) -> Staff:
        """Add somebody, without a password."""
        return staffing.add(
            self.site.store,
            f"{name.lower()}@example.org",
            name=name,
            roles=roles,
            by="test",
            now=clock.now(),
        )

    @contextmanager
    def visit(self, who: Staff | None = None) -> Iterator[httpx.Client]:
        """Visit as a browser on this page would, signed in by a link where a person is named."""
        with httpx.Client(
            base_url=self.url, headers={"Sec-Fetch-Site": "same-origin"}, timeout=30
        ) as client:
            if who:
                token = staffing.make_link(self.site.store, who, now=clock.now())
                assert client.post(f"/console/link/{token}").status_code == 303
            yield client


@pytest.fixture
def desk(folder: Folder) -> Iterator[Desk]:
    """The console of a built site with one post, on loopback."""
    folder.post("sleep/01-worry.md", "Worry at night")
    folder.run("build")
    with visited(folder, clock.now) as client:
        yield Desk(folder=folder, site=folder.open(), url=str(client.base_url))


def heading(reply: httpx.Response) -> str:
    """Return a page's first line."""
    return str(html.fromstring(reply.text).findtext(".//h1"))


def problems(reply: httpx.Response) -> str:
    """Return what a page says is wrong."""
    page: Any = html.fromstring(reply.text)
    found = page.cssselect(".problems li")
    return " ".join(" ".join(one.text_content().split()) for one in found)


__all__ = ["PASSWORD", "Desk", "desk", "heading", "problems"]
