"""What may begin: chunks claimed, their rows read, and a few mails composed and signed ahead."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Self

from publisher import deliverability
from publisher.errors import Refused
from publisher.model import Envelope, Phase, Rejected
from publisher.store import ledger

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from publisher.delivering.committing import Batch, Book
    from publisher.delivering.composing import Writer

_ROWS = 500
_SIGNERS = 2
_STALE = timedelta(minutes=1)
"""A mail that was composed so long before it begins is dated anew."""
NEVER = 553
"""What an address or a header that no transport takes counts as (RFC 5321 section 4.2.3)."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail ready to begin."""

    beginning: ledger.Beginning
    envelope: Envelope
    data: bytes
    refused: Rejected | None = None
    """Why it must not reach the wire."""


@dataclass(slots=True)
class _Chunk:
    after: int = 0
    is_read: bool = False
    open: int = 0
    """Rows that were read and have no end yet."""


class Feed:
    """The mails of one edition, in order; belongs to the loop's thread, but for the signing."""

    def __init__(
        self,
        book: Book,
        writer: Writer,
        *,
        is_live: bool,
        is_resting: Callable[[str], bool],
        ring: Callable[[], None],
    ) -> None:
        self._book = book
        self._writer = writer
        self._is_live = is_live
        self._is_resting = is_resting
        self._ring = ring
        self._chunks: dict[ledger.Claim, _Chunk] = {}
        self._rows: deque[tuple[ledger.Claim, ledger.Due]] = deque()
        self._ready: deque[Future[Mail] | Mail] = deque()
        self._pool = ThreadPoolExecutor(_SIGNERS, "signer") if writer.signs else None
        self._is_awaited = threading.Event()
        self._lacks_one = False
        """Whether there was room for a mail that is not signed yet."""
        self._is_claiming = False
        self._has_last = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool:
            self._pool.shutdown(cancel_futures=True)

    # ------------------------------------------------------------------------------- chunks

    @property
    def is_dry(self) -> bool:
        """Whether nothing is left that may begin now."""
        return self._has_last and not self.has_more

    @property
    def is_ready(self) -> bool:
        """Whether a mail is composed, or about to be."""
        return bool(self._ready)

    @property
    def has_more(self) -> bool:
        """Whether there is a mail that may begin, or will be when it is signed."""
        return bool(self._ready or self._rows) or any(
            not one.is_read for one in self._chunks.values()
        )

    @property
    def claims(self) -> list[ledger.Claim]:
        """The chunks that are ours."""
        return list(self._chunks)

    def ask(self, ahead: int) -> bool:
        """Tell whether the next chunk is needed; it counts as asked for."""
        unread = any(not one.is_read for one in self._chunks.values())
        enough = unread or len(self._rows) + len(self._ready) > ahead
        if self._has_last or self._is_claiming or enough:
            return False
        self._is_claiming = True
        return True

    def give(self, claim: ledger.Claim | None) -> None:
        """Take the chunk that was asked for; there may be none."""
        self._is_claiming = False
        if claim is None:
            self._has_last = True
        else:
            self._chunks[claim] = _Chunk()

    def end(self, claim: ledger.Claim) -> None:
        """Note that one of a chunk's rows has its end."""
        self._chunks[claim].open -= 1

    def take_finished(self) -> list[ledger.Claim]:
        """Return the chunks whose rows all have their end, and let go of them."""
        over = [claim for claim, one in self._chunks.items() if one.is_read and not one.open]
        for claim in over:
            del self._chunks[claim]
        return over

    # ------------------------------------------------------------------------------- mails

    def fill(self, count: int, batch: Batch) -> None:
        """Have so many mails composed, as far as there are; who gets none is told in the batch.

        Raises Refused where a letter can be no mail, Unavailable where the store does not answer.
        """
        while len(self._ready) < count and (self._rows or self._read_more()):
            claim, due = self._rows.popleft()
            reason = self._unmailable(due)
            if reason:
                batch.suppressed.append((due, reason))
                self.end(claim)
            elif self._is_resting(domain_of(due)):
                until = self._book.clock() + deliverability.DOMAIN_WAIT
                batch.postponed.append((due, until, "its domain takes no more from us for now"))
                self.end(claim)
            else:
                self._writer.prepare(due.letter_id, text_only=due.text_only)
                self._compose_ahead(claim, due)

    def take(self) -> Mail | None:
        """Return the next mail, if it is composed and signed."""
        if not self._ready:
            return None
        first = self._ready[0]
        if isinstance(first, Future):
            self._lacks_one = not first.done()
            if self._lacks_one:
                return None
            first = first.result()
        self._ready.popleft()
        begins = first.beginning
        if begins.due.first_attempt_at is None and self._book.clock() - begins.at > _STALE:
            return self._compose(begins.claim, begins.due)
        return first

    def _read_more(self) -> bool:
        for claim, chunk in self._chunks.items():
            if chunk.is_read:
                continue
            with self._book.store.read() as tx:
                rows = ledger.read_due(
                    tx,
                    claim,
                    now=self._book.clock(),
                    resend=self._book.resend,
                    after=chunk.after,
                    limit=_ROWS,
                )
            chunk.is_read = len(rows) < _ROWS
            chunk.open += len(rows)
            if rows:
                chunk.after = rows[-1].subscriber_id
                self._rows.extend((claim, due) for due in rows)
                return True
        return False

    def _unmailable(self, due: ledger.Due) -> str:
        if not due.address.key:
            return "the person was erased"
        if self._is_live and deliverability.is_reserved(due.address):
            return "a domain reserved for examples (RFC 2606)"
        return ""

    def _compose_ahead(self, claim: ledger.Claim, due: ledger.Due) -> None:
        if self._pool is None:
            self._ready.append(self._compose(claim, due))
            return
        made = self._pool.submit(self._compose, claim, due)
        made.add_done_callback(self._ring_if_awaited)
        self._ready.append(made)

    def call(self) -> None:
        """Ring when a mail is signed, where one was lacking and there is nothing else to do."""
        if not self._lacks_one:
            return
        self._lacks_one = False
        self._is_awaited.set()
        first = self._ready[0]
        if isinstance(first, Future) and first.done():  # perhaps before anybody was to ring
            self._ring()

    def _ring_if_awaited(self, _made: Future[Mail]) -> None:
        if self._is_awaited.is_set():
            self._is_awaited.clear()
            self._ring()

    def _compose(self, claim: ledger.Claim, due: ledger.Due) -> Mail:
        now = self._book.clock().replace(microsecond=0)
        begins = ledger.Beginning(claim=claim, due=due, at=now)
        try:
            envelope, data = self._writer.write(due, due.first_attempt_at or now)
        except Refused as error:
            return Mail(begins, Envelope(sender="", recipient=""), b"", refused(error))
        return Mail(begins, envelope, data)


def refused(error: Refused) -> Rejected:
    """Return what a mail that must not reach the wire counts as."""
    return Rejected(code=NEVER, reply=error.problems[0].got, enhanced="5.6.0", phase=Phase.RCPT)


def domain_of(due: ledger.Due) -> str:
    """Return the domain a mail goes to."""
    return due.address.key.rpartition("@")[2]
