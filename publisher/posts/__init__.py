"""The edge that reads Markdown: files in, posts and their rendered texts out.

files        the bytes of one post, and what its name says
scanning     everything that lies in the folder
text         bytes to text that every format can carry
frontmatter  YAML, each key with its line; and writing it
dates        as people write them
fields       what front matter and series.toml may say
reading      bytes to a Post, with every problem of the file
body         Markdown to the text of a post: headings, links, images
markdown     the two libraries that do it: pulldown-cmark and ammonia
notes        footnotes and citations as one numbered list
images       sizes
series       series.toml
writing      the text of a new post
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from publisher.posts.files import Found, Name, Source, name_of, read
from publisher.posts.scanning import Scan, outline, scan

if TYPE_CHECKING:
    from publisher.posts.frontmatter import compose
    from publisher.posts.reading import parse, render, source_sha256
    from publisher.posts.series import parse_series
    from publisher.posts.writing import draft

__all__ = [
    "Found",
    "Name",
    "Scan",
    "Source",
    "compose",
    "draft",
    "name_of",
    "outline",
    "parse",
    "parse_series",
    "read",
    "render",
    "scan",
    "source_sha256",
]

# The build that finds nothing changed only scans: it does not load the libraries that read posts.
_LATER = {
    "compose": "frontmatter",
    "draft": "writing",
    "parse": "reading",
    "parse_series": "series",
    "render": "reading",
    "source_sha256": "reading",
}


def __getattr__(name: str) -> object:
    """Load what reads posts when it is first asked for (PEP 562)."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
    globals()[name] = value
    return value
