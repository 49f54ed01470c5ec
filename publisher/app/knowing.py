"""Knowing one subscriber: what they agreed to and chose, what they were sent, what was done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from publisher.app.tracing import read_trail
from publisher.errors import NotFound, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from publisher.app.opening import Site
    from publisher.app.tracing import TrailLine
    from publisher.model import Subscriber, SubscriberState
    from publisher.store.feedback import Suppression
    from publisher.store.searching import Sent

_NEWEST: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonSheet:
    """One person, whole."""

    person: Subscriber
    consents: tuple[tuple[datetime, datetime | None, str, str], ...]
    sent: tuple[Sent, ...]
    suppression: tuple[str, str] | None
    """Reason and evidence of why they must not be mailed."""
    history: tuple[TrailLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """People who were looked for, and how many there are in all."""

    people: tuple[Subscriber, ...]
    has_more: bool
    counts: Mapping[SubscriberState, int]


def find_people(site: Site, piece: str, *, limit: int) -> Found:
    """Return people whose address has this piece, the newest first; all of the newest for none."""
    from publisher.store import searching  # noqa: PLC0415

    with site.store.read() as tx:
        people = searching.find_people(tx, piece, limit=limit + 1)
        counts = searching.count_by_state(tx)
    return Found(people=tuple(people[:limit]), has_more=len(people) > limit, counts=counts)


def describe_person(site: Site, subscriber_id: int) -> PersonSheet:
    """Return everything about one person; raises NotFound."""
    from publisher.store import searching, subscribers  # noqa: PLC0415

    with site.store.read() as tx:
        person = subscribers.read_one(tx, subscriber_id)
        if person is None:
            raise NotFound(_unknown(subscriber_id))
        consents = searching.read_consents(tx, subscriber_id)
        sent = searching.read_sent(tx, subscriber_id, limit=_NEWEST)
        suppression = searching.read_suppression(tx, subscriber_id)
    return PersonSheet(
        person=person,
        consents=tuple(consents),
        sent=tuple(sent),
        suppression=suppression,
        history=tuple(read_trail(site, limit=_NEWEST, subject=f"subscriber:{subscriber_id}")),
    )


def newest_suppressions(site: Site, *, limit: int) -> list[Suppression]:
    """Return the standing do-not-mail facts that came last."""
    from publisher.store import feedback  # noqa: PLC0415

    with site.store.read() as tx:
        return feedback.read_suppressions(tx, limit=limit)


def _unknown(subscriber_id: int) -> Problem:
    return Problem(
        code="subscriber.unknown",
        path=str(subscriber_id),
        expected="somebody on the list",
        got="nobody by this number",
        hint="They may have erased themselves.",
    )
