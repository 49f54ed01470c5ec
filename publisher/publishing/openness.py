"""What the page on privacy says is kept: from the tables themselves, so that it cannot lag behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from publisher.pages import Kept
from publisher.store.describing import PERSONAL, say_how_long

if TYPE_CHECKING:
    from publisher.config import Privacy

_UNSAID = {"a number", "the number of your entry"}
"""What tells nobody anything: it stands with what it is the number of."""


def describe_kept(keep: Privacy) -> tuple[Kept, ...]:
    """Return every kind of thing that is kept of people, in words, as long as is configured."""
    return tuple(
        Kept(
            title=one.title,
            why=one.why,
            what=tuple(
                dict.fromkeys(what for what in one.columns.values() if what not in _UNSAID)
            ),
            how_long=say_how_long(
                one,
                attempts_days=keep.keep_attempts.days,
                unconfirmed_days=keep.keep_unconfirmed.days,
            ),
        )
        for one in PERSONAL.values()
    )
