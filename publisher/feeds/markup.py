"""Text and HTML as feed readers can take them: legal characters, plain titles, absolute addresses."""

from __future__ import annotations

import re
from functools import partial
from html import escape, unescape
from urllib.parse import urljoin

from publisher import urls

# XML 1.0 §2.2 Char, less what it discourages: C1 controls, DEL and noncharacters,
# and less U+FFFD, which stands for a byte that was lost.
_ILLEGAL = re.compile(
    "[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffc"
    + "".join(f"{chr(n << 16)}-{chr((n << 16) + 0xFFFD)}" for n in range(1, 17))
    + "]"
)
_NO_CONTROLS = dict.fromkeys({*range(0x20), 0x7F} - {0x09, 0x0A})
"""Those among the first 128 characters."""
_REFERENCE = re.compile(r"&(?:#\d+|#[xX][0-9a-fA-F]+|[a-zA-Z][a-zA-Z0-9]*);")
_TAG = re.compile(r"</?([a-zA-Z][a-zA-Z0-9]*)(?:\s[^<>]*)?/?>")
_END_TAG = re.compile(r"</([a-zA-Z][a-zA-Z0-9]*)\s*>")

# What people write in a title and may leave open; other names are taken for markup when closed.
_INLINE = frozenset(
    {"a", "b", "br", "code", "em", "hr", "i", "img", "small", "span", "strong", "sub", "sup", "u"}
)
_START_TAG = re.compile(r'<([a-z][a-z0-9]*)((?: [a-z][a-z0-9:-]*="[^"]*")+)')
"""As the sanitiser writes it: lower case, double quotes, no bare attribute."""
_ATTRIBUTE = re.compile(r' ([a-z][a-z0-9:-]*)="([^"]*)"')
_PLAIN = re.compile(r"(?:https?://[a-z0-9.-]+/|mailto:|tel:)[!-~]*\Z")
"""An address that is as it should be, like most."""
_ADDRESSES = frozenset({"href", "src", "cite"})
# An id or a name could collide with the reader's own page, and no link of an entry leads to one:
# fragments lead to the post's page. The others mean something on our pages only.
_OURS = frozenset({"id", "name", "class", "style", "target", "loading", "decoding", "tabindex"})


def clean(text: str) -> str:
    """Return the text without the characters that XML 1.0 cannot or should not carry.

    Every line end becomes a line feed, because XML parsers would make it one.
    """
    if text.isascii() and len(text.translate(_NO_CONTROLS)) == len(text):
        return text
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _ILLEGAL.sub("", text)


def as_line(text: str) -> str:
    """Return plain text as one line of legal characters."""
    return " ".join(clean(text).split())


def as_title(text: str) -> str:
    """Return a title or summary as plain text: no HTML tags, no character references, one line.

    Readers disagree on markup there, and text without any is the only portable kind. Angle
    brackets that are no markup stay: ``<sertraline>``, ``a < b``.
    """
    if "<" not in text and "&" not in text:
        return as_line(text)
    resolved = _REFERENCE.sub(lambda found: unescape(found[0]), text)
    names = _INLINE.union(name.lower() for name in _END_TAG.findall(resolved))
    bare = _TAG.sub(lambda tag: "" if tag[1].lower() in names else tag[0], resolved)
    return as_line(bare)


def resolve(address: str, *, site_url: str, page_url: str) -> str:
    """Return the address as it is reached from anywhere; empty where it is no address at all.

    A path from the root is a path of the site; anything else is relative to the post's page.
    """
    address = clean(address).strip()
    if _PLAIN.match(address):
        return address
    if address.startswith("#"):
        return page_url + address
    if not address.startswith("//"):
        address = urls.absolute(site_url, address)
    try:
        return urljoin(page_url, address)
    except ValueError:
        return ""


def absolute_html(html: str, *, site_url: str, page_url: str) -> str:
    """Return sanitised HTML with every address absolute, and without what only our pages use."""
    return _START_TAG.sub(partial(_rewrite, site_url, page_url), clean(html))


def link(title: str, url: str) -> str:
    """Return an HTML link with the title as its text."""
    return f'<a href="{escape(url)}">{escape(title, quote=False)}</a>'


def _rewrite(site_url: str, page_url: str, tag: re.Match[str]) -> str:
    written = [f"<{tag[1]}"]
    for name, value in _ATTRIBUTE.findall(tag[2]):
        if name in _OURS or name.startswith(("data-", "on")):
            continue
        if name not in _ADDRESSES:
            written.append(f' {name}="{value}"')
        elif address := resolve(unescape(value), site_url=site_url, page_url=page_url):
            written.append(f' {name}="{escape(address)}"')
    return "".join(written)
