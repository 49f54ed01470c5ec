"""One published post mailed now: whose readers, how many of them, and then a minute to undo it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from publisher import app, editing
from publisher.editorial import answers
from publisher.editorial.alone import tell_left_out, tell_readers
from publisher.errors import NotFound, Refused
from publisher.web.console.asking import Ask, Moved, Page, unknown
from publisher.web.console.editions import path_of
from publisher.web.console.posts import page_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from publisher.config import Digest
    from publisher.errors import Problem
    from publisher.model import Post
    from publisher.web.console.asking import Answer


def show(ask: Ask) -> Answer:
    """Show whom a post would go to, with the button that sends it; nothing is made by looking."""
    return _show(ask, ask.query.get("digest", ""))


def _show(ask: Ask, chosen: str, problems: Sequence[Problem] = ()) -> Page:
    path = ask.parts["path"]
    desk, _ = ask.survey.open(ask.now)
    values: dict[str, object] = {
        "path": path,
        "where": page_of(path, "mail"),
        "proof": page_of(path, "proof"),
        "trial": app.read_trial(ask.site),
        "rehearses": desk.rehearsal,
        "sender": desk.config.mail.from_,
    }
    status = 409 if problems else 200
    try:
        post = editing.find_published(desk, path)
    except Refused as error:
        values |= {"title": path, "obstacle": error.problems[0]}
        return _page(values, status, problems)
    values |= {"title": post.title, "post": post}
    digest = _choose(ask, chosen)
    if digest is None:
        values["choices"] = [_choice(ask, one, post) for one in desk.config.digests.values()]
        return _page(values, status, problems)
    values |= {"digest": digest, "several": len(desk.config.digests) > 1}
    going = editing.find_going(desk, digest, post, now=ask.now)
    try:
        found = editing.check_alone(desk, digest, post, now=ask.now)
    except Refused as error:
        goes = {"going": going, "going_at": path_of(going)} if going else {}
        values |= {"obstacle": error.problems[0], "others": error.problems[1:], **goes}
        return _page(values, status, problems)
    values |= {
        "found": found,
        "left_out": tell_left_out(found.readers),
        "label": f"Send {answers.count(found.readers.reach, 'email')} in 1 minute",
    }
    return _page(values, status, problems)


_UNSAID = dict.fromkeys(("label", "going", "obstacle", "others", "found", "left_out"), "")
"""What a page has nothing to say of."""


def _page(values: dict[str, object], status: int, problems: Sequence[Problem]) -> Page:
    return Page(
        name="post-mail",
        section="posts",
        status=status,
        problems=problems,
        values=_UNSAID | values,
    )


def _choose(ask: Ask, chosen: str) -> Digest | None:
    """Return the digest that was asked for, or the only one; nothing where a person must choose."""
    digests = ask.site.config.digests
    if chosen and chosen not in digests:
        raise NotFound(unknown("digest", chosen))
    return (
        digests[chosen] if chosen else next(iter(digests.values())) if len(digests) == 1 else None
    )


def _choice(ask: Ask, digest: Digest, post: Post) -> tuple[Digest, str]:
    desk, _ = ask.survey.open(ask.now)
    return digest, tell_readers(editing.describe_readers(desk, digest, post, now=ask.now))


def mail(ask: Ask) -> Answer:
    """Let a post go alone in a minute; pressed twice, or by two, it is one edition."""
    chosen = ask.text("digest")
    desk, _ = ask.survey.open(ask.now)
    post = editing.find_published(desk, ask.parts["path"])
    digest = _choose(ask, chosen)
    if digest is None:
        return Moved(to=page_of(ask.parts["path"], "mail"))
    try:
        made = editing.mail_alone(
            desk, digest, post, seen_sha256=ask.text("sha256"), by=ask.by, now=ask.now
        )
    except Refused as error:
        ask.survey.forget()
        going = editing.find_going(desk, digest, post, now=ask.now)
        if going:
            said = "This post was on its way already. Nothing was added, and nobody gets it twice."
            return Moved(to=path_of(going), said=said)
        return _show(ask, chosen, error.problems)
    ask.changed()
    return Moved(
        to=path_of(made.edition),
        said="It goes in 1 minute. Until then it can be cancelled, and no one was emailed.",
    )
