"""``publisher run`` as the operator starts and ends it."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from publisher import app
from publisher.engine import clock
from publisher.model import DeliveryState
from publisher.store import editions, ledger
from tests import smtpd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Folder

PATIENCE_SECONDS = 30


@contextmanager
def _running(folder: Folder, *options: str) -> Iterator[subprocess.Popen[str]]:
    config = str(folder.path / "config.toml")
    process = subprocess.Popen(
        [sys.executable, "-m", "publisher", "--config", config, *options, "run"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_SECONDS)


def _get(port: int, path: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
        try:
            connection.request("GET", path, headers=headers or {})
            reply = connection.getresponse()
            return reply.status, reply.read().decode()
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)  # noqa: TID251 - a process is starting
        finally:
            connection.close()


def test_run_serves_pages_feeds_and_health(folder: Folder, free_port: int) -> None:
    """One process builds and serves the site, answers for its health and for what is not there."""
    folder.post("sleep/01-worry.md", "Worry at night")
    folder.configure(web=f'listen = "127.0.0.1:{free_port}"')

    with _running(folder):
        _get(free_port, "/healthz")
        deadline = time.monotonic() + PATIENCE_SECONDS
        # Feeds take their places after the pages.
        while _get(free_port, "/feed.atom")[0] != 200 and time.monotonic() < deadline:
            time.sleep(0.1)  # noqa: TID251 - the first tick builds the site
        answers = {
            path: _get(free_port, path)[0]
            for path in ("/", "/sleep/worry/", "/feed.atom", "/healthz", "/readyz", "/nowhere")
        }

    assert answers == {
        "/": 200,
        "/sleep/worry/": 200,
        "/feed.atom": 200,
        "/healthz": 200,
        "/readyz": 200,
        "/nowhere": 404,
    }


def test_sigterm_finishes_the_mail_on_the_wire(folder: Folder, free_port: int) -> None:
    """After SIGTERM the mail on the wire is finished and recorded, and no other one begins."""
    folder.post("sleep/01-worry.md", "Worry at night")
    web_port = free_port + 1 if free_port < 65_535 else free_port - 1
    folder.configure(
        web=f'listen = "127.0.0.1:{web_port}"',
        mail='transport = "smtp"',
        mail__smtp=f'host = "127.0.0.1"\nport = {free_port}\nsecurity = "none"\nconnections = 1',
    )
    for n in range(3):
        folder.run("subscribers", "add", f"reader{n}@example.net")
    site = folder.open()
    app.publish_once(site, now=clock.now(), clock=clock.now, digest="weekly", deliver_too=False)

    with smtpd.serve(free_port) as peer:
        peer.thinks_seconds = 1.0
        with _running(folder) as process:
            assert peer.began.wait(PATIENCE_SECONDS)
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=PATIENCE_SECONDS)
        with site.store.read() as tx:
            counts = ledger.read_counts(tx, editions.read_all(tx)[0].id)
        sent = len(peer.accepted)
        peer.thinks_seconds = 0
        rest = folder.run("publish")

    assert process.returncode == 0
    assert sent == counts[DeliveryState.ACCEPTED]
    assert counts[DeliveryState.INFLIGHT] == 0
    assert counts[DeliveryState.PENDING] == 3 - sent > 0
    assert rest.code == 0
    assert peer.recipients() == [f"reader{n}@example.net" for n in range(3)]


def _figure(text: str, name: str) -> float:
    (line,) = [one for one in text.splitlines() if one.startswith(f"publisher_{name} ")]
    return float(line.rpartition(" ")[2])


def test_service_tells_the_truth_while_it_happens(folder: Folder, free_port: int) -> None:
    """Figures and log lines follow what is sent and what staff do; none of them names anybody."""
    folder.post("sleep/01-worry.md", "Worry at night")
    web_port = free_port + 1 if free_port < 65_535 else free_port - 1
    folder.configure(
        web=f'listen = "127.0.0.1:{web_port}"',
        mail='transport = "smtp"',
        mail__smtp=f'host = "127.0.0.1"\nport = {free_port}\nsecurity = "none"',
    )
    for n in range(3):
        folder.run("subscribers", "add", f"reader{n}@example.net")
    folder.run("publish", "--now", "weekly")
    with smtpd.serve(free_port) as peer:
        peer.replies["reader1@example.net"] = "550 5.1.1 <reader1@example.net> unknown"
        with _running(folder, "--json") as process:
            deadline = time.monotonic() + PATIENCE_SECONDS
            text = _get(web_port, "/metrics")[1]
            while not _is_over(text) and time.monotonic() < deadline:
                time.sleep(0.1)  # noqa: TID251 - mail is going out
                text = _get(web_port, "/metrics")[1]
            passed_on = _get(web_port, "/metrics", {"X-Forwarded-For": "192.0.2.1"})
            second = folder.run("run")
            process.send_signal(signal.SIGTERM)
            _, log = process.communicate(timeout=PATIENCE_SECONDS)

    lines = [json.loads(line) for line in log.splitlines()]
    states = [line["state"] for line in lines if line["event"] == "edition"]
    over = next(line for line in lines if line.get("state") == "sent")
    assert _figure(text, "accepted_total") == 2
    assert _figure(text, "sending_allowed") == 1
    assert abs(_figure(text, "last_accepted_timestamp_seconds") - time.time()) < PATIENCE_SECONDS
    assert passed_on[0] == 404
    assert (second.code, "service.lock" in second.err) == (75, True)
    assert states == ["sending", "sent"]
    assert over["counts"] == {"accepted": 2, "rejected": 1}
    assert over["reasons"] == [{"state": "rejected", "reason": "5.1.1 <…> unknown", "count": 1}]
    assert all(line["at"] and line["level"] for line in lines)
    assert "example.net" not in log
    assert "example.net" not in text
    assert "weekly" not in text


def _is_over(metrics: str) -> bool:
    return 'publisher_editions{state="sent"} 1\n' in metrics
