"""From slots to editions: plan, draft, approve, freeze, open.

desk       what editions are made with; holding one for a person
drafting   slots that are due, and the drafts that follow the files
courses    the due parts of a series, an edition a day
alone      one published post mailed now, by an edition more
content    what an edition is made of
corrections  what was wrong, to exactly those who have it
checking   its letter tried and looked through
freezing   content fixed by its slot or by a person
opening    a frozen edition becomes deliveries, a letter for each set of its posts
hands      staff hold, release, pause, resume, cancel; what is uncertain is decided
changing   a draft changed by hand: order, what waits, intro, subject, preheader
planning   what would go when, and how it would look

Each function reads, decides with the pure judgement of ``editorial``, acts and records. Every step
may run twice and two schedulers may run at once: the slot's key and the edition's version decide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from publisher.editing.alone import (
    Mailing,
    check_alone,
    describe_readers,
    find_going,
    find_published,
    mail_alone,
)
from publisher.editing.changing import change_draft, read_edits
from publisher.editing.checking import inspect_letter, try_letter
from publisher.editing.corrections import (
    change_correction,
    check_correction,
    compose_correction,
    count_told,
    draft_correction,
    read_correction,
    read_corrections,
)
from publisher.editing.courses import decide_courses
from publisher.editing.desk import Desk
from publisher.editing.drafting import (
    decide_due_slots,
    draft_ahead,
    draft_now,
    keep_coming_draft,
    see_digests,
)
from publisher.editing.freezing import (
    approve,
    current_content,
    freeze,
    schedule_one,
    settle_drafts,
)
from publisher.editing.hands import Handled, Resolved, handle, resolve
from publisher.editing.opening import open_editions
from publisher.editing.planning import PlannedEdition, count_reach, plan, preview, version_for

if TYPE_CHECKING:
    from datetime import datetime

    from publisher.config import Digest
    from publisher.errors import Problem

__all__ = [
    "Desk",
    "Handled",
    "Mailing",
    "PlannedEdition",
    "Resolved",
    "advance",
    "approve",
    "change_correction",
    "change_draft",
    "check_alone",
    "check_correction",
    "compose_correction",
    "count_reach",
    "count_told",
    "current_content",
    "describe_readers",
    "draft_ahead",
    "draft_correction",
    "draft_what_is_new",
    "find_going",
    "find_published",
    "freeze",
    "handle",
    "inspect_letter",
    "mail_alone",
    "open_editions",
    "plan",
    "preview",
    "read_correction",
    "read_corrections",
    "read_edits",
    "resolve",
    "schedule_one",
    "settle_drafts",
    "try_letter",
    "version_for",
]


def advance(desk: Desk, *, now: datetime, one_more: Digest | None = None) -> list[Problem]:
    """Bring every digest and course to ``now``: decide due slots, freeze and open what may go, keep drafts.

    ``one_more`` gets an edition of its own now, of what its due slots left over.
    """
    seen = see_digests(desk, now=now)
    for digest in desk.config.digests.values():
        decide_due_slots(desk, digest, seen_at=seen[digest.name], now=now)
    decide_courses(desk, now=now)
    problems = settle_drafts(desk, now=now)
    if one_more:
        draft_now(desk, one_more, now=now)
        problems += settle_drafts(desk, now=now)
    for digest in desk.config.digests.values():
        keep_coming_draft(desk, digest, now=now)
    return problems + open_editions(desk, now=now)


def draft_what_is_new(desk: Desk, *, now: datetime) -> None:
    """Draft an edition of everything new in every digest, whether a slot came or not; send nothing."""
    seen = see_digests(desk, now=now)
    for digest in desk.config.digests.values():
        decide_due_slots(desk, digest, seen_at=seen[digest.name], now=now)
        draft_now(desk, digest, now=now)
