"""What is forgotten in time, and what is kept."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from publisher.operating import forget_in_time
from publisher.store.schema import attempts, subscribers
from tests.conftest import NOON

if TYPE_CHECKING:
    from tests.conftest import Folder


def test_old_attempts_and_unconfirmed_people_are_erased(folder: Folder) -> None:
    """Replies older than keep_attempts and people who never confirmed go; the rest stays."""
    site = folder.open()
    folder.run("subscribers", "add", "anna@example.org")
    old, new = NOON - timedelta(days=91), NOON - timedelta(days=89)
    attempt = {"edition_id": 1, "subscriber_id": 1, "n": 1, "outcome": "deferred", "phase": "rcpt"}
    person = {"state": "pending", "address_hash": "0" * 64}
    with site.store.write() as tx:
        tx.execute(sa.insert(attempts), [attempt | {"at": old}, attempt | {"at": new, "n": 2}])
        for name, at in (("old", NOON - timedelta(days=15)), ("new", NOON - timedelta(days=13))):
            address = f"{name}@example.net"
            row = person | {"address": address, "address_key": address, "subscribed_at": at}
            tx.execute(sa.insert(subscribers).values(**row))

    erased = forget_in_time(site.store, site.config.privacy, now=NOON)
    again = forget_in_time(site.store, site.config.privacy, now=NOON)

    with site.store.read() as tx:
        times = list(tx.scalars(sa.select(attempts.c.at)))
        people = sorted(tx.scalars(sa.select(subscribers.c.address)))
    assert (erased, again) == (2, 0)
    assert times == [new]
    assert people == ["anna@example.org", "new@example.net"]
