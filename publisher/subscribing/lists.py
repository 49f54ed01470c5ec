"""Lists of people, by staff's hand: adding, importing, exporting."""

from __future__ import annotations

import csv
import io
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from publisher import deliverability, tokens
from publisher.errors import NotFound, Problem, Refused
from publisher.exchange import ImportedState
from publisher.exchange.subscribers import read_subscribers, write_subscribers
from publisher.model import Address, Consent, Subscriber, SubscriberState
from publisher.store import feedback, joining, subscribers
from publisher.store.subscribers import Joining
from publisher.subscribing.addresses import hash_address, nobody, read_address
from publisher.subscribing.asking import Wish, ask
from publisher.subscribing.owning import describe_data

if TYPE_CHECKING:
    from collections.abc import Sequence

    from publisher.exchange.subscribers import ImportedSubscriber
    from publisher.store import Store, Transaction

_BATCH = 5_000


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

    @property
    def refused(self) -> int:
        """How many rows were not taken in because something is wrong with them."""
        return sum(problem.level == "error" for problem in self.problems)

    @property
    def summary(self) -> str:
        """What it came to, in one line."""
        return (
            f"{self.added:,} added, {self.known:,} known, {self.suppressed:,} do-not-mail, "
            f"{self.refused:,} refused"
        )


def add(
    store: Store, address_text: str, *, consent: str, source: str, by: str = "", now: datetime
) -> bool:
    """Add a person who agreed, active at once; False where the address is known already.

    The trail tells who of staff did it, where ``by`` names them. Raises UsageError for what is no address, Refused for one that must not be mailed.
    """
    address = read_address(address_text)
    if not consent.strip():
        raise Refused(_no_consent(address.typed))
    agreed = Consent(wording=consent, source=source, requested_at=now, confirmed_at=now)
    with store.write() as tx:
        hashed = hash_address(tx, address)
        if subscribers.suppressed_hashes(tx, [hashed]):
            raise Refused(_suppressed(address))
        person = Joining(
            address=address, address_hash=hashed, state=SubscriberState.ACTIVE, consent=agreed
        )
        is_new = bool(subscribers.add(tx, [person]))
        added = subscribers.read_by_key(tx, address.key) if is_new and by else None
        if added:
            subscribers.note(tx, by, "add", f"subscriber:{added.id}", now=now)
        return is_new


def invite(store: Store, address_text: str, *, wording: str, source: str, now: datetime) -> None:
    """Mail a confirmation to a person whom staff add: they are on the list once they confirm.

    As by the form, an address gets one in 24 hours. Raises UsageError for what is no address.
    """
    ask(store, Wish(address=read_address(address_text), wording=wording, source=source), now=now)


def import_list(
    store: Store,
    data: bytes,
    name: str,
    *,
    consent: str,
    fields: Sequence[str] | None = None,
    dry_run: bool = False,
    by: str = "",
    now: datetime,
) -> Import:
    """Take in a list: people with proof of consent, and those who left as suppressions.

    ``fields`` says for each column what it holds, where staff chose otherwise than its header does.
    A row without a confirmation time needs ``consent``, how they agreed; else it is refused and
    counted. A second import of the same list changes nothing.
    """
    listed = read_subscribers(data, name, fields=fields)
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
    if by and not dry_run:
        with store.write() as tx:
            subject = f"list:{listed.source_sha256[:12]}"
            subscribers.note(tx, by, "import", subject, now=now, detail=done.summary)
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


def export_proofs(store: Store) -> str:
    """Return the proof of every consent as CSV: wording, its hash, where it came from, and when."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    with store.read() as tx:
        proofs = joining.read_proofs(tx)
    writer.writerow(_PROOF)
    for row in proofs:
        writer.writerow([_told(row[name]) for name in _PROOF])
    return out.getvalue()


_PROOF = (
    "address",
    "state",
    "requested_at",
    "confirmed_at",
    "source",
    "wording",
    "wording_sha256",
)


def _told(value: object) -> str:
    """Return a value as a cell that no spreadsheet takes for a formula."""
    text = value.isoformat() if isinstance(value, datetime) else str(value or "")
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def show_person(store: Store, address_text: str) -> str:
    """Return everything that is kept about a person, as JSON. Raises NotFound where nobody is there."""
    address = read_address(address_text)
    with store.read() as tx:
        person = subscribers.read_by_key(tx, address.key)
        if person is None:
            raise NotFound(nobody(address_text))
        return describe_data(tx, person)


_EXPORTED = {"bounced": ImportedState.CLEANED, "cleaned": ImportedState.CLEANED}
"""What is no one's will stays so in a list; every other reason is ``unsubscribed``."""


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
