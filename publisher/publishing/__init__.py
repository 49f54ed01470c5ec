"""From posts to the public site: read what changed, decide, render what may differ, write, record.

Unchanged bytes keep their file; a post is pinned before its page appears, so an id that was ever
seen is never lost.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from publisher import posts, site
from publisher.publishing.memory import (
    FILE,
    Details,
    Memory,
    digest_lines,
    dump_memory,
    load_memory,
    look_at,
)

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from publisher.config import Config
    from publisher.editorial.catalog import Record, Sources
    from publisher.errors import Problem
    from publisher.model import Body, Catalog, Post, PublishedPost
    from publisher.pages import Pages
    from publisher.publishing.library import Library
    from publisher.publishing.memory import Lie
    from publisher.publishing.press import Output
    from publisher.store import Store

MEMORY_FILE = FILE
BEGUN_FILE = "build.begun"
"""Is there while files are written: where it was left, a kill may have left half of one."""
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
        if not self.problems:
            return False
        from publisher.editorial.catalog import IDENTITY  # noqa: PLC0415 - as in _rebuild

        return any(problem.code == IDENTITY for problem in self.problems)


def build(workshop: Workshop, *, now: datetime) -> Build:
    """Bring the public site to what the posts say at ``now``.

    Raises Unavailable where another process is writing it and does not end in time.
    """
    config = workshop.config
    with site.hold(config.paths.state / "site.lock", wait_seconds=LOCK_PATIENCE_SECONDS):
        memory = load_memory(config.paths.state / MEMORY_FILE)
        seen = Seen(
            # Before anything is read: what changes from here on is seen by the next build.
            folder=digest_lines(posts.outline(config.paths.posts)),
            revision=workshop.store.revision(),
            lies=look_at(config.paths.output, memory.files.split("\n")) if memory else None,
        )
        begun = config.paths.state / BEGUN_FILE
        was_ended = begun.exists()
        if memory and not was_ended and _is_current(memory, workshop, seen, now=now):
            return Build(unchanged=memory.outputs, problems=memory.problems)
        begun.touch()
        if was_ended or not memory:
            site.sweep(config.paths.output)
        built = _rebuild(workshop, memory, seen, now=now)
        begun.unlink()
        return built


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """How everything lay when a build began."""

    folder: str
    revision: int
    lies: array[int] | None
    """Of the files that the last build left."""


def _is_current(memory: Memory, workshop: Workshop, seen: Seen, *, now: datetime) -> bool:
    return (
        memory.fingerprint == workshop.fingerprint
        and memory.revision == seen.revision
        and memory.folder == seen.folder
        and (memory.until is None or now.timestamp() < memory.until)
        and memory.lies == seen.lies
    )


def _rebuild(workshop: Workshop, memory: Memory | None, seen: Seen, *, now: datetime) -> Build:
    config, store = workshop.config, workshop.store
    make_pages = cache(workshop.make_pages)

    def prepare() -> None:
        """Load what renders, while other processes parse."""
        import publisher.publishing.making  # noqa: PLC0415
        import publisher.publishing.outputs  # noqa: F401, PLC0415

        make_pages()

    with _undisturbed():
        # What only scans and compares loads none of this: it would be most of its time.
        from publisher.publishing.crew import count_processors  # noqa: PLC0415
        from publisher.store.editions import read_public  # noqa: PLC0415

        details = memory.details() if memory else None
        usable = details if memory and memory.fingerprint == workshop.fingerprint else None
        library = open_library(config, store)
        _, record, catalog = read_catalog(config, store, library, usable, now=now, first=prepare)
    from publisher.publishing.galley import Galley  # noqa: PLC0415 - as above
    from publisher.publishing.making import make_outputs  # noqa: PLC0415
    from publisher.publishing.outputs import list_outputs  # noqa: PLC0415
    from publisher.publishing.press import Press, masthead_of  # noqa: PLC0415

    with Galley(config.paths.state, count_processors()) as galley:
        with _undisturbed():
            with store.read() as tx:
                public = read_public(tx, rehearsal=config.mail.transport == "outbox")
            done = Build(problems=catalog.problems)
            press = Press(
                config=config,
                catalog=catalog,
                pages=make_pages(),
                library=library,
                galley=galley,
                editions=[one.content for one in public],
                history=_history(catalog, record),
                masthead=masthead_of(config),
            )
            outputs = list_outputs(press)
        whole = _whole(memory, seen)
        waiting = _list_waiting(outputs, whole, usable.inputs if usable else {})
        done.written += make_outputs(
            press, waiting, lambda: _pin(store, library, catalog, record, now=now)
        )
    with _undisturbed():
        done.unchanged += len(outputs) - len(done.written)
        inputs = {output.file: output.inputs for output in outputs}
        _remove(config.paths.output, details.inputs if details else (), inputs, done)
        for name in (name for output in waiting for name in output.files):
            whole.pop(name, None)
        kept = _remember(workshop, seen, catalog, outputs, whole)
        left = Details(inputs=inputs, parsed=library.parsed(), paths=library.paths_digest())
        state = config.paths.state
        data = dump_memory(kept, left, usable)
        site.write(state / MEMORY_FILE, data, root=state, private=True)
    return done


def _remember(
    workshop: Workshop,
    seen: Seen,
    catalog: Catalog,
    outputs: Sequence[Output],
    known: Mapping[str, Lie],
) -> Memory:
    """Return what is true now that everything is written; how the ``known`` files lie is known."""
    files = [name for output in outputs for name in output.files]
    return Memory(
        fingerprint=workshop.fingerprint,
        revision=seen.revision,
        folder=seen.folder,
        until=catalog.next_change_at.timestamp() if catalog.next_change_at else None,
        outputs=len(outputs),
        problems=catalog.problems,
        files="\n".join(files),
        lies=look_at(workshop.config.paths.output, files, known=known),
    )


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Make values that stay: to look among them for what has gone would take a tenth of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        # They count as old at once, or the next look would be through all of them.
        gc.freeze()
        gc.unfreeze()
        if was_enabled:
            gc.enable()


def _whole(memory: Memory | None, seen: Seen) -> dict[str, Lie]:
    """Return the files that lie as the last build left them, with how."""
    if memory is None or seen.lies is None:
        return {}
    lies = memory.by_file(seen.lies)
    return {file: lie for file, lie in memory.by_file(memory.lies).items() if lie == lies[file]}


# ------------------------------------------------------------------------------------- the catalog


def open_library(config: Config, store: Store) -> Library:
    """Return the posts folder ready to be read."""
    from publisher.publishing.library import Library  # noqa: PLC0415 - as in _rebuild
    from publisher.store import posts as pins  # noqa: PLC0415

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
        scan=posts.scan(config.paths.posts),
        recall=last_good,
    )


def read_catalog(
    config: Config,
    store: Store,
    library: Library,
    remembered: Details | None,
    *,
    now: datetime,
    first: Callable[[], None] = lambda: None,
) -> tuple[Sources, Record, Catalog]:
    """Read the files and the store and decide what is published at ``now``.

    ``first`` is done once in any case, while other processes read where there is much to read.
    """
    from publisher.editorial.catalog import decide_catalog  # noqa: PLC0415 - as in _rebuild
    from publisher.store import posts as pins  # noqa: PLC0415

    sources = library.read_sources(remembered, first)
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
        from publisher.editorial.catalog import decide_catalog  # noqa: PLC0415 - as in _rebuild

        def recall(post_id: str) -> Post | None:
            return self.library.recalled(post_id, self.record.published[post_id].path)

        return decide_catalog(
            self.sources, self.record, recall, now=moment, review_required=self.review_required
        )


def mark_sources(config: Config) -> str:
    """Return what changes whenever a source is added, changed or removed; nothing is opened."""
    from publisher.publishing.digests import digest  # noqa: PLC0415 - as in _rebuild

    scan = posts.scan(config.paths.posts)
    return digest(
        [(found.path, found.signature) for found in scan.found],
        sorted((slug, found.signature) for slug, found in scan.series.items()),
        [(problem.path, problem.code) for problem in scan.problems],
    )


def open_shelf(config: Config, store: Store, *, now: datetime) -> Shelf:
    """Return the catalog at ``now`` with its texts; what the last build parsed is not read again."""
    memory = load_memory(config.paths.state / MEMORY_FILE)
    library = open_library(config, store)
    details = memory.details() if memory else None
    sources, record, catalog = read_catalog(config, store, library, details, now=now)
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


def _list_waiting(
    outputs: Sequence[Output], whole: Collection[str], before: Mapping[str, str]
) -> list[Output]:
    """Return the outputs that may differ, by what they are made from or how they lie."""
    return [
        output
        for output in outputs
        if before.get(output.file) != output.inputs
        or not all(name in whole for name in output.files)
    ]


def _remove(root: Path, before: Iterable[str], inputs: Mapping[str, str], done: Build) -> None:
    """Remove the outputs of the last build that are none of this one; nobody else's files."""
    for file in before:
        if file not in inputs and site.remove(root / file, root=root):
            done.removed.append(file)
