"""Word's documents (.docx) to Markdown: mammoth reads them, and what comes out is read as pasted.

A document is a zip of XML: how much it unpacks to is looked at first, and nothing it names outside
of itself is opened.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import mammoth

from publisher.errors import ContentError, Problem
from publisher.exchange.richtext import Pasted, read_rich_text

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_BYTES = 20_000_000
MOST_UNPACKED_BYTES = 100_000_000
MOST_XML_BYTES = 30_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """An image of a document, to be added with words of its own."""

    data: bytes
    alt: str
    """What the document says it shows; often nothing, or a guess of the program."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What a document came to."""

    text: Pasted
    pictures: tuple[Picture, ...] = ()
    """In their order."""


def read_document(data: bytes, name: str, *, first_note: int = 1) -> Document:
    """Return a .docx document as Markdown, and its images; raises ContentError for any other file."""
    _refuse_bombs(data, name)
    pictures: list[Picture] = []

    def keep(image: Any) -> Mapping[str, str]:
        with image.open() as stream:
            pictures.append(Picture(data=stream.read(), alt=image.alt_text or ""))
        return {"src": ""}

    try:
        # Of what XML can be wrong in, the library says nothing of its own.
        html = mammoth.convert_to_html(
            io.BytesIO(data), convert_image=mammoth.images.img_element(keep)
        ).value
    except Exception as error:
        raise ContentError(_no_document(name, type(error).__name__)) from error
    text = read_rich_text(html, first_note=first_note)
    return Document(text=replace(text, images=len(pictures)), pictures=tuple(pictures))


def _refuse_bombs(data: bytes, name: str) -> None:
    if len(data) > MOST_BYTES:
        raise ContentError(_too_large(name, len(data), MOST_BYTES))
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise ContentError(_no_document(name, "another file")) from error
    if "word/document.xml" not in {one.filename for one in parts}:
        raise ContentError(_no_document(name, "another file"))
    unpacked = sum(one.file_size for one in parts)
    written = sum(one.file_size for one in parts if one.filename.endswith((".xml", ".rels")))
    for size, limit in ((unpacked, MOST_UNPACKED_BYTES), (written, MOST_XML_BYTES)):
        if size > limit:
            raise ContentError(_too_large(name, size, limit))


def _too_large(name: str, size: int, limit: int) -> Problem:
    return Problem(
        code="paste.size",
        path=name,
        expected=f"a document of at most {limit // 1_000_000} MB",
        got=f"{size / 1e6:.0f} MB",
        hint="Make its images smaller, or paste its text in parts.",
    )


def _no_document(name: str, got: str) -> Problem:
    return Problem(
        code="paste.document",
        path=name,
        expected="a document of Word, .docx",
        got=got,
        hint="Save it again as .docx, or copy its text and paste that.",
    )
