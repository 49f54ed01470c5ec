"""Correcting: what was wrong in an edition, told to exactly those who have it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from publisher.app.opening import open_desk
from publisher.editorial.hand import UNDO
from publisher.errors import Refused
from publisher.model import CORRECTION, Correction, EditionState

if TYPE_CHECKING:
    from datetime import datetime

    from publisher.app.opening import Site
    from publisher.editing import Desk
    from publisher.model import Edition, EditionContent


@dataclass(frozen=True, slots=True, kw_only=True)
class Correcting:
    """An edition to be corrected: whom that reaches, and what it can be about."""

    corrected: Edition
    title: str
    """``Weekly letter 12``."""
    posts: tuple[tuple[str, str], ...]
    """Ids and titles of its posts."""
    have: int
    """How many have it or may have it."""
    reach: int
    """How many of them can be told."""
    said: Correction
    """What a correction says; before it is written, what it begins with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """A correction that was written, or would be."""

    edition: Edition
    content: EditionContent
    have: int
    reach: int


def describe_correcting(
    site: Site, edition: Edition, *, begin_with: Edition | None = None
) -> Correcting:
    """Return what a correction of an edition is about; of a correction, what it says.

    ``begin_with`` is a correction that was cancelled, of which the words are taken. Raises
    NotFound, and Refused where nobody can be told.
    """
    from publisher import editing  # noqa: PLC0415
    from publisher.editorial.correcting import begin_subject  # noqa: PLC0415
    from publisher.letters import name_edition  # noqa: PLC0415
    from publisher.store import editions  # noqa: PLC0415

    said, corrected = None, edition
    source = edition if edition.is_correction else begin_with
    if source and source.is_correction:
        said, corrected = editing.read_correction(site.store, source)
    with site.store.read() as tx:
        content = editions.read_content(tx, corrected.id) if corrected.content_sha256 else None
    have, reach = editing.count_told(site.store, corrected)
    return Correcting(
        corrected=corrected,
        title=name_edition(content) if content else corrected.name,
        posts=tuple((post.post_id, post.title) for post in content.posts) if content else (),
        have=have,
        reach=reach,
        said=said
        or Correction(
            corrects_id=corrected.id,
            subject=begin_subject(content.subject) if content else "",
            text="",
        ),
    )


def correct_edition(
    site: Site, edition: Edition, wanted: Correction, *, by: str, now: datetime
) -> Corrected:
    """Write a correction and approve it: it goes in a minute, until when it can be cancelled.

    Raises Refused, NotFound or ContentError where it cannot go; nothing is left behind then.
    """
    from publisher import editing  # noqa: PLC0415
    from publisher.store import editions  # noqa: PLC0415

    desk, _ = open_desk(site, now=now)
    tried = _try(desk, edition, wanted, now=now)
    made = editing.draft_correction(desk, edition, wanted, by=by, now=now)
    if made.state is EditionState.DRAFT:
        problems = editing.approve(desk, made, by=by, now=now)
        if problems:  # somebody changed what letters are made with, this very moment
            raise Refused(*problems)
    with site.store.read() as tx:
        return replace(tried, edition=editions.read_one(tx, made.id))


def try_correction(
    site: Site, edition: Edition, wanted: Correction, *, now: datetime
) -> Corrected:
    """Return the correction that ``correct_edition`` would make; nothing is written."""
    return _try(open_desk(site, now=now)[0], edition, wanted, now=now)


def _try(desk: Desk, edition: Edition, wanted: Correction, *, now: datetime) -> Corrected:
    from publisher import editing  # noqa: PLC0415

    tidy = editing.check_correction(desk, edition, wanted)
    not_yet = replace(
        edition,
        id=0,
        digest=f"{CORRECTION}{edition.digest}",
        number=None,
        fire_at=now + UNDO,
        state=EditionState.DRAFT,
        reason="",
        content_sha256="",
    )
    content = editing.compose_correction(desk, not_yet, tidy, edition)
    findings = editing.try_letter(desk, content)
    if findings:
        raise Refused(*findings)
    have, reach = editing.count_told(desk.store, edition)
    return Corrected(edition=not_yet, content=content, have=have, reach=reach)


def find_post(site: Site, edition: Edition, wanted: str) -> str:
    """Return the id of an edition's post by its id or its path; what is neither stays as it is."""
    from publisher.store import editions  # noqa: PLC0415

    if not edition.content_sha256:
        return wanted
    with site.store.read() as tx:
        content = editions.read_content(tx, edition.id)
    known = {post.path.removesuffix(".md"): post.post_id for post in content.posts}
    return known.get(wanted.removeprefix("posts/").removesuffix(".md"), wanted)
