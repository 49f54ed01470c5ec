"""Corrections: an edition of its own to exactly those who have another one, or may have it.

What it says is kept beside it and frozen like any edition's content. It gives no post: receipts
stay as they are, so nobody misses a post because of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar
from zoneinfo import ZoneInfo

from publisher import posts as posts_module
from publisher.editing.changing import tidy_line
from publisher.editing.content import compose_content, letter_text
from publisher.editing.desk import other_kind
from publisher.editorial.choice import fill_subject, shorten
from publisher.editorial.correcting import (
    MOST_TEXT,
    begin_subject,
    find_corrected,
    find_obstacle,
    open_letter,
    slot_key,
)
from publisher.editorial.hand import UNDO, waits_for_live
from publisher.editorial.slots import slot_of_moment
from publisher.errors import NotFound, Problem, Refused
from publisher.letters import name_edition, plain_text
from publisher.model import CORRECTION, EditionState, LetterPost
from publisher.store import corrections, editions, hands, ledger

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

    from publisher.config import Digest
    from publisher.editing.desk import Desk
    from publisher.model import Correction, Edition, EditionContent, Post
    from publisher.store import Store, Transaction

BATCH = 10_000
"""People of one transaction."""

_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_CHANGEABLE = (EditionState.DRAFT, EditionState.SCHEDULED)
_AUDIENCE_RULE = (
    "whoever has the edition that this corrects, or may have it: mails that were accepted or are "
    "uncertain; without those who left since or must not be mailed"
)


# ----------------------------------------------------------------------------------------- writing


def draft_correction(
    desk: Desk, edition: Edition, wanted: Correction, *, by: str, now: datetime
) -> Edition:
    """Keep a correction of an edition as a draft; it goes once a person approves it.

    The same words to the same people are one edition, however often they are sent; once cancelled
    they may be written again. Raises Refused, NotFound or ContentError where it cannot be.
    """
    tidy = check_correction(desk, edition, wanted)
    name = f"{CORRECTION}{edition.digest}"
    with desk.store.write() as tx:
        current = hands.lock(tx, edition.id)
        for turn in range(len(corrections.read_of(tx, current.id)) + 1):
            slot = slot_of_moment(slot_key(tidy, turn), now, _digest_of(desk, current).zone)
            made = editions.insert(
                tx,
                digest=name,
                rehearsal=current.rehearsal,
                trial=current.trial,
                slot=slot,
                state=EditionState.DRAFT,
                now=now,
            )
            if made:
                corrections.write(tx, made.id, tidy)
                hands.note(tx, made, "write", by=by, now=now, detail=f"corrects {current.name}")
                hands.note(tx, current, "correct", by=by, now=now, detail=made.name)
                return made
            before = editions.read_by_slot(tx, name, slot.key)
            if before and before.state is not EditionState.CANCELLED:
                return before
    raise Refused(_changed_meanwhile(edition))


def change_correction(
    desk: Desk, edition: Edition, wanted: Correction, *, by: str, now: datetime
) -> Edition:
    """Change what a correction says; one that was approved is a draft again. Raises as drafting does."""
    with desk.store.read() as tx:
        corrected = editions.read_one(tx, wanted.corrects_id)
    tidy = check_correction(desk, corrected, wanted)
    with desk.store.write() as tx:
        current = hands.lock(tx, edition.id)
        if current.state not in _CHANGEABLE:
            raise Refused(_too_late(current))
        if corrections.read(tx, current.id) == tidy:
            return current
        corrections.write(tx, current.id, tidy)
        # Whoever was about to freeze what it said before must look again.
        editions.move(tx, current, EditionState.DRAFT)
        hands.note(tx, current, "edit", by=by, now=now, detail="what it says")
        return editions.read_one(tx, current.id)


def check_correction(desk: Desk, edition: Edition, wanted: Correction) -> Correction:
    """Return a correction as it would be kept; raises where it cannot be, and writes nothing."""
    with desk.store.read() as tx:
        counts = ledger.read_counts(tx, edition.id)
        content = editions.read_content(tx, edition.id) if edition.content_sha256 else None
    have = sum(counts[state] for state in ledger.MAY_HAVE)
    expected, got = find_obstacle(edition, have)
    if expected or content is None:
        raise Refused(_not_now(edition, expected, got))
    if edition.rehearsal != desk.rehearsal:
        hint = "Whoever got it that way is told that way. No one was emailed."
        raise Refused(other_kind(edition, hint))
    if desk.trial and not edition.trial:
        hint = "Nothing was written and no one was emailed. Go live first."
        raise Refused(waits_for_live(edition, hint))
    if not count_told(desk.store, edition)[1]:
        raise Refused(_nobody(edition))
    _digest_of(desk, edition)
    text = wanted.text.replace("\r\n", "\n").strip()
    if not text or len(text) > MOST_TEXT or _CONTROLS.search(text):
        raise Refused(_unfit_text(len(text)))
    posts_module.make_note(text, "text")
    if wanted.post_id and wanted.post_id not in {post.post_id for post in content.posts}:
        raise NotFound(_no_post(edition, content, wanted.post_id))
    subject = tidy_line(wanted.subject, "subject") or begin_subject(content.subject)
    return replace(wanted, subject=subject, text=text)


def count_told(store: Store, edition: Edition) -> tuple[int, int]:
    """Return how many have an edition or may have it, and how many of them can be told."""
    with store.read() as tx:
        counts = ledger.read_counts(tx, edition.id)
        return (
            sum(counts[state] for state in ledger.MAY_HAVE),
            ledger.count_holders(tx, edition.id, trial=edition.trial),
        )


def read_correction(store: Store, edition: Edition) -> tuple[Correction, Edition]:
    """Return what a correction says, and the edition it corrects."""
    with store.read() as tx:
        found = corrections.read(tx, edition.id)
        if found is None:
            raise NotFound(_lost(edition))
        return found, editions.read_one(tx, found.corrects_id)


def read_corrections(store: Store, edition: Edition) -> list[Edition]:
    """Return the corrections of an edition, oldest first."""
    with store.read() as tx:
        return corrections.read_of(tx, edition.id)


def give_a_minute(desk: Desk, edition: Edition, *, now: datetime) -> Edition:
    """Let a correction that is approved now go in a minute: it has no slot of its own.

    Raises Refused where what it corrects is being sent again.
    """
    if not edition.is_correction or edition.state is EditionState.SCHEDULED:
        return edition
    _, corrected = read_correction(desk.store, edition)
    expected, got = find_obstacle(corrected, count_told(desk.store, corrected)[0])
    if expected:  # its uncertain mails go again, and whoever gets one would not be told
        raise Refused(_not_now(corrected, expected, got))
    with desk.store.write() as tx:
        corrections.set_moment(tx, edition, now + UNDO)
        return editions.read_one(tx, edition.id)


# ---------------------------------------------------------------------------------------- content


def correction_content(desk: Desk, edition: Edition) -> EditionContent:
    """Return what a correction is made of: one item, the text, under what it is about."""
    said, corrected = read_correction(desk.store, edition)
    return compose_correction(desk, edition, said, corrected)


def compose_correction(
    desk: Desk, edition: Edition, said: Correction, corrected: Edition
) -> EditionContent:
    """Return the content of a correction, of which nothing need be stored yet."""
    digest = _digest_of(desk, corrected)
    with desk.store.read() as tx:
        before = editions.read_content(tx, corrected.id)
    dated_on = edition.fire_at.astimezone(ZoneInfo(digest.zone)).date()
    item = _item(desk, edition, said, before)
    bare = compose_content(
        desk.config,
        digest,
        edition,
        (),
        desk.catalog,
        desk.body_of,
        dated_on=dated_on,
        templates_sha256=desk.letters.fingerprint,
    )
    return replace(
        bare,
        digest=f"{CORRECTION}{corrected.digest}",
        title=f"Correction of {name_edition(before)}",
        subject=said.subject,
        discreet_subject=fill_subject(
            digest.discreet_subject,
            title=digest.title,
            first="",
            count=1,
            on=dated_on,
            number=edition.number or 0,
        ),
        preheader=shorten(item.text),
        intro=open_letter(before.dated_on),
        posts=(item,),
        audience_rule=_AUDIENCE_RULE,
    )


def _item(desk: Desk, edition: Edition, said: Correction, corrected: EditionContent) -> LetterPost:
    """Return the text as a letter's one item. Its id is no post's, so that it hides none."""
    about = next((post for post in corrected.posts if post.post_id == said.post_id), None)
    if about is None:
        url = corrected.web_url or desk.config.site.url
        about = LetterPost(
            post_id="",
            path="",
            source_sha256="",
            title=name_edition(corrected),
            url=url,
            summary="",
            html="",
            text="",
            words=0,
        )
    html = letter_text(posts_module.make_note(said.text, "text"), desk.config.site.url, about.url)
    return replace(
        about,
        post_id=f"{CORRECTION}{edition.id}",
        path="text",
        source_sha256="",
        summary="",
        html=html,
        text=plain_text(html),
        words=0,
        previous=None,
        next=None,
        lines=(),
        authors=(),
        correction="",
        warnings=(),
    )


def corrected_since(
    tx: Transaction, desk: Desk, digest: Digest, edition: Edition, but: Collection[str]
) -> list[Post]:
    """Return the posts that an edition tells its readers of, where they have them: corrected since."""
    if edition.is_course or edition.is_alone:
        return []
    before = corrections.read_before(tx, edition)
    if before is None:
        return []
    until = edition.fire_at.astimezone(ZoneInfo(digest.zone)).date()
    found = find_corrected(desk.catalog.posts, before, zone=digest.zone, until=until)
    return [post for post in found if post.id not in but]


# ---------------------------------------------------------------------------------------- opening


@dataclass(frozen=True, slots=True)
class HolderAudience:
    """Whom a correction goes to: each who has what it corrects, the one letter it has."""

    edition: Edition
    corrects_id: int
    item_id: str

    has_limit: ClassVar[bool] = True
    gives_posts: ClassVar[bool] = False

    def gather(self, tx: Transaction) -> ledger.Batch | None:
        """Group the next people."""
        return ledger.gather_holders(tx, self.edition, self.corrects_id, limit=BATCH)

    def choose(
        self, groups: Iterable[ledger.Group]
    ) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
        """Choose the one letter for all of them."""
        return {group.code: ((self.item_id,), ()) for group in groups}

    def settle(
        self, tx: Transaction, batch: ledger.Batch, given: Mapping[str, tuple[str, ...]]
    ) -> None:
        """Nothing is left to note."""


def holder_audience(desk: Desk, edition: Edition, content: EditionContent) -> HolderAudience:
    """Return whom a correction goes to."""
    said, _ = read_correction(desk.store, edition)
    return HolderAudience(edition, said.corrects_id, content.posts[0].post_id)


# --------------------------------------------------------------------------------------- problems


def _digest_of(desk: Desk, edition: Edition) -> Digest:
    digest = desk.digest(edition.digest)
    if digest is None:
        raise Refused(
            Problem(
                code="edition.digest",
                path=edition.name,
                expected=f"a table [digests.{edition.digest}] in the configuration",
                got="none",
                hint="Put it back, and write the correction then. Nothing was changed.",
            )
        )
    return digest


def _not_now(edition: Edition, expected: str, got: str) -> Problem:
    is_going = got and edition.state in {
        EditionState.READY,
        EditionState.SENDING,
        EditionState.PAUSED,
        EditionState.HELD,
    }
    stop = f" Stop it first: publisher edition cancel {edition.name}" if is_going else ""
    return Problem(
        code="correction.state",
        path=edition.name,
        expected=expected or "an edition that was sent",
        got=got or "one without content",
        hint=f"Nothing was changed, and no one was emailed.{stop}",
    )


def _nobody(edition: Edition) -> Problem:
    return Problem(
        code="correction.nobody",
        path=edition.name,
        expected="somebody who has this edition and can be mailed",
        got="nobody: all of them left since, or must not be mailed",
        hint="Nothing was changed, and no one was emailed.",
    )


def _unfit_text(length: int) -> Problem:
    got = "none" if not length else f"{length:,} characters"
    return Problem(
        code="correction.text",
        path="text",
        expected=f"a few words on what was wrong and what is right, at most {MOST_TEXT:,} characters",
        got=got if not length or length > MOST_TEXT else "signs that nobody sees",
        hint="Nothing was changed.",
    )


def _no_post(edition: Edition, content: EditionContent, post_id: str) -> Problem:
    listed = ", ".join(post.path for post in content.posts)
    return Problem(
        code="correction.post",
        path=edition.name,
        expected=f"a post of this edition: {listed}",
        got=post_id,
        hint="Nothing was changed.",
    )


def _too_late(edition: Edition) -> Problem:
    return Problem(
        code="edition.state",
        path=edition.name,
        expected="a correction that is a draft or waits for its time",
        got=f"one that is {edition.state}",
        hint="Nothing was changed.",
    )


def _changed_meanwhile(edition: Edition) -> Problem:
    return Problem(
        code="edition.changed_meanwhile",
        path=edition.name,
        expected="an edition as it was a moment ago",
        got="one that somebody is correcting",
        hint="Nothing was changed. Look again.",
    )


def _lost(edition: Edition) -> Problem:
    return Problem(
        code="correction.unknown",
        path=edition.name,
        expected="what the correction says",
        got="nothing",
        hint="Cancel it and write it again. No one was emailed.",
    )
