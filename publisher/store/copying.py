"""Copies of the database as one file: taken while it is in use, checked, and put in its place.

A copy is of one moment: the rows are counted and copied in the same read of the database.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from publisher.errors import NotFound, Problem, Refused, Unavailable
from publisher.site import TEMPORARY

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_PATIENCE_SECONDS = 30.0
_BESIDE = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a database."""
_ALL = ("", *_BESIDE)
_NEEDED = {"alembic_version", "site", "editions", "deliveries"}
"""Tables by which a database is known as one of ours."""


def copy_database(source: Path, target: Path) -> Mapping[str, int]:
    """Copy a SQLite database into one file, whole or not at all; return its tables' row counts.

    The copy is of one moment, also while others write. It is read back: SQLite's own check and the
    number of rows in each table must be those of the source. Raises NotFound where there is no
    source, Refused where it is none of ours or damaged, Unavailable where it cannot be read or written.
    """
    if not source.is_file():
        raise NotFound(_missing(source))
    aside = target.with_name(TEMPORARY + target.name)
    try:
        make_private(aside)
        counts = _copy(source, aside)
        _flush(aside)
        os.replace(aside, target)  # noqa: PTH105 - the name says that it replaces
        _flush(target.parent)
    except sqlite3.OperationalError as error:
        raise Unavailable(_unreadable(source, error)) from error
    except sqlite3.DatabaseError as error:
        raise Refused(_damaged(source, str(error))) from error
    finally:
        aside.unlink(missing_ok=True)
    return counts


def make_private(path: Path) -> None:
    """Make an empty file that only its owner reads, before anything is written to it."""
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))


def _copy(source: Path, target: Path) -> dict[str, int]:
    with closing(_connect(source, "ro")) as ours, closing(_connect(target, "rw")) as theirs:
        ours.execute("BEGIN")
        counts = _count_rows(ours)  # this fixes the moment
        if not counts.keys() >= _NEEDED:
            raise Refused(_foreign(source))
        ours.backup(theirs)
        theirs.execute("PRAGMA journal_mode = DELETE")  # one file, nothing beside it
        said = "; ".join(row[0] for row in theirs.execute("PRAGMA integrity_check"))
        if said != "ok" or _count_rows(theirs) != counts:
            raise Refused(_damaged(source, said if said != "ok" else "other numbers of rows"))
    return counts


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    where = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(where, uri=True, timeout=_PATIENCE_SECONDS, isolation_level=None)


def _count_rows(connection: sqlite3.Connection) -> dict[str, int]:
    named = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    ).fetchall()
    return {
        name: int(connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0])  # noqa: S608 - its own names
        for (name,) in named
    }


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# ------------------------------------------------------------------------------------ in its place


def settle(path: Path) -> None:
    """Make a database nobody else has open one file, with nothing beside it.

    Raises Refused where another program has it open; ``sqlite3.DatabaseError`` where it is damaged.
    """
    with closing(_connect(path, "rw")) as connection:
        connection.execute("PRAGMA busy_timeout = 0")
        try:
            connection.execute("PRAGMA journal_mode = DELETE").fetchone()
        except sqlite3.OperationalError as error:
            raise Refused(_in_use(path, error)) from error


def set_aside(database: Path, aside: Path) -> bool:
    """Give a database a second name, by which it stays; return whether there is one.

    Raises Refused where another program has it open. One that is damaged is kept with all that
    lies beside it.
    """
    if not database.exists():
        return False
    for suffix in _ALL:  # before SQLite looks: it clears away what it does not know
        _link(_beside(database, suffix), _beside(aside, suffix))
    try:
        settle(database)
    except sqlite3.DatabaseError:
        return True
    except Refused:
        forget_aside(aside)
        raise
    for suffix in _BESIDE:
        _beside(aside, suffix).unlink(missing_ok=True)
    return True


def forget_aside(aside: Path) -> None:
    """Take the second name away again: the database stays where it was."""
    for suffix in _ALL:
        _beside(aside, suffix).unlink(missing_ok=True)


def put_in_place(fresh: Path, database: Path) -> None:
    """Let a database take another's place; at every moment one of the two is there."""
    for suffix in _BESIDE:
        _beside(database, suffix).unlink(missing_ok=True)
    os.replace(fresh, database)  # noqa: PTH105 - as above
    _flush(database.parent)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _link(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    if source.exists():
        target.hardlink_to(source)


def carry_over(source: Path, target: Path) -> int | None:
    """Bring what must not be forgotten from a newer database of the same site into an older copy.

    Suppressions, who left, and the keys that links were signed with. Returns how many left or were
    suppressed since; None where the newer one cannot say, or is of another site or schema.
    """
    try:
        with closing(_connect(target, "rw")) as connection:
            connection.execute("ATTACH ? AS newer", (f"{source.absolute().as_uri()}?mode=ro",))
            if not _is_same_site(connection):
                return None
            connection.execute("BEGIN IMMEDIATE")
            left = 0
            for statement in (_SUPPRESSED, _UNSUBSCRIBED):
                left += max(connection.execute(statement).rowcount, 0)
            connection.execute("DELETE FROM keys")
            connection.execute("INSERT INTO keys SELECT * FROM newer.keys")
            connection.execute("COMMIT")
            return left
    except sqlite3.Error:
        return None


_SUPPRESSED = "INSERT OR IGNORE INTO suppressions SELECT * FROM newer.suppressions"
_UNSUBSCRIBED = (
    "UPDATE subscribers SET state = 'unsubscribed', unsubscribed_at = (SELECT unsubscribed_at "
    "FROM newer.subscribers AS they WHERE they.id = subscribers.id) "
    "WHERE state <> 'unsubscribed' AND EXISTS (SELECT 1 FROM newer.subscribers AS they "
    "WHERE they.id = subscribers.id AND they.address_key = subscribers.address_key "
    "AND they.state = 'unsubscribed')"
)


def _is_same_site(connection: sqlite3.Connection) -> bool:
    found = [
        connection.execute(
            f"SELECT made_at, version_num, (SELECT secret FROM {one}.keys WHERE purpose = 'pepper') "  # noqa: S608 - two names of ours
            f"FROM {one}.site, {one}.alembic_version"
        ).fetchone()
        for one in ("main", "newer")
    ]
    return bool(found[0] == found[1])


# --------------------------------------------------------------------------------------- problems


def _missing(source: Path) -> Problem:
    return Problem(
        code="backup.missing",
        path=str(source),
        expected="a database",
        got="no such file",
        hint="Nothing was changed.",
    )


def _foreign(source: Path) -> Problem:
    return Problem(
        code="backup.foreign",
        path=str(source),
        expected="a database of this program",
        got="a file without its tables",
        hint="Nothing was changed. publisher backup FILE makes one.",
    )


def _damaged(source: Path, said: str) -> Problem:
    return Problem(
        code="backup.damaged",
        path=str(source),
        expected="a database that is whole",
        got=said,
        hint="Nothing was changed. Use an older backup.",
    )


def _unreadable(source: Path, error: Exception) -> Problem:
    return Problem(
        code="backup.unavailable",
        path=str(source),
        expected="to read the database and to write the copy",
        got=str(error),
        hint="Nothing was changed. Check the disk and who may read and write there.",
    )


def _in_use(path: Path, error: Exception) -> Problem:
    return Problem(
        code="restore.in_use",
        path=str(path),
        expected="a database that no program has open",
        got=str(error),
        hint="Nothing was changed. Stop the service and other commands, then run it again.",
    )
