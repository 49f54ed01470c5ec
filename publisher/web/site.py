"""``public/`` over HTTP as a bare ASGI callable: files, validators, variants, moved and gone.

It says the same as a good static web server before the same files (``docs/deploy/``), so moving
from one to the other changes nothing for a reader. A bare callable, since nine requests in ten are
a feed reader asking whether anything is new, and the answer is one ``stat`` and no body.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime
from typing import TYPE_CHECKING, Any, BinaryIO, Final
from urllib.parse import quote, unquote

from publisher.web.files import CACHE_OCTETS, VARIANTS, Files

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, MutableMapping
    from pathlib import Path

    from publisher.web.files import File

    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
    App = Callable[[Scope, Receive, Send], Awaitable[None]]
    Headers = list[tuple[bytes, bytes]]

_PIECE = 64 * 1024
_HTML = "text/html; charset=utf-8"
_TYPES: Final = {
    "html": _HTML,
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
    "atom": "application/xml; charset=utf-8",
    "rss": "application/xml; charset=utf-8",
    "xml": "application/xml; charset=utf-8",
    "opml": "text/x-opml; charset=utf-8",
    "json": "application/json",
    "webmanifest": "application/manifest+json",
    "svg": "image/svg+xml",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "avif": "image/avif",
    "gif": "image/gif",
    "ico": "image/x-icon",
    "pdf": "application/pdf",
    "woff2": "font/woff2",
}
_FEED = re.compile(r".*\.(atom|rss)|(.*/)?(feed|archive/\d+)\.json")
_HASHED = re.compile(r".*[.-][0-9a-f]{8,64}\.\w+")
_FEED_CACHE = b"public, max-age=900, stale-while-revalidate=3600, stale-if-error=86400"
_HASHED_CACHE = b"public, max-age=31536000, immutable"
_PAGE_CACHE = b"public, max-age=300"
_ERROR_CACHE = b"public, max-age=60"
_POLICIES: Final = {
    _HTML: b"default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self';"
    b" base-uri 'none'; frame-ancestors 'none'",
    "image/svg+xml": b"default-src 'none'; style-src 'unsafe-inline'; sandbox",
}
_HIDDEN_OCTETS = re.compile(rb"%(?:2f|5c|00)", re.IGNORECASE)
_ODD = re.compile(r"[\x00-\x1f\x7f\\]")
_OURS: Final = frozenset({"_headers", "_redirects"})
_URL_MARKS = "/:?#[]@!$&'()*+,;=%~"
_ETAG = re.compile(r'(?:W/)?("[^"]*")')
_NOT_MODIFIED = 304
_GONE = 410


class StaticSite:
    """Serves the files below a directory by GET and HEAD; the rest is the fallback's.

    Feeds name the WebSub hub and their own address below the site's ``url``. Files are read on the
    event loop: they are small or in the kernel's memory, and a thread would cost more.
    """

    def __init__(
        self,
        root: Path,
        *,
        fallback: App | None = None,
        hub: str = "",
        url: str = "",
        cache_octets: int = CACHE_OCTETS,
    ) -> None:
        self._fallback = fallback
        self._hub = hub
        self._url = url.rstrip("/")
        self._files = Files(root.absolute(), cache_octets)
        self._rules: tuple[File | None, dict[str, Rule]] = (None, {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI connection."""
        answer = self._respond(scope) if scope["type"] == "http" else None
        if answer:
            await _send(answer, scope["method"], send)
        else:
            await (self._fallback or _say_little)(scope, receive, send)

    def _respond(self, scope: Scope) -> Answer | None:
        """Return the whole answer, nothing where the fallback gives it."""
        try:
            answer = self._answer(scope)
            return answer if answer or self._fallback else self._page("/404.html", 404)
        except OSError:  # out of descriptors, or a disk that fails: no reason to say "not found"
            return _text(503, "Try again shortly", (b"retry-after", b"30"))

    def _answer(self, scope: Scope) -> Answer | None:
        """Return what the files say to a request, nothing where they do not know."""
        if scope["method"] not in {"GET", "HEAD"}:
            return None if self._fallback else _text(405, "Not allowed", (b"allow", b"GET, HEAD"))
        path = file_path(scope["path"], scope.get("raw_path"))
        if path is None:
            return None
        query = scope.get("query_string", b"")
        if rule := self._redirects().get(path.rstrip("/")):
            return self._ruled(rule, path, query)
        if file := self._files.find(f"{path}index.html" if path.endswith("/") else path):
            return self._file(path, file, _joined(scope["headers"]))
        if not path.endswith("/") and self._files.find(f"{path}/index.html"):
            return _moved(301, quote(path) + "/", query)
        return None

    def _file(self, path: str, file: File, asked: Mapping[bytes, bytes]) -> Answer:
        variants = self._files.variants(file)
        accepted = asked.get(b"accept-encoding", b"").decode("latin-1")
        coding = choose_coding(accepted, variants)
        sent, stream = self._files.open(variants.get(coding, file))
        etag = f'"{sent.modified_ns:x}-{sent.size:x}{coding and "-"}{coding}"'
        headers = [
            (b"etag", etag.encode()),
            (b"last-modified", formatdate(sent.modified_at, usegmt=True).encode()),
            *self._policy(path, is_varied=bool(variants)),
        ]
        if is_fresh(asked, etag, sent.modified_at):
            return Answer(304, headers, b"", stream)
        headers += _content(path, sent)
        if coding:
            headers.append((b"content-encoding", coding.encode()))
        return Answer(200, headers, sent.body or b"", stream)

    def _policy(self, path: str, *, is_varied: bool) -> Iterator[tuple[bytes, bytes]]:
        """Yield what caches and browsers may do with a file: the same in a 200 and a 304."""
        yield from _guards(path)
        is_feed = bool(_FEED.fullmatch(path))
        if is_feed or path.endswith(".opml"):
            yield b"cache-control", _FEED_CACHE
            yield b"access-control-allow-origin", b"*"
        else:
            is_hashed = path.startswith("/assets/") and _HASHED.fullmatch(path)
            yield b"cache-control", _HASHED_CACHE if is_hashed else _PAGE_CACHE
        if is_varied:
            yield b"vary", b"accept-encoding"
        if is_feed and self._hub:
            links = f'<{self._hub}>; rel="hub", <{self._url}{quote(path)}>; rel="self"'
            yield b"link", links.encode()

    def _ruled(self, rule: Rule, path: str, query: bytes) -> Answer:
        if rule.status != _GONE:
            return _moved(rule.status, rule.target, query)
        own = f"{path.rstrip('/')}/index.html"
        shown = next((page for page in (own, rule.target) if self._files.find(page)), "/404.html")
        return self._page(shown, _GONE)

    def _page(self, path: str, status: int) -> Answer:
        """Return the page at this path under another status, or that status in words."""
        file = self._files.find(path)
        if file is None:
            return _text(status, "Gone" if status == _GONE else "Not found")
        sent, stream = self._files.open(file)
        headers = [(b"cache-control", _ERROR_CACHE), *_guards(path), *_content(path, sent)]
        return Answer(status, headers, sent.body or b"", stream)

    def _redirects(self) -> Mapping[str, Rule]:
        file = self._files.find("/_redirects")
        if self._rules[0] != file:
            self._rules = (file, read_redirects(self._files.text(file) if file else ""))
        return self._rules[1]


