"""Sharing work between this process and copies of it."""

from __future__ import annotations

import gc
import os
import pickle
import signal
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from publisher.errors import Problem, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_Piece = TypeVar("_Piece")
_Result = TypeVar("_Result")

ENOUGH: Final = 200
"""Less work than this is done sooner than shared."""


def share(
    work: Callable[[Sequence[_Piece]], _Result],
    pieces: Sequence[_Piece],
    *,
    start: Callable[[int], None] = lambda _: None,
    workers: int | None = None,
) -> list[_Result]:
    """Do the work on all pieces and return the result of each worker's share.

    A worker is a copy of this process (``fork``), which tells ``start`` its number first and returns
    what can be pickled; this process is worker 0. There is one for each processor, and no other
    where there is little to do, or where threads are at work, which a copy would not have.
    Raises what a share raises, and Unavailable where a worker died.
    """
    if workers is None:
        alone = len(pieces) < ENOUGH or threading.active_count() > 1
        workers = 1 if alone else count_processors()
    if workers == 1:
        return [work(pieces)]
    shares = [pieces[number::workers] for number in range(workers)]
    gc.freeze()  # a collection would touch everything, and a copy would have memory of its own
    try:
        helpers = [_Helper(work, shares[number], start, number) for number in range(1, workers)]
        try:
            return [work(shares[0]), *(helper.result() for helper in helpers)]
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


class _Helper(Generic[_Result]):
    """A copy of this process at work on its share."""

    def __init__(
        self,
        work: Callable[[Sequence[_Piece]], _Result],
        share: Sequence[_Piece],
        start: Callable[[int], None],
        number: int,
    ) -> None:
        self._reading, writing = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._reading)
            _work_and_end(work, share, start, number, writing)
        os.close(writing)

    def result(self) -> _Result:
        """Wait for the share and return its result, or raise what it raised."""
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
    work: Callable[[Sequence[_Piece]], _Result],
    share: Sequence[_Piece],
    start: Callable[[int], None],
    number: int,
    writing: int,
) -> None:
    """Do a share, tell the result through the pipe, and end without a trace of this process's own."""
    status = 1
    try:
        start(number)
        told = pickle.dumps((True, work(share)))
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
