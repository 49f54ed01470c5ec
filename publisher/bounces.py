"""What a bounce means: whether nobody is there, it may work again, or it is our own fault. Pure.

The Status of RFC 3463 decides, then what the server said. Many servers say one thing in the one and
another in the other, so the milder counts: nobody is taken off the list for how we send.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from itertools import takewhile
from typing import TYPE_CHECKING

from publisher.model import Failure, Meaning

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

EDITIONS = 3
"""So many editions in a row must fail softly before an address counts as gone."""
LASTING = timedelta(days=15)
LASTING_FULL = timedelta(days=30)
"""A full mailbox is often on holiday."""

_CODE = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_BASIC = re.compile(r"(?<![\d.])([45])\d\d(?![\d.])")
_GONE = frozenset({(1, 1), (1, 2), (1, 3), (1, 6), (1, 10), (2, 1)})
"""No such mailbox, no such domain, no mail for it (RFC 7505), moved away, closed."""
_OURS = frozenset({(1, 7), (1, 8), (2, 3), (3, 4)})
"""Our sender is refused, or the mail is too large."""
_OUR_SUBJECTS = frozenset({5, 6})
"""The protocol we speak, the content we send (RFC 3463 section 3)."""
_SECURITY = 7
_FULL = (2, 2)
_PERMANENT = 5

_OUR_WORDS = re.compile(
    r"spam|\bblock(?:ed|ing|s|list\w*)\b|blacklist|\bpolic(?:y|ies)\b|reputation|\bdmarc\b|\bdkim\b"
    r"|\bspf\b|\b(?:dns)?rbl\b|\bdnsbl\b|unsolicited|\bjunk\b|phish|virus|malware|relay\w* (?:access )?denied",
    re.IGNORECASE,
)
_GONE_WORDS = re.compile(
    r"\b(?:no such (?:user|mailbox|account|recipient|address|person)"
    r"|(?:user|recipient|mailbox|account|address|addressee)s? (?:is |was |name )?(?:unknown|not found|invalid)"
    r"|(?:unknown|invalid) (?:user|recipient|mailbox|account|address)"
    r"|not exist|no mailbox here|unrouteable address"
    r"|(?:account|mailbox) (?:has been |is )?(?:disabled|closed|deactivated|inactive|deleted))\b",
    re.IGNORECASE,
)
_SOFT_WORDS = re.compile(
    r"quota|mailbox (?:is )?full|too (?:many|much|fast|quickly)|at a rate|rate limit|try (?:again )?later"
    r"|temporar|greylist",
    re.IGNORECASE,
)


def judge(failure: Failure) -> Meaning:
    """Return what one failure says about the address."""
    codes = _codes(failure)
    if any(subject == _SECURITY for _, subject, _ in codes) or _OUR_WORDS.search(failure.reply):
        return Meaning.OURS
    exact = [one for one in codes if _is_exact(one)]
    if any(one[1:] in _OURS or one[1] in _OUR_SUBJECTS for one in exact):
        return Meaning.OURS
    if _is_temporary(exact or codes, failure) or _SOFT_WORDS.search(failure.reply):
        return Meaning.SOFT
    if exact:
        return Meaning.HARD if all(one[1:] in _GONE for one in exact) else Meaning.SOFT
    return Meaning.HARD if _GONE_WORDS.search(failure.reply) else Meaning.SOFT


def judge_all(failures: Sequence[Failure]) -> tuple[Failure, Meaning] | None:
    """Return the mildest failure of a report and what it means; nothing where one arrived.

    A mail of ours has one recipient, but an address may lead on to several.
    """
    failed = [one for one in failures if one.action == "failed"]
    if not failed or len(failed) < len(failures):
        return None
    order = list(Meaning)
    judged = [(one, judge(one)) for one in failed]
    return min(judged, key=lambda pair: order.index(pair[1]))


def is_full(status: str) -> bool:
    """Tell whether the status says that the mailbox is full."""
    return any((subject, detail) == _FULL for _, subject, detail in _parse(status))


def status_of(failure: Failure) -> str:
    """Return the most exact enhanced code that a failure carries, or nothing."""
    codes = _codes(failure)
    chosen = next((one for one in codes if _is_exact(one)), codes[0] if codes else None)
    return ".".join(map(str, chosen)) if chosen else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """An edition that one reader's server accepted, and what came back."""

    edition_id: int
    at: datetime
    meaning: Meaning | None = None
    """None where nothing came back: it arrived."""
    is_full: bool = False


def is_lasting(history: Sequence[Sent]) -> bool:
    """Tell whether soft failures have lasted: the history is one reader's, the newest first.

    At least three editions in a row, and 15 days from the first of them to the last; 30 where the
    mailbox was full each time. One that arrived ends the row; what was our own fault says nothing.
    What is newer than the newest failure may still come back, and is left out.
    """
    told = [one for one in history if one.meaning is not Meaning.OURS]
    newest = next((place for place, one in enumerate(told) if one.meaning), len(told))
    row = list(takewhile(lambda one: one.meaning is not None, told[newest:]))
    if len(row) < EDITIONS:
        return False
    wanted = LASTING_FULL if all(one.is_full for one in row) else LASTING
    return row[0].at - row[-1].at >= wanted


def _codes(failure: Failure) -> list[tuple[int, int, int]]:
    return [*_parse(failure.status), *_parse(failure.reply)]


def _parse(text: str) -> list[tuple[int, int, int]]:
    return [(int(a), int(b), int(c)) for a, b, c in _CODE.findall(text)]


def _is_exact(code: tuple[int, int, int]) -> bool:
    """Tell whether a code says more than that something failed: neither x.0.0 nor 5.5.0 does."""
    _, subject, detail = code
    return subject != 0 and (detail != 0 or subject not in {1, 2, 5})


def _is_temporary(codes: Sequence[tuple[int, int, int]], failure: Failure) -> bool:
    """Tell whether anything says "later"; where nothing is said it may be."""
    grades = [one[0] for one in codes] or [int(one) for one in _BASIC.findall(failure.reply)]
    return not grades or min(grades) < _PERMANENT
