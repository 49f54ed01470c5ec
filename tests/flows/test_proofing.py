"""A text that is not saved: what is wrong in it, and how it would look wherever it appears."""

from __future__ import annotations

from typing import TYPE_CHECKING

import feedparser
import pytest
from lxml import html as lxml_html

from publisher import app, writing
from publisher.errors import NotFound
from publisher.model import Verdict
from publisher.publishing import build
from tests.edges.test_posts_metadata import _png
from tests.flows.scenes import moment

if TYPE_CHECKING:
    from tests.conftest import Folder

NOW = moment("2026-11-23 12:00")
ONE, TWO = "sleep/01-one.md", "sleep/02-two.md"


@pytest.fixture
def site(folder: Folder) -> app.Site:
    """A series with a published part, a draft for the future, and a site that reviews."""
    folder.post(ONE, "One", date="2026-11-01")
    folder.post(TWO, "Two", date="2027-01-01", draft="true")
    folder.configure(review="required = true")
    return folder.open()


def _text(body: str, *front: str, title: str = "Two") -> bytes:
    lines = "\n".join([f"title: {title}", "date: 2027-01-01", "draft: true", *front])
    return f"---\n{lines}\n---\n\n{body}".encode()


def _proof(site: app.Site, data: bytes, path: str = TWO) -> app.Proof:
    return app.proof_text(site, path, data, now=NOW)


def test_a_text_that_is_not_saved_is_told_its_mistakes(site: app.Site, folder: Folder) -> None:
    """The same problems as ``check`` has of the file, with the line in the editor."""
    data = _text("Words.\n\n![](lamp.png) and [^9] and [three](03-three.md)\n", "tagz: [a]")

    proof = _proof(site, data)

    (folder.path / "posts" / TWO).write_bytes(data)
    checked = [one for one in app.check_site(site, now=NOW) if one.path == f"posts/{TWO}"]
    assert list(proof.problems) == checked
    assert [(one.code, one.line, proof.line_in_body(one)) for one in proof.problems] == [
        ("post.unknown_key", 5, None),
        ("post.alt", 10, 3),
        ("post.footnote", 10, 3),
        ("post.image", 10, 3),
        ("post.link", 10, 3),
    ]
    assert proof.post is None
    assert "<p>Words.</p>" in proof.body.html
    for show in (app.show_page, app.show_entry):
        with pytest.raises(NotFound):
            show(site, proof)


def test_a_live_preview_never_fails(site: app.Site) -> None:
    """Half a front matter, none at all, too deep: what can be read is shown, and it is safe."""
    for data in (b"no front matter *yet*", b"---\ntitle: [\n---\n*yet*", b"---\ntitle: a\n*yet*"):
        assert "<em>yet</em>" in _proof(site, data).body.html
    assert (
        _proof(site, _text("<script>alert(1)</script>\n\n*a*\n")).body.html.strip()
        == "<p><em>a</em></p>"
    )
    assert _proof(site, _text("> " * 200 + "deep\n")).body.html == ""


def test_a_proof_says_what_would_become_of_the_post(site: app.Site) -> None:
    """A draft stays one, a text without an approval waits; neither is a mistake."""
    draft = _proof(site, _text("Words.\n"))
    waiting = _proof(
        site, _text("Words.\n").replace(b"draft: true\n", b"").replace(b"2027", b"2026")
    )

    assert draft.ruling
    assert draft.ruling.verdict is Verdict.DRAFT
    assert waiting.ruling
    assert waiting.ruling.verdict is Verdict.UNREVIEWED
    assert [one.code for one in (*draft.problems, *waiting.problems) if one.level == "error"] == []


