"""Reviews: asked for, given for exact words, void by any edit, never of one's own text."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from publisher import app, writing
from publisher.errors import ContentError, NotFound, Refused
from publisher.model import ReviewAnswer, ReviewState
from publisher.publishing import build
from publisher.store import reviews
from publisher.writing import Edit, Saved
from tests.edges.test_posts_metadata import _png
from tests.flows.scenes import DAY, HOUR, MINUTE, moment

if TYPE_CHECKING:
    from tests.conftest import Folder

NOW = moment("2026-11-23 12:00")
ONE = "sleep/01-one.md"
ANN, BEN, CY = "Ann Lee", "Ben Hill", "Cy Dow, MD"


@pytest.fixture
def site(folder: Folder) -> app.Site:
    """A site where every post needs a review, with one that has none."""
    folder.post(ONE, "One", body="Take 20 mg at night.\n\nThe end.\n")
    folder.configure(review="required = true")
    return folder.open()


def _save(site: app.Site, body: str, by: str = ANN, path: str = ONE) -> Saved:
    opened = writing.open_post(site.config, path)
    saved = writing.save(
        site.config,
        site.store,
        path,
        Edit(body=body),
        began_sha256=opened.sha256,
        by=by,
        now=NOW,
    )
    assert isinstance(saved, Saved)
    return saved


def _ask(site: app.Site, reviewer: str = BEN, by: str = ANN, **facts: object) -> int:
    return writing.ask_review(
        site.config,
        site.store,
        ONE,
        reviewer=reviewer,
        by=by,
        now=NOW,
        **facts,  # type: ignore[arg-type]
    )


def _approve(site: app.Site, by: str = BEN, **facts: object) -> list[str]:
    found = writing.approve(
        site.config,
        site.store,
        ONE,
        by=by,
        now=NOW + HOUR,
        **facts,  # type: ignore[arg-type]
    )
    return [one.code for one in found]


def _state(site: app.Site) -> ReviewState:
    return writing.look(site.config, site.store, ONE).state


def _is_out(site: app.Site) -> bool:
    build(app.make_workshop(site), now=NOW + DAY)
    return (site.config.paths.output / "sleep/one/index.html").exists()


# ------------------------------------------------------------------------------------ the way of one


def test_a_post_goes_out_with_its_approval(site: app.Site) -> None:
    """Unreviewed, asked, approved: only then it is published, and all of it is remembered."""
    assert _state(site) is ReviewState.UNREVIEWED
    _save(site, "Take 25 mg at night.\n")
    _ask(site, note="The dose, please.", due_on=date(2026, 12, 1))
    assert (_state(site), _is_out(site)) == (ReviewState.ASKED, False)

    assert _approve(site, note="Right.") == []

    review = writing.look(site.config, site.store, ONE)
    assert (review.state, review.needs_review, _is_out(site)) == (ReviewState.APPROVED, True, True)
    (request,) = review.requests
    assert (request.reviewer, request.asked_by, request.note) == (BEN, ANN, "The dose, please.")
    assert (request.due_on, request.answer, request.answered_by) == (
        date(2026, 12, 1),
        ReviewAnswer.APPROVED,
        BEN,
    )
    (approval,) = review.approvals
    assert (approval.reviewer, approval.note) == (BEN, "Right.")
    assert approval.source_sha256 == review.post.source_sha256
    assert [(who, verb) for _, who, verb, _ in review.history] == [
        (ANN, "asked"),
        (BEN, "approved"),
    ]
    assert review.difference
    assert review.difference.changed == 0
    assert writing.open_requests(site.store) == []


def test_any_edit_voids_an_approval_and_is_shown_by_word(site: app.Site) -> None:
    """The approved text stays live; what changed since is told paragraph by paragraph."""
    _approve(site)
    assert _is_out(site)
    _save(site, "Take 25 mg at night.\n\nThe end.\n")

    review = writing.look(site.config, site.store, ONE)

    assert review.state is ReviewState.VOID
    assert review.difference
    assert review.difference.changed == 1
    assert [
        (run.kind, run.text)
        for one in review.difference.paragraphs
        for run in one.runs
        if run.kind != "kept"
    ] == [("deleted", "20"), ("inserted", "25")]
    build(app.make_workshop(site), now=NOW + DAY)
    page = (site.config.paths.output / "sleep/one/index.html").read_text()
    assert "20 mg" in page
    assert "25 mg" not in page


def test_an_edit_taken_back_is_approved_again(site: app.Site) -> None:
    """An approval is of words, not of a moment: the same words have it still."""
    _approve(site)
    before = writing.open_post(site.config, ONE).body
    _save(site, "Other words.\n")
    assert _state(site) is ReviewState.VOID

    _save(site, before)

    assert _state(site) is ReviewState.APPROVED


def test_an_image_voids_an_approval(site: app.Site) -> None:
    """A picture is part of what was approved."""
    _approve(site)

    added = writing.add_picture(
        site.config, site.store, ONE, name="a.png", data=_png(), alt="A", by=ANN, now=NOW
    )

    review = writing.look(site.config, site.store, added.path)
    assert review.state is ReviewState.VOID
    assert review.writers == (ANN,)


def test_changes_are_asked_for_with_a_note(site: app.Site) -> None:
    """Until the text is another one it waits for its writer; then it can be asked anew."""
    _save(site, "A draft of it.\n")
    _ask(site)
    with pytest.raises(Refused):
        writing.ask_for_changes(site.config, site.store, ONE, by=BEN, now=NOW, note=" ")

    writing.ask_for_changes(site.config, site.store, ONE, by=BEN, now=NOW, note="Too long.")

    review = writing.look(site.config, site.store, ONE)
    assert (review.state, review.requests[0].answer) == (ReviewState.CHANGES, ReviewAnswer.CHANGES)
    assert review.history[-1][1:] == (
        BEN,
        "changes",
        f"{review.post.source_sha256[:12]} Too long.",
    )
    assert not _is_out(site)
    _save(site, "Shorter.\n")
    assert _state(site) is ReviewState.UNREVIEWED
    _ask(site)
    assert _state(site) is ReviewState.ASKED


def test_a_post_that_needs_no_review_is_free(folder: Folder) -> None:
    """Only what is asked for by the site, by the post or by a person waits."""
    folder.post(ONE, "One")
    site = folder.open()
    assert _state(site) is ReviewState.FREE
    _ask(site)
    assert _state(site) is ReviewState.ASKED
    assert _is_out(site)
    folder.post(ONE, "One", reviewer=CY)
    assert writing.look(site.config, site.store, ONE).needs_review


# --------------------------------------------------------------------------------- exact words only


def test_another_text_than_was_looked_at_is_not_approved(site: app.Site) -> None:
    """What changed between looking and pressing is looked at first; so for asking for changes."""
    seen = writing.look(site.config, site.store, ONE).post.source_sha256
    _save(site, "Changed meanwhile.\n")

    with pytest.raises(Refused) as caught:
        _approve(site, source_sha256=seen)
    with pytest.raises(Refused):
        writing.ask_for_changes(
            site.config, site.store, ONE, by=BEN, now=NOW, note="No.", source_sha256=seen
        )

    assert caught.value.problems[0].code == "review.changed"
    assert _state(site) is ReviewState.UNREVIEWED
    seen = writing.look(site.config, site.store, ONE).post.source_sha256
    assert _approve(site, source_sha256=seen) == []


def test_a_draft_is_not_approved(site: app.Site, folder: Folder) -> None:
    """Taking ``draft: true`` away would void the approval; so it goes first, and that is said."""
    folder.post(ONE, "One", draft="true")

    for act in (lambda: _ask(site), lambda: _approve(site)):
        with pytest.raises(Refused) as caught:
            act()
        assert "published nowhere before" in caught.value.problems[0].hint
    folder.configure(review="required = false")
    with pytest.raises(Refused) as caught:
        _ask(folder.open())
    assert "reviewer: NAME" in caught.value.problems[0].hint


def test_what_does_not_load_is_not_approved(site: app.Site, folder: Folder) -> None:
    """A text with mistakes is told as ``check`` tells it."""
    folder.post(ONE, "One", body="![](lamp.png)\n")

    with pytest.raises(ContentError):
        _approve(site)
    with pytest.raises(NotFound):
        writing.approve(site.config, site.store, "none.md", by=BEN, now=NOW)


# ----------------------------------------------------------------------------------------- four eyes


def test_nobody_approves_their_own_text(site: app.Site) -> None:
    """Who saved exactly this text, or asked for its review, wrote it; by whatever case or title."""
    _save(site, "Mine.\n", by=CY)
    _ask(site, by=ANN)

    for own in (ANN, "ann  LEE", CY, "Cy Dow"):
        with pytest.raises(Refused) as caught:
            _approve(site, by=own)
        assert caught.value.problems[0].code == "review.own"
    assert _state(site) is ReviewState.ASKED
    assert _approve(site, by=BEN) == []


def test_two_people_are_enough(site: app.Site) -> None:
    """A wrote, B mended a comma: A saw what B did, so A may approve what both have seen."""
    _save(site, "Mine, all of it.\n", by=ANN)
    _ask(site, reviewer=BEN, by=ANN)
    _save(site, "Mine; all of it.\n", by=BEN)
    assert writing.look(site.config, site.store, ONE).writers == (BEN,)

    with pytest.raises(Refused):
        _approve(site, by=BEN)
    assert _approve(site, by=ANN) == []


def test_a_text_from_another_program_is_of_who_saved_last(site: app.Site, folder: Folder) -> None:
    """Nobody knows who edited the file: whoever saved it here before may not approve it."""
    assert writing.look(site.config, site.store, ONE).writers == ()
    _save(site, "Mine.\n", by=ANN)
    folder.post(ONE, "One", body="By another program.\n")

    assert writing.look(site.config, site.store, ONE).writers == (ANN,)
    with pytest.raises(Refused):
        _approve(site, by=ANN)


def test_whoever_works_alone_says_so(site: app.Site, folder: Folder) -> None:
    """Without four eyes one may approve one's own text; who did is recorded."""
    _save(site, "Mine.\n", by=ANN)
    folder.configure(review="required = true\nfour_eyes = false")
    alone = folder.open()

    assert _approve(alone, by=ANN) == []
    assert writing.look(alone.config, alone.store, ONE).approvals[0].reviewer == ANN


