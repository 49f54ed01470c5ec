"""A source edited key by key: what is not meant stays as it was written, byte for byte.

Comments, the order of keys, keys of one's own, line ends and a byte order mark are kept. A key is
found by where YAML says its value stands; what was written is read back and must say what was
meant, and nothing else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import yaml

from publisher.errors import ContentError, Problem
from publisher.posts.dates import moment_of
from publisher.posts.frontmatter import load, split
from publisher.posts.text import decode, empty_lines, refuse_unclean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from yaml.nodes import Node

_BOM = "\ufeff"
_LINE_END = re.compile(r"\r\n|\r|\n")
_FENCES = re.compile(
    r"(---[ \t]*(?:\r\n|\r|\n))(.*?)((?<=[\r\n])---[ \t]*(?:(?:\r\n|\r|\n)|\Z))", re.DOTALL
)
_DATES = frozenset({"date", "updated", "review_due"})
_REST_OF_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")


class _Entry(NamedTuple):
    """Where a key of the top level stands in the front matter."""

    key: str
    begin: int
    """Of the key."""
    start: int
    """Of its value."""
    end: int
    """After its value."""
    is_short: bool
    """Whether the value is text on the key's own line."""


def revise(
    data: bytes, changes: Mapping[str, object], body: str | None = None, *, where: str
) -> bytes:
    """Return a source with these keys changed, and its Markdown where one is given.

    A key whose value is None is removed. A value that the source has already is not touched, nor
    is a body that differs only in how its lines end. Raises ContentError for a source that is no
    text, and for front matter that cannot be edited key by key.
    """
    decode(data, where)  # what is no text is told as everywhere
    for words in _texts([*changes.values(), body]):
        refuse_unclean(words, where)
    text = data.decode("utf-8")
    mark, text = (_BOM, text[1:]) if text.startswith(_BOM) else ("", text)
    fences = _FENCES.match(text)
    if not fences:
        split(_LINE_END.sub("\n", text), where)  # says what is missing
        raise ContentError(_not_by_key(where))
    line_end = _line_end(fences[1])
    front = _revise_front(fences[2], changes, line_end, where)
    rest = text[fences.end() :]
    if body is not None:
        rest = _put_body(rest, body, line_end)
    closing = fences[3]
    if rest and closing[-1] not in "\r\n":
        closing += line_end
    return f"{mark}{fences[1]}{front}{closing}{rest}".encode()


def _put_body(rest: str, body: str, line_end: str) -> str:
    """Return what follows the front matter with another Markdown; empty lines before it stay."""
    there, meant = (_LINE_END.sub("\n", one) for one in (rest, body))
    there, meant = (one[empty_lines(one) :] for one in (there, meant))
    if meant == there:
        return rest
    if meant and not meant.endswith("\n"):
        meant += "\n"
    lead = rest[: empty_lines(rest)] if rest else line_end
    return lead + meant.replace("\n", line_end)