# -------------------------------------------------------------------------------- what is asked


def file_path(path: str, raw_path: bytes | None) -> str | None:
    """Return the request's path where it may name a file; a directory's ends with a slash.

    Refused are other spellings of a slash, ``..`` and all names that begin with a dot, control
    characters, the site's own rules, and the variants, which are no pages of their own.
    """
    if (raw_path and _HIDDEN_OCTETS.search(raw_path)) or not path.startswith("/"):
        return None
    *directories, name = path[1:].split("/")
    if not all(directories) or any(part.startswith(".") for part in (*directories, name)):
        return None
    if _ODD.search(path) or path[1:].casefold() in _OURS:
        return None
    return None if name.endswith(tuple(VARIANTS.values())) else path


def choose_coding(accepted: str, offered: Iterable[str]) -> str:
    """Return the offered coding a client likes best, "" for none (RFC 9110 section 12.5.3).

    Among equals Brotli comes before gzip, and both before none unless none is asked for.
    """
    weights = dict(_weights(accepted))
    others = weights.get("*", 0.0)
    plain = weights.get("identity", 0.0)
    liked = {coding: weights.get(coding, others) for coding in VARIANTS if coding in offered}
    best = max(liked, key=lambda coding: liked[coding], default="")
    return best if best and liked[best] > 0 and liked[best] >= plain else ""


def _weights(accepted: str) -> Iterator[tuple[str, float]]:
    for item in accepted.lower().split(","):
        coding, _, parameter = item.partition(";")
        name, _, weight = parameter.strip().partition("=")
        try:
            yield coding.strip().removeprefix("x-"), float(weight) if name == "q" else 1.0
        except ValueError:
            yield coding.strip(), 0.0


