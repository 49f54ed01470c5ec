"""How long opening an edition takes, and whether others can write meanwhile.

``python -m tests.benchmarks.bench_opening [--subscribers N ...] [--database sqlite|postgresql]
[--no-run]``: figures are printed, nothing is asserted. Each step is a process of its own, so that
its memory is its own; ``publisher run`` itself opens an edition too, and ``publisher worker`` sends
from one on PostgreSQL, unless they are told not to.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from signal import SIGINT
from statistics import quantiles
from threading import Event
from time import monotonic, perf_counter, process_time
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from typing_extensions import override

from publisher import app, editing, subscribing
from publisher.model import EditionState
from publisher.store import Store, editions, schema
from tests.postgres import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from publisher.store import Transaction

SEEN = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SLOT = datetime(2026, 11, 24, 7, 30, tzinfo=UTC)
POSTS = ("sleep/01-rest.md", "sleep/02-dreams.md", "news.md")
_AT_ONCE = 50_000
MANY = 100_000
"""From so many on there are enough transactions to compare the last with the first."""
SMALL, LARGE = 10_000, 1_000_000
"""The subscribers that the goals speak of."""
_CHUNKS_SENT = 20
"""So many, of 1,000 mails each, a worker sends before its memory is looked at, or all there are."""
_PATIENCE_SECONDS = 900
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
expire_after = "3650d"
[mail.smtp]
host = "127.0.0.1"
port = {port}
security = "none"
[digests.weekly]
title = "Weekly letter"
schedule = "{schedule}"
[web]
listen = "127.0.0.1:{listen}"
"""
DATABASES = ("sqlite", "postgresql")
_HEAD = (
    "| database | subscribers | opening, s | processor, s | longest transaction, ms |"
    " rate of the last tenth, of the first | peak memory, MB | `publisher run`, MB |"
    " `publisher worker`, MB | a delivery, octets | a receipt, octets | `subscribers add`, median and 99th of 100, ms |\n"
    f"|{' -- |' + 11 * ' --: |'}"
)


# ------------------------------------------------------------------------------------------- steps


def fill(folder: Path, people: int, *, now: datetime = SEEN) -> dict[str, Any]:
    """Make a site with so many readers: of twenty one declined a series, of a hundred one is out."""
    for day, path in enumerate(POSTS, start=1):
        file = folder / "posts" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        text = f"---\ntitle: {file.stem}\ndate: 2026-11-0{day}\n---\n\nA sentence to read.\n"
        file.write_text(text, "utf-8")
    site = open_folder(folder)
    for start in range(1, people + 1, _AT_ONCE):
        ids = range(start, min(start + _AT_ONCE, people + 1))
        with site.store.write() as tx:
            tx.execute(sa.insert(schema.subscribers), [make_person(n) for n in ids])
            declined = [{"subscriber_id": n, "series": "sleep"} for n in ids if n % 20 == 0]
            tx.execute(sa.insert(schema.declined_series), declined)
            out = [_suppression(n) for n in ids if n % 100 == 1]
            tx.execute(sa.insert(schema.suppressions), out)
    _tick(site, now)
    site.store.close()
    return {}


def make_person(number: int) -> dict[str, Any]:
    """Return the row of a reader who confirmed."""
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
    hashed = make_person(number)["address_hash"]
    return {"address_hash": hashed, "reason": "bounced", "suppressed_at": SEEN}


def open_edition(folder: Path, _people: int) -> dict[str, Any]:
    """Open the edition of the slot, and say how long it and its longest transaction took."""
    site = open_folder(folder)
    store = TimedStore(site.store.url, site.store.path)
    desk, _ = app.open_desk(replace(site, store=store), now=SLOT)
    began, worked = perf_counter(), process_time()
    problems = editing.advance(desk, now=SLOT)
    seconds, worked = perf_counter() - began, process_time() - worked
    with site.store.read() as tx:
        (edition,) = editions.read_all(tx)
        figures = _octets(tx)
    assert (problems, edition.state, edition.letters) == ([], EditionState.SENDING, 2)
    figures |= {"seconds": seconds, "worked": worked, "longest": max(store.took)}
    figures |= {"evenness": store.evenness}
    return figures | {"peak_mb": _peak_of("self")}


