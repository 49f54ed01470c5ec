"""The short way to a file and uvicorn's own say the same, octet for octet."""

from __future__ import annotations

import re
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from publisher import site
from publisher.engine.embedded import make_server
from publisher.web.site import StaticSite
from publisher.web.wire import make_protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping
    from pathlib import Path

FEED = b"<feed xmlns='http://www.w3.org/2005/Atom'/>" * 100
LARGE = b"x" * 300_000
ETAG = re.compile(rb"etag: (\S+)")
_DATE = re.compile(rb"date: [^\r]*\r\n")


class Counted:
    """A site that counts the requests which come the long way."""

    def __init__(self, files: StaticSite) -> None:
        self.files = files
        self.calls = 0

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        self.calls += 1
        await self.files(scope, receive, send)


class Line:
    """One connection, spoken to in octets."""

    def __init__(self, port: int, counted: Counted) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.stream = self.socket.makefile("rb")
        self.counted = counted

    def say(self, data: bytes) -> None:
        self.socket.sendall(data)

    def ask(self, request: bytes) -> tuple[bytes, int]:
        """Return the answer without its date, and how many requests came the long way."""
        before = self.counted.calls
        self.say(request)
        return self.hear(is_head=request.startswith(b"HEAD")), self.counted.calls - before

    def hear(self, *, is_head: bool = False) -> bytes:
        """Return the next answer, whole, without its date."""
        lines = list(iter(self.stream.readline, b"\r\n"))
        assert all(lines), "the connection ended"
        head = b"".join(lines)
        length = re.search(rb"content-length: (\d+)", head)
        body = self.stream.read(0 if is_head or not length else int(length[1]))
        return _DATE.sub(b"", head, count=1) + b"\r\n" + body

    def has_ended(self) -> bool:
        return self.stream.read(1) == b""

    def close(self) -> None:
        self.stream.close()
        self.socket.close()


@contextmanager
def connected(root: Path) -> Iterator[Line]:
    """Serve the folder and connect to it."""
    files = StaticSite(root)
    counted = Counted(files)
    server = make_server(counted, make_protocol(files), host="127.0.0.1", port=0)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            threading.Event().wait(0.005)
        line = Line(server.servers[0].sockets[0].getsockname()[1], counted)
        yield line
        line.close()
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    """A connection to a site with a feed, a page and a large file, each served once."""
    site.write(tmp_path / "feed.atom", FEED, root=tmp_path, compressed=True)
    site.write(tmp_path / "calm/index.html", b"<h1>Calm</h1>", root=tmp_path)
    site.write(tmp_path / "large.png", LARGE, root=tmp_path)
    with connected(tmp_path) as opened:
        for path in (b"/feed.atom", b"/calm/", b"/large.png"):
            opened.ask(b"GET %b HTTP/1.1\r\nhost: here\r\n\r\n" % path)
        yield opened


def request(
    path: str = "/feed.atom", method: str = "GET", *lines: str, version: str = "1.1"
) -> bytes:
    """Return a request as it is sent."""
    head = "".join(
        f"{line}\r\n" for line in (f"{method} {path} HTTP/{version}", "Host: x", *lines)
    )
    return f"{head}\r\n".encode()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/feed.atom", "/calm/"])
@pytest.mark.parametrize("accepted", ["", "Accept-Encoding: gzip", "accept-encoding: br, gzip"])
def test_both_ways_say_the_same(line: Line, path: str, method: str, accepted: str) -> None:
    """Status, headers in their order and body; a query alone sends a request the long way."""
    short, short_calls = line.ask(request(path, method, accepted or "Accept: */*"))
    long, long_calls = line.ask(request(f"{path}?", method, accepted or "Accept: */*"))

    assert short == long
    assert short.startswith(b"HTTP/1.1 200 OK\r\n")
    assert (short_calls, long_calls) == (0, 1)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("is_known", [True, False])
@pytest.mark.parametrize("name", ["If-None-Match", "If-Modified-Since"])
def test_both_ways_know_what_a_reader_has(
    line: Line, method: str, name: str, is_known: bool
) -> None:
    """The answer that nothing is new, and the whole where something is."""
    whole, _ = line.ask(request())
    pattern = ETAG if name == "If-None-Match" else re.compile(rb"last-modified: ([^\r]+)")
    found = pattern.search(whole)
    assert found
    old = '"old"' if name == "If-None-Match" else "Mon, 01 Jan 2001 00:00:00 GMT"
    wish = f"{name}: {found[1].decode() if is_known else old}"

    short, short_calls = line.ask(request("/feed.atom", method, wish))
    long, long_calls = line.ask(request("/feed.atom?x", method, wish))

    assert short == long
    assert short.split(b"\r\n")[0][9:12] == (b"304" if is_known else b"200")
    assert (short_calls, long_calls) == (0, 1)


