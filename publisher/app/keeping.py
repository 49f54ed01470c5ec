"""Backup, restore and upgrade of a site, and which of two databases sends."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

from publisher import site as files
from publisher.app.opening import load_config, open_desk
from publisher.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from publisher.app.opening import Site
    from publisher.model import Edition
    from publisher.operating import Restored

SERVICE_LOCK = "service.lock"
"""In the state directory: held by the service for as long as it runs."""
_PATIENCE_SECONDS = 2.0


def name_store(path: Path, environ: Mapping[str, str]) -> Store:
    """Return the store of a configuration file, without opening or making it."""
    config = load_config(path, environ)
    return Store(config.database.url, config.paths.state / "publisher.sqlite3")


def restore_site(
    path: Path, environ: Mapping[str, str], source: Path, *, by: str, now: datetime
) -> Restored:
    """Put a backup in the place of a site's database; it sends nothing until it is adopted."""
    from publisher import operating  # noqa: PLC0415

    store = name_store(path, environ)
    return operating.restore(store, source, epoch=str(uuid.uuid4()), by=by, now=now)


def upgrade_site(
    path: Path, environ: Mapping[str, str], *, now: datetime
) -> tuple[str | None, str, Path | None]:
    """Bring a site's database to this release's schema: before, now, and where a copy is."""
    from publisher import operating  # noqa: PLC0415

    store = name_store(path, environ)
    if not store.url and not store.path.exists():
        return store.newest_schema, store.newest_schema, None
    return operating.upgrade(store, now=now)


def adopt_site(site: Site, *, by: str, now: datetime) -> list[Edition] | None:
    """Let a copied or restored database send from now on; return the editions that staff decide on.

    Whatever may have gone out since it was copied is put before them as an edition that is held.
    None where it sends already.
    """
    from publisher import editing, operating  # noqa: PLC0415

    if operating.is_sending(site.store, site.config.paths.state):
        return None
    desk, _ = open_desk(site, now=now)
    editing.draft_what_is_new(desk, now=now)
    return operating.take_over(site.store, site.config.paths.state, by=by, now=now)


@contextmanager
def run_alone(site: Site) -> Iterator[None]:
    """Be the one service of a site while the block runs; raises Unavailable where there is one."""
    lock = site.config.paths.state / SERVICE_LOCK
    with files.hold(lock, wait_seconds=_PATIENCE_SECONDS):
        yield


def running_service(site: Site) -> str:
    """Return who runs the service of this site; nothing where nobody does."""
    return files.holder(site.config.paths.state / SERVICE_LOCK)
