"""The folder of posts as it is written to: one hand at a time, whole files, nothing overwritten.

Paths come from a scan of the folder or are made here from slugs, so none leads out of it. Whoever
edits the files with another program takes no lock of ours: what they wrote is compared by its
SHA-256 again at the last moment before a file takes its place.
"""

from __future__ import annotations

import hashlib
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

from publisher import posts, site, urls
from publisher.errors import ContentError, NotFound, Problem, Refused

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from pathlib import Path

    from publisher.config import Config

LOCK_PATIENCE_SECONDS = 10.0
MOST_TEXT_BYTES = 1_000_000


class Overtaken(Exception):  # noqa: N818 - it reads as the sentence it is
    """The file is no longer the one that was compared."""


@contextmanager
def hold_folder(config: Config) -> Iterator[None]:
    """Be the only one of us who writes to the folder of posts; raises Unavailable."""
    with site.hold(config.paths.state / "posts.lock", wait_seconds=LOCK_PATIENCE_SECONDS):
        yield


def find(config: Config, path: str) -> posts.Found:
    """Return the file of a post; raises NotFound, or ContentError where it cannot be used."""
    scan = posts.scan(config.paths.posts)
    found = next((one for one in scan.found if one.path == path), None)
    if found:
        return found
    if path in scan.broken:
        raise ContentError(*scan.broken[path])
    raise NotFound(_unknown(path))


def find_path(config: Config, wanted: str) -> str:
    """Return the path of a post by its path, address or id, drafts too; raises NotFound."""
    asked = wanted.strip().strip("/").removeprefix("posts/")
    scan = posts.scan(config.paths.posts)
    for one in scan.found:
        bare = one.path.removesuffix(".md")
        names = {one.path, bare, bare.removesuffix("/index"), posts.name_of(one.path).location}
        if asked in names:
            return one.path
    for one in scan.found:  # what only the file itself says
        try:
            source = posts.read(config.paths.posts, one)
            post = posts.parse(source, site_id=config.site.id, zone=config.site.timezone)
        except ContentError:
            continue
        if asked in {post.id, post.raw_id, post.location}:
            return one.path
    raise NotFound(_unknown(wanted))


def sha256_of(data: bytes) -> str:
    """Return the digest by which a file is known to be what somebody began from."""
    return hashlib.sha256(data).hexdigest()


def refuse_large(data: bytes, where: str) -> None:
    """Raise ContentError for a text that is more than a post should be."""
    if len(data) > MOST_TEXT_BYTES:
        raise ContentError(
            Problem(
                code="post.size",
                path=where,
                expected=f"a post of at most {MOST_TEXT_BYTES // 1_000_000} MB",
                got=f"{len(data) / 1_000_000:.1f} MB",
                hint="Split it into parts of a series. Nothing was saved.",
            )
        )


def replace(config: Config, path: str, data: bytes, *, began_sha256: str) -> None:
    """Put a text in the place of the one that was begun from; raises Overtaken for any other.

    A reader sees the old file or the new one, also after a power cut; its rights stay.
    """
    root = config.paths.posts
    target = root / path
    with site.batch(root, durable=True, private=True) as files:
        mode = stat.S_IMODE(_status(target).st_mode)
        files.write(target, data)
        if sha256_of(_read(target)) != began_sha256:
            raise Overtaken
    target.chmod(mode)


def write_new(config: Config, path: str, data: bytes) -> None:
    """Write a file that was not there; raises Refused where something is."""
    root = config.paths.posts
    refuse_taken(root, path)
    site.write(root / path, data, root=root, durable=True, private=True)


def refuse_taken(root: Path, path: str) -> None:
    """Raise Refused where a name is taken, also one that differs only in case."""
    folder, _, name = path.rpartition("/")
    place = root / folder
    names = {entry.name.casefold() for entry in place.iterdir()} if place.is_dir() else set()
    if name.casefold() in names:
        raise Refused(
            Problem(
                code="post.exists",
                path=f"posts/{path}",
                expected="a name that is free",
                got="a file that is there",
                hint="Choose another name. Nothing was overwritten.",
            )
        )


def move(root: Path, before: str, after: str) -> None:
    """Give a file or a folder another name; raises Refused where that is taken."""
    if before.casefold() != after.casefold():
        refuse_taken(root, after)
    (root / before).rename(root / after)


def check_series(series: str | None) -> None:
    """Raise Refused for a folder that the site could not publish."""
    if series is None:
        return
    if series in urls.RESERVED:
        code, expected = "series.own_path", "a series whose address is not one of the site's own"
        hint = "The site serves something else there. Choose another name."
    elif not urls.is_slug(series):
        code, expected = "series.slug", "a folder name of lower-case letters, digits and hyphens"
        hint = f"For example: --series {urls.slug_of(series) or 'therapies'}"
    else:
        return
    raise Refused(Problem(code=code, path="--series", expected=expected, got=series, hint=hint))


def _status(path: Path) -> os.stat_result:
    try:
        return path.lstat()
    except FileNotFoundError as error:
        raise Overtaken from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise Overtaken from error


def _unknown(wanted: str) -> Problem:
    return Problem(
        code="post.unknown",
        path=wanted,
        expected="the path, address or id of a post in the folder",
        got="none that is there",
        hint="publisher plan lists the posts. Nothing was changed.",
    )
