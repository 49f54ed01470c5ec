"""People: consent, choices, suppressions, and the keys of their links."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher import tokens
from publisher.model import Address, SubscriberState
from publisher.store import Store, people, retention, schema, subscribers
from tests import stores
from tests.factories import NOON, make_address
from tests.stores import add_people, make_person

if TYPE_CHECKING:
    from datetime import datetime

    from publisher.store.subscribers import Joining

home, prepared_file, store = stores.home, stores.prepared_file, stores.store
lasting = stores.lasting

LATER = NOON + timedelta(days=1)


def join(store: Store, *people: Joining) -> list[str]:
    with store.write() as tx:
        return subscribers.add(tx, people)


def rows_of(store: Store, table: sa.Table) -> list[tuple[Any, ...]]:
    with store.read() as tx:
        return [tuple(row) for row in tx.execute(sa.select(table))]


# ------------------------------------------------------------------------------------------- keys


def test_keys_are_there_from_the_start(store: Store) -> None:
    """A new database has one key that signs for each purpose, each a secret of its own."""
    with store.read() as tx:
        keys = [subscribers.load_keys(tx, purpose) for purpose in schema.KEY_PURPOSES]

    assert [len(one) for one in keys] == [1] * 5
    assert [one[0].purpose for one in keys] == list(schema.KEY_PURPOSES)
    assert not any(one[0].retired for one in keys)


def test_rotated_key_still_verifies(store: Store) -> None:
    """After rotations the newest key signs, and links that older ones signed stay good."""
    with store.write() as tx:
        before = subscribers.load_keys(tx, "link")
        links = [tokens.make(before[0], 7)]
        for n in range(2):
            subscribers.rotate_key(tx, "link", bytes([n]) * 32, now=NOON)
            links.append(tokens.make(subscribers.load_keys(tx, "link")[0], 7))
        keys = subscribers.load_keys(tx, "link")

    assert [key.retired for key in keys] == [False, True, True]
    assert keys[0].secret == b"\1" * 32
    assert keys[-1].id == before[0].id
    assert [tokens.read(link, keys, "link") for link in links] == [7, 7, 7]
    assert len(set(links)) == 3


def test_rotation_touches_one_purpose(store: Store) -> None:
    """A new key for links is no new key for bounces, and its id is the one that was told."""
    with store.write() as tx:
        bounce = subscribers.load_keys(tx, "bounce")
        made = subscribers.rotate_key(tx, "link", b"new" * 12, now=NOON)
        keys = subscribers.load_keys(tx, "link"), subscribers.load_keys(tx, "bounce")

    assert keys[0][0].id == made
    assert keys[1] == bounce


def test_pepper_never_rotates(store: Store) -> None:
    """The database itself refuses to retire the pepper: every suppression is found by it."""
    with pytest.raises(sa.exc.IntegrityError), store.write() as tx:
        subscribers.rotate_key(tx, "pepper", b"new" * 12, now=NOON)

    with store.read() as tx:
        assert len(subscribers.load_keys(tx, "pepper")) == 1


# ----------------------------------------------------------------------------------------- joining


def test_person_joins_with_consent_and_choices(store: Store) -> None:
    """A new person is kept as they came: address, state, consent word by word, choices."""
    person = make_person("Ada", discreet=True, digests=("weekly", "daily"), series=("sleep",))

    added = join(store, person)

    with store.read() as tx:
        found = subscribers.read_by_key(tx, "ada@example.org")
    assert added == ["ada@example.org"]
    assert found is not None
    assert found.address == Address(typed="Ada@example.org", key="ada@example.org")
    assert (found.state, found.subscribed_at, found.confirmed_at) == (
        SubscriberState.ACTIVE,
        NOON,
        NOON,
    )
    assert (found.discreet, found.source) == (True, "form")
    assert (found.digests, found.series) == (("daily", "weekly"), ("sleep",))
    ((_, who, wording, sha256, source, asked_at, confirmed_at),) = rows_of(store, schema.consents)
    assert (who, wording, source) == (found.id, "I want letters", "form")
    assert sha256 == hashlib.sha256(b"I want letters").hexdigest()
    assert (asked_at, confirmed_at) == (NOON, NOON)


def test_known_person_is_left_alone(store: Store) -> None:
    """Adding a known address again changes nothing of it, not even where it had left."""
    join(store, make_person("ada", digests=("weekly",)), make_person("ben"))
    with store.write() as tx:
        subscribers.unsubscribe(tx, 2, now=NOON)
    before = [rows_of(store, table) for table in (schema.subscribers, schema.consents)]
    again = [
        replace(make_person("ada", discreet=True, series=("sleep",)), address_hash="another"),
        make_person("ben"),
    ]

    added = join(store, *again)

    assert added == []
    assert [rows_of(store, table) for table in (schema.subscribers, schema.consents)] == before
    assert rows_of(store, schema.subscriptions) == [(1, "weekly")]
    assert rows_of(store, schema.declined_series) == []


def test_known_and_new_people_come_together(store: Store) -> None:
    """Of a list exactly the new addresses are added, each with its own consent and choices."""
    join(store, make_person("ben"))

    added = join(
        store,
        make_person("cyd", series=("a",)),
        make_person("ben"),
        make_person("ada", series=("b",)),
    )

    with store.read() as tx:
        people = {one.address.key: one for one in subscribers.read_all(tx)}
    assert added == ["cyd@example.org", "ada@example.org"]
    assert people["cyd@example.org"].series == ("a",)
    assert people["ada@example.org"].series == ("b",)
    assert sorted(row[1] for row in rows_of(store, schema.consents)) == sorted(
        one.id for one in people.values()
    )


def test_first_of_equal_addresses_counts(store: Store) -> None:
    """An address that is twice in one list is one person, as the first line says."""
    added = join(store, make_person("Ada", series=("a",)), make_person("ADA", series=("b",)))

    with store.read() as tx:
        (found,) = subscribers.read_all(tx)
    assert added == ["ada@example.org"]
    assert (found.address.typed, found.series) == ("Ada@example.org", ("a",))


def test_nobody_is_nobody(store: Store) -> None:
    """An empty list adds nobody and asks nothing of the database."""
    assert join(store) == []

    with store.read() as tx:
        assert (subscribers.count(tx), subscribers.read_all(tx)) == (0, [])
        assert subscribers.read_by_key(tx, "ada@example.org") is None
        assert subscribers.read_one(tx, 1) is None


def test_unconfirmed_person_cannot_be_active(store: Store) -> None:
    """Without a confirmation a person is pending, never active: the database holds to it."""
    pending = make_person("ada", state=SubscriberState.PENDING, confirmed_at=None)

    with pytest.raises(sa.exc.IntegrityError):
        join(store, replace(pending, state=SubscriberState.ACTIVE))

    assert join(store, pending) == ["ada@example.org"]
    with store.read() as tx:
        found = subscribers.read_by_key(tx, "ada@example.org")
    assert found is not None
    assert (found.state, found.confirmed_at) == (SubscriberState.PENDING, None)


def test_large_list_is_one_transaction(store: Store) -> None:
    """A list of thousands is added whole, with everybody's choices where they belong."""
    people = [make_person(f"p{n}", series=(f"s{n}",)) for n in range(4000)]

    added = join(store, *people)

    with store.read() as tx:
        found = subscribers.read_all(tx)
    assert len(added) == 4000
    assert all(one.series == (f"s{one.address.key[1:].split('@')[0]}",) for one in found)


