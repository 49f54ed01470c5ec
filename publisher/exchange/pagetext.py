"""The plain text of an article page, as it is copied from a browser or saved by a crawler.

First the title; then paragraphs, a line each, and headings, short lines that end in a colon; then,
if there are any, a numbered list of citations and a tail that names the articles before and after.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from publisher.errors import ContentError, Problem
from publisher.exchange import ImportedPost, read_encoding

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_MOST_BYTES = 5_000_000
_TITLE_CHARACTERS = 300
_HEADING_CHARACTERS = 60
_SLUG_CHARACTERS = 80

_TAIL_LABELS = {
    "previous": "x-previous",
    "zurück": "x-previous",
    "précédent": "x-previous",
    "anterior": "x-previous",
    "next": "x-next",
    "weiter": "x-next",
    "suivant": "x-next",
    "siguiente": "x-next",
}
_LIST_NAMES = frozenset(
    {
        "bibliography",
        "citations",
        "literatur",
        "literature",
        "quellen",
        "references",
        "sources",
        "works cited",
    },
)
_HEADING_NAMES = _LIST_NAMES | {"introduction", "conclusion"}
"""Headings whatever follows; a text that begins with one has lost its title."""

_NUMBERED = re.compile(r"(?:\[(\d{1,3})\]|(\d{1,3})[.)])\s+(\S.*)")
_LISTED = re.compile(r"(?:[-+*•◦▪‣\u2013]|\(?\d{1,2}[.)]|\(?[A-Za-z]\))\s")
_ADDRESS = re.compile(r"https?://[^\s<>\"]{1,2000}(?![^\s<>\"])", re.IGNORECASE)
_MENTIONS = re.compile(r"(?:\[\d{1,3}(?:\s*[,;]\s*\d{1,3})*\])+")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """The lines of a page, apart: what is read to the end before anything is written."""

    title: str
    body: tuple[str, ...]
    items: tuple[tuple[int, str], ...]
    """The numbered citations: the number printed, and the words."""
    after: tuple[str, ...]
    """Lines below the citations that are no part of them."""
    neighbours: Mapping[str, str]
    notes: tuple[str, ...]


def read_page_text(data: bytes, name: str) -> ImportedPost:
    """Return the post that the text of an article page is; the same bytes give the same post.

    The words are kept as written: what Markdown would take for a mark is escaped. A line that looks
    like a date stays text.

    Raises:
        ContentError: empty, over 5 MB, no text file, no title, or nothing below the title.
    """
    encoding, notes = read_encoding(data, name, most_bytes=_MOST_BYTES)
    lines, cleaning = _clean(data.decode(encoding))
    parts = _take_apart(lines, name)
    references = {f"c{place}": _reference(item) for place, (_, item) in enumerate(parts.items, 1)}
    body, mentioning = _write_body(parts, tuple(references))
    if not body.strip():
        raise _refusal(name, _first(lines) + 1, "text below the title", "a title alone")
    source_sha256 = hashlib.sha256(data).hexdigest()
    return ImportedPost(
        title=parts.title,
        body=body,
        references=references,
        extra=parts.neighbours,
        slug=_slug(parts.title) or f"post-{source_sha256[:8]}",
        source_sha256=source_sha256,
        notes=(*notes, *cleaning, *parts.notes, *mentioning),
    )


# ------------------------------------------------------------------------------ taking it apart


def _clean(text: str) -> tuple[list[str], tuple[str, ...]]:
    """Return the lines with plain single spaces and without characters that no page can show."""
    kept = "".join(character for character in text if not _is_noise(character))
    lines = [" ".join(line.split()) for line in kept.splitlines()]
    taken = len(text) - len(kept)
    if not taken:
        return lines, ()
    return lines, (f"{taken} invisible or control characters were taken out.",)


def _is_noise(character: str) -> bool:
    """Tell whether XML 1.0 refuses the character, or nobody can see it."""
    if character in "\u00ad\u200b\u2060\ufeff":
        return True
    if unicodedata.category(character) == "Cc":
        return not character.isspace()
    return ord(character) & 0xFFFE == 0xFFFE  # noqa: PLR2004 - the two last of each plane are no characters


def _take_apart(lines: list[str], name: str) -> _Parts:
    start = _first(lines)
    title = _read_title(lines, start, name)
    rest, neighbours = _take_tail(lines[start + 1 :])
    body, items, after = _take_citations(rest)
    notes = (*_tell_tail(neighbours), *_tell_list(rest, items, after))
    return _Parts(
        title=title,
        body=tuple(body),
        items=tuple(items),
        after=tuple(after),
        neighbours=neighbours,
        notes=notes,
    )


def _first(lines: Sequence[str]) -> int:
    """Return the place of the first line with text; the number of lines if none has any."""
    return next((place for place, line in enumerate(lines) if line), len(lines))


def _read_title(lines: Sequence[str], start: int, name: str) -> str:
    expected = f"a title: one line of at most {_TITLE_CHARACTERS} characters, first in the file"
    if start == len(lines):
        raise _refusal(name, 1, expected, "only invisible characters")
    title = lines[start]
    if title.endswith(":") and _bare(title) in _HEADING_NAMES:
        raise _refusal(name, start + 1, expected, f'the heading "{title}"')
    if len(title) > _TITLE_CHARACTERS:
        raise _refusal(name, start + 1, expected, f"a line of {len(title)} characters")
    return title


def _take_tail(lines: list[str]) -> tuple[list[str], dict[str, str]]:
    """Take off the blocks at the very end that name the neighbours, at most one a side."""
    found: dict[str, str] = {}
    while (block := _tail_block(lines)) and block[0] not in found:
        side, title, start = block
        found[side] = title
        lines = lines[:start]
    return lines, {side: found[side] for side in ("x-previous", "x-next") if side in found}


def _tail_block(lines: Sequence[str]) -> tuple[str, str, int] | None:
    """Return side, title and place of the block that ends these lines: label, label again, title.

    The page shows the label once and hides it once, so most copies have it twice. A single label
    is believed only above a line that ends like a title.
    """
    places = [place for place, line in enumerate(lines) if line][-3:]
    if len(places) < 2 or len(title := lines[places[-1]]) > _TITLE_CHARACTERS:  # noqa: PLR2004
        return None
    label = lines[places[-2]].casefold()
    side = _TAIL_LABELS.get(label)
    if side is None or title.casefold() in _TAIL_LABELS:
        return None
    if places[0] != places[-2] and lines[places[0]].casefold() == label:
        return side, title, places[0]
    return None if title.endswith((".", ":", ",", ";")) else (side, title, places[-2])


def _take_citations(
    lines: list[str],
) -> tuple[list[str], list[tuple[int, str]], list[str]]:
    """Return the lines above the last numbered list of citations, its items, and the lines below."""
    for place in range(len(lines) - 1, -1, -1):
        if _bare(lines[place]) in _LIST_NAMES:
            items, end = _read_items(lines, place + 1)
            if items:
                return lines[:place], items, lines[end:]
    return lines, [], []


def _read_items(lines: list[str], start: int) -> tuple[list[tuple[int, str]], int]:
    """Return the numbered items from here and the place after them; a line right below continues."""
    items: list[tuple[int, list[str]]] = []
    for place in range(start, len(lines)):
        line = lines[place]
        if numbered := _NUMBERED.fullmatch(line):
            items.append((int(numbered[1] or numbered[2]), [numbered[3]]))
        elif line and (not items or not lines[place - 1]):
            break
        elif line:
            items[-1][1].append(line)
    else:
        place = len(lines)
    return [(number, " ".join(words)) for number, words in items], place


def _tell_tail(neighbours: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(
        f"The link to the {side.removeprefix('x-')} article was taken off the end; its title, "
        f'"{title}", is kept.'
        for side, title in neighbours.items()
    )


def _tell_list(
    lines: Sequence[str],
    items: Sequence[tuple[int, str]],
    after: Sequence[str],
) -> Iterable[str]:
    if not items and any(_bare(line) in _LIST_NAMES for line in lines):
        yield "The list of citations is not numbered and was kept as text."
    if items and [number for number, _ in items] != list(range(1, len(items) + 1)):
        yield "The citations are not numbered from 1 without gaps; they were numbered anew."
    if after:
        yield "The text below the citations was put above them."


# ---------------------------------------------------------------------------------- writing it


def _write_body(parts: _Parts, keys: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Return the Markdown, every citation mentioned, and the notes that this calls for."""
    in_order = [number for number, _ in parts.items] == list(range(1, len(keys) + 1))
    known = dict(enumerate(keys, 1)) if in_order else {}
    blocks = _write_blocks(parts.body, known)
    after = _write_blocks(parts.after, known)
    written = "\n".join((*blocks, *after))
    # The text is escaped, so a bare bracket with @ can only be a mention written here.
    mentioned = frozenset(re.findall(r"\[@(c\d+)\]", written))
    left = [key for key in keys if key not in mentioned]
    _append_mentions(blocks, left)
    return "\n\n".join((*blocks, *after)) + "\n", _tell_mentions(left, keys)


