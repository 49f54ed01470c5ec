"""What the flows share: a site told the time, its readers, a scripted way out, the ledger read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from publisher import app, delivering, editing, tokens
from publisher.deliverability import parse_address
from publisher.model import Consent, DeliveryState, SubscriberState
from publisher.store import editions, ledger, schema, subscribers
from publisher.store.subscribers import Joining
from publisher.transport import Single
from tests.fakes import MemoryTransport

if TYPE_CHECKING:
    from publisher.app import Site
    from publisher.delivering import Round
    from publisher.errors import Problem
    from publisher.model import Edition, EditionState
    from tests.conftest import Folder

RELAY = 'host = "127.0.0.1"\nport = 9\nsecurity = "none"'
"""A relay on this machine: real editions, but no live site."""
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def moment(text: str, zone: str = "UTC") -> datetime:
    """Return the instant of a local time such as ``2026-11-24 07:30``."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def use_relay(folder: Folder, mail: str = "", **settings: str) -> None:
    """Make editions real: the transport is smtp, to this machine."""
    lines = f'transport = "smtp"\nfrom = "Letters <letters@example.org>"\n{mail}'
    folder.configure(mail=lines, mail__smtp=RELAY, **settings)


def tick(site: Site, now: datetime, digest: str | None = None) -> list[Problem]:
    """Bring every digest to a moment, as the job does between its two builds."""
    desk, _ = app.open_desk(site, now=now)
    one_more = site.config.digests[digest] if digest else None
    return editing.advance(desk, now=now, one_more=one_more)


def approve(site: Site, edition: Edition, now: datetime, by: str = "Dr Grey") -> list[Problem]:
    """Approve an edition as a person would at a moment."""
    desk, _ = app.open_desk(site, now=now)
    return editing.approve(desk, edition, by=by, now=now)


def send(
    site: Site, now: datetime, transport: MemoryTransport | None = None, **options: Any
) -> tuple[MemoryTransport, Round]:
    """Send every open edition at a moment; return the way out that was used, and the round."""
    way_out = transport or MemoryTransport()
    options = {"lines": lambda _rehearsal: Single(way_out), "clock": lambda: now} | options
    return way_out, delivering.deliver(
        delivering.Sending(config=site.config, store=site.store, **options)
    )


def join(
    site: Site,
    *names: str,
    digests: tuple[str, ...] = (),
    series: tuple[str, ...] = (),
    discreet: bool = False,
    domain: str = "example.net",
) -> list[int]:
    """Add confirmed readers, leaving out some series; return their ids."""
    confirmed_at = moment("2026-03-02 10:00")
    agreed = Consent(
        wording="yes", source="form", requested_at=confirmed_at, confirmed_at=confirmed_at
    )
    with site.store.write() as tx:
        pepper = subscribers.load_keys(tx, "pepper")[0]
        people = [
            Joining(
                address=address,
                address_hash=tokens.keyed_hash(pepper, address.key),
                state=SubscriberState.ACTIVE,
                consent=agreed,
                digests=digests,
                series=series,
                discreet=discreet,
            )
            for address in (parse_address(f"{name}@{domain}") for name in names)
        ]
        subscribers.add(tx, people)
        found = [subscribers.read_by_key(tx, one.address.key) for one in people]
        return [one.id for one in found if one]


def leave(site: Site, *subscriber_ids: int, now: datetime) -> None:
    """End subscriptions, as their links would."""
    with site.store.write() as tx:
        for one in subscriber_ids:
            subscribers.unsubscribe(tx, one, now=now)


def link_of(site: Site, subscriber_id: int) -> str:
    """Return the token of a reader's links."""
    with site.store.read() as tx:
        return tokens.make(subscribers.load_keys(tx, "link")[0], subscriber_id)


# --------------------------------------------------------------------------------- what came of it


def all_editions(site: Site, *states: EditionState) -> list[Edition]:
    """Return the editions, by slot."""
    with site.store.read() as tx:
        return editions.read_all(tx, states=states)


def shown(site: Site) -> list[tuple[str, str, str]]:
    """Return each edition's name, state and reason."""
    return [(one.name, str(one.state), one.reason) for one in all_editions(site)]


def only(site: Site) -> Edition:
    """Return the one edition there is."""
    (edition,) = all_editions(site)
    return edition


def titles(site: Site, edition: Edition) -> list[str]:
    """Return the titles of a frozen edition's posts, in order."""
    with site.store.read() as tx:
        return [post.title for post in editions.read_content(tx, edition.id).posts]


def counts(site: Site, edition: Edition) -> dict[str, int]:
    """Return how many deliveries are in which state, without the zeros."""
    with site.store.read() as tx:
        read = ledger.read_counts(tx, edition.id)
    return {str(state): number for state, number in read.items() if number}


def move(site: Site, edition: Edition, state: EditionState) -> None:
    """Change an edition's state as staff would."""
    with site.store.write() as tx:
        assert editions.move(tx, editions.read_one(tx, edition.id), state, reason="staff")


def rows(site: Site, table: sa.Table, *columns: sa.Column[Any]) -> list[tuple[Any, ...]]:
    """Return a table's rows as they are, in the order of these columns."""
    with site.store.read() as tx:
        query = sa.select(*(columns or (table,))).select_from(table)
        return sorted(tuple(row) for row in tx.execute(query))


def receipts(site: Site) -> set[int]:
    """Return who has a post by a real edition."""
    return {row[0] for row in rows(site, schema.receipts, schema.receipts.c.subscriber_id)}


def attempts(site: Site) -> list[tuple[int, int, str]]:
    """Return the attempts that did not end in acceptance: subscriber, which one, outcome."""
    table = schema.attempts
    return rows(site, table, table.c.subscriber_id, table.c.n, table.c.outcome)


def verdicts(site: Site) -> list[tuple[str, str]]:
    """Return what each slot came to."""
    return rows(site, schema.slots, schema.slots.c.slot, schema.slots.c.verdict)


def recipients(transport: MemoryTransport) -> list[str]:
    """Return the names of those whose mail was accepted, in order, once a mail."""
    return [envelope.recipient.partition("@")[0] for envelope, _ in transport.accepted]


def outcomes_of(transport: MemoryTransport) -> list[str]:
    """Return what every mail that was tried came to, in order."""
    return [type(outcome).__name__.lower() for _, _, outcome in transport.attempts]


def states_of(site: Site, edition: Edition) -> dict[int, DeliveryState]:
    """Return each reader's delivery state."""
    table = schema.deliveries
    found = rows(site, table, table.c.edition_id, table.c.subscriber_id, table.c.state)
    return {row[1]: row[2] for row in found if row[0] == edition.id}
