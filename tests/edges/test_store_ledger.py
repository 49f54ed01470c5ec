"""The ledger: who gets what is fixed once, starts are fenced, facts are kept, counts balance."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from publisher.model import (
    Accepted,
    Deferred,
    DeliveryState,
    EditionState,
    Outcome,
    Phase,
    Rejected,
    Uncertain,
)
from publisher.store import editions, ledger, schema, subscribers
from publisher.store.ledger import Fact, Lot, Start
from tests import stores
from tests.factories import NOON
from tests.stores import (
    LEASE,
    POSTS,
    add_people,
    freeze_edition,
    make_person,
    open_batch,
    open_edition,
)

if TYPE_CHECKING:
    from datetime import datetime

    from publisher.model import Edition
    from publisher.store import Store, Transaction
    from publisher.store.ledger import Batch, Claim, Due
    from tests.stores import Home

home, prepared_file, store = stores.home, stores.prepared_file, stores.store

SOON = NOON + timedelta(minutes=5)
LATE = NOON + LEASE
GREYLISTED = Deferred(code=451, reply="later", enhanced="4.7.1", phase=Phase.RCPT)
UNKNOWN = Rejected(code=550, reply="no such user", enhanced="5.1.1", phase=Phase.RCPT)
LOST = Uncertain(reply="connection lost")
OUTCOMES: dict[DeliveryState, Outcome] = {
    DeliveryState.ACCEPTED: Accepted(),
    DeliveryState.DEFERRED: GREYLISTED,
    DeliveryState.REJECTED: UNKNOWN,
    DeliveryState.UNCERTAIN: LOST,
}


@dataclass(slots=True)
class Worker:
    """Somebody who sends: takes chunks of one edition and begins mails, a transaction a step."""

    store: Store
    edition: Edition
    now: datetime = NOON
    resend: bool = True
    claim: Claim | None = None
    begun: dict[int, Due] = field(default_factory=dict)

    def take(self) -> Claim | None:
        with self.store.write() as tx:
            self.claim = ledger.claim_chunk(
                tx, self.edition.id, owner="me", now=self.now, lease=LEASE
            )
        return self.claim

    @property
    def held(self) -> Claim:
        assert self.claim
        return self.claim

    def due(self, *, after: int = 0, limit: int = 500) -> list[Due]:
        with self.store.read() as tx:
            return ledger.read_due(
                tx, self.held, now=self.now, resend=self.resend, after=after, limit=limit
            )

    def start(self, due: Due) -> Start:
        with self.store.write() as tx:
            began = ledger.start(tx, self.held, due, now=self.now, lease=LEASE)
        if began is Start.STARTED:
            self.begun[due.subscriber_id] = due
        return began

    def begin(self, *ids: int) -> None:
        """Take a chunk if there is none, and start these mails."""
        if self.claim is None:
            self.take()
        for due in self.due():
            if due.subscriber_id in ids:
                assert self.start(due) is Start.STARTED

    def end(
        self, subscriber_id: int, outcome: Outcome, *, next_at: datetime | None = None
    ) -> None:
        with self.store.write() as tx:
            fact = Fact(due=self.begun[subscriber_id], outcome=outcome, next_attempt_at=next_at)
            ledger.record(tx, self.edition, fact, now=self.now)

    def put_back(self, subscriber_id: int) -> None:
        with self.store.write() as tx:
            ledger.put_back(tx, self.begun[subscriber_id])

    def finish(self) -> None:
        with self.store.write() as tx:
            ledger.finish_chunk(tx, self.held, resend=self.resend)

    def close(self) -> EditionState | None:
        with self.store.write() as tx:
            return ledger.close(tx, self.edition, resend=self.resend, now=self.now)


def make_worker(store: Store, count: int = 3, **values: Any) -> Worker:
    """Open an edition to so many readers, ids from 1, and return its worker."""
    add_people(store, count)
    return Worker(store=store, edition=open_edition(store), **values)


def row_of(store: Store, subscriber_id: int) -> Any:
    table = schema.deliveries
    with store.read() as tx:
        return tx.execute(sa.select(table).where(table.c.subscriber_id == subscriber_id)).one()


def state_of(store: Store, subscriber_id: int) -> DeliveryState:
    found: DeliveryState = row_of(store, subscriber_id).state
    return found


def without_token(row: Any) -> dict[str, Any]:
    """Return a delivery without the mark of its last holder, which means nothing at rest."""
    return {key: value for key, value in row._mapping.items() if key != "token"}


def receipts_of(store: Store, table: sa.Table = schema.receipts) -> dict[int, set[str]]:
    """Return which reader has which posts."""
    found: dict[int, set[str]] = {}
    with store.read() as tx:
        for row in tx.execute(sa.select(table)):
            found.setdefault(row.subscriber_id, set()).add(row.post_id)
    return found


def attempts_of(store: Store) -> list[tuple[int, int, str]]:
    table = schema.attempts
    with store.read() as tx:
        rows = tx.execute(
            sa.select(table.c.subscriber_id, table.c.n, table.c.outcome).order_by(table.c.id)
        )
        return [(row[0], row[1], row[2]) for row in rows]


def chunk_of(store: Store) -> Any:
    with store.read() as tx:
        return tx.execute(sa.select(schema.chunks)).one()


def counts_of(store: Store, edition: Edition) -> dict[str, int]:
    with store.read() as tx:
        counts = ledger.read_counts(tx, edition.id)
    return {str(state): number for state, number in counts.items() if number}


def move(store: Store, edition: Edition, state: EditionState, reason: str = "") -> None:
    with store.write() as tx:
        assert editions.move(tx, editions.read_one(tx, edition.id), state, reason=reason)


def end_open(store: Store, edition: Edition, state: DeliveryState) -> int:
    with store.write() as tx:
        return ledger.end_open(tx, edition, state, "that is why")


def leave(store: Store, subscriber_id: int) -> None:
    with store.write() as tx:
        assert subscribers.unsubscribe(tx, subscriber_id, now=NOON)


def suppress(store: Store, subscriber_id: int) -> None:
    with store.write() as tx:
        subscribers.suppress(tx, [(f"hash of reader{subscriber_id}", "bounced", "")], now=NOON)


# ---------------------------------------------------------------------------------------- opening


def test_opening_writes_a_delivery_and_receipts_for_everybody(store: Store) -> None:
    """Each person on the list gets one row, counted from 1, and a receipt for each post."""
    ids = add_people(store, 5)

    edition = open_edition(store, limit=2)

    with store.read() as tx:
        rows = tx.execute(
            sa.select(schema.deliveries.c.subscriber_id, schema.deliveries.c.seq)
        ).all()
    assert edition.state is EditionState.SENDING
    assert (edition.audience, edition.letters) == (5, 1)
    assert [tuple(row) for row in rows] == [(one, n) for n, one in enumerate(ids, start=1)]
    assert receipts_of(store) == {one: set(POSTS) for one in ids}
    assert counts_of(store, edition) == {"pending": 5}


def test_opening_leaves_out_who_must_not_get_it(store: Store) -> None:
    """Only who is confirmed, on this digest, not paused and not suppressed is a candidate."""
    with store.write() as tx:
        people = [
            make_person("every"),
            make_person("this", digests=("daily", "weekly")),
            make_person("other", digests=("daily",)),
            make_person("left"),
            make_person("suppressed"),
            make_person("away"),
            make_person("back"),
        ]
        subscribers.add(tx, people)
        subscribers.unsubscribe(tx, 4, now=NOON)
        subscribers.suppress(tx, [("hash of suppressed", "staff", "")], now=NOON)
        away = sa.update(schema.subscribers).values(paused_until=SOON)
        tx.execute(away.where(schema.subscribers.c.id == 6))
        tx.execute(away.where(schema.subscribers.c.id == 7).values(paused_until=NOON))

    open_edition(store)

    assert sorted(receipts_of(store)) == [1, 2, 7]


def test_plan_counts_everybody_there_is(store: Store) -> None:
    """Before an opening all are counted, whoever may still join, in groups of what they lack."""
    with store.write() as tx:
        subscribers.add(tx, [make_person("a"), make_person("b", series=("sleep", "rest"))])
    open_edition(store, freeze_edition(store, post_ids=POSTS[:1]))
    add_people(store, 2)

    with store.read() as tx:
        groups = ledger.count_groups(
            tx, "weekly", [(one, "sleep") for one in POSTS], rehearsal=False, now=NOON
        )

    found = [(group.declined, group.received, group.people) for group in groups]
    nothing: frozenset[str] = frozenset()
    assert found == [
        (nothing, frozenset(POSTS[:1]), 1),
        (frozenset({"sleep"}), nothing, 1),
        (nothing, nothing, 2),
    ]


def test_opening_gives_each_reader_what_they_lack(store: Store) -> None:
    """A declined series is left out, a post that was received is not sent again, none is none."""
    with store.write() as tx:
        subscribers.add(tx, [make_person("a"), make_person("b", series=("sleep",))])
    first = open_edition(store, freeze_edition(store, post_ids=POSTS[:1]))
    with store.write() as tx:
        subscribers.add(tx, [make_person("c")])

    second = open_edition(store, freeze_edition(store, day=1))
    third = open_edition(store, freeze_edition(store, day=2))

    assert (first.audience, second.audience, third.audience) == (1, 2, 0)
    assert second.letters == 2
    assert receipts_of(store) == {1: set(POSTS), 3: set(POSTS)}
    with store.read() as tx:
        letters = [editions.read_letter(tx, second.id, n).post_ids for n in (1, 2)]
    assert letters == [POSTS[1:], POSTS]


def test_who_joins_after_the_opening_is_not_mailed(store: Store) -> None:
    """Who subscribes while an edition is being opened waits for the next one."""
    add_people(store, 3)
    edition = freeze_edition(store)
    with store.write() as tx:
        ledger.begin_opening(tx, edition, now=NOON)
        open_batch(tx, edition, limit=1)
    add_people(store, 2, first=4)

    more = True
    while more:
        with store.write() as tx:
            more = open_batch(tx, edition, limit=1)

    assert sorted(receipts_of(store)) == [1, 2, 3]


def test_edition_to_nobody_is_sent_to_nobody(store: Store) -> None:
    """With nobody on the list an edition opens, balances at none, and closes."""
    worker = Worker(store=store, edition=open_edition(store))

    assert worker.edition.audience == 0
    assert worker.take() is None
    assert worker.close() is EditionState.SENT


def test_opening_begins_once(store: Store) -> None:
    """Of two openers one begins; one who saw an earlier version of the edition does not."""
    edition = freeze_edition(store)

    with store.write() as tx:
        answers = [
            ledger.begin_opening(tx, replace(edition, version=1), now=NOON),
            ledger.begin_opening(tx, edition, now=NOON),
            ledger.begin_opening(tx, edition, now=NOON),
        ]

    assert answers == [False, True, False]


def test_opening_goes_on_where_it_was_cut_off(home: Home, store: Store) -> None:
    """A process that dies between two batches leaves an opening that the next one completes."""
    ids = add_people(store, 7)
    edition = freeze_edition(store)
    with store.write() as tx:
        ledger.begin_opening(tx, edition, now=NOON)
        open_batch(tx, edition, limit=3)
    store.close()

    successor = home.open()
    with successor.read() as tx:
        come, through = ledger.opening_range(tx, edition)
        audience = editions.read_one(tx, edition.id).audience
    more = True
    while more:
        with successor.write() as tx:
            more = open_batch(tx, edition, limit=3)
    with successor.write() as tx:
        finished = ledger.finish_opening(tx, edition)

    assert (come, through, audience) == (3, 7, 3)
    assert finished
    assert sorted(receipts_of(successor)) == ids
    assert counts_of(successor, edition) == {"pending": 7}
    with successor.read() as tx:
        seqs = tx.scalars(sa.select(schema.deliveries.c.seq)).all()
        assert sorted(seqs) == list(range(1, 8))


def test_batch_that_is_cut_off_leaves_nothing(store: Store) -> None:
    """Deliveries, receipts, chunks and progress of a batch are kept together or not at all."""
    add_people(store, 3)
    edition = freeze_edition(store)
    with store.write() as tx:
        ledger.begin_opening(tx, edition, now=NOON)

    def cut_off() -> None:
        with store.write() as tx:
            open_batch(tx, edition)
            raise InterruptedError

    with pytest.raises(InterruptedError):
        cut_off()

    with store.read() as tx:
        assert ledger.opening_range(tx, edition) == (0, 3)
    assert receipts_of(store) == {}
    assert counts_of(store, edition) == {}


def test_two_openers_write_each_row_once(home: Home, store: Store) -> None:
    """Two processes that open the same edition together come to one row a reader."""
    ids = add_people(store, 60)
    edition = freeze_edition(store)
    with store.write() as tx:
        ledger.begin_opening(tx, edition, now=NOON)
    failures: list[BaseException] = []

    def work(own: Store) -> None:
        try:
            more = True
            while more:
                with own.write() as tx:
                    more = open_batch(tx, edition, limit=3)
        except BaseException as error:  # noqa: BLE001 - told below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(own,)) for own in (store, home.open())]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    with store.write() as tx:
        assert ledger.finish_opening(tx, edition)
        assert editions.read_one(tx, edition.id).audience == 60
    assert sorted(receipts_of(store)) == ids


def lots_of(batch: Batch) -> dict[str, Lot]:
    """Return every post for everybody, whatever they have."""
    return {group.code: Lot(letter_id=1, post_ids=POSTS) for group in batch.groups}


def gather(tx: Transaction, edition: Edition, limit: int = 10) -> Batch:
    batch = ledger.gather(tx, edition, [(one, "") for one in POSTS], limit=limit, now=NOON)
    assert batch
    return batch


def test_hundred_posts_of_a_hundred_series_are_told_apart(store: Store) -> None:
    """The largest edition there can be: each declined series and each receipt counts by itself."""
    posts = [(f"urn:uuid:{n:036}", f"series-{n}") for n in range(100)]
    with store.write() as tx:
        some = tuple(series for _, series in posts[::7])
        subscribers.add(tx, [make_person("all"), make_person("some", series=some)])
        had = [post_id for post_id, _ in posts[::3]]
        rows = [{"subscriber_id": 1, "post_id": one, "edition_id": 9} for one in had]
        tx.execute(sa.insert(schema.receipts), rows)

    with store.read() as tx:
        groups = ledger.count_groups(tx, "weekly", posts, rehearsal=False, now=NOON)

    nothing: frozenset[str] = frozenset()
    assert [(one.declined, one.received) for one in groups] == [
        (nothing, frozenset(had)),
        (frozenset(some), nothing),
    ]


def test_batch_is_written_once(store: Store) -> None:
    """A batch that was written already, or that somebody else went past, adds no row twice."""
    add_people(store, 4)
    edition = freeze_edition(store)
    with store.write() as tx:
        ledger.begin_opening(tx, edition, now=NOON)
        first = gather(tx, edition, 2)
        ledger.add_deliveries(tx, edition, first, lots_of(first))
        ledger.add_deliveries(tx, edition, first, lots_of(first))
        second = gather(tx, edition)
        ledger.add_deliveries(tx, edition, first, lots_of(first))
        ledger.add_deliveries(tx, edition, second, lots_of(second))
        ledger.add_deliveries(tx, edition, second, lots_of(second))
        audience = editions.read_one(tx, edition.id).audience
        come = ledger.opening_range(tx, edition)
        chunks = tx.execute(sa.select(schema.chunks.c.lo, schema.chunks.c.hi)).all()

    assert (first.after, first.through, second.after, second.through) == (0, 2, 2, 4)
    assert audience == 4
    assert come == (4, 4)
    assert [tuple(row) for row in chunks] == [(1, 2), (3, 4)]
    assert counts_of(store, edition) == {"pending": 4}


def test_group_without_a_lot_gets_nothing(store: Store) -> None:
    """Whoever is given nothing is no part of the audience, and is passed all the same."""
    with store.write() as tx:
        people = [make_person(name, series=(name,)) for name in ("sleep", "rest", "worry")]
        subscribers.add(tx, people)
    edition = freeze_edition(store)
    with store.write() as tx:
        ledger.begin_opening(tx, edition, now=NOON)
        posts = [(POSTS[0], "sleep"), (POSTS[1], "rest")]
        batch = ledger.gather(tx, edition, posts, limit=10, now=NOON)
        assert batch
        only = [group for group in batch.groups if group.declined == {"rest"}]
        lots = {group.code: Lot(letter_id=7, post_ids=POSTS[:1]) for group in only}
        ledger.add_deliveries(tx, edition, batch, lots)
        finished = ledger.finish_opening(tx, edition)

    assert [group.people for group in batch.groups] == [1, 1, 1]
    assert finished
    assert receipts_of(store) == {2: {POSTS[0]}}
    assert (row_of(store, 2).seq, row_of(store, 2).letter_id) == (1, 7)


@pytest.mark.parametrize("state", [EditionState.CANCELLED, EditionState.HELD])
def test_nothing_is_written_for_an_edition_that_is_not_being_opened(
    store: Store, state: EditionState
) -> None:
    """Who cancels or holds an edition during its opening stops it for good."""
    add_people(store, 2)
    edition = freeze_edition(store)
    with store.write() as tx:
        ledger.begin_opening(tx, edition, now=NOON)
    move(store, edition, state, reason="staff")

    with store.write() as tx:
        batch = gather(tx, edition)
        ledger.add_deliveries(tx, edition, batch, lots_of(batch))
        finished = ledger.finish_opening(tx, edition)

    assert not finished
    assert counts_of(store, edition) == {}


def test_post_is_never_given_twice(store: Store) -> None:
    """A batch that would give a reader a post they have is refused whole by the receipts."""
    add_people(store, 2)
    open_edition(store)
    other = freeze_edition(store, digest="daily")
    with store.write() as tx:
        ledger.begin_opening(tx, other, now=NOON)

    def give_again() -> None:
        with store.write() as tx:
            batch = gather(tx, other)
            ledger.add_deliveries(tx, other, batch, lots_of(batch))

    with pytest.raises(sa.exc.IntegrityError):
        give_again()

    assert counts_of(store, other) == {}


def test_opening_is_not_finished_while_rows_are_missing(store: Store) -> None:
    """An edition whose rows do not equal its audience is not sent."""
    add_people(store, 2)
    edition = freeze_edition(store)
    with store.write() as tx:
        ledger.begin_opening(tx, edition, now=NOON)
        open_batch(tx, edition)
        tx.execute(sa.delete(schema.deliveries).where(schema.deliveries.c.subscriber_id == 2))

        finished = ledger.finish_opening(tx, edition)

    assert not finished


def test_large_batch_is_cut_into_chunks(store: Store) -> None:
    """A chunk holds at most a thousand deliveries, and chunks cover the audience without gaps."""
    add_people(store, 2500)

    edition = open_edition(store, limit=2100)

    with store.read() as tx:
        rows = tx.execute(sa.select(schema.chunks).order_by(schema.chunks.c.id)).all()
    assert [(row.id, row.lo, row.hi) for row in rows] == [
        (1, 1, 1000),
        (2, 1001, 2000),
        (3, 2001, 2100),
        (4, 2101, 2500),
    ]
    assert edition.audience == 2500


# --------------------------------------------------------------------------------------- claiming


def test_chunk_is_held_by_one_worker(store: Store) -> None:
    """A chunk that was taken is nobody else's until its lease runs out, to the second."""
    worker = make_worker(store)
    first = worker.take()
    rival = Worker(store=store, edition=worker.edition, now=LATE - timedelta(seconds=1))

    early = rival.take()
    rival.now = LATE
    taken = rival.take()

    assert first
    assert early is None
    assert taken == replace(first, token=first.token + 1)
    assert (chunk_of(store).owner, chunk_of(store).takeovers) == ("me", 1)


