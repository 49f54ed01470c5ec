"""Sharing work between this process and copies of it."""

from __future__ import annotations

import gc
import os
import pickle
import select
import signal
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Generic, Self, TypeVar

from publisher.errors import Problem, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_Piece = TypeVar("_Piece")
_Result = TypeVar("_Result")

ENOUGH: Final = 200
"""Less work than this is done sooner than shared."""
_TURNS = 100
"""How often each worker comes for more: seldom enough to cost nothing, and all end together."""
_MOST_TURNS = 4_000
"""So their numbers never fill a pipe."""
_NUMBER = 4
_MOST_WORKERS = 4_096


def share(
    work: Callable[[Iterable[_Piece]], _Result],
    pieces: Sequence[_Piece],
    *,
    start: Callable[[int], None] = lambda _: None,
    first: Callable[[], None] = lambda: None,
    workers: int | None = None,
) -> list[_Result]:
    """Do the work on all pieces and return each worker's result.

    A worker is a copy of this process (``fork``), which tells ``start`` its number first and returns
    what can be pickled; this process is worker 0, and does what it has to do ``first`` while the
    others begin. Each takes pieces as it gets on, a few at a time. There is one for each processor,
    and no other where there is little to do, or where threads are at work, which a copy would not
    have. Raises what any of this raises, and Unavailable where a worker died.
    """
    if workers is None:
        alone = len(pieces) < ENOUGH or threading.active_count() > 1
        workers = 1 if alone else count_processors()
    if workers == 1:
        first()
        return [work(pieces)]
    gc.freeze()  # a collection would touch everything, and a copy would have memory of its own
    try:
        with _Pile(pieces, workers) as pile:
            helpers = [_Helper(work, pile, start, number) for number in range(1, workers)]
            try:
                first()
                return [work(pile.take()), *(helper.result() for helper in helpers)]
            finally:
                for helper in helpers:
                    helper.dismiss()
    finally:
        gc.unfreeze()


def count_processors() -> int:
    """Return how many workers there can be: one where processes cannot be copied."""
    if not hasattr(os, "fork"):
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


class Door:
    """Opened by this process for its copies: what they may do only after it has done something."""

    def __init__(self) -> None:
        self._is_open = False
        self._owner = os.getpid()
        self._reading, self._writing = os.pipe()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._reading)
        os.close(self._writing)

    def open(self) -> None:
        """Let everybody through, from now on."""
        self._is_open = True
        os.write(self._writing, b"1" * _MOST_WORKERS)

    def is_open(self) -> bool:
        """Say whether it is open; raises Unavailable where its owner ended before that."""
        if not self._is_open and os.getpid() != self._owner:
            self._listen()
            if select.select([self._reading], [], [], 0)[0]:
                self.wait()
        return self._is_open

    def wait(self) -> None:
        """Wait in a copy until it is open; raises Unavailable where its owner ended before that."""
        if not self._is_open:
            self._listen()
            if not os.read(self._reading, 1):
                raise Unavailable(_died())
            self._is_open = True

    def _listen(self) -> None:
        """Hear of the owner's end: not while this copy holds the other side of the pipe too."""
        if self._writing >= 0:
            os.close(self._writing)
            self._writing = -1


class _Pile(Generic[_Piece]):
    """Pieces that several processes take from: the numbers of what is left lie in a pipe."""

    def __init__(self, pieces: Sequence[_Piece], workers: int) -> None:
        self._owner = os.getpid()
        self._pieces = pieces
        self._some = max(1, len(pieces) // min(workers * _TURNS, _MOST_TURNS))
        firsts = range(0, len(pieces), self._some)
        self._reading, writing = os.pipe()
        os.write(writing, b"".join(first.to_bytes(_NUMBER, "big") for first in firsts))
        os.close(writing)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._reading)

    def take(self) -> Iterator[_Piece]:
        """Yield pieces that nobody else takes, until none is left.

        Raises Unavailable in a copy whose owner ended: nobody waits for its work.
        """
        while number := os.read(self._reading, _NUMBER):
            if self._owner not in {os.getpid(), os.getppid()}:
                raise Unavailable(_died())
            first = int.from_bytes(number, "big")
            yield from self._pieces[first : first + self._some]


class _Helper(Generic[_Result]):
    """A copy of this process at work."""

    def __init__(
        self,
        work: Callable[[Iterable[_Piece]], _Result],
        pile: _Pile[_Piece],
        start: Callable[[int], None],
        number: int,
    ) -> None:
        self._reading, writing = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._reading)
            _work_and_end(work, pile, start, number, writing)
        os.close(writing)

    def result(self) -> _Result:
        """Wait for its end and return its result, or raise what it raised."""
        with os.fdopen(os.dup(self._reading), "rb") as stream:
            told = stream.read()
        if not told:
            raise Unavailable(_died())
        is_done, value = pickle.loads(told)  # noqa: S301 - from a copy of this process
        if not is_done:
            raise value
        result: _Result = value
        return result

    def dismiss(self) -> None:
        """End the process if it is still at work, and let it go."""
        os.close(self._reading)
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)


def _work_and_end(
    work: Callable[[Iterable[_Piece]], _Result],
    pile: _Pile[_Piece],
    start: Callable[[int], None],
    number: int,
    writing: int,
) -> None:
    """Do the work, tell the result through the pipe, and end without a trace of this process's own."""
    status = 1
    try:
        start(number)
        told = pickle.dumps((True, work(pile.take())))
        status = 0
    except BaseException as error:  # noqa: BLE001 - it is raised again on the other side
        told = pickle.dumps((False, error))
    with suppress(BaseException), os.fdopen(writing, "wb") as stream:
        stream.write(told)
    os._exit(status)


def _died() -> Problem:
    return Problem(
        code="build.process",
        path="build",
        expected="every process that shares the work to come to its end",
        got="one was ended from outside, perhaps for want of memory",
        hint="Run it again. What was written is whole, and what was published stays.",
    )
