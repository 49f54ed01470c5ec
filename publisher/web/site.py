"""``public/`` over HTTP as a bare ASGI callable: files, validators, variants, moved and gone.

It says the same as a good static web server before the same files (``docs/deploy/``), so moving
from one to the other changes nothing for a reader. A bare callable, since nine requests in ten are
a feed reader asking whether anything is new, and the answer is one ``stat`` and no body.
"""

from __future__ import annotations

import os
import re
import stat
from collections import OrderedDict
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime
from typing import TYPE_CHECKING, Any, BinaryIO, Final
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, MutableMapping
    from pathlib import Path

    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
    App = Callable[[Scope, Receive, Send], Awaitable[None]]
    Headers = list[tuple[bytes, bytes]]

CACHE_OCTETS: Final = 32 * 1024 * 1024
"""How much of the small files is kept in memory."""

_SMALL = 256 * 1024
_PIECE = 64 * 1024
_VARIANTS: Final = {"br": ".br", "gzip": ".gz"}  # in order of preference
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
_ALWAYS: Final = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"))
_POLICIES: Final = {
    _HTML: b"default-src 'none'; style-src 'self'; img-src 'self' https:; form-action 'self';"
    b" base-uri 'none'; frame-ancestors 'none'",
    "image/svg+xml": b"default-src 'none'; style-src 'unsafe-inline'; sandbox",
}
_HIDDEN_OCTETS = re.compile(rb"%(?:2f|5c|00)", re.IGNORECASE)
_ODD = re.compile(r"[\x00-\x1f\x7f\\]")
_OURS: Final = frozenset({"_headers", "_redirects"})
_ETAG = re.compile(r'(?:W/)?("[^"]*")')
_MOVED: Final = frozenset({301, 302, 307, 308})
_GONE = 410


