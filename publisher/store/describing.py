"""What the database keeps of people, in words for them: table by table, column by column.

The page on privacy, what a person is shown of their own data and ``publisher privacy`` are made of
this. A column of these tables that has no words here fails a test.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A table of people, in words."""

    title: str
    why: str
    kept: str
    """How long; ``{attempts}`` and ``{unconfirmed}`` stand for what is configured."""
    columns: Mapping[str, str]


_EDITION = "which letter"
_WHO = "the number of your entry"

PERSONAL: Mapping[str, Described] = {
    "subscribers": Described(
        title="Your entry on the list",
        why="To send you what you asked for.",
        kept="Until you erase it; {unconfirmed} if you never confirm.",
        columns={
            "id": _WHO,
            "address": "your email address",
            "address_key": "the same address in small letters, so that it is on the list once",
            "address_hash": "a keyed fingerprint of it, which cannot be read back",
            "state": "whether you confirmed, get letters, or left",
            "discreet": "whether you want discreet letters",
            "plain_text": "whether you want plain text only",
            "paused_until": "until when you paused",
            "subscribed_at": "when you asked",
            "confirmed_at": "when you confirmed",
            "unsubscribed_at": "when you left",
            "source": "which form you came by",
        },
    ),
    "consents": Described(
        title="Your consent",
        why="To be able to show that you asked.",
        kept="As long as your entry; {unconfirmed} if you never confirm.",
        columns={
            "id": "a number",
            "subscriber_id": _WHO,
            "wording": "the words you agreed to",
            "wording_sha256": "a fingerprint of these words",
            "source": "which form you filled in",
            "requested_at": "when you asked",
            "confirmed_at": "when you confirmed",
        },
    ),
    "subscriptions": Described(
        title="The letters you chose",
        why="To send those and no others.",
        kept="As long as your entry.",
        columns={"subscriber_id": _WHO, "digest": "a letter you chose"},
    ),
    "declined_series": Described(
        title="The series you left out",
        why="To leave them out.",
        kept="As long as your entry.",
        columns={"subscriber_id": _WHO, "series": "a series you left out"},
    ),
    "courses": Described(
        title="The series you get from part 1",
        why="To send the next part in time.",
        kept="As long as your entry.",
        columns={
            "subscriber_id": _WHO,
            "series": "which series",
            "pace": "how often a part comes",
            "started_on": "when you began",
            "next_due_on": "when the next part is due",
            "rehearsed_due_on": "when it would be due in a rehearsal",
            "ended_at": "when it ended",
        },
    ),
    "course_marks": Described(
        title="The parts you skipped or want again",
        why="To do as you said.",
        kept="As long as your entry.",
        columns={
            "subscriber_id": _WHO,
            "post_id": "which part",
            "rehearsal": "whether it was in a rehearsal",
            "mark": "whether you skipped it or want it again",
        },
    ),
    "receipts": Described(
        title="The posts you were sent",
        why="So that none comes twice. It says that a post was sent, not that you read it.",
        kept="As long as your entry.",
        columns={"subscriber_id": _WHO, "post_id": "which post", "edition_id": _EDITION},
    ),
    "rehearsal_receipts": Described(
        title="The posts you would have been sent in rehearsals",
        why="So that a rehearsal is like the real thing; nothing left the machine.",
        kept="As long as your entry.",
        columns={"subscriber_id": _WHO, "post_id": "which post", "edition_id": _EDITION},
    ),
    "deliveries": Described(
        title="The letters that were sent to you",
        why="To send each once, and to know what became of it.",
        kept="As long as the letter is on record. Once you erase your entry, a number without an"
        " address is left.",
        columns={
            "edition_id": _EDITION,
            "subscriber_id": _WHO,
            "seq": "its place in the row",
            "letter_id": "which version of the letter",
            "state": "whether your mail server took it",
            "attempts": "how often it was tried",
            "token": "which worker sent it",
            "first_attempt_at": "when it was first tried",
            "next_attempt_at": "when it is tried again",
            "code": "the number your mail server answered with",
            "enhanced": "the same, in more detail",
            "reply": "the words it answered with",
        },
    ),
    "attempts": Described(
        title="Tries that failed",
        why="To find out why letters do not arrive.",
        kept="{attempts}.",
        columns={
            "id": "a number",
            "edition_id": _EDITION,
            "subscriber_id": _WHO,
            "n": "the how-manieth try",
            "at": "when",
            "outcome": "what came of it",
            "phase": "how far it came",
            "code": "the number your mail server answered with",
            "enhanced": "the same, in more detail",
            "reply": "the words it answered with",
        },
    ),
    "reports": Described(
        title="What came back",
        why="To stop writing to an address that fails, or to somebody who complained.",
        kept="That it came, for good; the words it came with, {attempts}.",
        columns={
            "sha256": "a fingerprint of the report, so that it counts once",
            "taken_at": "when it came",
            "kind": "whether it was a failure, a complaint or a wish to leave",
            "subscriber_id": _WHO,
            "edition_id": _EDITION,
            "meaning": "whether the failure is for good",
            "status": "its code",
            "reply": "its words",
        },
    ),
    "notices": Described(
        title="The mails that a form asked for",
        why="To send them, and to send no address more than one a day, whoever asks.",
        kept="30 days; of mails that sign staff in, half an hour.",
        columns={
            "id": "a number",
            "kind": "what it is for, such as a link to confirm",
            "subscriber_id": _WHO,
            "consent_id": "which consent it asks for",
            "staff_id": "the number of your account, where you are staff",
            "address_hash": "a keyed fingerprint of the address, which cannot be read back",
            "address": "your new address, while you move to it",
            "made_at": "when it was asked for",
            "state": "whether it was sent",
            "attempts": "how often it was tried",
            "next_attempt_at": "when it is tried again",
            "ended_at": "when it was sent, or given up",
            "used_at": "when its link was used",
            "asked_again": "how often more it was asked for within a day, and not sent",
            "reply": "what your mail server answered",
        },
    ),
    "suppressions": Described(
        title="Addresses that are never mailed",
        why="So that nobody who left is put back on the list, by mistake or by a stranger.",
        kept="For good, or until you subscribe again. It holds no address.",
        columns={
            "address_hash": "a keyed fingerprint of the address, which cannot be read back",
            "reason": "why: left, complained, erased, or the address failed",
            "evidence": "how we know",
            "suppressed_at": "since when",
        },
    ),
    "events": Described(
        title="What was done, and when",
        why="To be able to answer for it.",
        kept="For good. It names entries by number and addresses by fingerprint.",
        columns={
            "id": "a number",
            "at": "when",
            "actor": "by whom: you, staff or the program",
            "verb": "what was done",
            "subject": "to what: a letter, a post, the number of an entry",
            "detail": "details",
        },
    ),
}
"""Every table with something about people, those that matter most first."""


def say_how_long(described: Described, *, attempts_days: int, unconfirmed_days: int) -> str:
    """Return how long a table's rows are kept, as it is configured."""
    return described.kept.format(
        attempts=_say_days(attempts_days), unconfirmed=_say_days(unconfirmed_days)
    )


def _say_days(count: int) -> str:
    return f"{count} day{'' if count == 1 else 's'}"
