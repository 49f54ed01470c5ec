"""What front matter and ``series.toml`` may say: the one place that checks their keys.

pydantic checks; what it finds is told in plain words with the line, and where a person fell into
one of YAML's traps, with the text that would have been right.
"""

from __future__ import annotations

import difflib
import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast
from urllib.parse import quote
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    ValidationInfo,
)
from pydantic_core import PydanticCustomError

from publisher import urls
from publisher.errors import Problem
from publisher.model import Channel
from publisher.posts.dates import DATE_HINT, instant, moment_of
from publisher.posts.frontmatter import FrontMatter, Mark, quoted
from publisher.posts.text import is_clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic_core import ErrorDetails

HIGHEST_PART = 9999


def _fault(expected: str, hint: str = "") -> PydanticCustomError:
    return PydanticCustomError("said", "{expected}", {"expected": expected, "hint": hint})


# ------------------------------------------------------------------------------- kinds of text


def _one_line(text: str) -> str:
    if not is_clean(text):
        raise _fault("text without control characters", "Retype it; they cannot be seen.")
    return " ".join(text.split())


def _some(text: str) -> str:
    if not text:
        raise _fault("some text")
    return text


def _web_address(text: str) -> str:
    if text and not urls.is_web_address(text):
        raise _fault(
            "an address with https://", f"Write https://{text.removeprefix('//')}, if that is it."
        )
    return text


def _slug(text: str) -> str:
    if not urls.is_slug(text):
        better = urls.slug_of(text)
        raise _fault(
            "a slug of a to z, digits and single hyphens", f"{better} would do." if better else ""
        )
    return text


def _tag(text: str) -> str:
    if not urls.tag_slug(text):
        raise _fault("a tag of at least one letter or digit")
    return text


_PLAIN = re.compile(r"[A-Za-z0-9/:;().-]+\Z")
_SAFE = "/:;()-._~!$*,@+&='"


def _doi(text: str) -> str:
    """Return a DOI as its address (DOI Handbook §2.2)."""
    bare = re.sub(r"(?i)\A(?:https?://(?:dx\.)?doi\.org/|doi:\s*)", "", text)
    if not re.match(r"10\.\d{4,9}(?:\.\d+)*/\S+\Z", bare):
        raise _fault("a DOI, such as 10.1000/182")
    return f"https://doi.org/{bare if _PLAIN.match(bare) else quote(bare, safe=_SAFE)}"


def _withdrawal(text: str) -> str:
    when, _, why = text.partition(" ")
    try:
        date.fromisoformat(when)
    except ValueError:
        why = ""
    if not why:
        raise _fault("the date and the reason", _SHAPES["withdrawn"])
    return text


Text = Annotated[str, AfterValidator(_one_line)]
SomeText = Annotated[str, AfterValidator(_one_line), AfterValidator(_some)]
Address = Annotated[str, AfterValidator(_one_line), AfterValidator(_web_address)]
Slug = Annotated[str, AfterValidator(_slug)]
Tag = Annotated[str, AfterValidator(_one_line), AfterValidator(_tag)]


# -------------------------------------------------------------------------------------- dates


def _instant(value: Any, info: ValidationInfo) -> datetime:
    try:
        return instant(value, cast("dict[str, ZoneInfo]", info.context)["zone"])
    except ValueError as error:
        raise _fault("a date, with a time or without", DATE_HINT) from error


def _day(value: Any) -> date:
    try:
        return moment_of(value).date()
    except ValueError as error:
        raise _fault("a date", "Such as 2027-01-31.") from error


Instant = Annotated[datetime, PlainValidator(_instant)]
Day = Annotated[date, PlainValidator(_day)]


# ---------------------------------------------------------------------------------- the models


