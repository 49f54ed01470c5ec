"""What is stored is described, kept no longer than it says, and nothing tells on a reader."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa
from lxml import html

from publisher import app, operating, subscribing
from publisher.store import exporting, schema
from publisher.store.describing import PERSONAL
from tests.conftest import NOON
from tests.flows.scenes import rows

if TYPE_CHECKING:
    from typing import Any

    from tests.conftest import Folder


def _ask(site: app.Site, address: str, at: timedelta = timedelta()) -> None:
    wish = subscribing.Wish(
        address=subscribing.read_address(address), wording="Send it.", source="form"
    )
    subscribing.ask(site.store, wish, now=NOON + at)


def test_every_column_about_people_has_words() -> None:
    """A table or a column that is added without a description fails here, and names itself."""
    assert exporting.undescribed() == []


def test_a_column_without_words_is_found() -> None:
    """The check itself finds a new table and a new column."""
    new = sa.Table("visits", schema.metadata, sa.Column("email", sa.Text))
    schema.consents.append_column(sa.Column("browser", sa.Text))
    try:
        assert exporting.undescribed() == ["visits", "consents.browser"]
    finally:
        schema.metadata.remove(new)
        schema.consents._columns.remove(schema.consents.c.browser)

    assert exporting.undescribed() == []


def test_the_public_page_names_all_that_is_stored(folder: Folder) -> None:
    """Every table's title, every column's words and every term are on /privacy/."""
    folder.configure(privacy='keep_attempts = "31d"\nkeep_unconfirmed = "5d"')
    folder.run("build")

    page: Any = html.fromstring(folder.public("privacy/index.html"))
    text = " ".join(page.text_content().split())
    for described in PERSONAL.values():
        assert described.title in text
        for words in {*described.columns.values()} - {"a number", "the number of your entry"}:
            assert words in text, words
    assert "5 days if you never confirm" in text
    assert "the words it came with, 31 days." in text


def test_the_page_follows_the_terms(folder: Folder) -> None:
    """Another term in the configuration is another page at the next build."""
    folder.run("build")
    before = folder.public("privacy/index.html")
    folder.configure(privacy='keep_attempts = "31d"')

    built = folder.json("build")

    assert "privacy/index.html" in built["written"]
    assert folder.public("privacy/index.html") != before


def test_what_is_too_old_is_erased_by_the_job(folder: Folder) -> None:
    """Requests that nobody confirmed and old notices go with the scheduled job, and not before."""
    site = folder.open()
    _ask(site, "anna@example.net")
    app.publish_once(site, now=NOON + timedelta(days=14), clock=lambda: NOON)
    kept = len(rows(site, schema.subscribers)), len(rows(site, schema.consents))
    due = operating.count_overdue(
        site.store, site.config.privacy, now=NOON + timedelta(days=14, seconds=1)
    )
    app.publish_once(site, now=NOON + timedelta(days=14, seconds=1), clock=lambda: NOON)
    gone = len(rows(site, schema.subscribers)), len(rows(site, schema.consents))
    noticed = len(rows(site, schema.notices))
    app.publish_once(site, now=NOON + timedelta(days=30, seconds=1), clock=lambda: NOON)

    assert (kept, gone) == ((1, 1), (0, 0))
    assert due == {
        "attempts": 0,
        "reports": 0,
        "subscribers": 1,
        "consents": 1,
        "notices": 0,
        "drafts": 0,
    }
    assert noticed == 1
    assert rows(site, schema.notices) == []


def test_who_asks_anew_waits_anew(folder: Folder) -> None:
    """A second request before the first is forgotten has its whole time."""
    site = folder.open()
    _ask(site, "anna@example.net")
    _ask(site, "anna@example.net", timedelta(days=13))

    operating.forget_in_time(site.store, site.config.privacy, now=NOON + timedelta(days=15))
    still = len(rows(site, schema.subscribers)), len(rows(site, schema.consents))
    operating.forget_in_time(site.store, site.config.privacy, now=NOON + timedelta(days=28))

    assert still == (1, 1)
    assert rows(site, schema.subscribers) == []


def test_the_command_proves_it(folder: Folder) -> None:
    """``privacy`` says what is stored and how long, and that it read every page and letter."""
    folder.post("sleep/01-worry.md", "Worry at night")
    folder.run("publish", "--now", "weekly")

    told = folder.run("privacy")
    proof = folder.json("privacy")

    stored = {one["table"]: one for one in proof["stored"]}
    assert told.code == 0
    assert "Your entry on the list (subscribers, 1 row)" in told.out
    assert "nothing tracks." in told.out
    assert stored.keys() == PERSONAL.keys()
    assert stored["rehearsal_receipts"]["rows"] == 1
    assert proof["letters"] == 1
    assert proof["pages"] == len([*(folder.path / "public").rglob("*.html")])
    assert proof["problems"] == []


def test_the_command_finds_what_tracks(folder: Folder) -> None:
    """A page with a pixel and a script is found, with file and line."""
    folder.run("build")
    page = folder.path / "public" / "pixel.html"
    page.write_text('<p>\n<img src="https://x.example/p.gif">\n<script>1</script>')

    told = folder.run("privacy")
    proof = folder.json("privacy")

    assert told.code == 4
    assert [(one["file"], one["line"]) for one in proof["problems"]] == [
        (str(page), 2),
        (str(page), 3),
    ]


def test_the_command_tells_what_is_overdue(folder: Folder) -> None:
    """Rows that should have gone are told as a warning; the next job erases them."""
    site = folder.open()
    _ask(site, "anna@example.net", -timedelta(days=400))

    proof = folder.json("privacy")
    app.publish_once(site, now=NOON, clock=lambda: NOON)
    after = folder.json("privacy")

    assert {one["file"] for one in proof["problems"]} == {"subscribers", "consents", "notices"}
    assert after["problems"] == []
