"""A new database: every table at once, and the first rows.

The migrations would come to the same (the tests compare the two), step by step and with a library
to load: a tenth of a second for each site that begins.
"""

from __future__ import annotations

import secrets
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from publisher.store import peeking, schema, standing
from publisher.store.schema import indexes  # noqa: F401 - they are made with the tables

if TYPE_CHECKING:
    from publisher.store import Transaction

_version = sa.Table(
    "alembic_version",
    sa.MetaData(),
    sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)


def found(tx: Transaction) -> None:
    """Make every table of an empty database, the site's epoch and its first keys."""
    now = datetime.now(UTC)  # noqa: TID251 - the age of a key is that of its bytes
    schema.metadata.create_all(tx, checkfirst=False)
    _version.create(tx, checkfirst=False)
    tx.execute(sa.insert(_version).values(version_num=peeking.REVISION))
    tx.execute(sa.insert(schema.site).values(id=1, epoch=str(uuid.uuid4()), made_at=now))
    keys = [
        {"purpose": purpose, "secret": secrets.token_bytes(32), "made_at": now}
        for purpose in schema.KEY_PURPOSES
    ]
    tx.execute(sa.insert(schema.keys), keys)
    tx.execute(sa.insert(schema.standing).values(id=1, home=standing.find_home(tx)))
