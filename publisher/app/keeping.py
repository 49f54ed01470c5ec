"""Backup, restore, upgrade and export of a site, and which of two databases sends."""

from __future__ import annotations

import json
import shutil
import uuid
from contextlib import ExitStack, contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any

from publisher import site as files
from publisher.app.opening import load_config, open_desk
from publisher.errors import NotFound, Problem, Refused, Unavailable, UsageError
from publisher.store import SQLITE, Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from publisher.app.opening import Site
    from publisher.model import Edition
    from publisher.operating import Moved, Restored

SERVICE_LOCK = "service.lock"
"""In the state directory: held by the service for as long as it runs."""
_SEAT = "worker"
_SERVERS = "postgresql+psycopg://"
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


def move_site(path: Path, environ: Mapping[str, str], to: str, *, by: str, now: datetime) -> Moved:
    """Carry a site's database to another address; raises UsageError for what is none."""
    from publisher import operating  # noqa: PLC0415

    store = name_store(path, environ)
    url = "" if to == SQLITE else to
    if url and not url.startswith(_SERVERS):
        raise UsageError(_no_address(to))
    if not store.url and not store.path.exists():
        raise NotFound(_no_database(store.path))
    return operating.move(store, url, by=by, now=now)


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


def export_site(site: Site, target: Path) -> dict[str, int]:
    """Write everything as Markdown, CSV and JSON into a new folder; return how much of each.

    Raises Refused where the folder is there and not empty.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise Refused(_taken(target))
    files.ensure_private(target)
    written = {"posts": _export_posts(site, target / "posts")}
    shutil.copyfile(site.config.path, target / "config.toml")
    from publisher import subscribing  # noqa: PLC0415
    from publisher.store import exporting  # noqa: PLC0415

    (target / "subscribers.csv").write_text(subscribing.export_list(site.store), "utf-8")
    (target / "tables").mkdir()
    with site.store.read() as tx:
        for name in exporting.table_names():
            rows = exporting.read_table(tx, name)
            written[name] = _write_rows(target / "tables" / f"{name}.json", rows)
    return written


def _export_posts(site: Site, target: Path) -> int:
    """Copy the folder of posts, and add what is published and has no file any more."""
    from publisher.store import posts  # noqa: PLC0415

    folder = site.config.paths.posts
    if folder.is_dir():
        shutil.copytree(folder, target, symlinks=True)
    with site.store.read() as tx:
        for pin in posts.load_record(tx).published.values():
            found = posts.last_good(tx, pin.post_id)
            file = target / pin.path
            if found is None or file.exists():
                continue
            text, images = found
            for name, data in {file.name: text, **images}.items():
                (file.parent / name).parent.mkdir(parents=True, exist_ok=True)
                (file.parent / name).write_bytes(data)
    return sum(1 for _ in target.rglob("*.md"))


def _write_rows(file: Path, rows: Iterator[dict[str, Any]]) -> int:
    """Write rows as one JSON array, a row a line."""
    count = 0
    with file.open("w", encoding="utf-8") as stream:
        stream.write("[")
        for count, row in enumerate(rows, start=1):
            stream.write("\n" if count == 1 else ",\n")
            stream.write(json.dumps(row, ensure_ascii=False))
        stream.write("\n]\n")
    return count


def _no_address(to: str) -> Problem:
    return Problem(
        code="usage",
        path="--to",
        expected=f"{_SERVERS}user@host/database, or {SQLITE} for the embedded database",
        got=to,
        hint="Nothing was changed.",
    )


def _no_database(path: Path) -> Problem:
    return Problem(
        code="move.nothing",
        path=str(path),
        expected="a database to move",
        got="no such file",
        hint="Nothing was changed. Set [database] url and begin there.",
    )


def _taken(target: Path) -> Problem:
    return Problem(
        code="export.exists",
        path=str(target),
        expected="a folder that is new or empty",
        got="one that holds something" if target.is_dir() else "a file",
        hint="Nothing was written. Name another.",
    )


@contextmanager
def run_alone(site: Site) -> Iterator[None]:
    """Be the one service of a site while the block runs; raises Unavailable where there is one."""
    lock = site.config.paths.state / SERVICE_LOCK
    with files.hold(lock, wait_seconds=_PATIENCE_SECONDS):
        yield


def running_service(site: Site) -> str:
    """Return who runs the service of this site here, or sends for it; nothing where nobody does."""
    state = site.config.paths.state
    for lock in (state / SERVICE_LOCK, *sorted(state.glob(f"{_SEAT}-*.lock"))):
        if who := files.holder(lock):
            return who
    return ""


@contextmanager
def take_seat(site: Site) -> Iterator[str]:
    """Have a place among the workers of this machine while the block runs; gives its name.

    Whoever gets a place again knows that nobody else is at work there.
    """
    for number in count(1):
        seat = f"{_SEAT}-{number}"
        with ExitStack() as held:
            try:
                held.enter_context(files.hold(site.config.paths.state / f"{seat}.lock"))
            except Unavailable as error:
                if error.problems[0].code != "site.locked":
                    raise
                continue
            yield seat
            return


def join_site(site: Site) -> None:
    """Let this machine work for the site too; raises Refused for the copy of a database."""
    from publisher import operating  # noqa: PLC0415

    operating.join(site.store, site.config.paths.state)


def refuse_embedded(site: Site, command: str) -> None:
    """Raise Refused where processes cannot share the database: it is a file."""
    if not site.store.is_shared:
        raise Refused(_embedded(command))


def _embedded(command: str) -> Problem:
    return Problem(
        code="engine.embedded",
        path="database.url",
        expected="PostgreSQL, which several processes and machines can share",
        got="the embedded database",
        hint=f"publisher run does it all in one process. For publisher {command}, set "
        "[database] url, or move: publisher move --to postgresql+psycopg://…",
    )
