"""Readers who are gone: a relay that says so is believed once it took other mail from us."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from publisher import bounces, deliverability
from publisher.model import Accepted, Failure, Meaning, Rejected
from publisher.store import feedback, subscribers

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from publisher.model import Edition, Outcome
    from publisher.store import Transaction
    from publisher.store.ledger import Due


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """A reader of whom a relay said that nobody is there."""

    due: Due
    evidence: str


@dataclass(slots=True)
class Hearsay:
    """Who was said to be gone in one round of sending.

    A relay that refuses everybody says the same of everybody: nobody is suppressed before it took
    a mail, and whoever it refused since the last mail it took may be there after all.
    """

    edition: Edition
    lately: list[Gone] = field(default_factory=list)
    """Suppressed since the relay last took a mail."""
    _unproven: list[Gone] = field(default_factory=list)
    _is_proven: bool = False

    def hear(self, due: Due, outcome: Outcome) -> list[Gone]:
        """Take the end of one mail; return who is to be suppressed in its transaction."""
        if isinstance(outcome, Accepted):
            believed, self._unproven, self._is_proven = self._unproven, [], True
            self.lately = []
            return believed
        if self.edition.rehearsal or not isinstance(outcome, Rejected) or not _is_gone(outcome):
            return []
        one = Gone(due=due, evidence=f"{self.edition.name}: {_words(outcome)}")
        (self.lately if self._is_proven else self._unproven).append(one)
        return [one] if self._is_proven else []


def _is_gone(outcome: Rejected) -> bool:
    """Tell whether both say so: what counts for a reply, and what counts for a bounce."""
    failure = Failure(status=outcome.enhanced, reply=f"{outcome.code} {outcome.reply}")
    means_gone = deliverability.read_outcome(outcome) is deliverability.Meaning.GONE
    return means_gone and bounces.judge(failure) is Meaning.HARD


def _words(outcome: Rejected) -> str:
    said = outcome.reply
    return (said if outcome.enhanced in said else f"{outcome.enhanced} {said}").strip()


def suppress(tx: Transaction, gone: Iterable[Gone], *, now: datetime) -> None:
    """Record that these addresses are mailed no more."""
    for one in gone:
        reader = feedback.read_reader(tx, one.due.subscriber_id, key=one.due.address.key)
        if reader and subscribers.suppress(
            tx, [(reader.address_hash, "bounced", one.evidence)], now=now
        ):
            _note(tx, "suppress", one, now=now)


def take_back(tx: Transaction, gone: Iterable[Gone], *, now: datetime) -> None:
    """Mail these addresses again: the relay refused everybody, so it was not about them."""
    for one in gone:
        reader = feedback.read_reader(tx, one.due.subscriber_id, key=one.due.address.key)
        if reader and feedback.remove_suppression(
            tx, reader.address_hash, reason="bounced", evidence=one.evidence
        ):
            _note(tx, "release", one, now=now)


def _note(tx: Transaction, verb: str, one: Gone, *, now: datetime) -> None:
    subject = f"subscriber:{one.due.subscriber_id}"
    subscribers.note(tx, "delivery", verb, subject, now=now, detail=f"bounced: {one.evidence}")
