"""The columns of a list of subscribers: which header, in whose export, says what."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from publisher.errors import ContentError, Problem
from publisher.exchange import ImportedState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_SHOWN_CHARACTERS = 60

OWN_HEADERS = (
    "email",
    "state",
    "subscribed_at",
    "confirmed_at",
    "source",
    "digests",
    "series",
    "discreet",
)
"""Our own form; all but the first are optional."""

HEADERS: Mapping[str, str] = {
    # the address: the first column present is read
    "email": "email",
    "emailaddress": "email",
    "mail": "email",
    "mailaddress": "email",
    "subscriberemail": "email",
    "emailadresse": "email",
    "deineemailadresse": "email",
    "ihreemailadresse": "email",
    "adresseemail": "email",
    "courriel": "email",
    "correoelectrónico": "email",
    "correoelectronico": "email",
    "indirizzoemail": "email",
    "emailadres": "email",
    "epostadress": "email",
    # times: in each row, the first column that is filled
    "subscribedat": "subscribed_at",
    "optintime": "subscribed_at",  # Mailchimp
    "subscriptiondate": "subscribed_at",  # Buttondown
    "createdat": "subscribed_at",  # Substack, Ghost, beehiiv, listmonk
    "creationdate": "subscribed_at",  # Buttondown
    "confirmedat": "confirmed_at",
    "confirmtime": "confirmed_at",  # Mailchimp
    "confirmationdate": "confirmed_at",
    # what a row says of its person: the harshest counts
    "state": "state",
    "status": "state",  # beehiiv, listmonk, Keila
    "subscriptionstatus": "state",
    "subscribertype": "state",  # Buttondown
    "unsubscriptiondate": "left_at",  # Buttondown: filled for who left
    "unsubscribedat": "left_at",  # beehiiv
    "deletedat": "left_at",  # Ghost
    "unsubscribed": "left_at",
    "emaildisabled": "out",  # Substack: true for who left
    "subscribedtoemails": "in",  # Ghost: false for who left
    "acceptsmarketing": "in",
    "acceptsemailmarketing": "in",
    # columns that speak for the whole file
    "unsubtime": "all_unsubscribed",  # Mailchimp
    "cleantime": "all_cleaned",  # Mailchimp
    # the rest of our own form
    "source": "source",
    "digests": "digests",
    "series": "series",
    "discreet": "discreet",
}
"""Header, letters and digits only → the field it fills; within a field, the first is preferred."""

_STATE_WORDS = {
    ImportedState.ACTIVE: (
        " active confirmed enabled free gifted optedin premium regular subscribed"
    ),
    ImportedState.PENDING: "pending unactivated unconfirmed validating",
    ImportedState.UNSUBSCRIBED: (
        "archived blacklisted blocked blocklisted canceled cancelled complained disabled inactive"
        " optedout removed suppressed unsubscribed"
    ),
    ImportedState.CLEANED: "bounced cleaned invalid undeliverable unreachable",
}
STATES = {word: state for state, words in _STATE_WORDS.items() for word in words.split(" ")}
"""What a column of states may hold, folded as a header is; nothing in it means active."""

_TELLS_WHO_LEFT = re.compile(r"bounc|complain|optout|optedout|status|suppress|unsub")


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Where each field of a row is found."""

    headers: tuple[str, ...]
    places: Mapping[str, tuple[int, ...]]
    read_as: Mapping[str, str]
    ignored: tuple[str, ...]
    is_own: bool
    """Whether this is our own form, whose apostrophes are ours to take off."""
    whole_file: ImportedState
    """What the file's kind says of everybody in it."""

    def first(self, name: str) -> int:
        """Return the place of the preferred column for a field; -1 where there is none."""
        return self.places.get(name, (-1,))[0]


def fold_header(header: str) -> str:
    """Return letters and digits of a header, case-folded: spelling does not tell columns apart."""
    return "".join(filter(str.isalnum, header.casefold()))


