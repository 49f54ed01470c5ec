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


def _show(ask: Ask, problems: Sequence[Problem] = ()) -> Page:
    path = ask.parts["path"]
    review = writing.look(ask.site.config, ask.site.store, path)
    opened = writing.open_post(ask.site.config, path)
    shown = writing.show_body(ask.site.config, path, opened.data)
    staff = staffing.list_staff(ask.site.store)
    four_eyes = ask.site.config.review.four_eyes
    return Page(
        name="review",
        section="posts",
        status=409 if problems else 200,
        problems=problems,
        values={
            "review": review,
            "path": path,
            "html": shown.body.html,
            "notes": shown.body.notes,
            "page": page_of,
            "where": _page(path),
            "reviewers": [one for one in staff if Role.REVIEWER in one.roles],
            "may_review": ask.may(Role.REVIEWER),
            "may_ask": ask.may(Role.AUTHOR),
            "is_own": four_eyes and ask.by in review.writers,
        },
    )


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
        )
    except PublisherError as error:
        return _show(ask, error.problems)
    ask.changed()
    more = " ".join(f"It names another reviewer: {one.expected}." for one in warnings)
    said = f"Approved, these words and no others. Any later edit asks for another. {more}"
    return Moved(to=_page(path), said=said.strip())


def ask_for_changes(ask: Ask) -> Answer:
    """Ask for changes; the note says which."""
    path = ask.parts["path"]
    try:
        writing.ask_for_changes(
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
    ask.changed()
    return Moved(to=f"{ROOT}reviews", said="Changes are asked for. Nothing was approved.")
