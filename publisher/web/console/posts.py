"""Posts: listed, begun, edited as the files they are, looked at before they are published."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from publisher import app, writing
from publisher.errors import ContentError, PublisherError, Refused
from publisher.model import Role, Verdict
from publisher.pages.console import ROOT
from publisher.web.console.asking import Ask, Moved, Octets, Page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from publisher.errors import Problem
    from publisher.model import Comment
    from publisher.web.console.asking import Answer
    from publisher.writing import Conflict, Opened

_LINES: Final = ("title", "summary", "date", "updated", "correction", "reviewer", "review_due")
"""What the form asks for by a line each, as front matter has it."""
_FRAME_POLICY: Final = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; sandbox; "
    "frame-ancestors 'self'"
)
_VERDICTS = {
    Verdict.INCLUDED: "published",
    Verdict.DRAFT: "draft",
    Verdict.FUTURE: "waits for its date",
    Verdict.UNREVIEWED: "waits for a review",
    Verdict.ERROR: "has a mistake",
    Verdict.WITHDRAWN: "taken back",
}


def page_of(path: str, verb: str = "edit") -> str:
    """Return a page about a post."""
    return f"{ROOT}posts/{verb}/{quote(path)}"


def may_mail(ask: Ask, path: str) -> bool:
    """Whether whoever asks may mail a post now: a publisher, and one that is published."""
    if not ask.may(Role.PUBLISHER):
        return False
    desk, _ = ask.survey.open(ask.now)
    return any(post.path == path for post in desk.catalog.posts)


def show_all(ask: Ask) -> Answer:
    """Show every post by series, with what became of it."""
    desk, shelf = ask.survey.open(ask.now)
    published = {post.path for post in desk.catalog.posts}
    rulings = {one.path: one for one in desk.catalog.rulings}
    groups: dict[str, list[tuple[str, str, str, str]]] = {}
    for post in sorted(shelf.sources.posts, key=lambda one: (one.part or 0, one.path)):
        ruling = rulings.get(post.path)
        out = post.path in published
        state = "published" if out or not ruling else _VERDICTS.get(ruling.verdict, ruling.verdict)
        reason = "" if out or not ruling else ruling.reason
        groups.setdefault(post.series or "", []).append((post.path, post.title, state, reason))
    for path, problems in shelf.sources.broken.items():
        series = path.rpartition("/")[0]
        told = f"expected {problems[0].expected}; got {problems[0].got}" if problems else ""
        groups.setdefault(series, []).append((path, path, "has a mistake", told))
    infos = desk.catalog.infos
    return Page(
        name="posts",
        section="posts",
        values={
            "groups": [
                (slug, infos[slug].title if slug in infos else slug, rows)
                for slug, rows in sorted(groups.items(), key=lambda one: (one[0] == "", one[0]))
            ],
            "total": sum(map(len, groups.values())),
            "may_write": ask.may(Role.AUTHOR),
        },
    )


# -------------------------------------------------------------------------------------- beginning


def show_new(ask: Ask) -> Answer:
    """Show the form that begins a post."""
    return _new(ask)


def _new(ask: Ask, problems: Sequence[Problem] = ()) -> Page:
    _, shelf = ask.survey.open(ask.now)
    return Page(
        name="post-new",
        section="posts",
        status=422 if problems else 200,
        problems=problems,
        values={
            "series": sorted(shelf.library.scan.folders),
            "typed": {name: ask.text(name) for name in ("title", "series")},
        },
    )


def begin(ask: Ask) -> Answer:
    """Begin a post: a draft, in a file of its own, with the next number of its series."""
    try:
        made = writing.begin_post(
            ask.site.config,
            ask.site.store,
            ask.text("title"),
            series=ask.text("series") or None,
            make_id=lambda: f"urn:uuid:{uuid.uuid4()}",
            by=ask.by,
            now=ask.now,
        )
    except PublisherError as error:
        return _new(ask, error.problems)
    ask.changed()
    return Moved(to=page_of(made.path), said="Begun, as a draft. Nobody sees it yet.")


# ---------------------------------------------------------------------------------------- editing


def show_edit(ask: Ask) -> Answer:
    """Show a post's file for editing, with what is kept of it and who else writes."""
    path = ask.parts["path"]
    opened = writing.open_post(ask.site.config, path)
    return _edit(ask, opened)


