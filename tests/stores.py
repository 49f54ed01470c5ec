"""Real databases for tests, made once and copied, and the few values that fill them.

Every test that asks for ``store`` or ``home`` runs on SQLite and on PostgreSQL; one about the file
of the one or the server of the other says so with ``on_sqlite`` or ``on_postgresql``.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from publisher.editorial.choice import posts_for
from publisher.editorial.slots import Slot
from publisher.model import (
    Consent,
    Edition,
    EditionState,
    Letter,
    SubscriberState,
)
from publisher.store import Store, dialect, editions, ledger, subscribers
from publisher.store.subscribers import Joining
from tests.factories import NOON, make_address, make_content, make_letter_post, make_post

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from publisher.store import Transaction
    from tests.postgres import Server

DIALECTS = ("sqlite", "postgresql")
on_sqlite = pytest.mark.parametrize("home", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("home", ["postgresql"], indirect=True)
LEASE = timedelta(minutes=15)
HASH = "0" * 64
ARTICLES = (make_post("one", series="sleep"), make_post("two", series="sleep"))
POSTS = tuple(post.id for post in ARTICLES)


@dataclass(slots=True)
class Home:
    """A place for one database; opens as many stores on it as a test wants."""

    dialect: str
    path: Path
    url: str = ""
    """Empty for the file at ``path``."""
    _opened: list[Store] = field(default_factory=list)

    def open(self) -> Store:
        """Open one more store here, with connections of its own."""
        store = Store(self.url, self.path)
        self._opened.append(store)
        return store

    def close(self) -> None:
        """Close every store that was opened here."""
        for store in self._opened:
            store.close()


@pytest.fixture(scope="session")
def prepared_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with every table, to be copied."""
    path = tmp_path_factory.mktemp("prepared") / "publisher.sqlite3"
    store = Store("", path)
    store.prepare()
    store.close()
    return path


@pytest.fixture(params=DIALECTS)
def home(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Home]:
    """A place, in each dialect; it survives every crash but no loss of power.

    It is empty, but for a test that asks for ``store`` as well.
    """
    monkeypatch.setattr(dialect, "SYNCHRONOUS", "OFF")
    place = Home(dialect=request.param, path=tmp_path / "publisher.sqlite3")
    is_prepared = "store" in request.fixturenames
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("postgres")
        place.url = server.prepare() if is_prepared else server.make()
    elif is_prepared:
        shutil.copyfile(request.getfixturevalue("prepared_file"), place.path)
    yield place
    place.close()


@pytest.fixture
def store(home: Home) -> Store:
    """A prepared database, in each dialect."""
    return home.open()


@pytest.fixture(scope="module", params=DIALECTS)
def lasting(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    """A prepared database of a module's own, in each dialect, for examples that undo themselves."""
    url = request.getfixturevalue("postgres").make() if request.param == "postgresql" else ""
    made = Store(url, tmp_path_factory.mktemp("lasting") / "publisher.sqlite3")
    made.prepare()
    yield made
    made.close()


# ------------------------------------------------------------------------------------------ values


def make_slot(day: int = 0, *, at: datetime = NOON) -> Slot:
    """Return the slot of so many days after noon."""
    fire_at = at + timedelta(days=day)
    return Slot(
        key=f"{fire_at:%Y-%m-%dT%H:%M}[UTC]", fire_at=fire_at, local=fire_at.replace(tzinfo=None)
    )


def make_person(
    name: str,
    *,
    state: SubscriberState = SubscriberState.ACTIVE,
    confirmed_at: datetime | None = NOON,
    discreet: bool = False,
    digests: tuple[str, ...] = (),
    series: tuple[str, ...] = (),
) -> Joining:
    """Return a person who joins; the hash of the address is told by the name."""
    return Joining(
        address=make_address(f"{name}@example.org"),
        address_hash=f"hash of {name}",
        state=state,
        consent=Consent(
            wording="I want letters", source="form", requested_at=NOON, confirmed_at=confirmed_at
        ),
        discreet=discreet,
        digests=digests,
        series=series,
    )


def add_people(store: Store, count: int, *, first: int = 1) -> list[int]:
    """Record so many readers, ``reader1`` and on; return their ids."""
    people = [make_person(f"reader{n}") for n in range(first, first + count)]
    with store.write() as tx:
        subscribers.add(tx, people)
        return [one.id for one in subscribers.read_all(tx)][-count:]


# ---------------------------------------------------------------------------------------- editions


def freeze_edition(
    store: Store,
    *,
    digest: str = "weekly",
    day: int = 0,
    rehearsal: bool = False,
    post_ids: Sequence[str] = POSTS,
) -> Edition:
    """Make an edition that waits, frozen, for its slot."""
    with store.write() as tx:
        draft = editions.insert(
            tx,
            digest=digest,
            rehearsal=rehearsal,
            slot=make_slot(day),
            state=EditionState.DRAFT,
            now=NOON,
        )
        assert draft is not None
        editions.set_posts(tx, draft.id, [(one, HASH) for one in post_ids])
        draft = editions.read_one(tx, draft.id)
        letter_posts = [make_letter_post(post_id=one) for one in post_ids]
        content = make_content(letter_posts, digest=digest, number=draft.number)
        assert editions.freeze(tx, draft, content, HASH, by="", now=NOON)
        return editions.read_one(tx, draft.id)


def open_batch(
    tx: Transaction, edition: Edition, *, limit: int = 10_000, now: datetime = NOON
) -> bool:
    """Write the next deliveries of an opening; False where there are no more."""
    posts = [(one, "sleep") for one, _ in editions.read_posts(tx, edition.id)]
    batch = ledger.gather(tx, edition, posts, limit=limit, now=now)
    if batch is None:
        return False
    known = editions.letter_ids(tx, edition.id)
    lots = {}
    for group in batch.groups:
        chosen = posts_for(posts, declined=group.declined, received=group.received)
        key = hashlib.sha256(" ".join(chosen).encode()).hexdigest()
        if chosen and key not in known:
            letter = Letter(key=key, post_ids=chosen, html="<p>", text="text")
            known[key] = editions.add_letter(tx, edition.id, letter)
        if chosen:
            lots[group.code] = ledger.Lot(letter_id=known[key], post_ids=chosen)
    ledger.add_deliveries(tx, edition, batch, lots)
    return True


def open_edition(store: Store, edition: Edition | None = None, *, limit: int = 10_000) -> Edition:
    """Open a frozen edition to everybody on the list; return it as it is sent."""
    edition = edition or freeze_edition(store)
    with store.write() as tx:
        assert ledger.begin_opening(tx, edition, now=NOON)
    more = True
    while more:
        with store.write() as tx:
            more = open_batch(tx, edition, limit=limit)
    with store.write() as tx:
        assert ledger.finish_opening(tx, edition)
        return editions.read_one(tx, edition.id)
