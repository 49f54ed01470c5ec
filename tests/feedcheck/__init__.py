"""The rules of the W3C Feed Validation Service as far as they concern us, and some of our own.

A finding is a line of words that begins with the name the public validator gives its message, such
as ``MissingSelf``; nothing found means that the validator would say nothing, neither error nor
warning. The rules were read from its documentation and messages, and from RFC 4287, RFC 5005, the
RSS Advisory Board's profile, Media RSS 1.5, JSON Feed 1.1 and OPML 2.0; the code is ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from tests.feedcheck import atom, json_format, opml, rss
from tests.feedcheck.texts import parse_xml

if TYPE_CHECKING:
    from datetime import datetime

Kind: TypeAlias = Literal["atom", "rss", "json"]

APART = ("DuplicateUpdated", "MathML")
"""Findings told apart, since the feed is right: posts of one second, and MathML, which is HTML
(HTML §4.8.16) though the validator's list of tags is older than that."""


def check_feed(data: bytes, kind: Kind, *, now: datetime, address: str = "") -> list[str]:
    """Return what is wrong with a feed that is served at ``address``, each finding in words."""
    return [one for one in _findings(data, kind, now, address) if not one.startswith(APART)]


def set_apart(data: bytes, kind: Kind, *, now: datetime) -> list[str]:
    """Return the findings of ``APART`` alone."""
    return [one for one in _findings(data, kind, now, "") if one.startswith(APART)]


def check_opml(data: bytes) -> list[str]:
    """Return what is wrong with a list of feeds."""
    root, findings = parse_xml(data)
    return findings if root is None else [*findings, *opml.check(root)]


def _findings(data: bytes, kind: Kind, now: datetime, address: str) -> list[str]:
    if kind == "json":
        return json_format.check(data, now=now, address=address)
    root, findings = parse_xml(data)
    if root is None:
        return findings
    check = atom.check if kind == "atom" else rss.check
    return [*findings, *check(root, data.decode().split("\n"), now=now, address=address)]