def _edit(
    ask: Ask,
    opened: Opened,
    *,
    problems: Sequence[Problem] = (),
    typed: dict[str, object] | None = None,
) -> Page:
    kept = writing.read_draft(ask.site.store, ask.by, opened.path)
    fields = {name: opened.fields.get(name, "") for name in _LINES}
    values: dict[str, object] = {
        "fields": {name: "" if value is None else value for name, value in fields.items()},
        "is_draft": opened.fields.get("draft") is True,
        "body": opened.body,
        "text": opened.text,
        "began": opened.sha256,
    }
    values |= typed or {}
    return Page(
        name="post-edit",
        section="posts",
        status=422 if problems else 200,
        problems=problems,
        values={
            **values,
            "opened": opened,
            "as_text": not opened.is_form or ask.query.get("as") == "text" or "whole" in ask.form,
            "path": opened.path,
            "where": page_of(opened.path),
            "page": page_of,
            "may_mail": may_mail(ask, opened.path),
            "comments": [one for one in _comments(ask, opened) if one.is_open],
            "kept": kept if kept and kept.began_sha256 == opened.sha256 else None,
            "colleagues": writing.look_around(
                ask.site.store, opened.path, but=ask.by, now=ask.now
            ),
        },
    )


def _comments(ask: Ask, opened: Opened) -> tuple[Comment, ...]:
    """Return what was said of a post; nothing where its file cannot be read."""
    if opened.problems:
        return ()
    try:
        return writing.look(ask.site.config, ask.site.store, opened.path).comments
    except ContentError:
        return ()


def save(ask: Ask) -> Answer:
    """Save a post to its file where that is still the one that was opened."""
    path = ask.parts["path"]
    edit = _read_edit(ask)
    try:
        done = writing.save(
            ask.site.config,
            ask.site.store,
            path,
            edit,
            began_sha256=ask.text("began"),
            by=ask.by,
            now=ask.now,
        )
    except (ContentError, Refused) as error:
        opened = writing.open_post(ask.site.config, path)
        return _edit(ask, opened, problems=error.problems, typed=_typed(ask))
    if isinstance(done, writing.Conflict):
        return _conflict(done)
    writing.forget_draft(ask.site.store, ask.by, path)
    ask.changed()
    said = "Saved." if done.is_changed else "Nothing was different, so nothing was written."
    return Moved(to=page_of(done.path), said=said)


def _conflict(done: Conflict) -> Page:
    return Page(
        name="post-conflict",
        section="posts",
        status=409,
        values={"done": done, "where": page_of(done.path)},
    )


def _typed(ask: Ask) -> dict[str, object]:
    return {
        "fields": {name: ask.text(name) for name in _LINES},
        "is_draft": bool(ask.text("draft")),
        "body": ask.raw("body"),
        "text": ask.raw("text"),
        "began": ask.text("began"),
    }


def _read_edit(ask: Ask) -> writing.Edit:
    if "whole" in ask.form:
        return writing.Edit(text=ask.raw("text"))
    fields: dict[str, object] = {name: ask.text(name) or None for name in _LINES}
    fields["draft"] = True if ask.text("draft") else None
    return writing.Edit(fields=fields, body=ask.raw("body"))


def keep(ask: Ask) -> Answer:
    """Keep what is written and not saved, for a script that calls every few seconds."""
    path = ask.parts["path"]
    opened = writing.open_post(ask.site.config, path)
    if opened.sha256 != ask.text("began"):
        return Octets(data=b"changed", kind="text/plain; charset=utf-8")
    writing.keep_draft(
        ask.site.store, ask.by, path, began=opened.data, text=ask.raw("body"), now=ask.now
    )
    return Octets(data=b"kept", kind="text/plain; charset=utf-8")


def show_body(ask: Ask) -> Answer:
    """Return the Markdown that is being written as HTML, for a script that shows it beside."""
    path = ask.parts["path"]
    opened = writing.open_post(ask.site.config, path)
    above = opened.text.splitlines(keepends=True)[: opened.body_line - 1]
    text = "".join(above) + ask.raw("body")  # what it cites stands above the text
    shown = writing.show_body(ask.site.config, path, text.encode())
    return Octets(data=shown.body.html.encode(), kind="text/html; charset=utf-8")


