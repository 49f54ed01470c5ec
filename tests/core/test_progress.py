"""Rates, times left and reasons: what staff read while mail goes out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.editorial.progress import (
    Pace,
    Reason,
    generalise,
    group_reasons,
    measure_pace,
    tell_duration,
    tell_pace,
)
from publisher.model import DeliveryState


@pytest.mark.parametrize(
    ("begun", "seconds", "waiting", "told"),
    [
        (600, 60.0, 300, "10.0/s, 0:30 left"),
        (5, 0.2, 5, "5.0/s, 0:01 left"),
        (90_000, 60.0, 1_000_000, "1,500.0/s, 11:07 left"),
        (60, 60.0, 7_384, "1.0/s, 2:03:04 left"),
        (40, 60.0, 120, "40/min, 3:00 left"),
        (0, 0.0, 10, "none in the last minute"),
    ],
)
def test_pace_is_told_with_the_time_left(
    begun: int, seconds: float, waiting: int, told: str
) -> None:
    """The rate is of what began lately, over a second at least; without any there is no guess."""
    assert tell_pace(measure_pace(begun, seconds, waiting)) == told


def test_nothing_waiting_takes_no_time() -> None:
    """At the end nothing is left."""
    assert measure_pace(10, 5.0, 0) == Pace(per_second=2.0, seconds_left=0.0)


@given(seconds=st.floats(0, 10**7))
def test_duration_has_two_digits_after_each_colon(seconds: float) -> None:
    """However long it takes, a duration is read as a clock."""
    parts = tell_duration(seconds).split(":")

    assert all(len(part) == 2 for part in parts[1:])
    total = 0
    for part in parts:
        total = total * 60 + int(part)
    assert total == round(seconds)


@pytest.mark.parametrize(
    ("reply", "general"),
    [
        ("<anna@example.net>: no such user", "<…>: no such user"),
        ("5.1.1 anna.b+x@sub.example.net unknown", "5.1.1 … unknown"),
        ("4.7.1 try later, id 4bRk2Q7x9Zz1", "4.7.1 try later, id …"),
        ("mailbox\n full", "mailbox full"),
        ("", ""),
        ("x" * 300, "x" * 199 + "…"),
    ],
)
def test_reason_names_nobody(reply: str, general: str) -> None:
    """What a relay says of one mail is left out; codes and words stay."""
    assert generalise(reply) == general


def test_reasons_that_differ_by_address_are_one() -> None:
    """They are counted together, the most frequent first, each state by itself."""
    rejected, deferred = DeliveryState.REJECTED, DeliveryState.DEFERRED
    found = [
        (deferred, "later", 2),
        (rejected, "<a@x.org> unknown", 1),
        (rejected, "<b@y.org> unknown", 3),
        (deferred, "<c@y.org> unknown", 2),
    ]

    assert group_reasons(found) == [
        Reason(state=rejected, reason="<…> unknown", count=4),
        Reason(state=deferred, reason="<…> unknown", count=2),
        Reason(state=deferred, reason="later", count=2),
    ]
