"""How long the editions of one morning's courses take to open.

``python -m tests.benchmarks.bench_courses [--readers N ...] [--database sqlite|postgresql]``: figures
are printed, nothing is asserted. Every reader is on a course of the same series of eight parts, at one
of two paces; they have none to six parts of it, as many as have been on it for as many days.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from publisher import app, editing
from publisher.model import EditionState
from publisher.store import editions, schema
from tests.benchmarks.bench_opening import SEEN, TimedStore, configure, make_person, open_folder
from tests.postgres import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

MORNING = datetime(2026, 11, 24, 7, 30, tzinfo=UTC)
PARTS = 8
_GIVEN = 7
"""Readers have fewer parts than so many."""
_AT_ONCE = 50_000
_HEAD = (
    "| database | readers on a course | letters | opening, s | processor, s |"
    " longest transaction, ms |\n"
    "| -- | --: | --: | --: | --: | --: |"
)


def fill(folder: Path, readers: int) -> None:
    """Make a site of one series with so many readers on a course of it, all due."""
    for part in range(1, PARTS + 1):
        file = folder / "posts" / "sleep" / f"{part:02}-part-{part}.md"
        file.parent.mkdir(parents=True, exist_ok=True)
        text = f"---\ntitle: Part {part}\ndate: 2026-01-{part:02}\n---\n\nA sentence to read.\n"
        file.write_text(text, "utf-8")
    site = open_folder(folder)
    desk, _ = app.open_desk(site, now=SEEN)
    editing.advance(desk, now=SEEN)
    (series,) = desk.catalog.series
    posts = [post.id for post in series.posts]
    for start in range(1, readers + 1, _AT_ONCE):
        ids = range(start, min(start + _AT_ONCE, readers + 1))
        with site.store.write() as tx:
            tx.execute(sa.insert(schema.subscribers), [make_person(n) for n in ids])
            tx.execute(sa.insert(schema.courses), [_course(n) for n in ids])
            tx.execute(sa.insert(schema.receipts), [one for n in ids for one in _has(n, posts)])
    site.store.close()


def _course(number: int) -> dict[str, Any]:
    due = MORNING.date()
    pace = "1d" if number % 2 else "3d"
    return {
        "subscriber_id": number,
        "series": "sleep",
        "pace": pace,
        "started_on": SEEN.date(),
        "next_due_on": due,
        "rehearsed_due_on": due,
    }


def _has(number: int, posts: list[str]) -> Iterator[dict[str, Any]]:
    for post_id in posts[: number % _GIVEN]:
        yield {"subscriber_id": number, "post_id": post_id, "edition_id": 0}


def measure(database: str, folder: Path, readers: int) -> str:
    """Open the edition of the morning; return a row of the table."""
    site = open_folder(folder)
    store = TimedStore(site.store.url, site.store.path)
    desk, _ = app.open_desk(replace(site, store=store), now=MORNING)
    began, worked = perf_counter(), process_time()
    problems = editing.advance(desk, now=MORNING)
    seconds, worked = perf_counter() - began, process_time() - worked
    with site.store.read() as tx:
        (edition,) = [one for one in editions.read_all(tx) if one.is_course]
    found = (problems, edition.state, edition.audience)
    if found != ([], EditionState.SENDING, readers):  # else less than that would be measured
        raise RuntimeError(f"{found}")
    site.store.close()
    store.close()
    figures = f"{edition.letters} | {seconds:.1f} | {worked:.1f} | {max(store.took) * 1e3:.0f}"
    return f"| {database} | {readers:,} | {figures} |"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, nargs="+", default=[20_000, 200_000])
    parser.add_argument("--database", choices=["sqlite", "postgresql"])
    options = parser.parse_args()
    print(_HEAD)
    for database in ("sqlite", "postgresql"):
        if options.database in {None, database}:
            _measure_all(database, options.readers)
    return 0


def _measure_all(database: str, sizes: list[int]) -> None:
    server = Server(durable=True) if database == "postgresql" else None
    try:
        for readers in sizes:
            with tempfile.TemporaryDirectory(prefix="publisher-bench-") as name:
                url = server.make() if server else ""
                configure(Path(name), url, "every monday at 07:30")
                fill(Path(name), readers)
                print(measure(database, Path(name), readers), flush=True)
    finally:
        if server:
            server.stop()


if __name__ == "__main__":
    sys.exit(main())
