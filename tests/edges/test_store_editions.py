"""Editions: one a slot, numbered in turn, changed only by whoever saw them last."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from publisher.editorial.choice import History
from publisher.model import EditionContent, EditionState, Letter, LetterPost, Link, SeriesLine
from publisher.store import Store, editions, ledger, posts, schema
from publisher.store.posts import Publication
from tests import stores
from tests.factories import NOON, make_content, make_letter_post, make_post, make_sha256
from tests.stores import (
    ARTICLES,
    HASH,
    LEASE,
    POSTS,
    add_people,
    freeze_edition,
    make_slot,
    open_batch,
    open_edition,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from publisher.model import Edition
    from publisher.store import Transaction
    from tests.stores import Home

home, prepared_file, store = stores.home, stores.prepared_file, stores.store
lasting = stores.lasting

LATER = NOON + timedelta(days=1)


def draft(
    store: Store,
    day: int = 0,
    *,
    digest: str = "weekly",
    rehearsal: bool = False,
    state: EditionState = EditionState.DRAFT,
) -> Edition:
    """Make the edition of a slot."""
    with store.write() as tx:
        made = editions.insert(
            tx, digest=digest, rehearsal=rehearsal, slot=make_slot(day), state=state, now=NOON
        )
    assert made is not None
    return made


def current(store: Store, edition: Edition) -> Edition:
    with store.read() as tx:
        return editions.read_one(tx, edition.id)


def move(store: Store, edition: Edition, state: EditionState, *, reason: str = "") -> Edition:
    """Change an edition as it is now."""
    with store.write() as tx:
        assert editions.move(tx, editions.read_one(tx, edition.id), state, reason=reason)
    return current(store, edition)


def run_at_once(work: Callable[[Store], None], stores: list[Store]) -> None:
    """Run the work in a thread for each store, all beginning together."""
    barrier = threading.Barrier(len(stores))
    failures: list[BaseException] = []

    def begin(own: Store) -> None:
        barrier.wait()
        try:
            work(own)
        except BaseException as error:  # noqa: BLE001 - told below
            failures.append(error)

    threads = [threading.Thread(target=begin, args=(own,)) for own in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


# ------------------------------------------------------------------------------------------ slots


def test_digest_is_seen_once(store: Store) -> None:
    """The store keeps the moment it first met a digest, however often it is named later."""
    with store.write() as tx:
        first = editions.see_digests(tx, ["weekly"], now=NOON)
        second = editions.see_digests(tx, ["weekly", "daily"], now=LATER)
        found = editions.seen_digests(tx)

    assert first == {"weekly": NOON}
    assert second == found == {"weekly": NOON, "daily": LATER}


def test_slot_is_decided_once(store: Store) -> None:
    """The first decision about a slot stands; what was decided is known by its key."""
    with store.write() as tx:
        answers = [
            editions.decide_slot(tx, "weekly", "a", NOON, "missed", now=NOON),
            editions.decide_slot(tx, "weekly", "a", NOON, "edition", now=LATER),
            editions.decide_slot(tx, "daily", "a", NOON, "nothing_new", now=NOON),
            editions.decide_slot(tx, "weekly", "b", LATER, "edition", now=LATER),
        ]
        verdicts = tx.execute(
            sa.select(schema.slots.c.verdict).where(schema.slots.c.digest == "weekly")
        )
        kept = sorted(verdicts.scalars())
        decided = [
            editions.decided_slots(tx, "weekly", since=NOON),
            editions.decided_slots(tx, "weekly", since=NOON + timedelta(seconds=1)),
            editions.decided_slots(tx, "monthly", since=NOON),
        ]
        last = [editions.last_decided_at(tx, name) for name in ("weekly", "daily", "monthly")]

    assert answers == [True, False, True, True]
    assert kept == ["edition", "missed"]
    assert decided == [{"a", "b"}, {"b"}, frozenset()]
    assert last == [LATER, NOON, None]


def test_two_writers_decide_a_slot_once(home: Home, store: Store) -> None:
    """Of schedulers that decide the same slot at the same moment exactly one is told it did."""
    answers: list[bool] = []

    def decide(own: Store) -> None:
        for n in range(20):
            with own.write() as tx:
                answers.append(editions.decide_slot(tx, "w", f"{n}", NOON, "edition", now=NOON))

    run_at_once(decide, [store, home.open()])

    assert sorted(answers) == [False] * 20 + [True] * 20


# --------------------------------------------------------------------------------------- inserting


def test_slot_has_one_edition(store: Store) -> None:
    """A second edition of a slot is not made, and takes no number."""
    first = draft(store)

    with store.write() as tx:
        second = editions.insert(
            tx,
            digest="weekly",
            rehearsal=False,
            slot=make_slot(),
            state=EditionState.DRAFT,
            now=LATER,
        )
        found = editions.read_by_slot(tx, "weekly", make_slot().key)

    assert second is None
    assert found == first
    assert draft(store, 1).number == 2


def test_two_writers_make_one_edition_a_slot(home: Home, store: Store) -> None:
    """Two processes that see the same slots make one edition of each, numbered without gaps."""
    made: list[Edition | None] = []

    def work(own: Store) -> None:
        for day in range(20):
            with own.write() as tx:
                made.append(
                    editions.insert(
                        tx,
                        digest="weekly",
                        rehearsal=False,
                        slot=make_slot(day),
                        state=EditionState.DRAFT,
                        now=NOON,
                    )
                )

    run_at_once(work, [store, home.open(), home.open()])

    with store.read() as tx:
        found = editions.read_all(tx)
    assert [one.number for one in found] == list(range(1, 21))
    assert sum(one is not None for one in made) == 20


def test_rehearsals_and_live_editions_are_numbered_apart(store: Store) -> None:
    """Each digest counts its live editions from 1, and its rehearsals from 1."""
    made = [
        draft(store, 0, rehearsal=True),
        draft(store, 1, rehearsal=True),
        draft(store, 2),
        draft(store, 3, digest="daily"),
        draft(store, 4),
    ]

    assert [one.name for one in made] == [
        "weekly/1",
        "weekly/2",
        "weekly/1",
        "daily/1",
        "weekly/2",
    ]


def test_missed_edition_takes_no_number(store: Store) -> None:
    """A missed slot is recorded, has no number and leaves none out."""
    missed = draft(store, 0, state=EditionState.MISSED)
    following = draft(store, 1)

    assert (missed.number, missed.name, missed.state) == (None, "weekly/-", EditionState.MISSED)
    assert following.number == 1


def test_discarded_draft_frees_slot_and_number(store: Store) -> None:
    """A draft that came to nothing is gone with its posts; its slot and number are free again."""
    edition = draft(store)
    with store.write() as tx:
        editions.set_posts(tx, edition.id, [(POSTS[0], HASH)])

        answers = [editions.discard_draft(tx, edition) for _ in range(2)]
        left = tx.execute(sa.select(schema.edition_posts)).all()

    again = draft(store)
    assert answers == [True, False]
    assert left == []
    assert (again.number, again.slot) == (1, edition.slot)
    assert again.id != edition.id


def test_frozen_edition_is_not_discarded(store: Store) -> None:
    """What was frozen is a record, and stays."""
    edition = freeze_edition(store)

    with store.write() as tx:
        discarded = editions.discard_draft(tx, edition)

    assert not discarded
    assert current(store, edition) == edition


def test_draft_becomes_the_other_kind(store: Store) -> None:
    """A draft follows the transport: it takes the next number of its new kind."""
    draft(store, 0, rehearsal=True)
    edition = draft(store, 1)

    with store.write() as tx:
        editions.set_kind(tx, edition, rehearsal=True, trial=False)

    found = current(store, edition)
    assert (found.rehearsal, found.number, found.version) == (True, 2, 2)


def test_frozen_edition_keeps_its_kind(store: Store) -> None:
    """What was rehearsed is never sent: only a draft changes its kind."""
    edition = freeze_edition(store, rehearsal=True)

    with store.write() as tx:
        editions.set_kind(tx, edition, rehearsal=False, trial=False)

    assert current(store, edition) == edition


# ------------------------------------------------------------------------------------------- posts


def test_posts_keep_their_order(store: Store) -> None:
    """An edition's posts come back in the order they were chosen, without those only counted."""
    edition = draft(store)
    chosen = [("urn:b", "1"), ("urn:a", "2"), ("urn:c", "3")]

    with store.write() as tx:
        editions.set_posts(tx, edition.id, chosen, ["urn:old", "urn:older"])
        found = editions.read_posts(tx, edition.id)

    assert found == chosen


