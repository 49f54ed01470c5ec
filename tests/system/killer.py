"""Kills a sending site with SIGKILL at a named point, then again, then lets it finish.

Usage: killer CONFIG POINT N [POINT N ...] [leave]. Each pair is one child that dies when the point
comes for the N-th time; a child that never comes there ends whole. Prints how many were killed.
``leave`` leaves the site as the last of them left it.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from publisher import app
from publisher.delivering import committing
from publisher.engine import clock
from publisher.model import Accepted
from publisher.store import ledger
from publisher.transport import dialogue, lines

if TYPE_CHECKING:
    from collections.abc import Callable

POINTS = (
    "claimed",  # K8: a chunk is ours, nothing began
    "offered",  # the relay has the envelope; the start may be committed or not
    "started",  # K9: the start is committed, nothing of the mail on the wire
    "enveloped",  # K10: between the envelope and the body
    "dotted",  # K11: the final dot left, no reply
    "accepted",  # K12: the reply is read, not recorded
    "recorded",  # K12, after: the fact is committed
    "finished",  # K13: the last fact is in, the chunk not given back
    "closing",  # K14: everything ended, the edition not closed
)


def main() -> None:
    config, *pairs = sys.argv[1:]
    killed = 0
    for point, number in zip(pairs[::2], pairs[1::2], strict=False):
        child = os.fork()
        if child == 0:
            _die_at(point, int(number))
            send(Path(config))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        killed += os.WIFSIGNALED(status)
    if pairs[-1:] != ["leave"]:
        send(Path(config))
    print(killed)


def send(config: Path) -> None:
    """Send every open edition of a site until nothing can start."""
    site = app.open_site(config, {})
    app.deliver_open(site, clock=clock.now, is_stopping=lambda: False)
    site.store.close()


def _die_at(point: str, number: int) -> None:
    seen = 0

    def come() -> None:
        nonlocal seen
        seen += 1
        if seen == number:
            os.kill(os.getpid(), signal.SIGKILL)

    owner, name, when, comes = _PLACES[point]
    real = getattr(owner, name)

    def wrapped(*given: Any, **named: Any) -> Any:
        if when == "before" and comes(given, None):
            come()
        done = real(*given, **named)
        if when == "after" and comes(given, done):
            come()
        return done

    setattr(owner, name, wrapped)


def _always(_given: Any, _done: Any) -> bool:
    return True


def _is_accepted(given: Any, _done: Any) -> bool:
    return isinstance(given[0].outcome, Accepted)


def _has_facts(given: Any, _done: Any) -> bool:
    return bool(given[1].facts)


_PLACES: dict[str, tuple[Any, str, str, Callable[[Any, Any], bool]]] = {
    "claimed": (ledger, "claim_chunk", "after", _always),
    "offered": (dialogue.Dialogue, "_after_commands", "after", _always),
    "started": (lines.SmtpLines, "send", "before", _always),
    "enveloped": (dialogue.Dialogue, "_body", "before", _always),
    "dotted": (dialogue.Dialogue, "left", "after", _always),
    "accepted": (dialogue.Dialogue, "hear", "after", _is_accepted),
    "recorded": (committing.Book, "commit", "after", _has_facts),
    "finished": (ledger, "finish_chunk", "before", _always),
    "closing": (ledger, "close", "before", _always),
}


if __name__ == "__main__":
    main()
