"""The edge that reads Markdown: files in, posts and their rendered texts out.

files        the bytes of one post, and what its name says
scanning     everything that lies in the folder
text         bytes to text that every format can carry
frontmatter  YAML, each key with its line; and writing it
fields       what front matter and series.toml may say
reading      bytes to a Post, with every problem of the file
body         Markdown to the text of a post: headings, links, images
markdown     the two libraries that do it: pulldown-cmark and ammonia
notes        footnotes and citations as one numbered list
images       sizes
series       series.toml
writing      the text of a new post
"""

from publisher.posts.files import Found, Name, Source, name_of, read
from publisher.posts.frontmatter import compose
from publisher.posts.reading import parse, render, source_sha256
from publisher.posts.scanning import Scan, scan
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
    "parse",
    "parse_series",
    "read",
    "render",
    "scan",
    "source_sha256",
]