def test_same_posts_are_no_change(store: Store) -> None:
    """A draft that is refreshed with what it has is not changed: nobody must look again."""
    edition = draft(store)
    versions = []

    for chosen, counted in [
        ([("a", "1"), ("b", "1")], ["c"]),
        ([("a", "1"), ("b", "1")], ["c"]),
        ([("b", "1"), ("a", "1")], ["c"]),
        ([("b", "2"), ("a", "1")], ["c"]),
        ([("b", "2"), ("a", "1")], []),
        ([], []),
        ([], []),
    ]:
        with store.write() as tx:
            editions.set_posts(tx, edition.id, chosen, counted)
        versions.append(current(store, edition).version)

    assert versions == [2, 2, 3, 4, 5, 6, 6]


def test_refreshed_draft_is_not_frozen_as_it_was(store: Store) -> None:
    """Posts that came into a draft after it was read are never frozen away unseen."""
    edition = draft(store)
    with store.write() as tx:
        editions.set_posts(tx, edition.id, [("a", "1")])
    seen = current(store, edition)
    with store.write() as tx:
        editions.set_posts(tx, edition.id, [("a", "1"), ("b", "1")])

    with store.write() as tx:
        frozen = editions.freeze(tx, seen, make_content(), HASH, by="Ada", now=NOON)

    assert not frozen
    assert current(store, edition).state is EditionState.DRAFT