def test_two_claimers_never_hold_one_chunk(home: Home, store: Store) -> None:
    """Workers that take chunks at the same moment take different ones, each one once."""
    add_people(store, 40)
    edition = open_edition(store, limit=1)
    taken: list[int] = []
    failures: list[BaseException] = []

    def work(own: Store) -> None:
        worker = Worker(store=own, edition=edition)
        try:
            while claim := worker.take():
                taken.append(claim.chunk_id)
        except BaseException as error:  # noqa: BLE001 - told below
            failures.append(error)

    threads = [
        threading.Thread(target=work, args=(own,)) for own in (store, home.open(), home.open())
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert sorted(taken) == list(range(1, 41))


@pytest.mark.parametrize(
    "state", [EditionState.PAUSED, EditionState.HELD, EditionState.CANCELLED, EditionState.SENT]
)
def test_only_an_edition_that_is_sent_gives_chunks(store: Store, state: EditionState) -> None:
    """Nothing of a paused, held or ended edition is taken; a resumed one goes on."""
    worker = make_worker(store)
    move(store, worker.edition, state, reason="staff")

    assert worker.take() is None

    move(store, worker.edition, EditionState.SENDING)
    assert worker.take()


def test_old_token_starts_nothing(store: Store) -> None:
    """After a takeover the earlier holder may begin no mail, and cannot give the chunk back."""
    zombie = make_worker(store)
    zombie.take()
    due = zombie.due()
    successor = Worker(store=store, edition=zombie.edition, now=LATE)
    successor.take()

    began = zombie.start(due[0])
    zombie.finish()

    assert began is Start.STOPPED
    assert counts_of(store, zombie.edition) == {"pending": 3}
    assert chunk_of(store).state == "running"
    assert successor.start(successor.due()[0]) is Start.STARTED


def test_every_start_renews_the_lease(store: Store) -> None:
    """As long as mails begin, the chunk stays its holder's."""
    worker = make_worker(store)
    worker.begin(1)
    worker.now = SOON

    worker.begin(2)

    assert chunk_of(store).lease_until == SOON + LEASE
    assert Worker(store=store, edition=worker.edition, now=LATE).take() is None


def test_interrupted_mail_becomes_uncertain(store: Store) -> None:
    """What a dead worker had on the wire is named: uncertain, due at once, with an attempt."""
    dead = make_worker(store)
    dead.begin(1, 2)
    dead.end(2, Accepted())
    successor = Worker(store=store, edition=dead.edition, now=LATE)

    successor.take()

    row = row_of(store, 1)
    assert (row.state, row.attempts, row.next_attempt_at) == (DeliveryState.UNCERTAIN, 1, LATE)
    assert row.first_attempt_at == NOON
    assert attempts_of(store) == [(1, 1, "uncertain")]
    assert [one.subscriber_id for one in successor.due()] == [1, 3]
    assert receipts_of(store)[1] == set(POSTS)


def test_uncertain_mail_is_due_only_where_it_is_resent(store: Store) -> None:
    """Under ``hold`` an uncertain mail waits for a person, under ``resend`` it goes again."""
    dead = make_worker(store)
    dead.begin(1)
    successor = Worker(store=store, edition=dead.edition, now=LATE, resend=False)
    successor.take()

    held = [one.subscriber_id for one in successor.due()]
    successor.resend = True
    resent = [(one.subscriber_id, one.state, one.attempts) for one in successor.due()]

    assert held == [2, 3]
    assert resent[0] == (1, DeliveryState.UNCERTAIN, 1)


def test_lock_holder_frees_every_chunk_at_once(store: Store) -> None:
    """Who holds the sender's lock waits for no lease, whatever its clock says."""
    dead = make_worker(store)
    dead.begin(1)
    earlier = NOON - timedelta(hours=1)

    with store.write() as tx:
        ledger.release_chunks(tx, now=earlier)

    successor = Worker(store=store, edition=dead.edition, now=earlier)
    assert state_of(store, 1) is DeliveryState.UNCERTAIN
    assert dead.start(dead.due()[1]) is Start.STOPPED
    assert successor.take()
    assert chunk_of(store).takeovers == 1
    assert [one.subscriber_id for one in successor.due()] == [1, 2, 3]


def test_release_changes_nothing_where_nothing_runs(store: Store) -> None:
    """A clean start finds every chunk as it was."""
    worker = make_worker(store)
    before = chunk_of(store)

    with store.write() as tx:
        ledger.release_chunks(tx, now=NOON)

    assert chunk_of(store) == before
    assert worker.take()


def test_chunk_comes_back_when_the_next_mail_is_due(store: Store) -> None:
    """A chunk whose mails wait is not looked at before the first of them may start again."""
    worker = make_worker(store, 2)
    worker.begin(1, 2)
    worker.end(1, GREYLISTED, next_at=LATE)
    worker.end(2, GREYLISTED, next_at=SOON)

    worker.finish()

    assert (chunk_of(store).state, chunk_of(store).not_before) == ("ready", SOON)
    assert worker.take() is None
    worker.now = SOON
    assert worker.take()
    assert [one.subscriber_id for one in worker.due()] == [2]


def test_chunk_comes_back_at_once_while_mails_have_not_begun(store: Store) -> None:
    """A chunk given back early, at a stop or a pause, is there for the next worker."""
    worker = make_worker(store)
    worker.begin(1)
    worker.end(1, GREYLISTED, next_at=LATE)

    worker.finish()

    assert chunk_of(store).not_before is None
    assert worker.take()


@pytest.mark.parametrize(("resend", "state"), [(True, "ready"), (False, "done")])
def test_chunk_is_done_when_every_row_is(store: Store, resend: bool, state: str) -> None:
    """A chunk is done when nothing in it may start: an uncertain mail may, under ``resend``."""
    worker = make_worker(store, 2, resend=resend)
    worker.begin(1, 2)
    worker.end(1, Accepted())
    worker.end(2, LOST, next_at=SOON)

    worker.finish()

    assert chunk_of(store).state == state


def test_chunk_that_nobody_gave_back_is_finished_by_the_next(store: Store) -> None:
    """A worker that dies after its last row and before the chunk is done leaves nothing to send."""
    dead = make_worker(store, 1)
    dead.begin(1)
    dead.end(1, Accepted())
    successor = Worker(store=store, edition=dead.edition, now=LATE)

    successor.take()
    due = successor.due()
    successor.finish()

    assert due == []
    assert chunk_of(store).state == "done"
    assert successor.close() is EditionState.SENT


# ---------------------------------------------------------------------------------------- starting


def test_due_mail_tells_what_it_needs(store: Store) -> None:
    """What is due comes with address, letter, choices of the reader and what was tried before."""
    with store.write() as tx:
        subscribers.add(tx, [make_person("Ada", discreet=True)])
    worker = Worker(store=store, edition=open_edition(store))
    worker.take()

    (due,) = worker.due()

    assert (due.edition_id, due.subscriber_id, due.seq, due.letter_id) == (
        worker.edition.id,
        1,
        1,
        1,
    )
    assert (due.address.typed, due.address.key) == ("Ada@example.org", "ada@example.org")
    assert (due.discreet, due.confirmed_at) == (True, NOON)
    assert (due.state, due.attempts, due.first_attempt_at) == (DeliveryState.PENDING, 0, None)


def test_due_mails_come_in_pages(store: Store) -> None:
    """A chunk is read page by page, each delivery once."""
    worker = make_worker(store, 5)
    worker.take()

    pages = [
        [one.subscriber_id for one in worker.due(after=after, limit=2)] for after in (0, 2, 4, 5)
    ]

    assert pages == [[1, 2], [3, 4], [5], []]


def test_mail_to_an_erased_person_has_no_address(store: Store) -> None:
    """A delivery outlives its person: the row is there, without an address, and balances."""
    worker = make_worker(store, 2)
    with store.write() as tx:
        tx.execute(sa.delete(schema.subscribers).where(schema.subscribers.c.id == 1))
    worker.take()

    erased, other = worker.due()
    began = worker.start(erased)
    with store.write() as tx:
        ledger.suppress_delivery(tx, worker.edition, erased, "the person was erased")

    assert (erased.address.typed, erased.address.key, erased.discreet) == ("", "", False)
    assert other.address.key == "reader2@example.org"
    assert began is Start.SKIPPED
    assert counts_of(store, worker.edition) == {"pending": 1, "suppressed": 1}
    assert sorted(receipts_of(store)) == [2]


@pytest.mark.parametrize("go", [leave, suppress])
def test_person_who_left_is_skipped_up_to_the_last_moment(store: Store, go: Any) -> None:
    """Leaving or being suppressed after the row was read, before it starts, is honoured."""
    worker = make_worker(store)
    worker.take()
    due = worker.due()
    go(store, 2)

    answers = [worker.start(one) for one in due]

    assert answers == [Start.STARTED, Start.SKIPPED, Start.STARTED]
    assert counts_of(store, worker.edition) == {"inflight": 2, "pending": 1}
    assert row_of(store, 2).attempts == 0


def test_person_who_leaves_while_the_mail_is_on_the_wire_has_it(store: Store) -> None:
    """What began goes its way: the fact is recorded and the receipt kept."""
    worker = make_worker(store)
    worker.begin(1)

    leave(store, 1)
    worker.end(1, Accepted())

    assert state_of(store, 1) is DeliveryState.ACCEPTED
    assert receipts_of(store)[1] == set(POSTS)


@pytest.mark.parametrize("state", [EditionState.PAUSED, EditionState.CANCELLED])
def test_pause_and_cancel_stop_the_next_start(store: Store, state: EditionState) -> None:
    """Once an edition is paused or cancelled no further mail begins."""
    worker = make_worker(store)
    worker.begin(1)
    due = worker.due()

    move(store, worker.edition, state)

    assert [worker.start(one) for one in due] == [Start.STOPPED, Start.STOPPED]


def test_pause_and_resume_change_no_recipient(store: Store) -> None:
    """However often an edition is paused and resumed, everybody gets one mail."""
    worker = make_worker(store, 4)

    for n in range(1, 5):
        worker.take()
        worker.begin(n)
        move(store, worker.edition, EditionState.PAUSED)
        worker.end(n, Accepted())
        worker.finish()
        move(store, worker.edition, EditionState.SENDING)

    assert worker.close() is EditionState.SENT
    assert {row_of(store, n).attempts for n in range(1, 5)} == {1}


def test_row_that_changed_since_it_was_read_is_not_started(store: Store) -> None:
    """A mail starts only as it was read: what another fact ended meanwhile is left as it is."""
    zombie = make_worker(store)
    zombie.begin(1)
    successor = Worker(store=store, edition=zombie.edition, now=LATE)
    successor.take()
    uncertain = successor.due()[0]
    zombie.end(1, Accepted())

    began = successor.start(uncertain)
    with store.write() as tx:
        ledger.suppress_delivery(tx, successor.edition, uncertain, "left")

    assert began is Start.SKIPPED
    assert state_of(store, 1) is DeliveryState.ACCEPTED
    assert receipts_of(store)[1] == set(POSTS)


def test_first_attempt_keeps_its_second(store: Store) -> None:
    """The moment of the first attempt stays on the row: a resend carries the same date."""
    worker = make_worker(store, 1)
    worker.begin(1)
    worker.end(1, GREYLISTED, next_at=SOON)
    worker.now = SOON

    worker.begin(1)

    row = row_of(store, 1)
    assert (row.attempts, row.first_attempt_at) == (2, NOON)
    assert worker.begun[1].first_attempt_at == NOON


# --------------------------------------------------------------------------------------- put back


@pytest.mark.parametrize("state", [DeliveryState.DEFERRED, DeliveryState.UNCERTAIN, None])
def test_mail_that_never_reached_the_wire_is_what_it_was(
    store: Store, state: DeliveryState | None
) -> None:
    """A start that is undone leaves the row exactly as before, and due again at once."""
    worker = make_worker(store, 1)
    if state:
        worker.begin(1)
        worker.end(1, OUTCOMES[state], next_at=SOON)
        worker.finish()
    worker.now = SOON
    worker.take()
    before = row_of(store, 1)
    due = worker.due()

    worker.begin(1)
    worker.put_back(1)

    assert without_token(row_of(store, 1)) == without_token(before)
    assert worker.due() == due
    assert len(attempts_of(store)) == (1 if state else 0)


def test_put_back_undoes_only_its_own_start(store: Store) -> None:
    """A late worker cannot undo what another one named or began since."""
    zombie = make_worker(store, 1)
    zombie.begin(1)
    successor = Worker(store=store, edition=zombie.edition, now=LATE)
    successor.take()

    zombie.put_back(1)
    named = state_of(store, 1)
    successor.begin(1)
    zombie.put_back(1)
    began = state_of(store, 1)
    successor.end(1, Accepted())
    zombie.put_back(1)

    assert (named, began) == (DeliveryState.UNCERTAIN, DeliveryState.INFLIGHT)
    assert state_of(store, 1) is DeliveryState.ACCEPTED


# ------------------------------------------------------------------------------------------- facts


@pytest.mark.parametrize("state", OUTCOMES)
def test_fact_is_recorded_as_the_remote_said_it(store: Store, state: DeliveryState) -> None:
    """State, codes, words and next attempt are on the row; all but acceptance in the history."""
    worker = make_worker(store, 1)
    worker.begin(1)
    outcome = OUTCOMES[state]

    worker.end(1, outcome, next_at=SOON)

    row = row_of(store, 1)
    said = None if isinstance(outcome, Accepted) else outcome.reply
    waits = state in {DeliveryState.DEFERRED, DeliveryState.UNCERTAIN}
    assert (row.state, row.attempts, row.reply) == (state, 1, said)
    assert row.code == getattr(outcome, "code", None)
    assert row.enhanced == getattr(outcome, "enhanced", None)
    assert row.next_attempt_at == (SOON if waits else None)
    expected = [] if isinstance(outcome, Accepted) else [(1, 1, str(state))]
    assert attempts_of(store) == expected


def test_attempt_keeps_how_far_the_mail_went(store: Store) -> None:
    """The history of an attempt has its moment, its phase and what was said, word by word."""
    worker = make_worker(store, 1, now=SOON)
    worker.begin(1)

    worker.end(1, GREYLISTED)

    with store.read() as tx:
        row = tx.execute(sa.select(schema.attempts)).one()
    assert tuple(row)[1:] == (
        worker.edition.id,
        1,
        1,
        SOON,
        "deferred",
        "rcpt",
        451,
        "4.7.1",
        "later",
    )


@pytest.mark.parametrize("state", [DeliveryState.DEFERRED, DeliveryState.UNCERTAIN])
def test_fact_without_a_next_attempt_is_due_at_once(store: Store, state: DeliveryState) -> None:
    """Where nobody said when to try again, the row is due at once and never lost from sight."""
    worker = make_worker(store, 1)
    worker.begin(1)

    worker.end(1, OUTCOMES[state])

    assert [one.subscriber_id for one in worker.due()] == [1]


@pytest.mark.parametrize("late", OUTCOMES)
def test_accepted_is_absorbing(store: Store, late: DeliveryState) -> None:
    """Nothing that is said later changes an accepted delivery or takes its receipt away."""
    zombie = make_worker(store, 1)
    zombie.begin(1)
    successor = Worker(store=store, edition=zombie.edition, now=LATE)
    successor.take()
    successor.begin(1)
    successor.end(1, Accepted(code=251))
    before = row_of(store, 1)

    zombie.end(1, OUTCOMES[late])
    successor.end(1, OUTCOMES[late])
    with store.write() as tx:
        ledger.suppress_delivery(tx, zombie.edition, successor.begun[1], "left")
        ledger.end_open(tx, zombie.edition, DeliveryState.EXPIRED, "old")

    assert row_of(store, 1) == before
    assert receipts_of(store) == {1: set(POSTS)}


def test_late_acceptance_is_true_whoever_says_it(store: Store) -> None:
    """A worker that lost its chunk still records that the remote took its mail."""
    zombie = make_worker(store, 1)
    zombie.begin(1)
    Worker(store=store, edition=zombie.edition, now=LATE).take()
    named = state_of(store, 1)

    zombie.end(1, Accepted())

    assert named is DeliveryState.UNCERTAIN
    assert state_of(store, 1) is DeliveryState.ACCEPTED


@pytest.mark.parametrize("state", [DeliveryState.DEFERRED, DeliveryState.REJECTED])
def test_late_refusal_settles_an_uncertain_mail(store: Store, state: DeliveryState) -> None:
    """A late worker that knows better settles what was only named uncertain meanwhile."""
    zombie = make_worker(store, 1)
    zombie.begin(1)
    Worker(store=store, edition=zombie.edition, now=LATE).take()

    zombie.end(1, OUTCOMES[state], next_at=SOON)

    assert state_of(store, 1) is state
    assert attempts_of(store) == [(1, 1, "uncertain"), (1, 1, str(state))]
    assert (1 in receipts_of(store)) is (state is DeliveryState.DEFERRED)


@pytest.mark.parametrize(
    "late", [DeliveryState.DEFERRED, DeliveryState.REJECTED, DeliveryState.UNCERTAIN]
)
def test_late_refusal_does_not_touch_a_later_attempt(store: Store, late: DeliveryState) -> None:
    """While another worker's mail is on the wire an earlier refusal is history, no more."""
    zombie = make_worker(store, 1)
    zombie.begin(1)
    successor = Worker(store=store, edition=zombie.edition, now=LATE)
    successor.take()
    successor.begin(1)

    zombie.end(1, OUTCOMES[late])

    assert state_of(store, 1) is DeliveryState.INFLIGHT
    assert attempts_of(store)[-1] == (1, 1, str(late))
    assert receipts_of(store) == {1: set(POSTS)}
    successor.end(1, Accepted())
    assert receipts_of(store) == {1: set(POSTS)}


def test_late_acceptance_gives_the_receipt_again(store: Store) -> None:
    """A mail thought unsent that had been accepted is accepted, and its reader has the posts."""
    zombie = make_worker(store, 2)
    zombie.begin(1)
    successor = Worker(store=store, edition=zombie.edition, now=LATE)
    successor.take()
    successor.begin(1)
    successor.end(1, UNKNOWN)
    between = receipts_of(store)

    zombie.end(1, Accepted())

    assert between == {2: set(POSTS)}
    assert state_of(store, 1) is DeliveryState.ACCEPTED
    assert receipts_of(store) == {1: set(POSTS), 2: set(POSTS)}


@pytest.mark.parametrize("state", OUTCOMES)
def test_fact_that_is_recorded_twice_counts_once(store: Store, state: DeliveryState) -> None:
    """A commit whose answer was lost may be repeated: the same fact changes nothing more."""
    worker = make_worker(store, 1)
    worker.begin(1)
    worker.end(1, OUTCOMES[state], next_at=SOON)
    before = row_of(store, 1), attempts_of(store), receipts_of(store)

    worker.end(1, OUTCOMES[state], next_at=SOON)

    assert (row_of(store, 1), attempts_of(store), receipts_of(store)) == before


# ---------------------------------------------------------------------------------------- receipts


@pytest.mark.parametrize("rehearsal", [False, True])
def test_receipts_are_kept_exactly_where_a_mail_may_have_arrived(
    store: Store, rehearsal: bool
) -> None:
    """Every unsent end gives the receipt back; accepted, uncertain and waiting mails keep it."""
    add_people(store, 8)
    edition = open_edition(store, freeze_edition(store, rehearsal=rehearsal))
    worker = Worker(store=store, edition=edition)
    worker.begin(1, 2, 3, 4)
    for subscriber_id, state in enumerate(OUTCOMES, start=1):
        worker.end(subscriber_id, OUTCOMES[state], next_at=SOON)
    with store.write() as tx:
        ledger.suppress_delivery(tx, edition, worker.due()[0], "left")
    table = schema.rehearsal_receipts if rehearsal else schema.receipts
    waiting = receipts_of(store, table)
    worker.begin(6)

    ended = end_open(store, edition, DeliveryState.CANCELLED)

    assert sorted(waiting) == [1, 2, 4, 6, 7, 8]
    assert ended == 3
    assert sorted(receipts_of(store, table)) == [1, 4, 6]
    assert counts_of(store, edition) == {
        "accepted": 1,
        "cancelled": 3,
        "inflight": 1,
        "rejected": 1,
        "suppressed": 1,
        "uncertain": 1,
    }


def test_rehearsals_never_touch_live_receipts(store: Store) -> None:
    """A rehearsal writes and deletes receipts of its own; what readers have is not its matter."""
    add_people(store, 2)
    open_edition(store, freeze_edition(store, post_ids=POSTS[:1]))
    before = receipts_of(store)

    rehearsal = open_edition(store, freeze_edition(store, day=1, rehearsal=True))
    rehearsed = receipts_of(store, schema.rehearsal_receipts)
    end_open(store, rehearsal, DeliveryState.EXPIRED)

    assert rehearsal.audience == 2
    assert rehearsed == {1: set(POSTS), 2: set(POSTS)}
    assert receipts_of(store, schema.rehearsal_receipts) == {}
    assert receipts_of(store) == before


def test_unsent_end_gives_back_only_its_own_edition(store: Store) -> None:
    """A reader keeps what earlier editions gave them, whatever becomes of a later one."""
    add_people(store, 1)
    open_edition(store, freeze_edition(store, post_ids=POSTS[:1]))
    later = open_edition(store, freeze_edition(store, day=1))

    end_open(store, later, DeliveryState.EXPIRED)

    assert receipts_of(store) == {1: {POSTS[0]}}


def test_post_that_was_not_sent_goes_with_the_next_edition(store: Store) -> None:
    """Who was rejected or expired gets the post by the next edition that has it."""
    add_people(store, 2)
    first = open_edition(store)
    end_open(store, first, DeliveryState.EXPIRED)

    second = open_edition(store, freeze_edition(store, day=1))

    assert second.audience == 2


# ----------------------------------------------------------------------------- ended meanwhile


def test_cancelled_edition_leaves_nothing_waiting(store: Store) -> None:
    """A mail that was on the wire at a cancel and is deferred is cancelled, and given back."""
    worker = make_worker(store, 4)
    worker.begin(1, 2, 3, 4)
    move(store, worker.edition, EditionState.CANCELLED)
    end_open(store, worker.edition, DeliveryState.CANCELLED)

    worker.end(1, GREYLISTED, next_at=SOON)
    worker.put_back(2)
    worker.end(3, LOST, next_at=SOON)
    worker.end(4, Accepted())
    worker.finish()

    assert counts_of(store, worker.edition) == {"accepted": 1, "cancelled": 2, "uncertain": 1}
    assert sorted(receipts_of(store)) == [3, 4]
    assert "ended" in row_of(store, 1).reply


def test_uncertain_mail_put_back_in_a_cancelled_edition_stays_uncertain(store: Store) -> None:
    """What may have arrived before is not called unsent because its resend never began."""
    worker = make_worker(store, 1)
    worker.begin(1)
    worker.end(1, LOST)
    worker.begin(1)
    move(store, worker.edition, EditionState.CANCELLED)
    end_open(store, worker.edition, DeliveryState.CANCELLED)

    worker.put_back(1)

    assert counts_of(store, worker.edition) == {"uncertain": 1}
    assert receipts_of(store) == {1: set(POSTS)}


def test_mail_interrupted_in_a_cancelled_edition_is_named(store: Store) -> None:
    """A worker that died after a cancel leaves no mail on the wire for ever."""
    dead = make_worker(store, 2)
    dead.begin(1)
    move(store, dead.edition, EditionState.CANCELLED)
    end_open(store, dead.edition, DeliveryState.CANCELLED)

    with store.write() as tx:
        ledger.release_chunks(tx, now=LATE)

    assert counts_of(store, dead.edition) == {"cancelled": 1, "uncertain": 1}
    assert sorted(receipts_of(store)) == [1]


def test_late_deferral_after_the_close_is_expired(store: Store) -> None:
    """A mail held uncertain at the close, and then known to be unsent, is over: it expired."""
    zombie = make_worker(store, 1, resend=False)
    zombie.begin(1)
    successor = Worker(store=store, edition=zombie.edition, now=LATE, resend=False)
    successor.take()
    closed = successor.close()

    zombie.end(1, GREYLISTED, next_at=SOON)

    assert closed is EditionState.PARTIAL
    assert counts_of(store, zombie.edition) == {"expired": 1}
    assert receipts_of(store) == {}


# ----------------------------------------------------------------------------------------- closing


@pytest.mark.parametrize(
    ("outcome", "resend", "expected"),
    [
        (Accepted(), True, EditionState.SENT),
        (UNKNOWN, True, EditionState.SENT),
        (GREYLISTED, True, None),
        (LOST, True, None),
        (LOST, False, EditionState.PARTIAL),
    ],
)
def test_edition_closes_when_every_row_is_at_its_end(
    store: Store, outcome: Outcome, resend: bool, expected: EditionState | None
) -> None:
    """Sent: all at their end; partial: some uncertain or expired; else it is not over."""
    worker = make_worker(store, 2, resend=resend)
    worker.begin(1, 2)
    worker.end(1, Accepted())
    worker.end(2, outcome, next_at=SOON)
    worker.finish()

    closed = worker.close()

    with store.read() as tx:
        after = editions.read_one(tx, worker.edition.id)
    assert closed is expected
    assert after.state is (expected or EditionState.SENDING)
    assert after.closed_at == (NOON if expected else None)


@pytest.mark.parametrize("left", ["pending", "inflight"])
def test_edition_with_open_rows_stays_open(store: Store, left: str) -> None:
    """A row that never began or is on the wire keeps the edition open."""
    worker = make_worker(store, 1)
    if left == "inflight":
        worker.begin(1)

    assert worker.close() is None
    assert counts_of(store, worker.edition) == {left: 1}


def test_expired_rows_make_it_partial(store: Store) -> None:
    """Who was not reached in time is expired, with the reason, and the edition is partial."""
    worker = make_worker(store, 3)
    worker.begin(1)
    worker.end(1, Accepted())

    ended = end_open(store, worker.edition, DeliveryState.EXPIRED)

    assert ended == 2
    assert row_of(store, 2).reply == "that is why"
    assert worker.close() is EditionState.PARTIAL


def test_edition_closes_only_when_its_rows_balance(store: Store) -> None:
    """Rows that are missing are not "done": an edition whose counts do not balance stays open."""
    worker = make_worker(store, 2)
    with store.write() as tx:
        tx.execute(sa.delete(schema.deliveries))

    assert worker.close() is None
    with store.read() as tx:
        assert editions.read_one(tx, worker.edition.id).state is EditionState.SENDING


def test_edition_closes_once(store: Store) -> None:
    """Of several who find the last row done one closes the edition."""
    worker = make_worker(store, 1)
    worker.begin(1)
    worker.end(1, Accepted())

    answers = [worker.close(), worker.close()]

    assert answers == [EditionState.SENT, None]


@pytest.mark.parametrize("state", [EditionState.PAUSED, EditionState.CANCELLED])
def test_only_an_edition_that_is_sent_closes(store: Store, state: EditionState) -> None:
    """A paused or cancelled edition does not become "sent" because its rows are done."""
    worker = make_worker(store, 1)
    worker.begin(1)
    worker.end(1, Accepted())
    move(store, worker.edition, state)

    assert worker.close() is None


def test_change_of_policy_finds_its_work(store: Store) -> None:
    """Uncertain mails held so far are sent again once the operator says ``resend``."""
    worker = make_worker(store, 2, resend=False)
    worker.begin(1, 2)
    worker.end(1, LOST)
    worker.end(2, GREYLISTED, next_at=SOON)
    worker.finish()
    worker.now = SOON
    worker.take()
    worker.begin(2)
    worker.end(2, LOST)
    worker.finish()
    done = chunk_of(store).state

    worker.resend = True
    closed = worker.close()
    taken = worker.take()

    assert (done, closed) == ("done", None)
    assert taken
    assert [one.subscriber_id for one in worker.due()] == [1, 2]


def test_close_opens_no_chunk_while_another_has_work(store: Store) -> None:
    """While any chunk waits or runs, the done ones stay done."""
    add_people(store, 2)
    worker = Worker(store=store, edition=open_edition(store, limit=1))
    worker.begin(1)
    worker.end(1, Accepted())
    worker.finish()

    assert worker.close() is None
    with store.read() as tx:
        states = tx.scalars(sa.select(schema.chunks.c.state).order_by(schema.chunks.c.id)).all()
    assert list(states) == ["done", "ready"]


def test_counts_name_every_state(store: Store) -> None:
    """Counts list every state there is, also where nobody is in it."""
    worker = make_worker(store, 2)

    with store.read() as tx:
        counts = ledger.read_counts(tx, worker.edition.id)

    assert set(counts) == set(DeliveryState)
    assert sum(counts.values()) == counts[DeliveryState.PENDING] == 2


def test_attempts_without_a_reply_are_counted(store: Store) -> None:
    """Each attempt that may have reached its reader counts, whatever became of the mail later."""
    worker = make_worker(store, 3)
    worker.begin(1, 2, 3)
    worker.end(1, LOST, next_at=NOON)
    worker.end(2, LOST, next_at=NOON)
    worker.end(3, UNKNOWN)
    worker.begin(1, 2)
    worker.end(1, LOST, next_at=NOON)
    worker.end(2, Accepted())

    with store.read() as tx:
        counts = [ledger.count_uncertain(tx, one) for one in (worker.edition.id, 99)]

    assert counts == [3, 0]


def test_reasons_say_why_mails_were_not_accepted(store: Store) -> None:
    """Reasons are grouped, the most frequent first; accepted and waiting mails need none."""
    worker = make_worker(store, 6)
    worker.begin(1, 2, 3, 4, 5)
    worker.end(1, Accepted())
    worker.end(2, UNKNOWN)
    worker.end(3, UNKNOWN)
    worker.end(4, GREYLISTED, next_at=SOON)

    with store.read() as tx:
        before = ledger.read_reasons(tx, worker.edition.id, dict.fromkeys(DeliveryState, 0))
        counts = ledger.read_counts(tx, worker.edition.id)
        reasons = ledger.read_reasons(tx, worker.edition.id, counts)

    assert before == []
    assert reasons == [
        (DeliveryState.REJECTED, "no such user", 2),
        (DeliveryState.DEFERRED, "later", 1),
    ]
