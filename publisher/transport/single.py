"""The contract of lines, and the simplest that keeps it: one mail after the other."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from publisher.errors import PublisherError, Refused, Unavailable

if TYPE_CHECKING:
    from publisher.model import Envelope, Outcome
    from publisher.transport import Transport


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of the mail begun under ``key``: an outcome, or why it could not be carried."""

    key: int
    outcome: Outcome | PublisherError


class Lines(Protocol):
    """Anything that carries several mails at once: SMTP, and one transport after the other."""

    failure: Unavailable | None
    """Why there is no line and none is being opened."""

    def want(self, count: int) -> int:
        """Have so many lines, as far as the relay takes them; return how many are free now."""

    def begin(self, key: int, envelope: Envelope, data: bytes, *, holds: bool = False) -> None:
        """Put one mail on a free line; where it holds, its envelope alone until ``send``."""

    def send(self, key: int) -> None:
        """Let the mail that was held follow its envelope."""

    def take_back(self, key: int) -> None:
        """Let go of a mail that was held: nothing of it has left, and nothing more is told of it."""

    def wait(self, seconds: float) -> list[Ended]:
        """Carry on until something ended, a line opened, ``wake`` was called or time is up."""

    def wake(self) -> None:
        """Let ``wait`` return; from any thread."""

    def cut(self) -> list[Ended]:
        """Hang up on every mail that is under way and say how far each went."""

    def close(self) -> None:
        """Say goodbye and close."""


class Single:
    """A transport that carries one mail at a time, as one line."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._mail: tuple[int, Envelope, bytes] | None = None
        self._is_held = False
        self._awake = threading.Event()
        self.failure: Unavailable | None = None

    def want(self, count: int) -> int:
        """Return one while no mail is under way."""
        return min(count, 1 if self._mail is None else 0)

    def begin(self, key: int, envelope: Envelope, data: bytes, *, holds: bool = False) -> None:
        """Keep the mail; ``wait`` carries it."""
        self._mail = (key, envelope, data)
        self._is_held = holds

    def send(self, key: int) -> None:
        """Hold the mail no longer."""
        del key  # there is one
        self._is_held = False

    def take_back(self, key: int) -> None:
        """Forget the mail."""
        del key
        self._mail = None

    def wait(self, seconds: float) -> list[Ended]:
        """Carry the mail that was begun, or wait."""
        if self._mail is None or self._is_held:
            self._awake.wait(seconds)
            self._awake.clear()
            return []
        key, envelope, data = self._mail
        try:
            ended = Ended(key, self._transport.send(envelope, data))
        except (Unavailable, Refused) as error:
            ended = Ended(key, error)
        self._mail = None
        return [ended]

    def wake(self) -> None:
        """Let ``wait`` return."""
        self._awake.set()

    def cut(self) -> list[Ended]:
        """Return nothing: between two calls no mail is under way."""
        return []

    def close(self) -> None:
        """Close the transport."""
        self._transport.close()