def take_paste(ask: Ask) -> Answer:
    """Return what was pasted from Word or Google Docs as Markdown."""
    return Octets(data=app.as_markdown(ask.raw("html")).encode(), kind="text/plain; charset=utf-8")


def add_picture(ask: Ask) -> Answer:
    """Put a picture beside a post; without words for those who do not see it, it is refused."""
    path = ask.parts["path"]
    upload = ask.files.get("picture")
    try:
        added = writing.add_picture(
            ask.site.config,
            ask.site.store,
            path,
            name=upload.name if upload else "",
            data=upload.data if upload else b"",
            alt=ask.text("alt"),
            by=ask.by,
            now=ask.now,
        )
    except (ContentError, Refused) as error:
        return _edit(ask, writing.open_post(ask.site.config, path), problems=error.problems)
    ask.changed()
    return Moved(
        to=page_of(added.path),
        said=f"The picture is there. Put it into the text: {added.markdown}",
    )


# ------------------------------------------------------------------------------ before it is public


def show_proof(ask: Ask) -> Answer:
    """Show a post as page, letter, text and feed entry, and what is wrong with it."""
    path = ask.parts["path"]
    opened = writing.open_post(ask.site.config, path)
    proof = app.proof_text(ask.site, path, opened.data, now=ask.now)
    view = ask.query.get("view", "page")
    digest = next(iter(ask.site.config.digests.values()), None)
    seen = None
    if proof.post and digest and view in {"letter", "text", "headers"}:
        seen = app.show_mail(ask.site, proof, digest, opened.data, now=ask.now)
    return Page(
        name="post-proof",
        section="posts",
        values={
            "proof": proof,
            "path": path,
            "page": page_of,
            "may_mail": may_mail(ask, path),
            "view": view,
            "scheme": "dark" if ask.query.get("scheme") == "dark" else "light",
            "seen": seen,
            "comments": sum(one.is_open for one in _comments(ask, opened)),
            "frame_path": f"{page_of(path, 'frame')}?view={quote(view)}",
        },
    )


def give_frame(ask: Ask) -> Answer:
    """Give the HTML of one of these views, for the frame that shows it."""
    path = ask.parts["path"]
    opened = writing.open_post(ask.site.config, path)
    proof = app.proof_text(ask.site, path, opened.data, now=ask.now)
    view = ask.query.get("view", "page")
    digest = next(iter(ask.site.config.digests.values()), None)
    if view == "letter" and digest:
        html = app.show_mail(ask.site, proof, digest, opened.data, now=ask.now).html
    elif view == "entry":
        html = app.show_entry(ask.site, proof)[1]
    else:
        html = app.show_page(ask.site, proof)
    return Octets(data=html.encode(), kind="text/html; charset=utf-8", policy=_FRAME_POLICY)


# ----------------------------------------------------------------------------------- order of parts


def show_series(ask: Ask) -> Answer:
    """Show the parts of a series in order, with gaps and doubles."""
    slug = ask.parts["series"]
    desk, _ = ask.survey.open(ask.now)
    return Page(
        name="series",
        section="posts",
        values={
            "order": writing.read_order(ask.site.config, ask.site.store, slug),
            "title": desk.catalog.infos[slug].title if slug in desk.catalog.infos else slug,
            "where": f"{ROOT}series/{quote(slug)}",
            "page": page_of,
            "may_write": ask.may(Role.AUTHOR),
        },
    )


def move_part(ask: Ask) -> Answer:
    """Let a part change places with its neighbour, or close the gaps."""
    slug = ask.parts["series"]
    way, _, path = ask.text("move").partition(":")
    if way == "close":
        done = writing.close_gaps(ask.site.config, ask.site.store, slug, by=ask.by, now=ask.now)
    else:
        done = writing.move_part(
            ask.site.config,
            ask.site.store,
            path,
            "up" if way == "up" else "down",
            by=ask.by,
            now=ask.now,
        )
    ask.changed()
    void = len(done.edited)
    said = (
        f"Moved. {void} files were edited, and approvals of them are void." if void else "Moved."
    )
    return Moved(to=f"{ROOT}series/{quote(slug)}", said=said)
