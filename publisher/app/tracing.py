"""Tracing: the trail of every act, with what people call the things it is about."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from publisher.deliverability import mask, parse_address
from publisher.model import Role

if TYPE_CHECKING:
    from datetime import datetime

    from publisher.app.opening import Site
    from publisher.model import Event

SEES_PEOPLE: Final = (Role.PUBLISHER, Role.ADMIN)
"""The roles that may see who is on the list: being on it is sensitive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailLine:
    """One act, as staff read it."""

    id: int
    at: datetime
    by: str
    verb: str
    kind: str
    """What it is about: ``edition``, ``subscriber``, ``post``, ``staff``, ``address``."""
    name: str
    """What people call that."""
    detail: str

    def without_person(self) -> TrailLine:
        """Return the line for somebody who may not see who is on the list."""
        if self.kind != "subscriber":
            return self
        try:
            return replace(self, name=mask(parse_address(self.name)))
        except ValueError:
            return self


def read_trail(
    site: Site, *, limit: int, before: int | None = None, subject: str = ""
) -> list[TrailLine]:
    """Return the newest acts, those before one, or all about one subject."""
    from publisher.store import trail  # noqa: PLC0415

    with site.store.read() as tx:
        events = trail.read_trail(tx, limit=limit, before=before, subject=subject)
        names = trail.name_subjects(tx, {one.subject for one in events})
    return [_line(one, names.get(one.subject, "")) for one in events]


def _line(event: Event, name: str) -> TrailLine:
    kind, _, rest = event.subject.partition(":")
    # What staff are called is told by the line itself: the account may be gone.
    shown = name or ("" if kind == "staff" else rest)
    return TrailLine(
        id=event.id,
        at=event.at,
        by=event.by,
        verb=event.verb,
        kind=kind,
        name=shown,
        detail=event.detail,
    )
