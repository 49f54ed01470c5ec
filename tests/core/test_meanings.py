"""What a reply means, when a mail is tried again, when we stop, and how fast we go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher import deliverability
from publisher.deliverability import (
    DISTRUSTED_MOST,
    REFUSED_MOST,
    Breaker,
    Meaning,
    Pace,
    back_off,
    expires_at,
    read_outcome,
    settle,
)
from publisher.model import Accepted, Deferred, Phase, Rejected, Uncertain

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SPAM = Rejected(code=554, reply="looks like spam", enhanced="5.7.1", phase=Phase.END)
GONE = Rejected(code=550, reply="no such mailbox", enhanced="5.1.1", phase=Phase.RCPT)
FULL = Rejected(code=552, reply="mailbox full", enhanced="5.2.2", phase=Phase.RCPT)


def _no(code: int, enhanced: str, phase: Phase, reply: str = "no") -> Rejected:
    return Rejected(code=code, reply=reply, enhanced=enhanced, phase=phase)


def _later(code: int, enhanced: str, phase: Phase) -> Deferred:
    return Deferred(code=code, reply="later", enhanced=enhanced, phase=phase)


@pytest.mark.parametrize(
    ("outcome", "meaning"),
    [
        (Accepted(), Meaning.TAKEN),
        (Uncertain(reply="lost"), Meaning.UNKNOWN),
        (_later(450, "4.2.1", Phase.RCPT), Meaning.LATER),
        (_later(451, "", Phase.END), Meaning.LATER),
        (_later(451, "4.7.1", Phase.RCPT), Meaning.SLOWLY),
        (_later(451, "4.7.28", Phase.END), Meaning.BUSY),
        (_later(421, "", Phase.RCPT), Meaning.BUSY),
        (_later(451, "", Phase.MAIL), Meaning.BUSY),
        (_later(452, "4.3.1", Phase.RCPT), Meaning.BUSY),
        (_later(452, "4.5.3", Phase.RCPT), Meaning.BUSY),
        (_no(550, "5.1.1", Phase.RCPT), Meaning.GONE),
        (_no(550, "5.2.1", Phase.END), Meaning.GONE),
        (_no(550, "", Phase.RCPT), Meaning.GONE),
        (_no(553, "", Phase.RCPT), Meaning.GONE),
        (_no(501, "", Phase.RCPT), Meaning.REFUSED),
        (_no(550, "5.2.2", Phase.RCPT), Meaning.REFUSED),
        (_no(553, "5.6.7", Phase.RCPT), Meaning.REFUSED),
        (_no(552, "", Phase.MAIL), Meaning.REFUSED),
        (_no(550, "5.3.4", Phase.MAIL), Meaning.REFUSED),
        (_no(554, "", Phase.END), Meaning.DISTRUSTED),
        (_no(554, "", Phase.DATA), Meaning.DISTRUSTED),
        (_no(550, "5.7.26", Phase.END), Meaning.DISTRUSTED),
        (_no(554, "", Phase.RCPT, "Relay access denied"), Meaning.DISTRUSTED),
        (_no(550, "", Phase.RCPT, "blocked, see our policy"), Meaning.DISTRUSTED),
        (_no(554, "5.7.1", Phase.MAIL), Meaning.TURNED_AWAY),
        (_no(554, "", Phase.CONNECT), Meaning.TURNED_AWAY),
    ],
)
def test_an_outcome_means_what_phase_code_and_words_say(
    outcome: Accepted | Deferred | Rejected | Uncertain, meaning: Meaning
) -> None:
    """The mailbox, the relay or we ourselves: whom a reply is about is read from its phase and codes."""
    assert read_outcome(outcome) is meaning


def test_a_refusal_because_of_us_is_final_only_the_second_time() -> None:
    """Mended by the operator, the same mail may be taken: the first time the row waits."""
    assert settle(SPAM, 1) == Deferred(
        code=554, reply="looks like spam", enhanced="5.7.1", phase=Phase.END
    )
    assert settle(SPAM, 2) == SPAM
    assert settle(GONE, 1) == GONE
    assert settle(Accepted(), 1) == Accepted()


@given(attempts=st.integers(min_value=0, max_value=60), name=st.text())
def test_a_back_off_grows_and_is_spread(attempts: int, name: str) -> None:
    """Five minutes, doubling up to three hours, and up to a fifth more, the same every time."""
    wait = back_off(attempts, name)

    assert timedelta(minutes=5) <= back_off(attempts) <= wait <= back_off(attempts) * 1.2
    assert wait == back_off(attempts, name)
    assert back_off(attempts + 1) >= back_off(attempts)
    assert wait <= timedelta(hours=3) * 1.2


def test_mails_that_failed_together_do_not_come_back_together() -> None:
    """A thousand waits are hardly ever the same."""
    assert len({back_off(1, f"1:{reader}") for reader in range(1000)}) > 950


@pytest.mark.parametrize(
    ("audience", "limit", "days"), [(100, 0, 0), (0, 50, 0), (100, 50, 1), (101, 50, 2)]
)
def test_a_daily_limit_gives_an_edition_its_days(audience: int, limit: int, days: int) -> None:
    """An edition that spreads over days does not expire before the last of them."""
    ends_at = expires_at(NOON, timedelta(hours=48), audience=audience, daily_limit=limit)

    assert ends_at == NOON + timedelta(hours=48, days=days)


# ---------------------------------------------------------------------------------- when to stop


def test_ten_refusals_because_of_us_in_a_row_stop_the_edition() -> None:
    """The tenth says why, with the relay's words; one mail taken between begins the count anew."""
    breaker = Breaker()
    said = [breaker.hear(SPAM, "example.net") for _ in range(DISTRUSTED_MOST - 1)]
    breaker.hear(Accepted(), "example.net")
    said += [breaker.hear(SPAM, "example.net") for _ in range(DISTRUSTED_MOST - 1)]

    last = breaker.hear(SPAM, "example.net")

    assert set(said) == {""}
    assert last == "10 mails in a row were refused because of us: 554 looks like spam"


