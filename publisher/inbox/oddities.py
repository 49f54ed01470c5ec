"""Bounces in forms of their own: servers that never took up RFC 3464, such as qmail and old Exims."""

from __future__ import annotations

import logging
import re
from email.utils import getaddresses
from typing import TYPE_CHECKING

import flufl.bounce

from publisher.model import Failure

if TYPE_CHECKING:
    from collections.abc import Callable
    from email.message import Message

_DAEMONS = re.compile(r"(?:mailer-?daemon|postmaster|mail(?:er)?|mdaemon|root)\b", re.IGNORECASE)
_LINES = 60
"""What a server says of the failure stands before the mail it returns."""
_RETURNED = re.compile(
    r"^-{2,}.*(?:original|copy|below|returned|undelivered).*$", re.IGNORECASE | re.MULTILINE
)

logging.getLogger("flufl.bounce").addHandler(logging.NullHandler())
logging.getLogger("flufl.bounce").propagate = False


def read_oddity(message: Message, text: str, clean: Callable[[str], str]) -> Failure | None:
    """Return the failure that a mail tells in a form of its own, or nothing.

    Only mail by a mail server counts: a holiday's reply may quote a bounce. The library finds who
    failed but calls full mailboxes and refusals permanent, so only its finding is taken; what it
    means is judged by the words.
    """
    if not _is_by_a_server(message):
        return None
    later, never = flufl.bounce.all_failures(message)
    if not later and not never and "X-Failed-Recipients" not in message:
        return None
    told = _RETURNED.split(text, maxsplit=1)[0]
    reply = clean(" ".join(told.splitlines()[:_LINES]))
    is_delay = bool(later) and not never
    return Failure(action="delayed" if is_delay else "failed", reply=reply)


def _is_by_a_server(message: Message) -> bool:
    if "X-Failed-Recipients" in message:
        return True
    senders = getaddresses([str(message.get("From", ""))[:1000]])
    return any(_DAEMONS.match(address) for _, address in senders)
