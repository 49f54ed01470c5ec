"""The memory of a command and its children together, looked at while they run."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self

EVERY_SECONDS = 0.02
"""How often is looked; what is held for less may be missed."""


class Watch:
    """Adds up the proportional set sizes (PSS) of a process and all its descendants.

    PSS counts a page that several processes share once, a share to each: a forked worker's copy of
    its parent costs nothing until it is written to. Linux only: it reads ``/proc``.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._ended = threading.Event()
        self._peak = 0
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def peak_mb(self) -> float:
        """The most seen at one moment, in millions of bytes."""
        return self._peak / 1e6

    def _look(self) -> None:
        while not self._ended.wait(EVERY_SECONDS):
            self._peak = max(self._peak, sum(map(pss_bytes, family(self._pid))))


def family(pid: int) -> list[int]:
    """Return the process and its living descendants."""
    found = [pid]
    for one in found:
        found += _children(one)
    return found


def _children(pid: int) -> list[int]:
    children: list[int] = []
    try:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            children += map(int, (thread / "children").read_text().split())
    except OSError:  # it ended meanwhile
        pass
    return children


def pss_bytes(pid: int) -> int:
    """Return a process's PSS, nought where it has ended."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return sum(
        int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:")
    )
