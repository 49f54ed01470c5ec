"""People come, choose and leave: one use case, one transaction each."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from publisher import deliverability, tokens
from publisher.errors import NotFound, Problem, Refused, UsageError
from publisher.exchange import ImportedState
from publisher.exchange.subscribers import read_subscribers, write_subscribers
from publisher.model import Address, Consent, Subscriber, SubscriberState
from publisher.store import feedback, subscribers
from publisher.store.subscribers import Joining

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from publisher.exchange.subscribers import ImportedSubscriber
    from publisher.store import Store, Transaction
    from publisher.store.feedback import Suppression

_BATCH = 5_000
_HASH = re.compile(r"[0-9a-fA-F]{8,64}")


@dataclass(slots=True)
class Import:
    """What taking in a list came to."""

    added: int = 0
    known: int = 0
    suppressed: int = 0
    left_out: int = 0
    """People left out by a standing do-not-mail fact."""
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def add(store: Store, address_text: str, *, consent: str, source: str, now: datetime) -> bool:
    """Add a person who agreed, active at once; False where the address is known already.

    Raises UsageError for what is no address, Refused for one that must not be mailed.
    """
    address = read_address(address_text)
    if not consent.strip():
        raise Refused(_no_consent(address.typed))
    agreed = Consent(wording=consent, source=source, requested_at=now, confirmed_at=now)
    with store.write() as tx:
        hashed = _hash(tx, address)
        if subscribers.suppressed_hashes(tx, [hashed]):
            raise Refused(_suppressed(address))
        person = Joining(
            address=address, address_hash=hashed, state=SubscriberState.ACTIVE, consent=agreed
        )
        return bool(subscribers.add(tx, [person]))


def read_address(text: str) -> Address:
    """Return the address; raises UsageError saying what is wrong with it."""
    try:
        return deliverability.parse_address(text)
    except ValueError as error:
        raise UsageError(
            Problem(
                code="subscriber.address",
                path="address",
                expected="an email address such as anna@example.org",
                got=f"{text!r}: {error}",
                hint="Nobody was added.",
            )
        ) from error


def import_list(
    store: Store, data: bytes, name: str, *, consent: str, dry_run: bool = False, now: datetime
) -> Import:
    """Take in a list: people with proof of consent, and those who left as suppressions.

    A row without a confirmation time needs ``consent``, how they agreed; else it is refused and
    counted. A second import of the same list changes nothing.
    """
    listed = read_subscribers(data, name)
    done = Import(problems=list(listed.problems), notes=list(listed.notes))
    source = f"import {listed.source_sha256[:12]}"
    for start in range(0, len(listed.rows), _BATCH):
        batch = listed.rows[start : start + _BATCH]
        people = _people(batch, done, name, consent=consent, source=source, now=now)
        gone = [row for row in batch if row.state in _GONE]
        with suppress(_Undo), store.write() as tx:
            _take_in(tx, people, gone, done, source=source, now=now)
            if dry_run:
                raise _Undo
    if done.left_out:
        done.notes.append(f"{done.left_out:,} left out: a standing do-not-mail fact.")
    return done


class _Undo(Exception):  # noqa: N818 - it undoes a transaction, and nothing is wrong
    """Leaves a transaction without keeping it."""


_GONE = {ImportedState.UNSUBSCRIBED: "unsubscribed", ImportedState.CLEANED: "cleaned"}


def _people(
    rows: Sequence[ImportedSubscriber],
    done: Import,
    name: str,
    *,
    consent: str,
    source: str,
    now: datetime,
) -> list[tuple[ImportedSubscriber, Consent]]:
    people = []
    for row in rows:
        if row.state is not ImportedState.ACTIVE:
            if row.state is ImportedState.PENDING:
                done.problems.append(_unconfirmed(name, row))
            continue
        if row.confirmed_at is None and not consent:
            done.problems.append(_unproven(name, row))
            continue
        agreed = Consent(
            wording=consent or "confirmed before, as the imported list says",
            source=row.source or source,
            requested_at=row.subscribed_at or row.confirmed_at or now,
            confirmed_at=row.confirmed_at or row.subscribed_at or now,
        )
        people.append((row, agreed))
    return people


def _take_in(
    tx: Transaction,
    people: Sequence[tuple[ImportedSubscriber, Consent]],
    gone: Sequence[ImportedSubscriber],
    done: Import,
    *,
    source: str,
    now: datetime,
) -> None:
    pepper = subscribers.load_keys(tx, "pepper")[0]
    facts = [
        (tokens.keyed_hash(pepper, row.address.key), _GONE[row.state], source) for row in gone
    ]
    done.suppressed += subscribers.suppress(tx, facts, now=now)
    joining = [
        Joining(
            address=row.address,
            address_hash=tokens.keyed_hash(pepper, row.address.key),
            state=SubscriberState.ACTIVE,
            consent=agreed,
            discreet=row.discreet,
            digests=row.digests,
            series=row.series,
        )
        for row, agreed in people
    ]
    suppressed = subscribers.suppressed_hashes(tx, [one.address_hash for one in joining])
    welcome = [one for one in joining if one.address_hash not in suppressed]
    added = subscribers.add(tx, welcome)
    done.added += len(added)
    done.known += len(welcome) - len(added)
    done.left_out += len(joining) - len(welcome)


def export_list(store: Store) -> str:
    """Return everyone as CSV in the product's own form, who must not be mailed as such.

    Suppressions of people who are gone have no address any more, so the list cannot name them.
    """
    with store.read() as tx:
        gone = {
            read_address(one.address).key: _EXPORTED.get(one.reason, ImportedState.UNSUBSCRIBED)
            for one in feedback.read_suppressions(tx)
            if one.address
        }
        return write_subscribers(subscribers.read_all(tx), gone=gone)


_EXPORTED = {"bounced": ImportedState.CLEANED, "cleaned": ImportedState.CLEANED}
"""What is no one's will stays so in a list; every other reason is ``unsubscribed``."""


