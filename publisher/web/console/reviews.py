"""Reviews: asked for, given of these exact words, or changes asked for."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from publisher import app, staffing, writing
from publisher.errors import PublisherError, Refused
from publisher.model import Role
from publisher.pages.console import ROOT
from publisher.web.console.asking import Ask, Moved, Page, unknown
from publisher.web.console.posts import page_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from publisher.errors import Problem
    from publisher.web.console.asking import Answer


_MARKS = {"settle": True, "open": False}
_MOST_DIGITS = 10


def _page(path: str) -> str:
    return page_of(path, "review")


def show_all(ask: Ask) -> Answer:
    """Show what waits for a review, one's own first."""
    _, shelf = ask.survey.open(ask.now)
    waiting = writing.list_waiting(ask.site.config, ask.site.store, shelf.sources.posts)
    mine = [one for one in waiting if any(ask.by == asked.reviewer for asked in one.asked)]
    return Page(
        name="reviews",
        section="posts",
        values={
            "mine": mine,
            "others": [one for one in waiting if one not in mine],
            "page": page_of,
        },
    )


def show(ask: Ask) -> Answer:
    """Show a post's exact text with what changed since the last approval, to say a word on it."""
    return _show(ask)


def _show(ask: Ask, problems: Sequence[Problem] = (), status: int = 409) -> Page:
    path = ask.parts["path"]
    review = writing.look(ask.site.config, ask.site.store, path)
    opened = writing.open_post(ask.site.config, path)
    reading = writing.read_text(ask.site.config, path, opened.data, review.comments)
    staff = staffing.list_staff(ask.site.store)
    settings = ask.site.config.review
    return Page(
        name="review",
        section="posts",
        status=status if problems else 200,
        problems=problems,
        values={
            "review": review,
            "path": path,
            "reading": reading,
            "checklist": settings.checklist,
            "ticked": frozenset(ask.form.get("ticked", ())),
            "typed": _typed(ask),
            "most_said": writing.MOST_SAID,
            "page": page_of,
            "where": _page(path),
            "reviewers": [one for one in staff if Role.REVIEWER in one.roles],
            "may_review": ask.may(Role.REVIEWER),
            "may_ask": ask.may(Role.AUTHOR),
            "may_comment": ask.may(Role.AUTHOR, Role.REVIEWER),
            "is_own": settings.four_eyes and ask.by in review.writers,
        },
    )


def _typed(ask: Ask) -> dict[str, str]:
    """Return what was typed on the page, so that nothing of it is lost with a refusal."""
    names = ("note", "text", "place", "comment", "reviewer", "due_on")
    return {name: ask.text(name) for name in names}


def ask_for(ask: Ask) -> Answer:
    """Ask somebody for a review; they get a mail with a link that leads to it."""
    path = ask.parts["path"]
    staff = {str(one.id): one for one in staffing.list_staff(ask.site.store)}
    who = staff.get(ask.text("reviewer"))
    try:
        if who is None:
            raise Refused(unknown("reviewer", ask.text("reviewer") or "nobody"))
        writing.ask_review(
            ask.site.config,
            ask.site.store,
            path,
            reviewer=who.name,
            by=ask.by,
            now=ask.now,
            note=ask.text("note"),
            due_on=_read_day(ask.text("due_on")),
        )
    except PublisherError as error:
        return _show(ask, error.problems)
    was_mailed = app.mail_review_link(
        ask.site, who, title=ask.text("title"), by=ask.by, target=_page(path), now=ask.now
    )
    ask.changed()
    mailed = "and mailed a link that leads here" if was_mailed else "but no mail could be sent"
    return Moved(to=_page(path), said=f"{who.name} is asked, {mailed}.")


def _read_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def approve(ask: Ask) -> Answer:
    """Approve the very text that was looked at; any later edit voids it."""
    path = ask.parts["path"]
    try:
        warnings = writing.approve(
            ask.site.config,
            ask.site.store,
            path,
            by=ask.by,
            now=ask.now,
            source_sha256=ask.text("sha256"),
            note=ask.text("note"),
            ticked=ask.form.get("ticked", ()),
            changes_since=ask.text("changes_since"),
        )
    except PublisherError as error:
        return _show(ask, error.problems)
    ask.changed()
    more = " ".join(f"It names another reviewer: {one.expected}." for one in warnings)
    said = f"Approved, these words and no others. Any later edit asks for another. {more}"
    return Moved(to=_page(path), said=said.strip())


def ask_for_changes(ask: Ask) -> Answer:
    """Ask for changes; the note and the comments say which, and whoever wrote it is mailed."""
    path = ask.parts["path"]
    try:
        wrote = writing.ask_for_changes(
            ask.site.config,
            ask.site.store,
            path,
            by=ask.by,
            now=ask.now,
            note=ask.text("note"),
            source_sha256=ask.text("sha256"),
        )
    except PublisherError as error:
        return _show(ask, error.problems)
    review = writing.look(ask.site.config, ask.site.store, path)
    mailed = app.mail_changes(
        ask.site,
        wrote,
        title=review.post.title,
        by=ask.by,
        note=ask.text("note"),
        comments=[one for one in review.comments if one.is_open],
        target=_page(path),
        now=ask.now,
    )
    ask.changed()
    told = f"{' and '.join(mailed)} got a mail" if mailed else "No mail was sent"
    return Moved(to=f"{ROOT}reviews", said=f"Changes are asked for. Nothing was approved. {told}.")


# ---------------------------------------------------------------------------------------- comments


def comment(ask: Ask) -> Answer:
    """Say something of one paragraph of the text that was looked at."""
    path, place = ask.parts["path"], ask.text("place")
    try:
        made = writing.comment(
            ask.site.config,
            ask.site.store,
            path,
            ask.text("text"),
            source_sha256=ask.text("sha256"),
            place=int(place) if place.isdecimal() and len(place) < _MOST_DIGITS else -1,
            words=ask.text("words"),
            by=ask.by,
            now=ask.now,
        )
    except Refused as error:
        return _show(ask, error.problems, 422)
    return Moved(to=f"{_page(path)}#comment-{made}", said="Your comment is kept.")


def answer(ask: Ask) -> Answer:
    """Answer a comment, mark it as settled, or open it again."""
    path, number = ask.parts["path"], ask.text("comment")
    mark = ask.text("mark")
    try:
        writing.answer_comment(
            ask.site.config,
            ask.site.store,
            path,
            int(number) if number.isdecimal() and len(number) < _MOST_DIGITS else 0,
            ask.text("text"),
            by=ask.by,
            now=ask.now,
            settled=_MARKS.get(mark),
        )
    except Refused as error:
        return _show(ask, error.problems, 422)
    said = {"settle": "Settled.", "open": "Open again."}.get(mark, "Your answer is kept.")
    return Moved(to=f"{_page(path)}#comment-{number}", said=said)