FIELDS = tuple(dict.fromkeys(HEADERS.values()))
"""What a column can be read as."""


def find_columns(
    head: Sequence[str], name: str, *, fields: Sequence[str] | None = None
) -> Columns:
    """Return where each field is found below these headers, or as ``fields`` says column by column.

    Raises:
        ContentError: no column of addresses; it names what was found.
    """
    places = _places(head) if fields is None else _chosen(fields[: len(head)])
    if not places["email"]:
        raise _no_addresses(head, name)
    headers = tuple(header.strip() for header in head)
    read = {place: wanted for wanted, found in places.items() for place in found}
    return Columns(
        headers=headers,
        places={wanted: tuple(found) for wanted, found in places.items() if found},
        read_as={headers[place]: read[place] for place in sorted(read)},
        ignored=tuple(header for place, header in enumerate(headers) if place not in read),
        is_own=set(headers) <= set(OWN_HEADERS),
        whole_file=_state_of_all(places),
    )


def guess_fields(head: Sequence[str]) -> tuple[str, ...]:
    """Return for each header what its column would be read as; "" for nothing."""
    fields = {place: wanted for wanted, found in _places(head).items() for place in found}
    return tuple(fields.get(place, "") for place in range(len(head)))


def _places(head: Sequence[str]) -> dict[str, list[int]]:
    folded = [fold_header(header) for header in head]
    places: dict[str, list[int]] = {wanted: [] for wanted in FIELDS}
    for known, wanted in HEADERS.items():
        places[wanted] += [place for place, header in enumerate(folded) if header == known]
    places["email"] = places["email"][:1]
    return places


def _chosen(fields: Sequence[str]) -> dict[str, list[int]]:
    return {
        wanted: [place for place, one in enumerate(fields) if one == wanted] for wanted in FIELDS
    }


def _state_of_all(places: Mapping[str, Sequence[int]]) -> ImportedState:
    if places["all_cleaned"]:
        return ImportedState.CLEANED
    return ImportedState.UNSUBSCRIBED if places["all_unsubscribed"] else ImportedState.ACTIVE


def _no_addresses(head: Sequence[str], name: str) -> ContentError:
    found = ", ".join(show_cell(header.strip()) for header in head[:20])
    hint = "name the column of addresses email"
    if any("@" in header for header in head):
        hint = "put a first line above the addresses that names the columns, such as email"
    return ContentError(
        Problem(
            code="import.no_email",
            path=name,
            line=1,
            expected="a column named email, or Email Address, in the first line",
            got=f"the columns {found}" if found else "no columns",
            hint=hint,
        ),
    )


def doubt_columns(columns: Columns, name: str) -> Iterator[Problem]:
    """Yield a warning for columns that may say who left, where no column that is understood says it."""
    if {"state", "left_at", "out", "in", "all_unsubscribed", "all_cleaned"} & set(columns.places):
        return
    for header in columns.ignored:
        if _TELLS_WHO_LEFT.search(fold_header(header)):
            yield Problem(
                code="import.column",
                path=name,
                line=1,
                level="warning",
                expected="a column named state for who left",
                got=f"{show_cell(header)}, which is not known and was not read",
                hint="rename it to state, with active, pending, unsubscribed or cleaned in it",
            )


def tell_columns(columns: Columns) -> Iterator[str]:
    """Yield what staff should know of how the columns were read, a sentence each."""
    if columns.whole_file is not ImportedState.ACTIVE:
        yield f"By its columns this is a list of {columns.whole_file} people; so is everybody in it."
    if columns.ignored:
        yield f"Not read: {', '.join(map(show_cell, columns.ignored))}."


def show_cell(cell: str) -> str:
    """Return a cell in quotes, shortened, without anything a terminal would act on."""
    beginning = cell[:_SHOWN_CHARACTERS]
    visible = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in beginning)
    return f'"{visible}…"' if len(cell) > _SHOWN_CHARACTERS else f'"{visible}"'
