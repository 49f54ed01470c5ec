"""The posts folder as the build sees it: read what changed, take the rest from memory."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from publisher import posts
from publisher.editorial.catalog import Sources
from publisher.errors import ContentError
from publisher.publishing.crew import share
from publisher.publishing.memory import Parsed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from publisher.errors import Problem
    from publisher.model import Body, Post, SeriesInfo
    from publisher.publishing.memory import Details

AT_HAND = 32
"""So many bodies are kept for whoever asks for them again."""
_SOURCE_LINK = re.compile(rb"""\.md[)#\s"'>]""")


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

    def read_sources(self, remembered: Details | None) -> Sources:
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
        self, some: Iterable[posts.Found]
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
            if len(self._bodies) >= AT_HAND:
                self._bodies.pop(next(iter(self._bodies)))
            self._bodies[post.id] = known
        return known
