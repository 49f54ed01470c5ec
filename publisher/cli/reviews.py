"""Commands about reviews: ls show ask approve changes."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

import click

from publisher.cli.frame import Frame, Group, current_time, with_frame

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from publisher.editorial.comparing import Difference, Run
    from publisher.model import Comment, ReviewRequest
    from publisher.writing import Review, Waiting

_MARKS = {"kept": ("", ""), "deleted": ("[-", "-]"), "inserted": ("{+", "+}")}
_BY = click.option(
    "--by", default="", metavar="NAME", help="Who does it; your login name if absent."
)


def register(root: Group) -> None:
    """Add the commands to the program."""
    root.add_command(review)


@click.group(cls=Group)
def review() -> None:
    """Have posts read by somebody else, and approve their exact words."""


@review.command("ls")
@with_frame
def list_reviews(frame: Frame) -> None:
    """List the posts that wait for a review, or for changes after one."""
    from publisher import app, writing  # noqa: PLC0415

    site = frame.open()
    _, shelf = app.open_desk(site, now=current_time())
    waiting = writing.list_waiting(site.config, site.store, shelf.sources.posts)
    if frame.json:
        frame.give([_waiting_shape(one) for one in waiting])
    for one in waiting:
        asked = "; ".join(map(_tell_asked, one.asked))
        frame.say(f"posts/{one.post.path}  {one.state}  {asked}".rstrip())
    if not waiting:
        frame.say("Nothing waits for a review.")


@review.command("show")
@click.argument("post")
@with_frame
def show_review(frame: Frame, post: str) -> None:
    """Show how a post stands, and what changed since it was approved last, word by word."""
    from publisher import writing  # noqa: PLC0415

    site = frame.open()
    path = writing.find_path(site.config, post)
    shown = writing.look(site.config, site.store, path)
    if frame.json:
        frame.give(_review_shape(shown))
    frame.say(f"posts/{path}  {shown.state}  {shown.post.title}")
    for at, who, verb, detail in shown.history:
        frame.say(f"  {_local(at, site.config.site.timezone)}  {who}  {verb}  {detail}".rstrip())
    if shown.post.review_due:
        frame.say(f"  Next review due {shown.post.review_due}")
    for one in shown.comments:
        frame.say(*(f"  {line}" for line in _tell_comment(one)))
    if shown.difference and shown.difference.changed:
        frame.say("  Since it was approved last:")
        frame.say(*(f"  {line}" for line in _tell_difference(shown.difference)))


@review.command("ask")
@click.argument("post")
@click.option("--of", "reviewer", required=True, metavar="NAME", help="Who is to read it.")
@click.option("--note", default="", metavar="TEXT", help="What to look at.")
@click.option("--due", type=click.DateTime(["%Y-%m-%d"]), help="Until when, such as 2027-01-31.")
@_BY
@with_frame
def ask(frame: Frame, post: str, reviewer: str, note: str, due: datetime | None, by: str) -> None:
    """Ask a person to review a post as it is now."""
    from publisher import writing  # noqa: PLC0415

    site = frame.open()
    path = writing.find_path(site.config, post)
    request = writing.ask_review(
        site.config,
        site.store,
        path,
        reviewer=reviewer,
        by=by or getpass.getuser(),
        now=current_time(),
        note=note,
        due_on=due.date() if due else None,
    )
    if frame.json:
        made = next(one for one in writing.open_requests(site.store) if one.id == request)
        frame.give(_request_shape(made))
    frame.say(f"Asked {reviewer} about posts/{path}. Nothing was mailed: tell them.")


@review.command("approve")
@click.argument("post")
@click.option("--note", default="", metavar="TEXT", help="Kept with the approval.")
@_BY
@with_frame
def approve(frame: Frame, post: str, note: str, by: str) -> None:
    """Approve a post's exact words and images as they are now; any later edit voids that.

    By this command you affirm every item of  [review] checklist  of them.
    """
    from publisher import writing  # noqa: PLC0415

    site = frame.open()
    path = writing.find_path(site.config, post)
    warnings = writing.approve(
        site.config,
        site.store,
        path,
        by=by or getpass.getuser(),
        now=current_time(),
        note=note,
    )
    if frame.json:
        frame.give(_review_shape(writing.look(site.config, site.store, path)))
    frame.complain(warnings)
    frame.say(f"Approved posts/{path} as it is now. Any edit voids it.")
    if checklist := site.config.review.checklist:
        click.echo(f"By this you affirmed: {'; '.join(checklist)}.", err=True)


@review.command("changes")
@click.argument("post")
@click.option("--note", required=True, metavar="TEXT", help="What to change.")
@_BY
@with_frame
def changes(frame: Frame, post: str, note: str, by: str) -> None:
    """Ask for changes of a post before it may be published."""
    from publisher import writing  # noqa: PLC0415

    site = frame.open()
    path = writing.find_path(site.config, post)
    writing.ask_for_changes(
        site.config,
        site.store,
        path,
        by=by or getpass.getuser(),
        now=current_time(),
        note=note,
    )
    if frame.json:
        frame.give(_review_shape(writing.look(site.config, site.store, path)))
    frame.say(f"Changes of posts/{path} are asked for. It waits until it is approved.")


# ------------------------------------------------------------------------------------------- in words


def _tell_asked(one: ReviewRequest) -> str:
    return f"{one.reviewer} until {one.due_on}" if one.due_on else one.reviewer


def _tell_comment(one: Comment) -> Iterator[str]:
    settled = f", settled by {one.settled_by}" if one.settled_by else ""
    yield f"Comment {one.id}{settled}, on: {one.words[:60]}"
    for who, text in ((one.by, one.text), *((reply.by, reply.text) for reply in one.replies)):
        yield f"  {who}: {' '.join(text.split())}"


def _tell_difference(difference: Difference) -> Iterator[str]:
    """Yield the changed paragraphs, what went and what came between marks."""
    for paragraph in difference.paragraphs:
        if not paragraph.is_kept:
            text = "".join(_tell_run(run) for run in paragraph.runs)
            yield from text.strip("\n").split("\n")


def _tell_run(run: Run) -> str:
    before, after = _MARKS[run.kind]
    bare = run.text.rstrip("\n")
    return f"{before}{bare}{after}{run.text[len(bare) :]}" if bare else run.text


def _local(at: datetime, zone: str) -> str:
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"


def _waiting_shape(one: Waiting) -> dict[str, object]:
    return {
        "path": f"posts/{one.post.path}",
        "id": one.post.id,
        "title": one.post.title,
        "state": str(one.state),
        "asked": [request.reviewer for request in one.asked],
        "due_on": [str(request.due_on) for request in one.asked if request.due_on],
        "open_comments": one.open_comments,
    }


def _request_shape(one: ReviewRequest) -> dict[str, object]:
    return {
        "path": f"posts/{one.path}",
        "reviewer": one.reviewer,
        "asked_by": one.asked_by,
        "asked_at": one.asked_at.isoformat(),
        "note": one.note,
        "due_on": str(one.due_on) if one.due_on else None,
        "answer": str(one.answer) if one.answer else None,
        "answered_by": one.answered_by,
    }


def _comment_shape(one: Comment) -> dict[str, object]:
    return {
        "id": one.id,
        "by": one.by,
        "at": one.at.isoformat(),
        "text": one.text,
        "on": one.words,
        "source_sha256": one.source_sha256,
        "replies": [
            {"by": reply.by, "at": reply.at.isoformat(), "text": reply.text}
            for reply in one.replies
        ],
        "settled_by": one.settled_by or None,
        "settled_at": one.settled_at.isoformat() if one.settled_at else None,
    }


def _review_shape(shown: Review) -> dict[str, object]:
    return {
        "path": f"posts/{shown.post.path}",
        "id": shown.post.id,
        "title": shown.post.title,
        "state": str(shown.state),
        "source_sha256": shown.post.source_sha256,
        "writers": list(shown.writers),
        "requests": [_request_shape(one) for one in shown.requests],
        "approvals": [
            {
                "reviewer": one.reviewer,
                "approved_at": one.approved_at.isoformat(),
                "note": one.note,
                "source_sha256": one.source_sha256,
                "checked": list(one.checked),
                "changes_since": one.changes_since or None,
            }
            for one in shown.approvals
        ],
        "review_due": str(shown.post.review_due) if shown.post.review_due else None,
        "comments": [_comment_shape(one) for one in shown.comments],
        "changed": [
            [{"kind": run.kind, "text": run.text} for run in one.runs]
            for one in (shown.difference.paragraphs if shown.difference else ())
            if not one.is_kept
        ],
        "history": [
            {"at": at.isoformat(), "by": who, "verb": verb, "detail": detail}
            for at, who, verb, detail in shown.history
        ],
    }
