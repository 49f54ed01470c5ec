"""The ledger under every order of events: workers that stop, wake and die, people who leave."""

from __future__ import annotations

import itertools
import json
import shutil
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
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
STOPPED = (EditionState.PAUSED, EditionState.HELD)
DIGESTS = {"weekly": POSTS, "daily": POSTS[1:]}
BACK_OFF = timedelta(minutes=5)
WORKERS = st.integers(0, 1)
PEOPLE = st.integers(1, 4)
EDITIONS = st.integers(0, 1)


@dataclass(slots=True)
class Worker:
    """What a worker remembers; nobody tells it when it was taken over."""

    edition: Edition | None = None
    claim: Claim | None = None
    page: list[Due] = field(default_factory=list)
    wire: Due | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything the invariants look at, at one moment."""

    editions: list[Edition]
    rows: list[Any]
    """The deliveries, each with the posts of its letter."""
    receipts: dict[tuple[int, str], int]
    """(reader, post) → edition."""
    history: list[Any]
    running: set[tuple[int, int, int]]


class Ledger(RuleBasedStateMachine):
    """Two workers, up to two editions with a post in common, and a few readers."""

    def __init__(self, template: Path, path: Path) -> None:
        super().__init__()
        shutil.copyfile(template, path)
        self.store = Store("", path)
        self.now = NOON
        self.resend = True
        self.batch = 1
        self.workers = [Worker(), Worker()]
        self.accepted: Counter[tuple[int, int]] = Counter()
        """How often an acceptance of a delivery was recorded."""

    @initialize(resend=st.booleans(), batch=st.integers(1, 4))
    def begin(self, resend: bool, batch: int) -> None:
        self.resend, self.batch = resend, batch
        with self.store.write() as tx:
            subscribers.add(tx, [make_person(f"reader{n}") for n in range(1, 5)])
        self.open("weekly")

    @override
    def teardown(self) -> None:
        try:
            self.drain()
        finally:
            self.store.close()

    # -------------------------------------------------------------------------------- workers

    @rule(number=WORKERS, index=EDITIONS, outcomes=st.lists(st.sampled_from(OUTCOMES), min_size=1))
    def work(self, number: int, index: int, outcomes: list[Outcome]) -> None:
        """Let a worker do what it does next, as far as it knows, for some steps."""
        for outcome in outcomes[:4]:
            self.work_once(self.workers[number], index, outcome)

    def work_once(self, worker: Worker, index: int, outcome: Outcome) -> None:
        if worker.wire:
            self.answer(worker, outcome)
        elif worker.page:
            self.step(worker, worker.page.pop(0))
        elif worker.claim:
            self.read_or_finish(worker, worker.claim)
        else:
            self.claim(worker, index)

    @rule(number=WORKERS, index=EDITIONS)
    def take_over(self, number: int, index: int) -> None:
        """Let leases run out, and somebody else take what they held and read what is due."""
        self.now += LEASE
        worker = self.workers[number]
        if worker.wire is None:
            self.claim(worker, index)
        if worker.wire is None and worker.claim:
            self.read_or_finish(worker, worker.claim)

    @rule()
    def restart(self) -> None:
        """Another process takes the sender's lock; the workers of the old one may yet wake."""
        with self.store.write() as tx:
            ledger.release_chunks(tx, now=self.now)

    @rule(number=WORKERS)
    def put_back(self, number: int) -> None:
        """Undo a start: the row is what it was, unless somebody else had to do with it since."""
        worker = self.workers[number]
        due = worker.wire
        if due is None:
            return
        before = self.row(due)
        with self.store.write() as tx:
            ledger.put_back(tx, due)
        is_its_own = before.state is DeliveryState.INFLIGHT and before.attempts == due.attempts + 1
        if not is_its_own:
            assert self.row(due) == before
        elif not self.is_over(due.edition_id):
            assert (self.row(due).state, self.row(due).attempts) == (due.state, due.attempts)
        worker.wire = None

    @rule(number=WORKERS)
    def crash(self, number: int) -> None:
        self.workers[number] = Worker()

    @rule()
    def wait(self) -> None:
        self.now += BACK_OFF

    def row(self, due: Due) -> Any:
        table = schema.deliveries
        with self.store.read() as tx:
            return tx.execute(
                sa.select(table).where(
                    table.c.edition_id == due.edition_id,
                    table.c.subscriber_id == due.subscriber_id,
                )
            ).one()

    def is_over(self, edition_id: int) -> bool:
        with self.store.read() as tx:
            return editions.read_one(tx, edition_id).state in OVER

    def claim(self, worker: Worker, index: int) -> None:
        sending = self.editions(EditionState.SENDING)
        if not sending:
            return
        edition = sending[index % len(sending)]
        with self.store.write() as tx:
            claim = ledger.claim_chunk(tx, edition.id, owner="w", now=self.now, lease=LEASE)
        worker.edition, worker.claim, worker.page = edition, claim, []

    def read_or_finish(self, worker: Worker, claim: Claim) -> None:
        """Read what is due, to begin it later, or give the chunk back."""
        with self.store.read() as tx:
            worker.page = ledger.read_due(
                tx, claim, now=self.now, resend=self.resend, after=0, limit=9
            )
        if not worker.page:
            with self.store.write() as tx:
                ledger.finish_chunk(tx, claim, resend=self.resend)
            worker.claim = None

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

    def answer(self, worker: Worker, outcome: Outcome) -> None:
        """Record what the remote said, twice: the answer of the first commit was lost."""
        assert worker.wire
        assert worker.edition
        fact = Fact(due=worker.wire, outcome=outcome, next_attempt_at=self.now + BACK_OFF)
        for _ in range(2):
            with self.store.write() as tx:
                ledger.record(tx, worker.edition, fact, now=self.now)
        if isinstance(outcome, Accepted):
            self.accepted[worker.wire.edition_id, worker.wire.subscriber_id] += 1
        worker.wire = None

    # ------------------------------------------------------------------- people and editions

    @rule(person=PEOPLE, how=st.sampled_from(["leave", "suppress", "erase"]))
    def go(self, person: int, how: str) -> None:
        with self.store.write() as tx:
            if how == "leave":
                subscribers.unsubscribe(tx, person, now=self.now)
            elif how == "suppress":
                fact = (f"hash of reader{person}", "bounced", "")
                subscribers.suppress(tx, [fact], now=self.now)
            else:
                table = schema.subscribers
                tx.execute(sa.delete(table).where(table.c.id == person))

    @rule(index=EDITIONS, what=st.sampled_from(["open", "close", "pause", "expire", "cancel"]))
    def decide(self, index: int, what: str) -> None:
        """Let staff or the clock decide about an edition; a stopped one goes on first."""
        stopped, sending = self.editions(*STOPPED), self.editions(EditionState.SENDING)
        edition = sending[index % len(sending)] if sending else None
        if stopped:
            self.move(stopped[0], EditionState.SENDING)
        elif what == "open" and len(self.editions()) < len(DIGESTS):
            self.open("daily")
        elif what == "close":
            self.close()
        elif edition and what == "expire":
            with self.store.write() as tx:
                ledger.end_open(tx, edition, DeliveryState.EXPIRED, "too old")
        elif edition and what == "cancel":
            self.move(edition, EditionState.CANCELLED)
        elif edition:
            self.move(edition, STOPPED[index])

    def close(self) -> None:
        for edition in self.editions():
            with self.store.write() as tx:
                ledger.close(tx, edition, resend=self.resend, now=self.now)

    def editions(self, *states: EditionState) -> list[Edition]:
        with self.store.read() as tx:
            return editions.read_all(tx, states=states)

    def open(self, digest: str) -> None:
        """Open an edition batch by batch."""
        edition = freeze_edition(self.store, digest=digest, post_ids=DIGESTS[digest])
        with self.store.write() as tx:
            assert ledger.begin_opening(tx, edition, now=self.now)
        more = True
        while more:
            with self.store.write() as tx:
                more = open_batch(tx, edition, limit=self.batch, now=self.now)
        with self.store.write() as tx:
            assert ledger.finish_opening(tx, edition)

    def move(self, edition: Edition, state: EditionState) -> None:
        with self.store.write() as tx:
            assert editions.move(tx, edition, state, reason="staff")
            if state is EditionState.CANCELLED:
                ledger.end_open(tx, edition, DeliveryState.CANCELLED, "cancelled")

    # ------------------------------------------------------------------------------ invariants

    @invariant()
    def everything_holds(self) -> None:
        seen = self.look()
        self.check_receipts(seen)
        self.check_accepted(seen)
        self.check_history(seen)
        self.check_wire(seen)
        self.check_balance(seen)

    def look(self) -> Snapshot:
        table, letters, attempts = schema.deliveries, schema.letters, schema.attempts
        is_its = sa.and_(
            letters.c.edition_id == table.c.edition_id, letters.c.id == table.c.letter_id
        )
        with self.store.read() as tx:
            receipts = tx.execute(sa.select(schema.receipts)).all()
            running = tx.execute(
                sa.select(schema.chunks).where(schema.chunks.c.state == "running")
            ).all()
            return Snapshot(
                editions=editions.read_all(tx),
                rows=list(tx.execute(sa.select(table, letters.c.post_ids).join(letters, is_its))),
                receipts={(row.subscriber_id, row.post_id): row.edition_id for row in receipts},
                history=list(tx.execute(sa.select(attempts))),
                running={(row.edition_id, row.id, row.token) for row in running},
            )

    def check_receipts(self, seen: Snapshot) -> None:
        """Receipts exist exactly for deliveries that are not unsent."""
        expected = 0
        for row in seen.rows:
            for post_id in json.loads(row.post_ids):
                owner = seen.receipts.get((row.subscriber_id, post_id))
                if row.state in UNSENT:
                    assert owner != row.edition_id
                    continue
                # A mail accepted late, after another edition gave the post, has that receipt.
                is_late = row.state is DeliveryState.ACCEPTED and owner is not None
                assert owner == row.edition_id or is_late
                expected += 1
        assert len(seen.receipts) <= expected

    def check_accepted(self, seen: Snapshot) -> None:
        """Accepted is for ever; nothing is accepted twice, and no post, unless it was uncertain."""
        found = {key_of(row) for row in seen.rows if row.state is DeliveryState.ACCEPTED}
        assert found == set(self.accepted)
        doubts = Counter(key_of(row) for row in seen.history if row.outcome == "uncertain")
        posts: Counter[tuple[int, str]] = Counter()
        allowed: Counter[tuple[int, str]] = Counter()
        for row in seen.rows:
            key = key_of(row)
            assert self.accepted[key] <= 1 + doubts[key]
            for post_id in json.loads(row.post_ids):
                posts[row.subscriber_id, post_id] += row.state is DeliveryState.ACCEPTED
                allowed[row.subscriber_id, post_id] += doubts[key]
        assert all(number <= 1 + allowed[key] for key, number in posts.items())
        self.accepted = Counter({key: n for key, n in self.accepted.items() if n})

    def check_history(self, seen: Snapshot) -> None:
        """Every attempt that was not accepted and is over is in the history."""
        history = {(*key_of(row), row.n) for row in seen.history}
        for row in seen.rows:
            last = row.state in {DeliveryState.INFLIGHT, DeliveryState.ACCEPTED}
            for n in range(1, row.attempts + (0 if last else 1)):
                assert (*key_of(row), n) in history

    def check_wire(self, seen: Snapshot) -> None:
        """A chunk has one holder; what a holder has on the wire is in flight, or accepted late."""
        held = Counter(
            (one.claim.edition_id, one.claim.chunk_id, one.claim.token)
            for one in self.workers
            if one.claim
        )
        assert all(held[key] <= 1 for key in seen.running)
        rows = {key_of(row): row for row in seen.rows}
        for one in self.workers:
            if one.wire and one.claim:
                row = rows[one.wire.edition_id, one.wire.subscriber_id]
                is_mine = (row.edition_id, one.claim.chunk_id, one.claim.token) in seen.running
                states = {DeliveryState.INFLIGHT, DeliveryState.ACCEPTED}
                assert not is_mine or row.state in states

    def check_balance(self, seen: Snapshot) -> None:
        """Rows equal the audience; in an edition that ended each is at its end."""
        for edition in seen.editions:
            states = [row.state for row in seen.rows if row.edition_id == edition.id]
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
        self.workers = [Worker(), Worker()]
        with self.store.write() as tx:
            ledger.release_chunks(tx, now=self.now)
        for edition in self.editions(*STOPPED):
            self.move(edition, EditionState.SENDING)
        for _ in range(2):
            self.now += timedelta(hours=1)
            self.send_all()
            self.close()
        self.everything_holds()
        for edition in self.editions():
            assert edition.state in OVER
            with self.store.read() as tx:
                counts = ledger.read_counts(tx, edition.id)
            assert sum(counts.values()) == edition.audience
            assert not any(counts[state] for state in OPEN)

    def send_all(self) -> None:
        worker = self.workers[0]
        for index, _ in enumerate(self.editions(EditionState.SENDING)):
            self.claim(worker, index)
            for steps in itertools.count():
                assert steps < 200, "a worker never comes to an end"
                self.work_once(worker, index, Accepted())
                if worker.claim is None:
                    self.claim(worker, index)
                if worker.claim is None:
                    break


def key_of(row: Any) -> tuple[int, int]:
    return row.edition_id, row.subscriber_id


def is_mailable(tx: Transaction, subscriber_id: int) -> bool:
    person = subscribers.read_one(tx, subscriber_id)
    if person is None or person.state != "active":
        return False
    return not subscribers.suppressed_hashes(tx, [f"hash of reader{subscriber_id}"])


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
            max_examples=100,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
