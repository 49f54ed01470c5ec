"""Saving: backups in the state directory, made by staff's hand, listed and given out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from publisher import site as files
from publisher.errors import NotFound, Problem

if TYPE_CHECKING:
    from pathlib import Path

    from publisher.app.opening import Site

_FOLDER = "backups"
_NAME = re.compile(r"backup-[0-9]{8}T[0-9]{6}Z\.sqlite3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """One backup that was made here."""

    name: str
    file: Path
    octets: int
    made_at: datetime


def list_backups(site: Site) -> list[Backup]:
    """Return the backups that were made here, the newest first."""
    folder = site.config.paths.state / _FOLDER
    found = folder.iterdir() if folder.is_dir() else ()
    made = [_describe(file) for file in found if _NAME.fullmatch(file.name)]
    return sorted(made, key=lambda one: one.name, reverse=True)


def _describe(file: Path) -> Backup:
    status = file.stat()
    return Backup(
        name=file.name,
        file=file,
        octets=status.st_size,
        made_at=datetime.fromtimestamp(status.st_mtime, UTC),
    )


def make_backup(site: Site, *, by: str, now: datetime) -> tuple[Backup, int]:
    """Copy the database while it is in use, and check the copy; return it with its rows.

    The trail names who did it. Raises Refused where one was made in this second.
    """
    from publisher import operating  # noqa: PLC0415

    folder = site.config.paths.state / _FOLDER
    files.ensure_private(folder)
    target = folder / f"backup-{now:%Y%m%dT%H%M%SZ}.sqlite3"
    counts = operating.backup(site.store, target, replace=False)
    operating.note_backup(site.store, "backup", target.name, by=by, now=now)
    return _describe(target), sum(counts.values())


def forget_old_backups(site: Site, *, now: datetime) -> int:
    """Remove the backups that are older than is configured, but for the newest; return how many.

    Nothing that bears another name than ours is touched, and how old one is says its name: a file
    that was carried about has another time.
    """
    from publisher import operating  # noqa: PLC0415

    oldest = f"backup-{now - site.config.privacy.keep_backups:%Y%m%dT%H%M%SZ}.sqlite3"
    old = [one for one in list_backups(site)[1:] if one.name < oldest]
    for one in old:
        one.file.unlink(missing_ok=True)
        operating.note_backup(site.store, "forget", one.name, by="publisher", now=now)
    return len(old)


def take_backup(site: Site, name: str, *, by: str, now: datetime) -> Backup:
    """Return a backup that somebody takes away, and note that. Raises NotFound."""
    from publisher import operating  # noqa: PLC0415

    found = next((one for one in list_backups(site) if one.name == name), None)
    if found is None:
        raise NotFound(_no_backup())
    operating.note_backup(site.store, "download", found.name, by=by, now=now)
    return found


def _no_backup() -> Problem:
    return Problem(
        code="backup.unknown",
        path="backup",
        expected="a backup that is kept here",
        got="none by this name",
        hint="It may have been moved away.",
    )
