"""The nouns: frozen values that every layer shares; none does more than know itself."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from publisher.model.courses import (
        COURSE,
        Course,
        CourseMark,
        CourseState,
        course_series,
    )
    from publisher.model.editions import (
        ACTS_DONE,
        ACTS_FROM,
        ALONE,
        CORRECTION,
        TRANSITIONS,
        Act,
        CorrectedPost,
        Correction,
        Edition,
        EditionContent,
        EditionState,
        Edits,
        HeldReason,
        Letter,
        LetterPost,
        Link,
        SeriesLine,
        corrected_digest,
    )
    from publisher.model.feedback import (
        Failure,
        Meaning,
        Report,
        ReportKind,
        Taken,
    )
    from publisher.model.people import (
        Address,
        Consent,
        Subscriber,
        SubscriberState,
    )
    from publisher.model.posts import (
        Author,
        Body,
        Catalog,
        Channel,
        Image,
        Note,
        Part,
        Place,
        Post,
        PublishedPost,
        Reference,
        Ruling,
        Series,
        SeriesInfo,
        Verdict,
        Withdrawal,
    )
    from publisher.model.reviews import (
        Approval,
        Comment,
        Reply,
        ReviewAnswer,
        ReviewRequest,
        ReviewState,
    )
    from publisher.model.sending import (
        Accepted,
        Deferred,
        DeliveryState,
        Envelope,
        Notice,
        Outcome,
        Phase,
        Rejected,
        Uncertain,
    )
    from publisher.model.staff import (
        SIGN_IN_WITHIN,
        Event,
        Role,
        Session,
        Staff,
    )

__all__ = [
    "ACTS_DONE",
    "ACTS_FROM",
    "ALONE",
    "CORRECTION",
    "COURSE",
    "SIGN_IN_WITHIN",
    "TRANSITIONS",
    "Accepted",
    "Act",
    "Address",
    "Approval",
    "Author",
    "Body",
    "Catalog",
    "Channel",
    "Comment",
    "Consent",
    "CorrectedPost",
    "Correction",
    "Course",
    "CourseMark",
    "CourseState",
    "Deferred",
    "DeliveryState",
    "Edition",
    "EditionContent",
    "EditionState",
    "Edits",
    "Envelope",
    "Event",
    "Failure",
    "HeldReason",
    "Image",
    "Letter",
    "LetterPost",
    "Link",
    "Meaning",
    "Note",
    "Notice",
    "Outcome",
    "Part",
    "Phase",
    "Place",
    "Post",
    "PublishedPost",
    "Reference",
    "Rejected",
    "Reply",
    "Report",
    "ReportKind",
    "ReviewAnswer",
    "ReviewRequest",
    "ReviewState",
    "Role",
    "Ruling",
    "Series",
    "SeriesInfo",
    "SeriesLine",
    "Session",
    "Staff",
    "Subscriber",
    "SubscriberState",
    "Taken",
    "Uncertain",
    "Verdict",
    "Withdrawal",
    "corrected_digest",
    "course_series",
]

# To make its values' classes takes longer than a build that finds nothing changed may take.
_HOMES = {
    "courses": "COURSE Course CourseMark CourseState course_series",
    "editions": "ACTS_DONE ACTS_FROM ALONE CORRECTION TRANSITIONS Act CorrectedPost Correction Edition EditionContent EditionState Edits HeldReason Letter LetterPost Link SeriesLine corrected_digest",
    "feedback": "Failure Meaning Report ReportKind Taken",
    "people": "Address Consent Subscriber SubscriberState",
    "posts": "Author Body Catalog Channel Image Note Part Place Post PublishedPost Reference Ruling Series SeriesInfo Verdict Withdrawal",
    "reviews": "Approval Comment Reply ReviewAnswer ReviewRequest ReviewState",
    "sending": "Accepted Deferred DeliveryState Envelope Notice Outcome Phase Rejected Uncertain",
    "staff": "SIGN_IN_WITHIN Event Role Session Staff",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> object:
    """Load a noun when it is first asked for (PEP 562)."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value
