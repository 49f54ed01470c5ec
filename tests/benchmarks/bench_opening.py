"""How long opening an edition takes, and whether others can write meanwhile.

``python -m tests.benchmarks.bench_opening [--subscribers N ...] [--database sqlite|postgresql]``:
figures are printed, nothing is asserted. Each step is a process of its own, so that its memory is
its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from statistics import quantiles
from time import monotonic, perf_counter, process_time
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from typing_extensions import override

from publisher import app, editing, subscribing
from publisher.model import EditionState
from publisher.store import Store, editions, schema
from tests.postgres import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from publisher.store import Transaction

SEEN = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SLOT = datetime(2026, 11, 24, 7, 30, tzinfo=UTC)
POSTS = ("sleep/01-rest.md", "sleep/02-dreams.md", "news.md")
_AT_ONCE = 50_000
_CONFIG = """
[site]
name = "Riverside Letters"
id = "7f9c24e5-1c1b-4f0e-9f52-2d1f5b8f4a11"
timezone = "UTC"
[database]
url = "{url}"
[mail]
transport = "smtp"
from = "Letters <letters@example.org>"
[mail.smtp]
host = "127.0.0.1"
port = 9
security = "none"
[digests.weekly]
title = "Weekly letter"
schedule = "every tuesday at 07:30"
"""
_HEAD = (
    "| database | subscribers | opening, s | processor, s | longest transaction, ms | peak memory, MB |"
    " a delivery, octets | a receipt, octets | `subscribers add`, median and 99th of 100, ms |\n"
    "| -- | --: | --: | --: | --: | --: | --: | --: | --: |"
)


# ------------------------------------------------------------------------------------------- steps


def fill(folder: Path, people: int) -> dict[str, Any]:
    """Make a site with so many readers: of twenty one declined a series, of a hundred one is out."""
    for day, path in enumerate(POSTS, start=1):
        file = folder / "posts" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        text = f"---\ntitle: {file.stem}\ndate: 2026-11-0{day}\n---\n\nA sentence to read.\n"
        file.write_text(text, "utf-8")
    site = _open(folder)
    for start in range(1, people + 1, _AT_ONCE):
        ids = range(start, min(start + _AT_ONCE, people + 1))
        with site.store.write() as tx:
            tx.execute(sa.insert(schema.subscribers), [_person(n) for n in ids])
            declined = [{"subscriber_id": n, "series": "sleep"} for n in ids if n % 20 == 0]
            tx.execute(sa.insert(schema.declined_series), declined)
            out = [_suppression(n) for n in ids if n % 100 == 1]
            tx.execute(sa.insert(schema.suppressions), out)
    _tick(site, SEEN)
    site.store.close()
    return {}


def _person(number: int) -> dict[str, Any]:
    address = f"reader{number}@example.org"
    return {
        "id": number,
        "address": address,
        "address_key": address,
        "address_hash": f"{number * 0x9E3779B97F4A7C15 % 2**64:064x}",
        "state": "active",
        "subscribed_at": SEEN,
        "confirmed_at": SEEN,
        "source": "bench",
    }


def _suppression(number: int) -> dict[str, Any]:
    hashed = _person(number)["address_hash"]
    return {"address_hash": hashed, "reason": "bounced", "suppressed_at": SEEN}


def open_edition(folder: Path, _people: int) -> dict[str, Any]:
    """Open the edition of the slot, and say how long it and its longest transaction took."""
    site = _open(folder)
    store = _TimedStore(site.store.url, site.store.path)
    desk, _ = app.open_desk(replace(site, store=store), now=SLOT)
    began, worked = perf_counter(), process_time()
    problems = editing.advance(desk, now=SLOT)
    seconds, worked = perf_counter() - began, process_time() - worked
    with site.store.read() as tx:
        (edition,) = editions.read_all(tx)
        figures = _octets(tx)
    assert (problems, edition.state, edition.letters) == ([], EditionState.SENDING, 2)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    figures |= {"seconds": seconds, "worked": worked, "longest": store.longest}
    return figures | {"peak_mb": peak * 1024 / 1e6}


class _TimedStore(Store):
    """A store that knows its longest transaction, from its turn to the end of its commit."""

    longest = 0.0

    @override
    @contextmanager
    def write(self) -> Iterator[Transaction]:
        with super().write() as tx:
            began = perf_counter()
            yield tx
        self.longest = max(self.longest, perf_counter() - began)


def _octets(tx: Transaction) -> dict[str, float]:
    """Return what one row of deliveries and of receipts takes on the disk, indexes included."""
    figures = {}
    for table in (schema.deliveries, schema.receipts):
        if tx.dialect.name == "sqlite":
            names = [table.name, *(f"{index.name}" for index in table.indexes)]
            named = sa.text("SELECT sum(pgsize) FROM dbstat WHERE name IN :names")
            size = tx.execute(
                named.bindparams(sa.bindparam("names", names, expanding=True))
            ).scalar_one()
        else:
            size = tx.execute(sa.select(sa.func.pg_total_relation_size(table.name))).scalar_one()
        rows = tx.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
        figures[table.name] = size / max(rows, 1)
    return figures


def add_people(folder: Path, _people: int) -> dict[str, Any]:
    """Add a person again and again until the file ``over`` appears; say how long each took."""
    site = _open(folder)
    took = []
    (folder / "ready").touch()
    for n in count(1):
        if (folder / "over").exists() and n > 100:
            break
        began = monotonic()
        subscribing.add(
            site.store, f"late{n}@example.org", consent="asked", source="bench", now=SLOT
        )
        took.append(monotonic() - began)
    cuts = quantiles(took, n=100)
    return {"added": len(took), "median": cuts[49], "p99": cuts[98], "slowest": max(took)}


STEPS = {"fill": fill, "open": open_edition, "add": add_people}


def _open(folder: Path) -> app.Site:
    return app.open_site(folder / "config.toml", {})


def _tick(site: app.Site, now: datetime) -> None:
    desk, _ = app.open_desk(site, now=now)
    editing.advance(desk, now=now)


# ------------------------------------------------------------------------------------------ rounds


@dataclass(frozen=True, slots=True)
class Round:
    """One opening and what was added beside it."""

    database: str
    people: int
    opened: dict[str, Any]
    added: dict[str, Any]

    def line(self) -> str:
        """Return a row of the table."""
        opened, added = self.opened, self.added
        cells = [
            self.database,
            f"{self.people:,}",
            f"{opened['seconds']:.1f}",
            f"{opened['worked']:.1f}",
            f"{opened['longest'] * 1e3:.0f}",
            f"{opened['peak_mb']:.0f}",
            f"{opened['deliveries']:.0f}",
            f"{opened['receipts']:.0f}",
            f"{added['median'] * 1e3:.0f}, {added['p99'] * 1e3:.0f} (of {added['added']:,})",
        ]
        return f"| {' | '.join(cells)} |"


def measure(database: str, people: int, url: str) -> Round:
    """Fill a site, open its edition, and open another one's while people are added."""
    with tempfile.TemporaryDirectory(prefix="publisher-bench-") as name:
        folder = Path(name)
        (folder / "config.toml").write_text(_CONFIG.format(url=url), "utf-8")
        _finish(_begin("fill", folder, people))
        adder = None
        opened = _finish(_begin("open", folder, people))
        with _reset(folder):
            adder = _begin("add", folder, people)
            while not (folder / "ready").exists():
                assert adder.poll() is None
            _finish(_begin("open", folder, people))
            (folder / "over").touch()
        return Round(database=database, people=people, opened=opened, added=_finish(adder))


