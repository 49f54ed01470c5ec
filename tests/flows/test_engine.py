"""The clock and the threads: they go on after failures and end when told."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from publisher import app
from publisher.engine import clock, embedded, signals
from publisher.errors import Problem, Refused
from tests import smtpd

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Folder

PATIENCE_SECONDS = 20


def test_ticker_ticks_at_once_and_again_after_a_failure(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A tick that fails is told in the log and the next one comes all the same."""
    twice = threading.Event()
    ticks = []

    def tick() -> None:
        ticks.append(clock.now())
        if len(ticks) == 1:
            raise ZeroDivisionError("by accident")
        twice.set()

    ticker = clock.Ticker(tick, seconds=0.05)
    with caplog.at_level(logging.ERROR):
        ticker.start()
        assert twice.wait(PATIENCE_SECONDS)
        ticker.stop()

    assert "a tick failed" in caplog.text
    assert ticks[0].tzinfo is not None


def test_ticker_never_runs_twice_at_a_time() -> None:
    """A slow tick is waited for; what was missed meanwhile is one call."""
    running, most, done = [0], [0], threading.Event()
    pause = threading.Event()

    def tick() -> None:
        running[0] += 1
        most[0] = max(most[0], running[0])
        pause.wait(0.05)
        running[0] -= 1
        done.set()

    ticker = clock.Ticker(tick, seconds=0.01)
    ticker.start()
    assert done.wait(PATIENCE_SECONDS)
    ticker.stop()

    assert most[0] == 1


def _deliver_by(folder: Folder, port: int) -> None:
    folder.post("sleep/01-worry.md", "Worry at night")
    folder.configure(
        mail='transport = "smtp"',
        mail__smtp=f'host = "127.0.0.1"\nport = {port}\nsecurity = "none"',
    )
    folder.run("subscribers", "add", "anna@example.net")


def test_service_sends_what_the_schedule_opened(folder: Folder, free_port: int) -> None:
    """The clock's tick publishes, the sender's thread delivers, and both end when told."""
    _deliver_by(folder, free_port)
    site = folder.open()
    app.publish_once(site, now=clock.now(), clock=clock.now, digest="weekly", deliver_too=False)
    reports: list[app.Report] = []
    with smtpd.serve(free_port) as peer:
        service = embedded.Service(site, on_report=reports.append, tick_seconds=0.2)
        service.start()
        assert peer.began.wait(PATIENCE_SECONDS)
        service.stop()

    assert reports
    assert peer.recipients() == ["anna@example.net"]


@pytest.mark.parametrize(
    "error",
    [
        Refused(Problem(code="database.epoch", path="var/epoch", expected="this", got="that")),
        ZeroDivisionError("by accident"),
    ],
)
def test_sender_goes_on_after_a_failure(
    folder: Folder,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    """Whatever one round of sending fails with is told in the log, and the next one comes."""
    folder.post("sleep/01-worry.md", "Worry at night")
    rounds, again = [], threading.Event()

    def deliver(*_args: Any, **_kwargs: Any) -> None:
        rounds.append(1)
        if len(rounds) == 1:
            raise error
        again.set()

    monkeypatch.setattr(app, "deliver_open", deliver)
    monkeypatch.setattr(embedded, "_SENDER_SECONDS", 0.05)
    service = embedded.Service(folder.open(), tick_seconds=60)
    with caplog.at_level(logging.ERROR):
        service.start()
        assert again.wait(PATIENCE_SECONDS)
        service.stop()

    assert caplog.records


async def _hello(scope: Any, _receive: Any, send: Callable[..., Any]) -> None:
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def test_serve_ends_when_told_and_says_when_it_listens(folder: Folder, free_port: int) -> None:
    """The web is there before the service, and both are gone after the stop."""
    stopping = threading.Event()
    service = embedded.Service(folder.open(), tick_seconds=60)

    server = embedded.make_server(_hello, HttpToolsProtocol, host="127.0.0.1", port=free_port)
    failed = embedded.serve([server], service, stopping, on_ready=stopping.set)

    assert failed is None
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", free_port), timeout=1)


def test_run_on_a_port_in_use_is_told(folder: Folder) -> None:
    """Where another program listens, exit 75 names the key to change; nothing is begun."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        folder.configure(web=f'listen = "127.0.0.1:{taken.getsockname()[1]}"')

        ran = folder.run("run")

    assert ran.code == 75
    assert "web.listen" in ran.err
    assert not (folder.path / "public").exists()


def test_first_signal_asks_and_second_ctrl_c_interrupts() -> None:
    """SIGTERM and one Ctrl-C ask for a stop; a second Ctrl-C ends at once; then all is as before."""
    before = signal.getsignal(signal.SIGTERM)

    with signals.stop_requested() as stopping:
        assert not stopping.is_set()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stopping.wait(PATIENCE_SECONDS)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)

    assert signal.getsignal(signal.SIGTERM) is before
