"""Everything in one process: the web, the clock and the sender, each on a thread of its own."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

import uvicorn
from typing_extensions import override

from publisher import app
from publisher.engine import clock
from publisher.errors import PublisherError

if TYPE_CHECKING:
    from collections.abc import Callable

    from publisher.app import Report, Site

_log = logging.getLogger(__name__)
_SENDER_SECONDS = 5.0


class Service:
    """One site's schedule and sender; stops by itself after the mail on the wire."""

    def __init__(
        self,
        site: Site,
        *,
        on_report: Callable[[Report], None] = lambda _report: None,
        tick_seconds: float = clock.TICK_SECONDS,
    ) -> None:
        """Take the site; nothing runs before ``start``."""
        self._site = site
        self._on_report = on_report
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._ticker = clock.Ticker(self._tick, seconds=tick_seconds)
        self._sender = threading.Thread(target=self._send_until_stopped, name="sender")

    def start(self) -> None:
        """Begin to keep the schedule and to send."""
        self._sender.start()
        self._ticker.start()

    def stop(self) -> None:
        """Finish the mail on the wire, keep what it came to, and end."""
        self._stopping.set()
        self._wake.set()
        self._ticker.stop()
        self._sender.join()

    def _tick(self) -> None:
        report = app.publish_once(self._site, now=clock.now(), clock=clock.now, deliver_too=False)
        self._on_report(report)
        self._wake.set()

    def _send_until_stopped(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(_SENDER_SECONDS)
            self._wake.clear()
            try:
                app.deliver_open(self._site, clock=clock.now, is_stopping=self._stopping.is_set)
            except PublisherError as error:
                _log.error("%s", error)
            except Exception:  # noqa: BLE001 - one failure must not end the sending
                _log.exception("sending failed; it is tried again")


class _Server(uvicorn.Server):
    """uvicorn, telling when it listens."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    @override
    async def startup(self, sockets: list[Any] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()


def serve(
    asgi: Any, service: Service | None, *, host: str, port: int, on_ready: Callable[[], None]
) -> bool:
    """Serve until SIGTERM or SIGINT, with the service beside; return whether it ever listened.

    The web stops first, then the clock, then the sender after the mail on the wire.
    """
    config = uvicorn.Config(
        asgi,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        timeout_graceful_shutdown=5,
        lifespan="off",
    )
    server = _Server(config, on_ready)
    if service:
        service.start()
    try:
        server.run()
    except SystemExit:
        return False
    finally:
        if service:
            service.stop()
    return server.started
