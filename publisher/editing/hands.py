"""Staff's hand on one edition: hold, release, pause, resume, cancel, and what is uncertain of it.

Each act is one transaction that locks the edition, judges it as it is and changes it. Of two people
at once the second is judged by what the first did. The sender asks for the edition's state at each
start, so an act holds from the next mail on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from publisher.editing.freezing import approve
from publisher.editorial.hand import Done, Move, Refusal, judge_act
from publisher.errors import Problem, Refused
from publisher.model import Act, DeliveryState, EditionState, HeldReason
from publisher.store import editions, hands, ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from typing import Literal

    from publisher.editing.desk import Desk
    from publisher.model import Edition, Event
    from publisher.store import Store, Transaction

_CANCELLED = "cancelled by staff"
_COUNTED = "its posts count as sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """What an act came to."""

    edition: Edition
    changed: bool
    """False where it was so already."""
    counts: Mapping[DeliveryState, int]


def handle(
    store: Store,
    edition: Edition,
    act: Act,
    *,
    by: str,
    now: datetime,
    needs_approval: bool,
    open_desk: Callable[[], Desk],
) -> Handled:
    """Hold, release, pause, resume or cancel an edition; done already, it changes nothing.

    Raises Refused where its state does not allow it, saying what state that is, by whom, and what
    can be done; ContentError where the letter of a draft that is let go cannot be made.
    """
    with store.write() as tx:
        current = hands.lock(tx, edition.id)
        standing = hands.read_standing(tx, current, needs_approval=needs_approval, now=now)
        answer = judge_act(act, standing)
        match answer:
            case Refusal():
                raise Refused(_refusal(current, act, answer, hands.read_events(tx, current.id)))
            case Move(freezes=False):
                _move(tx, current, act, answer.to, by=by, now=now)
                hands.note(tx, current, act, by=by, now=now, detail=current.reason)
            case Move() | Done():
                pass
    if isinstance(answer, Move) and answer.freezes:
        _freeze(open_desk(), current, by=by, now=now)
    return _read(store, edition, changed=isinstance(answer, Move))


def _move(
    tx: Transaction, edition: Edition, act: Act, to: EditionState, *, by: str, now: datetime
) -> None:
    if act is Act.CANCEL:
        editions.move(tx, edition, to, closed_at=now)
        ledger.end_open(tx, edition, DeliveryState.CANCELLED, _CANCELLED)
    elif act is Act.RELEASE:
        _release(tx, edition, to, by=by, now=now)
    else:
        editions.move(tx, edition, to, reason=HeldReason.STAFF if act is Act.HOLD else "")


def _release(
    tx: Transaction, edition: Edition, to: EditionState, *, by: str, now: datetime
) -> None:
    """Let it go on; from here on nobody asks again whether it is late or changed."""
    is_unopened = to is EditionState.READY and not edition.letters
    editions.move(tx, edition, EditionState.SCHEDULED if is_unopened else to)
    if to is EditionState.READY:
        hands.note_word(tx, edition, by=by, now=now)
    if is_unopened:
        ledger.begin_opening(tx, editions.read_one(tx, edition.id), now=now)


def _freeze(desk: Desk, edition: Edition, *, by: str, now: datetime) -> None:
    problems = approve(desk, edition, by=by, now=now)
    if problems:
        raise Refused(*problems)


def _read(store: Store, edition: Edition, *, changed: bool) -> Handled:
    with store.read() as tx:
        return Handled(
            edition=editions.read_one(tx, edition.id),
            changed=changed,
            counts=ledger.read_counts(tx, edition.id),
        )


# -------------------------------------------------------------------------------------- uncertain


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """What a person's word on uncertain mails came to."""

    edition: Edition
    decided: int
    """How many deliveries."""
    posts: int
    """How many posts count as sent from now on, where nothing of the edition had begun."""
    counts: Mapping[DeliveryState, int]


def resolve(
    store: Store,
    edition: Edition,
    as_: Literal["accepted", "resend"],
    *,
    subscriber_id: int | None = None,
    by: str,
    now: datetime,
) -> Resolved:
    """Say what becomes of an edition's uncertain mails, one or all: taken as accepted, or sent again.

    A restored edition that was not opened may have gone as a whole: accepted, its posts count as
    sent and it is cancelled. Nothing uncertain changes nothing. Raises Refused where nothing of
    the edition can go any more.
    """
    with store.write() as tx:
        current = hands.lock(tx, edition.id)
        posts = decided = 0
        if _may_have_gone_whole(current):
            posts = _settle_whole(tx, current, as_, now=now)
        elif as_ == "accepted":
            decided = ledger.take_as_accepted(tx, current, subscriber_id)
            _close_if_sure(tx, current)
        else:
            decided = _send_again(tx, current, subscriber_id, by=by, now=now)
        if decided or posts:
            detail = f"{decided or posts} as {as_}"
            hands.note(tx, current, "resolve", by=by, now=now, detail=detail)
    read = _read(store, edition, changed=True)
    return Resolved(edition=read.edition, decided=decided, posts=posts, counts=read.counts)