def test_frozen_posts_are_those_of_the_content(store: Store) -> None:
    """Freezing notes each post's exact source; one that was left out at last stays new."""
    edition = draft(store)
    with store.write() as tx:
        editions.set_posts(tx, edition.id, [("a", "1"), ("b", "1"), ("c", "1")], ["old"])
        editions.fix_posts(tx, edition.id, [("a", "2"), ("c", "1")])
        found = editions.read_posts(tx, edition.id)
    move(store, edition, EditionState.HELD, reason="late")

    with store.read() as tx:
        taken = editions.read_history(tx, "weekly", rehearsal=False).taken

    assert found == [("a", "2"), ("c", "1")]
    assert taken == {"a", "c", "old"}


# ------------------------------------------------------------------------------------ moving along


def test_freezing_fixes_what_was_approved(store: Store) -> None:
    """A frozen edition carries subject, digest, and who approved it and when."""
    edition = draft(store)
    content = make_content(subject="Weekly: Sleep")

    with store.write() as tx:
        frozen = editions.freeze(tx, edition, content, "f" * 64, by="Ada", now=LATER)
        found = editions.read_content(tx, edition.id)

    after = current(store, edition)
    assert frozen
    assert found == content
    assert after == replace(
        edition,
        state=EditionState.SCHEDULED,
        version=2,
        subject="Weekly: Sleep",
        content_sha256="f" * 64,
        approved_by="Ada",
        approved_at=LATER,
    )


def test_freezing_without_approval_names_nobody(store: Store) -> None:
    """Where a digest asks for no approval, nobody approved."""
    after = freeze_edition(store)

    assert (after.state, after.approved_by, after.approved_at) == (
        EditionState.SCHEDULED,
        "",
        None,
    )


@pytest.mark.parametrize(
    "state", [EditionState.SCHEDULED, EditionState.CANCELLED, EditionState.FAILED]
)
def test_only_drafts_and_held_editions_are_frozen(store: Store, state: EditionState) -> None:
    """What is frozen already, or over, is not frozen again."""
    edition = freeze_edition(store)
    if state is not edition.state:
        edition = move(store, edition, state)

    with store.write() as tx:
        frozen = editions.freeze(tx, edition, make_content(), "f" * 64, by="Ada", now=NOON)

    assert not frozen
    assert current(store, edition) == edition


def test_of_two_people_one_wins(store: Store) -> None:
    """Two people decide about the same edition: the first is heard, the other is told."""
    edition = freeze_edition(store)

    with store.write() as tx:
        cancelled = editions.move(tx, edition, EditionState.CANCELLED, closed_at=NOON)
    with store.write() as tx:
        resumed = editions.move(tx, edition, EditionState.HELD, reason="staff")

    after = current(store, edition)
    assert (cancelled, resumed) == (True, False)
    assert (after.state, after.closed_at, after.version) == (
        EditionState.CANCELLED,
        NOON,
        edition.version + 1,
    )


