"""Posts in the console: begun, saved as the same file, never over another's words, and reviewed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from lxml import html

from publisher.model import Role
from tests.hostile import PIXEL as PNG
from tests.web.conftest import heading, problems

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.web.conftest import Desk

WORRY = "sleep/01-worry.md"
EDIT, PROOF, REVIEW = (f"/console/posts/{verb}/{WORRY}" for verb in ("edit", "proof", "review"))


@pytest.fixture
def client(desk: Desk) -> Iterator[httpx.Client]:
    """Somebody who may do everything."""
    with desk.visit(desk.add("Grey", *Role)) as one:
        yield one


def _said(reply: httpx.Response) -> str:
    page: Any = html.fromstring(reply.text)
    return " ".join(" ".join(one.text_content().split()) for one in page.cssselect(".said"))


def _form(reply: httpx.Response) -> dict[str, str]:
    page: Any = html.fromstring(reply.text)
    return dict(page.cssselect("#editor")[0].form_values())


def _file(desk: Desk, path: str = WORRY) -> str:
    return (desk.folder.path / "posts" / path).read_text("utf-8")


def test_a_post_is_begun_and_written(desk: Desk, client: httpx.Client) -> None:
    """A draft with the next number of its series; saved, the file is what was typed; then it is out."""
    begun = client.post(
        "/console/posts/new", data={"title": "Rest by day", "series": "sleep"}
    ).headers["location"]
    fields = _form(client.get(begun))
    saved = client.post(begun, data={**fields, "body": "A new text.\r\n", "summary": "In short."})
    listed = client.get("/console/posts")
    fields = _form(client.get(begun))
    del fields["draft"]
    client.post(begun, data=fields)
    again = client.get("/console/posts")

    assert begun == "/console/posts/edit/sleep/02-rest-by-day.md"
    assert saved.headers["location"] == begun
    text = _file(desk, "sleep/02-rest-by-day.md")
    assert "title: Rest by day" in text and "summary: In short." in text
    assert text.endswith("A new text.\n")
    assert "draft" not in text
    assert re.search(r"Rest by day</a></th><td><span class=\"state draft\">draft", listed.text)
    assert re.search(r"Rest by day</a></th><td><span class=\"state sent\">published", again.text)


def test_saving_without_a_change_writes_nothing(desk: Desk, client: httpx.Client) -> None:
    """What is sent as it was opened leaves the file as it is, octet for octet."""
    before = _file(desk)
    client.post(EDIT, data=_form(client.get(EDIT)))

    assert _file(desk) == before
    assert "nothing was written" in _said(client.get(EDIT))


def test_a_file_that_changed_is_never_written_over(desk: Desk, client: httpx.Client) -> None:
    """Both texts are shown, and together; saved from there, the file has both changes."""
    fields = _form(client.get(EDIT))
    theirs = _file(desk).replace("a sentence to read", "another sentence")
    (desk.folder.path / "posts" / WORRY).write_text(theirs, "utf-8")
    conflict = client.post(EDIT, data={**fields, "title": "Worry, edited here"})
    page: Any = html.fromstring(conflict.text)
    (form,) = page.cssselect("main form")
    merged = dict(form.form_values())
    kept = _file(desk)
    merged["text"] = kept.replace("Worry at night", "Worry, edited here", 1)
    saved = client.post(EDIT, data=merged)

    assert (conflict.status_code, heading(conflict)) == (
        409,
        "Somebody else changed this file meanwhile",
    )
    assert "another sentence" in conflict.text and "Worry, edited here" in conflict.text
    assert kept == theirs
    assert saved.status_code == 303
    assert "another sentence" in _file(desk) and "Worry, edited here" in _file(desk)


def test_what_cannot_be_a_post_comes_back_as_typed(desk: Desk, client: httpx.Client) -> None:
    """The file stays, the form keeps the words, and what is wrong is said."""
    before = _file(desk)
    reply = client.post(
        EDIT,
        data={"whole": "1", "text": "---\ntitle: [\n---\nWords of mine", "began": "0" * 64},
    )

    assert reply.status_code in {409, 422}
    assert "Words of mine" in reply.text
    assert _file(desk) == before


def test_words_are_kept_while_they_are_typed(desk: Desk, client: httpx.Client) -> None:
    """A script keeps them apart from the file; a colleague sees that somebody writes."""
    fields = _form(client.get(EDIT))
    kept = client.post(
        f"/console/posts/keep/{WORRY}", data={"body": "Half a", "began": fields["began"]}
    )
    stale = client.post(f"/console/posts/keep/{WORRY}", data={"body": "x", "began": "0" * 64})
    again = client.get(EDIT)
    with desk.visit(desk.add("Bo", Role.AUTHOR)) as other:
        seen = other.get(EDIT)

    assert (kept.text, stale.text) == ("kept", "changed")
    assert "Words of yours were kept" in again.text and "Half a" in again.text
    assert "Grey is writing here too" in seen.text
    assert "Half a" not in _file(desk)


def test_a_text_is_shown_while_it_is_typed(client: httpx.Client) -> None:
    """Markdown becomes HTML that is safe; rich text becomes Markdown."""
    shown = client.post(
        f"/console/posts/body/{WORRY}", data={"body": "**Bold** <script>alert(1)</script>"}
    )
    pasted = client.post(
        "/console/posts/paste", data={"html": "<h2>Sleep</h2><p>It <b>helps</b>.</p>"}
    )

    assert "<strong>Bold</strong>" in shown.text and "<script" not in shown.text
    assert "sandbox" in shown.headers["content-security-policy"]
    assert "## Sleep" in pasted.text and "It **helps**." in pasted.text


def test_a_picture_needs_words(desk: Desk, client: httpx.Client) -> None:
    """Without what it shows it is refused, and so is what is no picture; with it, it lies beside."""
    where = f"/console/posts/picture/{WORRY}"
    bare = client.post(where, data={"alt": " "}, files={"picture": ("moon.png", PNG)})
    wrong = client.post(where, data={"alt": "x"}, files={"picture": ("../../x.svg", b"<svg/>")})
    added = client.post(where, data={"alt": "The moon"}, files={"picture": ("moon.png", PNG)})
    page = client.get(added.headers["location"])

    assert (bare.status_code, wrong.status_code) == (422, 422)
    assert "![The moon](" in _said(page)
    assert not list(desk.folder.path.rglob("x.svg"))
    assert len(list((desk.folder.path / "posts").rglob("*.png"))) == 1


@pytest.mark.parametrize(
    "path", ["../config.toml", "..%2fconfig.toml", "/etc/passwd", "%2e%2e/config.toml", "none.md"]
)
@pytest.mark.parametrize("verb", ["edit", "proof", "frame", "review"])
def test_no_path_leads_out_of_the_posts(client: httpx.Client, verb: str, path: str) -> None:
    """Whatever is not a post is not there, to look at or to write."""
    assert client.get(f"/console/posts/{verb}/{path}").status_code == 404
    assert client.post(f"/console/posts/edit/{path}", data={"body": "x"}).status_code == 404


def test_a_post_is_looked_at_in_every_way(client: httpx.Client) -> None:
    """As page, letter, text, feed entry and headers, with what is to be mended."""
    pages = [client.get(PROOF, params={"view": view}) for view in ("page", "text", "headers")]
    frames = [
        client.get(f"/console/posts/frame/{WORRY}", params={"view": view})
        for view in ("page", "letter", "entry")
    ]

    assert [one.status_code for one in pages + frames] == [200] * 6
    assert "Worry at night" in pages[1].text and "List-Unsubscribe" in pages[2].text
    assert all("Worry at night" in one.text or "sentence" in one.text for one in frames)
    assert all("sandbox" in one.headers["content-security-policy"] for one in frames)


def test_parts_are_moved_by_buttons(desk: Desk, client: httpx.Client) -> None:
    """Two parts change places; gaps are told and closed; the files say so."""
    desk.folder.post("sleep/02-rest.md", "Rest by day")
    desk.folder.post("sleep/05-light.md", "Light")
    shown = client.get("/console/series/sleep")
    client.post("/console/series/sleep", data={"move": "down:sleep/01-worry.md"})
    moved = client.get("/console/series/sleep")
    client.post("/console/series/sleep", data={"move": "close"})
    closed = client.get("/console/series/sleep")

    assert "Nothing at part 3, 4 yet" in shown.text
    assert moved.text.index("Rest by day") < moved.text.index("Worry at night")
    assert "Nothing at part" not in closed.text
    assert client.get("/console/series/none").status_code == 404


# ----------------------------------------------------------------------------------------- reviews


def test_a_review_goes_from_asking_to_these_words(desk: Desk, client: httpx.Client) -> None:
    """Asked by mail whose link leads there; approved as looked at; an edit voids it and is shown."""
    desk.folder.configure(review="required = true")
    from publisher.engine import clock  # noqa: PLC0415 - a second server, with other settings
    from tests.servers import visited  # noqa: PLC0415

    reviewer = desk.add("Chen", Role.REVIEWER)
    with visited(desk.folder, clock.now) as site:
        site.headers["Sec-Fetch-Site"] = "same-origin"
        site.cookies.update(client.cookies)
        asked = site.post(
            f"/console/posts/ask/{WORRY}",
            data={"reviewer": str(reviewer.id), "title": "Worry at night", "note": "The doses?"},
        )
        said = _said(site.get(REVIEW))
        mail = max(desk.folder.outbox(), key=lambda one: one.stat().st_mtime)
        found = re.search(r"/console/link/[\w-]+", mail.read_text("utf-8").replace("=\n", ""))
        assert found
        with httpx.Client(base_url=site.base_url, headers=site.headers) as other:
            came = other.post(found[0])
            looked = other.get(came.headers["location"])
            sha256 = re.search(r'name="sha256" value="(\w{64})"', looked.text)
            assert sha256
            mine = other.get("/console/reviews")
            ticks = re.findall(r'name="ticked" value="([^"]+)"', looked.text)
            some = other.post(
                f"/console/posts/approve/{WORRY}",
                data={"sha256": sha256[1], "note": "Well read.", "ticked": ticks[1:]},
            )
            done = other.post(
                f"/console/posts/approve/{WORRY}", data={"sha256": sha256[1], "ticked": ticks}
            )
            approved = other.get(REVIEW)
            desk.folder.post(WORRY, "Worry at night", body="Other words, by night.\n")
            void = other.get(REVIEW)
            late = other.post(f"/console/posts/approve/{WORRY}", data={"sha256": sha256[1]})
            changes = other.post(
                f"/console/posts/changes/{WORRY}", data={"sha256": "0" * 64, "note": "No."}
            )

    assert asked.status_code == 303
    assert said == "Chen is asked, and mailed a link that leads here."
    assert came.headers["location"] == REVIEW
    assert heading(mine) == "1 post waits for you"
    assert "The doses?" in looked.text
    assert (some.status_code, len(ticks)) == (409, 4)
    assert f"1 not ticked: {ticks[0]}." in problems(some)
    assert "Well read.</textarea>" in some.text
    assert some.text.count(" checked>") == 3
    assert done.status_code == 303
    assert "These words are approved." in approved.text
    assert f"Ticked: {'; '.join(ticks)}." in approved.text
    assert "that approval is void" in void.text
    assert "<ins>" in void.text and "<del>" in void.text
    assert (late.status_code, changes.status_code) == (409, 409)
    assert "edited meanwhile" in problems(late)


def test_nobody_approves_their_own_words(desk: Desk, client: httpx.Client) -> None:
    """Who saved the text here is told that somebody else approves it, and is refused."""
    fields = _form(client.get(EDIT))
    client.post(EDIT, data={**fields, "body": "My own words.\n"})
    page = client.get(REVIEW)
    sha256 = re.search(r'name="sha256" value="(\w{64})"', page.text)
    assert sha256
    reply = client.post(f"/console/posts/approve/{WORRY}", data={"sha256": sha256[1]})

    assert "Here somebody else approves them." in page.text
    assert reply.status_code == 409


def test_a_refused_comment_is_still_typed_and_roles_are_asked_for(desk: Desk) -> None:
    """What is too long is told and stays in its box; who neither writes nor reviews has no box."""
    reader, reviewer = desk.add("Pia", Role.PUBLISHER), desk.add("Chen", Role.REVIEWER)
    with desk.visit(reader) as client:
        looked = client.get(REVIEW)
    with desk.visit(reviewer) as client:
        fields = dict(
            re.findall(r'name="(sha256|place|words)" value="([^"]*)"', client.get(REVIEW).text)
        )
        long = client.post(
            f"/console/posts/comment/{WORRY}", data={**fields, "text": "word " * 1000}
        )
        said = client.post(
            f"/console/posts/comment/{WORRY}", data={**fields, "text": "<b>Which</b> night?"}
        )
        shown = client.get(said.headers["location"])
        settled = client.post(
            f"/console/posts/answer/{WORRY}",
            data={"comment": "1", "text": "Every night.", "mark": "settle"},
        )
        after = client.get(REVIEW)
        unknown = [
            client.post(f"/console/posts/answer/{WORRY}", data={"comment": one, "text": "x"})
            for one in ("2", "x", "9" * 30)
        ]
        nowhere = client.post(
            f"/console/posts/comment/{WORRY}", data={**fields, "place": "99", "text": "x"}
        )

    assert "Comment</summary>" not in looked.text
    assert long.status_code == 422 and "word word" in long.text
    assert 'class="say" open' in long.text
    assert said.headers["location"] == f"{REVIEW}#comment-1"
    assert "&lt;b&gt;Which&lt;/b&gt; night?" in shown.text and "1 comment is open" in shown.text
    assert settled.status_code == 303
    assert "Every night." in after.text and "comment is open" not in after.text
    assert [one.status_code for one in (*unknown, nowhere)] == [404] * 4
