"""A site that is visited as people do: its clock, its forms, and the links in its mails."""

from __future__ import annotations

import email
import email.policy
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from lxml import html

from publisher import app
from publisher.store import schema
from tests.conftest import NOON
from tests.servers import visited

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from email.message import EmailMessage
    from pathlib import Path

    import httpx

    from tests.conftest import Folder

ADDRESS = "anna@example.net"
_LINK = re.compile(r"http://[^\s<>]+")
_SHORT_WHILE = timedelta(seconds=5)


@dataclass(slots=True)
class Clock:
    """The moment, as a test has it."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        """Return it."""
        return self.now

    def later(self, **length: float) -> None:
        """Let time pass."""
        self.now += timedelta(**length)


@dataclass(slots=True)
class Visit:
    """A served site and whoever looks at it."""

    folder: Folder
    client: httpx.Client
    clock: Clock
    site: app.Site
    read: set[str] = field(default_factory=set)

    def fill(self, path: str, **values: str) -> dict[str, Any]:
        """Return what the first form of a page would send, with these values filled in."""
        page = tree(self.client.get(path).text)
        form = page.forms[0]
        self.clock.now += _SHORT_WHILE
        return {**dict(form.form_values()), **values}

    def subscribe(self, address: str = ADDRESS, **values: str) -> httpx.Response:
        """Fill in the form as a person would."""
        return self.client.post(
            "/subscribe", data=self.fill("/subscribe", email=address, **values)
        )

    def mails(self) -> list[EmailMessage]:
        """Send what is due, and return the mails that came of it, the oldest first."""
        app.send_notices(self.site, clock=self.clock)
        found = []
        for file in sorted((self.folder.path / "outbox" / "notices").glob("*.eml")):
            if file.name not in self.read:
                self.read.add(file.name)
                found.append(
                    email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
                )
        return found

    def links(self) -> list[str]:
        """Return the paths of the links in the one mail that is new."""
        (mail,) = self.mails()
        return links_of(mail)

    def links_in(self, file: Path) -> list[str]:
        """Return the paths of the links in a mail's file."""
        return links_of(email.message_from_bytes(file.read_bytes(), policy=email.policy.default))

    def join(self, address: str = ADDRESS) -> str:
        """Subscribe, confirm and return the token of the person's links."""
        self.subscribe(address)
        confirm, *_ = self.links()
        self.client.post(confirm)
        preferences, *_ = self.links()
        return preferences.rpartition("/")[2]

    def data_link(self, token: str) -> str:
        """Ask for the mailed link to one's data, and return its path."""
        self.client.post(f"/preferences/{token}/data")
        return self.links()[0]

    def people(self) -> list[str]:
        """Return each address with its state."""
        return [f"{one['email']} {one['state']}" for one in self.folder.json("subscribers", "ls")]


def tree(text: str) -> Any:
    """Return a page to look for things in."""
    return html.fromstring(text)


def links_of(mail: EmailMessage) -> list[str]:
    """Return the paths of the links in a mail's text, in order."""
    part = mail.get_body(("plain",))
    assert part is not None
    return [re.sub(r"http://[^/]+", "", one) for one in _LINK.findall(part.get_content())]


def dump(site: app.Site) -> Mapping[str, list[tuple[Any, ...]]]:
    """Return every row of every table."""
    with site.store.read() as tx:
        return {
            table.name: [tuple(row) for row in tx.execute(sa.select(table))]
            for table in schema.metadata.sorted_tables
        }


@contextmanager
def visiting(folder: Folder) -> Iterator[Visit]:
    """Serve a site with one part of a series and one post, and visit it."""
    folder.post("sleep/01-worry.md", "Worry at night")
    folder.post("walking.md", "Walking")
    folder.run("build")
    clock = Clock()
    with visited(folder, clock) as client:
        yield Visit(folder=folder, client=client, clock=clock, site=folder.open())
