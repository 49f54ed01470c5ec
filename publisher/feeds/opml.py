"""The list of every feed, for readers that take many at once (OPML 2.0)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from publisher.feeds.markup import as_title, clean

if TYPE_CHECKING:
    from collections.abc import Iterable


def write_opml(name: str, feeds: Iterable[tuple[str, str, str]]) -> bytes:
    """Return the document; ``feeds`` are title, address of the Atom feed, address of the page."""
    outlines = "".join(
        f'    <outline type="rss" text={quoteattr(as_title(title))} title={quoteattr(as_title(title))} '
        f"xmlUrl={quoteattr(clean(feed))} htmlUrl={quoteattr(clean(page))}/>\n"
        for title, feed, page in feeds
    )
    text = (
        '<?xml version="1.0" encoding="utf-8"?>\n<opml version="2.0">\n'
        f"  <head><title>{escape(as_title(name))}</title></head>\n"
        f"  <body>\n{outlines}  </body>\n</opml>\n"
    )
    return text.encode()
