"""A database as the first release left it: its own tables, and rows that its own code wrote.

``first_release.json`` is kept as it is, whatever later releases write.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

if TYPE_CHECKING:
    from publisher.store import Store

SCHEMA = "0001"
_FILE = Path(__file__).with_suffix(".json")
TABLES: dict[str, list[dict[str, Any]]] = json.loads(_FILE.read_text("utf-8"))


def make(store: Store) -> None:
    """Fill an empty database with it, by plain SQL."""
    config = Config()
    config.set_main_option("script_location", "publisher.store:migrations")
    with store.write() as tx:
        config.attributes["connection"] = tx
        command.upgrade(config, SCHEMA)
        tx.exec_driver_sql("DELETE FROM keys")
        tx.exec_driver_sql("DELETE FROM site")
        for table, rows in sorted(TABLES.items(), key=lambda pair: pair[0] not in _FIRST):
            names = ", ".join(rows[0])
            values = ", ".join(f":{name}" for name in rows[0])
            tx.execute(
                sa.text(f"INSERT INTO {table} ({names}) VALUES ({values})"),  # noqa: S608 - our own file
                [{name: _value(one) for name, one in row.items()} for row in rows],
            )
        if tx.dialect.name == "postgresql":  # it was not asked for the numbers above
            for table in _NUMBERED:
                tx.exec_driver_sql(
                    f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"  # noqa: S608 - as above
                )


_NUMBERED = ("attempts", "consents", "editions", "events", "keys", "subscribers")
_FIRST = ("posts", "editions", "subscribers")
"""Others refer to them."""


def _value(value: Any) -> Any:
    return base64.b64decode(value["octets"]) if isinstance(value, dict) else value


def read(store: Store) -> dict[str, list[str]]:
    """Return the rows of its tables as they are now, its own columns alone."""
    found = {}
    with store.read() as tx:
        for table, rows in TABLES.items():
            names = ", ".join(rows[0])
            read = tx.execute(sa.text(f"SELECT {names} FROM {table}"))  # noqa: S608 - as above
            found[table] = sorted(repr(tuple(row)) for row in read)
    return found
