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
blocks       a rendered text taken apart: its paragraphs, and the sentences that cite
images       sizes
series       series.toml
writing      the text of a new post, and where it goes
revising     a source edited key by key, all else kept byte for byte
metadata     what an image tells beside its picture, and removing it
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from publisher.posts.files import Found, Name, Source, name_of, read
from publisher.posts.scanning import Scan, outline, scan

if TYPE_CHECKING:
    from publisher.posts.blocks import Block, Claim, take_blocks, take_claims
    from publisher.posts.body import make_note
    from publisher.posts.frontmatter import compose, load, split
    from publisher.posts.markdown import spots
    from publisher.posts.metadata import bare, kind_of
    from publisher.posts.reading import (
        Given,
        Shown,
        parse,
        parse_all,
        render,
        render_all,
        show,
        source_sha256,
    )
    from publisher.posts.revising import retype, revise
    from publisher.posts.series import parse_series
    from publisher.posts.text import decode, empty_lines, refuse_unclean
    from publisher.posts.writing import draft, free_path

__all__ = [
    "Block",
    "Claim",
    "Found",
    "Given",
    "Name",
    "Scan",
    "Shown",
    "Source",
    "bare",
    "compose",
    "decode",
    "draft",
    "empty_lines",
    "free_path",
    "kind_of",
    "load",
    "make_note",
    "name_of",
    "outline",
    "parse",
    "parse_all",
    "parse_series",
    "read",
    "refuse_unclean",
    "render",
    "render_all",
    "retype",
    "revise",
    "scan",
    "show",
    "source_sha256",
    "split",
    "spots",
    "take_blocks",
    "take_claims",
]

# The build that finds nothing changed only scans: it does not load the libraries that read posts.
_LATER = {
    "Block": "blocks",
    "Claim": "blocks",
    "Given": "reading",
    "Shown": "reading",
    "bare": "metadata",
    "compose": "frontmatter",
    "decode": "text",
    "draft": "writing",
    "empty_lines": "text",
    "free_path": "writing",
    "kind_of": "metadata",
    "load": "frontmatter",
    "make_note": "body",
    "parse": "reading",
    "parse_all": "reading",
    "parse_series": "series",
    "refuse_unclean": "text",
    "render": "reading",
    "render_all": "reading",
    "retype": "revising",
    "revise": "revising",
    "show": "reading",
    "source_sha256": "reading",
    "split": "frontmatter",
    "spots": "markdown",
    "take_blocks": "blocks",
    "take_claims": "blocks",
}


def __getattr__(name: str) -> object:
    """Load what reads posts when it is first asked for (PEP 562)."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
    globals()[name] = value
    return value
