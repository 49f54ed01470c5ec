"""What mail servers say, in words that staff understand."""

from __future__ import annotations

import re

_MEANINGS = (
    (
        r"[45]\.1\.[0-36]\b|no such|unknown|does not exist|not exist|invalid recipient",
        "Address does not exist",
    ),
    (r"[45]\.2\.2\b|mailbox (?:is )?full|over ?quota|quota exceeded", "Mailbox is full"),
    (r"[45]\.2\.1\b|disabled|inactive", "Mailbox is closed"),
    (
        r"[45]\.4\.[1-7]\b|timed? ?out|no route|could not connect|refused the connection",
        "Their mail server could not be reached",
    ),
    (r"greylist|try (?:again )?later|\brate\b|too many", "Their mail server asks to wait"),
    (r"[45]\.7\.|spam|blocked|policy|reputation|listed", "Their mail server distrusts ours"),
    (r"[45]\.3\.4\b|too large|\bsize\b", "The mail is too large for them"),
)
_COMPILED = tuple((re.compile(pattern, re.IGNORECASE), words) for pattern, words in _MEANINGS)


def tell_reply(reply: str) -> str:
    """Return what a reply means in a few words; "" where nobody can tell."""
    return next((words for pattern, words in _COMPILED if pattern.search(reply)), "")
