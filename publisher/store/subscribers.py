"""People, their consent and choices, suppressions, and the keys their links are signed with."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from publisher.model import Address, Subscriber, SubscriberState
from publisher.store import dialect
from publisher.store.schema import (
    consents,
    declined_series,
    events,
    keys,
    subscribers,
    subscriptions,
    suppressions,
)
from publisher.tokens import Key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from publisher.model import Consent
    from publisher.store import Transaction


# ------------------------------------------------------------------------------------------- keys


def load_keys(tx: Transaction, purpose: str) -> tuple[Key, ...]:
    """Return the keys of a purpose, the one that signs first, retired ones last."""
    rows = tx.execute(
        sa.select(keys).where(keys.c.purpose == purpose).order_by(keys.c.id.desc())
    ).all()
    found = [
        Key(id=row.id, purpose=row.purpose, secret=row.secret, retired=row.retired_at is not None)
        for row in rows
    ]
    return tuple(sorted(found, key=lambda key: key.retired))


def rotate_key(tx: Transaction, purpose: str, secret: bytes, *, now: datetime) -> int:
    """Retire the signing key of a purpose and put ``secret`` in its place; return the new id."""
    tx.execute(
        sa.update(keys)
        .where(keys.c.purpose == purpose, keys.c.retired_at.is_(None))
        .values(retired_at=now)
    )
    made = tx.execute(
        sa.insert(keys).values(purpose=purpose, secret=secret, made_at=now).returning(keys.c.id)
    )
    return int(made.scalar_one())


# ----------------------------------------------------------------------------------------- people


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """A person being recorded: address and its hash, state, consent and choices."""

    address: Address
    address_hash: str
    state: SubscriberState
    consent: Consent
    discreet: bool = False
    digests: tuple[str, ...] = ()
    series: tuple[str, ...] = ()


def add(tx: Transaction, people: Sequence[Joining]) -> list[str]:
    """Record people whose address is new; return the keys of those that were.

    A known address is left exactly as it is; of two new ones that are equal, the first counts.
    """
    fresh: dict[str, Joining] = {}
    for person in people:
        fresh.setdefault(person.address.key, person)
    rows = [_row(person) for person in fresh.values()]
    added = dialect.insert_new_returning(
        tx, subscribers, rows, subscribers.c.address_key, subscribers.c.id
    )
    ids = {row.address_key: row.id for row in added}
    joined = [(ids[key], person) for key, person in fresh.items() if key in ids]
    if joined:
        tx.execute(sa.insert(consents), [consent_row(one, p.consent) for one, p in joined])
    _insert_choices(
        tx, subscriptions, "digest", [(one, name) for one, p in joined for name in p.digests]
    )
    _insert_choices(
        tx, declined_series, "series", [(one, name) for one, p in joined for name in p.series]
    )
    return [person.address.key for _, person in joined]


def _row(person: Joining) -> dict[str, Any]:
    return {
        "address": person.address.typed,
        "address_key": person.address.key,
        "address_hash": person.address_hash,
        "state": person.state,
        "discreet": person.discreet,
        "subscribed_at": person.consent.requested_at,
        "confirmed_at": person.consent.confirmed_at,
        "source": person.consent.source,
    }


def consent_row(subscriber_id: int, consent: Consent) -> dict[str, Any]:
    """Return the row of one consent."""
    return {
        "subscriber_id": subscriber_id,
        "wording": consent.wording,
        "wording_sha256": hashlib.sha256(consent.wording.encode()).hexdigest(),
        "source": consent.source,
        "requested_at": consent.requested_at,
        "confirmed_at": consent.confirmed_at,
    }


def _insert_choices(
    tx: Transaction, table: sa.Table, column: str, pairs: list[tuple[int, str]]
) -> None:
    dialect.insert_new(
        tx, table, [{"subscriber_id": one, column: choice} for one, choice in pairs]
    )


def count(tx: Transaction) -> int:
    """Return how many people there are, in any state."""
    return int(tx.execute(sa.select(sa.func.count()).select_from(subscribers)).scalar_one())


def read_all(tx: Transaction, *, after: int = 0, limit: int | None = None) -> list[Subscriber]:
    """Return people by id, after one, with their choices."""
    query = sa.select(subscribers).where(subscribers.c.id > after).order_by(subscribers.c.id)
    rows = tx.execute(query.limit(limit)).all()
    return list(_with_choices(tx, rows))


def read_by_key(tx: Transaction, address_key: str) -> Subscriber | None:
    """Return the person at an address."""
    rows = tx.execute(sa.select(subscribers).where(subscribers.c.address_key == address_key)).all()
    return next(_with_choices(tx, rows), None)


def read_one(tx: Transaction, subscriber_id: int) -> Subscriber | None:
    """Return one person."""
    rows = tx.execute(sa.select(subscribers).where(subscribers.c.id == subscriber_id)).all()
    return next(_with_choices(tx, rows), None)


def _with_choices(tx: Transaction, rows: Sequence[Any]) -> Iterator[Subscriber]:
    if not rows:
        return
    first, last = rows[0].id, rows[-1].id
    chosen = _choices(tx, subscriptions, "digest", first, last)
    declined = _choices(tx, declined_series, "series", first, last)
    for row in rows:
        yield Subscriber(
            id=row.id,
            address=Address(typed=row.address, key=row.address_key),
            state=SubscriberState(row.state),
            subscribed_at=row.subscribed_at,
            confirmed_at=row.confirmed_at,
            source=row.source,
            discreet=row.discreet,
            digests=tuple(chosen[row.id]),
            series=tuple(declined[row.id]),
            plain_text=row.plain_text,
            paused_until=row.paused_until,
            unsubscribed_at=row.unsubscribed_at,
        )


def _choices(
    tx: Transaction, table: sa.Table, column: str, first: int, last: int
) -> dict[int, list[str]]:
    choices: dict[int, list[str]] = defaultdict(list)
    rows = tx.execute(
        sa.select(table.c.subscriber_id, table.c[column])
        .where(table.c.subscriber_id.between(first, last))
        .order_by(table.c[column])
    )
    for row in rows:
        choices[row[0]].append(row[1])
    return choices


def unsubscribe(
    tx: Transaction, subscriber_id: int, *, by: str = "subscriber", now: datetime
) -> bool:
    """End a person's subscription; return whether it was not ended before."""
    changed = tx.execute(
        sa.update(subscribers)
        .where(
            subscribers.c.id == subscriber_id,
            subscribers.c.state != SubscriberState.UNSUBSCRIBED,
        )
        .values(state=SubscriberState.UNSUBSCRIBED, unsubscribed_at=now)
    )
    if changed.rowcount:
        note(tx, by, "unsubscribe", f"subscriber:{subscriber_id}", now=now)
    return changed.rowcount == 1