def _may_have_gone_whole(edition: Edition) -> bool:
    is_restored = edition.state is EditionState.HELD and edition.reason == HeldReason.RESTORED
    return is_restored and not edition.letters


def _settle_whole(tx: Transaction, edition: Edition, as_: str, *, now: datetime) -> int:
    if as_ != "accepted":
        raise Refused(_nothing_began(edition))
    if edition.is_course:
        raise Refused(_of_a_course(edition))
    if edition.is_correction:
        raise Refused(_of_a_correction(edition))
    post_ids = [post_id for post_id, _ in editions.read_posts(tx, edition.id)]
    marked = hands.count_as_sent(tx, post_ids)
    if marked != len(post_ids):
        raise Refused(_unpublished(edition, len(post_ids) - marked))
    editions.move(tx, edition, EditionState.CANCELLED, reason=_COUNTED, closed_at=now)
    return marked


def _close_if_sure(tx: Transaction, edition: Edition) -> None:
    counts = ledger.read_counts(tx, edition.id)
    if not counts[DeliveryState.UNCERTAIN] and not counts[DeliveryState.EXPIRED]:
        ledger.reopen(tx, edition, EditionState.SENT)


def _send_again(
    tx: Transaction, edition: Edition, subscriber_id: int | None, *, by: str, now: datetime
) -> int:
    if edition.state is EditionState.CANCELLED:
        raise Refused(_no_more(edition))
    decided = ledger.let_go_again(tx, edition, subscriber_id, now=now)
    if decided:
        ledger.reopen(tx, edition, EditionState.SENDING)
        hands.note_word(tx, edition, by=by, now=now)
    return decided


# --------------------------------------------------------------------------------------- problems


def _refusal(edition: Edition, act: Act, answer: Refusal, events: list[Event]) -> Problem:
    last = f", {events[-1].verb} by {events[-1].by} at {events[-1].at:%H:%M} UTC" if events else ""
    commands = [f"publisher edition {one} {edition.name}" for one in answer.can]
    can = "What can be done: " + ", ".join(commands) if commands else "It is at its end"
    return Problem(
        code="edition.state",
        path=edition.name,
        expected=f"an edition that {_asked_of(act)}",
        got=f"one that {answer.why}{last}",
        hint=f"Nothing was changed. {can}.",
    )


def _asked_of(act: Act) -> str:
    return {
        Act.HOLD: "has not begun to be sent",
        Act.RELEASE: "is held and may go",
        Act.PAUSE: "is being sent",
        Act.RESUME: "is paused",
        Act.CANCEL: "is not at its end",
    }[act]


def _nothing_began(edition: Edition) -> Problem:
    return Problem(
        code="edition.state",
        path=edition.name,
        expected="an edition of which some mails are uncertain",
        got="one that this database never opened",
        hint=f"To send it: publisher edition release {edition.name}. Where it went out after the "
        f"backup: publisher edition resolve {edition.name} --as accepted",
    )


def _unpublished(edition: Edition, count: int) -> Problem:
    return Problem(
        code="edition.posts",
        path=edition.name,
        expected="posts that this database knows as published",
        got=f"{count} that it does not know yet",
        hint="Nothing was changed. Run publisher build, then this again.",
    )


def _of_a_course(edition: Edition) -> Problem:
    return Problem(
        code="edition.state",
        path=edition.name,
        expected="an edition of a digest, whose posts can count as sent",
        got="one of a course, of which nobody knows to whom it went",
        hint=f"Nothing was changed. To send it: publisher edition release {edition.name}. Else "
        f"publisher edition cancel {edition.name}; its parts come the next day.",
    )


def _of_a_correction(edition: Edition) -> Problem:
    return Problem(
        code="edition.state",
        path=edition.name,
        expected="an edition of a digest, whose posts can count as sent",
        got="a correction, of which nobody knows to whom it went",
        hint=f"Nothing was changed. To send it: publisher edition release {edition.name}. Else "
        f"publisher edition cancel {edition.name}",
    )


def _no_more(edition: Edition) -> Problem:
    return Problem(
        code="edition.state",
        path=edition.name,
        expected="an edition that can still be sent",
        got="one that is cancelled",
        hint=f"Nothing was changed. To settle it: publisher edition resolve {edition.name} "
        "--as accepted",
    )
