"""The ledger under every order of events: workers that stop, wake and die, people who leave."""

from __future__ import annotations

import itertools
import json
import shutil
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

import pytest
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

from publisher import editing
from publisher.model import (
    Accepted,
    Act,
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
from tests.factories import NOON, make_post
from tests.stores import LEASE, freeze_edition, make_person, open_batch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from publisher.editing import Desk
    from publisher.model import Edition, Outcome
    from publisher.store import Transaction
    from publisher.store.ledger import Claim, Due
    from tests.postgres import Server

prepared_file = stores.prepared_file

OUTCOMES: tuple[Outcome, ...] = (
    Deferred(code=451, reply="later", phase=Phase.RCPT),
    Uncertain(reply="lost"),
    Accepted(),
    Rejected(code=550, reply="no", phase=Phase.RCPT),
)
OVER = (EditionState.SENT, EditionState.PARTIAL, EditionState.CANCELLED)
OPEN = (DeliveryState.PENDING, DeliveryState.INFLIGHT, DeliveryState.DEFERRED)
STOPPED = (EditionState.PAUSED, EditionState.HELD)
POSTS = [make_post(f"part-{n}", series="sleep").id for n in range(9)]
BACK_OFF = timedelta(minutes=5)
READERS = 5
EDITIONS = st.integers(0, 2)
SOME_OUTCOMES = st.lists(st.sampled_from(OUTCOMES), min_size=2, max_size=6)


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
    """A worker and those it took over from, editions that share posts, and a few readers."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store = store
        self.now = NOON
        self.resend = True
        self.batch = 1
        self.worker = Worker()
        self.zombies: list[Worker] = []
        """Those who stopped with a chunk in hand, and may wake."""
        self.accepted: Counter[tuple[int, int]] = Counter()
        """How often an acceptance of a delivery was recorded."""

    @initialize(resend=st.booleans(), batch=st.integers(2, READERS))
    def begin(self, resend: bool, batch: int) -> None:
        self.resend, self.batch = resend, batch
        with self.store.write() as tx:
            subscribers.add(tx, [make_person(f"reader{n}") for n in range(1, READERS + 1)])
        self.open()

    @override
    def teardown(self) -> None:
        try:
            self.drain()
        finally:
            self.store.close()

    # -------------------------------------------------------------------------------- workers

    @rule(index=EDITIONS, outcomes=SOME_OUTCOMES)
    def work(self, index: int, outcomes: list[Outcome]) -> None:
        """Let the worker do what it does next, as far as it knows, for some steps."""
        if self.worker.claim is None and not self.editions(EditionState.SENDING):
            self.decide(index, 1, "open")
        for outcome in outcomes:
            self.work_once(self.worker, index, outcome)

    @rule(index=EDITIONS, outcomes=SOME_OUTCOMES)
    def work_on(self, index: int, outcomes: list[Outcome]) -> None:
        """The same, so that it happens twice as often as anything else."""
        self.work(index, outcomes)

    def work_once(self, worker: Worker, index: int, outcome: Outcome) -> None:
        if worker.wire:
            self.answer(worker, outcome)
        elif worker.page:
            self.step(worker, worker.page.pop(0))
        elif worker.claim:
            self.read_or_finish(worker, worker.claim)
        else:
            self.claim(worker, index)

    def begin_mail(self, index: int) -> None:
        """Bring the worker to a mail on the wire, if it can be done in a few steps."""
        for _ in range(5):
            if self.worker.wire is None:
                self.work_once(self.worker, index, OUTCOMES[0])

    @precondition(lambda self: len(self.zombies) < 3)
    @rule(index=EDITIONS, is_restart=st.booleans())
    def take_over(self, index: int, is_restart: bool) -> None:
        """Let another worker take what this one held, after its lease or with the sender's lock."""
        self.begin_mail(index)
        self.zombies.append(self.worker)
        self.worker = Worker()
        self.now += LEASE
        if is_restart:
            with self.store.write() as tx:
                ledger.release_chunks(tx, now=self.now)
        self.claim(self.worker, index)

    @precondition(lambda self: self.zombies)
    @rule(index=st.integers(0, 2), outcome=st.sampled_from(OUTCOMES), undoes=st.booleans())
    def wake(self, index: int, outcome: Outcome, undoes: bool) -> None:
        """Let a worker that was taken over go on as if nothing had happened."""
        zombie = self.zombies.pop(index % len(self.zombies))
        if zombie.wire and undoes:
            self.put_back(zombie, zombie.wire)
        self.work_once(zombie, 0, outcome)
        if zombie.claim:
            self.zombies.append(zombie)

    @rule(index=EDITIONS)
    def undo(self, index: int) -> None:
        """Begin a mail that never reaches the wire."""
        self.begin_mail(index)
        if self.worker.wire:
            self.put_back(self.worker, self.worker.wire)

    def put_back(self, worker: Worker, due: Due) -> None:
        """Undo a start: the row is what it was, unless somebody else had to do with it since."""
        before = self.row(due)
        with self.store.write() as tx:
            ledger.put_back(tx, due)
        is_its_own = before.state is DeliveryState.INFLIGHT and before.attempts == due.attempts + 1
        if not is_its_own:
            assert self.row(due) == before
        elif not self.is_over(due.edition_id):
            assert (self.row(due).state, self.row(due).attempts) == (due.state, due.attempts)
        worker.wire = None

    @rule(index=EDITIONS)
    def crash(self, index: int) -> None:
        """Let the worker die with a mail on the wire; nobody holds its chunk any more."""
        self.begin_mail(index)
        self.worker = Worker()
        self.now += LEASE

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
        """Take a chunk, after some time where none has anything due, and read what is due."""
        sending = self.editions(EditionState.SENDING)
        if not sending:
            return
        edition = sending[index % len(sending)]
        with self.store.write() as tx:
            claim = ledger.claim_chunk(tx, edition.id, owner="w", now=self.now, lease=LEASE)
        worker.edition, worker.claim, worker.page = edition, claim, []
        if claim:
            self.read_or_finish(worker, claim)
        else:
            self.now += BACK_OFF

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
            held = is_held(tx, worker.claim)
            state = editions.read_one(tx, due.edition_id).state
            began = ledger.start(tx, worker.claim, due, now=self.now, lease=LEASE)
            if began is Start.SKIPPED:
                ledger.suppress_delivery(tx, worker.edition, due, "left")
        if began is Start.STARTED:
            assert held, "a mail began by an old token"
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

    @rule(
        index=EDITIONS,
        person=st.integers(1, READERS),
        what=st.sampled_from(
            ["open", "pause", "close", "expire", "cancel", "leave", "suppress", "accept", "resend"]
        ),
    )
    def decide(self, index: int, person: int, what: str) -> None:
        """Let a person go, or staff or the clock decide about an edition; a stopped one goes on."""
        stopped, sending = self.editions(*STOPPED), self.editions(EditionState.SENDING)
        if stopped:
            self.move(stopped[0], EditionState.SENDING)
        elif what == "open" or not sending:
            self.open()
        elif what == "close":
            self.close()
        elif what in {"leave", "suppress"}:
            self.lose(person, what)
        elif what in {"accept", "resend"}:
            self.resolve(index, what)
        elif what == "expire":
            with self.store.write() as tx:
                edition = sending[index % len(sending)]
                ledger.end_open(tx, edition, DeliveryState.EXPIRED, "too old")
        else:
            edition = sending[index % len(sending)]
            if what == "cancel" or index % 2:
                self.act(edition, Act.CANCEL if what == "cancel" else Act.PAUSE)
            else:
                self.move(edition, EditionState.HELD)

    def resolve(self, index: int, how: str) -> None:
        """Let staff say what became of the uncertain mails of an edition that is sent or was."""
        told = self.editions(EditionState.SENDING, EditionState.PARTIAL)
        edition = told[index % len(told)]
        doubts = [
            key_of(row)
            for row in self.look().rows
            if row.edition_id == edition.id and row.state is DeliveryState.UNCERTAIN
        ]
        as_: Literal["accepted", "resend"] = "accepted" if how == "accept" else "resend"
        done = editing.resolve(self.store, edition, as_, by="staff", now=self.now)
        assert done.decided == len(doubts)
        if as_ == "accepted":
            self.accepted.update(doubts)

    def lose(self, person: int, how: str) -> None:
        """Let a person leave or be erased, or their address be suppressed."""
        with self.store.write() as tx:
            if how == "suppress":
                fact = (f"hash of reader{person}", "bounced", "")
                subscribers.suppress(tx, [fact], now=self.now)
            elif person == READERS:
                table = schema.subscribers
                tx.execute(sa.delete(table).where(table.c.id == person))
            else:
                subscribers.unsubscribe(tx, person, now=self.now)

    def close(self) -> None:
        for edition in self.editions():
            with self.store.write() as tx:
                ledger.close(tx, edition, resend=self.resend, now=self.now)

    def editions(self, *states: EditionState) -> list[Edition]:
        with self.store.read() as tx:
            return editions.read_all(tx, states=states)

    def open(self) -> None:
        """Open one edition more, batch by batch, with one post more."""
        day = len(self.editions())
        if day == len(POSTS) - 1:
            return
        edition = freeze_edition(self.store, day=day, post_ids=POSTS[day : day + 2])
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
            assert editions.move(tx, edition, state, reason="relay")

    def act(self, edition: Edition, act: Act) -> None:
        """Let staff pause or cancel an edition, twice: the answer of the first time was lost."""
        for _ in range(2):
            editing.handle(
                self.store,
                edition,
                act,
                by="staff",
                now=self.now,
                needs_approval=False,
                open_desk=_no_desk,
            )

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
            for one in (self.worker, *self.zombies)
            if one.claim
        )
        assert all(held[key] <= 1 for key in seen.running)
        rows = {key_of(row): row for row in seen.rows}
        for one in (self.worker, *self.zombies):
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
        self.worker, self.zombies = Worker(), []
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
        worker = self.worker
        for index, _ in enumerate(self.editions(EditionState.SENDING)):
            self.claim(worker, index)
            for steps in itertools.count():
                assert steps < 200, "a worker never comes to an end"
                self.work_once(worker, index, Accepted())
                if worker.claim is None:
                    self.claim(worker, index)
                if worker.claim is None:
                    break


