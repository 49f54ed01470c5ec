"""Front matter: YAML to plain values, each key with its line; and writing it. The only YAML.

Read from the parser's events, not composed: an alias is met where it stands, depth is bounded
while reading, and nothing is ever built from a tag.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, NamedTuple, cast

import yaml

from publisher.errors import ContentError, Problem
from publisher.posts.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable

    from yaml.events import Event, ScalarEvent

Loc = tuple[str | int, ...]
"""Where a value stands: ``("references", "smith2020", "url")``."""

_FENCE = re.compile(r"---[ \t]*(?:\n|\Z)")
_END = re.compile(r"\n---[ \t]*(?:\n|\Z)")
_KEY_AND_TEXT = re.compile(r"\s*(?:-\s+)?([\w.-]+)\s*:\s+(\S.*?)\s*\Z")
_OTHER_LINE_ENDS = dict.fromkeys(map(ord, "\x85\u2028\u2029"), "\n")  # YAML would fold them
_MAX_BYTES = 100_000
_MAX_DEPTH = 6
_EXAMPLE = "Begin the file with  ---  then  title: …  and  date: 2027-01-31  then  ---"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A source taken apart; lines count from 1 in the file."""

    front: str
    body: str
    body_line: int


class Mark(NamedTuple):
    """Where a key stands, and its value's text as it was written, where it is a single value."""

    line: int
    raw: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontMatter:
    """What YAML says: text, int, float, bool, date, datetime, list, dict. Empty keys are left out."""

    values: dict[str, object]
    marks: dict[Loc, Mark]
    problems: tuple[Problem, ...] = ()

    def mark(self, loc: Loc) -> Mark:
        """Return the mark of a value, or of the nearest one around it that has one."""
        while loc not in self.marks:
            loc = loc[:-1]
        return self.marks[loc]


def split(text: str, where: str) -> Parts:
    """Take a source apart at its two ``---`` lines; raises ContentError where they are missing."""
    opening = _FENCE.match(text)
    if not opening:
        first = text.partition("\n")[0].strip()[:60]
        got = f'"{first}"' if first else "an empty line" if text else "an empty file"
        raise ContentError(
            _problem(where, 1, "front matter, opened by --- on line 1", got, _EXAMPLE)
        )
    closing = _END.search(text, opening.end() - 1)
    if not closing:
        hint = "Close the front matter with a line that holds --- alone."
        raise ContentError(_problem(where, 1, "front matter closed by ---", "no end of it", hint))
    return Parts(
        front=text[opening.end() : closing.start() + 1],
        body=text[closing.end() :],
        body_line=text.count("\n", 0, closing.start()) + 3,
    )


# --------------------------------------------------------------------------------------- load


@dataclass(slots=True)
class _Reading:
    loader: yaml.CSafeLoader
    where: str
    lines: list[str]
    first_line: int
    take: Callable[[], Event]
    marks: dict[Loc, Mark] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def blame(self, code: str, line: int, expected: str, got: str, hint: str) -> None:
        self.problems.append(_problem(self.where, line, expected, got, hint, code=code))

    def line(self, event: Event) -> int:
        mark = event.start_mark
        return (mark.line if mark else 0) + self.first_line

    def text(self, line: int) -> str:
        at = line - self.first_line
        return self.lines[at] if 0 <= at < len(self.lines) else ""


def load(front: str, where: str, *, first_line: int = 2) -> FrontMatter:
    """Return the values of front matter with their lines.

    Duplicate keys, aliases, anchors and tags are among the problems; raises ContentError where
    the text is no YAML mapping at all.
    """
    if len(front) > _MAX_BYTES:
        got = f"{len(front) // 1000} kB"
        raise ContentError(_problem(where, first_line, "front matter of at most 100 kB", got, ""))
    loader = yaml.CSafeLoader(front)
    reading = _Reading(
        loader=loader,
        take=cast("Callable[[], Event]", loader.get_event),
        where=where,
        lines=front.split("\n"),
        first_line=first_line,
        marks={(): Mark(line=1)},
    )
    try:
        values = _document(reading)
    except yaml.YAMLError as error:
        raise ContentError(*reading.problems, _not_yaml(reading, error, front)) from error
    finally:
        loader.dispose()
    return FrontMatter(values=values, marks=reading.marks, problems=tuple(reading.problems))


def _document(reading: _Reading) -> dict[str, object]:
    reading.take()  # the start of the stream
    if isinstance(reading.take(), yaml.StreamEndEvent):
        return {}
    event = reading.take()
    if not isinstance(event, yaml.MappingStartEvent):
        line = reading.line(event)
        raise ContentError(
            _problem(
                reading.where, line, "keys and values", f'"{reading.text(line).strip()}"', _EXAMPLE
            )
        )
    values = _mapping(reading, ())
    reading.take()  # the end of the document
    after = reading.take()
    if not isinstance(after, yaml.StreamEndEvent):
        line = reading.line(after)
        reading.blame(
            "post.front_matter",
            line,
            "one block of keys",
            f'"{reading.text(line).strip()}"',
            "Close the front matter with a line that holds --- alone.",
        )
    return values


