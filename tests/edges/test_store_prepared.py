"""Statements that are compiled once: the same on both databases, and their errors as all others."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from publisher.errors import Unavailable
from publisher.model import SubscriberState
from publisher.store import Store, schema
from publisher.store.prepared import Among, Prepared, execute
from tests import stores
from tests.stores import add_people

home, prepared_file, store = stores.home, stores.prepared_file, stores.store

_SUBSCRIBERS = schema.subscribers.c
_FIND = Prepared(
    sa.select(_SUBSCRIBERS.id)
    .where(Among(_SUBSCRIBERS.id, "people"), _SUBSCRIBERS.state == SubscriberState.ACTIVE)
    .order_by(_SUBSCRIBERS.id)
)
_NAME = Prepared(
    sa.update(schema.subscribers)
    .where(Among(_SUBSCRIBERS.id, "people"))
    .values(source=sa.bindparam("said", type_=sa.Text), paused_until=None)
)


@pytest.mark.parametrize("asked", [[], [2], [3, 1, 999_999], list(range(5_000))])
def test_any_number_of_numbers_is_one_parameter(store: Store, asked: list[int]) -> None:
    """None, one, some that are not there, and more than a statement has room for."""
    people = add_people(store, 3)
    wanted = [one for one in people if one in asked]
    with store.write() as tx:
        found = _FIND.rows(tx, {"people": asked})
        changed = _NAME.count(tx, {"people": asked, "said": "form ' %s ?"})
    with store.read() as tx:
        named = tx.execute(
            sa.select(_SUBSCRIBERS.id)
            .where(_SUBSCRIBERS.source == "form ' %s ?")
            .order_by(_SUBSCRIBERS.id)
        )
        assert [row[0] for row in found] == [row[0] for row in named] == wanted
    assert changed == len(wanted)


def test_a_statement_without_a_value_is_our_mistake(store: Store) -> None:
    """A parameter that is left out is none that may be empty."""
    with store.read() as tx, pytest.raises(KeyError):
        _FIND.rows(tx, {})


def test_a_broken_promise_of_the_schema_is_told_as_everywhere(store: Store) -> None:
    """What the driver says is raised as SQLAlchemy raises it, and nothing of it is kept."""
    add_people(store, 2)
    twice = "UPDATE subscribers SET address_key = 'same@example.org'"

    with pytest.raises(sa.exc.IntegrityError), store.write() as tx:
        execute(tx, twice)

    with store.read() as tx:
        keys = tx.execute(sa.select(_SUBSCRIBERS.address_key)).scalars().all()
        assert "same@example.org" not in keys


def test_a_full_database_is_unavailable(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A disk without room is about the database: nothing is lost, and it is said where to look."""
    store = Store("", tmp_path_factory.mktemp("full") / "publisher.sqlite3")
    store.prepare()
    people = add_people(store, 2)

    def fill() -> None:
        with store.write() as tx:
            pages = tx.exec_driver_sql("PRAGMA page_count").scalar_one()
            tx.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
            _NAME.count(tx, {"people": people, "said": "x" * 100_000})

    with pytest.raises(Unavailable) as raised:
        fill()
    store.close()

    assert raised.value.problems[0].code == "database.unavailable"
    assert "full" in raised.value.problems[0].got
