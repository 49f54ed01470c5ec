"""A post's text made ready for a page: wide things scroll in their own box, nothing loads from afar."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from markupsafe import Markup

from publisher import urls

if TYPE_CHECKING:
    from collections.abc import Iterable

    from publisher.model import Note, Post

_REST = r'[^>"]*(?:"[^"]*"[^>"]*)*>'
_TABLE = re.compile(rf"<table\b{_REST}")
_IMAGE = re.compile(rf"<img\b{_REST}")
_TAG = re.compile(rf"<[a-z]{_REST}")
_ID = re.compile(r'\sid="[^"]*"')
_ATTRIBUTE = re.compile(r'\s(src|alt)="([^"]*)"')
_BARE = re.compile(r'<a (href="(?:https?://)?([^"]+?)/?">(?:https?://)?\2/?</a>)')
_BARE_LINK = r'<a class="bare" \1'
"""Printed pages tell the address after a link, and of these would tell it twice."""
_BACK = '&nbsp;<a class="back" href="#{}" aria-label="{}">↩︎{}</a>'
_MENTION = '<sup class="note">'
_BOX = '<div class="scroll" role="group" aria-label="Table" tabindex="0">'


def dress_body(html: str, site_url: str) -> Markup:
    """Return sanitised HTML with tables and code in boxes that scroll, and images loaded late.

    An image of another host becomes a link to it: that host would learn who reads what.
    """
    if "<table" in html:
        html = _TABLE.sub(lambda match: _BOX + match[0], html)
        html = html.replace("</table>", "</table></div>")
    if "<img" in html:
        html = _IMAGE.sub(lambda match: _image(match[0], site_url), html)
    if ">http" in html:
        html = _BARE.sub(_BARE_LINK, html)
    # Without the space before it, a note's number stays on the line of its word.
    html = html.replace(f" {_MENTION}", _MENTION).replace(f"\n{_MENTION}", _MENTION)
    return Markup(html.replace("<pre>", '<pre tabindex="0">'))  # noqa: S704 - sanitised before


def dress_item(html: str, site_url: str) -> Markup:
    """Return a post's HTML for a page that holds several: without anchors, which would be double."""
    return dress_body(_TAG.sub(lambda match: _ID.sub("", match[0]), html), site_url)


def list_notes(notes: Iterable[Note]) -> Markup:
    """Return the notes as list items, each with links back to where the text mentions it."""
    items = [
        f'<li id="note-{note.number}" value="{note.number}">'
        + _BARE.sub(_BARE_LINK, note.html)
        + f"{_back_links(note)}</li>"
        for note in notes
    ]
    return Markup("\n".join(items))  # noqa: S704 - sanitised before, and anchors of our own


def is_own(src: str, site_url: str) -> bool:
    """Whether a picture is of this site: a path below the root, or an address of the site."""
    if src.startswith("//") or "\\" in src:
        return False
    return src.startswith(("/", f"{site_url}/")) or ":" not in src


def _back_links(note: Note) -> str:
    if len(note.mentions) == 1:
        return _BACK.format(note.mentions[0], f"Back to note {note.number} in the text", "")
    return "".join(
        _BACK.format(
            anchor,
            f"Back to mention {turn} of note {note.number} in the text",
            f"<sup>{turn}</sup>",
        )
        for turn, anchor in enumerate(note.mentions, 1)
    )


def _image(tag: str, site_url: str) -> str:
    values = dict(_ATTRIBUTE.findall(tag))
    src = values.get("src", "")
    if is_own(src, site_url):
        return tag.replace("<img", '<img loading="lazy" decoding="async"', 1)
    words = f"Picture: {values.get('alt') or src}"
    return f'<a href="{src}">{words}</a>' if src.startswith(("http", "//")) else words


def lead_image(post: Post, site_url: str) -> tuple[str, str]:
    """Return where a page takes the lead image from, empty for afar, and its address."""
    if not post.image:
        return "", ""
    src = post.image.src
    if not is_own(src, site_url):
        return "", src
    if not src.startswith(("/", site_url)):
        src = urls.image_path(post.location, src)
    return src, urls.absolute(site_url, src)