# ----------------------------------------------------------------------------------------- reading


def test_people_are_read_in_pages(store: Store) -> None:
    """People come by id, after the one named, as many as asked for."""
    ids = add_people(store, 5)

    with store.read() as tx:
        pages = [
            [one.id for one in subscribers.read_all(tx, after=after, limit=2)]
            for after in (0, ids[1], ids[3], ids[4])
        ]
        total = subscribers.count(tx)

    assert pages == [ids[:2], ids[2:4], ids[4:], []]
    assert total == 5


NAMES = st.lists(st.sampled_from(("weekly", "daily", "sleep")), unique=True).map(tuple)


@settings(max_examples=50)
@given(
    choices=st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=6),
    gone=st.sets(st.integers(0, 5)),
)
def test_choices_belong_to_their_person_whatever_ids_are_missing(
    lasting: Store, choices: list[tuple[tuple[str, ...], tuple[str, ...]]], gone: set[int]
) -> None:
    """With gaps in the ids everybody who is left has exactly their own choices."""
    people = [
        make_person(f"p{n}", digests=digests, series=series)
        for n, (digests, series) in enumerate(choices)
    ]
    with lasting.write() as tx:
        subscribers.add(tx, people)
        for n in gone:
            key = f"p{n}@example.org"
            tx.execute(
                sa.delete(schema.subscribers).where(schema.subscribers.c.address_key == key)
            )
        found = {one.address.key: (one.digests, one.series) for one in subscribers.read_all(tx)}
        tx.execute(sa.delete(schema.subscribers))

    assert found == {
        f"p{n}@example.org": (tuple(sorted(digests)), tuple(sorted(series)))
        for n, (digests, series) in enumerate(choices)
        if n not in gone
    }


