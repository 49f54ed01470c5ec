"""Checking: an edition's letter tried and looked through before its content is fixed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from publisher import preflight, urls

if TYPE_CHECKING:
    from publisher.editing.desk import Desk
    from publisher.errors import Problem
    from publisher.model import EditionContent, Letter

_OWN = frozenset(
    {urls.HOME, urls.ARCHIVE, urls.FEEDS, urls.OPML, urls.PRIVACY, urls.SUBSCRIBE, "/editions/"}
)


def try_letter(desk: Desk, content: EditionContent) -> list[Problem]:
    """Return what must be mended before the content may be fixed; nothing where all is well.

    Raises ContentError where the letter of all its posts cannot be made at all.
    """
    letter = desk.letters.render(content, [post.post_id for post in content.posts])
    return [one for one in inspect_letter(desk, content, letter) if one.level == "error"]


def inspect_letter(desk: Desk, content: EditionContent, letter: Letter) -> list[Problem]:
    """Return everything that a preflight finds in a letter, errors first."""
    digest = desk.config.digests.get(content.digest)
    sender = (digest.discreet_from if digest else None) or desk.config.mail.from_
    return preflight.inspect(
        content,
        letter,
        preflight.Facts(
            live=desk.config.live,
            answers=lambda path: _answers(desk, path),
            sources=_read_sources(desk, content),
            discreet_sender=sender.name,
        ),
    )


def _read_sources(desk: Desk, content: EditionContent) -> dict[str, str]:
    ids = {post.post_id for post in content.posts}
    return {post.path: desk.source_of(post) for post in desk.catalog.posts if post.id in ids}


def _answers(desk: Desk, path: str) -> bool:
    """Whether the site has a page or a file there, or will have with its next build."""
    catalog = desk.catalog
    if path in _OWN or path.strip("/") in catalog.redirects:
        return True
    if any(path == urls.post_path(series.slug) for series in catalog.series):
        return True
    for post in catalog.posts:
        page = urls.post_path(post.location)
        if path == page or (path.startswith(page) and path[len(page) :] in post.files):
            return True
    # Tags, feeds and earlier editions: whatever the last build left.
    return (desk.config.paths.output / urls.output_file(path)).is_file()
