"""The ledger under every order of events: workers that stop, wake and die, people who leave."""

from __future__ import annotations

import itertools
import json
import shutil
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from typing_extensions import override

from publisher.model import (
    Accepted,
    Deferred,
    DeliveryState,
    EditionState,
    Phase,
    Rejected,
    Uncertain,
)
from publisher.store import Store, dialect, editions, ledger, schema, subscribers
from publisher.store.ledger import UNSENT, Fact, Start
from tests import stores
from tests.factories import NOON
from tests.stores import LEASE, POSTS, freeze_edition, make_person, open_batch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

    from publisher.model import Edition, Outcome
    from publisher.store import Transaction
    from publisher.store.ledger import Claim, Due

prepared_file = stores.prepared_file

OUTCOMES: tuple[Outcome, ...] = (
    Accepted(),
    Deferred(code=451, reply="later", phase=Phase.RCPT),
    Rejected(code=550, reply="no", phase=Phase.RCPT),
    Uncertain(reply="lost"),
)
OVER = (EditionState.SENT, EditionState.PARTIAL, EditionState.CANCELLED)
OPEN = (DeliveryState.PENDING, DeliveryState.INFLIGHT, DeliveryState.DEFERRED)
DIGESTS = {"weekly": POSTS, "daily": POSTS[1:]}
BACK_OFF = timedelta(minutes=5)
WORKERS = st.integers(0, 2)


@dataclass(slots=True)
class Worker:
    """What a worker remembers; nobody tells it when it was taken over."""

    edition: Edition | None = None
    claim: Claim | None = None
    page: list[Due] = field(default_factory=list)
    wire: Due | None = None

    @property
    def is_on_wire(self) -> bool:
        return self.wire is not None