# ----------------------------------------------------------------------------------------- leaving


def test_leaving_ends_a_subscription_once(store: Store) -> None:
    """A person leaves once, it is noted once, and others stay."""
    add_people(store, 2)

    with store.write() as tx:
        answers = [subscribers.unsubscribe(tx, 1, now=NOON) for _ in range(2)]
        answers.append(subscribers.unsubscribe(tx, 99, now=NOON))
        states = [one.state for one in subscribers.read_all(tx)]

    assert answers == [True, False, False]
    assert states == [SubscriberState.UNSUBSCRIBED, SubscriberState.ACTIVE]
    assert [row[1:] for row in rows_of(store, schema.events)] == [
        (NOON, "subscriber", "unsubscribe", "subscriber:1", "")
    ]


def test_pending_person_can_leave(store: Store) -> None:
    """A person who never confirmed can leave too."""
    join(store, make_person("ada", state=SubscriberState.PENDING, confirmed_at=None))

    with store.write() as tx:
        left = subscribers.unsubscribe(tx, 1, now=NOON)

    assert left


def test_suppression_is_a_standing_fact_by_hash(store: Store) -> None:
    """A do-not-mail fact is kept once, by hash, with its first reason, whoever asks how many."""
    facts = [("h1", "unsubscribed", "link"), ("h2", "cleaned", "import")]

    with store.write() as tx:
        counts = [
            subscribers.suppress(tx, facts, now=NOON),
            subscribers.suppress(tx, [("h2", "bounced", "550"), ("h3", "staff", "")], now=LATER),
            subscribers.suppress(tx, [], now=LATER),
        ]
        found = subscribers.suppressed_hashes(tx, ["h2", "h3", "h4"])
        nothing = subscribers.suppressed_hashes(tx, [])

    assert counts == [2, 1, 0]
    assert found == {"h2", "h3"}
    assert nothing == frozenset()
    assert (("h2", "cleaned", "import", NOON)) in rows_of(store, schema.suppressions)


def test_suppression_outlives_its_person(store: Store) -> None:
    """Erasing a person takes consent and choices along and leaves the do-not-mail fact."""
    join(store, make_person("ada", digests=("weekly",), series=("sleep",)))
    with store.write() as tx:
        subscribers.suppress(tx, [("hash of ada", "erased", "")], now=NOON)
        tx.execute(sa.delete(schema.subscribers))

    left = [
        rows_of(store, table)
        for table in (schema.consents, schema.subscriptions, schema.declined_series)
    ]

    assert left == [[], [], []]
    with store.read() as tx:
        assert subscribers.suppressed_hashes(tx, ["hash of ada"]) == {"hash of ada"}