def test_an_approval_by_another_than_the_page_names_is_told(
    site: app.Site, folder: Folder
) -> None:
    """The page says who reviewed it: if that was somebody else, the one who did is told."""
    folder.post(ONE, "One", reviewer=f'"{CY}"')

    assert _approve(site, by="cy dow") == []
    assert _approve(site, by=BEN) == ["review.other"]


# ------------------------------------------------------------------------------------------ requests


def test_asking_again_overtakes_and_one_answer_answers_all(site: app.Site) -> None:
    """One open request for each reviewer; whoever answers first answers for all."""
    _ask(site, reviewer=BEN)
    _ask(site, reviewer=BEN, note="Please!")
    _ask(site, reviewer=CY)
    with pytest.raises(Refused):
        _ask(site, reviewer="  ")
    assert [(one.reviewer, one.note) for one in writing.open_requests(site.store)] == [
        (BEN, "Please!"),
        (CY, ""),
    ]

    _approve(site, by=CY)

    requests = writing.look(site.config, site.store, ONE).requests
    assert [(one.answer, one.answered_by) for one in requests] == [
        (ReviewAnswer.OVERTAKEN, ""),
        (ReviewAnswer.APPROVED, CY),
        (ReviewAnswer.APPROVED, CY),
    ]


def test_a_link_works_once_and_for_three_days(site: app.Site) -> None:
    """Looking at it uses nothing up; using it does, and neither works late, twice or by guessing."""
    asked = _ask(site)
    token = writing.make_link(site.store, asked, make_token=lambda: "secret", now=NOW)

    late = NOW + timedelta(hours=writing.LINK_HOURS)
    assert writing.peek_link(site.store, token, now=late - MINUTE).id == asked
    for wrong, now in ((token, late), ("other", NOW), ("", NOW)):
        with pytest.raises(NotFound):
            writing.peek_link(site.store, wrong, now=now)
    found = writing.use_link(site.store, token, now=NOW)
    assert (found.id, found.reviewer, found.path) == (asked, BEN, ONE)
    for use in (writing.use_link, writing.peek_link):
        with pytest.raises(NotFound):
            use(site.store, token, now=NOW)
    again = writing.make_link(site.store, asked, make_token=lambda: "another", now=NOW)
    with pytest.raises(NotFound):
        writing.use_link(site.store, again, now=late)


