"""Staff's hand on an edition: may it be held, released, paused, resumed or cancelled, and what then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from publisher.errors import Problem
from publisher.model import ACTS_DONE, ACTS_FROM, Act, EditionState, HeldReason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from publisher.model import Edition

UNDO: Final = timedelta(minutes=1)
"""So long what is sent now can still be cancelled without a mail."""
_APPROVABLE = (EditionState.DRAFT, EditionState.SCHEDULED, EditionState.HELD)
_LEADS_TO: Mapping[Act, EditionState] = {
    Act.HOLD: EditionState.HELD,
    Act.PAUSE: EditionState.PAUSED,
    Act.RESUME: EditionState.SENDING,
    Act.CANCEL: EditionState.CANCELLED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How an edition stands, as far as an act depends on it."""

    state: EditionState
    reason: str = ""
    is_frozen: bool = False
    is_opened: bool = False
    """Whether deliveries of it were written."""
    is_due: bool = False
    needs_approval: bool = False
    undecided: int = 0
    """Deliveries that may have been mailed after the backup it was restored from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """The act changes the edition's state."""

    to: EditionState
    freezes: bool = False
    """Its content has to be fixed for that: it waited as a draft until its slot had passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """There is nothing to do: it is so already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The act is not possible now."""

    why: str
    """Goes on after "it": "is sent"."""
    can: tuple[str, ...]
    """What can be done with it instead."""


Answer = Move | Done | Refusal


def judge_act(act: Act, standing: Standing) -> Answer:
    """Say what an act comes to, by the state an edition is in."""
    if standing.state in ACTS_DONE[act]:
        return Done()
    if standing.state not in ACTS_FROM[act]:
        return Refusal(why=f"is {standing.state}", can=possible_acts(standing))
    if act is Act.RELEASE:
        return _judge_release(standing)
    return Move(to=_LEADS_TO[act])


def _judge_release(standing: Standing) -> Answer:
    """Let it go on from where it was held; what a person lets go is neither late nor changed."""
    if standing.undecided:
        return Refusal(
            why=f"was restored, and {standing.undecided:,} of its mails may have gone out after "
            "the backup",
            can=("resolve", "cancel"),
        )
    if standing.is_opened:
        return Move(to=EditionState.READY)
    unapproved = standing.needs_approval and standing.is_due and not standing.is_frozen
    if unapproved or standing.reason == HeldReason.UNAPPROVED:
        return Refusal(why="waits for an approval", can=("approve", "cancel"))
    if standing.is_frozen:
        return Move(to=EditionState.READY if standing.is_due else EditionState.SCHEDULED)
    if standing.is_due:
        return Move(to=EditionState.SCHEDULED, freezes=True)
    return Move(to=EditionState.DRAFT)


def possible_acts(standing: Standing) -> tuple[str, ...]:
    """Return what staff can do with an edition, in the words of the commands."""
    acts = [str(act) for act in Act if standing.state in ACTS_FROM[act]]
    approvable = standing.state in _APPROVABLE and not standing.is_opened
    resolvable = standing.state is EditionState.PARTIAL
    return (*(("approve",) if approvable else ()), *acts, *(("resolve",) if resolvable else ()))


def waits_for_live(
    edition: Edition, hint: str = "It waits; no one was emailed. Go live, or cancel the edition."
) -> Problem:
    """Say that an edition for everybody waits while only staff are mailed."""
    return Problem(
        code="edition.trial",
        path=edition.name,
        level="warning",
        expected="a site that is live, as when this edition was made",
        got="a trial, in which only staff are emailed",
        hint=hint,
    )