class Ledger(RuleBasedStateMachine):
    """Three workers, up to two editions with a post in common, and a few readers."""

    def __init__(self, template: Path, path: Path) -> None:
        super().__init__()
        shutil.copyfile(template, path)
        self.store = Store("", path)
        self.now = NOON
        self.resend = True
        self.workers = [Worker() for _ in range(3)]
        self.accepted: Counter[tuple[int, int]] = Counter()
        """How often an acceptance of a delivery was recorded."""

    @initialize(people=st.integers(1, 4), resend=st.booleans(), batch=st.integers(1, 3))
    def begin(self, people: int, resend: bool, batch: int) -> None:
        self.resend = resend
        self.batch = batch
        with self.store.write() as tx:
            for n in range(people):
                series = ("rest",) if n % 2 else ()
                subscribers.add(tx, [make_person(f"reader{n + 1}", series=series)])
        self.open("weekly")

    @override
    def teardown(self) -> None:
        try:
            self.drain()
        finally:
            self.store.close()

    # ------------------------------------------------------------------------- what is there

    def editions(self, *states: EditionState) -> list[Edition]:
        with self.store.read() as tx:
            return editions.read_all(tx, states=states)

    def pick(self, index: int, *states: EditionState) -> Edition | None:
        found = self.editions(*states)
        return found[index % len(found)] if found else None

    # -------------------------------------------------------------------------------- people

    @rule(person=st.integers(1, 4))
    def leave(self, person: int) -> None:
        with self.store.write() as tx:
            subscribers.unsubscribe(tx, person, now=self.now)

    @rule(person=st.integers(1, 4))
    def suppress(self, person: int) -> None:
        with self.store.write() as tx:
            fact = (f"hash of reader{person}", "bounced", "")
            subscribers.suppress(tx, [fact], now=self.now)

    @rule(person=st.integers(1, 4))
    def erase(self, person: int) -> None:
        with self.store.write() as tx:
            tx.execute(sa.delete(schema.subscribers).where(schema.subscribers.c.id == person))

    # ------------------------------------------------------------------------------ editions

    @precondition(lambda self: len(self.editions()) < len(DIGESTS))
    @rule()
    def open_another(self) -> None:
        self.open("daily")

    def open(self, digest: str) -> None:
        """Open an edition batch by batch, the second time after a look that finds it unfinished."""
        edition = freeze_edition(self.store, digest=digest, post_ids=DIGESTS[digest])
        with self.store.write() as tx:
            assert ledger.begin_opening(tx, edition, now=self.now)
        more = True
        while more:
            with self.store.write() as tx:
                more = open_batch(tx, edition, limit=self.batch, now=self.now)
        with self.store.write() as tx:
            assert ledger.finish_opening(tx, edition)

    def move(self, edition: Edition | None, state: EditionState) -> None:
        if edition is None:
            return
        with self.store.write() as tx:
            assert editions.move(tx, edition, state, reason="staff")
            if state is EditionState.CANCELLED:
                ledger.end_open(tx, edition, DeliveryState.CANCELLED, "cancelled")

    @rule(index=st.integers(0, 1), state=st.sampled_from([EditionState.PAUSED, EditionState.HELD]))
    def stop(self, index: int, state: EditionState) -> None:
        self.move(self.pick(index, EditionState.SENDING), state)

    @rule(index=st.integers(0, 1))
    def resume(self, index: int) -> None:
        waiting = self.pick(index, EditionState.PAUSED, EditionState.HELD)
        self.move(waiting, EditionState.SENDING)

    @rule(index=st.integers(0, 1))
    def cancel(self, index: int) -> None:
        live = (EditionState.SENDING, EditionState.PAUSED, EditionState.HELD)
        self.move(self.pick(index, *live), EditionState.CANCELLED)

    @rule(index=st.integers(0, 1))
    def expire(self, index: int) -> None:
        edition = self.pick(index, EditionState.SENDING)
        if edition:
            with self.store.write() as tx:
                ledger.end_open(tx, edition, DeliveryState.EXPIRED, "too old")

    @rule()
    def close(self) -> None:
        for edition in self.editions():
            with self.store.write() as tx:
                ledger.close(tx, edition, resend=self.resend, now=self.now)

    # ------------------------------------------------------------------------------- workers

    @rule(minutes=st.sampled_from([5, 15]))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(number=WORKERS, index=st.integers(0, 1))
    def claim(self, number: int, index: int) -> None:
        worker, edition = self.workers[number], self.pick(index, EditionState.SENDING)
        if worker.is_on_wire or edition is None:
            return
        with self.store.write() as tx:
            claim = ledger.claim_chunk(
                tx, edition.id, owner=f"{number}", now=self.now, lease=LEASE
            )
        self.workers[number] = Worker(edition=edition, claim=claim)

    @rule(number=WORKERS)
    def read(self, number: int) -> None:
        worker = self.workers[number]
        if worker.claim and not worker.is_on_wire:
            with self.store.read() as tx:
                worker.page = ledger.read_due(
                    tx, worker.claim, now=self.now, resend=self.resend, after=0, limit=9
                )

    @rule(number=WORKERS)
    def start(self, number: int) -> None:
        worker = self.workers[number]
        if worker.is_on_wire:
            return
        if not worker.page:
            self.read(number)
        if worker.page:
            self.step(worker, worker.page.pop(0))

    def step(self, worker: Worker, due: Due) -> None:
        assert worker.claim
        assert worker.edition
        with self.store.write() as tx:
            mailable = is_mailable(tx, due.subscriber_id)
            state = editions.read_one(tx, due.edition_id).state
            began = ledger.start(tx, worker.claim, due, now=self.now, lease=LEASE)
            if began is Start.SKIPPED:
                ledger.suppress_delivery(tx, worker.edition, due, "left")
        if began is Start.STARTED:
            assert mailable, "a mail began to a person who had left"
            assert state is EditionState.SENDING, "a mail of an edition began that is not sent"
            assert self.resend or due.state is not DeliveryState.UNCERTAIN
            worker.wire = due
        if began is Start.STOPPED:
            worker.claim, worker.page = None, []

    @rule(number=WORKERS, outcome=st.sampled_from(OUTCOMES), times=st.integers(1, 2))
    def answer(self, number: int, outcome: Outcome, times: int) -> None:
        """Record what the remote said, now and then twice."""
        worker = self.workers[number]
        if worker.wire is None or worker.edition is None:
            return
        fact = Fact(due=worker.wire, outcome=outcome, next_attempt_at=self.now + BACK_OFF)
        for _ in range(times):
            with self.store.write() as tx:
                ledger.record(tx, worker.edition, fact, now=self.now)
        if isinstance(outcome, Accepted):
            self.accepted[worker.wire.edition_id, worker.wire.subscriber_id] += 1
        worker.wire = None

    @rule(number=WORKERS)
    def put_back(self, number: int) -> None:
        worker = self.workers[number]
        if worker.wire:
            with self.store.write() as tx:
                ledger.put_back(tx, worker.wire)
            worker.wire = None

    @rule(number=WORKERS)
    def finish(self, number: int) -> None:
        worker = self.workers[number]
        if worker.claim and not worker.is_on_wire:
            with self.store.write() as tx:
                ledger.finish_chunk(tx, worker.claim, resend=self.resend)
            self.workers[number] = Worker()

    @rule(number=WORKERS)
    def crash(self, number: int) -> None:
        self.workers[number] = Worker()

    @rule()
    def restart(self) -> None:
        """Another process takes the sender's lock; the workers of the old one may yet wake."""
        with self.store.write() as tx:
            ledger.release_chunks(tx, now=self.now)

    # ------------------------------------------------------------------------------ invariants

    @invariant()
    def receipts_are_exactly_those_of_mails_that_are_not_unsent(self) -> None:
        with self.store.read() as tx:
            kept = {
                (row.subscriber_id, row.post_id): row.edition_id
                for row in tx.execute(sa.select(schema.receipts))
            }
            expected: dict[tuple[int, int, str], bool] = {}
            for row in read_rows(tx):
                for post_id in json.loads(row.post_ids):
                    key = (row.edition_id, row.subscriber_id, post_id)
                    expected[key] = row.state not in UNSENT
        for (edition_id, subscriber_id, post_id), has in expected.items():
            owner = kept.get((subscriber_id, post_id))
            # A mail accepted late, after another edition gave the post, has the other's receipt.
            late = self.accepted[edition_id, subscriber_id] > 0 and owner is not None
            assert has == (owner == edition_id) or late
        assert len(kept) <= sum(expected.values())

    @invariant()
    def nobody_is_mailed_twice_unless_it_was_uncertain(self) -> None:
        with self.store.read() as tx:
            doubts = Counter(
                (row.edition_id, row.subscriber_id)
                for row in tx.execute(
                    sa.select(schema.attempts).where(schema.attempts.c.outcome == "uncertain")
                )
            )
        for key, times in self.accepted.items():
            assert times <= 1 + doubts[key]
        for subscriber_id in range(1, 5):
            keys = [key for key in self.accepted if key[1] == subscriber_id]
            assert len(keys) <= 1 + sum(doubts[key] for key in keys) or self.differ(keys)

    def differ(self, keys: list[tuple[int, int]]) -> bool:
        """Say whether the letters of these deliveries have no post in common."""
        with self.store.read() as tx:
            listed = [
                json.loads(row.post_ids)
                for row in read_rows(tx)
                if (row.edition_id, row.subscriber_id) in keys
            ]
        every = list(itertools.chain(*listed))
        return len(every) == len(set(every))

    @invariant()
    def accepted_is_absorbing(self) -> None:
        with self.store.read() as tx:
            found = {
                (row.edition_id, row.subscriber_id)
                for row in read_rows(tx)
                if row.state is DeliveryState.ACCEPTED
            }
        assert found == set(self.accepted)

    @invariant()
    def every_attempt_that_was_not_accepted_is_in_the_history(self) -> None:
        with self.store.read() as tx:
            history = {
                (row.edition_id, row.subscriber_id, row.n)
                for row in tx.execute(sa.select(schema.attempts))
            }
            for row in read_rows(tx):
                is_open = row.state in {DeliveryState.INFLIGHT, DeliveryState.ACCEPTED}
                for n in range(1, row.attempts + (0 if is_open else 1)):
                    assert (row.edition_id, row.subscriber_id, n) in history

    @invariant()
    def a_chunk_has_one_holder(self) -> None:
        with self.store.read() as tx:
            running = {
                (row.edition_id, row.id, row.token)
                for row in tx.execute(
                    sa.select(schema.chunks).where(schema.chunks.c.state == "running")
                )
            }
        held = Counter(
            (one.claim.edition_id, one.claim.chunk_id, one.claim.token)
            for one in self.workers
            if one.claim
        )
        assert all(number == 1 for key, number in held.items() if key in running)

    @invariant()
    def ended_editions_balance(self) -> None:
        with self.store.read() as tx:
            rows = list(read_rows(tx))
        for edition in self.editions():
            states = [row.state for row in rows if row.edition_id == edition.id]
            assert len(states) == edition.audience
            if edition.state in {EditionState.SENT, EditionState.PARTIAL}:
                assert not set(states) & set(OPEN)
            if edition.state is EditionState.CANCELLED:
                assert not set(states) & {DeliveryState.PENDING, DeliveryState.DEFERRED}
            if edition.state is EditionState.SENT:
                assert not set(states) & {DeliveryState.UNCERTAIN, DeliveryState.EXPIRED}

    # ------------------------------------------------------------------------------- the end

    def drain(self) -> None:
        """Whatever happened before, one worker can bring every edition to its end."""
        self.workers = [Worker() for _ in range(3)]
        self.restart()
        for edition in self.editions(EditionState.PAUSED, EditionState.HELD):
            self.move(edition, EditionState.SENDING)
        for edition in self.editions(EditionState.SENDING):
            for _ in range(3):
                self.now += timedelta(hours=1)
                self.send_all(edition)
                self.close()
        for edition in self.editions():
            assert edition.state in OVER
            with self.store.read() as tx:
                counts = ledger.read_counts(tx, edition.id)
            assert sum(counts.values()) == edition.audience
            assert not any(counts[state] for state in OPEN)
        self.receipts_are_exactly_those_of_mails_that_are_not_unsent()
        self.nobody_is_mailed_twice_unless_it_was_uncertain()
        self.accepted_is_absorbing()

    def send_all(self, edition: Edition) -> None:
        for _ in range(20):
            with self.store.write() as tx:
                claim = ledger.claim_chunk(tx, edition.id, owner="last", now=self.now, lease=LEASE)
            if claim is None:
                return
            worker = Worker(edition=edition, claim=claim)
            self.workers[0] = worker
            self.read(0)
            for due in list(worker.page):
                self.step(worker, due)
                self.answer(0, Accepted(), 1)
            self.finish(0)
        raise AssertionError("a worker never comes to an end")


def is_mailable(tx: Transaction, subscriber_id: int) -> bool:
    person = subscribers.read_one(tx, subscriber_id)
    if person is None or person.state != "active":
        return False
    return not subscribers.suppressed_hashes(tx, [f"hash of reader{subscriber_id}"])


def read_rows(tx: Transaction) -> Iterator[sa.Row[tuple[object, ...]]]:
    """Return every delivery with the posts of its letter."""
    table, letters = schema.deliveries, schema.letters
    yield from tx.execute(
        sa.select(table, letters.c.post_ids).join(
            letters,
            sa.and_(letters.c.edition_id == table.c.edition_id, letters.c.id == table.c.letter_id),
        )
    )


def test_ledger_holds_whatever_happens(
    prepared_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In every order of events: no mail twice unless uncertain, receipts true, counts balanced."""
    monkeypatch.setattr(dialect, "SYNCHRONOUS", "OFF")  # no power is lost here
    numbers = itertools.count()

    def make() -> Ledger:
        return Ledger(prepared_file, tmp_path / f"{next(numbers)}.sqlite3")

    run_state_machine_as_test(
        make,  # type: ignore[arg-type]  # all it asks for is something to call
        settings=settings(
            max_examples=30,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
