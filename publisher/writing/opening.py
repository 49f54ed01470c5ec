"""A post's file as somebody begins to edit it: fields for a form, the Markdown, and its SHA-256."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from publisher import posts
from publisher.errors import ContentError, Problem
from publisher.writing.folder import find, sha256_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from publisher.config import Config


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A post's file, taken apart for a form."""

    path: str
    data: bytes
    """As it lies on the disk: what a merge begins from."""
    sha256: str
    """Of ``data``: what a save begins from."""
    source_sha256: str
    """Of text and images: what a review approves."""
    series: str | None
    """By its folder."""
    fields: Mapping[str, object] = field(default_factory=dict)
    """The front matter: text as it is written there, numbers, true and false, lists, keys."""
    body: str
    """The Markdown from its first line on; everything where the front matter cannot be read."""
    body_line: int
    """The line of the file on which ``body`` begins."""
    images: tuple[str, ...] = ()
    """The images of its folder."""
    problems: tuple[Problem, ...] = ()
    """Why its front matter cannot be shown as a form: the whole text is to be edited then."""

    @property
    def is_form(self) -> bool:
        """Whether its front matter can be edited field by field."""
        return not self.problems

    @property
    def text(self) -> str:
        """The whole source, with line feeds alone."""
        return self.data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")


def open_post(config: Config, path: str) -> Opened:
    """Return a post's file ready to be edited.

    Raises NotFound, and ContentError for a file that is no text or cannot be read.
    """
    found = find(config, path)
    return take_apart(posts.read(config.paths.posts, found))


def show_body(config: Config, path: str, data: bytes) -> posts.Shown:
    """Return the rendered text of a post as it is being written, quickly and whatever is wrong in it.

    Links between posts lead where file names say; images are those that lie beside it. Raises
    ContentError only for what is no text.
    """
    scan = posts.scan(config.paths.posts)
    found = next((one for one in scan.found if one.path == path), None)
    images = posts.read(config.paths.posts, found).images if found else {}
    known = {one.path: posts.name_of(one.path).location for one in scan.found}
    return posts.show(posts.Source(path=path, data=data, images=images), known_paths=known)


def take_apart(source: posts.Source) -> Opened:
    """Return a source ready to be edited; raises ContentError for what is no text."""
    where = f"posts/{source.path}"
    text = posts.decode(source.data, where)
    problems: tuple[Problem, ...] = ()
    fields: dict[str, object] = {}
    body, body_line = text, 1
    try:
        parts = posts.split(text, where)
        front = posts.load(parts.front, where)
        empty = posts.empty_lines(parts.body)
        body, body_line = parts.body[empty:], parts.body_line + parts.body.count("\n", 0, empty)
        written = {loc[0]: mark.raw for loc, mark in front.marks.items() if len(loc) == 1}
        fields = {key: _shown(key, value, written[key]) for key, value in front.values.items()}
        problems = front.problems
    except ContentError as error:
        body, body_line, problems = text, 1, error.problems
    return Opened(
        path=source.path,
        data=source.data,
        sha256=sha256_of(source.data),
        source_sha256=posts.source_sha256(source),
        series=posts.name_of(source.path).series,
        fields={} if problems else fields,
        body=text if problems else body,
        body_line=1 if problems else body_line,
        images=tuple(sorted(source.images)),
        problems=problems,
    )


_TYPED = {"draft": bool, "part": int}
"""The keys that are no text."""


def _shown(key: str, value: object, raw: str) -> object:
    """Return a value as a form shows it: what is text, a number or a date as it was written."""
    if isinstance(value, (list, dict)):
        return _inner(value)
    return value if type(value) is _TYPED.get(key) else raw


def _inner(value: object) -> object:
    if isinstance(value, list):
        return [_inner(one) for one in value]
    if isinstance(value, dict):
        return {key: _inner(one) for key, one in value.items()}
    return value.isoformat() if isinstance(value, date) else value
