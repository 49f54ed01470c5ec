"""What mail servers say, in words that staff understand."""

from __future__ import annotations

import pytest

from publisher.editorial.replies import tell_reply


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ("550 5.1.1 <…> User unknown", "Address does not exist"),
        ("552 5.2.2 Over quota", "Mailbox is full"),
        ("550 5.2.1 The account is disabled", "Mailbox is closed"),
        ("451 4.4.1 Connection timed out", "Their mail server could not be reached"),
        ("554 5.7.1 Blocked by policy", "Their mail server distrusts ours"),
        ("450 Greylisted, try again later", "Their mail server asks to wait"),
        ("552 5.3.4 Message size exceeds limit", "The mail is too large for them"),
        ("a do-not-mail fact", ""),
    ],
)
def test_a_reply_is_told_plainly(reply: str, told: str) -> None:
    """The few things that matter to staff are told apart; what is none of them is left as it is."""
    assert tell_reply(reply) == told