def test_a_link_ends_with_its_request_and_is_not_kept(site: app.Site) -> None:
    """An answer ends it; the database holds only what it hashes to; a second link ends the first."""
    asked = _ask(site)
    first = writing.make_link(site.store, asked, make_token=lambda: "first", now=NOW)
    second = writing.make_link(site.store, asked, make_token=lambda: "second", now=NOW)
    with pytest.raises(NotFound):
        writing.peek_link(site.store, first, now=NOW)

    _approve(site)

    with pytest.raises(NotFound):
        writing.peek_link(site.store, second, now=NOW)
    with site.store.read() as tx:
        assert reviews.find_by_token(tx, second, now=NOW) is None


# -------------------------------------------------------------------------------------------- command


def test_a_review_can_be_given_by_command(folder: Folder) -> None:
    """A practice without a console asks, lists and approves by ``publisher review``."""
    folder.post(ONE, "One", reviewer="Ben Hill")
    waiting = folder.json("check")["problems"]
    assert [one["code"] for one in waiting] == ["post.unreviewed"]
    assert waiting[0]["hint"].startswith("It waits. publisher review approve sleep/01-one.md")

    asked = folder.json(
        "review", "ask", "sleep/one", "--of", BEN, "--by", ANN, "--due", "2026-12-24"
    )
    assert (asked["reviewer"], asked["asked_by"], asked["due_on"]) == (BEN, ANN, "2026-12-24")
    listed = folder.json("review", "ls")
    assert [(one["path"], one["state"], one["asked"]) for one in listed] == [
        (f"posts/{ONE}", "asked", [BEN])
    ]
    assert folder.run("review", "ls").out.splitlines()[0].startswith(f"posts/{ONE}  asked")

    shown = folder.run("review", "show", "sleep/one")
    assert shown.code == 0
    refused = folder.run("review", "approve", "sleep/one", "--by", ANN)
    assert (refused.code, "somebody who did not write" in refused.err) == (5, True)
    done = folder.run("review", "approve", ONE, "--by", BEN, "--note", "Fine.")
    assert (done.code, done.out) == (0, f"Approved posts/{ONE} as it is now. Any edit voids it.\n")

    assert folder.json("check")["problems"] == []
    assert folder.json("review", "ls") == []


def test_changes_are_asked_for_by_command_and_the_difference_is_shown(folder: Folder) -> None:
    """``show`` marks what went and what came since the text that was approved."""
    folder.post(ONE, "One", reviewer=BEN, body="Take 20 mg at night.\n")
    folder.run("review", "approve", ONE, "--by", BEN)
    folder.post(ONE, "One", reviewer=BEN, body="Take 25 mg at night.\n")

    assert "Take [-20-]{+25+} mg at night." in folder.run("review", "show", ONE).out
    done = folder.run("review", "changes", ONE, "--by", BEN, "--note", "20, surely.")
    assert (done.code, folder.json("review", "show", ONE)["state"]) == (0, "changes")
    assert folder.json("review", "ls")[0]["state"] == "changes"
    assert folder.run("review", "approve", "none").code == 7
