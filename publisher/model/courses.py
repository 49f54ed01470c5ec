"""Courses: a series sent to one subscriber from part 1 at a pace."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import date, datetime

COURSE: Final = "course:"
"""Begins the digest of a course's editions; the series' slug follows."""


class CourseMark(StrEnum):
    """What a reader wants of one part that receipts do not say."""

    SKIPPED = "skipped"  # not to be sent
    AGAIN = "again"  # to be sent although the reader has it


class CourseState(StrEnum):
    """Where a course stands, as its reader is told."""

    NONE = "none"  # never begun
    RUNNING = "running"  # the next part is out and has its day
    WAITING = "waiting"  # the next part is not out yet
    FINISHED = "finished"  # nothing more comes
    STOPPED = "stopped"  # by the reader, or by staff


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """One reader's course as it is kept."""

    series: str
    pace: str
    """``3d``: a part every three days at most."""
    started_on: date
    due_on: date | None
    """The first day on which the next part may go; nothing where the course is over."""
    ended_at: datetime | None
    """When it was stopped."""

    @property
    def is_running(self) -> bool:
        """Whether parts come, or will once they are out."""
        return self.ended_at is None and self.due_on is not None


def course_series(digest: str) -> str | None:
    """Return the series whose course an edition's digest is, or nothing for a real digest."""
    return digest.removeprefix(COURSE) if digest.startswith(COURSE) else None