# ------------------------------------------------------------------------------------ suppressions

WILL = ("unsubscribed", "complained", "erased")
"""Reasons that are the person's own: no staff takes them back, and no other reason replaces them."""


def suppress(
    tx: Transaction, address_hashes: Iterable[tuple[str, str, str]], *, now: datetime
) -> int:
    """Record standing do-not-mail facts: (hash, reason, evidence); return how many are new.

    The first fact of an address stands, but a person's own will replaces what was nobody's.
    """
    rows = [
        {"address_hash": one, "reason": reason, "evidence": evidence, "suppressed_at": now}
        for one, reason, evidence in address_hashes
    ]
    added = dialect.insert_new(tx, suppressions, rows)
    willed = [{f"its_{name}": row[name] for name in row} for row in rows if row["reason"] in WILL]
    if willed and added < len(rows):
        tx.execute(
            sa.update(suppressions)
            .where(
                suppressions.c.address_hash == sa.bindparam("its_address_hash"),
                *(suppressions.c.reason != one for one in WILL),
            )
            .values(
                {name: sa.bindparam(f"its_{name}") for name in rows[0] if name != "address_hash"}
            ),
            willed,
        )
    return added


def suppressed_hashes(tx: Transaction, wanted: Sequence[str]) -> frozenset[str]:
    """Return which of the address hashes are suppressed."""
    found: set[str] = set()
    for start in range(0, len(wanted), 500):
        batch = wanted[start : start + 500]
        found.update(
            tx.scalars(
                sa.select(suppressions.c.address_hash).where(
                    suppressions.c.address_hash.in_(batch)
                )
            )
        )
    return frozenset(found)


def note(
    tx: Transaction, actor: str, verb: str, subject: str, *, now: datetime, detail: str = ""
) -> None:
    """Add one line to the history."""
    tx.execute(
        sa.insert(events).values(at=now, actor=actor, verb=verb, subject=subject, detail=detail)
    )