def test_of_two_people_at_once_one_wins(home: Home, store: Store) -> None:
    """Even at the same moment only one of cancel and resume happens, each time."""
    found = [freeze_edition(store, day=day) for day in range(10)]
    answers: list[bool] = []

    def work(own: Store) -> None:
        for edition in found:
            with own.write() as tx:
                answers.append(editions.move(tx, edition, EditionState.HELD, reason="staff"))

    run_at_once(work, [store, home.open()])

    assert sorted(answers) == [False] * 10 + [True] * 10


def test_move_asks_for_version_and_state(store: Store) -> None:
    """An edition that is not as the caller thinks is left alone, whichever part is wrong."""
    edition = freeze_edition(store)

    with store.write() as tx:
        answers = [
            editions.move(tx, replace(edition, version=99), EditionState.CANCELLED),
            editions.move(tx, replace(edition, state=EditionState.DRAFT), EditionState.CANCELLED),
            editions.move(tx, replace(edition, id=99), EditionState.CANCELLED),
        ]

    assert answers == [False] * 3
    assert current(store, edition) == edition


def test_held_needs_a_reason(store: Store) -> None:
    """Nobody can hold an edition without saying why."""
    edition = freeze_edition(store)

    with pytest.raises(sa.exc.IntegrityError, match="held_reason"), store.write() as tx:
        editions.move(tx, edition, EditionState.HELD)

    assert current(store, edition) == edition


def test_draft_cannot_be_sent_unfrozen(store: Store) -> None:
    """No edition gets past its draft without the digest of what it is made of."""
    edition = draft(store)

    with pytest.raises(sa.exc.IntegrityError, match="frozen"), store.write() as tx:
        editions.move(tx, edition, EditionState.SENDING)

    assert current(store, edition) == edition


# ------------------------------------------------------------------------- held after its opening


def test_held_edition_is_opened_anew_with_new_letters(store: Store) -> None:
    """What an opening wrote before a hold is undone when the edition is approved once more."""
    add_people(store, 3)
    edition = freeze_edition(store)
    with store.write() as tx:
        ledger.begin_opening(tx, edition, now=NOON)
        open_batch(tx, edition, limit=2)
    held = move(store, edition, EditionState.HELD, reason="versions")
    assert (held.audience, held.letters) == (2, 1)

    content = make_content([make_letter_post(post_id=POSTS[0])])
    with store.write() as tx:
        frozen = editions.freeze(tx, held, content, "f" * 64, by="Ada", now=NOON)
        editions.fix_posts(tx, held.id, [(POSTS[0], HASH)])
        left = [
            tx.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in (schema.deliveries, schema.receipts, schema.chunks, schema.letters)
        ]
    again = open_edition(store, current(store, held))

    assert frozen
    assert left == [0, 0, 0, 0]
    assert (again.audience, again.letters, again.state) == (3, 1, EditionState.SENDING)
    with store.read() as tx:
        assert editions.read_letter(tx, again.id, 1).post_ids == POSTS[:1]


def test_edition_is_not_frozen_anew_once_a_mail_began(store: Store) -> None:
    """After the first mail the content is what that reader has: it can no longer change."""
    add_people(store, 2)
    edition = open_edition(store)
    with store.write() as tx:
        claim = ledger.claim_chunk(tx, edition.id, owner="me", now=NOON, lease=LEASE)
        assert claim
        due = ledger.read_due(tx, claim, now=NOON, resend=True, after=0, limit=1)[0]
        ledger.start(tx, claim, due, now=NOON, lease=LEASE)
    held = move(store, edition, EditionState.HELD, reason="relay")

    with store.write() as tx:
        frozen = editions.freeze(tx, held, make_content(), "f" * 64, by="Ada", now=NOON)

    assert not frozen
    assert current(store, edition) == held
    with store.read() as tx:
        assert sum(ledger.read_counts(tx, edition.id).values()) == 2


# --------------------------------------------------------------------------------------- history


def take(
    store: Store, post_id: str, day: int, *states: EditionState, rehearsal: bool = False
) -> Edition:
    """Make an edition with one post and lead it through states."""
    edition = freeze_edition(store, day=day, post_ids=[post_id], rehearsal=rehearsal)
    for state in states:
        edition = move(store, edition, state, reason="staff")
    return edition


