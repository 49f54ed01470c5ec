"""Reviews judged: how a text stands, who wrote it, and whether a person may approve it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from publisher.errors import Problem
from publisher.model import ReviewAnswer, ReviewState

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from collections.abc import Set as AbstractSet

    from publisher.model import Approval, ReviewRequest


SMALL_CHANGE = 3
"""So many paragraphs may have changed for the changes to be approved by themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Save:
    """A source as a person saved it."""

    source_sha256: str
    saved_by: str


def judge_state(
    source_sha256: str,
    approved: AbstractSet[str],
    requests: Iterable[ReviewRequest],
    *,
    needs_review: bool,
) -> ReviewState:
    """Return how a post's present text stands.

    ``approved`` are the texts of it that were approved; ``requests`` come oldest first.
    """
    asked = list(requests)
    if source_sha256 in approved:
        return ReviewState.APPROVED
    if any(one.answer is None for one in asked):
        return ReviewState.ASKED
    answered = [one for one in asked if one.answer is not ReviewAnswer.OVERTAKEN]
    if answered and (answered[-1].answer, answered[-1].source_sha256) == (
        ReviewAnswer.CHANGES,
        source_sha256,
    ):
        return ReviewState.CHANGES
    if approved:
        return ReviewState.VOID
    return ReviewState.UNREVIEWED if needs_review else ReviewState.FREE


def writers(
    source_sha256: str, saves: Sequence[Save], requests: Iterable[ReviewRequest]
) -> tuple[str, ...]:
    """Return who wrote this exact text, as far as is known.

    That is who saved it, and who asked for a review of it. Of a text that came by another way it is
    who last saved the post before. ``saves`` come oldest first.
    """
    found = [one.saved_by for one in saves if one.source_sha256 == source_sha256]
    found += [one.asked_by for one in requests if one.source_sha256 == source_sha256]
    if not found and saves:
        found = [saves[-1].saved_by]
    return tuple(dict.fromkeys(filter(None, found)))


def is_same_person(one: str, other: str) -> bool:
    """Whether two names are of one person, whatever their case, spaces and titles behind a comma."""
    return _bare(one) == _bare(other) != ""


def _bare(name: str) -> str:
    return " ".join(name.partition(",")[0].casefold().split())


def refuse_own(by: str, wrote: Iterable[str], *, where: str) -> Problem | None:
    """Return why a person may not approve a text: they wrote it."""
    if not any(is_same_person(by, one) for one in wrote):
        return None
    return Problem(
        code="review.own",
        path=where,
        expected="an approval by somebody who did not write this text",
        got=f"{by}, who saved it or asked for its review",
        hint="Ask a colleague. Whoever works alone sets  [review] four_eyes = false",
    )


def refuse_unticked(
    checklist: Sequence[str], ticked: Collection[str] | None, *, where: str
) -> Problem | None:
    """Return why a text is not approved yet: items of the checklist that are not ticked.

    None stands for all of them, affirmed at once.
    """
    missing = [one for one in checklist if ticked is not None and one not in ticked]
    if not missing:
        return None
    return Problem(
        code="review.checklist",
        path=where,
        expected="every item of the checklist to be ticked",
        got=f"{len(missing)} not ticked: {'; '.join(missing)}",
        hint="Nothing was approved, and what you wrote is still here.",
    )


def find_whole(approvals: Sequence[Approval]) -> Approval | None:
    """Return the last approval of a whole text that the last approval rests on."""
    known = {one.source_sha256: one for one in approvals}
    found = approvals[-1] if approvals else None
    for _ in approvals:  # each step leads to an earlier one
        if found is None or not found.changes_since:
            return found
        found = known.get(found.changes_since)
    return None


def may_approve_changes(whole: Approval | None, checklist: Iterable[str], *, changed: int) -> bool:
    """Whether a few changes may be approved by themselves.

    ``whole`` is the approval of a whole text that they would rest on, with all of the present
    checklist affirmed; ``changed`` is how many paragraphs are another since then.
    """
    return (
        whole is not None and set(checklist) <= set(whole.checked) and 1 <= changed <= SMALL_CHANGE
    )


def warn_of_other(by: str, named: str, *, where: str) -> Problem | None:
    """Return a warning where the page will name another reviewer than the one who approved."""
    if not named or is_same_person(by, named):
        return None
    return Problem(
        code="review.other",
        path=where,
        level="warning",
        expected=f"the approval of {named}, whom the page names",
        got=f"that of {by}",
        hint="Correct  reviewer  in the front matter, if the page should name somebody else.",
    )
