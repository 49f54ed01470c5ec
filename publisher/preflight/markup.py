"""What a letter's HTML and text are: size, links, pictures, colours, and what mail programs drop."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from publisher.look import TEXT_CONTRAST, contrast, palette
from publisher.preflight import mailers, words
from publisher.preflight.document import declarations, read
from publisher.preflight.facts import LETTER, blocking, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from publisher.errors import Problem
    from publisher.model import EditionContent, Letter
    from publisher.preflight.document import Anchor, Document, StyleBlock
    from publisher.preflight.facts import Facts

BUDGET = 90_000
"""Octets of HTML that a letter is composed to."""
MOST_OCTETS = 100_000
"""Octets of HTML that are sent; Gmail hides what lies beyond 102,400."""
WAYS_OUT_WITHIN = 60_000
"""Octets of HTML in which the links to preferences and to unsubscribe must come."""

UNSUBSCRIBE, PREFERENCES = "@@UNSUBSCRIBE_URL@@", "@@PREFERENCES_URL@@"
_TOKEN = re.compile(r"@@[A-Z_]+@@")
_LOADING = frozenset({"src", "srcset", "background", "poster", "data", "lowsrc", "dynsrc"})
_FETCHES = re.compile(r"\burl\s*\(|@import|\bsrc\s*=|\bhref\s*=\s*[\"']?https?:", re.IGNORECASE)
_AT_RULE = re.compile(r"@([a-z-]+)", re.IGNORECASE)
_ATTRIBUTE_SELECTOR = re.compile(r"\[[a-z-]+[^\]]*\][^{};]*\{", re.IGNORECASE)
_INSIDE = re.compile(r"\{([^{}]*)\}")
_BARE = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_TRACKING = re.compile(r"utm_\w+|mc_[ce]id|fbclid|gclid|_hsenc|mkt_tok|subscriber|recipient|email")


def look_at_markup(content: EditionContent, letter: Letter, facts: Facts) -> Iterator[Problem]:
    """Yield what is wrong with the HTML of a letter, and with its text where that says less."""
    document = read(letter.html)
    if document.unreadable_at:
        yield blocking(
            "unreadable",
            LETTER,
            "HTML that can be read to its end",
            "markup that no mail program knows, such as <![x]>",
            "Compare the template with the one that ships.",
            document.unreadable_at,
        )
    yield from _look_at_size(content, letter)
    yield from _look_at_ways_out(letter)
    for anchor in document.anchors:
        yield from _look_at_link(anchor, content, facts)
    yield from _look_for_bare_links(document)
    yield from _look_at_text(document, letter)
    yield from _look_at_pictures(document)
    yield from _look_at_colours(content, document)
    yield from _look_at_what_loads(document)
    yield from _look_at_what_is_dropped(document)


# ------------------------------------------------------------------------------------------ size


def _look_at_size(content: EditionContent, letter: Letter) -> Iterator[Problem]:
    octets = len(letter.html.encode())
    if octets <= BUDGET:
        return
    find = blocking if octets > MOST_OCTETS else warning
    yield find(
        "size",
        LETTER,
        f"at most {MOST_OCTETS if octets > MOST_OCTETS else BUDGET:,} octets",
        f"{octets:,}",
        f"Gmail hides the end of a longer letter. {_what_to_shorten(content)}",
    )


def _what_to_shorten(content: EditionContent) -> str:
    """Name what weighs most: texts have given way to summaries and links already."""
    sizes = {
        "the intro": len(content.intro.encode()),
        "notice and crisis line": len(f"{content.notice}{content.crisis}".encode()),
    }
    for post in content.posts:
        listed = sum(len(f"{line.title}{line.url}".encode()) for line in post.lines)
        sizes[f"posts/{post.path}"] = len(f"{post.title}{post.series_title}".encode()) + listed
    largest = sorted(sizes, key=lambda name: -sizes[name])[:3]
    named = "; ".join(f"{name} ({sizes[name]:,} octets)" for name in largest)
    return f"Shorten, or set max_posts lower; the largest: {named}."


def _look_at_ways_out(letter: Letter) -> Iterator[Problem]:
    for name, token in (("unsubscribe", UNSUBSCRIBE), ("preferences", PREFERENCES)):
        before, found, _ = letter.html.partition(token)
        if not found or len(before.encode()) > WAYS_OUT_WITHIN:
            yield blocking(
                "way_out",
                LETTER,
                f"the {name} link within the first {WAYS_OUT_WITHIN:,} octets",
                f"it begins after {len(before.encode()):,}" if found else "none",
                "Compare the template letters/letter.html with the one that ships.",
            )


# ----------------------------------------------------------------------------------------- links


def _look_at_link(anchor: Anchor, content: EditionContent, facts: Facts) -> Iterator[Problem]:
    yield from _look_at_target(anchor, content, facts)
    text = " ".join(anchor.text.split())
    if not text:
        yield blocking(
            "link_text",
            LETTER,
            "words that say where a link leads",
            f"none, for {anchor.href}",
            "Put words between <a> and </a>.",
            anchor.line,
        )
    elif words.is_vague(text):
        yield warning(
            "link_text",
            LETTER,
            "link text that says where it leads when it is read alone",
            f"“{text}”",
            "Link the words that name it, such as: the 2023 study of running.",
            anchor.line,
        )


def _look_for_bare_links(document: Document) -> Iterator[Problem]:
    """An address read aloud is a spelling exercise; told once, for lists of sources have many."""
    bare = [one for one in document.anchors if _BARE.fullmatch(one.text.strip())]
    if bare:
        yield warning(
            "link_text",
            LETTER,
            "link text that says where it leads when it is read alone",
            f"{len(bare)} of which the text is an address, such as {bare[0].text.strip()}",
            "Link the words that name it, such as the title of the source.",
            bare[0].line,
        )


def _look_at_target(anchor: Anchor, content: EditionContent, facts: Facts) -> Iterator[Problem]:
    href = anchor.href
    if href in {UNSUBSCRIBE, PREFERENCES}:
        return
    if _TOKEN.search(href):
        yield _reader_link(anchor)
        return
    parts = _split(href)
    if parts.scheme in {"mailto", "tel"}:
        return
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        yield blocking(
            "link",
            LETTER,
            "a link with its whole address, https:// first",
            repr(href),
            "A mail stands on no page: what is relative leads nowhere.",
            anchor.line,
        )
    elif any(_TRACKING.fullmatch(name.lower()) for name, _ in parse_qsl(parts.query)):
        yield warning(
            "tracking",
            LETTER,
            "links that tell nothing of who follows them",
            href,
            "Take out what follows the question mark.",
            anchor.line,
        )
    elif _is_lost(href, content, facts):
        yield blocking(
            "link",
            LETTER,
            "a link to a page that this site has",
            href,
            "Mend the address, or publish what it leads to.",
            anchor.line,
        )


def _split(href: str) -> SplitResult:
    """Return the parts of an address, none for one that has brackets where no host may have them."""
    try:
        return urlsplit(href)
    except ValueError:
        return urlsplit("")


def _reader_link(anchor: Anchor) -> Problem:
    return blocking(
        "reader_link",
        LETTER,
        "no link that differs from reader to reader, but for preferences and unsubscribe",
        anchor.href,
        "Compare the template with the one that ships.",
        anchor.line,
    )


def _is_lost(href: str, content: EditionContent, facts: Facts) -> bool:
    """Whether the link leads to this site, and to no page of it."""
    root = content.site_url.rstrip("/")
    if href != root and not href.startswith((f"{root}/", f"{root}?", f"{root}#")):
        return False
    path = unquote(re.split("[?#]", href[len(root) :])[0] or "/")
    return href.partition("#")[0] != content.web_url and not facts.answers(path)


def _look_at_text(document: Document, letter: Letter) -> Iterator[Problem]:
    """Whoever reads plain text can go wherever the HTML leads."""
    for anchor in document.anchors:
        address = re.sub("^(?:mailto|tel):", "", anchor.href)
        if address not in letter.text:
            yield blocking(
                "text",
                "letter.txt",
                "every link of the HTML",
                f"{anchor.href} is missing",
                "Compare the template letters/letter.txt with the one that ships.",
            )


# --------------------------------------------------------------------------- pictures and colours


def _look_at_pictures(document: Document) -> Iterator[Problem]:
    for element in document.elements:
        if element.tag == "img" and "alt" not in element.attributes:
            yield blocking(
                "alt",
                LETTER,
                "words for every picture",
                f"<img src={element.attributes.get('src', '')!r}>",
                'Write alt="…"; alt="" where it only adorns.',
                element.line,
            )


def _look_at_colours(content: EditionContent, document: Document) -> Iterator[Problem]:
    """Compute the contrast of the tokens, and of every text on its ground, by day and by night."""
    colours = palette(content.accent)
    for name, scheme in (("light", colours.light), ("dark", colours.dark)):
        for ground in (scheme.paper, scheme.accent_soft):
            for text in (scheme.ink, scheme.quiet, scheme.accent):
                if contrast(text, ground) < TEXT_CONTRAST:
                    yield _pale(name, text, ground, "site.accent", None)
    for said in document.texts:
        for name, (text, ground) in (("light", said.light), ("dark", said.dark)):
            if text and ground and contrast(text, ground) < TEXT_CONTRAST:
                yield _pale(name, text, ground, LETTER, said.line)


def _pale(scheme: str, text: str, ground: str, path: str, line: int | None) -> Problem:
    return blocking(
        "contrast",
        path,
        f"text of {TEXT_CONTRAST}:1 on its ground in the {scheme} scheme",
        f"{contrast(text, ground):.1f}:1, {text} on {ground}",
        "Take a darker or a lighter colour.",
        line,
    )


# ------------------------------------------------------------------------- what loads, is dropped


def _look_at_what_loads(document: Document) -> Iterator[Problem]:
    for element in document.elements:
        for name in sorted(_LOADING & element.attributes.keys()):
            yield _loads(f"<{element.tag} {name}={element.attributes[name]!r}>", element.line)
    for comment, line in document.comments:
        if found := _FETCHES.search(comment):
            yield _loads(f"“{found[0]}” in a comment, which Word reads", line)


def _loads(got: str, line: int) -> Problem:
    return blocking(
        "loads",
        LETTER,
        "a letter that asks nobody for anything when it is opened",
        got,
        "Put the words of a picture and a link to it in its place.",
        line,
    )


def _look_at_what_is_dropped(document: Document) -> Iterator[Problem]:
    for element in document.elements:
        yield from _drop(mailers.ELEMENTS, element.tag, f"<{element.tag}>", element.line)
    for one in document.declarations:
        shown = f"{one.name}: {one.value}"
        yield from _drop(mailers.DECLARATIONS, shown, shown, one.line)
    for block in document.blocks:
        yield from _look_at_block(block)


def _look_at_block(block: StyleBlock) -> Iterator[Problem]:
    """A kept style block: Gmail throws away a whole one for one thing that it does not like."""
    for found in _AT_RULE.finditer(block.css):
        line = block.line + block.css[: found.start()].count("\n")
        yield from _drop(mailers.AT_RULES, found[1].lower(), f"@{found[1]}", line)
    for found in _INSIDE.finditer(block.css):
        line = block.line + block.css[: found.start(1)].count("\n")
        for one in declarations(found[1], line):
            shown = f"{one.name}: {one.value}"
            yield from _drop(mailers.DECLARATIONS, shown, shown, one.line)
    if len(block.css) > mailers.LONGEST_BLOCK:
        yield warning(
            "style",
            LETTER,
            f"style blocks of at most {mailers.LONGEST_BLOCK:,} characters",
            f"{len(block.css):,}",
            "Gmail reads no longer one. Split it.",
            block.line,
        )
    if _ATTRIBUTE_SELECTOR.search(block.css) and "@media" in block.css:
        yield warning(
            "style",
            LETTER,
            "[data-…] selectors in a style block of their own",
            "one that has @media too",
            "Gmail drops the whole block for them. Split it.",
            block.line,
        )


def _drop(rules: tuple[mailers.Rule, ...], what: str, shown: str, line: int) -> Iterator[Problem]:
    rule = mailers.find_rule(rules, what)
    if rule:
        find = blocking if rule.blocking else warning
        yield find(
            "dropped",
            LETTER,
            "what every mail program shows",
            f"{shown}: {mailers.tell(rule)}",
            "Take it out; a table, a colour and words are shown everywhere.",
            line,
        )
