"""Editions, their content and the letters made of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from publisher.model.courses import course_series

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


CORRECTION: Final = "correction:"
"""Begins the digest of a correction's editions; the digest of what it corrects follows."""


ALONE: Final = "post:"
"""Begins the slot of an edition that brings one post alone, asked for by a person."""


def corrected_digest(digest: str) -> str | None:
    """Return the digest whose editions these correct, or nothing where they correct none."""
    return digest.removeprefix(CORRECTION) if digest.startswith(CORRECTION) else None


class EditionState(StrEnum):
    """The life of an edition; ``sent partial cancelled failed missed`` are the ends."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"  # frozen
    READY = "ready"  # rows are being made
    SENDING = "sending"
    PAUSED = "paused"
    SENT = "sent"
    PARTIAL = "partial"
    HELD = "held"  # needs a person
    CANCELLED = "cancelled"
    FAILED = "failed"
    MISSED = "missed"


_S = EditionState

TRANSITIONS: Final[Mapping[EditionState, frozenset[EditionState]]] = MappingProxyType(
    {
        _S.DRAFT: frozenset({_S.SCHEDULED, _S.HELD, _S.CANCELLED, _S.FAILED, _S.MISSED}),
        _S.SCHEDULED: frozenset({_S.DRAFT, _S.READY, _S.HELD, _S.CANCELLED, _S.MISSED}),
        _S.READY: frozenset({_S.SENDING, _S.HELD, _S.CANCELLED}),
        _S.SENDING: frozenset({_S.PAUSED, _S.HELD, _S.SENT, _S.PARTIAL, _S.CANCELLED}),
        _S.PAUSED: frozenset({_S.SENDING, _S.HELD, _S.CANCELLED}),
        _S.HELD: frozenset({_S.DRAFT, _S.SCHEDULED, _S.READY, _S.SENDING, _S.CANCELLED}),
        # A person may say later what became of its uncertain mails.
        _S.PARTIAL: frozenset({_S.SENDING, _S.SENT}),
        _S.SENT: frozenset(),
        _S.CANCELLED: frozenset(),
        _S.FAILED: frozenset(),
        _S.MISSED: frozenset(),
    }
)
"""Where each state may lead."""


class Act(StrEnum):
    """What staff may do with an edition."""

    HOLD = "hold"
    RELEASE = "release"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"


ACTS_FROM: Final[Mapping[Act, frozenset[EditionState]]] = MappingProxyType(
    {
        Act.HOLD: frozenset({_S.DRAFT, _S.SCHEDULED, _S.READY}),
        Act.RELEASE: frozenset({_S.HELD}),
        Act.PAUSE: frozenset({_S.SENDING}),
        Act.RESUME: frozenset({_S.PAUSED}),
        Act.CANCEL: frozenset({_S.DRAFT, _S.SCHEDULED, _S.READY, _S.SENDING, _S.PAUSED, _S.HELD}),
    }
)
"""The states in which each act changes something."""

ACTS_DONE: Final[Mapping[Act, frozenset[EditionState]]] = MappingProxyType(
    {
        Act.HOLD: frozenset({_S.HELD}),
        Act.RELEASE: frozenset({_S.DRAFT, _S.SCHEDULED, _S.READY, _S.SENDING}),
        Act.PAUSE: frozenset({_S.PAUSED}),
        Act.RESUME: frozenset({_S.SENDING}),
        Act.CANCEL: frozenset({_S.CANCELLED}),
    }
)
"""The states in which each act has nothing left to do: said twice it is no mistake."""


class HeldReason(StrEnum):
    """Why an edition waits for a person."""

    LATE = "late"
    UNAPPROVED = "unapproved"
    CHANGED = "changed"
    PREFLIGHT = "preflight"
    RESTORED = "restored"
    RELAY = "relay"
    VERSIONS = "versions"
    STAFF = "staff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A title and where it leads, absolute."""

    title: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesLine:
    """One line of a series list in a letter: a part with its link, or one still to come."""

    number: int
    title: str
    url: str
    post_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterPost:
    """A post as a letter shows it, frozen with its edition; every address is absolute."""

    post_id: str
    path: str
    source_sha256: str
    title: str
    url: str
    summary: str
    html: str
    """The full text for ``content = "full"``; empty for summaries."""
    text: str
    """The same as plain text; empty for summaries."""
    words: int
    series: str = ""
    series_title: str = ""
    series_url: str = ""
    part: int | None = None
    total: int | None = None
    previous: Link | None = None
    next: Link | None = None
    lines: tuple[SeriesLine, ...] = ()
    """The whole series in order."""
    authors: tuple[str, ...] = ()
    correction: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedPost:
    """A post of an earlier edition that was corrected since, for those who have it."""

    post_id: str
    title: str
    url: str
    """Empty where it has no page."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EditionContent:
    """Everything a letter of this edition is made of; ``content_sha256`` covers it."""

    digest: str
    number: int
    rehearsal: bool
    title: str
    """The digest's title."""
    dated_on: str
    """The slot's local date, ISO."""
    subject: str
    discreet_subject: str
    preheader: str
    intro: str
    posts: tuple[LetterPost, ...]
    site_name: str
    site_url: str
    language: str
    author: str
    accent: str
    notice: str
    crisis: str
    postal_address: str
    web_url: str
    """The edition's own page."""
    audience_rule: str
    templates_sha256: str
    corrected: tuple[CorrectedPost, ...] = ()
    """Told to those who have them; content that was frozen before there were such has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """An edition's mail for one set of its posts: inlined HTML and text, with slots as tokens."""

    key: str
    """SHA-256 over the ids of its posts, in order."""
    post_ids: tuple[str, ...]
    html: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Edits:
    """What staff changed of a draft; what is empty is as the posts and the digest have it."""

    subject: str = ""
    preheader: str = ""
    intro: str = ""
    """Paragraphs of plain text, an empty line between two."""
    order: tuple[str, ...] = ()
    """Post ids; what is not named comes after them."""
    left_out: tuple[str, ...] = ()
    """Post ids that wait for a later edition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What staff wrote to those who have an edition."""

    corrects_id: int
    """The edition that is corrected."""
    subject: str
    text: str
    """Markdown."""
    post_id: str = ""
    """Which of its posts it is about; empty for the edition as a whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """One numbered mailing of a digest for one slot."""

    id: int
    digest: str
    number: int | None
    """Missing only where the edition never was one: ``missed``."""
    rehearsal: bool
    trial: bool = False
    """Whether it goes to staff alone."""
    slot: str
    """The natural key: ``2026-11-24T07:30[America/New_York]``; ``now:`` and an instant; or ``post:``
    and a post's mark."""
    fire_at: datetime
    state: EditionState
    reason: str = ""
    version: int = 1
    subject: str = ""
    content_sha256: str = ""
    audience: int = 0
    letters: int = 0
    approved_by: str = ""
    approved_at: datetime | None = None
    """When a person approved it; nothing where its digest asks for no approval."""
    closed_at: datetime | None = None

    @property
    def name(self) -> str:
        """How people call it: ``weekly/12``."""
        return f"{self.digest}/{self.number if self.number is not None else '-'}"

    @property
    def is_course(self) -> bool:
        """Whether it brings the due parts of a series, a letter a part."""
        return course_series(self.digest) is not None

    @property
    def is_alone(self) -> bool:
        """Whether it brings one post alone, outside its digest's slots."""
        return self.slot.startswith(ALONE)

    @property
    def is_correction(self) -> bool:
        """Whether it corrects another edition, for those who have that."""
        return corrected_digest(self.digest) is not None
