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
    from collections.abc import Callable, Sequence

    from publisher.app import Report, Site
    from publisher.model import Edition

_log = logging.getLogger(__name__)
_SENDER_SECONDS = 5.0
_INBOX_SECONDS = 60.0
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
        self._sender = threading.Thread(target=self._send_until_stopped, name="sender")

    def start(self) -> None:
        """Begin to keep the schedule and to send."""
        self._sender.start()
        self._ticker.start()
        if app.has_inbox(self._site):
            self._inbox.start()

    def wake(self) -> None:
        """Look at the schedule at once: somebody changed what is to go."""
        self._ticker.wake()

    def stop(self) -> None:
        """Finish the mail on the wire, keep what it came to, and end."""
        self._stopping.set()
        self._wake.set()
        self._ticker.stop()
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
    asgi: Any, protocol: type[asyncio.Protocol] | str, *, host: str, port: int
) -> uvicorn.Server:
    """Return a web server, whose connections speak HTTP by this protocol."""
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
    servers: Sequence[uvicorn.Server],
    service: Service,
    stopping: threading.Event,
    *,
    on_ready: Callable[[], None],
) -> int | None:
    """Serve, with the service beside, until ``stopping`` is set; return which could not listen.

    The sender stops after the mail on the wire; links in it are answered until then.
    """
    # On threads of their own they leave the signals to us: what is on the wire must be finished.
    threads = [
        threading.Thread(target=_serve_web, args=(one, stopping), name="web") for one in servers
    ]
    for thread in threads:
        thread.start()
    while not stopping.is_set() and not all(one.started for one in servers):
        stopping.wait(_LISTEN_SECONDS)
    failed = next((turn for turn, one in enumerate(servers) if not one.started), None)
    if failed is None:
        on_ready()
        service.start()
        stopping.wait()
        service.stop()
    for one in servers:
        one.should_exit = True
    for thread in threads:
        thread.join()
    return failed


def _serve_web(server: uvicorn.Server, stopping: threading.Event) -> None:
    try:
        server.run()
    except SystemExit:  # it could not listen, and has said so in the log
        pass
    finally:
        stopping.set()
