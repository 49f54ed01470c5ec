"""What a person gets, chosen by the link in each letter: digests, series, form, a pause."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from publisher.errors import Problem, UsageError
from publisher.store import joining, subscribers
from publisher.subscribing.links import demand_owner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from publisher.model import Subscriber
    from publisher.store import Store

PAUSE_MONTHS = (1, 2, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """Everything the page of choices asks, as it was left."""

    digests: tuple[str, ...]
    """Those ticked, of ``offered``."""
    series: tuple[str, ...]
    """Those ticked, of ``series_offered``."""
    discreet: bool
    plain_text: bool
    pause_months: int | None
    """0 to end a pause; None to leave it as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What there is to choose among now, by name: only that can be chosen or left out."""

    digests: tuple[str, ...]
    series: tuple[str, ...]


def choose(
    store: Store, token: str, choices: Choices, offer: Offer, *, zone: str, now: datetime
) -> Subscriber:
    """Keep a person's choices; return the person as they are then.

    A series that is not offered now stays as it was. Raises NotFound for no link of ours,
    UsageError where no digest is left or the pause is none of the offer.
    """
    with store.write() as tx:
        person = demand_owner(tx, token)
        columns = {"discreet": choices.discreet, "plain_text": choices.plain_text}
        paused_until = _pause(person, choices.pause_months, zone=zone, now=now)
        joining.save_choices(
            tx,
            person.id,
            digests=decide_digests(choices.digests, offer.digests),
            declined=_declined(person, choices, offer),
            paused_until=paused_until,
            **columns,
        )
        subscribers.note(tx, "subscriber", "choose", f"subscriber:{person.id}", now=now)
        return demand_owner(tx, token)


def decide_digests(chosen: Sequence[str], offered: Sequence[str]) -> tuple[str, ...]:
    """Return the digests to keep with a person; none means every one, which is all they can mean.

    Where there is one digest it is not a choice: it may get another name. Raises UsageError where
    there are several and none is chosen.
    """
    kept = tuple(one for one in offered if one in chosen)
    if len(offered) <= 1:
        return ()
    if not kept:
        raise UsageError(_none_chosen())
    return kept


def _declined(person: Subscriber, choices: Choices, offer: Offer) -> tuple[str, ...]:
    unseen = [one for one in person.series if one not in offer.series]
    return (*unseen, *(one for one in offer.series if one not in choices.series))


def _pause(person: Subscriber, months: int | None, *, zone: str, now: datetime) -> datetime | None:
    if months is None:
        return person.paused_until
    if months == 0:
        return None
    if months not in PAUSE_MONTHS:
        raise UsageError(_no_pause(months))
    return months_later(now, months, zone)


def months_later(now: datetime, months: int, zone: str) -> datetime:
    """Return the beginning of the day so many months later; a day the month lacks is its last."""
    local = now.astimezone(ZoneInfo(zone))
    year, month = divmod(local.year * 12 + local.month - 1 + months, 12)
    day = min(local.day, calendar.monthrange(year, month + 1)[1])
    return datetime(year, month + 1, day, tzinfo=ZoneInfo(zone))


def _none_chosen() -> Problem:
    return Problem(
        code="choices.none",
        path="digests",
        expected="at least one letter to get",
        got="none",
        hint="Tick one, pause for a while, or unsubscribe. Nothing was changed.",
    )


def _no_pause(months: int) -> Problem:
    return Problem(
        code="choices.pause",
        path="pause",
        expected="a pause of 1, 2 or 3 months",
        got=f"{months} months",
        hint="Nothing was changed.",
    )
