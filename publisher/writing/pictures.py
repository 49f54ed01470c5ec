"""Images into a post: looked at, made bare, named, described; a post gets a folder for its first."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from itertools import chain, count
from typing import TYPE_CHECKING

from publisher import posts, site, urls
from publisher.errors import ContentError, Problem
from publisher.store import reviews
from publisher.writing.folder import find, hold_folder, refuse_taken, sha256_of

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from pathlib import Path

    from publisher.config import Config
    from publisher.store import Store

MOST_IMAGE_BYTES = 10_000_000
LONGEST_ALT = 500
_LINK = re.compile(
    r"(\]\(<?|^ {0,3}\[[^\]\n]+\]:[ \t]*<?)(?![/#]|[A-Za-z][A-Za-z0-9+.-]*:|www\.)"
    r"([^)\s>]+\.md(?:#[^)\s>]*)?)(?=[)\s>]|\Z)",
    re.MULTILINE,
)
_BRACKETS = re.compile(r"([\\\[\]])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """An image that lies beside its post now."""

    path: str
    """Of the post: another one where it got a folder."""
    sha256: str
    """Of its text: another one where links had to follow it into the folder."""
    source_sha256: str
    name: str
    markdown: str
    """What shows the image, to be put where it belongs."""
    was_bared: bool
    """Whether something was removed that the picture told beside itself, such as its place."""


def add_picture(
    config: Config,
    store: Store,
    path: str,
    *,
    name: str,
    data: bytes,
    alt: str,
    by: str,
    now: datetime,
) -> Added:
    """Put an image beside a post; ``alt`` says what it shows.

    What it tells beside its picture, such as where it was taken, is removed. Raises ContentError
    for what is no png, jpeg, gif or webp, is too large, damaged, or has no words.
    """
    words = _check_alt(alt, name)
    picture = _check_picture(data, name)
    with hold_folder(config):
        source = posts.read(config.paths.posts, find(config, path))
        posts.decode(source.data, f"posts/{path}")  # what is no text stays where it is
        known = next((one for one, held in source.images.items() if held == picture), None)
        file = known or _free_name(name, posts.kind_of(picture), source.images)
        after = path
        if not path.endswith("/index.md"):
            after = _make_folder(config.paths.posts, source, file, picture)
            with store.write() as tx:
                reviews.move_path(tx, path, after)
        elif known is None:
            folder = path.removesuffix("/index.md")
            root = config.paths.posts
            site.write(root / folder / file, picture, root=root, durable=True, private=True)
        return _record(
            config, store, after, file, words, was_bared=picture != data, by=by, now=now
        )


def _record(
    config: Config,
    store: Store,
    path: str,
    file: str,
    words: str,
    *,
    was_bared: bool,
    by: str,
    now: datetime,
) -> Added:
    source = posts.read(config.paths.posts, find(config, path))
    digest = posts.source_sha256(source)
    with store.write() as tx:
        reviews.record_save(tx, path, digest, by=by, now=now)
    escaped = _BRACKETS.sub(r"\\\1", words)
    return Added(
        path=path,
        sha256=sha256_of(source.data),
        source_sha256=digest,
        name=file,
        markdown=f"![{escaped}]({file})",
        was_bared=was_bared,
    )


def _check_alt(alt: str, name: str) -> str:
    words = " ".join(alt.split())
    if not words or len(words) > LONGEST_ALT:
        raise ContentError(
            Problem(
                code="image.alt",
                path=name,
                expected=f"words for those who do not see the image, at most {LONGEST_ALT} characters",
                got=f"{len(words)} characters" if words else "none",
                hint="Say what it shows, as on the telephone. "
                "One that only decorates says nothing: leave it out.",
            )
        )
    posts.refuse_unclean(words, name)
    return words


def _check_picture(data: bytes, name: str) -> bytes:
    if len(data) > MOST_IMAGE_BYTES:
        raise ContentError(
            _unusable(
                name,
                f"an image of at most {MOST_IMAGE_BYTES // 1_000_000} MB",
                f"{len(data) / 1e6:.1f} MB",
                "Make it smaller: 2,000 pixels wide is enough for every screen.",
            )
        )
    try:
        return posts.bare(data)
    except ValueError as error:
        hint = "Save it again as png or jpeg."
        is_svg = b"<svg" in data[:1000].lower()
        if is_svg:
            hint = "An svg can carry scripts, and mail programs do not show it. Save it as png."
        got = "an svg" if is_svg else str(error)
        raise ContentError(_unusable(name, "a whole png, jpeg, gif or webp", got, hint)) from error


def _unusable(name: str, expected: str, got: str, hint: str) -> Problem:
    return Problem(code="image.file", path=name, expected=expected, got=got, hint=hint)


def _free_name(name: str, ending: str, taken: Collection[str]) -> str:
    """Return a name that every server and mail program can carry, and that no other image has."""
    last = name.replace("\\", "/").rpartition("/")[2]
    stem = urls.slug_of(last.rpartition(".")[0] or last) or "picture"
    there = {one.casefold().rpartition(".")[0] for one in taken}
    tries = chain([stem], (f"{stem}-{number}" for number in count(2)))
    return f"{next(one for one in tries if one not in there)}.{ending}"


def _make_folder(root: Path, source: posts.Source, file: str, picture: bytes) -> str:
    """Give a post a folder with its text and an image; return its path. Its address stays.

    The folder is made aside and takes its place whole, before the file goes: a kill in between
    leaves the post twice, and never not at all.
    """
    folder = source.path.removesuffix(".md")
    refuse_taken(root, folder)
    above, _, name = folder.rpartition("/")
    aside = f"{above}/{site.TEMPORARY}{name}" if above else f"{site.TEMPORARY}{name}"
    shutil.rmtree(root / aside, ignore_errors=True)
    text = source.data.decode("utf-8")
    moved = _follow(text)
    with site.batch(root, durable=True, private=True) as files:
        files.write(root / aside / "index.md", moved.encode())
        files.write(root / aside / file, picture)
    (root / aside).rename(root / folder)
    (root / source.path).unlink()
    return f"{folder}/index.md"


def _follow(text: str) -> str:
    """Return a text whose links to other posts lead from one folder deeper; code stays as it is."""
    targets = {spot.target for spot in posts.spots(text) if spot.kind == "link"}

    def deeper(link: re.Match[str]) -> str:
        return f"{link[1]}../{link[2]}" if link[2] in targets else link[0]

    return _LINK.sub(deeper, text)
