"""Checking: what a preflight finds holds an edition before anyone gets it, and is told to staff."""

from __future__ import annotations

import re
import socket
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from publisher import app, editing
from publisher.publishing import build
from tests.flows.scenes import (
    MINUTE,
    approve,
    counts,
    join,
    moment,
    only,
    shown,
    tick,
    use_relay,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Folder

SEEN = moment("2026-11-20 12:00")
SLOT = moment("2026-11-24 07:30", "America/New_York")
WEEKLY = 'title = "Weekly letter"\nschedule = "every tuesday at 07:30"'


@pytest.fixture
def site(folder: Folder) -> app.Site:
    """A site with a reader and a post of a series, its digest seen before its slot."""
    folder.post("sleep/01-one.md", "One", date="2026-11-01")
    use_relay(folder)
    site = folder.open()
    join(site, "anna")
    tick(site, SEEN)
    return site


@contextmanager
def listening() -> Iterator[tuple[str, list[bool]]]:
    """Give an address on loopback, and afterwards whether anyone came."""
    visits: list[bool] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield f"http://127.0.0.1:{server.getsockname()[1]}/x", visits
        try:
            server.accept()[0].close()
            visits.append(True)
        except BlockingIOError:
            pass


def test_what_must_be_mended_holds_the_edition(folder: Folder, site: app.Site) -> None:
    """At its slot an edition with a blocking finding is held, nobody is mailed, staff are told what."""
    folder.post("sleep/02-two.md", "Hello {{ name }}", date="2026-11-02")

    told = tick(site, SLOT)

    assert shown(site) == [("weekly/1", "held", "preflight")]
    assert counts(site, only(site)) == {}
    held, finding = told
    assert (held.code, held.got) == ("edition.preflight", "1 thing to mend, told beside")
    assert "Mend it and run: publisher edition approve weekly/1" in held.hint
    assert (finding.code, finding.path) == ("preflight.left_over", "posts/sleep/02-two.md")
    assert (finding.line, finding.got) == (2, "“{{”")


def test_held_edition_shows_what_holds_it_until_it_is_mended(
    folder: Folder, site: app.Site
) -> None:
    """``edition show`` tells what is to mend by now; approval is refused before, and frees it after."""
    two = folder.post("sleep/02-two.md", "Hello {{ name }}", date="2026-11-02")
    tick(site, SLOT)

    told = folder.run("edition", "show", "weekly/1")
    refused = approve(site, only(site), SLOT + MINUTE)
    two.write_text(two.read_text("utf-8").replace("{{ name }}", "reader"), "utf-8")
    after = folder.json("edition", "show", "weekly/1")
    freed = approve(site, only(site), SLOT + 2 * MINUTE)
    tick(site, SLOT + 3 * MINUTE)

    assert "to mend: posts/sleep/02-two.md:2  expected a finished text; got “{{”" in told.out
    assert [problem.code for problem in refused] == ["preflight.left_over"]
    assert (after["state"], after["problems"]) == ("held", [])
    assert freed == []
    assert counts(site, only(site)) == {"pending": 1}


def test_a_held_edition_whose_posts_are_gone_shows_that(folder: Folder, site: app.Site) -> None:
    """Where there is no letter to look at any more, ``edition show`` says so."""
    folder.post("sleep/02-two.md", "Two {{ x }}", date="2026-11-02")
    tick(site, SLOT)
    for name in ("01-one.md", "02-two.md"):
        (folder.path / "posts" / "sleep" / name).unlink()

    shown_now = folder.json("edition", "show", "weekly/1")

    assert [one["code"] for one in shown_now["problems"]] == ["edition.posts"]


def test_publish_tells_what_holds_an_edition(folder: Folder) -> None:
    """The report of ``publish`` has each finding with its file and line, and ends with 4."""
    folder.configure(digests__weekly=f'{WEEKLY}\nsubject = "{{title}} XXX @@DATE@@"')
    folder.post("sleep/01-one.md", "One")

    ran = folder.run("--json", "publish", "--now", "weekly")

    assert ran.code == 4
    assert [one["code"] for one in ran.data["problems"]] == [
        "edition.preflight",
        "preflight.left_over",
    ]
    assert ran.data["problems"][1]["file"] == "digests.weekly.subject"
    assert folder.outbox() == []


def test_check_and_preview_tell_warnings_too(folder: Folder) -> None:
    """Warnings stop nothing; whoever checks or looks at a letter reads them."""
    folder.configure(digests__weekly=f'{WEEKLY}\nsubject = "FREE!!! {{first}}"')
    folder.post("sleep/01-one.md", "A guide to sertraline")

    checked = folder.run("--json", "check")
    previewed = folder.run("--json", "preview", "weekly", "--out", str(folder.path / "look"))
    told = folder.run("preview", "weekly", "--out", str(folder.path / "look"))
    ran = folder.run("--json", "publish", "--now", "weekly")

    codes = {one["code"] for one in checked.data["problems"]}
    assert codes == {"preflight.loud", "preflight.health_word"}
    assert previewed.data["problems"] == checked.data["problems"]
    assert "! digests.weekly.subject  expected a subject in a calm voice" in told.err
    assert (checked.code, previewed.code, ran.code) == (0, 0, 0)
    assert ran.data["editions"][0]["state"] == "sent"


@pytest.mark.parametrize(
    ("target", "answers"),
    [
        ("/sleep/one/", True),
        ("/sleep/", True),
        ("/sleep/one/lamp.png", False),
        ("/sleep/two/x/../", False),
        ("/tags/calm/", True),
        ("/sleep/feed.rss", True),
        ("/", True),
        ("/old/", True),
        ("/feed.atom", True),
        ("/editions/weekly/9/", False),
        ("/about/", False),
        ("/sleep/two#part", False),
    ],
)
def test_links_to_the_site_must_lead_somewhere(
    folder: Folder, site: app.Site, target: str, *, answers: bool
) -> None:
    """A full text links to pages, earlier addresses and feeds of the site; others hold the edition."""
    folder.configure(digests__weekly=f'{WEEKLY}\ncontent = "full"')
    folder.post(
        "sleep/02-two.md",
        "Two",
        body=f"See [that page]({target}).\n",
        aliases="[/old]",
        tags="[calm]",
    )
    full = folder.open()
    build(app.make_workshop(full), now=SEEN)

    told = tick(full, SLOT)

    assert [problem.code for problem in told] == (
        [] if answers else ["edition.preflight", "preflight.link"]
    )


HOSTILE = """Text with <style>@import url({0});</style> and <p style="background:url({0})">a style</p>.

<!--[if mso]><v:fill src="{0}"><![endif]-->
<p style="p">quirk</p>

[x](javascript:alert(1)) <img src="{0}" alt="dot"> <iframe src="{0}"></iframe>
"""


def test_hostile_post_asks_nobody(folder: Folder, site: app.Site) -> None:
    """Whatever a post's Markdown tries, it is told or taken out, and no request is ever made."""
    folder.configure(digests__weekly=f'{WEEKLY}\ncontent = "full"')
    full = folder.open()
    with listening() as (url, visits):
        folder.post("sleep/02-two.md", "Two", date="2026-11-02", body=HOSTILE.format(url))
        build(app.make_workshop(full), now=SLOT)
        tick(full, SLOT)
        previewed = folder.run("preview", "weekly", "--out", str(folder.path / "look"))

    assert visits == []
    assert previewed.code == 0
    html = (folder.path / "look" / "letter.html").read_text("utf-8")
    assert url not in re.sub(r'href="[^"]*"', "", html)
    assert "javascript:" not in html
    assert "<iframe" not in html


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ('<style>@import url("{0}");</style>', "letter.loads"),
        ('<link rel="stylesheet" href="{0}">', "letter.loads"),
        (
            "{{% for n in range(90000) %}}{{{{ '0123456789' * 200 }}}}{{% endfor %}}",
            "letter.template",
        ),
        ('<style>p {{ margin: 0 }}</style><p style="p">x</p>', "letter.style"),
        ("{{{{ nothing }}}}", "letter.template"),
    ],
)
def test_hostile_template_fails_its_edition(
    folder: Folder, site: app.Site, source: str, code: str
) -> None:
    """A site's own template that loads, never ends or breaks the inliner fails the edition, unasked."""
    item = folder.path / "templates" / "letters" / "item.html"
    item.parent.mkdir(parents=True)
    with listening() as (url, visits):
        item.write_text(source.format(url), "utf-8")
        told = tick(folder.open(), SLOT)

    assert visits == []
    assert code in {problem.code for problem in told}
    assert all(Path(problem.path).is_file() for problem in told)
    assert [state for _, state, _ in shown(site)] == ["failed"]


def test_a_letter_too_long_says_what_to_shorten(folder: Folder, site: app.Site) -> None:
    """A letter that cannot be made short enough is held, with what weighs most in it."""
    folder.configure(
        site=f'{folder.settings["site"]}\nnotice = "{"Much to say. " * 9_000}"',
    )

    told = tick(folder.open(), SLOT)

    assert [problem.code for problem in told] == ["edition.preflight", "preflight.size"]
    assert "the largest: notice and crisis line (117,0" in told[1].hint


def test_a_letter_of_a_digest_that_is_gone_is_looked_at(site: app.Site) -> None:
    """What is frozen is looked at though the configuration has its digest no more."""
    desk, _ = app.open_desk(site, now=SLOT)
    content = editing.preview(desk, site.config.digests["weekly"], at=SLOT)
    letter = desk.letters.render(content, [post.post_id for post in content.posts])
    without = replace(desk, config=replace(site.config, digests={}))

    assert editing.inspect_letter(without, content, letter) == []
