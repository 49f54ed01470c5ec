"""How fast people come and leave, by HTTP, while an edition is sent by the same process.

Usage: python -m tests.benchmarks.bench_people [--people N] [--readers N] [--rounds N]

The service is ``publisher run``, one process, its ledger on SQLite and flushed at every commit; the
limits of the form are lifted, since all comes from this machine. The relay is a process of its own
that takes mails and keeps none. Figures are printed, nothing is asserted.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import http.client
import os
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from publisher import app, editing, subscribing, tokens
from publisher.model import Consent, DeliveryState, SubscriberState
from publisher.store import editions, ledger, subscribers
from publisher.store.subscribers import Joining
from tests.benchmarks.programs import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_VISITORS = 4
"""Connections that ask at the same time."""
_FRIEND = "https://www.practice.example"
_SITE = """\
[site]
name = "Riverside Letters"
id = "7f9c24e5-1c1b-4f0e-9f52-2d1f5b8f4a11"
[digests.weekly]
title = "Weekly letter"
schedule = "every tuesday at 07:30"
late_after = "3650d"
[subscribe]
embed_origins = ["{friend}"]
[web]
listen = "127.0.0.1:{web}"
[mail]
transport = "smtp"
from = "Letters <letters@example.org>"
expire_after = "3650d"
[mail.smtp]
host = "127.0.0.1"
port = {relay}
security = "none"
connections = 16
"""
_HEAD = (
    "| what a person does | while | a second | median, ms | 99th of 100, ms |\n"
    "| -- | -- | --: | --: | --: |"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """How one kind of request went in one round."""

    deed: str
    beside: str
    per_second: float
    seconds: tuple[float, ...]


def main() -> int:
    """Measure, and print the table; or be one of the processes that it needs."""
    options = _read_options()
    if options.relay:
        asyncio.run(_relay(options.relay))
    elif options.serve:
        _serve(options.serve)
    else:
        print(_measure(options))
    return 0


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.bench_people")
    parser.add_argument("--people", type=int, default=300, metavar="N", help="come and leave")
    parser.add_argument("--readers", type=int, default=40_000, metavar="N", help="are mailed")
    parser.add_argument("--rounds", type=int, default=3, metavar="N")
    parser.add_argument("--relay", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--serve", default="", help=argparse.SUPPRESS)
    return parser.parse_args()


def _measure(options: argparse.Namespace) -> str:
    figures: list[Figure] = []
    left: list[int] = []
    for turn in range(options.rounds):
        cases = [("nothing else", 0), ("an edition is sent", options.readers)]
        for beside, readers in cases if turn % 2 == 0 else reversed(cases):
            with tempfile.TemporaryDirectory(prefix="publisher-bench-") as folder:
                found, waiting = _run(Path(folder), beside, readers, options.people)
            figures += found
            left += [waiting] if readers else []
    return _write(figures, left, options)


def _write(figures: Sequence[Figure], left: Sequence[int], options: argparse.Namespace) -> str:
    rows = []
    for deed, beside in dict.fromkeys((one.deed, one.beside) for one in figures):
        mine = [one for one in figures if (one.deed, one.beside) == (deed, beside)]
        times = [second for one in mine for second in one.seconds]
        rate = median(one.per_second for one in mine)
        worst = quantiles(times, n=100)[98]
        rows.append(
            f"| {deed} | {beside} | {rate:,.0f} | {median(times) * 1000:.1f} | {worst * 1000:.1f} |"
        )
    waiting = ", ".join(f"{one:,}" for one in left)
    note = (
        f"{options.people} people a round by {_VISITORS} connections, {options.rounds} rounds;"
        f" an edition to {options.readers:,} readers was under way, and {waiting} of its mails still"
        " waited when the last person had left."
    )
    return "\n".join((_HEAD, *rows, "", note))


# -------------------------------------------------------------------------------------- one round


def _run(folder: Path, beside: str, readers: int, people: int) -> tuple[list[Figure], int]:
    web, relay = _free_port(), _free_port()
    settings = _SITE.format(friend=_FRIEND, web=web, relay=relay)
    (folder / "config.toml").write_text(settings, "utf-8")
    site = _prepare(folder, readers)
    with _process("--relay", str(relay), port=relay), _process("--serve", str(folder), port=web):
        if readers:
            _await(lambda: _count_waiting(site) < readers)
        names = [f"person{number}@example.net" for number in range(people)]
        ask = urlencode
        came = _visit(web, [("/subscribe", ask({"email": name})) for name in names])
        with site.store.read() as tx:
            link = subscribers.load_keys(tx, "link")
            found = [subscribers.read_by_key(tx, name) for name in names]
        confirm = tokens.lend(link, "confirm")[0]
        ids = [one.id for one in found if one]
        # Each of these people has one consent, recorded in the same order as they were.
        confirmed = _visit(web, [(f"/confirm/{tokens.make(confirm, one)}", "") for one in ids])
        click = ask({"List-Unsubscribe": "One-Click"})
        gone = _visit(web, [(f"/u/{tokens.make(link[0], one)}", click) for one in ids])
        waiting = _count_waiting(site)
    both = tuple(one + other for one, other in zip(came[1], confirmed[1], strict=True))
    site.store.close()
    return [
        Figure(
            deed="subscribe and confirm",
            beside=beside,
            per_second=people / (came[0] + confirmed[0]),
            seconds=both,
        ),
        Figure(
            deed="unsubscribe by one click",
            beside=beside,
            per_second=people / gone[0],
            seconds=gone[1],
        ),
    ], waiting


def _visit(port: int, asked: Sequence[tuple[str, str]]) -> tuple[float, tuple[float, ...]]:
    """Post every form over a few connections; return the seconds in all, and of each."""
    shares = [asked[start::_VISITORS] for start in range(_VISITORS)]
    began = time.perf_counter()
    with ThreadPoolExecutor(_VISITORS) as pool:
        took = list(pool.map(functools.partial(_post_all, port), shares))
    whole = time.perf_counter() - began
    return whole, tuple(second for share in took for second in share)


def _post_all(port: int, asked: Sequence[tuple[str, str]]) -> list[float]:
    took = []
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": _FRIEND}
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as wire:
        for path, body in asked:
            began = time.perf_counter()
            wire.request("POST", path, body, headers)
            reply = wire.getresponse()
            reply.read()
            took.append(time.perf_counter() - began)
            if reply.status != http.HTTPStatus.OK:
                raise RuntimeError(f"{path} answered {reply.status}")
    return took


def _prepare(folder: Path, readers: int) -> app.Site:
    """Make a site whose edition is open for so many readers."""
    post = folder / "posts" / "one.md"
    post.parent.mkdir()
    post.write_text("---\ntitle: One\ndate: 2026-11-01\n---\n\nA sentence to read.\n", "utf-8")
    site, now = app.open_site(folder / "config.toml", {}), datetime.now(UTC)  # noqa: TID251
    agreed = Consent(wording="yes", source="made up", requested_at=now, confirmed_at=now)
    people = [
        Joining(
            address=subscribing.read_address(f"reader{number}@example.net"),
            address_hash=f"{number:064}",
            state=SubscriberState.ACTIVE,
            consent=agreed,
        )
        for number in range(readers)
    ]
    if people:
        with site.store.write() as tx:
            subscribers.add(tx, people)
        desk, _ = app.open_desk(site, now=now)
        editing.advance(desk, now=now, one_more=site.config.digests["weekly"])
    return site


def _count_waiting(site: app.Site) -> int:
    with site.store.read() as tx:
        found = editions.read_all(tx)
        return sum(ledger.read_counts(tx, one.id)[DeliveryState.PENDING] for one in found)


# ------------------------------------------------------------------------------------- processes


def _serve(folder: str) -> None:
    """Be the service, its form open to any number from one network."""
    from publisher.cli import root  # noqa: PLC0415 - only this process needs it

    open_gate = functools.partial(subscribing.Gate, network_most=10**9, most=10**9)
    setattr(subscribing, "Gate", open_gate)  # noqa: B010 - the name is a class to the checker
    root.main(args=["--config", f"{folder}/config.toml", "--quiet", "run"])


async def _relay(port: int) -> None:
    """Take every mail and keep none."""
    server = await asyncio.start_server(_take, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


async def _take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 relay\r\n")
    while line := await reader.readline():
        verb = line[:4].upper()
        if verb == b"DATA":
            writer.write(b"354 go on\r\n")
            await writer.drain()
            await reader.readuntil(b"\r\n.\r\n")
        elif verb == b"EHLO":
            writer.write(b"250-relay\r\n250-PIPELINING\r\n250-8BITMIME\r\n")
        writer.write(b"221 2.0.0 bye\r\n" if verb == b"QUIT" else b"250 2.0.0 ok\r\n")
        await writer.drain()
        if verb == b"QUIT":
            break
    writer.close()


@contextmanager
def _process(*words: str, port: int) -> Iterator[None]:
    """Run this module as another process, from when it listens until the block ends."""
    command = [sys.executable, "-m", "tests.benchmarks.bench_people", *words]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command, cwd=REPOSITORY, stdout=said, stderr=said, env=dict(os.environ)
        )
        try:
            _await(lambda: _listens(port) or process.poll() is not None)
            if process.poll() is not None:
                said.seek(0)
                raise RuntimeError(said.read().decode())
            yield
        finally:
            process.terminate()
            process.wait()


def _await(is_so: Callable[[], bool]) -> None:
    while not is_so():
        time.sleep(0.02)  # noqa: TID251 - another process is at it


def _listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