def is_fresh(asked: Mapping[bytes, bytes], etag: str, modified_at: int) -> bool:
    """Say whether the client has this already (RFC 9110 section 13.2.2).

    Its ETags, compared weakly, count before its date; what is no ETag or no date counts as none.
    """
    if (known := asked.get(b"if-none-match")) is not None:
        listed = known.decode("latin-1").strip()
        return listed == "*" or etag in _ETAG.findall(listed)
    try:
        since = parsedate_to_datetime(asked[b"if-modified-since"].decode("latin-1"))
        return since.tzinfo is not None and modified_at <= since.timestamp()
    except (KeyError, ValueError, OverflowError):
        return False


def content_type(path: str) -> str:
    """Return the media type of the file at this path; a directory's is its page's."""
    if path.endswith("/"):
        return _HTML
    if path.endswith(".json") and _FEED.fullmatch(path):
        return "application/feed+json"
    return _TYPES.get(path.rpartition(".")[2].lower(), "application/octet-stream")


# ------------------------------------------------------------------------------- moved and gone


@dataclass(frozen=True, slots=True)
class Rule:
    """What happened to an address: where it went, or what its 410 shows where it left no page."""

    status: int
    target: str


def read_redirects(text: str) -> dict[str, Rule]:
    """Return the rules of a ``_redirects`` file by path, without its last slash.

    A line is ``<from> <to> <status>`` with 301, 302, 307, 308 or 410; a line with ``#`` is a
    comment; of two lines for one path the first counts. Any other line is passed over, and so is
    one that leads back to itself.
    """
    rules: dict[str, Rule] = {}
    for line in text.splitlines():
        match line.split():
            case [source, target, ("301" | "302" | "307" | "308" | "410") as status]:
                key = unquote(source).rstrip("/")
                if status == "410" or unquote(target).rstrip("/") != key:
                    rules.setdefault(key, Rule(int(status), quote(target, safe=_URL_MARKS)))
            case _:
                pass
    return rules


# --------------------------------------------------------------------------------- what is said


@dataclass(frozen=True, slots=True)
class Answer:
    """A response; a stream comes instead of the body of a large file."""

    status: int
    headers: Headers
    body: bytes = b""
    stream: BinaryIO | None = None


def _guards(path: str) -> Iterator[tuple[bytes, bytes]]:
    """Yield what keeps a reader to himself: nothing is sniffed, told to others or framed."""
    yield b"x-content-type-options", b"nosniff"
    yield b"referrer-policy", b"no-referrer"
    if policy := _POLICIES.get(content_type(path)):
        yield b"content-security-policy", policy


def _content(path: str, file: File) -> Headers:
    return [
        (b"content-type", content_type(path).encode()),
        (b"content-length", b"%d" % file.size),
    ]


def _text(status: int, words: str, *headers: tuple[bytes, bytes]) -> Answer:
    body = f"{words}\n".encode()
    said = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", _ERROR_CACHE),
        *_guards(""),
    ]
    return Answer(status, [*said, *headers], body)


def _moved(status: int, target: str, query: bytes) -> Answer:
    location = target.encode() + (b"?" + query if query and "?" not in target else b"")
    headers = [
        (b"location", location),
        (b"content-length", b"0"),
        (b"cache-control", _PAGE_CACHE),
        (b"access-control-allow-origin", b"*"),  # a reader in a browser follows feeds that moved
        *_guards(""),
    ]
    return Answer(status, headers)


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Return the request's headers by name; a list over several lines is one list."""
    joined: dict[bytes, bytes] = {}
    for name, value in headers:
        joined[name] = joined[name] + b", " + value if name in joined else value
    return joined


async def _send(answer: Answer, method: str, send: Send) -> None:
    stream = answer.stream
    try:
        start = {"status": answer.status, "headers": answer.headers}
        await send({"type": "http.response.start", **start})
        is_bare = method == "HEAD" or answer.status == _NOT_MODIFIED
        while stream and not is_bare and (piece := stream.read(_PIECE)):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"" if is_bare else answer.body})
    finally:
        if stream:
            stream.close()


async def _say_little(scope: Scope, receive: Receive, send: Send) -> None:
    """Agree to start and to stop, and refuse whatever else is no request."""
    while scope["type"] == "lifespan":
        said = (await receive())["type"]
        await send({"type": f"{said}.complete"})
        if said == "lifespan.shutdown":
            return
    await send({"type": "websocket.close"})
