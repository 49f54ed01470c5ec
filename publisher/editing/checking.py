"""Checking: an edition's letter tried and looked through before its content is fixed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from publisher import preflight, urls
from publisher.editing.content import for_everybody
from publisher.model import corrected_digest

if TYPE_CHECKING:
    from publisher.editing.desk import Desk
    from publisher.errors import Problem
    from publisher.model import Catalog, EditionContent, Letter

_OWN = frozenset({urls.ARCHIVE, urls.FEEDS, urls.OPML, urls.PRIVACY, urls.SUBSCRIBE, "/editions/"})


def try_letter(desk: Desk, content: EditionContent) -> list[Problem]:
    """Return what must be mended before the content may be fixed; nothing where all is well.

    Raises ContentError where the letter of all its posts cannot be made at all.
    """
    letter = desk.letters.render(content, *for_everybody(content))
    return [one for one in inspect_letter(desk, content, letter) if one.level == "error"]


def inspect_letter(desk: Desk, content: EditionContent, letter: Letter) -> list[Problem]:
    """Return everything that a preflight finds in a letter, errors first."""
    digest, pages = desk.digest(content.digest), _pages(desk.catalog)
    if corrected_digest(content.digest):  # what it leads to was in a letter that went out
        site_url = desk.config.site.url
        pages |= {post.url.removeprefix(site_url) for post in content.posts}
    sender = (digest.discreet_from if digest else None) or desk.config.mail.from_
    return preflight.inspect(
        content,
        letter,
        preflight.Facts(
            live=desk.config.live,
            # What is no page of a post is there where the last build left it: earlier editions.
            answers=lambda path: (
                path in pages or (desk.config.paths.output / urls.output_file(path)).is_file()
            ),
            sources=_read_sources(desk, content),
            discreet_sender=sender.name,
        ),
    )


def _read_sources(desk: Desk, content: EditionContent) -> dict[str, str]:
    ids = {post.post_id for post in content.posts}
    return {post.path: desk.source_of(post) for post in desk.catalog.posts if post.id in ids}


def _pages(catalog: Catalog) -> set[str]:
    """Return the paths that the site has of its posts, or will have with its next build."""
    folders = {urls.HOME, *(urls.post_path(series.slug) for series in catalog.series)}
    folders |= {urls.tag_path(tag) for post in catalog.posts for tag in post.tags}
    feeds = {urls.feed_path(folder, form) for folder in folders for form in urls.FEED_FORMATS}
    posts = {urls.post_path(post.location) for post in catalog.posts}
    images = {f"/{post.location}/{name}" for post in catalog.posts for name in post.files}
    earlier = {f"/{location}{end}" for location in catalog.redirects for end in ("", "/")}
    return folders | feeds | posts | images | earlier | _OWN
