"""Everything in one process: the web, the clock and the sender, each on a thread of its own."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

import uvicorn

from publisher import app
from publisher.engine import clock
from publisher.errors import PublisherError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from publisher.app import Report, Site
    from publisher.model import Edition

_log = logging.getLogger(__name__)
_SENDER_SECONDS = 5.0
_INBOX_SECONDS = 60.0
_NOTICE_SECONDS = 1.0
_LISTEN_SECONDS = 0.05


class Service:
    """One site's schedule and sender; stops by itself after the mail on the wire."""

    def __init__(
        self,
        site: Site,
        *,
        on_report: Callable[[Report], None] = lambda _report: None,
        on_progress: Callable[[Edition, int], None] = lambda _edition, _done: None,
        on_round: Callable[[], None] = lambda: None,
        tick_seconds: float = clock.TICK_SECONDS,
        inbox_seconds: float = _INBOX_SECONDS,
        notice_seconds: float = _NOTICE_SECONDS,
    ) -> None:
        """Take the site; nothing runs before ``start``."""
        self._site = site
        self._on_report = on_report
        self._on_progress = on_progress
        self._on_round = on_round
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._ticker = clock.Ticker(self._tick, seconds=tick_seconds)
        # Apart from the schedule: a mail server that is slow to answer holds up no edition.
        self._inbox = clock.Ticker(self._take_in, seconds=inbox_seconds)
        # Apart from editions too: whoever waits for a link to confirm does not wait for a thousand.
        self._notices = clock.Ticker(self._send_notices, seconds=notice_seconds)
        self._told = ""
        self._sender = threading.Thread(target=self._send_until_stopped, name="sender")

    def start(self) -> None:
        """Begin to keep the schedule and to send."""
        self._sender.start()
        self._ticker.start()
        self._notices.start()
        if app.has_inbox(self._site):
            self._inbox.start()

    def stop(self) -> None:
        """Finish the mail on the wire, keep what it came to, and end."""
        self._stopping.set()
        self._wake.set()
        self._ticker.stop()
        self._notices.stop()
        if app.has_inbox(self._site):
            self._inbox.stop()
        self._sender.join()

    def _tick(self) -> None:
        report = app.publish_once(self._site, now=clock.now(), clock=clock.now, deliver_too=False)
        self._on_report(report)
        self._wake.set()

    def _take_in(self) -> None:
        try:
            done = app.take_in_feedback(
                self._site,
                app.open_inbox(self._site, is_stopping=self._stopping.is_set),
                now=clock.now(),
                is_stopping=self._stopping.is_set,
            )
        except PublisherError as error:
            _log.error("%s", error)
            return
        for (kind, taken, reason), number in sorted(done.count().items()):
            _log.info("feedback: %d %s %s: %s", number, kind, taken, reason)
        for problem in done.problems:
            _log.warning("%s", problem.as_text())

    def _send_notices(self) -> None:
        told = ""
        try:
            done = app.send_notices(self._site, clock=clock.now, is_stopping=self._stopping.is_set)
            told = "; ".join(problem.as_text() for problem in done.problems)
            if done.sent or done.failed:
                _log.info("notices: %d sent, %d failed", done.sent, done.failed)
        except PublisherError as error:
            told = str(error)
        if told and told != self._told:  # what stays wrong is said once
            _log.error("%s", told)
        self._told = told

    def _send_until_stopped(self) -> None:
        told = ""
        while not self._stopping.is_set():
            self._wake.wait(_SENDER_SECONDS)
            self._wake.clear()
            try:
                app.deliver_open(
                    self._site,
                    clock=clock.now,
                    is_stopping=self._stopping.is_set,
                    on_progress=self._on_progress,
                )
                self._on_round()
                told = ""
            except PublisherError as error:
                if str(error) != told:  # what stays wrong is said once
                    _log.error("%s", error)
                told = str(error)
            except Exception:  # noqa: BLE001 - one failure must not end the sending
                _log.exception("sending failed; it is tried again")


def make_server(
    asgi: Any, protocol: type[asyncio.Protocol], *, host: str, port: int
) -> uvicorn.Server:
    """Return the web server, whose connections speak HTTP by this protocol."""
    config = uvicorn.Config(
        asgi,
        host=host,
        port=port,
        http=protocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=5,
        lifespan="off",
    )
    return uvicorn.Server(config)


def serve(
    server: uvicorn.Server,
    service: Service,
    stopping: threading.Event,
    *,
    on_ready: Callable[[], None],
) -> bool:
    """Serve, with the service beside, until ``stopping`` is set; return whether it ever listened.

    The sender stops after the mail on the wire; links in it are answered until then.
    """
    # On a thread of its own it leaves the signals to us: what is on the wire must be finished.
    web = threading.Thread(target=_serve_web, args=(server, stopping), name="web")
    web.start()
    while web.is_alive() and not server.started and not stopping.is_set():
        stopping.wait(_LISTEN_SECONDS)
    listened = server.started
    if listened:
        on_ready()
        service.start()
        stopping.wait()
        service.stop()
    server.should_exit = True
    web.join()
    return listened


def _serve_web(server: uvicorn.Server, stopping: threading.Event) -> None:
    try:
        server.run()
    except SystemExit:  # it could not listen, and has said so in the log
        pass
    finally:
        stopping.set()
