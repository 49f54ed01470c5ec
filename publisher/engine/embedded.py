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
_NOTICE_SECONDS = 1.0
_LISTEN_SECONDS = 0.05


class Sender:
    """Sends what may be sent, round after round, on a thread of its own."""

    def __init__(
        self,
        site: Site,
        *,
        on_progress: Callable[[Edition, int], None] = lambda _edition, _done: None,
        on_round: Callable[[], None] = lambda: None,
        seat: str = "",
        look_seconds: float = _SENDER_SECONDS,
    ) -> None:
        """Take the site; nothing runs before ``start``. ``seat`` as ``app.take_seat`` gives it."""
        self._site = site
        self._on_progress = on_progress
        self._on_round = on_round
        self._seat = seat
        self._look_seconds = look_seconds
        self._is_stopping = threading.Event()
        self._turn = threading.Condition()
        self._asked = self._begun = self._ended = 0
        self._thread = threading.Thread(target=self._send_until_stopped, name="sender")

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the mails on the wire, keep what they came to, and end."""
        self._is_stopping.set()
        with self._turn:
            self._turn.notify_all()
        self._thread.join()

    def wake(self) -> int:
        """Ask for a round that begins from now on; return its number."""
        with self._turn:
            self._asked = self._begun + 1
            self._turn.notify_all()
            return self._asked

    def wait(self, number: int) -> None:
        """Wait until that round came to its end, or nothing is sent any more."""
        with self._turn:
            self._turn.wait_for(lambda: self._ended >= number or self._is_stopping.is_set())

    def _send_until_stopped(self) -> None:
        told = ""
        while not self._is_stopping.is_set():
            with self._turn:
                self._turn.wait_for(self._is_called, self._look_seconds)
                self._begun += 1
            told = self._send(told)
            with self._turn:
                self._ended = self._begun
                self._turn.notify_all()

    def _is_called(self) -> bool:
        return self._asked > self._begun or self._is_stopping.is_set()

    def _send(self, told: str) -> str:
        """Send one round; return what is wrong, so that it is said once."""
        try:
            app.deliver_open(
                self._site,
                clock=clock.now,
                is_stopping=self._is_stopping.is_set,
                on_progress=self._on_progress,
                seat=self._seat,
            )
            self._on_round()
        except PublisherError as error:
            if str(error) != told:
                _log.error("%s", error)
            return str(error)
        except Exception:  # noqa: BLE001 - one failure must not end the sending
            _log.exception("sending failed; it is tried again")
        return ""


class Service:
    """One site's schedule, and its sender; stops by itself after the mail on the wire."""

    def __init__(
        self,
        site: Site,
        *,
        on_report: Callable[[Report], None] = lambda _report: None,
        on_progress: Callable[[Edition, int], None] = lambda _edition, _done: None,
        on_round: Callable[[], None] = lambda: None,
        tick_seconds: float = clock.TICK_SECONDS,
        inbox_seconds: float = _INBOX_SECONDS,
        sends: bool = True,
        notice_seconds: float = _NOTICE_SECONDS,
    ) -> None:
        """Take the site; nothing runs before ``start``. Without ``sends``, workers send."""
        self._site = site
        self._on_report = on_report
        self._stopping = threading.Event()
        self._ticker = clock.Ticker(self._tick, seconds=tick_seconds)
        # Apart from the schedule: a mail server that is slow to answer holds up no edition.
        self._inbox = clock.Ticker(self._take_in, seconds=inbox_seconds)
        # Apart from editions too: whoever waits for a link to confirm does not wait for a thousand.
        self._notices = clock.Ticker(self._send_notices, seconds=notice_seconds)
        self._told = ""
        self._sender = (
            Sender(site, on_progress=on_progress, on_round=on_round, look_seconds=_SENDER_SECONDS)
            if sends
            else None
        )

    def start(self) -> None:
        """Begin to keep the schedule and to send."""
        if self._sender:
            self._sender.start()
        self._ticker.start()
        self._notices.start()
        if app.has_inbox(self._site):
            self._inbox.start()

    def wake(self) -> None:
        """Look at the schedule at once: somebody changed what is to go."""
        self._ticker.wake()

    def stop(self) -> None:
        """Finish the mail on the wire, keep what it came to, and end."""
        self._stopping.set()
        sender = threading.Thread(target=self._sender.stop) if self._sender else None
        if sender:
            sender.start()  # it need not wait for a build
        self._ticker.stop()
        self._notices.stop()
        if app.has_inbox(self._site):
            self._inbox.stop()
        if sender:
            sender.join()

    def _tick(self) -> None:
        report = app.publish_once(self._site, now=clock.now(), clock=clock.now, deliver_too=False)
        self._on_report(report)
        if self._sender:
            self._sender.wake()

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
    service: Service | None,
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
        if service:
            service.start()
        stopping.wait()
        if service:
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