def _texts(value: object) -> Iterator[str]:
    """Yield every text within a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, dict):
        yield from _texts([*value, *value.values()])


def retype(began: bytes, text: str) -> bytes:
    """Return a whole text typed anew, with the line ends and the mark of the file it was begun from.

    The same bytes where it says the same.
    """
    before = began.decode("utf-8", "replace")
    mark = _BOM if before.startswith(_BOM) else ""
    if _LINE_END.sub("\n", text) == _LINE_END.sub("\n", before.removeprefix(_BOM)):
        return began
    return (mark + _LINE_END.sub(_line_end(before), text)).encode()


def write_value(key: str, value: object) -> str:
    """Return one key with its value, as lines of YAML."""
    if key in _DATES and isinstance(value, str) and _is_date(value):
        return f"{key}: {value}\n"
    value = list(value) if isinstance(value, tuple) else value
    if not isinstance(value, (list, dict)):
        return _dump({key: value}, flow=False)
    written = _dump(value, flow=None)
    if written[0] in "[{":
        return f"{key}: {written}"
    return f"{key}:\n" + "".join(f"  {line}" for line in written.splitlines(keepends=True))


def _dump(value: object, *, flow: bool | None) -> str:
    written: str = yaml.safe_dump(
        value, sort_keys=False, allow_unicode=True, width=10**9, default_flow_style=flow
    )
    return written


def _is_date(text: str) -> bool:
    try:
        moment_of(text)
    except ValueError:
        return False
    return text == text.strip()


def _line_end(text: str) -> str:
    found = _LINE_END.search(text)
    return found[0] if found else "\n"


def _revise_front(front: str, changes: Mapping[str, object], line_end: str, where: str) -> str:
    before = _values(front, where)
    meant = {
        key: value
        for key, value in changes.items()
        if not _says(before, key, value) and not (value is None and key not in before.written)
    }
    if not meant:
        return front
    revised = front
    for key, value in meant.items():
        revised = _put(revised, key, value, line_end, where)
    after = _values(revised, where)
    others = {key for key in (*before.values, *after.values) if key not in meant}
    if any(before.values.get(key) != after.values.get(key) for key in others) or not all(
        _says(after, key, value) for key, value in meant.items()
    ):
        raise ContentError(_not_by_key(where))
    return revised


class _Said(NamedTuple):
    values: dict[str, object]
    written: dict[str, str]
    """The text of each key that has a single value, as it stands there."""


def _values(front: str, where: str) -> _Said:
    loaded = load(_LINE_END.sub("\n", front), where)
    top = {loc[0]: mark.raw for loc, mark in loaded.marks.items() if len(loc) == 1}
    return _Said(values=loaded.values, written={str(key): raw for key, raw in top.items()})


def _says(said: _Said, key: str, value: object) -> bool:
    """Whether the front matter says this already; text is compared as it stands there."""
    if value is None:
        return key not in said.values
    if isinstance(value, str):
        return key in said.values and said.written.get(key) == value
    there = said.values.get(key)
    if isinstance(value, tuple):
        value = list(value)
    return type(there) is type(value) and there == value


def _put(front: str, key: str, value: object, line_end: str, where: str) -> str:
    """Return the front matter with one key written, replaced or removed."""
    entries = _entries(front, where)
    entry = next((one for one in entries if one.key == key), None)
    lines = "" if value is None else _LINE_END.sub(line_end, write_value(key, value))
    if entry is None:
        gap = "" if not front or front[-1] in "\r\n" else line_end
        return f"{front}{gap}{lines}"
    stop = _REST_OF_LINE.match(front, entry.end)
    behind = stop[0] if stop else ""
    whole_end = entry.end + len(behind)
    if value is not None and entry.is_short and _LINE_END.search(lines.rstrip("\r\n")) is None:
        short = lines.rstrip("\r\n")[len(key) + 1 :].lstrip(" ")
        gap = "" if front[entry.start - 1 : entry.start] in " \t" else " "
        return f"{front[: entry.start]}{gap}{short}{front[entry.end :]}"
    if entry.end > entry.begin and front[entry.end - 1] in "\r\n":
        whole_end = entry.end  # a block ends where its last line does
    return f"{front[: entry.begin]}{lines}{front[whole_end:]}"


def _entries(front: str, where: str) -> list[_Entry]:
    """Return the keys of the top level, in order; raises ContentError where that is no block."""
    # The parser in Python counts characters where the one in C counts otherwise.
    try:
        root = yaml.compose(front, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise ContentError(_not_by_key(where)) from error
    if root is None:
        return []
    if not isinstance(root, yaml.MappingNode) or root.flow_style:
        raise ContentError(_not_by_key(where))
    return [_entry(front, key, value) for key, value in root.value]


def _entry(front: str, key: Node, value: Node) -> _Entry:
    begin, start, end = key.start_mark.index, value.start_mark.index, value.end_mark.index
    is_single = isinstance(value, yaml.ScalarNode) and value.style not in {"|", ">"}
    # A block's mark ends at the next key: what stands between is no part of it.
    if not is_single:
        end = _end_of_block(front, start, end)
    is_short = is_single and not _LINE_END.search(front[begin:end])
    return _Entry(
        key=str(key.value), begin=begin, start=max(start, begin), end=end, is_short=is_short
    )


def _end_of_block(front: str, start: int, end: int) -> int:
    """Return where a block's last own line ends: comments and empty lines after it are not its."""
    lines = front[start:end].splitlines(keepends=True)
    while len(lines) > 1 and (not lines[-1].strip() or lines[-1].startswith("#")):
        lines.pop()
    return start + sum(map(len, lines))


def _not_by_key(where: str) -> Problem:
    return Problem(
        code="post.front_matter",
        path=where,
        line=1,
        expected="front matter with a key on each line",
        got="a form that cannot be edited key by key",
        hint="Edit the front matter itself, or write each key on a line of its own.",
    )