@contextmanager
def _reset(folder: Path) -> Iterator[None]:
    """Take the opening back, so that it can be done again."""
    site = _open(folder)
    with site.store.write() as tx:
        for table in (schema.receipts, schema.deliveries, schema.chunks, schema.letters):
            tx.execute(sa.delete(table))
        tx.execute(
            sa.update(schema.editions).values(
                state="scheduled", audience=0, snapshot_id=None, opened_through=0, opened_at=None
            )
        )
    site.store.close()
    yield


def _begin(step: str, folder: Path, people: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.benchmarks.bench_opening", "--step", step]
    command += ["--folder", str(folder), "--subscribers", str(people)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _finish(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
    found: dict[str, Any] = json.loads(out)
    return found


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscribers", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--database", choices=["sqlite", "postgresql"])
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        print(json.dumps(STEPS[options.step](options.folder, options.subscribers[0])))
        return 0
    print(_HEAD)
    for database in ("sqlite", "postgresql"):
        if options.database in {None, database}:
            _measure_all(database, options.subscribers)
    return 0


def _measure_all(database: str, sizes: list[int]) -> None:
    server = Server(durable=True) if database == "postgresql" else None
    try:
        for people in sizes:
            url = server.make() if server else ""
            print(measure(database, people, url).line(), flush=True)
    finally:
        if server:
            server.stop()


if __name__ == "__main__":
    sys.exit(main())