def test_thousands_of_hashes_are_looked_up_at_once(store: Store) -> None:
    """A long list is looked up whole, whatever the database takes in one question."""
    wanted = [f"h{n}" for n in range(70_000)]
    with store.write() as tx:
        subscribers.suppress(tx, [("h1", "staff", ""), ("h69999", "staff", "")], now=NOON)

        found = subscribers.suppressed_hashes(tx, wanted)

    assert found == {"h1", "h69999"}


def test_note_adds_to_the_history(store: Store) -> None:
    """What was done is added line by line, with who did it and when."""
    with store.write() as tx:
        subscribers.note(tx, "operator", "rotate", "key:link", now=NOON, detail="2")
        subscribers.note(tx, "operator", "rotate", "key:link", now=LATER)

    assert [row[1:] for row in rows_of(store, schema.events)] == [
        (NOON, "operator", "rotate", "key:link", "2"),
        (LATER, "operator", "rotate", "key:link", ""),
    ]


# -------------------------------------------------------------------------------------- forgetting


def _limits(**moments: datetime) -> retention.Limits:
    """Return limits before which there is nothing, but for those named."""
    nothing = dict.fromkeys(("said", "asked", "noticed", "let_in", "typed"), NOON)
    return retention.Limits(**(nothing | moments))


def test_unconfirmed_people_are_forgotten_in_time(store: Store) -> None:
    """Who asked long ago and never confirmed goes, with their consent; everybody else stays."""
    pending = make_person("old", state=SubscriberState.PENDING, confirmed_at=None)
    newer = replace(
        pending,
        address=make_address("new@example.org"),
        consent=replace(pending.consent, requested_at=LATER),
    )
    join(store, pending, newer, make_person("ada"), make_person("left"))
    with store.write() as tx:
        subscribers.unsubscribe(tx, 4, now=NOON)

        gone = [retention.forget(tx, _limits(asked=LATER)) for _ in range(2)]
        left = [one.address.key for one in subscribers.read_all(tx)]

    assert gone == [1, 0]
    assert left == ["new@example.org", "ada@example.org", "left@example.org"]
    assert [row[1] for row in rows_of(store, schema.consents)] == [2, 3, 4]


def test_replies_of_relays_are_forgotten_in_time(store: Store) -> None:
    """What relays said before a moment goes; that is asked before anything is written."""
    attempt = {"edition_id": 1, "subscriber_id": 1, "outcome": "deferred", "phase": "rcpt"}
    with store.write() as tx:
        rows = [attempt | {"n": 1, "at": NOON}, attempt | {"n": 2, "at": LATER}]
        tx.execute(sa.insert(schema.attempts), rows)
        asked = [retention.has_old(tx, _limits(said=moment)) for moment in (NOON, LATER)]

        gone = retention.forget(tx, _limits(said=LATER))

    assert asked == [False, True]
    assert gone == 1
    assert [row[3] for row in rows_of(store, schema.attempts)] == [2]


def test_old_people_are_asked_for_too(store: Store) -> None:
    """A person who never confirmed is something to forget, one who did is not."""
    join(store, make_person("ada"))
    with store.read() as tx:
        before = retention.has_old(tx, _limits(asked=LATER))
    join(store, make_person("ben", state=SubscriberState.PENDING, confirmed_at=None))

    with store.read() as tx:
        after = retention.has_old(tx, _limits(asked=LATER))

    assert (before, after) == (False, True)


# ----------------------------------------------------------------------------------------- finding


def test_people_are_found_by_the_letters_an_address_begins_with(store: Store) -> None:
    """No sign of a pattern is one, no language's order hides anybody, and pages go by id."""
    names = ["ab", "a-b", "a.c", "a%", "a_", "ä", "b"]
    join(store, *(make_person(one) for one in names))
    typed = [f"{one}@example.org" for one in names]

    def begins(text: str, **page: int) -> list[str]:
        with store.read() as tx:
            found = people.find_beginning(tx, text, **{"limit": 10, **page})
        return [one.address.typed for one in found]

    assert begins("a") == typed[:5]
    assert begins("a", limit=2) == typed[:2]
    assert begins("a", limit=2, after=2) == typed[2:4]
    assert [begins(text) for text in ("a%", "a_", "a-", "ä", "A", "")] == [
        [typed[3]],
        [typed[4]],
        [typed[1]],
        [typed[5]],
        [],
        typed,
    ]


