"""Two facts of the embedded database, asked without the library that everything else needs.

The build that finds nothing changed asks only these; it would else spend most of its time on
loading what it does not use.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

REVISION = "0015"
"""The newest migration; a database at another one is not used."""

_BUSY_SECONDS = 30


def peek_revision(path: Path) -> int | None:
    """Return how often what is public has changed, or nothing where the file cannot say."""
    found = _peek(path, "SELECT revision FROM site")
    return found if isinstance(found, int) else None


def peek_schema(path: Path) -> str | None:
    """Return the migration the file is at; nothing where it cannot say, or the database moved."""
    question = "SELECT version_num FROM alembic_version, standing WHERE moved_to = ''"
    found = _peek(path, question)
    return found if isinstance(found, str) else None


def _peek(path: Path, question: str) -> object:
    where = f"{path.absolute().as_uri()}?mode=ro"
    try:
        connection = sqlite3.connect(where, uri=True, timeout=_BUSY_SECONDS)
    except sqlite3.Error:
        return None
    try:
        row = connection.execute(question).fetchone()
    except sqlite3.Error:
        return None
    finally:
        connection.close()
    return row[0] if row else None