class StaticSite:
    """Serves the files below a directory by GET and HEAD; the rest is the fallback's."""

    def __init__(
        self,
        root: Path,
        *,
        fallback: App | None = None,
        hub: str = "",
        url: str = "",
        cache_octets: int = CACHE_OCTETS,
    ) -> None:
        """Serve ``root``; feeds name the WebSub ``hub`` and themselves below the site's ``url``."""
        self._root = os.path.realpath(root)
        self._fallback = fallback
        self._hub = hub
        self._url = url.rstrip("/")
        self._files = _Files(self._root, cache_octets)
        self._rules: tuple[_File | None, dict[str, Rule]] = (None, {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI connection."""
        if scope["type"] != "http":
            await (self._fallback or _say_little)(scope, receive, send)
            return
        answer = self._answer(scope)
        if answer is None and self._fallback:
            await self._fallback(scope, receive, send)
            return
        await _send(answer or self._page("/404.html", 404), scope["method"], send)

    def _answer(self, scope: Scope) -> Answer | None:
        """Return what the files say to a request, nothing where they do not know."""
        if scope["method"] not in {"GET", "HEAD"}:
            return None if self._fallback else _text(405, "Not allowed", (b"allow", b"GET, HEAD"))
        path = file_path(scope["path"], scope.get("raw_path"))
        if path is None:
            return None
        query = scope.get("query_string", b"")
        rule = self._redirects().get(path.rstrip("/"))
        if rule:
            return self._ruled(rule, path, query)
        file = self._files.find(path + "index.html" if path.endswith("/") else path)
        if file:
            return self._file(path, file, dict(scope["headers"]))
        if not path.endswith("/") and self._files.find(f"{path}/index.html"):
            return _moved(301, quote(path) + "/", query)
        return None

    def _file(self, path: str, file: _File, asked: Mapping[bytes, bytes]) -> Answer:
        variants = self._files.variants(file)
        accepted = asked.get(b"accept-encoding", b"").decode("latin-1")
        coding = choose_coding(accepted, variants)
        chosen, stream = self._files.open(variants.get(coding, file))
        etag = f'"{chosen.modified_ns:x}-{chosen.size:x}{coding and "-"}{coding}"'
        headers = [
            (b"etag", etag.encode()),
            (b"last-modified", formatdate(chosen.modified_at, usegmt=True).encode()),
            *self._policy(path, vary=bool(variants)),
        ]
        if is_fresh(asked, etag, chosen.modified_at):
            return Answer(304, headers, stream=stream)
        headers += [
            (b"content-type", content_type(path).encode()),
            (b"content-length", b"%d" % chosen.size),
        ]
        if coding:
            headers.append((b"content-encoding", coding.encode()))
        return Answer(200, headers, chosen.body or b"", stream)

    def _policy(self, path: str, *, vary: bool) -> Iterator[tuple[bytes, bytes]]:
        """Yield what caches and browsers may do with the file; the same in a 200 and a 304."""
        yield from _ALWAYS
        is_feed = bool(_FEED.fullmatch(path))
        if is_feed or path.endswith(".opml"):
            yield b"cache-control", _FEED_CACHE
            yield b"access-control-allow-origin", b"*"
        else:
            is_hashed = path.startswith("/assets/") and _HASHED.fullmatch(path)
            yield b"cache-control", _HASHED_CACHE if is_hashed else _PAGE_CACHE
        if policy := _POLICIES.get(content_type(path)):
            yield b"content-security-policy", policy
        if vary:
            yield b"vary", b"accept-encoding"
        if is_feed and self._hub:
            links = f'<{self._hub}>; rel="hub", <{self._url}{quote(path)}>; rel="self"'
            yield b"link", links.encode()

    def _ruled(self, rule: Rule, path: str, query: bytes) -> Answer:
        if rule.status in _MOVED:
            return _moved(rule.status, rule.target, query)
        own = path if self._files.find(path) else f"{path.rstrip('/')}/index.html"
        shown = own if self._files.find(own) else rule.target
        return self._page(shown if self._files.find(shown) else "/404.html", _GONE)

    def _page(self, path: str, status: int) -> Answer:
        """Return the page at this path under another status, or that status in words."""
        file = self._files.find(path)
        if not file:
            return _text(status, "Gone" if status == _GONE else "Not found")
        chosen, stream = self._files.open(file)
        headers = [
            (b"content-type", content_type(path).encode()),
            (b"content-length", b"%d" % chosen.size),
            *self._policy(path, vary=False),
        ]
        return Answer(status, headers, chosen.body or b"", stream)

    def _redirects(self) -> dict[str, Rule]:
        file = self._files.find("/_redirects")
        if self._rules[0] != file:
            text = file.body.decode("utf-8", "replace") if file and file.body else ""
            self._rules = (file, read_redirects(text))
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
    return None if name.endswith(tuple(_VARIANTS.values())) else path


def choose_coding(accepted: str, offered: Iterable[str]) -> str:
    """Return the offered coding a client likes best, "" for none (RFC 9110 section 12.5.3).

    Among equals Brotli comes before gzip, and both before none unless none is asked for.
    """
    weights = dict(_weights(accepted))
    others = weights.get("*", 0.0)
    plain = weights.get("identity", 0.0)
    liked = {coding: weights.get(coding, others) for coding in _VARIANTS if coding in offered}
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
    except (KeyError, ValueError, TypeError, IndexError):
        return False
    return since.tzinfo is not None and modified_at <= since.timestamp()


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

    A line is ``<from> <to> <status>`` with 301, 302, 307, 308 or 410; ``#`` begins a comment; of
    two lines for one path the first counts. A line that says anything else is passed over.
    """
    rules: dict[str, Rule] = {}
    for line in text.splitlines():
        match line.partition("#")[0].split():
            case [source, target, ("301" | "302" | "307" | "308" | "410") as status]:
                key = unquote(source).rstrip("/")
                if status == "410" or unquote(target).rstrip("/") != key:
                    rules.setdefault(key, Rule(int(status), quote(target, safe="/:?&=%@+,;~!$'()*")))
    return rules


# ---------------------------------------------------------------------------------------- files


@dataclass(frozen=True, slots=True)
class _File:
    """A file as it was when it was last looked at."""

    path: str
    identity: tuple[int, int]
    modified_ns: int
    size: int
    body: bytes | None = None
    """Empty for a large file, which is read as it is sent."""

    @property
    def modified_at(self) -> int:
        """Whole seconds, as HTTP's dates have them."""
        return self.modified_ns // 1_000_000_000


class _Files:
    """The files below a root; the small ones that were asked for last stay in memory."""

    def __init__(self, root: str, cache_octets: int) -> None:
        self._root = root
        self._free = cache_octets
        self._kept: OrderedDict[str, _File] = OrderedDict()

    def find(self, path: str) -> _File | None:
        """Return the regular file at this path, its body too where it is small."""
        full = self._root + path
        try:
            seen = _look(full, os.stat(full))
        except (OSError, ValueError):
            return None
        kept = self._kept.get(full)
        if kept and kept.identity == seen.identity and kept.modified_ns == seen.modified_ns:
            self._kept.move_to_end(full)
            return kept
        if not os.path.realpath(full).startswith(self._root + os.sep):
            return None
        return self._read(full)

    def variants(self, file: _File) -> dict[str, _File]:
        """Return the compressed variants by coding: those of the same making as the file."""
        path = file.path.removeprefix(self._root)
        found = {coding: self.find(path + suffix) for coding, suffix in _VARIANTS.items()}
        return {
            coding: variant
            for coding, variant in found.items()
            if variant and variant.modified_ns == file.modified_ns
        }

    def open(self, file: _File) -> tuple[_File, BinaryIO | None]:
        """Return a large file with a stream of it, a small one as it is."""

    def _read(self, full: str) -> _File | None: ...
