"""What a bounce means: gone, later, or our own fault; nobody leaves the list for how we send."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.bounces import Sent, is_full, is_lasting, judge, judge_all, status_of
from publisher.model import Failure, Meaning
from tests.factories import NOON

DAY = timedelta(days=1)
SOFT, HARD, OURS = Meaning.SOFT, Meaning.HARD, Meaning.OURS


@pytest.mark.parametrize(
    ("status", "reply", "meaning"),
    [
        ("5.1.1", "550 5.1.1 … recipient rejected", HARD),
        ("5.1.1", "", HARD),
        ("5.1.2", "550 host unknown", HARD),
        ("5.1.3", "501 bad address syntax", HARD),
        ("5.1.6", "551 the mailbox has moved", HARD),
        ("5.1.10", "550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found", HARD),
        ("5.2.1", "550 5.2.1 the account that you tried to reach is inactive", HARD),
        ("5.0.0", "550 no such user", HARD),
        ("5.0.0", "550-5.1.1 the account you tried to reach is not there", HARD),
        ("5.1.0", "550 5.1.0 … user unknown", HARD),
        ("5.5.0", "550 mailbox unavailable; recipient not found", HARD),
        ("", "550 sorry, no mailbox here by that name (#5.1.1)", HARD),
        ("", "550 unknown user", HARD),
        ("5.0.0", "550 something happened", SOFT),
        ("5.5.0", "550 requested action not taken: mailbox unavailable", SOFT),
        ("5.1.0", "550 address rejected", SOFT),
        ("5.2.2", "552 5.2.2 the mailbox is over quota", SOFT),
        ("5.2.1", "450 4.2.1 receives mail at a rate that prevents more", SOFT),
        ("5.2.0", "550 mailbox trouble", SOFT),
        ("5.2.1", "450 4.2.1 not now", SOFT),
        ("5.1.1", "552 5.2.2 no room", SOFT),
        ("5.3.0", "554 other mail system problem", SOFT),
        ("5.4.4", "host not found", SOFT),
        ("5.4.1", "550 5.4.1 recipient address rejected: access denied", SOFT),
        ("4.4.7", "message expired after five days", SOFT),
        ("4.0.0", "", SOFT),
        ("4.1.1", "450 no such user, greylisted", SOFT),
        ("", "450 user unknown", SOFT),
        ("", "", SOFT),
        ("5.7.1", "550 5.7.1 refused", OURS),
        ("4.7.0", "421 4.7.0 too many complaints", OURS),
        ("5.7.26", "550 5.7.26 this mail is not authenticated", OURS),
        ("5.1.1", "550 5.7.1 … refused", OURS),
        ("5.1.1", "550 this message looks like spam", OURS),
        ("5.0.0", "554 your address is on our blocklist", OURS),
        ("5.0.0", "550 refused by policy", OURS),
        ("", "554 DMARC check failed", OURS),
        ("5.1.8", "501 sender's domain does not exist", OURS),
        ("5.1.7", "501 bad sender address", OURS),
        ("5.2.3", "552 message larger than this mailbox takes", OURS),
        ("5.3.4", "552 5.3.4 message too big", OURS),
        ("5.5.2", "501 syntax error", OURS),
        ("5.6.7", "550 5.6.7 address needs SMTPUTF8", OURS),
    ],
)
def test_a_failure_means_the_milder_of_what_it_says(
    status: str, reply: str, meaning: Meaning
) -> None:
    """Status first, then words; refusals of how we send are never the reader's."""
    assert meaning is judge(Failure(status=status, reply=reply))


@given(
    status=st.sampled_from(["5.1.1", "5.2.1", "5.1.10", "4.2.2", "5.0.0", ""]),
    before=st.text(max_size=40),
    refusal=st.sampled_from(["5.7.1", "4.7.28", "spam", "blocked", "reputation", "DKIM"]),
)
def test_no_refusal_of_ours_is_a_readers_end(status: str, before: str, refusal: str) -> None:
    """Whatever else is said, a security status or a word of policy makes it our own fault."""
    assert judge(Failure(status=status, reply=f"{before} {refusal} ")) is OURS


@given(status=st.text(max_size=30), reply=st.text(max_size=300))
def test_any_text_is_judged(status: str, reply: str) -> None:
    """Nothing a server says breaks the judgement."""
    assert judge(Failure(status=status, reply=reply)) in Meaning


def test_of_several_recipients_the_mildest_counts() -> None:
    """An address may lead on to several; one that is only full keeps the reader."""
    gone, full = Failure(status="5.1.1"), Failure(status="5.2.2")

    assert judge_all([gone, full]) == (full, SOFT)
    assert judge_all([gone]) == (gone, HARD)


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded", "delayed"])
def test_a_mail_that_reached_somebody_is_no_bounce(action: str) -> None:
    """Where one of several recipients has it, or may yet, nothing is counted."""
    assert judge_all([Failure(status="5.1.1"), Failure(action=action)]) is None
    assert judge_all([]) is None


def test_the_most_exact_status_is_told() -> None:
    """What the server says is told where the field says nothing in particular."""
    assert status_of(Failure(status="5.0.0", reply="550-5.1.1 gone")) == "5.1.1"
    assert status_of(Failure(status="5.0.0", reply="550 gone")) == "5.0.0"
    assert status_of(Failure(reply="550 gone")) == ""
    assert is_full("5.2.2")
    assert not is_full("5.2.1")


# --------------------------------------------------------------------------------- soft for long


def _history(*days: tuple[int, Meaning | None], full: bool = False) -> list[Sent]:
    """Editions by the day they went, the newest first."""
    return [
        Sent(edition_id=day, at=NOON + day * DAY, meaning=meaning, is_full=full)
        for day, meaning in sorted(days, reverse=True)
    ]


def test_three_editions_over_fifteen_days_are_lasting() -> None:
    """Fewer editions, or the same within fewer days, are not."""
    assert is_lasting(_history((0, SOFT), (7, SOFT), (15, SOFT)))
    assert not is_lasting(_history((0, SOFT), (7, SOFT), (14, SOFT)))
    assert not is_lasting(_history((0, SOFT), (30, SOFT)))
    assert not is_lasting([])


def test_a_full_mailbox_has_thirty_days() -> None:
    """People go on holiday; where another failure is among them the shorter time holds."""
    days = ((0, SOFT), (10, SOFT), (29, SOFT))

    assert not is_lasting(_history(*days, full=True))
    assert is_lasting(_history(*days, (30, SOFT), full=True))
    assert is_lasting([*_history(*days, full=True)[:2], *_history((0, SOFT))])


def test_an_edition_that_arrived_ends_the_row() -> None:
    """Only failures in a row count, and what went after the newest of them may still come back."""
    assert not is_lasting(_history((0, SOFT), (7, None), (14, SOFT), (21, SOFT)))
    assert is_lasting(_history((0, None), (7, SOFT), (14, SOFT), (22, SOFT), (29, None)))


def test_our_own_faults_neither_count_nor_end_the_row() -> None:
    """An edition that was refused for how it was sent says nothing of the mailbox."""
    assert not is_lasting(_history((0, OURS), (7, OURS), (15, OURS)))
    assert not is_lasting(_history((0, SOFT), (7, OURS), (15, SOFT)))
    assert is_lasting(_history((0, SOFT), (7, OURS), (14, SOFT), (21, SOFT)))