def find_by_address(store: Store, address: Address) -> Subscriber | None:
    """Return the person at an address."""
    with store.read() as tx:
        return subscribers.read_by_key(tx, address.key)


def list_people(store: Store) -> list[Subscriber]:
    """Return everyone, by id."""
    with store.read() as tx:
        return subscribers.read_all(tx)


def ensure_sample_reader(store: Store, address_text: str, *, now: datetime) -> bool:
    """Add a made-up reader where there is nobody, so that a first rehearsal has a letter."""
    with store.read() as tx:
        if subscribers.count(tx):
            return False
    return add(
        store,
        address_text,
        consent="a made-up reader for the first rehearsal",
        source="sample",
        now=now,
    )


# ----------------------------------------------------------------------------------- by a link


def find_by_token(store: Store, token: str) -> Subscriber | None:
    """Return the person a link belongs to, or None where the link is not ours."""
    with store.read() as tx:
        subscriber_id = tokens.read(token, subscribers.load_keys(tx, "link"), "link")
        return None if subscriber_id is None else subscribers.read_one(tx, subscriber_id)


def unsubscribe(store: Store, token: str, *, now: datetime) -> bool:
    """End the subscription a link belongs to; again is harmless. Raises NotFound for no link of ours.

    In force for every mail that has not begun (RFC 8058).
    """
    with store.write() as tx:
        subscriber_id = tokens.read(token, subscribers.load_keys(tx, "link"), "link")
        person = None if subscriber_id is None else subscribers.read_one(tx, subscriber_id)
        if person is None:
            raise NotFound(_unknown_link())
        changed = subscribers.unsubscribe(tx, person.id, now=now)
        subscribers.suppress(tx, [(_hash(tx, person.address), "unsubscribed", "link")], now=now)
        return changed


# -------------------------------------------------------------------------------- suppressions


def list_suppressions(store: Store) -> list[Suppression]:
    """Return every standing do-not-mail fact, the newest first."""
    with store.read() as tx:
        return feedback.read_suppressions(tx)


def suppress_address(store: Store, address_text: str, *, evidence: str, now: datetime) -> bool:
    """Mail an address no more, known or not, until staff take it back; False where it is so already.

    In force for every mail that has not begun. Raises UsageError for what is no address.
    """
    address = read_address(address_text)
    with store.write() as tx:
        hashed = _hash(tx, address)
        added = bool(subscribers.suppress(tx, [(hashed, "staff", evidence)], now=now))
        if added:
            subscribers.note(
                tx, "staff", "suppress", f"address:{hashed[:12]}", now=now, detail=evidence
            )
        return added


def release_address(store: Store, text: str, *, now: datetime) -> str:
    """Take back a suppression, named by its address or the beginning of its hash; return the hash.

    Raises NotFound where there is none, Refused where the person left or complained: only the
    person takes that back.
    """
    with store.write() as tx:
        beginning = text.lower() if _HASH.fullmatch(text) else _hash(tx, read_address(text))
        found = feedback.find_suppressions(tx, beginning)
        if len(found) != 1:
            raise NotFound(_no_suppression(text, len(found)))
        ((hashed, reason),) = found
        if reason in subscribers.WILL:
            raise Refused(_own_will(text, reason))
        feedback.remove_suppression(tx, hashed)
        subscribers.note(tx, "staff", "release", f"address:{hashed[:12]}", now=now, detail=reason)
        return hashed


def _hash(tx: Transaction, address: Address) -> str:
    return tokens.keyed_hash(subscribers.load_keys(tx, "pepper")[0], address.key)


# ------------------------------------------------------------------------------------- problems


def _no_consent(address: str) -> Problem:
    return Problem(
        code="subscriber.consent",
        path=address,
        expected="how this person agreed to be mailed",
        got="nothing",
        hint='Say it: --consent "asked for it at the desk on 3 March". Nobody was added.',
    )


def _suppressed(address: Address) -> Problem:
    return Problem(
        code="subscriber.suppressed",
        path=deliverability.mask(address),
        expected="an address that may be mailed",
        got="one that left, or that refused mail for good",
        hint="Only the person can come back, by the subscribe form. Nobody was added.",
    )


def _no_suppression(text: str, count: int) -> Problem:
    return Problem(
        code="suppression.unknown",
        path="suppressions",
        expected="an address that is suppressed, or the beginning of one hash",
        got=f"{text}: {'more than one' if count else 'none'}",
        hint="publisher suppressions ls lists them. Nothing was changed.",
    )


def _own_will(text: str, reason: str) -> Problem:
    return Problem(
        code="suppression.will",
        path="suppressions",
        expected="a suppression that staff may take back: bounced, cleaned or staff",
        got=f"{text}: {reason}",
        hint="Only the person can come back, by the subscribe form. Nothing was changed.",
    )


def _unproven(name: str, row: ImportedSubscriber) -> Problem:
    return Problem(
        code="subscriber.consent",
        path=name,
        line=row.line,
        expected="a confirmation time, or how they agreed",
        got="neither",
        hint='Refused. If they did agree: --consent "how they agreed"',
    )


def _unconfirmed(name: str, row: ImportedSubscriber) -> Problem:
    return Problem(
        code="subscriber.pending",
        path=name,
        line=row.line,
        level="warning",
        expected="a person who confirmed",
        got="one who never did",
        hint="Left out; they can subscribe again.",
    )


def _unknown_link() -> Problem:
    return Problem(
        code="link.unknown",
        path="link",
        expected="a link from one of our letters",
        got="one that is not",
        hint="Use the link in the newest letter.",
    )
