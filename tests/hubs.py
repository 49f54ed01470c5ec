"""A real WebSub hub on loopback that remembers its pings and fetches the feed, as hubs do."""

from __future__ import annotations

import http.client
import threading
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qsl, urlsplit

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Mood = Literal["answers", "hangs", "drips", "babbles", "hangs up"]


@dataclass(frozen=True, slots=True)
class Ping:
    """One request as the hub got it, and what it found at the feed's address then."""

    path: str
    content_type: str
    fields: tuple[tuple[str, str], ...]
    feed: bytes

    @property
    def address(self) -> str:
        """The feed that it is about."""
        return dict(self.fields)["hub.url"]


@dataclass(slots=True)
class Hub:
    """The hub's memory and its manners."""

    port: int
    pings: list[Ping] = field(default_factory=list)
    status: int = 202
    statuses: dict[str, int] = field(default_factory=dict)
    """Path of a feed → what the hub answers for it."""
    mood: Mood = "answers"
    on_ping: Callable[[], None] = lambda: None
    fetches: bool = True
    closing: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """Its address, for ``feeds.hub``."""
        return f"http://127.0.0.1:{self.port}/hub?of=letters"

    def told(self) -> list[str]:
        """Return the paths it was told of since it was last asked."""
        told = [urlsplit(ping.address).path for ping in self.pings]
        self.pings.clear()
        return told


@contextmanager
def serve() -> Iterator[Hub]:
    """Run the hub while the block runs."""
    hub = Hub(port=0)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield hub
    finally:
        hub.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        fields = tuple(parse_qsl(self.rfile.read(length).decode(), strict_parsing=True))
        address = dict(fields)["hub.url"]
        feed = _fetch(address) if self.hub.fetches else b""
        self.hub.on_ping()
        self.hub.pings.append(Ping(self.path, self.headers["Content-Type"], fields, feed))
        with suppress(OSError):  # who asked has gone
            self._answer(self.hub.statuses.get(urlsplit(address).path, self.hub.status))

    def _answer(self, status: int) -> None:
        match self.hub.mood:
            case "hangs":
                self.hub.closing.wait(20)
            case "drips":
                self._drip(b"HTTP/1.1 202 Accepted" * 10)
            case "babbles":
                self.wfile.write(b"220 mail.example ESMTP\r\n")
            case "hangs up":
                pass
            case "answers":
                self.send_response(status)
                self.send_header("Location", "ftp://elsewhere.invalid/")
                self.send_header("Content-Length", "0")
                self.end_headers()

    def _drip(self, octets: bytes) -> None:
        for octet in octets:
            self.wfile.write(bytes([octet]))
            if self.hub.closing.wait(0.05):
                return

    @override
    def log_message(self, *_args: object) -> None:
        """Say nothing."""


def _fetch(address: str) -> bytes:
    parts = urlsplit(address)
    with closing(http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)) as wire:
        wire.request("GET", parts.path)
        answer = wire.getresponse()
        assert answer.status == 200
        return answer.read()
