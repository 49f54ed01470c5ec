"""Reviews: who was asked, what they said, and which exact text it was about."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date, datetime


class ReviewAnswer(StrEnum):
    """What became of a request for a review."""

    APPROVED = "approved"
    CHANGES = "changes"
    """The reviewer asks for changes first."""
    OVERTAKEN = "overtaken"
    """Somebody else answered, or the same was asked anew."""


class ReviewState(StrEnum):
    """How a post's present text stands."""

    FREE = "free"
    """Nobody has to approve it."""
    UNREVIEWED = "unreviewed"
    """It waits for an approval that nobody was asked for."""
    ASKED = "asked"
    CHANGES = "changes"
    """Changes were asked for, of this text."""
    VOID = "void"
    """An earlier text of it was approved, and edited since."""
    APPROVED = "approved"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewRequest:
    """One person asked to review one post."""

    id: int
    post_id: str
    path: str
    source_sha256: str
    """The text it was asked about; the answer is about the one there is by then."""
    asked_by: str
    reviewer: str
    note: str
    due_on: date | None
    asked_at: datetime
    answer: ReviewAnswer | None = None
    answered_by: str = ""
    answered_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A person's word for one exact source and its images."""

    source_sha256: str
    reviewer: str
    approved_at: datetime
    note: str = ""
    checked: tuple[str, ...] = ()
    """What the reviewer affirmed, in the very words of the checklist of that day."""
    changes_since: str = ""
    """The approved text of which only the changes were looked at; "" where it was the whole."""
    data: bytes | None = None
    """The text that was approved, where it was kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What somebody answered to a comment."""

    by: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """What a person said of one paragraph of one exact text."""

    id: int
    post_id: str
    source_sha256: str
    """The text it was said of."""
    place: int
    """Which paragraph of that text, from 0."""
    words: str
    """What the paragraph said: by this it is found again in another text."""
    by: str
    text: str
    at: datetime
    replies: tuple[Reply, ...] = ()
    settled_by: str = ""
    """Who marked it as settled; "" while it is open."""
    settled_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether it still asks for something."""
        return self.settled_at is None
