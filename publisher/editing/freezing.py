"""Freezing: an edition's content is fixed, by its slot or by a person; what goes is just that."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from publisher import letters as letters_module
from publisher.editing.checking import try_letter
from publisher.editing.content import compose_content
from publisher.editing.corrections import corrected_since, correction_content, give_a_minute
from publisher.editing.desk import hold, is_late, other_kind, stop_late
from publisher.editing.drafting import draft_now
from publisher.editorial.hand import waits_for_live
from publisher.errors import ContentError, Problem, Refused
from publisher.model import EditionState, HeldReason
from publisher.store import bump_revision, editions, edits, hands

if TYPE_CHECKING:
    from datetime import datetime

    from publisher.config import Digest
    from publisher.editing.desk import Desk
    from publisher.model import Edition, EditionContent

_APPROVABLE = (EditionState.DRAFT, EditionState.SCHEDULED, EditionState.HELD)


def settle_drafts(desk: Desk, *, now: datetime) -> list[Problem]:
    """Freeze the drafts whose moment has come, or hold those that need a person.

    One whose letter cannot be made becomes ``failed``, one with something to mend is held. What a kill left as a draft is settled by
    the next run; drafts of the other kind, rehearsed or live, wait for their transport.
    """
    with desk.store.read() as tx:
        drafts = editions.read_all(tx, states=[EditionState.DRAFT])
    problems: list[Problem] = []
    for edition in drafts:
        digest = desk.digest(edition.digest)
        if edition.is_correction:
            continue  # it waits for a person, and then for its minute
        if digest and edition.fire_at <= now and edition.rehearsal == desk.rehearsal:
            problems += _settle(desk, digest, edition, now=now)
    return problems


def _settle(desk: Desk, digest: Digest, edition: Edition, *, now: datetime) -> list[Problem]:
    if is_late(desk, edition, digest, now=now):
        return stop_late(desk, edition, now=now)
    if digest.approval == "required":
        return hold(desk.store, edition, HeldReason.UNAPPROVED)
    try:
        content = current_content(desk, edition)
        findings = try_letter(desk, content)
    except ContentError as error:
        return _fail(desk, edition, error, now=now)
    if findings:
        held = hold(desk.store, edition, HeldReason.PREFLIGHT, _count(findings))
        return held + findings if held else []
    freeze(desk, edition, content, by="", now=now)
    return []


def _count(findings: list[Problem]) -> str:
    return f"{len(findings)} thing{'s' if len(findings) > 1 else ''} to mend, told beside"


def _fail(desk: Desk, edition: Edition, error: ContentError, *, now: datetime) -> list[Problem]:
    reason = error.problems[0].got
    with desk.store.write() as tx:
        failed = editions.move(tx, edition, EditionState.FAILED, reason=reason, closed_at=now)
    return list(error.problems) if failed else []


def freeze(
    desk: Desk, edition: Edition, content: EditionContent, *, by: str, now: datetime
) -> bool:
    """Fix the content, once its letter was tried; False where somebody was faster."""
    sha256 = letters_module.content_sha256(content)
    chosen = [(post.post_id, post.source_sha256) for post in content.posts]
    with desk.store.write() as tx:
        if edition.state is EditionState.SCHEDULED:
            editions.move(tx, edition, EditionState.DRAFT)
            edition = editions.read_one(tx, edition.id)
        if not editions.freeze(tx, edition, content, sha256, by=by, now=now):
            return False
        editions.fix_posts(tx, edition.id, chosen)
        bump_revision(tx)
        if by:
            hands.note(tx, edition, "approve", by=by, now=now, detail=sha256[:12])
    return True


def current_content(desk: Desk, edition: Edition) -> EditionContent:
    """Return what an edition would be frozen with now; posts withdrawn since are left out."""
    if edition.is_correction:
        return correction_content(desk, edition)
    digest = _digest_of(desk, edition)
    with desk.store.read() as tx:
        chosen = editions.read_posts(tx, edition.id)
        changed = edits.read(tx, edition.id)
        corrected = corrected_since(tx, desk, digest, edition, {one for one, _ in chosen})
    published = {post.id: post for post in desk.catalog.posts}
    posts = [published[post_id] for post_id, _ in chosen if post_id in published]
    if not posts:
        raise ContentError(_empty(edition))
    return compose_content(
        desk.config,
        digest,
        edition,
        posts,
        desk.catalog,
        desk.body_of,
        dated_on=edition.fire_at.astimezone(ZoneInfo(digest.zone)).date(),
        templates_sha256=desk.letters.fingerprint,
        edits=changed,
        corrected=corrected,
    )


def approve(desk: Desk, edition: Edition, *, by: str, now: datetime) -> list[Problem]:
    """Approve an edition as it is now: a draft is frozen, a held one freed to go.

    A frozen edition is frozen anew where its posts changed. Returns what is wrong with its letter,
    and then changes nothing. Raises Refused where it is past that.
    """
    if edition.state not in _APPROVABLE:
        raise Refused(_past_approval(edition))
    if edition.rehearsal != desk.rehearsal:
        hint = "What was rehearsed is never sent. Nothing was changed."
        raise Refused(other_kind(edition, hint))
    if desk.trial and not edition.trial:
        raise Refused(waits_for_live(edition))
    try:
        content = current_content(desk, edition)
        if edition.state is EditionState.SCHEDULED and _is_same(edition, content):
            return []
        if findings := try_letter(desk, content):
            return findings
        if edition.is_correction:
            edition = give_a_minute(desk, edition, now=now)
            content = current_content(desk, edition)
        if not freeze(desk, edition, content, by=by, now=now):
            raise Refused(_changed_meanwhile(edition))
    except ContentError as error:
        return list(error.problems)
    return []


def schedule_one(
    desk: Desk, digest: Digest, *, at: datetime, by: str, now: datetime
) -> tuple[Edition | None, list[Problem]]:
    """Make one edition more of what is new, approved by a person, to go at a moment to come.

    Until then it can be cancelled, and no one was emailed. Nothing where nothing is new, or where
    something of its letter has to be mended first, which is told.
    """
    made = draft_now(desk, digest, at=at, now=now)
    if made is None:
        return None, []
    with desk.store.read() as tx:
        draft = editions.read_one(tx, made.id)  # its posts have been written since
    problems = approve(desk, draft, by=by, now=now)
    with desk.store.write() as tx:
        if problems:
            editions.discard_draft(tx, draft)
            return None, problems
        return editions.read_one(tx, draft.id), []


def _is_same(edition: Edition, content: EditionContent) -> bool:
    return edition.content_sha256 == letters_module.content_sha256(content)


def _digest_of(desk: Desk, edition: Edition) -> Digest:
    digest = desk.digest(edition.digest)
    if digest is None:
        raise Refused(
            Problem(
                code="edition.digest",
                path=edition.name,
                expected=f"a table [digests.{edition.digest}] in the configuration",
                got="none",
                hint="Put it back, or cancel the edition.",
            )
        )
    return digest


# --------------------------------------------------------------------------------------- problems


def _empty(edition: Edition) -> Problem:
    return Problem(
        code="edition.posts",
        path=edition.name,
        expected="a post that is published",
        got="none of its posts is any more",
        hint="No one was emailed. Cancel the edition.",
    )


def _past_approval(edition: Edition) -> Problem:
    return Problem(
        code="edition.state",
        path=edition.name,
        expected="an edition that is a draft, frozen or held",
        got=f"one that is {edition.state}",
        hint="Nothing was changed.",
    )


def _changed_meanwhile(edition: Edition) -> Problem:
    return Problem(
        code="edition.changed_meanwhile",
        path=edition.name,
        expected="an edition as it was a moment ago, of which no mail began",
        got="one that somebody changed, or that is being sent",
        hint=f"Nothing was changed. Look again: publisher edition show {edition.name}",
    )