def test_history_is_what_was_promised(store: Store) -> None:
    """A post is taken once an edition with it is frozen, until that is cancelled or fails."""
    fresh = draft(store, 0)
    with store.write() as tx:
        editions.set_posts(tx, fresh.id, [("drafted", HASH)])
    take(store, "frozen", 1)
    take(store, "held", 2, EditionState.HELD)
    take(store, "cancelled", 3, EditionState.CANCELLED)
    take(store, "failed", 4, EditionState.FAILED)
    take(store, "sent", 5, EditionState.SENT)

    with store.read() as tx:
        history = editions.read_history(tx, "weekly", rehearsal=False)
        other = editions.read_history(tx, "daily", rehearsal=False)

    assert history == History(
        started=True, taken=frozenset({"frozen", "held", "sent"}), archived=frozenset()
    )
    assert other == History(started=False, taken=frozenset(), archived=frozenset())


def test_rehearsals_and_live_editions_do_not_see_each_other(store: Store) -> None:
    """What was rehearsed is new when it is sent, and the first live edition is the first."""
    take(store, "rehearsed", 0, rehearsal=True)

    with store.read() as tx:
        live = editions.read_history(tx, "weekly", rehearsal=False)
        rehearsed = editions.read_history(tx, "weekly", rehearsal=True)

    assert (live.started, live.taken) == (False, frozenset())
    assert (rehearsed.started, rehearsed.taken) == (True, frozenset({"rehearsed"}))


def test_history_knows_the_archive(store: Store) -> None:
    """Posts of an imported archive count as sent for every digest, live and rehearsed."""
    post = make_post("old")
    with store.write() as tx:
        publication = Publication(post=post, part=None, data=b"", images={})
        posts.pin(tx, [publication], archived=frozenset({post.path}), now=NOON)
        found = [
            editions.read_history(tx, "weekly", rehearsal=rehearsal).archived
            for rehearsal in (False, True)
        ]

    assert found == [{post.id}, {post.id}]


# --------------------------------------------------------------------------------------- reading


def test_editions_are_found_by_number_of_the_kind_asked_for(store: Store) -> None:
    """A number names the edition of the kind asked for, else the other kind's, else none."""
    rehearsed = draft(store, 0, rehearsal=True)
    second = draft(store, 1, rehearsal=True)
    live = draft(store, 2)

    with store.read() as tx:
        found = [
            editions.read_by_number(tx, "weekly", 1, rehearsal=True),
            editions.read_by_number(tx, "weekly", 1, rehearsal=False),
            editions.read_by_number(tx, "weekly", 2, rehearsal=False),
            editions.read_by_number(tx, "weekly", 3, rehearsal=False),
            editions.read_by_number(tx, "daily", 1, rehearsal=False),
            editions.read_by_slot(tx, "weekly", "never"),
        ]

    assert found == [rehearsed, live, second, None, None, None]


def test_editions_come_in_the_order_of_their_slots(store: Store) -> None:
    """Lists follow the slots, not the order of making, and can ask for some states only."""
    late, early = draft(store, 5), draft(store, 1)
    frozen = freeze_edition(store, day=3)

    with store.read() as tx:
        every = editions.read_all(tx)
        some = editions.read_all(tx, states=[EditionState.SCHEDULED, EditionState.SENDING])

    assert every == [early, frozen, late]
    assert some == [frozen]


LINES = st.builds(
    SeriesLine, number=st.integers(1, 99), title=st.text(), url=st.text(), post_id=st.text()
)
LINKS = st.none() | st.builds(Link, title=st.text(), url=st.text())
LETTER_POSTS = st.builds(
    LetterPost,
    html=st.text(),
    part=st.none() | st.integers(1, 99),
    previous=LINKS,
    next=LINKS,
    lines=st.lists(LINES, max_size=2).map(tuple),
    authors=st.lists(st.text(), max_size=2).map(tuple),
    warnings=st.lists(st.text(), max_size=2).map(tuple),
)
CONTENTS = st.builds(EditionContent, posts=st.lists(LETTER_POSTS, max_size=2).map(tuple))


@pytest.fixture(scope="module")
def shelf(lasting: Store) -> Iterator[Transaction]:
    """One transaction for many examples, in each dialect."""
    with lasting.write() as tx:
        yield tx


