"""The posts folder as the build sees it: read what changed, remember the rest.

The memory is a file in the state directory. It is private, versioned by a fingerprint and thrown
away whenever it does not fit, so a build without it comes to the same bytes.
"""

from __future__ import annotations

import hashlib
import pickle
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from publisher import posts
from publisher.editorial.catalog import Sources
from publisher.errors import ContentError, Problem
from publisher.publishing.crew import share

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from publisher.model import Body, Post, SeriesInfo

_KEPT_BODIES = 64
_SOURCE_LINK = re.compile(rb"""\.md[)#\s"'>]""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A source as it was parsed."""

    signature: object
    post: Post
    has_links: bool
    """Whether it links to other posts' sources: then it depends on what is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What the last build left: how each source parsed, and what each output was made from."""

    fingerprint: str
    """Of the code, the configuration and the templates."""
    revision: int
    """Of the store."""
    folder: str
    """Of every source's name, size and time."""
    until: float | None
    """The moment when time alone changes the catalog, seconds since 1970."""
    public: str
    """Of every output's name, size and time."""
    files: int
    problems: tuple[Problem, ...]
    inputs: Mapping[str, str]
    """Output file → digest of what it was made from."""
    parsed: Mapping[str, Parsed] = field(default_factory=dict)
    """By source path; broken sources are read anew each time."""
    paths: str = ""
    """Of every source's path: what links between posts were checked against."""


def load_memory(path: Path) -> Memory | None:
    """Return what the last build left, or None where there is nothing usable."""
    try:
        memory = pickle.loads(path.read_bytes())  # noqa: S301 - our own file, 0600, in our state
    except Exception:  # noqa: BLE001 - a damaged memory is no memory, whatever is wrong with it
        return None
    return memory if isinstance(memory, Memory) else None


def dump_memory(memory: Memory) -> bytes:
    """Return the memory as the bytes of its file."""
    return pickle.dumps(memory, protocol=pickle.HIGHEST_PROTOCOL)


def folder_digest(scan: posts.Scan) -> str:
    """Return a digest of the folder as it lies: names, sizes, times."""
    facts = [
        *((found.path, found.signature) for found in scan.found),
        *((slug, found.signature) for slug, found in sorted(scan.series.items())),
        *((problem.path, problem.code) for problem in scan.problems),
    ]
    return hashlib.sha256(repr(facts).encode()).hexdigest()


@dataclass(slots=True)
class Library:
    """Every source and body of one build, read when asked for."""

    root: Path
    site_id: str
    zone: str
    scan: posts.Scan
    recall: Callable[[str], tuple[bytes, dict[str, bytes]] | None]
    """A post's last good text and images, by id, from the store."""
    last_series: Mapping[str, bytes] = field(default_factory=dict)
    """Each series' ``series.toml`` as it last loaded, from the store."""
    series_data: dict[str, bytes] = field(default_factory=dict)
    """The same as it loads now."""
    _found: dict[str, posts.Found] = field(default_factory=dict)
    _paths: dict[str, str] = field(default_factory=dict)
    _bodies: dict[str, Body] = field(default_factory=dict)
    _parsed: dict[str, Parsed] = field(default_factory=dict)
    _links_digest: str = ""

    def read_sources(self, remembered: Memory | None) -> Sources:
        """Return what the files say; sources that did not change are not opened."""
        self._found = {found.path: found for found in self.scan.found}
        self._paths = {one.path: posts.name_of(one.path).location for one in self.scan.found}
        infos, problems = self._read_series()
        known = remembered.parsed if remembered else {}
        same_paths = remembered is not None and remembered.paths == self.paths_digest()
        changed = []
        for found in self.scan.found:
            before = known.get(found.path)
            usable = before and before.signature == found.signature
            if before and usable and (same_paths or not before.has_links):
                self._parsed[found.path] = before
            else:
                changed.append(found)
        broken = dict(self.scan.broken)
        for parsed, faults in share(self._parse_all, changed):
            self._parsed |= parsed
            broken |= faults
        paths = [found.path for found in self.scan.found]
        good = [self._parsed[path].post for path in paths if path in self._parsed]
        # A slug of its own in the front matter is where links between posts must lead.
        self._paths |= {post.path: post.location for post in good}
        return Sources(posts=tuple(good), broken=broken, infos=infos, problems=tuple(problems))

    def _read_series(self) -> tuple[dict[str, SeriesInfo], list[Problem]]:
        blamed = {problem for problems in self.scan.broken.values() for problem in problems}
        infos = {}
        problems = [problem for problem in self.scan.problems if problem not in blamed]
        for slug, found in self.scan.series.items():
            try:
                data = posts.read(self.root, found).data
                infos[slug] = posts.parse_series(slug, data)
                self.series_data[slug] = data
            except ContentError as error:
                problems.extend(error.problems)
                if slug in self.last_series:
                    infos[slug] = posts.parse_series(slug, self.last_series[slug])
        return infos, problems

    def _parse_all(
        self, some: Sequence[posts.Found]
    ) -> tuple[dict[str, Parsed], dict[str, tuple[Problem, ...]]]:
        """Read and parse sources; return what they say, or what is wrong, by path."""
        parsed, broken = {}, {}
        for found in some:
            try:
                source = posts.read(self.root, found)
                post = self._parse(source)
            except ContentError as error:
                broken[found.path] = error.problems
                continue
            has_links = _SOURCE_LINK.search(source.data) is not None
            parsed[found.path] = Parsed(signature=found.signature, post=post, has_links=has_links)
        return parsed, broken

    def _parse(self, source: posts.Source) -> Post:
        return posts.parse(
            source,
            site_id=self.site_id,
            zone=self.zone,
            known_series=self.scan.folders,
            known_paths=self._paths,
        )

    def paths_digest(self) -> str:
        """Return a digest of which sources there are."""
        return hashlib.sha256(
            repr(sorted(self.scan.folders)).encode()
            + repr([found.path for found in self.scan.found]).encode()
        ).hexdigest()

    def known_paths(self) -> Mapping[str, str]:
        """Return where each source's post is, for links between them."""
        return self._paths

    def parsed(self) -> Mapping[str, Parsed]:
        """Return what the next build may skip."""
        return self._parsed

    def link_facts(self, post: Post) -> str:
        """Return a digest of what a post's links between posts depend on; empty without any."""
        parsed = self._parsed.get(post.path)
        if parsed is not None and not parsed.has_links:
            return ""
        if not self._links_digest:
            facts = repr(sorted(self._paths.items())).encode()
            self._links_digest = hashlib.sha256(facts).hexdigest()
        return self._links_digest

    def recalled(self, post_id: str, path: str) -> Post | None:
        """Return a post from its last good source, or None where that does not load either."""
        kept = self.recall(post_id)
        if kept is None:
            return None
        source = posts.Source(path=path, data=kept[0], images=kept[1])
        try:
            # What it links to may be gone by now; that is no reason to lose it.
            return posts.parse(source, site_id=self.site_id, zone=self.zone, require_alt=False)
        except ContentError:
            return None

    def source(self, post: Post, *, from_store: bool) -> posts.Source:
        """Return a published post's source, from its file or from the store."""
        if from_store:
            kept = self.recall(post.id)
            if kept is not None:
                return posts.Source(path=post.path, data=kept[0], images=kept[1])
        return posts.read(self.root, self._found[post.path])

    def body(self, post: Post, *, from_store: bool) -> Body:
        """Return a published post's body; the newest few are kept at hand for the feeds."""
        known = self._bodies.get(post.id)
        if known is None:
            source = self.source(post, from_store=from_store)
            known = posts.render(source, post, known_paths=self._paths)
            if len(self._bodies) >= _KEPT_BODIES:
                self._bodies.pop(next(iter(self._bodies)))
            self._bodies[post.id] = known
        return known