def _append_mentions(blocks: list[str], keys: list[str]) -> None:
    mentions = " ".join(f"[@{key}]" for key in keys)
    if not mentions:
        return
    if blocks and not blocks[-1].startswith("## "):
        blocks[-1] = f"{blocks[-1]} {mentions}"
    else:
        blocks.append(mentions)


def _tell_mentions(left: Sequence[str], keys: Sequence[str]) -> tuple[str, ...]:
    if not left:
        return ()
    count = f"{len(left)} of {len(keys)}"
    note = f"The page does not say where each citation belongs; {count} are mentioned at the end."
    return (note,)


def _write_blocks(lines: Sequence[str], known: Mapping[int, str]) -> list[str]:
    texts = [line for line in lines if line]
    return [_write_block(text, following, known) for text, following in pairwise((*texts, ""))]


def _write_block(line: str, following: str, known: Mapping[int, str]) -> str:
    if _is_heading(line, following):
        return f"## {_escape_heading(line[:-1].rstrip())}"
    return _escape_start(_escape_around_mentions(line, known))


def _is_heading(line: str, following: str) -> bool:
    """Tell whether a line is a heading: short, one phrase, a colon at its end, no list below it."""
    if _bare(line) in _HEADING_NAMES and line.endswith(":"):
        return True
    return (
        1 < len(line) <= _HEADING_CHARACTERS
        and line.endswith(":")
        and not re.search(r"[.?!:;]\s|::$", line)
        and not _LISTED.match(following)
    )


