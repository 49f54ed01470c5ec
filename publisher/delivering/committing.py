"""The thread that owns the ledger while an edition is sent: what happened meanwhile, in one commit."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from queue import SimpleQueue
from typing import TYPE_CHECKING, Self

from publisher.delivering import gone
from publisher.store import ledger

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from publisher.delivering.limits import Limits
    from publisher.model import Edition
    from publisher.store import Store, Transaction

LEASE = timedelta(minutes=15)
"""Longer than the longest wait for one reply."""
_RENEW_AFTER = timedelta(minutes=1)


@dataclass(slots=True)
class Batch:
    """What one commit says: how mails ended, what never began, and what begins."""

    facts: list[ledger.Fact] = field(default_factory=list)
    gone: list[gone.Gone] = field(default_factory=list)
    """Whose address takes no mail any more."""
    put_back: list[ledger.Due] = field(default_factory=list)
    """Begun, and never on the wire."""
    suppressed: list[tuple[ledger.Due, str]] = field(default_factory=list)
    postponed: list[tuple[ledger.Due, datetime, str]] = field(default_factory=list)
    finished: list[ledger.Claim] = field(default_factory=list)
    beginnings: list[ledger.Beginning] = field(default_factory=list)
    claims: bool = False
    """Whether the next chunk is to be claimed."""

    def __bool__(self) -> bool:
        return bool(
            self.facts
            or self.gone
            or self.put_back
            or self.suppressed
            or self.postponed
            or self.finished
            or self.beginnings
            or self.claims
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """What came of a batch: an answer for each beginning, and the chunk that was claimed."""

    batch: Batch
    answers: list[ledger.Start] = field(default_factory=list)
    claim: ledger.Claim | None = None
    error: BaseException | None = None
    """Why nothing of the batch can be relied on: it is not known to be committed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """One edition's ledger, and how it is kept."""

    store: Store
    edition: Edition
    owner: str
    resend: bool
    clock: Callable[[], datetime]
    limits: Limits
    renewed_at: dict[ledger.Claim, datetime] = field(default_factory=dict)
    """When each chunk's lease was last made longer."""

    def commit(self, batch: Batch) -> Committed:
        """Write the batch in one transaction; raises Unavailable where the database cannot."""
        with self.store.write() as tx:
            return self._write(tx, batch, self.clock())

    def _write(self, tx: Transaction, batch: Batch, now: datetime) -> Committed:
        # The facts first: what is true must be written before anything follows from it.
        ledger.record_all(tx, self.edition, batch.facts, now=now)
        gone.suppress(tx, batch.gone, now=now)
        for due in batch.put_back:
            ledger.put_back(tx, due)
        for due, reason in batch.suppressed:
            ledger.suppress_delivery(tx, self.edition, due, reason)
        for due, until, reason in batch.postponed:
            ledger.postpone(tx, due, until, reason)
        allowed = self.limits.allow(tx, batch.beginnings, now)
        answers = ledger.start_all(tx, batch.beginnings[:allowed])
        answers += [ledger.Start.STOPPED] * (len(batch.beginnings) - allowed)
        self._renew(tx, {one.claim for one in batch.beginnings}, now)
        for one, answer in zip(batch.beginnings, answers, strict=True):
            if answer is ledger.Start.SKIPPED:
                ledger.suppress_delivery(tx, self.edition, one.due, "left before this mail began")
        for finished in batch.finished:
            ledger.finish_chunk(tx, finished, resend=self.resend)
        claim = self._claim(tx, now) if batch.claims else None
        begun = zip(batch.beginnings, answers, strict=True)
        started = [one for one, answer in begun if answer is ledger.Start.STARTED]
        self.limits.note(tx, started, now)
        return Committed(batch=batch, answers=answers, claim=claim)

    def _renew(self, tx: Transaction, claims: set[ledger.Claim], now: datetime) -> None:
        for claim in claims:
            if now - self.renewed_at.get(claim, datetime.min.replace(tzinfo=UTC)) >= _RENEW_AFTER:
                ledger.renew(tx, claim, until=now + LEASE)
                self.renewed_at[claim] = now

    def _claim(self, tx: Transaction, now: datetime) -> ledger.Claim | None:
        return ledger.claim_chunk(tx, self.edition.id, owner=self.owner, now=now, lease=LEASE)


class Committer:
    """Commits one batch at a time on a thread of its own, and rings when it is done."""

    def __init__(self, book: Book, ring: Callable[[], None]) -> None:
        self._book = book
        self._ring = ring
        self._asked: SimpleQueue[Batch | None] = SimpleQueue()
        self._done: SimpleQueue[Committed] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="committer")
        self.is_busy = False
        self.took_seconds = 0.0
        """How long the last commit took, waiting for its turn and for the disk included."""

    def submit(self, batch: Batch) -> None:
        """Take a batch; there is no other under way."""
        self.is_busy = True
        self._asked.put(batch)

    def take(self) -> Committed | None:
        """Return what came of the batch, once."""
        if not self.is_busy or self._done.empty():
            return None
        self.is_busy = False
        return self._done.get()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._asked.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (batch := self._asked.get()) is not None:
            began = time.monotonic()
            try:
                done = self._book.commit(batch)
            except BaseException as error:  # noqa: BLE001 - the loop raises it
                done = Committed(batch=batch, error=error)
            self.took_seconds = time.monotonic() - began
            self._done.put(done)
            self._ring()
