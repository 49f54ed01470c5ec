"""``public/`` over HTTP as a bare ASGI callable: files, validators, variants, moved and gone.

It says the same as a good static web server before the same files (``docs/deploy/``), so moving
from one to the other changes nothing for a reader. A bare callable, since nine requests in ten are
a feed reader asking whether anything is new, and the answer is one ``stat`` and no body.
"""

from __future__ import annotations

import hashlib
import re
import time
from dataclasses import dataclass, replace
from email.utils import formatdate, parsedate_to_datetime
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, BinaryIO, Final
from urllib.parse import quote, unquote

from publisher import urls
from publisher.headers import ERROR_CACHE, PAGE_CACHE, content_type, guards, policy
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
_HIDDEN_OCTETS = re.compile(rb"%(?:2f|5c|00)", re.IGNORECASE)
_ODD = re.compile(r"[\x00-\x1f\x7f\\]")
_PLAIN_URL = re.compile(rb"/[A-Za-z0-9._~/-]*\Z")
_FEED_ENDINGS = tuple(f"/feed.{form}" for form in urls.FEED_FORMATS)
_OURS: Final = frozenset({"_headers", "_redirects"})
_URL_MARKS = "/:?#[]@!$&'()*+,;=%~"
_ETAG = re.compile(r'(?:W/)?("[^"]*")')
_NOT_MODIFIED = 304
_GONE = 410
_READING = frozenset({"GET", "HEAD"})
_RULES_SECONDS = 1.0
_MOST_SERVED = 10_000


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
        on_feed: Callable[[str, Iterable[tuple[bytes, bytes]]], None] | None = None,
    ) -> None:
        self._fallback = fallback
        self._hub = hub
        self._url = url.rstrip("/")
        self._files = Files(root.absolute(), cache_octets)
        self._rules: tuple[File | None, dict[str, Rule]] = (None, {})
        self._looked_at = float("-inf")
        self._served: set[str] = set()
        self._on_feed = on_feed

    def recall(self, url: bytes, headers: Iterable[tuple[bytes, bytes]]) -> Answer | None:
        """Return the answer to a reading request, where it is a file that was served and is in memory.

        ``url`` is as it was sent. Nothing where it takes more to know: then the call tells.
        """
        if not _PLAIN_URL.match(url):
            return None
        path = url.decode("ascii")
        if path not in self._served:
            return None
        try:
            file = None if self._rule(path) else self._find(path)
        except OSError:
            return None
        if file is None or file.body is None:
            return None
        return self._give(path, file, headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI connection."""
        answer = self._respond(scope) if scope["type"] == "http" else None
        if answer:
            await send_answer(answer, scope["method"], send)
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
        if scope["method"] not in _READING:
            return None if self._fallback else _text(405, "Not allowed", (b"allow", b"GET, HEAD"))
        path = self._file_path(scope)
        if path is None:
            return None
        if rule := self._rule(path):
            return self._ruled(rule, path, scope.get("query_string", b""))
        if file := self._find(path):
            self._served.add(path)
            return self._give(path, file, scope["headers"])
        return self._absent(path, scope.get("query_string", b""))

    def _give(self, path: str, file: File, headers: Iterable[tuple[bytes, bytes]]) -> Answer:
        if self._on_feed and path.endswith(_FEED_ENDINGS):
            self._on_feed(path, headers)
        return self._file(path, file, _read_wishes(headers))

    def _find(self, path: str) -> File | None:
        return self._files.find(f"{path}index.html" if path.endswith("/") else path)

    def _file_path(self, scope: Scope) -> str | None:
        """Return the request's path as ``file_path`` does, at once for one that was served."""
        path: str = scope["path"]
        raw_path: bytes | None = scope.get("raw_path")
        if path in self._served and not (raw_path and b"%" in raw_path):
            return path
        if len(self._served) > _MOST_SERVED:
            self._served.clear()
        return file_path(path, raw_path)

    def _absent(self, path: str, query: bytes) -> Answer | None:
        """Return where a path without a file leads by now, nothing where nobody knows."""
        if rule := self._redirects().get(path.rstrip("/")):
            return self._ruled(rule, path, query)
        if not path.endswith("/") and self._files.find(f"{path}/index.html"):
            return _moved(301, quote(path) + "/", query)
        return None

    def _file(self, path: str, file: File, wishes: Wishes) -> Answer:
        coding = _choose(wishes.accepted, tuple(file.variants)) if file.variants else ""
        chosen = file.variants.get(coding, file)
        if chosen.body is None:
            chosen, stream = self._files.open(chosen)
            return self._dress(path, chosen, file, coding).answer(wishes, stream)
        dressed: Dressed | None = file.kept.get(coding)
        if dressed is None:
            dressed = file.kept[coding] = self._dress(path, chosen, file, coding)
        return dressed.answer(wishes, None)

    def _dress(self, path: str, chosen: File, file: File, coding: str) -> Dressed:
        return dress(
            path,
            chosen.body or b"",
            size=chosen.size,
            etag=f'"{chosen.modified_ns:x}-{chosen.size:x}{coding and "-"}{coding}"',
            modified_at=chosen.modified_at,
            policy=policy(path, hub=self._hub, url=self._url),
            coding=coding,
            is_varied=bool(file.variants),
        )

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
        headers = [
            (b"cache-control", ERROR_CACHE.encode()),
            *_encoded(guards(path)),
            *_content(path, sent.size),
        ]
        return Answer(status, headers, sent.body or b"", stream)

    def _rule(self, path: str) -> Rule | None:
        """Return what the rules say of a path, as they were a second ago at most."""
        now = time.monotonic()
        if now - self._looked_at > _RULES_SECONDS:
            self._redirects()
        rule = self._rules[1].get(path.rstrip("/")) if self._rules[1] else None
        return self._redirects().get(path.rstrip("/")) if rule else None

    def _redirects(self) -> Mapping[str, Rule]:
        """Return the rules as they are now."""
        file = self._files.find("/_redirects")
        self._looked_at = time.monotonic()
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


@lru_cache(maxsize=256)  # readers wish for the same few things
def _choose(accepted: bytes, offered: tuple[str, ...]) -> str:
    return choose_coding(accepted.decode("latin-1"), offered)


def _weights(accepted: str) -> Iterator[tuple[str, float]]:
    for item in accepted.lower().split(","):
        coding, _, parameter = item.partition(";")
        name, _, weight = parameter.strip().partition("=")
        try:
            yield coding.strip().removeprefix("x-"), float(weight) if name == "q" else 1.0
        except ValueError:
            yield coding.strip(), 0.0


@dataclass(slots=True)
class Wishes:
    """What a request says of the form and the age of what it asks for; None where it does not."""

    accepted: bytes = b""
    etags: bytes | None = None
    since: bytes | None = None


def _read_wishes(headers: Iterable[tuple[bytes, bytes]]) -> Wishes:
    """Read a request's headers; a list over several lines is one list."""
    wishes = Wishes()
    for name, value in headers:
        if name == b"accept-encoding":
            wishes.accepted = wishes.accepted + b", " + value if wishes.accepted else value
        elif name == b"if-none-match":
            wishes.etags = value if wishes.etags is None else wishes.etags + b", " + value
        elif name == b"if-modified-since":
            wishes.since = value
    return wishes


def is_fresh(wishes: Wishes, etag: str, modified_at: int) -> bool:
    """Say whether the client has this already (RFC 9110 section 13.2.2).

    Its ETags, compared weakly, count before its date; what is no ETag or no date counts as none.
    """
    if wishes.etags is not None:
        listed = wishes.etags.decode("latin-1").strip()
        return listed in (etag, "*") or etag in _ETAG.findall(listed)
    if wishes.since is None:
        return False
    try:
        since = parsedate_to_datetime(wishes.since.decode("latin-1"))
        return since.tzinfo is not None and modified_at <= since.timestamp()
    except (ValueError, OverflowError):
        return False


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


@dataclass(frozen=True)
class Answer:
    """A response; a stream comes instead of the body of a large file."""

    status: int
    headers: Headers
    body: bytes = b""
    stream: BinaryIO | None = None

    @cached_property
    def head(self) -> bytes:
        """The headers as they are sent, with the empty line that ends them."""
        return b"".join(b"%b: %b\r\n" % pair for pair in self.headers) + b"\r\n"

    def has_body(self, method: str) -> bool:
        """Whether a body follows: HEAD and 304 have none."""
        return method != "HEAD" and self.status != _NOT_MODIFIED


@dataclass(frozen=True, slots=True)
class Dressed:
    """One rendition of a document, with both answers ready for every request that it meets."""

    etag: str
    modified_at: int
    unchanged: Answer
    whole: Answer

    def answer(self, wishes: Wishes, stream: BinaryIO | None) -> Answer:
        """Return the document, or that the client has it; a large one comes as a stream."""
        fresh = is_fresh(wishes, self.etag, self.modified_at)
        ready = self.unchanged if fresh else self.whole
        return replace(ready, stream=stream) if stream else ready


def dress(
    path: str,
    body: bytes,
    *,
    size: int,
    etag: str,
    modified_at: int,
    policy: Iterable[tuple[str, str]],
    coding: str = "",
    is_varied: bool = False,
) -> Dressed:
    """Return a rendition with its headers; ``modified_at`` is in whole seconds."""
    shared = [
        (b"etag", etag.encode()),
        (b"last-modified", formatdate(modified_at, usegmt=True).encode()),
        *_encoded(policy),
    ]
    if is_varied:
        shared.append((b"vary", b"accept-encoding"))
    whole = [*shared, *_content(path, size)]
    if coding:
        whole.append((b"content-encoding", coding.encode()))
    return Dressed(etag, modified_at, Answer(304, shared), Answer(200, whole, body))


def answer_bytes(
    scope: Scope, body: bytes, *, modified_at: int, hub: str = "", url: str = ""
) -> Answer:
    """Return the answer to a request for a document made on the fly, as if it were a file.

    Type and policy follow the request's path, the ETag the bytes; ``modified_at`` is in whole
    seconds. It goes out uncompressed. Give the answer to ``send_answer``.
    """
    path = str(scope["path"])
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    dressed = dress(
        path,
        body,
        size=len(body),
        etag=etag,
        modified_at=modified_at,
        policy=policy(path, hub=hub, url=url),
    )
    return dressed.answer(_read_wishes(scope["headers"]), None)


def _encoded(pairs: Iterable[tuple[str, str]]) -> Headers:
    return [(name.lower().encode(), value.encode()) for name, value in pairs]


def _content(path: str, size: int) -> Headers:
    return [
        (b"content-type", content_type(path).encode()),
        (b"content-length", b"%d" % size),
    ]


def _text(status: int, words: str, *headers: tuple[bytes, bytes]) -> Answer:
    body = f"{words}\n".encode()
    said = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", ERROR_CACHE.encode()),
        *_encoded(guards("")),
    ]
    return Answer(status, [*said, *headers], body)


def _moved(status: int, target: str, query: bytes) -> Answer:
    location = target.encode() + (b"?" + query if query and "?" not in target else b"")
    headers = [
        (b"location", location),
        (b"content-length", b"0"),
        (b"cache-control", PAGE_CACHE.encode()),
        (b"access-control-allow-origin", b"*"),  # a reader in a browser follows feeds that moved
        *_encoded(guards("")),
    ]
    return Answer(status, headers)


async def send_answer(answer: Answer, method: str, send: Send) -> None:
    """Send an answer; HEAD and 304 have no body."""
    stream = answer.stream
    try:
        await send(
            {"type": "http.response.start", "status": answer.status, "headers": answer.headers}
        )
        has_body = answer.has_body(method)
        while stream and has_body and (piece := stream.read(_PIECE)):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": answer.body if has_body else b""})
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