class _Model(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class AuthorFields(_Model):
    """One of ``authors``."""

    name: SomeText
    credentials: Text = ""
    url: Address = ""


class ImageFields(_Model):
    """The lead image."""

    src: SomeText
    alt: SomeText
    credit: Text = ""


class ReferenceFields(_Model):
    """One of ``references``; a DOI is the address, since it outlives any other."""

    text: SomeText
    url: Address = ""
    doi: Annotated[str, AfterValidator(_one_line), AfterValidator(_doi)] = ""


def _named(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


class PostFields(_Model):
    """The front matter of a post."""

    id: SomeText | None = None
    title: SomeText
    date: Instant
    summary: Text = ""
    updated: Instant | None = None
    correction: Text = ""
    authors: list[Annotated[AuthorFields, BeforeValidator(_named)]] = Field(default_factory=list)
    reviewer: Text = ""
    review_due: Day | None = None
    series: Slug | None = None
    part: Annotated[int, Field(ge=1, le=HIGHEST_PART)] | None = None
    slug: Slug | None = None
    aliases: list[SomeText] = Field(default_factory=list)
    tags: list[Tag] = Field(default_factory=list)
    image: ImageFields | None = None
    warnings: list[SomeText] = Field(default_factory=list)
    channels: (
        Annotated[list[Annotated[Channel, Field(strict=False)]], Field(min_length=1)] | None
    ) = None
    canonical_url: Address = ""
    references: dict[str, ReferenceFields] = Field(default_factory=dict)
    draft: bool = False
    withdrawn: Annotated[str, AfterValidator(_one_line), AfterValidator(_withdrawal)] = ""


class SeriesFields(_Model):
    """``series.toml``."""

    title: Text = ""
    summary: Text = ""
    status: Literal["ongoing", "finished"] = "ongoing"
    planned_parts: Annotated[int, Field(ge=1, le=HIGHEST_PART)] | None = None
    pace: Annotated[str, Field(pattern=r"^(?:[1-9]\d{0,2}d)?$")] = ""
    next_series: Annotated[str, AfterValidator(lambda text: text and _slug(text))] = ""


# ------------------------------------------------------------------------------------ checking

_FOREIGN = {
    "author": "authors",
    "categories": "tags",
    "category": "tags",
    "description": "summary",
    "excerpt": "summary",
    "keywords": "tags",
    "lastmod": "updated",
    "modified": "updated",
    "permalink": "slug",
    "weight": "part",
    "order": "part",
    "hero": "image",
    "cover": "image",
    "published": "date",
}
"""What other programs call our keys."""

_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "keys and values",
    "model_type": "keys and values",
    "model_attributes_type": "keys and values",
    "enum": "web, email or feed",
    "too_short": "at least one",
    "greater_than_equal": f"a whole number from 1 to {HIGHEST_PART}",
    "less_than_equal": f"a whole number from 1 to {HIGHEST_PART}",
    "string_pattern_mismatch": "a number of days, such as 7d",
    "literal_error": "ongoing or finished",
}


_ANY_POST = {"title": "?", "date": date(2000, 1, 1)}


def check_post(front: FrontMatter, zone: str, where: str) -> tuple[PostFields, list[Problem]]:
    """Return the front matter's fields and every problem of its keys.

    The fields are without the keys that have problems, so that the rest can be judged as well.
    The ``x-`` keys are free and not among them.
    """
    own = {key: value for key, value in front.values.items() if not key.startswith("x-")}
    context = {"zone": ZoneInfo(zone)}
    try:
        return PostFields.model_validate(own, context=context), []
    except ValidationError as error:
        mistakes = error.errors()
    wrong = {mistake["loc"][0] for mistake in mistakes}
    good = _ANY_POST | {key: value for key, value in own.items() if key not in wrong}
    problems = [_explain(one, front, where, "post") for one in mistakes]
    return PostFields.model_validate(good, context=context), problems


def check_series(front: FrontMatter, where: str) -> tuple[SeriesFields | None, list[Problem]]:
    """Return the checked ``series.toml``, or nothing, and every problem of its keys."""
    try:
        return SeriesFields.model_validate(front.values), []
    except ValidationError as error:
        return None, [_explain(one, front, where, "series") for one in error.errors()]


def suggest(word: str, known: Iterable[str]) -> str:
    """Return the known word that was probably meant, or an empty text."""
    near = difflib.get_close_matches(word.lower().replace("-", "_"), list(known), n=1)
    return near[0] if near else ""


def _explain(error: ErrorDetails, front: FrontMatter, where: str, noun: str) -> Problem:
    loc = error["loc"]
    mark = front.mark(loc)
    if error["type"] == "extra_forbidden":
        return _unknown(str(loc[-1]), loc[:-1], mark, where, noun)
    said = error.get("ctx", {}) if error["type"] == "said" else {}
    value = error["input"] if error["type"] != "missing" else None
    return Problem(
        code=f"{noun}.{loc[0]}",
        path=where,
        line=mark.line,
        expected=str(said.get("expected") or _EXPECTED.get(error["type"], f"the key {loc[-1]}")),
        got=describe(value, mark.raw),
        hint=said.get("hint") or _hint(error, loc, value, mark),
    )


def _unknown(
    key: str, around: tuple[int | str, ...], mark: Mark, where: str, noun: str
) -> Problem:
    known = _known_keys(around, noun)
    meant = suggest(key, known) or (_FOREIGN.get(key.lower(), "") if not around else "")
    own = " Keys of your own begin with x-." if noun == "post" and not around else ""
    return Problem(
        code=f"{noun}.unknown_key",
        path=where,
        line=mark.line,
        expected="a key that is known here",
        got=key[:80],
        hint=(f"Did you mean {meant}?" if meant else f"Known are {', '.join(known)}.") + own,
    )


def _known_keys(around: tuple[int | str, ...], noun: str) -> list[str]:
    inner: Mapping[int | str, type[_Model]] = {
        "authors": AuthorFields,
        "image": ImageFields,
        "references": ReferenceFields,
    }
    outer = PostFields if noun == "post" else SeriesFields
    return list((inner[around[0]] if around else outer).model_fields)


def describe(value: object, raw: str = "") -> str:
    """Return in words what was got: a value, and where it helps what it was read as."""
    shown = (raw or str(value))[:80]
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return f'"{value[:80]}"'
    if isinstance(value, bool):
        read = str(value).lower()
        return read if shown.lower() == read else f"{shown}, read as {read}"
    if isinstance(value, (int, float)):
        return f"{shown}, read as a number"
    if isinstance(value, date):
        return f"{shown}, read as a date"
    return "a list" if isinstance(value, list) else "keys and values"


_SHAPES = {
    "title": 'Add a line:  title: "…"',
    "date": "Add a line:  date: 2027-01-31",
    "image": 'Write  image: {src: picture.png, alt: "…"}',
    "references": 'Write each as  key: {text: "…", doi: 10.1000/182}',
    "withdrawn": 'Such as  withdrawn: "2027-01-31 The dose was wrong."',
    "authors": "Write  authors: [Ann Lee, {name: Bo Hill, credentials: MD}]",
}
_TOLD_BY_EXPECTED = {"too_short", "greater_than_equal", "less_than_equal"}


def _hint(error: ErrorDetails, loc: tuple[int | str, ...], value: object, mark: Mark) -> str:
    """Return the line as it should have been, for the mistakes that have one."""
    kind = error["type"]
    key = "" if isinstance(loc[-1], int) else f"{loc[-1]}: "
    if (
        kind == "string_type"
        and loc[0] != "withdrawn"
        and isinstance(value, (bool, int, float, date))
    ):
        return f"Put it in quotes:  {key}{quoted(mark.raw or str(value))}"
    if kind == "list_type" and isinstance(value, (str, int, float, date)):
        return f"Write it as a list:  {key}[{mark.raw}]"
    if kind == "bool_type":
        return f"Write  {key}true  or  {key}false  without quotes."
    if kind == "int_type" and isinstance(value, str) and value.strip().isdecimal():
        return f"Write it without quotes:  {key}{value.strip()}"
    if kind == "enum":
        meant = suggest(str(value), list(Channel))
        return f"Did you mean {meant}?" if meant else ""
    return _SHAPES.get(str(loc[0]), "") if kind not in _TOLD_BY_EXPECTED else ""
