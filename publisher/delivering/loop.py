"""One edition on the wire: which mail begins when, and what becomes of it.

The loop's thread drives every line, the committer's owns the ledger. A mail that ended frees its
line, and the envelope of the next is offered to the relay on it; the next commit records that end and
begins the next mail, for all lines at once. Only then does the mail follow its envelope: until the
final dot a relay keeps nothing, so what is offered and never begun was never sent.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from publisher import deliverability
from publisher.deliverability import Breaker, Meaning, Pace
from publisher.delivering.committing import Batch, Book, Committed, Committer
from publisher.delivering.feed import Feed, Mail, domain_of, refused
from publisher.delivering.gone import Gone, Hearsay
from publisher.errors import Problem, PublisherError, Refused, Unavailable
from publisher.model import Deferred, Outcome, Uncertain
from publisher.store import ledger

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from publisher.delivering.composing import Writer
    from publisher.transport import Ended, Lines

_GATHER_SECONDS = 0.002
_GATHER_MOST_SECONDS = 0.02
"""How long a commit waits for the other lines, with no transaction open: as long as the last one took.

Where the disk is slow, or the machine busy, more lines then share one, and none waits twice as long.
"""
_LOOK_SECONDS = 0.5
"""How often it is asked whether to stop while nothing happens."""
DRAIN_SECONDS = 10.0
"""How long a stop waits for the mails on the wire."""
PATIENCE_SECONDS = 60.0
"""How long facts are kept in hand for a database that does not take them."""
_AGAIN_SECONDS = 0.5
_OURS = frozenset(
    {
        "transport.sign_in",
        "transport.certificate",
        "transport.tls",
        "transport.unsupported",
    }
)
"""What no waiting mends: a person has to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Why an edition cannot go on for now, and what follows from it."""

    problem: Problem
    pauses: bool = False
    """Whether it goes on only when a person says so."""
    rests: bool = False
    """Whether the relay is left alone for a while."""
    blamed: tuple[Gone, ...] = ()
    """Whom the relay called gone while it refused everybody."""


class Loop:
    """Sends one edition until nothing can start."""

    def __init__(
        self,
        book: Book,
        lines: Lines,
        writer: Writer,
        *,
        pace: Pace,
        is_live: bool,
        may_begin: int | None,
        is_stopping: Callable[[], bool],
        on_accepted: Callable[[], None],
    ) -> None:
        self._book = book
        self._lines = lines
        self._pace = pace
        self._may_begin = may_begin
        self._is_stopping = is_stopping
        self._on_accepted = on_accepted
        self._breaker = Breaker()
        self._hearsay = Hearsay(book.edition)
        self._feed = Feed(
            book,
            writer,
            is_live=is_live,
            is_resting=self._breaker.is_resting,
            ring=lines.wake,
        )
        self._committer = Committer(book, lines.wake)
        self._batch = Batch()
        self._batch_since = 0.0
        self._fresh: list[Mail] = []
        """Whose envelopes go to the relay in this turn."""
        self._offered: list[Mail] = []
        """Whose envelopes are with the relay, or about to be; the next commit begins them."""
        self._beginning: list[Mail] = []
        """What the commit that is under way begins."""
        self._early: dict[int, Outcome | PublisherError] = {}
        """What became of envelopes before their mails were known to have begun."""
        self._out: dict[int, Mail] = {}
        self._failed: list[Batch] = []
        self._stop: Stop | None = None
        self._unfed: Stop | None = None
        """Why no other mail can be composed."""
        self._was_halted = False
        self._drain_until = 0.0

    def run(self) -> Stop | None:
        """Send; return what stopped it before its end, if something did.

        Whatever is known by then is in the ledger. Raises what nobody foresaw; the mails on the
        wire are then uncertain.
        """
        with self._feed, self._committer:
            while True:
                self._heed_commit()
                if not self._feed.is_ready:
                    self._fill()
                self._choose()
                self._submit()
                self._offer()  # while the disk is at work
                self._fill()
                if self._is_over():
                    break
                for ended in self._lines.wait(self._patience()):
                    self._hear(ended)
        self._close_books()
        return self._stop

    # ------------------------------------------------------------------------------- turning

    @property
    def _is_ending(self) -> bool:
        """Whether no other mail is to begin."""
        return bool(self._stop or self._was_halted or self._is_stopping())

    def _is_over(self) -> bool:
        is_idle = not (self._out or self._offered or self._committer.is_busy)
        if self._is_ending:
            self._drain()
            return is_idle
        return is_idle and not self._batch and self._feed.is_dry

    def _drain(self) -> None:
        """Give the mails on the wire their time, and then hang up: how far each went is known."""
        now = time.monotonic()
        self._drain_until = self._drain_until or now + DRAIN_SECONDS
        if now > self._drain_until and self._is_stopping():
            for ended in self._lines.cut():
                self._hear(ended)

    def _fill(self) -> None:
        if self._is_ending:
            return
        if self._unfed:  # what was composed before still goes
            self._stop = None if self._feed.is_ready or self._waiting else self._unfed
            return
        ahead = 2 * self._pace.width
        try:
            self._feed.fill(ahead, self._batch)
        except (Refused, Unavailable) as error:
            self._unfed = Stop(problem=error.problems[0])
            return
        if self._feed.ask(ahead):
            self._batch.claims = True

    @property
    def _waiting(self) -> int:
        """How many mails are to begin."""
        return len(self._offered) + len(self._beginning)

    def _choose(self) -> None:
        """Choose the next mails to offer to the relay, as many as there is room for."""
        if self._is_ending or self._failed:
            return
        now = time.monotonic()
        free = self._lines.want(self._wanted())
        if self._lines.failure and not self._out:
            self._stop_for(self._lines.failure)
            return
        room = min(free, self._pace.room(len(self._out) + self._waiting, now))
        if self._may_begin is not None:
            room = min(room, self._may_begin - self._waiting)
            if self._may_begin <= 0 and self._feed.has_more:
                self._stop = Stop(problem=_enough_today())
                return
        while len(self._fresh) < room and (mail := self._feed.take()):
            self._fresh.append(mail)
        self._pace.begun(len(self._fresh))
        self._offered += self._fresh

    def _offer(self) -> None:
        """Give the relay the envelopes of what was chosen."""
        for mail in self._fresh:
            if not mail.refused:
                self._lines.begin(_key(mail), mail.envelope, mail.data, holds=True)
        self._fresh = []

    def _wanted(self) -> int:
        return self._pace.width if self._feed.has_more or self._waiting else 0

    def _submit(self) -> None:
        """Commit what happened, and begin what was offered."""
        if self._is_ending:
            self._take_back()
        if self._committer.is_busy or self._failed:
            return
        if not self._offered and not self._batch:
            self._feed.call()
            return
        if not self._batch_since:
            self._batch_since = time.monotonic()
        if self._gathers():
            return
        self._batch.finished = self._feed.take_finished()
        self._batch.beginnings = [mail.beginning for mail in self._offered]
        self._beginning, self._offered = self._offered, []
        self._committer.submit(self._batch)
        self._batch, self._batch_since = Batch(), 0.0

    def _take_back(self) -> None:
        """Let go of what was offered: it waits untried."""
        for mail in self._offered:
            self._lines.take_back(_key(mail))
            self._early.pop(_key(mail), None)
        self._offered, self._fresh = [], []

    def _gathers(self) -> bool:
        """Tell whether a little patience lets more lines share the commit."""
        others = len(self._out)
        is_many = max(len(self._offered), len(self._batch.facts)) >= others
        return not is_many and time.monotonic() - self._batch_since < self._gather_seconds

    @property
    def _gather_seconds(self) -> float:
        return min(max(_GATHER_SECONDS, self._committer.took_seconds), _GATHER_MOST_SECONDS)

    def _patience(self) -> float:
        if self._committer.is_busy or self._failed:
            return _LOOK_SECONDS
        if self._batch_since:
            return self._gather_seconds
        if self._batch:
            return 0.0
        waits = self._pace.wait_seconds(time.monotonic())
        return min(waits or _LOOK_SECONDS, _LOOK_SECONDS)

    # ------------------------------------------------------------------------------- commits

    def _heed_commit(self) -> None:
        done = self._committer.take()
        if done is None:
            return
        mails, self._beginning = self._beginning, []
        if isinstance(done.error, Unavailable):
            # Not known to be committed: nothing of it goes on the wire, and all of it is written again.
            self._failed.append(done.batch)
            self._stop = self._stop or Stop(problem=done.error.problems[0])
            self._offered += mails
            return
        if done.error:
            raise done.error
        self._heed(done, mails)

    def _heed(self, done: Committed, mails: list[Mail]) -> None:
        if done.batch.claims:
            self._feed.give(done.claim)
        for mail, answer in zip(mails, done.answers, strict=True):
            early = self._early.pop(_key(mail), None)
            if answer is ledger.Start.STARTED:
                self._begin(mail, mail.refused or early)
                continue
            self._lines.take_back(_key(mail))
            self._feed.end(mail.beginning.claim)
            self._was_halted = self._was_halted or answer is ledger.Start.STOPPED

    def _begin(self, mail: Mail, ended: Outcome | PublisherError | None) -> None:
        """Let a mail follow its envelope, unless the envelope alone was its end."""
        due = mail.beginning.due
        if self._may_begin is not None and due.first_attempt_at is None:
            self._may_begin -= 1
        if self._stop:
            self._lines.take_back(_key(mail))
            self._undo(mail)
            return
        self._out[_key(mail)] = mail
        if ended:
            self._end(_key(mail), ended)
        else:
            self._lines.send(_key(mail))

    # ------------------------------------------------------------------------------- ends

    def _hear(self, ended: Ended) -> None:
        """Take what became of a mail, or of its envelope while it is not known to have begun."""
        if ended.key in self._out:
            self._end(ended.key, ended.outcome)
            return
        self._early[ended.key] = ended.outcome
        if isinstance(ended.outcome, Unavailable):
            self._stop_for(ended.outcome)

    def _end(self, key: int, ended: Outcome | PublisherError) -> None:
        """Take what became of one mail."""
        mail = self._out.pop(key)
        due = mail.beginning.due
        if isinstance(ended, Unavailable):
            self._undo(mail)
            self._stop_for(ended)
            return
        outcome = refused(ended) if isinstance(ended, Refused) else ended
        if isinstance(outcome, PublisherError):
            raise outcome
        meaning = deliverability.read_outcome(outcome)
        reason = self._breaker.hear(outcome, domain_of(due))
        self._pace.hear(meaning, time.monotonic())
        gone = self._hearsay.hear(due, outcome)
        if reason:
            blamed = tuple(self._hearsay.lately)
            self._stop = self._stop or Stop(problem=_harmful(reason), pauses=True, blamed=blamed)
        if meaning is Meaning.TURNED_AWAY:
            self._undo(mail)
            return
        if meaning is Meaning.TAKEN:
            self._on_accepted()
        self._batch.facts.append(self._fact(due, outcome))
        self._batch.gone += gone
        self._feed.end(mail.beginning.claim)
        if self._pace.is_worn_out:
            self._stop = self._stop or Stop(problem=_worn_out(outcome), rests=True)

    def _undo(self, mail: Mail) -> None:
        """A relay that heard nothing of the reader undoes the start: it is not an attempt."""
        self._batch.put_back.append(mail.beginning.due)
        self._feed.end(mail.beginning.claim)

    def _fact(self, due: ledger.Due, outcome: Outcome) -> ledger.Fact:
        n = due.attempts + 1
        kept = deliverability.settle(outcome, n)
        next_at: datetime | None = None
        if isinstance(kept, Deferred | Uncertain):
            spread_by = f"{due.edition_id}:{due.subscriber_id}"
            next_at = self._book.clock() + deliverability.back_off(n, spread_by)
        return ledger.Fact(due=due, outcome=kept, next_attempt_at=next_at)

    def _stop_for(self, error: Unavailable) -> None:
        problem = error.problems[0]
        turned_away = problem.code == "transport.greeting" and problem.got.startswith("5")
        pauses = turned_away or problem.code in _OURS
        self._stop = self._stop or Stop(problem=problem, pauses=pauses)

    # ------------------------------------------------------------------------------- the end

    def _close_books(self) -> None:
        """Write what is not written yet and give the chunks back.

        Facts are kept in hand for a while where the database takes none; after that the rows they
        belong to stay as begun, and the next round calls them uncertain.
        """
        batch = _join([*self._failed, self._batch])
        batch.finished = [*batch.finished, *self._feed.claims]
        until = time.monotonic() + PATIENCE_SECONDS
        while batch:
            try:
                self._book.commit(batch)
            except Unavailable as error:
                if time.monotonic() > until or self._is_stopping():
                    self._stop = self._stop or Stop(problem=error.problems[0])
                    return
                threading.Event().wait(_AGAIN_SECONDS)
            else:
                return


def _key(mail: Mail) -> int:
    return mail.beginning.due.subscriber_id


def _join(batches: list[Batch]) -> Batch:
    """Return everything that several batches say has ended; what they would begin is undone."""
    joined = Batch()
    for one in batches:
        joined.facts += one.facts
        joined.gone += one.gone
        joined.put_back += [*one.put_back, *(begins.due for begins in one.beginnings)]
        joined.suppressed += one.suppressed
        joined.postponed += one.postponed
        joined.finished += one.finished
    return joined


def _harmful(reason: str) -> Problem:
    return Problem(
        code="relay.refused",
        path="mail.smtp",
        expected="a relay that takes our mail",
        got=reason,
        hint="The edition is paused and nobody is taken off the list. Mend it, then resume the edition.",
    )


def _enough_today() -> Problem:
    return Problem(
        code="mail.daily_limit",
        path="mail.daily_limit",
        level="warning",
        expected="fewer new mails than the limit of a day",
        got="as many as may begin today",
        hint="The rest goes by itself tomorrow; nothing is lost.",
    )


def _worn_out(outcome: Outcome) -> Problem:
    return Problem(
        code="relay.busy",
        path="mail.smtp",
        level="warning",
        expected="a relay that has time for us",
        got=outcome.reply,
        hint="It goes on by itself in a quarter of an hour; nothing is lost.",
    )
