"""The posts folder as the build sees it: read what changed, take the rest from memory."""

from __future__ import annotations

import copyreg
import hashlib
import re
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from publisher import posts
from publisher.editorial.catalog import Sources
from publisher.errors import ContentError
from publisher.model import Post
from publisher.publishing.crew import share
from publisher.publishing.digests import digest_said
from publisher.publishing.memory import Parsed, take_apart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from publisher.errors import Problem
    from publisher.model import Body, SeriesInfo
    from publisher.publishing.memory import Details

AT_HAND = 16
"""So many posts are read, and their bodies kept, at a time."""
_SOURCE_LINK = re.compile(rb"""\.md[)#\s"'>]""")


# Thousands of them go from process to process, and into the memory of a build.
copyreg.pickle(Post, take_apart)
copyreg.pickle(Parsed, take_apart)


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

    def read_sources(
        self, remembered: Details | None, first: Callable[[], None] = lambda: None
    ) -> Sources:
        """Return what the files say; sources that did not change are not opened.

        ``first`` is done here while other processes read.
        """
        self._found = {found.path: found for found in self.scan.found}
        known = remembered.parsed if remembered else {}
        self._paths = {
            path: known[path].post.location if path in known else posts.name_of(path).location
            for path in self._found
        }
        infos, problems = self._read_series()
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
        for parsed, faults in share(self._parse_all, changed, first=first):
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
        given = posts.Given(
            site_id=self.site_id,
            zone=self.zone,
            known_series=self.scan.folders,
            known_paths=self._paths,
        )
        parsed, broken = {}, {}
        waiting = iter(some)
        while group := list(islice(waiting, AT_HAND)):
            sources = []
            for found in group:
                try:
                    sources.append((found, posts.read(self.root, found)))
                except ContentError as error:
                    broken[found.path] = error.problems
            said = posts.parse_all((source for _, source in sources), given)
            for (found, source), post in zip(sources, said, strict=True):
                if isinstance(post, ContentError):
                    broken[found.path] = post.problems
                    continue
                parsed[found.path] = Parsed(
                    signature=found.signature,
                    post=post,
                    has_links=_SOURCE_LINK.search(source.data) is not None,
                    said=digest_said(post),
                )
        return parsed, broken

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

    def said(self, post: Post) -> str:
        """Return a digest of what is said of a post elsewhere than in its own text."""
        parsed = self._parsed.get(post.path)
        return parsed.said if parsed and parsed.post is post else digest_said(post)

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
        """Return a published post's body."""
        return self.bodies([(post, from_store)])[0]

    def bodies(self, wanted: Sequence[tuple[Post, bool]]) -> list[Body]:
        """Return bodies of posts, each beside whether its source is in the store.

        The last few are kept for whoever asks again.
        """
        missing = [
            (self.source(post, from_store=from_store), post)
            for post, from_store in wanted
            if post.id not in self._bodies
        ]
        made = posts.render_all(missing, known_paths=self._paths)
        self._bodies |= {post.id: body for (_, post), body in zip(missing, made, strict=True)}
        bodies = [self._bodies[post.id] for post, _ in wanted]
        while len(self._bodies) > AT_HAND:
            self._bodies.pop(next(iter(self._bodies)))
        return bodies
