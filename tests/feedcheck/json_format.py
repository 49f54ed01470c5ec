"""JSON Feed 1.1: a schema, and what no schema can say."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import jsonschema

from tests.feedcheck.markup import html
from tests.feedcheck.texts import (
    MOST_BYTES,
    has_bad_characters,
    is_iri,
    is_language,
    plain,
    rfc3339,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

_ADDRESS: Final = {"type": "string", "pattern": r"^https?://[^/\s]"}
_TEXT: Final = {"type": "string", "minLength": 1}
_EXTENSION: Final = {
    # A custom object; it should say where to read about it (JSON Feed 1.1, Extensions).
    "type": "object",
    "required": ["about"],
    "properties": {"about": _ADDRESS},
}
_AUTHORS: Final = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "minProperties": 1,
        "properties": {
            "name": _TEXT,
            "url": {"type": "string", "minLength": 1},
            "avatar": _ADDRESS,
        },
        "additionalProperties": False,
    },
}
_ITEM: Final = {
    "type": "object",
    "required": ["id"],
    "anyOf": [{"required": ["content_html"]}, {"required": ["content_text"]}],
    "properties": {
        "id": _TEXT,
        "url": _ADDRESS,
        "external_url": _ADDRESS,
        "title": _TEXT,
        "content_html": _TEXT,
        "content_text": _TEXT,
        "summary": _TEXT,
        "image": _ADDRESS,
        "banner_image": _ADDRESS,
        "date_published": _TEXT,
        "date_modified": _TEXT,
        "authors": _AUTHORS,
        "tags": {"type": "array", "items": _TEXT, "minItems": 1, "uniqueItems": True},
        "language": _TEXT,
        "attachments": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["url", "mime_type"],
                "properties": {
                    "url": _ADDRESS,
                    "mime_type": _TEXT,
                    "title": _TEXT,
                    "size_in_bytes": {"type": "integer", "minimum": 0},
                    "duration_in_seconds": {"type": "number", "minimum": 0},
                },
                "additionalProperties": False,
            },
        },
    },
    "patternProperties": {"^_[A-Za-z]": _EXTENSION},
    "additionalProperties": False,
}
SCHEMA: Final = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["version", "title", "home_page_url", "feed_url", "items"],
    "properties": {
        "version": {"const": "https://jsonfeed.org/version/1.1"},
        "title": _TEXT,
        "home_page_url": _ADDRESS,
        "feed_url": _ADDRESS,
        "description": _TEXT,
        "user_comment": _TEXT,
        "next_url": _ADDRESS,
        "icon": _ADDRESS,
        "favicon": _ADDRESS,
        "authors": _AUTHORS,
        "language": _TEXT,
        "expired": {"type": "boolean"},
        "hubs": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["type", "url"],
                "properties": {"type": _TEXT, "url": _ADDRESS},
                "additionalProperties": False,
            },
        },
        "items": {"type": "array", "items": _ITEM},
    },
    "patternProperties": {"^_[A-Za-z]": _EXTENSION},
    "additionalProperties": False,
}
_VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


class _TwiceError(ValueError):
    """A key stands twice in an object."""


def check(data: bytes, *, now: datetime, address: str) -> list[str]:
    """Return what is wrong with a JSON Feed that is served at ``address``."""
    if data.startswith(b"\xef\xbb\xbf"):
        return ["ByteOrderMark: at the beginning"]
    try:
        document = json.loads(data.decode(), object_pairs_hook=_object)
    except _TwiceError as error:
        return [f"DuplicateKey: {error}"]
    except ValueError as error:
        return [f"InvalidJSON: {error}"]
    found = [
        f"Schema: {error.json_path}: {error.message[:200]}"
        for error in _VALIDATOR.iter_errors(document)
    ]
    if len(data) > MOST_BYTES:
        found.append(f"ValidatorLimit: {len(data)} bytes")
    return found or list(_meaning(document, now, address))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise _TwiceError(sorted(name for name, _ in pairs))
    return dict(pairs)


def _meaning(document: dict[str, Any], now: datetime, address: str) -> Iterator[str]:
    if any(map(has_bad_characters, _strings(document))):
        yield "BadCharacters: in a text"
    if address and document["feed_url"] != address:
        yield f"SelfDoesntMatchLocation: {document['feed_url']} is served at {address}"
    if document.get("next_url") == document["feed_url"]:
        yield "HistoryLoop: next_url leads to the same document"
    if not is_language(document.get("language", "en")):
        yield f"InvalidLanguage: {document['language']!r}"
    for name in ("title", "description"):
        yield from plain(document.get(name, "-"), f"{name} of feed", "&#x")
    ids = Counter(item["id"] for item in document["items"])
    yield from (f"DuplicateEntries: {one!r}" for one, count in ids.items() if count > 1)
    for item in document["items"]:
        yield from _item(item, now, has_authors="authors" in document)


def _item(item: dict[str, Any], now: datetime, *, has_authors: bool) -> Iterator[str]:
    if not is_iri(item["id"]):
        yield f"InvalidFullLink: id: {item['id']!r}"
    for name in ("url", "external_url", "image"):
        if name in item and not is_iri(item[name]):
            yield f"InvalidIRI: {name}: {item[name]!r}"
    for name in ("title", "summary"):
        yield from plain(item.get(name, "-"), name, "&#x")
    for name in ("date_published", "date_modified"):
        if name in item:
            yield from rfc3339(item[name], now, name)
    for author in item.get("authors", ()):
        if "url" in author and not is_iri(author["url"]):
            yield f"InvalidIRI: url of author: {author['url']!r}"
    if not has_authors and "authors" not in item:
        yield "MissingElement: authors of an item, and of the feed"
    yield from html(item.get("content_html", ""), "content_html")


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from _strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from _strings(one)
