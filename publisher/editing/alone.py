"""One published post mailed now, alone: an edition of its digest more, outside its slots.

It is made, given its number and frozen in one transaction, so that no draft of it is ever left and
of two people who press at once one makes it. From there on it is an edition like any other:
receipts say who has the post, and the digest counts it as brought.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from publisher.editing.checking import try_letter
from publisher.editing.content import compose_content
from publisher.editing.drafting import keep_coming_draft
from publisher.editorial.alone import Readers, count_readers, slot_key, tell_left_out
from publisher.editorial.choice import choose_posts
from publisher.editorial.hand import UNDO
from publisher.editorial.slots import slot_of_moment
from publisher.errors import NotFound, Problem, Refused
from publisher.letters import content_sha256
from publisher.model import Channel, Edition, EditionState, Verdict
from publisher.store import bump_revision, editions, hands, ledger, numbering

if TYPE_CHECKING:
    from datetime import datetime

    from publisher.config import Digest
    from publisher.editing.desk import Desk
    from publisher.model import EditionContent, Post, Ruling
    from publisher.store import Transaction

_COMING = (EditionState.DRAFT, EditionState.SCHEDULED)
_GOING = (EditionState.READY, EditionState.SENDING, EditionState.PAUSED, EditionState.HELD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailing:
    """One post that goes alone, or would."""

    edition: Edition
    post: Post
    content: EditionContent
    readers: Readers


def find_published(desk: Desk, wanted: str) -> Post:
    """Return the published post of a path below ``posts/`` or of an id.

    Raises NotFound where there is none, and Refused, saying why, for one that is not published.
    """
    path = wanted.removeprefix("posts/").removesuffix(".md")
    for post in desk.catalog.posts:
        if wanted == post.id or path == post.path.removesuffix(".md"):
            return post
    for ruling in desk.catalog.rulings:
        if wanted == ruling.post_id or path == ruling.path.removesuffix(".md"):
            raise Refused(_unpublished(ruling))
    raise NotFound(_unknown(wanted))


def describe_readers(desk: Desk, digest: Digest, post: Post, *, now: datetime) -> Readers:
    """Return how many of a digest's readers would get a post now, and why the others would not."""
    told = _count(desk, digest, post, trial=desk.trial, now=now)
    if not desk.trial:
        return told
    return replace(told, everybody=_count(desk, digest, post, trial=False, now=now).reach)


def _count(desk: Desk, digest: Digest, post: Post, *, trial: bool, now: datetime) -> Readers:
    series = post.series or ""
    with desk.store.read() as tx:
        groups = ledger.count_groups(
            tx, digest.name, [(post.id, series)], rehearsal=desk.rehearsal, trial=trial, now=now
        )
    return count_readers(groups, post.id, series)


def find_going(desk: Desk, digest: Digest, post: Post, *, now: datetime) -> Edition | None:
    """Return the edition by which a digest brings a post already, or which stands in its way."""
    with desk.store.read() as tx:
        return _find_going(tx, desk, digest, post, now=now)


def _find_going(
    tx: Transaction, desk: Desk, digest: Digest, post: Post, *, now: datetime
) -> Edition | None:
    for edition in editions.read_all(tx, states=(*_COMING, *_GOING)):
        waits = edition.state in _COMING and edition.fire_at > now + UNDO
        if edition.digest != digest.name or waits or not desk.makes(edition):
            continue
        if post.id in {post_id for post_id, _ in editions.read_posts(tx, edition.id)}:
            return edition
    return None


def check_alone(desk: Desk, digest: Digest, post: Post, *, now: datetime) -> Mailing:
    """Return the mailing of a post as it would be made now; nothing is written.

    Raises Refused where it cannot go: not by mail, on its way already, to nobody, or with
    something in its letter to be mended first.
    """
    if Channel.EMAIL not in post.channels:
        raise Refused(_not_for_email(post))
    with desk.store.read() as tx:
        history = editions.read_history(
            tx, digest.name, rehearsal=desk.rehearsal, trial=desk.trial
        )
        going = _find_going(tx, desk, digest, post, now=now)
        number = editions.next_number(tx, digest.name, rehearsal=desk.rehearsal)
    if going:
        raise Refused(_goes_already(post, going))
    if post.id in history.archived:
        raise Refused(_counts_as_sent(post))
    readers = describe_readers(desk, digest, post, now=now)
    if not readers.reach:
        raise Refused(_nobody(post, readers))
    not_yet = Edition(
        id=0,
        digest=digest.name,
        number=number,
        rehearsal=desk.rehearsal,
        trial=desk.trial,
        slot=slot_key(post.id, 0),
        fire_at=now + UNDO,
        state=EditionState.DRAFT,
    )
    content = _compose(desk, digest, not_yet, post)
    if findings := try_letter(desk, content):
        raise Refused(*findings)
    return Mailing(edition=not_yet, post=post, content=content, readers=readers)


def mail_alone(
    desk: Desk, digest: Digest, post: Post, *, seen_sha256: str = "", by: str, now: datetime
) -> Mailing:
    """Let a published post go alone in a minute, until when it can be cancelled without a mail.

    ``seen_sha256`` is the source of the post that a person looked at. Raises Refused as
    ``check_alone`` does, and where the post is another by now; then nothing is made.
    """
    if seen_sha256 and seen_sha256 != post.source_sha256:
        raise Refused(_changed_since_seen(post))
    tried = check_alone(desk, digest, post, now=now)
    with desk.store.write() as tx:
        made, content = _make(tx, desk, digest, post, by=by, now=now)
    # What is coming goes without the post from now on, and whoever looks at it should see that.
    keep_coming_draft(desk, digest, now=now)
    return replace(tried, edition=made, content=content)