def test_a_relay_that_takes_nothing_from_us_stops_it_at_once() -> None:
    """A refusal before the relay heard of a reader is about us: no other mail is tried."""
    refusal = _no(550, "", Phase.MAIL, "sender not yours")

    assert Breaker().hear(refusal, "a") == (
        "the relay takes nothing from us: 550 sender not yours"
    )


def test_twenty_wrong_addresses_in_a_row_are_our_own_mistake() -> None:
    """A list that is refused whole is the wrong list; other ends do not count."""
    breaker = Breaker()
    breaker.hear(Uncertain(reply="lost"), "a")
    said = [breaker.hear(one, "a") for one in (GONE, FULL) * (REFUSED_MOST // 2)]

    assert said[:-1] == [""] * (REFUSED_MOST - 1)
    assert said[-1] == "20 mails in a row were refused: 552 mailbox full"


def test_a_domain_that_distrusts_us_rests_while_others_take_mail() -> None:
    """Three doubts of one domain and it is left alone, if anybody takes our mail at all."""
    breaker = Breaker()
    for _ in range(3):
        breaker.hear(SPAM, "slow.example")
    before = breaker.is_resting("slow.example")
    breaker.hear(Accepted(), "good.example")

    assert not before
    assert breaker.is_resting("slow.example")
    assert not breaker.is_resting("good.example")
    breaker.hear(Accepted(), "slow.example")
    assert not breaker.is_resting("slow.example")


# -------------------------------------------------------------------------------------- how fast


def test_few_mails_are_under_way_before_the_first_is_taken() -> None:
    """A relay that refuses us refuses four at most at a time; then every line is used."""
    pace = Pace(connections=8)
    before = pace.room(0, 0.0)
    pace.hear(Meaning.TAKEN, 0.0)

    assert (before, pace.room(0, 0.0), pace.room(6, 0.0), pace.room(9, 0.0)) == (4, 8, 2, 0)


def test_a_busy_relay_gets_half_the_lines_and_a_rest() -> None:
    """Half, then a rest that doubles; a second "not now" in the same rest says nothing new."""
    pace = Pace(connections=8)
    pace.hear(Meaning.TAKEN, 0.0)
    pace.hear(Meaning.BUSY, 10.0)
    pace.hear(Meaning.BUSY, 10.1)
    resting, rested = pace.room(0, 11.9), pace.room(0, 12.0)
    pace.hear(Meaning.BUSY, 12.0)

    assert (resting, rested) == (0, 4)
    assert (pace.room(0, 15.9), pace.room(0, 16.0)) == (0, 2)
    assert pace.wait_seconds(14.0) == 2.0


def test_a_hundred_mails_taken_earn_a_line_back() -> None:
    """Lines come back one by one, up to what is configured."""
    pace = Pace(connections=2)
    pace.hear(Meaning.BUSY, 0.0)
    for _ in range(100):
        pace.hear(Meaning.TAKEN, 5.0)
    back = pace.width
    for _ in range(300):
        pace.hear(Meaning.TAKEN, 5.0)

    assert (back, pace.width, pace.rests) == (2, 2, 0)


def test_a_relay_that_is_always_busy_wears_us_out() -> None:
    """After seven rests without one mail taken the round had better end."""
    pace = Pace(connections=1)
    now = 0.0
    for _ in range(7):
        assert not pace.is_worn_out
        pace.hear(Meaning.BUSY, now)
        now = pace.rests_until

    assert pace.is_worn_out


@given(
    rate=st.floats(min_value=0.01, max_value=50),
    steps=st.lists(st.floats(min_value=0, max_value=5), max_size=60),
)
def test_a_rate_is_never_exceeded(rate: float, steps: list[float]) -> None:
    """Whenever it is asked, no more mails began than the rate allows, and one second's worth."""
    pace = Pace(connections=1000, per_second=rate, taken=1)
    now, begun = 100.0, 0
    for step in steps:
        now += step
        count = pace.room(0, now)
        pace.begun(count)
        begun += count

    assert begun <= (now - 100.0) * rate + rate + 2


def test_a_rate_says_when_the_next_may_begin() -> None:
    """Ten a minute: after the first one it is six seconds, or what is left of them."""
    pace = Pace(connections=4, per_second=1 / 6, taken=1)
    first = pace.room(0, 1000.0)
    pace.begun(first)

    assert first == 1
    assert pace.room(0, 1000.1) == 0
    assert 4.5 < pace.wait_seconds(1000.0) <= 6
    assert pace.room(0, 1006.0) == 1


def test_without_a_rate_nothing_is_waited_for() -> None:
    """As fast as accepted."""
    pace = Pace(connections=4)
    pace.begun(3)

    assert pace.wait_seconds(5.0) == 0
    assert timedelta(minutes=15) == deliverability.RELAY_WAIT
