"""Comments on paragraphs, the checklist, and a few changes approved by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from publisher import app, staffing, writing
from publisher.errors import NotFound, Refused
from publisher.model import ReviewState, Role
from tests.flows.scenes import HOUR, moment

if TYPE_CHECKING:
    from publisher.model import Comment
    from tests.conftest import Folder

NOW = moment("2026-11-23 12:00")
ONE = "sleep/01-one.md"
ANN, BEN = "Ann Lee", "Ben Hill"
LIST = ("Sources are read", "The dose is right")
BODY = "Take 20 mg at night, with water.\n\nThe end of it all.\n"


@pytest.fixture
def site(folder: Folder) -> app.Site:
    """A site where every post needs a review, with a list of two to tick."""
    folder.post(ONE, "One", body=BODY)
    folder.configure(review=f"required = true\nchecklist = {list(LIST)}")
    return folder.open()


def _comment(site: app.Site, place: int = 0, text: str = "20?", **facts: Any) -> int:
    post = writing.look(site.config, site.store, ONE).post
    return writing.comment(
        site.config,
        site.store,
        ONE,
        text,
        **({"source_sha256": post.source_sha256, "words": ""} | facts),
        place=place,
        by=BEN,
        now=NOW,
    )


def _read(site: app.Site) -> tuple[list[tuple[str, list[str]]], list[str]]:
    """Return each paragraph with its comments, and the comments on what is gone."""
    review = writing.look(site.config, site.store, ONE)
    data = writing.open_post(site.config, ONE).data
    reading = writing.read_text(site.config, ONE, data, review.comments)
    blocks = [(block.words, [one.text for one in said]) for block, said in reading.blocks]
    return [one for one in blocks if one[0]], [one.text for one in reading.gone]


def _only(site: app.Site) -> Comment:
    (one,) = writing.look(site.config, site.store, ONE).comments
    return one


def _approve(site: app.Site, **facts: Any) -> None:
    writing.approve(site.config, site.store, ONE, by=BEN, now=NOW + HOUR, **facts)


def test_a_comment_goes_with_its_paragraph(site: app.Site, folder: Folder) -> None:
    """At its paragraph, at the same after an edit and a move, on changed text once that is gone."""
    _comment(site)
    first = _read(site)
    folder.post(
        ONE, "One", body="New.\n\nThe end of it all.\n\nTake 25 mg at night, with water.\n"
    )
    moved = _read(site)
    folder.post(ONE, "One", body="New.\n")

    assert first == (
        [("Take 20 mg at night, with water.", ["20?"]), ("The end of it all.", [])],
        [],
    )
    assert moved[0][2] == ("Take 25 mg at night, with water.", ["20?"])
    assert _read(site) == ([("New.", [])], ["20?"])


def test_a_comment_on_a_text_that_was_edited_meanwhile_is_kept(
    site: app.Site, folder: Folder
) -> None:
    """It is about the text that was looked at, and found in the other one by its words."""
    before = writing.look(site.config, site.store, ONE).post.source_sha256
    folder.post(ONE, "One", body="Begin.\n\nThe end of it all.\n")

    _comment(site, 1, source_sha256=before, words="The end of it all.")

    assert (_only(site).source_sha256, _read(site)[0][1][1]) == (before, ["20?"])
    with pytest.raises(NotFound):
        _comment(site, 0, source_sha256="no digest", words="x")


def test_a_comment_is_answered_settled_and_opened_again(site: app.Site) -> None:
    """Each stands in the history, and the list of what waits counts those that are open."""
    number = _comment(site)

    def act(text: str = "", **facts: Any) -> None:
        writing.answer_comment(
            site.config, site.store, ONE, number, text, by=ANN, now=NOW + HOUR, **facts
        )

    act("As in the source.", settled=True)
    settled = _only(site)
    act(settled=False)
    with pytest.raises(Refused):
        act(" ")

    assert [(one.by, one.text) for one in settled.replies] == [(ANN, "As in the source.")]
    assert (settled.settled_by, settled.settled_at) == (ANN, NOW + HOUR)
    review = writing.look(site.config, site.store, ONE)
    assert (review.open_comments, [verb for *_, verb, _ in review.history]) == (
        1,
        ["commented", "answered", "settled", "reopened"],
    )
    (waiting,) = writing.list_waiting(site.config, site.store, [review.post])
    assert waiting.open_comments == 1


def test_nothing_said_too_much_and_nowhere_are_refused(site: app.Site) -> None:
    """A comment has words, a bound and a paragraph of this post."""
    for text in ("  ", "x" * (writing.MOST_SAID + 1), "a\0b"):
        with pytest.raises(Refused):
            _comment(site, text=text)
    for place in (-1, 99):
        with pytest.raises(NotFound):
            _comment(site, place)
    with pytest.raises(NotFound):
        writing.answer_comment(site.config, site.store, ONE, 1, "x", by=ANN, now=NOW)
    assert writing.look(site.config, site.store, ONE).comments == ()


def test_changes_are_asked_for_by_comments_alone_and_mailed(
    site: app.Site, folder: Folder
) -> None:
    """Who asked for the review gets the number of the comments and their first words, by mail."""
    staffing.add(site.store, "ann@example.org", name=ANN, roles=[Role.AUTHOR], by="test", now=NOW)
    writing.ask_review(site.config, site.store, ONE, reviewer=BEN, by=ANN, now=NOW)
    facts: dict[str, Any] = {"by": BEN, "now": NOW + HOUR}
    with pytest.raises(Refused):
        writing.ask_for_changes(site.config, site.store, ONE, note="", **facts)
    _comment(site, text="The dose is\n\nnot that of the source, as far as I can see. " * 3)

    told = writing.ask_for_changes(site.config, site.store, ONE, note="", **facts)
    review = writing.look(site.config, site.store, ONE)
    mailed = app.mail_changes(
        site, told, title="One", note="", comments=review.comments, target="/console/", **facts
    )

    (mail,) = folder.outbox()
    text = mail.read_text("utf-8").replace("=\n", "")
    assert (told, mailed, review.state) == ((ANN,), [ANN], ReviewState.CHANGES)
    assert "Ben Hill asks you for changes" in text and "1 comment is open:" in text
    assert "The dose is not that of the source" in text and text.count("far as I can") < 3


# --------------------------------------------------------------------------------------- checklist


def test_every_item_is_ticked_and_its_words_are_kept(site: app.Site, folder: Folder) -> None:
    """What is missing is named and nothing is approved; what was ticked stays as it was worded."""
    with pytest.raises(Refused) as refused:
        _approve(site, ticked=[LIST[1], "Something else"])
    before = writing.look(site.config, site.store, ONE).state
    _approve(site, ticked=[*LIST, "Something else"], note="Fine.")
    folder.configure(review='required = true\nchecklist = ["Another"]')

    review = writing.look(site.config, folder.open().store, ONE)
    assert refused.value.problems[0].got == f"1 not ticked: {LIST[0]}"
    assert before is ReviewState.UNREVIEWED
    assert (review.state, review.approvals[0].checked) == (ReviewState.APPROVED, LIST)
    assert review.history[-1][-1].endswith(f" Fine. Ticked: {'; '.join(LIST)}.")


def test_the_command_affirms_the_list_and_says_so(site: app.Site, folder: Folder) -> None:
    """``review approve`` works as ever; the items are named, kept, and told with comments as JSON."""
    _comment(site)
    done = folder.run("review", "approve", ONE, "--by", BEN)
    shown = folder.json("review", "show", ONE)

    assert (done.code, f"By this you affirmed: {'; '.join(LIST)}." in done.err) == (0, True)
    assert shown["approvals"][0]["checked"] == list(LIST)
    assert "Affirmed by the command" in shown["history"][-1]["detail"]
    assert [(one["by"], one["text"], one["on"][:4]) for one in shown["comments"]] == [
        (BEN, "20?", "Take")
    ]
    assert f"{BEN}: 20?" in folder.run("review", "show", ONE).out


def test_a_few_changes_are_approved_by_themselves(site: app.Site, folder: Folder) -> None:
    """A typo takes one tap and says what it was; more paragraphs than a few take the whole list."""

    def edit(body: str) -> writing.Review:
        folder.post(ONE, "One", body=body)
        return writing.look(site.config, site.store, ONE)

    first = edit(BODY)
    assert first.changes_since == ""
    _approve(site, ticked=LIST)
    typo = edit(BODY.replace("20", "25"))
    assert typo.changes_since == first.post.source_sha256
    _approve(site, ticked=(), changes_since=typo.changes_since)
    done = writing.look(site.config, site.store, ONE)
    again = edit(BODY.replace("20", "25").replace("end", "end,"))
    many = edit("".join(f"Paragraph {n} is new.\n\n" for n in range(4)))
    with pytest.raises(Refused):
        _approve(site, ticked=(), changes_since=typo.post.source_sha256)

    approval = done.approvals[-1]
    assert (done.state, approval.checked) == (ReviewState.APPROVED, ())
    assert approval.changes_since == first.post.source_sha256
    assert done.history[-1][-1].endswith("alone.")
    assert again.changes_since == typo.post.source_sha256
    assert (many.state, many.changes_since) == (ReviewState.VOID, "")


def test_a_longer_list_or_another_picture_asks_for_the_whole(
    site: app.Site, folder: Folder
) -> None:
    """What was not affirmed then, or is not shown as a change, is not approved with one tap."""
    _approve(site, ticked=LIST)
    folder.post(ONE, "One", body=BODY.replace("20", "25"))
    folder.configure(review=f"required = true\nchecklist = {[*LIST, 'One more']}")
    longer = folder.open()
    listed = writing.look(longer.config, longer.store, ONE).changes_since

    path = "sleep/02-two/index.md"
    folder.post(path, "Two", body="![Moon](moon.png)\n\nText.\n")
    picture = folder.path / "posts/sleep/02-two/moon.png"
    picture.write_bytes(b"one")
    writing.approve(site.config, site.store, path, by=BEN, now=NOW)
    picture.write_bytes(b"another")
    folder.post(path, "Two", body="![Moon](moon.png)\n\nTexts.\n")

    review = writing.look(site.config, site.store, path)
    assert (listed, review.state, review.changes_since) == ("", ReviewState.VOID, "")
