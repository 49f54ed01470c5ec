"""People by staff's hand: found, looked at whole, taken off the list at their word."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from publisher.deliverability import parse_address
from publisher.errors import NotFound, Problem, UsageError
from publisher.store import courses, people, subscribers
from publisher.subscribing.addresses import hash_address, read_address

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from publisher.model import Consent, Course, Subscriber
    from publisher.store import Store, Transaction
    from publisher.store.feedback import Suppression
    from publisher.store.people import Found, Sent

MOST_FOUND: Final = 50
"""People on one page of a list."""
LEAST_TYPED: Final = 2
"""Letters that a search needs: one would be a walk through everybody."""
_LETTERS: Final = 20
_HASH: Final = re.compile("[0-9a-f]{8,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Matches:
    """People who were found, and whether there are more."""

    people: Sequence[Found]
    has_more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonSheet:
    """One person whole, as staff see them."""

    person: Subscriber
    consents: Sequence[Consent]
    """The newest first."""
    suppression: Suppression | None
    courses: Mapping[str, Course]
    """By series."""
    letters: Sequence[Sent]

    @property
    def is_own_will(self) -> bool:
        """Whether only the person can take back what stands against mailing them."""
        return self.suppression is not None and self.suppression.reason in subscribers.WILL


def list_newest(store: Store, *, before: int | None = None) -> Matches:
    """Return who came last, a page at a time."""
    with store.read() as tx:
        return _page(people.find_newest(tx, limit=MOST_FOUND + 1, before=before))


def search(store: Store, text: str, *, after: int = 0) -> Matches:
    """Return the person at an address, or those whose address begins so, a page at a time by id.

    Raises UsageError where the text is too short.
    """
    beginning = text.strip().casefold()
    if len(beginning) < LEAST_TYPED:
        raise UsageError(_too_short(text))
    with store.read() as tx:
        exact = _find_exactly(tx, text)
        if exact:
            return Matches(people=exact, has_more=False)
        return _page(people.find_beginning(tx, beginning, limit=MOST_FOUND + 1, after=after))


def _find_exactly(tx: Transaction, text: str) -> list[Found]:
    try:
        key = parse_address(text).key
    except ValueError:
        return []
    return people.find_exactly(tx, key)


def _page(found: Sequence[Found]) -> Matches:
    return Matches(people=found[:MOST_FOUND], has_more=len(found) > MOST_FOUND)


def read_person(store: Store, subscriber_id: int, *, rehearsal: bool) -> PersonSheet:
    """Return a person whole. Raises NotFound."""
    with store.read() as tx:
        person = _demand(tx, subscriber_id)
        return PersonSheet(
            person=person,
            consents=people.read_consents(tx, person.id),
            suppression=people.read_suppression(tx, hash_address(tx, person.address)),
            courses=courses.read_all(tx, person.id, rehearsal=rehearsal),
            letters=people.read_letters(tx, person.id, limit=_LETTERS),
        )


def take_off(store: Store, subscriber_id: int, *, evidence: str, by: str, now: datetime) -> bool:
    """End a person's subscription at their word to staff; False where it was ended before.

    In force for every mail that has not begun. It is the person's own will, which staff do not
    take back. Raises NotFound, and UsageError where nothing says how they asked.
    """
    if not evidence.strip():
        raise UsageError(_no_evidence())
    with store.write() as tx:
        person = _demand(tx, subscriber_id)
        changed = subscribers.unsubscribe(tx, person.id, by=by, now=now)
        fact = (hash_address(tx, person.address), "unsubscribed", evidence.strip())
        subscribers.suppress(tx, [fact], now=now)
        return changed


def page_suppressions(
    store: Store, *, after: str | None = None
) -> tuple[Sequence[Suppression], bool]:
    """Return do-not-mail facts a page at a time, the newest first, and whether there are more."""
    with store.read() as tx:
        found = people.read_suppressions(tx, limit=MOST_FOUND + 1, after=after)
    return found[:MOST_FOUND], len(found) > MOST_FOUND


def search_suppressions(store: Store, text: str) -> Sequence[Suppression]:
    """Return the do-not-mail facts of an address, or of a hash that begins so.

    Addresses are kept as fingerprints, so only a whole one is found. Raises UsageError for what is
    neither.
    """
    with store.read() as tx:
        beginning = text.strip().lower()
        if not _HASH.fullmatch(beginning):
            beginning = hash_address(tx, read_address(text))
        return people.find_suppressions(tx, beginning, limit=MOST_FOUND)


def note_export(store: Store, what: str, *, by: str, now: datetime) -> None:
    """Note that somebody took everybody's addresses away."""
    with store.write() as tx:
        subscribers.note(tx, by, "export", f"list:{what}", now=now)


def _demand(tx: Transaction, subscriber_id: int) -> Subscriber:
    person = subscribers.read_one(tx, subscriber_id)
    if person is None:
        raise NotFound(_nobody())
    return person


def _too_short(text: str) -> Problem:
    return Problem(
        code="subscriber.search",
        path="search",
        expected=f"an address, or at least {LEAST_TYPED} letters of its beginning",
        got=f'"{text.strip()}"',
        hint="Nothing was changed.",
    )


def _no_evidence() -> Problem:
    return Problem(
        code="subscriber.evidence",
        path="evidence",
        expected="how and when this person asked",
        got="nothing",
        hint="Such as: by telephone on 3 March. Nothing was changed.",
    )


def _nobody() -> Problem:
    return Problem(
        code="subscriber.unknown",
        path="subscriber",
        expected="somebody on the list",
        got="nobody: they may have been erased",
        hint="Nothing was changed.",
    )
