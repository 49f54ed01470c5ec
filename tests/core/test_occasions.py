"""Which editions staff are told of, once each, and how often a channel is tried."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from publisher.editorial.alerting import NEWS_FOR, TRIES, WHY_HELD, find_alerts, next_try_at
from publisher.model import EditionState, HeldReason
from tests.factories import make_edition

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
WEEKLY = {"weekly": DAY}


def _keys(edition: object, heads_up: dict[str, timedelta | None] | None = None) -> list[str]:
    found = find_alerts([edition], WEEKLY if heads_up is None else heads_up, now=NOW)  # type: ignore[list-item]
    return [one.key for one in found]


def test_each_holding_is_an_occasion_of_its_own() -> None:
    """Held, released and held again is told twice; the same holding once."""
    held = make_edition(id=7, state=EditionState.HELD, reason=HeldReason.LATE, version=3)

    assert _keys(held) == ["held:7:3"]
    assert _keys(replace(held, version=5)) == ["held:7:5"]


def test_what_a_person_did_is_no_news() -> None:
    """Staff held or cancelled it themselves."""
    held = make_edition(state=EditionState.HELD, reason=HeldReason.STAFF)

    assert _keys(held) == []
    assert _keys(make_edition(state=EditionState.CANCELLED, closed_at=NOW)) == []


@pytest.mark.parametrize("state", ["failed", "partial", "missed"])
def test_an_end_that_is_not_whole_is_news_for_a_while(state: str) -> None:
    """What ended longer ago is history, so that a database from elsewhere tells no old tales."""
    ended = make_edition(id=7, state=EditionState(state), fire_at=NOW - 9 * DAY, closed_at=NOW)
    old = replace(ended, closed_at=NOW - NEWS_FOR - SECOND)
    undated = replace(ended, closed_at=None, fire_at=NOW - NEWS_FOR)

    assert _keys(ended) == [f"{state}:7:0"]
    assert _keys(old) == []
    assert _keys(undated) == [f"{state}:7:0"]


@pytest.mark.parametrize("state", ["draft", "scheduled"])
def test_what_is_coming_is_told_so_long_before(state: str) -> None:
    """From ``heads_up`` before its slot to its slot, however often it changes meanwhile."""
    coming = make_edition(id=7, digest="weekly", state=EditionState(state), fire_at=NOW + DAY)

    assert _keys(coming) == ["heads-up:7:0"]
    assert _keys(replace(coming, version=4, fire_at=NOW + SECOND)) == ["heads-up:7:0"]
    assert _keys(replace(coming, fire_at=NOW + DAY + SECOND)) == []
    assert _keys(replace(coming, fire_at=NOW)) == []
    assert _keys(coming, {"weekly": None}) == []
    assert _keys(coming, {}) == []


@pytest.mark.parametrize("state", ["ready", "sending", "paused", "sent"])
def test_what_goes_well_is_told_to_nobody(state: str) -> None:
    """An edition on its way needs nobody."""
    assert _keys(make_edition(state=EditionState(state), fire_at=NOW, closed_at=NOW)) == []


def test_every_reason_has_its_sentence() -> None:
    """Whoever is told that an edition is held is told why."""
    assert set(WHY_HELD) == set(HeldReason)
    assert all(sentence.endswith(".") for sentence in WHY_HELD.values())


def test_a_channel_is_tried_less_and_less_often_and_then_left() -> None:
    """The waits grow; in all it is tried for most of a day."""
    waits = [next_try_at(tries, now=NOW) for tries in range(1, TRIES + 1)]

    assert waits[-1] is None
    told = [wait - NOW for wait in waits if wait]
    assert told == sorted(told)
    assert told[0] == timedelta(minutes=1)
    assert sum(told, timedelta()) > timedelta(hours=5)
