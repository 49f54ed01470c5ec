"""A site whose edition is open to many, and the oracle of kills: the relay's log against the ledger."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import sqlalchemy as sa

from publisher import app, editing, tokens
from publisher.deliverability import parse_address
from publisher.engine import clock
from publisher.model import Consent, DeliveryState, SubscriberState
from publisher.store import editions, ledger, schema, subscribers
from publisher.store.subscribers import Joining

if TYPE_CHECKING:
    from pathlib import Path

    from tests.relay import Relay

_CONFIG = """\
[site]
timezone = "UTC"
name = "Riverside Letters"
id = "7f9c24e5-1c1b-4f0e-9f52-2d1f5b8f4a11"
[digests.weekly]
title = "Weekly letter"
schedule = "{schedule}"
[mail]
transport = "smtp"
from = "Letters <letters@example.org>"
uncertain = "{uncertain}"
[database]
url = "{database}"
[web]
listen = "127.0.0.1:{web_port}"
[mail.smtp]
host = "127.0.0.1"
port = {port}
security = "none"
connections = {connections}
"""


def prepare(folder: Path, readers: int, database: str = "") -> None:
    """Make a site whose one edition is open to so many readers, nothing sent."""
    write_post(folder)
    configure(folder, port=9, database=database)
    site = fill(folder, readers)
    now = clock.now()
    desk, _ = app.open_desk(site, now=now)
    editing.advance(desk, now=now, one_more=site.config.digests["weekly"])
    site.store.close()


def write_post(folder: Path) -> None:
    """Write the one post of a site."""
    (folder / "posts").mkdir(parents=True)
    text = '---\ntitle: "One"\ndate: 2026-11-01\n---\n\nA sentence to read.\n'
    (folder / "posts" / "one.md").write_text(text, "utf-8")


def fill(folder: Path, readers: int) -> app.Site:
    """Add so many readers to a site, and return it open."""
    site = app.open_site(folder / "config.toml", {})
    now = clock.now()
    agreed = Consent(wording="yes", source="form", requested_at=now, confirmed_at=now)
    with site.store.write() as tx:
        pepper = subscribers.load_keys(tx, "pepper")[0]
        people = [
            Joining(
                address=address,
                address_hash=tokens.keyed_hash(pepper, address.key),
                state=SubscriberState.ACTIVE,
                consent=agreed,
            )
            for address in (parse_address(f"reader{n}@example.net") for n in range(readers))
        ]
        subscribers.add(tx, people)
    return site


def copy(prepared: Path, folder: Path) -> Path:
    """Copy a prepared site, and return the copy."""
    return shutil.copytree(prepared, folder)


def configure(
    folder: Path,
    *,
    port: int,
    connections: int = 4,
    uncertain: str = "resend",
    database: str = "",
    schedule: str = "every tuesday at 07:30",
    web_port: int = 8000,
) -> None:
    """Write the site's configuration."""
    text = _CONFIG.format(
        port=port,
        connections=connections,
        uncertain=uncertain,
        database=database,
        schedule=schedule,
        web_port=web_port,
    )
    (folder / "config.toml").write_text(text, "utf-8")


def judge(
    folder: Path, relay: Relay, *, readers: int, kills: int, connections: int, holds: bool = False
) -> dict[str, int]:
    """Assert that nobody is lost and that repeats are bounded and named; return the numbers."""
    site = app.open_site(folder / "config.toml", {})
    with site.store.read() as tx:
        (edition,) = editions.read_all(tx)
        counts = ledger.read_counts(tx, edition.id)
        rows = tx.execute(
            sa.select(schema.attempts.c.subscriber_id).where(
                schema.attempts.c.outcome == "uncertain"
            )
        )
        named = {row[0] for row in rows}
        found = tx.execute(sa.select(schema.subscribers.c.id, schema.subscribers.c.address))
        names = {row.id: row.address for row in found}
    site.store.close()
    repeated = sum(relay.repeats.values())
    uncertain = {names[one] for one in named}
    assert relay.differing() == []
    assert set(relay.repeats) <= uncertain
    assert len(named) <= kills * connections
    if holds:
        left = counts[DeliveryState.UNCERTAIN]
        assert repeated == 0
        assert counts[DeliveryState.ACCEPTED] + left == readers
        assert set(names.values()) - set(relay.counts) <= uncertain
    else:
        assert len(relay.counts) == readers
        assert str(edition.state) == "sent"
        assert counts[DeliveryState.ACCEPTED] == edition.audience == readers
        assert repeated <= kills * connections
    return {"mails": len(relay.kept), "repeated": repeated, "uncertain": len(named)}
