"""The one fake: a transport in memory, which passes the contract tests of the real ones."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Self

from publisher.errors import PublisherError
from publisher.model import Accepted
from publisher.transport.wire import check

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from publisher.model import Envelope, Outcome


class MemoryTransport:
    """Answers each mail with the script's next line, then accepts; remembers everything.

    A line is an outcome to return or an error to raise.
    """

    name = "memory"

    def __init__(self, script: Iterable[Outcome | PublisherError] = ()) -> None:
        self._script = deque(script)
        self.attempts: list[tuple[Envelope, bytes, Outcome]] = []
        """Every mail that got an outcome, in order."""
        self.is_closed = False

    @property
    def accepted(self) -> list[tuple[Envelope, bytes]]:
        """The mails that were taken, in order."""
        return [
            (envelope, data)
            for envelope, data, outcome in self.attempts
            if isinstance(outcome, Accepted)
        ]

    def send(self, envelope: Envelope, data: bytes) -> Outcome:
        check(envelope, data)
        self.is_closed = False
        line = self._script.popleft() if self._script else Accepted()
        if isinstance(line, PublisherError):
            raise line
        self.attempts.append((envelope, data, line))
        return line

    def close(self) -> None:
        self.is_closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
