"""Indexes of which the databases have words of their own: declared where tables are made.

What only asks tables does without them. To declare one loads SQLAlchemy's part for PostgreSQL, which
is a tenth of the time a command takes to start.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Index

from publisher.store.schema.content import keys, review_requests
from publisher.store.schema.ledger import deliveries
from publisher.store.schema.people import notices, subscribers, suppressions


def _index_some(name: str, where: str, *columns: sa.Column[object], unique: bool = False) -> None:
    """Declare an index of the rows of which this is true."""
    condition = sa.text(where)
    Index(name, *columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


_index_some("ix_keys_signing", "retired_at IS NULL", keys.c.purpose, unique=True)
_index_some(
    "ix_review_requests_open",
    "answer IS NULL",
    review_requests.c.post_id,
    review_requests.c.reviewer,
    unique=True,
)
_index_some(
    "ix_deliveries_waiting",
    "state = 3",
    deliveries.c.edition_id,
    deliveries.c.next_attempt_at,
)
_index_some("ix_notices_waiting", "state = 'pending'", notices.c.next_attempt_at)

# In the order of a language, an index does not find what begins with some letters.
for _name, _column in (
    ("ix_subscribers_beginning", subscribers.c.address_key),
    ("ix_suppressions_beginning", suppressions.c.address_hash),
):
    _index = Index(_name, _column, postgresql_ops={_column.name: "text_pattern_ops"})
    _index.ddl_if(dialect="postgresql")