def _value(reading: _Reading, event: Event, loc: Loc) -> object:
    if len(loc) > _MAX_DEPTH:
        line = reading.line(event)
        hint = "Front matter needs no such depth; is a bracket missing?"
        problem = _problem(reading.where, line, f"at most {_MAX_DEPTH} levels", "more", hint)
        raise ContentError(*reading.problems, problem)
    anchored = getattr(event, "anchor", None) is not None
    if anchored or getattr(event, "tag", None) is not None:
        line = reading.line(event)
        hint = _quoted(reading.text(line)) or "Put text that begins with & * or ! in quotes."
        got = reading.text(line).strip()
        reading.blame("post.yaml", line, "text without YAML's anchors and tags", got, hint)
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(reading.loader, event)
    if isinstance(event, yaml.SequenceStartEvent):
        return _sequence(reading, loc)
    if isinstance(event, yaml.MappingStartEvent):
        return _mapping(reading, loc)
    return None  # an alias, told above


def _sequence(reading: _Reading, loc: Loc) -> list[object]:
    values: list[object] = []
    while not isinstance(event := reading.take(), yaml.SequenceEndEvent):
        here = (*loc, len(values))
        reading.marks[here] = Mark(reading.line(event), getattr(event, "value", ""))
        values.append(_value(reading, event, here))
    return values


def _mapping(reading: _Reading, loc: Loc) -> dict[str, object]:
    values: dict[str, object] = {}
    while not isinstance(event := reading.take(), yaml.MappingEndEvent):
        line = reading.line(event)
        if not isinstance(event, yaml.ScalarEvent):
            hint = 'A key is a word and a colon, such as "title:".'
            problem = _problem(reading.where, line, "a key", reading.text(line).strip(), hint)
            raise ContentError(*reading.problems, problem)
        here = (*loc, event.value)
        first = reading.marks.get(here)
        content = reading.take()
        if first:
            got = f"{event.value} again; the first is in line {first.line}"
            hint = "Remove one of them."
            reading.blame("post.duplicate_key", line, "each key once", got, hint)
            here = (*loc, f"{event.value}, line {line}")  # so that what is inside is no double too
        else:
            reading.marks[here] = Mark(line, getattr(content, "value", ""))
        value = _value(reading, content, here)
        if value is not None and not first:
            values[event.value] = value
    return values


def _scalar(loader: yaml.CSafeLoader, event: ScalarEvent) -> object:
    """Return the value that YAML 1.1 gives a plain scalar; a date that cannot be stays text."""
    text = str(event.value)
    # Most words begin as nothing but text does, and resolving each costs more than reading it.
    if not event.implicit[0] or (text and text[0] not in loader.yaml_implicit_resolvers):
        return text
    tag = loader.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    tag = tag.rpartition(":")[2]
    if tag == "null":
        return None
    if tag not in {"bool", "int", "float", "timestamp"}:
        return text
    node = yaml.ScalarNode(tag, text)
    try:
        value: object = getattr(loader, f"construct_yaml_{tag}")(node)
    except (ValueError, OverflowError):
        return text
    return value


# ------------------------------------------------------------------------- what YAML cannot read


def _not_yaml(reading: _Reading, error: yaml.YAMLError, front: str) -> Problem:
    line = _line_of(error, front) + reading.first_line
    while line > reading.first_line and not reading.text(line).strip():
        line -= 1  # the end of the text is noticed below it
    text = reading.text(line)
    complaint = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)
    expected = "front matter that YAML can read"
    hint = _quoted(text)
    if text.lstrip(" ").startswith("\t"):
        hint = "Indent with spaces, not with tabs."
    elif "mapping values are not allowed" in complaint:
        expected = "text in quotes, since it holds a colon"
    elif not hint:
        hint = f"YAML says: {complaint}. Put text that holds : # or quotes in quotes."
    return _problem(reading.where, line, expected, text.strip() or complaint, hint)


def _line_of(error: yaml.YAMLError, front: str) -> int:
    """Return the line, from 0, where the trouble begins, which is not where it was noticed."""
    if isinstance(error, yaml.reader.ReaderError):
        return front.encode()[: error.position].count(b"\n")
    mark = getattr(error, "problem_mark", None)
    if getattr(error, "problem", None) == "found unexpected end of stream":
        mark = getattr(error, "context_mark", None) or mark
    return int(mark.line) if mark else 0


def _quoted(line: str) -> str:
    """Return the line with its text in quotes, as a hint; empty where that would not help."""
    found = _KEY_AND_TEXT.match(line)
    if not found or (found[2][0] + found[2][-1]) in {"[]", "{}"}:
        return ""
    return f"Put it in quotes:  {found[1]}: {quoted(found[2])}"


def quoted(text: str) -> str:
    """Return a text as a quoted YAML scalar of one line."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1]
    if '"' in text or "\\" in text:
        return "'" + text.replace("'", "''") + "'"
    return f'"{text}"'


def _problem(
    where: str, line: int, expected: str, got: str, hint: str, *, code: str = "post.front_matter"
) -> Problem:
    return Problem(code=code, path=where, line=line, expected=expected, got=got[:200], hint=hint)


# -------------------------------------------------------------------------------------- write


def compose(front: Mapping[str, object], body: str) -> str:
    """Return the text of a post from its keys, in their order, and its Markdown.

    Keys without a value are left out, and characters that no post may hold are dropped.
    """
    kept = _plain({key: value for key, value in front.items() if value is not None})
    keys = yaml.safe_dump(kept, sort_keys=False, allow_unicode=True, width=10**9)
    return f"---\n{keys}---\n\n{clean(body).strip()}\n"


def _plain(value: object) -> object:
    if isinstance(value, str):
        return clean(str(value)).translate(_OTHER_LINE_ENDS)
    if isinstance(value, Mapping):
        return {str(_plain(str(key))): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, (set, frozenset)):
        return sorted(str(one) for one in value)
    if isinstance(value, date):
        return value.replace()  # a value met twice would be written as an anchor and an alias
    return value
