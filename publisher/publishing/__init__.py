"""From posts to the public site: read what changed, decide, render what may differ, write, record.

Unchanged bytes keep their file; a post is pinned before its page appears, so an id that was ever
seen is never lost.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from publisher import posts, site
from publisher.editorial.catalog import IDENTITY, decide_catalog
from publisher.publishing.library import (
    Library,
    Memory,
    dump_memory,
    folder_digest,
    load_memory,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime
    from pathlib import Path

    from publisher.config import Config
    from publisher.editorial.catalog import Record, Sources
    from publisher.errors import Problem
    from publisher.model import Body, Catalog, Post, PublishedPost
    from publisher.pages import Pages
    from publisher.publishing.press import Output, Press
    from publisher.store import Store

MEMORY_FILE = "build.memory"
LOCK_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What a build works with."""

    config: Config
    store: Store
    make_pages: Callable[[], Pages]
    """Made only when something must be rendered."""
    fingerprint: str
    """Of the code, the configuration and the templates."""


@dataclass(slots=True)
class Build:
    """What a build did."""

    written: list[str] = field(default_factory=list)
    unchanged: int = 0
    removed: list[str] = field(default_factory=list)
    problems: tuple[Problem, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether a published post's id would have changed."""
        return any(problem.code == IDENTITY for problem in self.problems)


def build(workshop: Workshop, *, now: datetime) -> Build:
    """Bring the public site to what the posts say at ``now``.

    Raises Unavailable where another process is writing it and does not end in time.
    """
    config = workshop.config
    with site.hold(config.paths.state / "site.lock", wait_seconds=LOCK_PATIENCE_SECONDS):
        memory = load_memory(config.paths.state / MEMORY_FILE)
        scan = posts.scan(config.paths.posts)
        folder = folder_digest(scan)
        revision = workshop.store.revision()
        if memory and _is_current(memory, workshop, folder, revision, now=now):
            return Build(unchanged=memory.files, problems=memory.problems)
        return _rebuild(workshop, scan, folder, memory, revision, now=now)


def _is_current(
    memory: Memory, workshop: Workshop, folder: str, revision: int, *, now: datetime
) -> bool:
    return (
        memory.fingerprint == workshop.fingerprint
        and memory.revision == revision
        and memory.folder == folder
        and (memory.until is None or now.timestamp() < memory.until)
        and memory.public == _public_digest(workshop.config.paths.output)
    )


def _rebuild(
    workshop: Workshop,
    scan: posts.Scan,
    folder: str,
    memory: Memory | None,
    revision: int,
    *,
    now: datetime,
) -> Build:
    # What only scans and compares loads none of this: it would be most of its time.
    from publisher.publishing.crew import count_processors  # noqa: PLC0415
    from publisher.publishing.galley import Galley  # noqa: PLC0415
    from publisher.publishing.outputs import list_outputs  # noqa: PLC0415
    from publisher.publishing.press import Press  # noqa: PLC0415
    from publisher.store.editions import read_public  # noqa: PLC0415

    config, store = workshop.config, workshop.store
    usable = memory if memory and memory.fingerprint == workshop.fingerprint else None
    library = open_library(config, store, scan)
    _, record, catalog = read_catalog(config, store, library, usable, now=now)
    _pin(store, library, catalog, record, now=now)
    with store.read() as tx:
        public = read_public(tx, rehearsal=config.mail.transport == "outbox")
    done = Build(problems=catalog.problems)
    with Galley(config.paths.state, count_processors()) as galley:
        press = Press(
            config=config,
            catalog=catalog,
            pages=workshop.make_pages(),
            library=library,
            galley=galley,
            editions=[one.content for one in public],
            history=_history(catalog, record),
        )
        inputs = _write(press, list_outputs(press), dict(usable.inputs) if usable else {}, done)
    _remove(config.paths.output, memory, inputs, done)
    kept = Memory(
        fingerprint=workshop.fingerprint,
        revision=revision,  # as it was before anything was read: a change since is seen
        folder=folder,
        until=catalog.next_change_at.timestamp() if catalog.next_change_at else None,
        public=_public_digest(config.paths.output),
        files=len(inputs),
        problems=catalog.problems,
        inputs=inputs,
        parsed=library.parsed(),
        paths=library.paths_digest(),
    )
    state = config.paths.state
    site.write(state / MEMORY_FILE, dump_memory(kept), root=state, private=True)
    return done


# ------------------------------------------------------------------------------------- the catalog


def open_library(config: Config, store: Store, scan: posts.Scan | None = None) -> Library:
    """Return the posts folder ready to be read."""
    from publisher.store import posts as pins  # noqa: PLC0415 - as in _rebuild

    def last_good(post_id: str) -> tuple[bytes, dict[str, bytes]] | None:
        with store.read() as tx:
            return pins.last_good(tx, post_id)

    with store.read() as tx:
        last_series = pins.last_good_series(tx)
    return Library(
        last_series=last_series,
        root=config.paths.posts,
        site_id=config.site.id,
        zone=config.site.timezone,
        scan=posts.scan(config.paths.posts) if scan is None else scan,
        recall=last_good,
    )


def read_catalog(
    config: Config,
    store: Store,
    library: Library,
    remembered: Memory | None,
    *,
    now: datetime,
) -> tuple[Sources, Record, Catalog]:
    """Read the files and the store and decide what is published at ``now``."""
    from publisher.store import posts as pins  # noqa: PLC0415 - as in _rebuild

    sources = library.read_sources(remembered)
    with store.read() as tx:
        record = pins.load_record(tx)

    def recall(post_id: str) -> Post | None:
        return library.recalled(post_id, record.published[post_id].path)

    catalog = decide_catalog(
        sources, record, recall, now=now, review_required=config.review.required
    )
    return sources, record, catalog


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """The published posts and their texts, for whoever makes editions."""

    catalog: Catalog
    library: Library
    sources: Sources
    record: Record
    review_required: bool

    def body(self, post: Post) -> Body:
        """Return a published post's text."""
        return self.library.body(post, from_store=post.id in self.catalog.recalled)

    def source(self, post: Post) -> str:
        """Return a published post's source as text."""
        found = self.library.source(post, from_store=post.id in self.catalog.recalled)
        return found.data.decode("utf-8", "replace")

    def catalog_at(self, moment: datetime) -> Catalog:
        """Return the catalog as it would be at another moment, were nothing edited."""

        def recall(post_id: str) -> Post | None:
            return self.library.recalled(post_id, self.record.published[post_id].path)

        return decide_catalog(
            self.sources, self.record, recall, now=moment, review_required=self.review_required
        )


def mark_sources(config: Config) -> str:
    """Return what changes whenever a source is added, changed or removed; nothing is opened."""
    return folder_digest(posts.scan(config.paths.posts))


def open_shelf(config: Config, store: Store, *, now: datetime) -> Shelf:
    """Return the catalog at ``now`` with its texts; what the last build parsed is not read again."""
    memory = load_memory(config.paths.state / MEMORY_FILE)
    library = open_library(config, store)
    sources, record, catalog = read_catalog(config, store, library, memory, now=now)
    return Shelf(
        catalog=catalog,
        library=library,
        sources=sources,
        record=record,
        review_required=config.review.required,
    )


def _pin(
    store: Store, library: Library, catalog: Catalog, record: Record, *, now: datetime
) -> None:
    """Record what is about to be public, oldest first; recalled posts stay as they are."""
    from publisher.store import posts as pins  # noqa: PLC0415 - as in _rebuild

    fresh = []
    for post in _oldest_first(catalog):
        place = catalog.place(post)
        part = place.number if place else None
        pin = record.published.get(post.id)
        if post.id not in catalog.recalled and not _is_pinned(pin, post, part):
            fresh.append((post, part))
    withdrawn = [
        one
        for one in catalog.withdrawals
        if one.post_id in record.published and not record.published[one.post_id].withdrawn
    ]
    series = {
        slug: data
        for slug, data in library.series_data.items()
        if library.last_series.get(slug) != data
    }
    if not fresh and not withdrawn and not series:
        return
    with store.write() as tx:
        pins.keep_series(tx, series)
        publications = (
            pins.Publication(post=post, part=part, data=source.data, images=source.images)
            for post, part in fresh
            for source in [library.source(post, from_store=False)]
        )
        pins.pin(tx, publications, archived=pins.archived_paths(tx), now=now)
        for one in withdrawn:
            pins.withdraw(tx, one.post_id, one.reason)


def _oldest_first(catalog: Catalog) -> list[Post]:
    """Return the posts in the order in which they are first published: of one date by part."""

    def turn(post: Post) -> tuple[datetime, str, int, str]:
        place = catalog.place(post)
        return post.published_at, post.series or "", place.number if place else 0, post.id

    return sorted(catalog.posts, key=turn)


def _history(catalog: Catalog, record: Record) -> list[tuple[str, str | None]]:
    """Return id and series of every post ever published, with those of this build at the end."""
    series = {post.id: post.series for post in catalog.posts}
    pins = sorted(record.published.values(), key=lambda pin: pin.sequence)
    earlier = [(pin.post_id, series.get(pin.post_id, pin.series)) for pin in pins]
    fresh = [post for post in _oldest_first(catalog) if post.id not in record.published]
    return [*earlier, *((post.id, post.series) for post in fresh)]


def _is_pinned(pin: PublishedPost | None, post: Post, part: int | None) -> bool:
    return pin is not None and (pin.source_sha256, pin.path, pin.location, pin.part) == (
        post.source_sha256,
        post.path,
        post.location,
        part,
    )


# ----------------------------------------------------------------------------------------- writing


def _write(
    press: Press, outputs: Iterable[Output], before: Mapping[str, str], done: Build
) -> dict[str, str]:
    """Write the outputs that may differ; return what each was made from."""
    from publisher.publishing.making import make_outputs  # noqa: PLC0415 - as in _rebuild

    root = press.config.paths.output
    inputs = {}
    waiting = []
    for output in outputs:
        inputs[output.file] = output.inputs
        if before.get(output.file) != output.inputs or not (root / output.file).is_file():
            waiting.append(output)
    done.written += make_outputs(press, waiting)
    done.unchanged += len(inputs) - len(done.written)
    return inputs


def _remove(root: Path, memory: Memory | None, inputs: Mapping[str, str], done: Build) -> None:
    """Remove the outputs of the last build that are none of this one; nobody else's files."""
    for file in memory.inputs if memory else ():
        if file not in inputs and site.remove(root / file, root=root):
            done.removed.append(file)
    site.sweep(root)


def _public_digest(root: Path) -> str:
    """Return a digest of what lies in the output directory: names, sizes, times."""
    digest = hashlib.sha256()
    waiting = [str(root)]
    while waiting:
        directory = waiting.pop()
        try:
            entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)
            else:
                facts = entry.stat(follow_symlinks=False)
                digest.update(f"{entry.path}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()