def test_an_index_finds_what_begins_so(store: Store) -> None:
    """On either database the search is no walk through everybody."""
    join(store, *(make_person(f"reader{number}") for number in range(2000)))
    with store.write() as tx:
        server = tx.dialect.name == "postgresql"
        tx.execute(sa.text("ANALYZE subscribers" if server else "ANALYZE"))
    with store.read() as tx:
        if server:
            plan = "EXPLAIN SELECT id FROM subscribers WHERE address_key ~>=~ 'reader77' "
            plan += "AND address_key ~<~ 'reader78'"
        else:
            plan = "EXPLAIN QUERY PLAN SELECT address FROM subscribers "
            plan += "WHERE address_key >= 'reader77' AND address_key < 'reader78'"
        told = " ".join(str(row) for row in tx.execute(sa.text(plan)))

    assert ("ix_subscribers_beginning" if server else "USING INDEX") in told


def test_an_index_finds_suppressions(store: Store) -> None:
    """A page of them, far down among many of one moment, and a search, are no walk through all."""
    facts = [
        (hashlib.sha256(bytes([n % 256, n // 256])).hexdigest(), "cleaned", "")
        for n in range(3000)
    ]
    with store.write() as tx:
        subscribers.suppress(tx, facts, now=NOON)
        tx.execute(sa.text("ANALYZE"))
    asked: list[tuple[str, Any]] = []
    wanted = sorted((one[0] for one in facts), reverse=True)
    with store.read() as tx:
        engine = tx.engine

        def note(*told: Any) -> None:
            asked.append((told[2], told[3]))

        sa.event.listen(engine, "before_cursor_execute", note)
        page = people.read_suppressions(tx, limit=50, after=wanted[2500])
        found = people.find_suppressions(tx, wanted[7][:16], limit=50)
        sa.event.remove(engine, "before_cursor_execute", note)
        explain = "EXPLAIN " if tx.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN "
        plans = [
            str(tx.exec_driver_sql(explain + statement, values).all())
            for statement, values in asked
            if "LIMIT" in statement
        ]

    assert [one.address_hash for one in page] == wanted[2501:2551]
    assert [one.address_hash for one in found] == [wanted[7]]
    assert len(plans) == 3
    for plan in plans:
        assert "Seq Scan on suppressions" not in plan and "SCAN suppressions" not in plan
        assert "TEMP B-TREE" not in plan


def test_who_came_last_and_how_each_stands(store: Store) -> None:
    """The newest first, a page at a time, with what stands against mailing them; states are counted."""
    add_people(store, 3)
    with store.write() as tx:
        hashes = tx.scalars(sa.select(schema.subscribers.c.address_hash)).all()
        subscribers.suppress(tx, [(hashes[1], "bounced", "5.1.1")], now=NOON)
        subscribers.unsubscribe(tx, 3, by="Grey", now=NOON)
    with store.read() as tx:
        newest = people.find_newest(tx, limit=2)
        older = people.find_newest(tx, limit=2, before=newest[-1].id)
        counts = people.count_states(tx)
        fact = people.read_suppression(tx, hashes[1])
        none = people.read_suppression(tx, hashes[0])

    assert [(one.id, one.suppressed) for one in newest] == [(3, ""), (2, "bounced")]
    assert [one.id for one in older] == [1]
    assert counts == {SubscriberState.ACTIVE: 2, SubscriberState.UNSUBSCRIBED: 1}
    assert fact and (fact.reason, fact.evidence) == ("bounced", "5.1.1")
    assert none is None
