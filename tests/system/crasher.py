"""Runs a site's job in a child that is killed with SIGKILL at one commit, then runs it again.

Usage: crasher CONFIG before|after N [ACT]. Prints ``killed`` or ``whole``, then the second run's exit
code. With an act of staff it is that which is killed, on the newest edition; then the edition's state
is printed after the kill and after the act was done again.
"Before" dies with the transaction open, "after" with it just committed.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from publisher import app
from publisher.engine import clock
from publisher.model import Act
from publisher.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator


def main() -> None:
    config, moment, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    acts = [Act(one) for one in sys.argv[4:]]
    child = os.fork()
    if child == 0:
        _die_at(moment, count)
        if acts:
            _act(config, acts[0])
        else:
            _job(config)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    print("killed" if os.WIFSIGNALED(status) else "whole")
    if acts:
        print(_state(config))
        _act(config, acts[0])
    print(_state(config) if acts else _job(config))


def _act(config: Path, act: Act) -> None:
    site = app.open_site(config, {})
    edition = app.report_editions(site)[-1].edition
    app.handle_edition(site, edition, act, by="staff", now=clock.now())
    site.store.close()


def _state(config: Path) -> str:
    site = app.open_site(config, {})
    state = app.report_editions(site)[-1].edition.state
    site.store.close()
    return state


def _job(config: Path) -> int:
    site = app.open_site(config, {})
    now = clock.now()
    report = app.publish_once(site, now=now, clock=clock.now, digest="weekly")
    site.store.close()
    return report.exit_code


def _die_at(moment: str, count: int) -> None:
    real, seen = Store.write, 0

    @contextmanager
    def write(self: Store) -> Iterator[Any]:
        nonlocal seen
        with real(self) as tx:
            yield tx
            if moment == "before" and seen == count:
                os.kill(os.getpid(), signal.SIGKILL)
        if moment == "after" and seen == count:
            os.kill(os.getpid(), signal.SIGKILL)
        seen += 1

    Store.write = write  # type: ignore[method-assign]


if __name__ == "__main__":
    main()