class TimedStore(Store):
    """A store that knows how long its transactions took, from their turn to the end of their commit."""

    @override
    def __init__(self, url: str, path: Path) -> None:
        super().__init__(url, path)
        self.took: list[float] = []
        self.batches: list[float] = []
        """When each batch of people was over."""

    @override
    @contextmanager
    def write(self) -> Iterator[Transaction]:
        with super().write() as tx:
            began, before = perf_counter(), self._through(tx)
            yield tx
            is_batch = self._through(tx) > before
        ended = perf_counter()
        self.took.append(ended - began)
        if is_batch:
            self.batches.append(ended)

    def _through(self, tx: Transaction) -> int:
        through = sa.func.max(schema.editions.c.opened_through)
        return tx.execute(sa.select(through)).scalar() or 0

    @property
    def evenness(self) -> float:
        """The rate of the last tenth of all batches, of that of the first."""
        ended = self.batches
        tenth = max(1, len(ended) // 10)
        if len(ended) <= tenth:
            return 0.0
        first, last = ended[tenth] - ended[0], ended[-1] - ended[-1 - tenth]
        return first / last


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
    site = open_folder(folder)
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


def serve(folder: Path, _people: int) -> dict[str, Any]:
    """Let ``publisher run`` open the edition, and say how much memory its process had at the most."""
    return {"peak_mb": _watch(folder, "run", _is_open)}


def work(folder: Path, _people: int) -> dict[str, Any]:
    """Let ``publisher worker`` send from the open edition; say how much memory it had at the most."""
    from tests.benchmarks.bench_sending import sink  # noqa: PLC0415 - other steps are weighed

    with sink() as port:
        config = folder / "config.toml"
        text = config.read_text("utf-8").replace("port = 9\n", f"port = {port}\n")
        config.write_text(text, "utf-8")
        return {"peak_mb": _watch(folder, "worker", _has_sent)}


def _watch(folder: Path, command: str, is_done: Callable[[app.Site], bool]) -> float:
    """Run a command until something is done; return the megabytes that its process had at the most."""
    words = [sys.executable, "-m", "publisher", "--config", str(folder / "config.toml"), command]
    service = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    site, until = open_folder(folder), monotonic() + _PATIENCE_SECONDS
    try:
        while not is_done(site):
            assert service.poll() is None
            assert monotonic() < until
            Event().wait(0.2)
        return _peak_of(service.pid)
    finally:
        service.send_signal(SIGINT)
        service.wait()


def _peak_of(process: int | str) -> float:
    """Return the megabytes that a process had at the most, without those of whoever started it."""
    status = Path(f"/proc/{process}/status").read_text()
    (peak,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(peak) * 1024 / 1e6


def _has_sent(site: app.Site) -> bool:
    with site.store.read() as tx:
        states = tx.execute(sa.select(schema.chunks.c.state)).scalars().all()
    return states.count("done") >= max(1, min(len(states), _CHUNKS_SENT))


def _is_open(site: app.Site) -> bool:
    with site.store.read() as tx:
        open_states = [EditionState.SENDING, EditionState.PAUSED]
        return bool(editions.read_all(tx, states=open_states))


def fill_now(folder: Path, people: int) -> dict[str, Any]:
    """Fill a site whose slot came a few minutes ago by the real clock."""
    now = datetime.now(UTC)  # noqa: TID251 - the service has no other
    return fill(folder, people, now=now - timedelta(hours=1))


STEPS: dict[str, Callable[[Path, int], dict[str, Any]]] = {
    "fill": fill,
    "open": open_edition,
    "add": add_people,
    "now": fill_now,
    "serve": serve,
    "work": work,
}


def open_folder(folder: Path) -> app.Site:
    """Return the site of a folder."""
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
    served: dict[str, Any] | None
    worked: dict[str, Any] | None

    def line(self) -> str:
        """Return a row of the table."""
        opened, added = self.opened, self.added
        cells = [
            self.database,
            f"{self.people:,}",
            f"{opened['seconds']:.1f}",
            f"{opened['worked']:.1f}",
            f"{opened['longest'] * 1e3:.0f}",
            f"{opened['evenness']:.2f}" if self.people >= MANY else "",
            f"{opened['peak_mb']:.0f}",
            f"{self.served['peak_mb']:.0f}" if self.served else "",
            f"{self.worked['peak_mb']:.0f}" if self.worked else "",
            f"{opened['deliveries']:.0f}",
            f"{opened['receipts']:.0f}",
            f"{added['median'] * 1e3:.0f}, {added['p99'] * 1e3:.0f} (of {added['added']:,})",
        ]
        return f"| {' | '.join(cells)} |"


def measure(database: str, people: int, url: str, url_of_service: str | None) -> Round:
    """Fill a site, open its edition, and open another one's while people are added."""
    served = None if url_of_service is None else _serve(people, url_of_service)
    with tempfile.TemporaryDirectory(prefix="publisher-bench-") as name:
        folder = Path(name)
        configure(folder, url, "every tuesday at 07:30")
        _finish(_begin("fill", folder, people))
        adder = None
        opened = _finish(_begin("open", folder, people))
        with _reset(folder):
            adder = _begin("add", folder, people)
            while not (folder / "ready").exists():
                assert adder.poll() is None
            _finish(_begin("open", folder, people))
            (folder / "over").touch()
        added = _finish(adder)
        is_shared = database == "postgresql"
        worked = _finish(_begin("work", folder, people)) if served and is_shared else None
        return Round(database, people, opened, added, served, worked)


def _serve(people: int, url: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="publisher-bench-") as name:
        folder = Path(name)
        slot = datetime.now(UTC) - timedelta(minutes=5)  # noqa: TID251 - as the service
        configure(folder, url, f"every day at {slot:%H:%M}")
        _finish(_begin("now", folder, people))
        return _finish(_begin("serve", folder, people))


def configure(folder: Path, url: str, schedule: str) -> None:
    """Write a site's configuration; an empty ``url`` is SQLite."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        listen = probe.getsockname()[1]
    text = _CONFIG.format(url=url, schedule=schedule, listen=listen, port=9)
    (folder / "config.toml").write_text(text, "utf-8")


@contextmanager
def _reset(folder: Path) -> Iterator[None]:
    """Take the opening back, so that it can be done again."""
    site = open_folder(folder)
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
    parser.add_argument("--subscribers", type=int, nargs="+", default=[SMALL, LARGE])
    parser.add_argument("--database", choices=DATABASES)
    parser.add_argument(
        "--run",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="let `publisher run` and `worker` do their part too, and look at their memory",
    )
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        print(json.dumps(STEPS[options.step](options.folder, options.subscribers[0])))
        return 0
    # What only this process needs would be weighed with each step.
    from tests.benchmarks.bench_sending import install_postfix  # noqa: PLC0415
    from tests.benchmarks.opened import list_goals  # noqa: PLC0415
    from tests.benchmarks.verdict import write_verdict  # noqa: PLC0415

    if options.run:
        install_postfix()
    print(_HEAD)
    rounds: list[Round] = []
    for database in DATABASES:
        if options.database in {None, database}:
            rounds += _measure_all(database, options.subscribers, runs=options.run)
    print(f"\n{write_verdict(list_goals(rounds))}")
    return 0


def _measure_all(database: str, sizes: list[int], *, runs: bool) -> Iterator[Round]:
    server = Server(durable=True) if database == "postgresql" else None
    try:
        for people in sizes:
            url = server.make() if server else ""
            other = None if not runs else server.make() if server else ""
            done = measure(database, people, url, other)
            print(done.line(), flush=True)
            yield done
    finally:
        if server:
            server.stop()


if __name__ == "__main__":
    sys.exit(main())
