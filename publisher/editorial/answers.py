"""What an act on an edition comes to, said so that it is clear what did not happen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from publisher.model import Act, DeliveryState, EditionState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from publisher.model import Edition

    Counts = Mapping[DeliveryState, int]

_UNSENT = (
    DeliveryState.PENDING,
    DeliveryState.DEFERRED,
)


def count(number: int, noun: str, plural: str = "") -> str:
    """Return a count before its noun: ``1 letter``, ``2,000 letters``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def people(number: int) -> str:
    """Return how many people: ``1 person``, ``412 people``."""
    return count(number, "person", "people")


def tell_emailed(edition: Edition, counts: Counts) -> str:
    """Say who was emailed before an edition was cancelled, and that no one else will be."""
    if edition.rehearsal:
        return "It was a rehearsal: no one was emailed."
    accepted, begun = counts[DeliveryState.ACCEPTED], counts[DeliveryState.INFLIGHT]
    uncertain = counts[DeliveryState.UNCERTAIN]
    if not accepted and not begun and not uncertain:
        return "No one was emailed."
    were = "was" if accepted == 1 else "were"
    told = f"{accepted:,} of {edition.audience:,} {were} emailed before"
    told += f", {begun:,} is on the wire" if begun == 1 else f", {begun:,} are" if begun else ""
    told += f", {uncertain:,} may have been" if uncertain else ""
    return f"{told}; no one else will be."


def tell_progress(edition: Edition, counts: Counts) -> str:
    """Say how many have an edition and how many wait for it."""
    waiting = count_waiting(counts)
    has, waits = (
        ("has" if counts[DeliveryState.ACCEPTED] == 1 else "have"),
        ("waits" if waiting == 1 else "wait"),
    )
    return (
        f"{counts[DeliveryState.ACCEPTED]:,} of {edition.audience:,} {has} it, "
        f"{waiting:,} {waits}."
    )


def count_waiting(counts: Counts) -> int:
    """Return how many mails are still to begin, or to begin again."""
    return sum(counts[state] for state in _UNSENT)


def name_button(act: Act, edition: Edition, counts: Counts, *, expected: int) -> str:
    """Return what a button says: the act, and to how many.

    ``expected``: how many an edition is for that was not opened yet.
    """
    waiting = count_waiting(counts)
    reach = waiting if edition.letters else expected
    mails = count(reach, "email")
    names = {
        Act.HOLD: f"Hold {mails} back",
        Act.RELEASE: f"Let {mails} go",
        Act.PAUSE: f"Pause {mails}",
        Act.RESUME: f"Send the other {mails}",
        Act.CANCEL: f"Cancel {mails}",
    }
    stops = act is Act.CANCEL and counts[DeliveryState.ACCEPTED]
    return f"Stop {mails} for good" if stops else names[act]


def warn_of(act: Act, edition: Edition, counts: Counts, *, expected: int) -> str:
    """Say before an act what it cannot undo, and what it does not do; "" where it does no harm."""
    if act is not Act.CANCEL:
        return ""
    waiting, accepted = count_waiting(counts), counts[DeliveryState.ACCEPTED]
    if edition.rehearsal and (edition.is_correction or edition.is_alone):
        return "It is a rehearsal: no one is emailed either way."
    if edition.rehearsal:
        return "It is a rehearsal: no one is emailed either way. Its posts are new again."
    if not accepted:
        mails = people(waiting if edition.letters else expected)
        told = f"{mails} will not get it. No one was emailed."
        # A post mailed alone may be an old one, of which later editions say nothing.
        if edition.is_correction or edition.is_alone:
            return told
        return f"{told} Its posts are new again, for the next."
    return (
        f"{people(accepted)} already {'has' if accepted == 1 else 'have'} it, which cannot be "
        f"recalled; {people(waiting)} will not get it."
    )


def tell_done(act: Act, edition: Edition, counts: Counts, *, changed: bool) -> str:
    """Say what an act came to, but for when it goes."""
    if not changed and act is not Act.CANCEL:
        because = f" ({edition.reason})" if edition.reason else ""
        return f"Nothing was changed: {edition.name} is {edition.state}{because}."
    told = {
        Act.CANCEL: f"Cancelled{'' if changed else ' already'}. {tell_emailed(edition, counts)}",
        Act.PAUSE: f"Paused. {tell_progress(edition, counts)}",
        Act.RESUME: f"Resumed. {tell_progress(edition, counts)}",
        Act.HOLD: "Held. No one was emailed.",
        Act.RELEASE: "Released.",
    }
    follows = act is Act.RELEASE and edition.state is EditionState.DRAFT
    return f"{told[act]} It follows its posts until it goes." if follows else told[act]
