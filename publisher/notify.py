"""Telling other machines what happened here: a WebSub hub, of feeds that changed; a webhook, of alerts."""

from __future__ import annotations

import http.client
import json
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode, urlsplit

from publisher import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PING_SECONDS: Final = 5.0
"""How long a hub may take for one answer."""
ROUND_SECONDS: Final = 30.0
"""How long all of a run's pings may take together: mail waits for them."""

_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)\b")
_LONGEST_LINE = 4096
_TAKEN = range(200, 300)
_TOO_MANY = 429


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What was answered; the status is 0 where nothing was."""

    status: int = 0
    words: str = ""

    @property
    def is_taken(self) -> bool:
        """Whether the hub will look at the feed."""
        return self.status in _TAKEN

    @property
    def is_about_the_hub(self) -> bool:
        """Whether it would be the same for any other feed now: nothing heard, moved, ill, busy."""
        is_refusal = self.status // 100 == 4  # noqa: PLR2004 - the class of statuses
        return not self.is_taken and (not is_refusal or self.status == _TOO_MANY)


@dataclass(slots=True)
class Round:
    """What a round of pings came to."""

    taken: list[str] = field(default_factory=list)
    """The addresses that the hub took."""
    failures: dict[str, str] = field(default_factory=dict)
    """What it said instead, by address."""


def announce(hub: str, addresses: Iterable[str]) -> Round:
    """Ping the hub once for each feed, until it proves to be away or the time is over."""
    done = Round()
    end = time.monotonic() + ROUND_SECONDS
    for address in addresses:
        if time.monotonic() > end:
            done.failures[address] = f"no more answers within {ROUND_SECONDS:.0f} seconds"
            break
        reply = ping(hub, address)
        if reply.is_taken:
            done.taken.append(address)
        else:
            done.failures[address] = reply.words
            if reply.is_about_the_hub:
                break
    return done


def ping(hub: str, address: str, *, seconds: float = PING_SECONDS) -> Reply:
    """Say that the feed at this address changed (WebSub, section 7); no redirect is followed."""
    body = urlencode({"hub.mode": "publish", "hub.url": address})
    return _post(hub, body, "application/x-www-form-urlencoded", seconds)


def tell_webhook(url: str, facts: Mapping[str, object], *, seconds: float = PING_SECONDS) -> Reply:
    """Give the facts as JSON to a webhook; no redirect is followed."""
    return _post(url, json.dumps(facts), "application/json", seconds)


def _post(url: str, body: str, content_type: str, seconds: float) -> Reply:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    deadline = time.monotonic() + seconds
    try:
        wire = kind(parts.hostname or "", parts.port, timeout=seconds)
        try:
            wire.request(
                "POST",
                (parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
                body=body.encode(),
                headers={
                    "Content-Type": content_type,
                    "User-Agent": f"publisher/{__version__}",
                    "Connection": "close",
                },
            )
            status = _read_status(wire, deadline)
        finally:
            wire.close()
    except TimeoutError:
        return Reply(words=f"no answer within {seconds:g} seconds")
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Reply(words=str(error) or type(error).__name__)
    if not status:
        return Reply(words="an answer that is no HTTP")
    return Reply(
        status=status,
        words=f"the status {status} {http.client.responses.get(status, '')}".rstrip(),
    )


def _read_status(wire: http.client.HTTPConnection, deadline: float) -> int:
    """Return the status, or 0 for none: one line is enough, and dripping it wins no time."""
    heard = b""
    while b"\n" not in heard and len(heard) < _LONGEST_LINE:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        wire.sock.settimeout(left)
        piece = wire.sock.recv(_LONGEST_LINE)
        if not piece:
            break
        heard += piece
    match = _STATUS.match(heard)
    return int(match[1]) if match else 0
