"""Feeds as a reader finds them: every entry of any of the three formats as one kind of value."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from html import unescape
from typing import TYPE_CHECKING, Any, Final

from lxml import etree

if TYPE_CHECKING:
    from pathlib import Path

    from tests.feedcheck import Kind

KINDS: Final[tuple[Kind, ...]] = ("atom", "rss", "json")
_SPACES: Final = {
    "a": "http://www.w3.org/2005/Atom",
    "dc": "http://purl.org/dc/elements/1.1/",
    "content": "http://purl.org/rss/1.0/modules/content/",
}
_ENTRIES: Final = {
    "atom": re.compile(rb"<entry\b.*?</entry>", re.DOTALL),
    "rss": re.compile(rb"<item\b.*?</item>", re.DOTALL),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry, its dates in UTC, its texts as they are shown."""

    id: str
    url: str
    title: str
    summary: str
    html: str
    published_at: datetime
    updated_at: datetime
    authors: tuple[str, ...]
    tags: tuple[str, ...]
    series: tuple[str, ...]
    """The title of its series, if it is in one."""


def feed_files(public: Path) -> dict[str, bytes]:
    """Return every feed below the directory by its path; pages' own JSON is none."""
    return {
        file.relative_to(public).as_posix(): file.read_bytes()
        for kind in KINDS
        for file in sorted(public.rglob(f"*.{kind}"))
        if file.stem == "feed" or file.parent.name == "archive"
    }


def kind_of(path: str) -> Kind:
    """Return the format of a feed's file."""
    return next(kind for kind in KINDS if path.endswith(f".{kind}"))


def read(data: bytes, kind: Kind) -> list[Entry]:
    """Return a feed's entries in their order."""
    if kind == "json":
        return [_from_json(item) for item in json.loads(data)["items"]]
    root = etree.fromstring(data)
    if kind == "atom":
        return [_from_atom(one) for one in root.iterfind("a:entry", _SPACES)]
    return [_from_rss(one) for one in root.iterfind("channel/item")]


def links(data: bytes, kind: Kind) -> dict[str, str]:
    """Return a feed's own links by relation; JSON's ``next_url`` is its ``prev-archive``."""
    if kind == "json":
        document = json.loads(data)
        return {"self": document["feed_url"], "prev-archive": document.get("next_url", "")}
    root = etree.fromstring(data)
    found = root.iterfind("a:link" if kind == "atom" else "channel/a:link", _SPACES)
    return {one.get("rel", ""): one.get("href", "") for one in found}


def pieces(data: bytes, kind: Kind) -> tuple[bytes, dict[str, bytes]]:
    """Return what stands around the entries, and each entry's own bytes by id."""
    if kind == "json":
        document = json.loads(data)
        items = {item["id"]: _bytes(item) for item in document.pop("items")}
        return _bytes(document), items
    raw = _ENTRIES[kind].findall(data)
    entries = read(data, kind)
    assert len(raw) == len(entries)
    around = _ENTRIES[kind].sub(b"", data)
    return around, {entry.id: one for entry, one in zip(entries, raw, strict=True)}


def _bytes(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _all(element: etree._Element, path: str) -> tuple[str, ...]:
    values = element.xpath(path, namespaces=_SPACES)
    assert isinstance(values, list)
    return tuple(map(str, values))


def _is_tag(attribute: str) -> str:
    """Return the condition that a category is a tag, not a series."""
    return f"contains(@{attribute}, '/tags/')"


def _one(element: etree._Element, path: str) -> str:
    found = element.findall(path, _SPACES)
    assert len(found) == 1, path
    return found[0].text or ""


def _from_atom(one: etree._Element) -> Entry:
    return Entry(
        id=_one(one, "a:id"),
        url=_all(one, "a:link[@rel='alternate']/@href")[0],
        title=_one(one, "a:title"),
        summary=_one(one, "a:summary"),
        html=_one(one, "a:content"),
        published_at=datetime.fromisoformat(_one(one, "a:published")),
        updated_at=datetime.fromisoformat(_one(one, "a:updated")),
        authors=_all(one, "a:author/a:name/text()"),
        tags=_all(one, f"a:category[{_is_tag('scheme')}]/@term"),
        series=_all(one, f"a:category[not({_is_tag('scheme')})]/@term"),
    )


def _from_rss(one: etree._Element) -> Entry:
    return Entry(
        id=_one(one, "guid"),
        url=_one(one, "link"),
        title=_one(one, "title"),
        summary=unescape(_one(one, "description")),
        html=_one(one, "content:encoded"),
        published_at=parsedate_to_datetime(_one(one, "pubDate")).astimezone(UTC),
        updated_at=datetime.fromisoformat(_one(one, "a:updated")),
        authors=_all(one, "dc:creator/text()"),
        tags=_all(one, f"category[{_is_tag('domain')}]/text()"),
        series=_all(one, f"category[not({_is_tag('domain')})]/text()"),
    )


def _from_json(item: dict[str, Any]) -> Entry:
    return Entry(
        id=item["id"],
        url=item["url"],
        title=item["title"],
        summary=item["summary"],
        html=item["content_html"],
        published_at=datetime.fromisoformat(item["date_published"]),
        updated_at=datetime.fromisoformat(item["date_modified"]),
        authors=tuple(author["name"] for author in item["authors"]),
        tags=tuple(item.get("tags", ())),
        series=(item["_series"]["title"],) if "_series" in item else (),
    )
