"""A post's text made ready for a page: wide things scroll in their own box, nothing loads from afar."""

from __future__ import annotations

import re

from markupsafe import Markup

_TABLE = re.compile(r"<table\b[^>]*>")
_IMAGE = re.compile(r"<img\b[^>]*>")
_ATTRIBUTE = re.compile(r'\b(src|alt)="([^"]*)"')
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
    return Markup(html.replace("<pre>", '<pre tabindex="0">'))  # noqa: S704 - sanitised before


def is_own(src: str, site_url: str) -> bool:
    """Whether a picture is of this site: a path below the root, or an address of the site."""
    if src.startswith("//") or "\\" in src:
        return False
    return src.startswith(("/", f"{site_url}/")) or ":" not in src


def _image(tag: str, site_url: str) -> str:
    values = dict(_ATTRIBUTE.findall(tag))
    src = values.get("src", "")
    if is_own(src, site_url):
        return tag.replace("<img", '<img loading="lazy" decoding="async"', 1)
    return f'<a href="{src}">Picture: {values.get("alt") or src}</a>'