def _make(
    tx: Transaction, desk: Desk, digest: Digest, post: Post, *, by: str, now: datetime
) -> tuple[Edition, EditionContent]:
    if going := _find_going(tx, desk, digest, post, now=now):
        raise Refused(_goes_already(post, going))
    history = editions.read_history(tx, digest.name, rehearsal=desk.rehearsal, trial=desk.trial)
    key = slot_key(post.id, 0).removesuffix("0")
    turn = numbering.count_slots(tx, digest.name, key)
    slot = slot_of_moment(slot_key(post.id, turn), now + UNDO, digest.zone)
    made = editions.insert(
        tx,
        digest=digest.name,
        rehearsal=desk.rehearsal,
        trial=desk.trial,
        slot=slot,
        state=EditionState.DRAFT,
        now=now,
    )
    if made is None:  # somebody else pressed at the very moment
        first = editions.read_by_slot(tx, digest.name, slot.key)
        raise Refused(_goes_already(post, first) if first else _changed_meanwhile(post))
    _go_before_coming(tx, desk, made)
    # A first edition says what counts as sent from then on, whatever it brings itself.
    first_choice = choose_posts(desk.catalog, history, max_posts=digest.max_posts)
    counted = [one for one in first_choice.counted if one != post.id]
    editions.set_posts(tx, made.id, [(post.id, post.source_sha256)], counted)
    made = editions.read_one(tx, made.id)
    content = _compose(desk, digest, made, post)
    sha256 = content_sha256(content)
    if not editions.freeze(tx, made, content, sha256, by=by, now=now):
        raise Refused(_changed_meanwhile(post))
    bump_revision(tx)
    hands.note(tx, made, "mail", by=by, now=now, detail=f"{post.path} alone")
    hands.note(tx, made, "approve", by=by, now=now, detail=sha256[:12])
    return editions.read_one(tx, made.id), content


def _go_before_coming(tx: Transaction, desk: Desk, made: Edition) -> None:
    """Take the number of a draft that goes later: numbers count up as editions go."""
    for draft in editions.read_all(tx, states=[EditionState.DRAFT]):
        if draft.digest == made.digest and draft.fire_at > made.fire_at and desk.makes(draft):
            numbering.change_numbers(tx, made, draft)
            return


def _compose(desk: Desk, digest: Digest, edition: Edition, post: Post) -> EditionContent:
    return compose_content(
        desk.config,
        digest,
        edition,
        [post],
        desk.catalog,
        desk.body_of,
        dated_on=edition.fire_at.astimezone(ZoneInfo(digest.zone)).date(),
        templates_sha256=desk.letters.fingerprint,
    )


# --------------------------------------------------------------------------------------- problems

_NOTHING = "Nothing was made, and no one was emailed."


def _unknown(wanted: str) -> Problem:
    return Problem(
        code="post.unknown",
        path=wanted,
        expected="a published post, by its path below posts/ or its id",
        got="none of that name",
        hint=_NOTHING,
    )


def _unpublished(ruling: Ruling) -> Problem:
    return Problem(
        code="post.unpublished",
        path=f"posts/{ruling.path}",
        expected="a post that is published",
        got="a draft" if ruling.verdict is Verdict.DRAFT else f"one that is not: {ruling.reason}",
        hint=_NOTHING,
    )


def _not_for_email(post: Post) -> Problem:
    return Problem(
        code="post.channels",
        path=f"posts/{post.path}",
        expected="a post for email",
        got="one whose channels leave out email",
        hint=_NOTHING,
    )


def _counts_as_sent(post: Post) -> Problem:
    return Problem(
        code="post.sent",
        path=f"posts/{post.path}",
        expected="a post of which this site knows who has it",
        got="one that counts as sent to everybody: it came with an archive, or a person said so",
        hint=_NOTHING,
    )


def _nobody(post: Post, readers: Readers) -> Problem:
    told = tell_left_out(readers).rstrip(".") or "nobody is on the list"
    return Problem(
        code="post.nobody",
        path=f"posts/{post.path}",
        expected="somebody who does not have this post",
        got=f"nobody: {told}",
        hint=_NOTHING,
    )


def _goes_already(post: Post, going: Edition) -> Problem:
    return Problem(
        code="post.going",
        path=f"posts/{post.path}",
        expected="a post that is not on its way",
        got=f"one that is in {going.name}, which is {going.state}",
        hint=f"Nothing was changed. To undo that one: publisher edition cancel {going.name}",
    )


def _changed_since_seen(post: Post) -> Problem:
    return Problem(
        code="post.changed",
        path=f"posts/{post.path}",
        expected="the post that you looked at",
        got="another text: it was changed since",
        hint=f"{_NOTHING} Look at it again.",
    )


def _changed_meanwhile(post: Post) -> Problem:
    return Problem(
        code="post.changed",
        path=f"posts/{post.path}",
        expected="a post that nobody else is mailing",
        got="one that somebody mails at this moment",
        hint=f"{_NOTHING} Look again.",
    )