@given(content=CONTENTS)
def test_content_comes_back_as_it_was_frozen(shelf: Transaction, content: EditionContent) -> None:
    """Whatever an edition is made of comes back exactly: its digest still fits."""
    with shelf.begin_nested() as savepoint:
        edition = editions.insert(
            shelf,
            digest="weekly",
            rehearsal=False,
            slot=make_slot(),
            state=EditionState.DRAFT,
            now=NOON,
        )
        assert edition
        editions.freeze(shelf, edition, content, HASH, by="", now=NOON)
        found = editions.read_content(shelf, edition.id)
        savepoint.rollback()

    assert found == content


# ---------------------------------------------------------------------------------- public pages


def public_slots(store: Store, *, rehearsal: bool = False) -> list[str]:
    with store.read() as tx:
        found = editions.read_public(tx, rehearsal=rehearsal)
        assert all(one.content == editions.read_content(tx, one.edition.id) for one in found)
    return [one.edition.slot for one in found]


def test_edition_is_public_from_its_opening_on(store: Store) -> None:
    """An edition's page is there before its first mail, and not before it is opened."""
    add_people(store, 1)
    draft(store, 0)
    frozen = freeze_edition(store, day=1)
    before, revision = public_slots(store), store.revision()

    opened = open_edition(store, frozen)

    assert before == []
    assert public_slots(store) == [opened.slot]
    assert store.revision() > revision


def test_public_editions_are_of_one_kind_and_no_course(store: Store) -> None:
    """Rehearsed editions have pages on a rehearsing site only; courses have none."""
    live = open_edition(store, freeze_edition(store, day=0))
    rehearsed = open_edition(store, freeze_edition(store, day=1, rehearsal=True))
    open_edition(store, freeze_edition(store, day=2, digest="course:sleep"))

    assert public_slots(store) == [live.slot]
    assert public_slots(store, rehearsal=True) == [rehearsed.slot]


def test_cancelled_edition_is_public_only_where_a_mail_links_to_it(store: Store) -> None:
    """A page that a reader has a link to stays; one that nobody knows of goes with a cancel."""
    add_people(store, 1)
    known = open_edition(store, freeze_edition(store, day=0, post_ids=POSTS[:1]))
    unknown = open_edition(store, freeze_edition(store, day=1, post_ids=POSTS[1:]))
    with store.write() as tx:
        claim = ledger.claim_chunk(tx, known.id, owner="me", now=NOON, lease=LEASE)
        assert claim
        due = ledger.read_due(tx, claim, now=NOON, resend=True, after=0, limit=1)[0]
        ledger.start(tx, claim, due, now=NOON, lease=LEASE)
    before = store.revision()

    for edition in (known, unknown):
        move(store, edition, EditionState.CANCELLED)

    assert public_slots(store) == [known.slot]
    assert store.revision() > before


# ---------------------------------------------------------------------------------------- letters


def test_letters_are_numbered_and_kept_whole(store: Store) -> None:
    """An edition's letters are counted from 1, found by key, and come back as they were."""
    edition = freeze_edition(store)
    other = freeze_edition(store, day=1)
    made = [
        Letter(key=make_sha256(n), post_ids=POSTS[n:], html=f"<p>{n} ü</p>", text=f"{n}\n")
        for n in range(2)
    ]

    with store.write() as tx:
        ids = [editions.add_letter(tx, edition.id, letter) for letter in made]
        ids.append(editions.add_letter(tx, other.id, made[0]))
        found = [editions.read_letter(tx, edition.id, n) for n in (1, 2)]
        known = editions.letter_ids(tx, edition.id)

    assert ids == [1, 2, 1]
    assert found == made
    assert known == {made[0].key: 1, made[1].key: 2}
    assert current(store, edition).letters == 2


def test_letter_is_kept_once(store: Store) -> None:
    """A set of posts has one letter in an edition: a second one with its key is refused."""
    edition = freeze_edition(store)
    letter = Letter(key="k", post_ids=(ARTICLES[0].id,), html="", text="")

    with store.write() as tx:
        editions.add_letter(tx, edition.id, letter)

    with pytest.raises(sa.exc.IntegrityError), store.write() as tx:
        editions.add_letter(tx, edition.id, letter)

    with store.read() as tx:
        assert editions.letter_ids(tx, edition.id) == {"k": 1}