def test_changed_file_is_seen_by_the_next_request(line: Line, tmp_path: Path) -> None:
    """The short way looks at the file each time too."""
    first, _ = line.ask(request("/calm/"))
    site.write(tmp_path / "calm/index.html", b"<h1>Calmer</h1>", root=tmp_path)
    second, calls = line.ask(request("/calm/"))
    (tmp_path / "calm/index.html").unlink()
    third, _ = line.ask(request("/calm/"))

    assert (first.endswith(b"<h1>Calm</h1>"), second.endswith(b"<h1>Calmer</h1>")) == (True, True)
    assert calls == 0
    assert third.startswith(b"HTTP/1.1 404")


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (request("/feed.atom", "POST", "Content-Length: 0"), b"405"),
        (request("/feed.atom", "GET", "Content-Length: 3") + b"abc", b"200"),
        (request("/feed.atom", "GET", "Transfer-Encoding: chunked") + b"0\r\n\r\n", b"200"),
        (request("/feed.atom", "GET", "Connection: upgrade", "Upgrade: websocket"), b"200"),
        (request("/feed%2eatom"), b"200"),
        (request("/nowhere"), b"404"),
        (request("/calm"), b"301"),
        (request("/large.png", "HEAD"), b"200"),
        (request("/large.png"), b"200"),
    ],
)
def test_what_is_not_simple_goes_the_long_way(line: Line, asked: bytes, status: bytes) -> None:
    """It is answered as before, and the connection goes on."""
    answer, calls = line.ask(asked)
    after, after_calls = line.ask(request())

    assert (answer[9:12], calls) == (status, 1)
    assert (after[9:12], after_calls) == (b"200", 0)


@pytest.mark.parametrize(
    "asked",
    [request("/feed.atom", "GET", "Connection: close"), request(version="1.0")],
)
def test_reader_that_ends_the_connection_gets_its_end(line: Line, asked: bytes) -> None:
    """An answer to the last request is followed by nothing."""
    answer, calls = line.ask(asked)

    assert answer.endswith(FEED)
    assert b"connection: close\r\n" in answer
    assert (calls, line.has_ended()) == (1, True)


def test_requests_in_one_breath_are_answered_in_turn(line: Line) -> None:
    """Short and long answers come in the order of their requests."""
    paths = ["/calm/", "/calm/?long", "/calm/", "/nowhere", "/feed.atom", "/calm/", "/calm/"]

    line.say(b"".join(map(request, paths)))
    heard = [line.hear() for _ in paths]

    calm, missing = b"<h1>Calm</h1>", b"Not found\n"
    ends = [calm, calm, calm, missing, FEED, calm, calm]
    assert [answer.endswith(end) for answer, end in zip(heard, ends, strict=True)] == [True] * 7


def test_request_in_pieces_is_one(line: Line) -> None:
    """However the network cuts it."""
    for octet in request():
        line.say(bytes([octet]))

    assert line.hear().endswith(FEED)


def test_headers_that_are_none_are_refused(line: Line) -> None:
    """What is no HTTP ends the connection, as ever."""
    line.say(b"GET /feed.atom HTTP/1.1\r\nno header\r\n\r\n")

    assert line.hear().startswith(b"HTTP/1.1 400")
    assert line.has_ended()


def test_reader_that_takes_nothing_is_waited_for(line: Line, tmp_path: Path) -> None:
    """Answers that nobody fetches do not pile up: the next requests go the way that waits."""
    number, octets = 3_000, 60_000
    site.write(tmp_path / "page.html", b"y" * octets, root=tmp_path)
    line.ask(request("/page.html"))
    before = line.counted.calls

    sender = threading.Thread(target=line.say, args=(request("/page.html") * number,))
    sender.start()
    while line.counted.calls == before:
        threading.Event().wait(0.005)
    heard = [line.hear() for _ in range(number)]
    sender.join()

    assert {answer.endswith(b"y" * octets) for answer in heard} == {True}