def test_a_proof_finds_what_clashes_with_others(site: app.Site, folder: Folder) -> None:
    """A number that another part has is told before the text is saved; so is what is left over."""
    folder.configure(review="required = false")
    build(app.make_workshop(folder.open()), now=NOW)
    text = _text("Words.\n", "part: 1").replace(b"draft: true\n", b"").replace(b"2027", b"2026")

    doubled = _proof(folder.open(), text)
    left_over = _proof(site, _text("Words.\n\nMore of them, TODO.\n"))

    assert [(one.code, one.path) for one in doubled.problems] == [
        ("series.double_part", f"posts/{TWO}")
    ]
    assert [(one.code, left_over.line_in_body(one)) for one in left_over.problems] == [
        ("preflight.left_over", 3)
    ]


def test_a_post_is_seen_as_a_page_before_it_is_saved(site: app.Site) -> None:
    """With its place in the series and its neighbours, as if it were out; nothing is written."""
    writing.approve(site.config, site.store, ONE, by="Ben", now=NOW)
    before = (site.config.paths.posts / TWO).read_bytes()

    page = lxml_html.document_fromstring(
        app.show_page(site, _proof(site, _text("New *words*.\n")))
    )

    words = " ".join("".join(map(str, page.itertext())).split())
    assert "New words." in words
    assert "Part 2 of 2" in words
    assert page.xpath("//a[@rel='prev']/@href")
    assert (site.config.paths.posts / TWO).read_bytes() == before
    build(app.make_workshop(site), now=NOW)
    assert not (site.config.paths.output / "sleep/two/index.html").exists()


def test_a_post_is_seen_as_a_feed_entry(site: app.Site) -> None:
    """The Atom that readers would get of it alone, and its entry as they show it."""
    writing.approve(site.config, site.store, ONE, by="Ben", now=NOW)

    atom, entry = app.show_entry(site, _proof(site, _text("New *words*.\n", title="Two, new")))

    parsed = feedparser.parse(atom)
    assert [one.title for one in parsed.entries] == ["Two, new"]
    assert "New <em>words</em>." in entry
    assert "Part 2 of 2" in entry


def test_a_post_is_seen_as_a_letter(site: app.Site) -> None:
    """HTML, text, headers and size of the digest's letter with this post, its links inert."""
    data = _text("New *words*.\n", "summary: What is new.", title="Two, new")
    digest = site.config.digests["weekly"]

    seen = app.show_mail(site, _proof(site, data), digest, data, now=NOW)

    assert seen.subject == "Weekly letter: Two, new"
    assert "What is new." in seen.html
    assert "What is new." in seen.text
    headers = dict(seen.headers)
    assert headers["Subject"] == seen.subject
    assert "List-Unsubscribe" in headers
    assert len(seen.html.encode()) <= seen.octets
    assert seen.html_octets > 0
    assert seen.problems == ()
    panic = _text("Words.\n", title="PANIC!!!")
    loud = app.show_mail(site, _proof(site, panic), digest, panic, now=NOW)
    assert "preflight.loud" in {one.code for one in loud.problems}


def test_a_new_post_with_images_is_proofed(site: app.Site) -> None:
    """A path that is not there yet is one; images beside the text are seen."""
    fresh = _proof(site, _text("Words.\n", title="Three"), "worry/01-three.md")
    assert fresh.post
    assert (fresh.post.location, fresh.problems) == ("worry/three", ())

    added = writing.add_picture(
        site.config, site.store, TWO, name="a.png", data=_png(), alt="A", by="Ann", now=NOW
    )
    proof = _proof(site, _text("![A](a.png)\n"), added.path)
    assert proof.problems == ()
    assert 'src="/sleep/two/a.png"' in proof.body.html


def test_a_withdrawn_post_is_seen_as_it_was(site: app.Site, folder: Folder) -> None:
    """What was taken back can still be looked at by staff."""
    writing.approve(site.config, site.store, ONE, by="Ben", now=NOW)
    build(app.make_workshop(site), now=NOW)
    folder.run("withdraw", "sleep/one")
    data = (site.config.paths.posts / ONE).read_bytes()

    proof = _proof(site, data, ONE)

    assert proof.ruling
    assert proof.ruling.verdict is Verdict.WITHDRAWN
    assert "Text of One" in app.show_page(site, proof)
