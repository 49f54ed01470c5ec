"""One feed over HTTP: our own server beside nginx, asked by ``wrk`` in turns.

Ours is ``publisher run``, as anybody starts it. nginx has the server of ``docs/deploy/nginx.conf``
before the same files, but for the lines that name a machine: address, certificates, folder.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.benchmarks.build import as_table, divide, measure, say, spread
from tests.benchmarks.programs import PUBLISHER, REPOSITORY
from tests.benchmarks.sites import write_sites
from tests.servers import nginx

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

POSTS = 200
FEED = "/feed.atom"
CONNECTIONS = 16
NGINX = "nginx"
UNCHANGED, WHOLE = "304, nothing new", "200, the whole feed, gzip"
KINDS = {UNCHANGED: 304, WHOLE: 200}

_HOST = "127.0.0.1"
_START_SECONDS = 30.0
_STATUS_OCTETS = 1500
"""More than any 304 has, and less than any whole feed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """Requests answered a second: by server and kind, a number a round."""

    octets: dict[str, int]
    """Of the compressed feed, by server."""
    rates: dict[tuple[str, str], list[float]]

    def ratios(self, kind: str) -> list[float]:
        """Return our rate by nginx's, a ratio a round."""
        return divide(self.rates[PUBLISHER.name, kind], self.rates[NGINX, kind])


def serve(folder: Path, *, rounds: int, seconds: int) -> Serving:
    """Build a site, serve it by both, and ask each ``seconds`` a kind and round.

    Raises RuntimeError where a program is missing or fails, or an answer is not the one meant.
    """
    for program in ("wrk", NGINX):
        _find(program)
    site = write_sites(folder, POSTS, [PUBLISHER]).folders[PUBLISHER.name]
    measure(PUBLISHER.command(site), site)
    ours = _free_port()
    with (
        _publisher(site, ours),
        nginx(site / "public", ours, "nginx without brotli") as theirs,
    ):
        servers = {PUBLISHER.name: ours, NGINX: theirs}
        etags = {name: _learn(port) for name, port in servers.items()}
        rates: dict[tuple[str, str], list[float]] = {}
        for turn in range(rounds):
            say(f"HTTP, turn {turn + 1} of {rounds}")
            for kind in KINDS:
                for name in list(servers)[:: 1 if turn % 2 == 0 else -1]:
                    etag = etags[name][0] if kind == UNCHANGED else ""
                    rate = _ask(servers[name], etag, etags[name][1], seconds)
                    rates.setdefault((name, kind), []).append(rate)
    return Serving(octets={name: size for name, (_, size) in etags.items()}, rates=rates)


def write_rates(serving: Serving) -> str:
    """Return the rates as a Markdown table."""
    ours = PUBLISHER.name
    rows = [
        ["requests a second", ours, NGINX, f"{ours} / {NGINX}"],
        ["---", "---:", "---:", "---:"],
    ]
    for kind in KINDS:
        taken = [spread(serving.rates[name, kind], ",.0f") for name in (ours, NGINX)]
        rows.append([kind, *taken, spread(serving.ratios(kind))])
    return as_table(rows)


def nginx_version() -> str:
    """Return nginx's name and version as it tells them itself."""
    told = subprocess.run([_find(NGINX), "-v"], capture_output=True, text=True, check=True)
    return told.stderr.strip().partition(": ")[2].replace("/", " ")


# ------------------------------------------------------------------------------------ asking


def _learn(port: int) -> tuple[str, int]:
    """Return the feed's ETag and compressed size; raises RuntimeError unless it answers 304 to it."""
    status, headers, body = _get(port)
    etag = headers.get("etag", "")
    if (status, headers.get("content-encoding")) != (200, "gzip") or not etag:
        raise RuntimeError(f"port {port}: {status} with {headers} instead of a compressed feed")
    status, _, _ = _get(port, etag)
    if status != KINDS[UNCHANGED]:
        raise RuntimeError(f"port {port}: {status} instead of 304")
    return etag, len(body)


def _get(port: int, etag: str = "") -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(_HOST, port, timeout=10)
    try:
        connection.request("GET", FEED, headers=_asking(etag))
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return response.status, headers, response.read()
    finally:
        connection.close()


def _asking(etag: str) -> dict[str, str]:
    return {"Accept-Encoding": "gzip"} | ({"If-None-Match": etag} if etag else {})


def _ask(port: int, etag: str, octets: int, seconds: int) -> float:
    """Return the requests answered a second; raises RuntimeError unless all were as meant."""
    script = REPOSITORY / "tests" / "benchmarks" / "requests.lua"
    command = [_find("wrk"), "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(script)]
    for name, value in _asking(etag).items():
        command += ["-H", f"{name}: {value}"]
    command.append(f"http://{_HOST}:{port}{FEED}")
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    told = json.loads(ran.stdout.splitlines()[-1])
    each = told["bytes"] / max(told["requests"], 1)
    meant = each < _STATUS_OCTETS if etag else octets < each < octets + _STATUS_OCTETS
    if told["refused"] or told["broken"] or not meant:
        raise RuntimeError(f"port {port}: {told}, {each:.0f} octets an answer")
    return float(told["requests"] / told["microseconds"] * 1e6)


# ------------------------------------------------------------------------------------ serving


@contextmanager
def _publisher(site: Path, port: int) -> Iterator[None]:
    config = site / "config.toml"
    config.write_text(config.read_text("utf-8") + f'\n[web]\nlisten = "{_HOST}:{port}"\n', "utf-8")
    command = [sys.executable, "-m", "publisher", "--config", str(config), "--quiet", "run"]
    with _started(command, port, signal.SIGTERM):
        yield


@contextmanager
def _started(command: list[str], port: int, stop: signal.Signals) -> Iterator[None]:
    """Run a server while the block runs; raises RuntimeError where it does not listen in time."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            deadline = time.monotonic() + _START_SECONDS
            while not _listens(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(
                        f"{command[0]} does not listen: {process.communicate()[1]!r}"
                    )
                time.sleep(0.05)  # noqa: TID251 - another process comes up
            yield
        finally:
            if process.poll() is None:
                process.send_signal(stop)
            process.wait(timeout=_START_SECONDS)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((_HOST, port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


def _find(program: str) -> str:
    """Return where a program is; Debian keeps servers where only root looks."""
    path = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if path is None:
        raise RuntimeError(f"{program} is not installed. Type:  sudo apt-get install {program}")
    return path
