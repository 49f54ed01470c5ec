"""The pages that act, over a real server: nothing acts on GET, one POST is enough."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from publisher import tokens
from publisher.engine import clock
from publisher.store import subscribers
from tests.servers import visited

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from tests.conftest import Folder


@pytest.fixture
def served(folder: Folder) -> Iterator[httpx.Client]:
    """The site on loopback, with one subscriber."""
    folder.post("sleep/01-worry.md", "Worry at night")
    folder.run("build")
    folder.run("subscribers", "add", "anna@example.org")
    with visited(folder, clock.now) as client:
        yield client


@pytest.fixture
def token(folder: Folder) -> str:
    """The token of the one subscriber's links."""
    site = folder.open()
    with site.store.read() as tx:
        return tokens.make(subscribers.load_keys(tx, "link")[0], 1)


def _state(folder: Folder) -> str:
    return str(folder.json("subscribers", "ls")[0]["state"])


def test_get_and_head_show_a_button_and_change_nothing(
    folder: Folder, served: httpx.Client, token: str
) -> None:
    """A scanner that opens the link unsubscribes nobody."""
    first = served.get(f"/u/{token}")
    served.head(f"/u/{token}")
    served.get(f"/preferences/{token}")

    assert first.status_code == 200
    assert "<form" in first.text
    assert f'action="/u/{token}"' in first.text
    assert "set-cookie" not in first.headers
    assert _state(folder) == "active"


def test_one_click_post_unsubscribes_without_redirect(
    folder: Folder, served: httpx.Client, token: str
) -> None:
    """A mail program's POST (RFC 8058) ends the subscription at once, and again is harmless."""
    first = served.post(f"/u/{token}", data={"List-Unsubscribe": "One-Click"})
    second = served.post(f"/u/{token}", data={"List-Unsubscribe": "One-Click"})

    assert (first.status_code, first.text) == (200, "Unsubscribed.\n")
    assert second.status_code == 200
    assert _state(folder) == "unsubscribed"


def test_multipart_post_counts_as_well(folder: Folder, served: httpx.Client, token: str) -> None:
    """RFC 8058 allows multipart/form-data too."""
    reply = served.post(f"/u/{token}", files={"List-Unsubscribe": (None, "One-Click")})

    assert reply.status_code == 200
    assert _state(folder) == "unsubscribed"


def test_button_shows_a_page_that_says_so(
    folder: Folder, served: httpx.Client, token: str
) -> None:
    """A person who presses the button reads what happened."""
    reply = served.post(f"/u/{token}", headers={"Accept": "text/html"})
    after = served.get(f"/preferences/{token}")

    assert "You are unsubscribed" in reply.text
    assert "gets nothing" in after.text
    assert "anna@" not in after.text
    assert _state(folder) == "unsubscribed"


def test_unsubscribed_address_stays_out(folder: Folder, served: httpx.Client, token: str) -> None:
    """Whoever left cannot be added again by staff."""
    served.post(f"/u/{token}")

    again = folder.run("--json", "subscribers", "add", "Anna@Example.org")

    assert again.code == 5
    assert again.data["error"]["code"] == "subscriber.suppressed"


@pytest.mark.parametrize("path", ["/u/nothing", "/preferences/nothing", "/u/" + "A" * 32])
def test_foreign_link_is_told_apart(served: httpx.Client, path: str) -> None:
    """A link that is not ours answers 404 in plain words, for GET and POST."""
    shown = served.get(path)
    acted = served.post(path)

    assert shown.status_code == 404
    assert "not one of ours" in shown.text
    assert acted.status_code in {404, 405}


def test_files_and_unknown_addresses(served: httpx.Client) -> None:
    """Files are served, health is told, what is not there is our own 404 page."""
    assert served.get("/sleep/worry/").status_code == 200
    assert served.get("/healthz").text == "ok\n"
    assert served.get("/readyz").status_code == 200
    missing = served.get("/nowhere/")
    assert missing.status_code == 404
    assert "There is no page here" in missing.text