def _escape_around_mentions(line: str, known: Mapping[int, str]) -> str:
    """Return the line escaped, with ``[2]`` or ``[1, 3]`` as mentions where the list has those."""
    written, end = [], 0
    for found in _MENTIONS.finditer(line):
        numbers = [int(number) for number in re.findall(r"\d+", found[0])]
        if all(number in known for number in numbers):
            mentions = " ".join(f"[@{known[number]}]" for number in numbers)
            written += [_escape_after(line[end : found.start()], end), mentions]
            end = found.end()
    return "".join((*written, _escape_after(line[end:], end)))


def _escape_after(text: str, mentioned: int) -> str:
    """Return the text escaped; right behind a mention a bracket or colon would make it a link."""
    escaped = _escape(text)
    return f"\\{escaped}" if mentioned and escaped[:1] in ("(", ":") else escaped


def _escape(text: str) -> str:
    """Return the text with a backslash before whatever Markdown may take for a mark inside a line."""
    text = re.sub(r"[\\`*_\[\]<~^$|{}]|(?<=\[)@", r"\\\g<0>", text)
    return re.sub(r"&(?=#?\w+;)", r"\\&", text)


def _escape_start(text: str) -> str:
    """Return the paragraph with a backslash before what would make it another kind of block."""
    text = re.sub(r"^(?=#{1,6}(?:\s|$)|[-+]+(?:\s|$)|[>:])", r"\\", text)
    return re.sub(r"^(\d{1,9})(?=[.)](?:\s|$))", r"\1\\", text)


def _escape_heading(text: str) -> str:
    return re.sub(r"#(?=#*$)", r"\\#", _escape(text))


# ---------------------------------------------------------------------------------- references


def _reference(item: str) -> dict[str, str]:
    """Return a citation as front matter has it: the words, and the address they lead to."""
    found = _ADDRESS.search(item)
    if found is None:
        return {"text": item}
    url = _trim_address(found[0])
    readable = _readable(url)
    if not readable:
        return {"text": item}
    before, after = item[: found.start()].rstrip(), item[found.start() + len(url) :]
    if after.strip(" .,;)>]"):
        return {"text": item, "url": url}
    return {"text": before.rstrip("(<[ ") or readable, "url": url}


def _trim_address(url: str) -> str:
    """Return the address without the punctuation of the sentence around it."""
    url = url.rstrip(".,;:!?'")
    while url.endswith(")") and url.count(")") > url.count("("):
        url = url[:-1].rstrip(".,;:!?'")
    return url.rstrip("]>")


def _readable(url: str) -> str:
    """Return host and path as a person reads them; empty if the address leads nowhere."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").removeprefix("www.")
        path = unquote(parts.path, errors="strict")
    except ValueError:
        return ""
    if not path.isprintable():
        path = parts.path
    return f"{host}{path.rstrip('/')}" if host else ""


# --------------------------------------------------------------------------------------- words


def _bare(line: str) -> str:
    return line.rstrip(": ").casefold()


def _slug(title: str) -> str:
    """Return the title as a path segment: lower-case ASCII words, cut between words."""
    plain = unicodedata.normalize("NFKD", title.casefold()).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", "-", plain.replace("'", "")).strip("-")
    if len(words) <= _SLUG_CHARACTERS:
        return words
    cut = words[: _SLUG_CHARACTERS + 1].rpartition("-")[0]
    return cut or words[:_SLUG_CHARACTERS]


def _refusal(name: str, line: int, expected: str, got: str) -> ContentError:
    return ContentError(
        Problem(
            code="import.page_text",
            path=name,
            line=line,
            expected=expected,
            got=got,
            hint="put the title on the first line, and the text below it",
        ),
    )
