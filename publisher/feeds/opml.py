"""The list of every feed, for readers that take many at once (OPML 2.0)."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from publisher.feeds.markup import as_title, clean

if TYPE_CHECKING:
    from collections.abc import Iterable


def write_opml(name: str, feeds: Iterable[tuple[str, str, str]]) -> bytes:
    """Return the document; ``feeds`` are title, address of the Atom feed, address of the page."""
    outlines = "".join(
        f'    <outline type="rss" text={_quoted(as_title(title))} title={_quoted(as_title(title))} '
        f"xmlUrl={_quoted(clean(feed))} htmlUrl={_quoted(clean(page))}/>\n"
        for title, feed, page in feeds
    )
    text = (
        '<?xml version="1.0" encoding="utf-8"?>\n<opml version="2.0">\n'
        f"  <head><title>{escape(as_title(name), quote=False)}</title></head>\n"
        f"  <body>\n{outlines}  </body>\n</opml>\n"
    )
    return text.encode()


def _quoted(text: str) -> str:
    """Return the text as an attribute's value, in the quotation marks it does not hold."""
    # xml.sax.saxutils does it too, and loads urllib's client of HTTP for it.
    value = escape(text, quote=False)
    if '"' not in value:
        return f'"{value}"'
    return f"'{value}'" if "'" not in value else '"' + value.replace('"', "&quot;") + '"'
