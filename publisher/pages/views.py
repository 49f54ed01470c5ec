"""The small values that pages are made of, beside the nouns of the model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteView:
    """What every page says of its site."""

    name: str
    url: str
    """Absolute, without a slash at the end."""
    language: str
    author: str
    logo: str = ""
    """A path or an address; a picture of another host is not shown, since that host would see."""
    accent: str = "#0b5c6e"
    notice: str = ""
    crisis: str = ""
    zone: str = "UTC"
    """The IANA name of the zone in which days are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedGroup:
    """The three feeds of one folder."""

    title: str
    path: str
    """The folder, between slashes."""
    series: str = ""
    """The slug of the series, where it is one: its feeds stand under ``#series-<slug>``."""
    begun_on: date | None = None
    """The day part 1 of a series came out: the one its course is shown from."""
    every_days: int = 7
    """Days from part to part in the course that is shown."""


def feed_groups(titles: Mapping[str, str]) -> list[FeedGroup]:
    """Return the feeds of folders, each a path and its title, by title."""
    pairs = sorted(titles.items(), key=lambda pair: pair[1].casefold())
    return [FeedGroup(title=title, path=path) for path, title in pairs]


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a page says of itself to programs."""

    title: str
    """Its own, without the site's name."""
    description: str
    canonical: str = ""
    """Absolute; empty for a page that no search engine is to keep."""
    own: FeedGroup | None = None
    """The feeds of this very page: a program that takes the first finds them before the site's."""
    around: FeedGroup | None = None
    """The feeds of the series that the page belongs to, after the site's."""
    kind: Literal["website", "article"] = "website"
    image: str = ""
    """Absolute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One kind of thing that is stored about people."""

    title: str
    why: str
    what: tuple[str, ...]
    """Each thing that is stored, in words."""
    how_long: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Rows of one kind, each of names and what they are."""

    title: str
    rows: tuple[tuple[tuple[str, str], ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One thing a form asks for."""

    name: str
    label: str
    kind: Literal["text", "email", "checkbox", "radio", "trap"] = "text"
    """A ``trap`` is out of sight and for machines alone: who fills it in is one."""
    value: str = ""
    is_checked: bool = False
    hint: str = ""
    problem: str = ""
    """What was wrong with the last answer."""
    autocomplete: str = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Fields that answer one question."""

    legend: str
    fields: tuple[Field, ...]
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseItem:
    """A series that may come from part 1, and what a reader can do with it: one form."""

    slug: str
    title: str
    path: str
    """Of its page."""
    action: str
    told: str
    """Where the reader is, and what comes when."""
    paces: tuple[tuple[str, str, bool], ...]
    """A pace, its words, and whether it is theirs; none where nothing is to be paced."""
    post_id: str
    """The part that comes next; empty where none is out."""
    acts: tuple[tuple[str, str], ...]
    """A button's value and words, the most likely one first."""
    done: str = ""
    """What was just done, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form with one button, sent by POST."""

    action: str
    button: str
    """The act in words, such as ``Unsubscribe``."""
    hidden: Mapping[str, str] = field(default_factory=dict)
    fields: tuple[Field, ...] = ()
    legend: str = ""
    """The question that a group of choices answers."""
    groups: tuple[Group, ...] = ()
    """Further questions, after the fields."""
    title: str = ""
    """What it is about, where a page has several."""
    sentence: str = ""
    note: str = ""
    """What stands below the button."""
    is_quiet: bool = False
    """Whether it is offered beside what the page is for."""