def _no_desk() -> Desk:
    raise AssertionError("neither needs one")


def key_of(row: Any) -> tuple[int, int]:
    return row.edition_id, row.subscriber_id


def is_held(tx: Transaction, claim: Claim) -> bool:
    table = schema.chunks
    row = tx.execute(
        sa.select(table).where(
            table.c.edition_id == claim.edition_id, table.c.id == claim.chunk_id
        )
    ).one()
    return bool(row.state == "running" and row.token == claim.token)


def is_mailable(tx: Transaction, subscriber_id: int) -> bool:
    person = subscribers.read_one(tx, subscriber_id)
    if person is None or person.state != "active":
        return False
    return not subscribers.suppressed_hashes(tx, [f"hash of reader{subscriber_id}"])


@pytest.fixture
def new_sqlite(prepared_file: Path, tmp_path: Path) -> Callable[[], Store]:
    """Return what makes one database after another."""
    numbers = itertools.count()

    def make() -> Store:
        path = tmp_path / f"{next(numbers)}.sqlite3"
        shutil.copyfile(prepared_file, path)
        return Store("", path)

    return make


@pytest.fixture
def new_postgresql(postgres: Server, tmp_path: Path) -> Callable[[], Store]:
    """Return what empties one database again and again."""
    return lambda: Store(postgres.prepare(), tmp_path / "unused")


@pytest.mark.no_cover
@pytest.mark.parametrize(("place", "examples"), [("sqlite", 40), ("postgresql", 8)])
def test_ledger_holds_whatever_happens(
    place: str, examples: int, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In every order of events: no mail twice unless uncertain, receipts true, counts balanced."""
    monkeypatch.setattr(dialect, "SYNCHRONOUS", "OFF")  # no power is lost here
    make_store = request.getfixturevalue(f"new_{place}")

    def make() -> Ledger:
        return Ledger(make_store())

    run_state_machine_as_test(
        make,  # type: ignore[arg-type]  # all it asks for is something to call
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
