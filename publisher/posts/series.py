"""What ``series.toml`` says."""

from __future__ import annotations

import re
import tomllib

from publisher.errors import ContentError, Problem
from publisher.model import SeriesInfo
from publisher.posts.fields import check_series
from publisher.posts.files import SERIES_FILE
from publisher.posts.frontmatter import FrontMatter, Mark
from publisher.posts.text import decode

_KEY = re.compile(
    r"^[ \t]*\[*[ \t]*[\"']?([A-Za-z0-9_-]+)[\"']?[ \t]*(?:\]|=[ \t]*(.*?)[ \t]*$)", re.MULTILINE
)
_AT_LINE = re.compile(r"\s*\(at line (\d+), column \d+\)|\s*\(at end of document\)")


def parse_series(slug: str, data: bytes, *, shown: str = "posts") -> SeriesInfo:
    """Return what a series' ``series.toml`` says; every key may be missing, the file too.

    ``data`` is empty where there is no file. Raises ContentError with all that is wrong.
    """
    where = f"{shown}/{slug}/{SERIES_FILE}"
    text = decode(data, where)
    try:
        values = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ContentError(_not_toml(str(error), text, where)) from error
    fields, problems = check_series(FrontMatter(values=values, marks=_marks(text)), where)
    if fields is None:
        raise ContentError(*problems)
    return SeriesInfo(
        slug=slug,
        title=fields.title or slug.replace("-", " ").capitalize(),
        summary=fields.summary,
        status=fields.status,
        planned_parts=fields.planned_parts,
        pace=fields.pace,
        next_series=fields.next_series,
    )


def _marks(text: str) -> dict[tuple[str | int, ...], Mark]:
    marks: dict[tuple[str | int, ...], Mark] = {(): Mark(line=1)}
    for found in _KEY.finditer(text):
        line = text.count("\n", 0, found.start(1)) + 1
        marks.setdefault((found[1],), Mark(line=line, raw=found[2] or ""))
    return marks


def _not_toml(message: str, text: str, where: str) -> Problem:
    at = _AT_LINE.search(message)
    line = int(at[1]) if at and at[1] else text.count("\n") + 1
    return Problem(
        code="series.toml",
        path=where,
        line=line,
        expected='lines of TOML, such as  title = "Sleep, slowly"',
        got=text.split("\n")[line - 1].strip()[:80] or "the end of the file",
        hint=f"TOML says: {_AT_LINE.sub('', message)}. Text stands in quotes.",
    )
