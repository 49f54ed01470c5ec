"""The text of a post, ready for a page, a feed and a letter; and what is wrong with it."""

from __future__ import annotations

import difflib
import posixpath
import re
from dataclasses import dataclass
from html import escape, unescape
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote

from publisher import urls
from publisher.errors import ContentError, Problem
from publisher.model import Body
from publisher.posts.files import name_of
from publisher.posts.images import measure
from publisher.posts.markdown import MAX_DEPTH, TooDeep, convert_all, sketch, spots
from publisher.posts.notes import number_notes, without_mentions
from publisher.posts.text import clean, refuse_unclean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from publisher.model import Reference
    from publisher.posts.markdown import Spot

SUMMARY_LIMIT = 280
MOST_TOLD = 100
"""As many mistakes of one kind are enough to read."""

_LOADS = re.compile(
    r'<(img|a(?! href="(?:https?://|mailto:|#)))((?: [a-z]+="[^"]*")*)(?: /)?>'
)  # most links need nothing
_ATTRIBUTE = re.compile(r' ([a-z]+)="([^"]*)"')
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_FIGURE = re.compile(r'<p>(<img [^>]*?) title="([^"]+)"([^>]*>)</p>')
_HEADING_TAG = re.compile(r"<(/?)h([1-6])(?=[ >])")
_HEADING = re.compile(r"<h([2-6])([^>]*)>(.*?)</h\1>", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_PARAGRAPH = re.compile(r"<p(?: [^>]*)?>(.*?)</p>", re.DOTALL)
_SENTENCE_END = re.compile(r"[.!?\u2026][\"'\u201d\u2019)]*(?=\s)")
_TAKEN_ID = re.compile(
    r"(?:note|mention)-\d+(?:-\d+)?\Z|(?:main|content|top|notes|header|footer|nav)\Z"
)
_LOWEST = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What surrounds a text: its address, its folder, what it may show, cite and link to."""

    path: str
    """The source's path below ``posts/``."""
    location: str
    images: Mapping[str, bytes]
    references: Mapping[str, Reference]
    known_paths: Mapping[str, str] | None
    """Location by source path; where there is none, a link is believed."""
    requires_alt: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something wrong in a text; where it stands is looked for when it is told."""

    code: str
    expected: str
    got: str
    hint: str
    kind: Literal["link", "image", "at"]
    target: str = ""
    at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """A text as it reads, and what is wrong with it."""

    html: str
    """Perhaps not safe: to be read, not shown."""
    faults: tuple[Fault, ...] = ()


def make(markdown: str, frame: Frame) -> Body:
    """Return a post's Markdown as the text that is published; raises TooDeep."""
    return make_all([(markdown, frame)])[0]


def make_all(texts: Sequence[tuple[str, Frame]]) -> list[Body]:
    """Return several texts as ``make`` does."""
    converted = convert_all((markdown, frame.references) for markdown, frame in texts)
    return [_dress(one.html, frame) for one, (_, frame) in zip(converted, texts, strict=True)]


def _dress(html: str, frame: Frame) -> Body:
    html = _shift_headings(html)
    html = _LOADS.sub(lambda tag: _rewrite(tag, frame, []), html)
    html = _FIGURE.sub(r"<figure>\1\3<figcaption>\2</figcaption></figure>", html)
    html, notes = number_notes(html, frame.references)
    return Body(html=_name_headings(html), notes=notes)


def make_note(markdown: str, where: str) -> Body:
    """Return a short text that is no post, without pictures of its own, as it is read.

    Raises ContentError with everything wrong in it, each with its line.
    """
    refuse_unclean(markdown, where)
    frame = Frame(path=where, location="", images={}, references={}, known_paths=None)
    faults = examine(markdown, frame).faults
    if faults:
        raise ContentError(*tell(faults, markdown, where, 1))
    return make(markdown, frame)


def examine(markdown: str, frame: Frame) -> Examined:
    """Return what a post's Markdown says and what is wrong with it; nothing to publish."""
    try:
        converted = sketch(markdown, frame.references)
    except TooDeep:
        return Examined(html="", faults=(_too_deep(),))
    faults = [_uncited(at, name, frame) for at, name in converted.uncited[:MOST_TOLD]]
    html = _LOADS.sub(lambda tag: _rewrite(tag, frame, faults), converted.html)
    if "[^" in html:
        undefined = [spot for spot in spots(markdown) if spot.kind == "footnote"]
        faults += [_undefined(spot) for spot in undefined[:MOST_TOLD]]
    return Examined(html=number_notes(html, frame.references)[0], faults=tuple(faults))


def tell(faults: tuple[Fault, ...], markdown: str, where: str, first_line: int) -> list[Problem]:
    """Return faults as problems, each with its line in the file."""
    if not faults:
        return []
    source = markdown.encode()
    everything = spots(markdown)
    unused = {fault.code: list(everything) for fault in faults}
    return [
        Problem(
            code=fault.code,
            path=where,
            line=first_line + source.count(b"\n", 0, _find(fault, unused[fault.code])),
            expected=fault.expected,
            got=fault.got,
            hint=fault.hint,
        )
        for fault in faults
    ]


def _find(fault: Fault, unused: list[Spot]) -> int:
    """Return where a fault stands, and use that spot up: the same mistake may come twice."""
    if fault.kind == "at":
        return fault.at
    for spot in unused:
        if _is_at(fault, spot):
            unused.remove(spot)
            return spot.at
    return 0


def _is_at(fault: Fault, spot: Spot) -> bool:
    there, target = unquote(spot.target), unquote(fault.target)
    if spot.kind == "html":
        return target in unescape(there) and (fault.kind != "image" or "<img" in there.lower())
    if spot.kind != fault.kind or (fault.code == "post.alt" and not spot.is_bare):
        return False
    # The sanitizer took the address away where its scheme is none of the allowed.
    return there == target or (not target and bool(_SCHEME.match(there)))


# ------------------------------------------------------------------------------------ headings


def _shift_headings(html: str) -> str:
    """Move all headings down by one where the text has one of the first level: the title's."""
    if "<h1" not in html:
        return html
    return _HEADING_TAG.sub(lambda tag: f"<{tag[1]}h{min(int(tag[2]) + 1, _LOWEST)}", html)


def _name_headings(html: str) -> str:
    """Give each heading an id that grows from its words, for links that last."""
    if "<h" not in html:
        return html
    taken: dict[str, int] = {}

    def name(heading: re.Match[str]) -> str:
        words = urls.slug_of(plain_text(heading[3])) or "section"
        base = f"{words}-section" if _TAKEN_ID.match(words) else words
        anchor = base
        while anchor in taken:
            taken[base] += 1
            anchor = f"{base}-{taken[base]}"
        taken[anchor] = 1
        return f'<h{heading[1]} id="{anchor}"{heading[2]}>{heading[3]}</h{heading[1]}>'

    return _HEADING.sub(name, html)


# ---------------------------------------------------------------------------- links and images


def _rewrite(tag: re.Match[str], frame: Frame, faults: list[Fault]) -> str:
    attributes = dict(_ATTRIBUTE.findall(tag[2]))
    if len(faults) >= MOST_TOLD:
        return tag[0]
    if tag[1] == "a":
        href = attributes.get("href", "")
        if not href:
            return tag[0]
        attributes["href"] = escape(_link(unescape(href), frame, faults))
    else:
        attributes = _picture(attributes, frame, faults)
    written = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f"<{tag[1]}{written}>"


def _link(href: str, frame: Frame, faults: list[Fault]) -> str:
    """Return where a link leads: a site path for what is relative, the rest as it is."""
    if href.startswith("//"):
        return f"https:{href}"
    if href.startswith("/") or _SCHEME.match(href):
        return href
    if href.startswith("www."):
        faults.append(_unlinked(href, "an address with https://", f"Write https://{href}"))
    path, mark, fragment = href.partition("#")
    if path.endswith(".md"):
        return urls.post_path(_linked_location(path, href, frame, faults)) + mark + fragment
    path, ask, query = path.partition("?")
    resolved = posixpath.normpath(posixpath.join(f"/{frame.location}", path))
    slash = "/" if path.endswith("/") or not path else ""
    return f"{resolved}{slash}{ask}{query}{mark}{fragment}"


def _linked_location(path: str, href: str, frame: Frame, faults: list[Fault]) -> str:
    folder = posixpath.dirname(frame.path)
    target = posixpath.normpath(posixpath.join(folder, unquote(path)))
    known = frame.known_paths
    if known is not None and target not in known:
        # A part that got another number, or a folder for its images, is still where it was.
        place = name_of(target).location
        target = next((path for path in known if name_of(path).location == place), target)
    if target.startswith("../") or (known is not None and target not in known):
        near = difflib.get_close_matches(target, known or (), n=1, cutoff=0.5)
        hint = f"Did you mean {posixpath.relpath(near[0], folder or '.')}?" if near else ""
        faults.append(_unlinked(href, "the file of another post", hint))
    location = (known or {}).get(target) or name_of(target).location
    return location.replace("../", "")


def _picture(attributes: dict[str, str], frame: Frame, faults: list[Fault]) -> dict[str, str]:
    src = unescape(attributes.get("src", ""))
    if frame.requires_alt and not attributes.get("alt", "").strip():
        faults.append(_undescribed(src))
    picture = {"src": escape(src), "alt": "", **attributes}
    if src.lower().startswith("https://"):
        return picture
    name = unquote(src).removeprefix("./")
    if name not in frame.images:
        faults.append(_unseen(src, name, frame))
        return picture
    picture["src"] = escape(urls.image_path(frame.location, name))
    size = measure(frame.images[name])
    if size and not {"width", "height"} & attributes.keys():
        picture |= {"width": str(size[0]), "height": str(size[1])}
    return picture


# ------------------------------------------------------------------------------------ in words


def plain_text(html: str) -> str:
    """Return the words of a text, without its notes, on one line."""
    words = _TAG.sub("", without_mentions(html)) if "<" in html else html
    return " ".join(clean(unescape(words)).split())


def count_words(html: str) -> int:
    """Return how many words a text has."""
    spaced = html.replace("</t", " </t").replace("&nbsp;", " ")
    # What is left of a mention is its number, a word by itself where a space stands before it.
    return len(_TAG.sub("", spaced).split()) - html.count(' <sup class="note">')


def begin(html: str) -> str:
    """Return the beginning of a rendered text as a summary; empty where it has no paragraph.

    The first paragraph, cut after a sentence, or after a word, where it is long.
    """
    for paragraph in _PARAGRAPH.finditer(html):
        text = plain_text(paragraph[1])
        if text:
            return _shorten(text)
    return ""


def _shorten(text: str) -> str:
    if len(text) <= SUMMARY_LIMIT:
        return text
    ends = [end.end() for end in _SENTENCE_END.finditer(text, 0, SUMMARY_LIMIT + 1)]
    if ends and ends[-1] > SUMMARY_LIMIT // 3:
        return text[: ends[-1]]
    words = text[:SUMMARY_LIMIT].rpartition(" ")[0] or text[: SUMMARY_LIMIT - 1]
    return words.rstrip(" ,;:\u2013\u2014-") + "\u2026"


# -------------------------------------------------------------------------------------- faults


def _too_deep() -> Fault:
    return Fault(
        code="post.depth",
        expected=f"at most {MAX_DEPTH} tags, lists or quotations inside each other",
        got="more",
        hint="Close the HTML tags that are open.",
        kind="at",
    )


def _uncited(at: int, name: str, frame: Frame) -> Fault:
    key = name.lstrip("-@")
    near = difflib.get_close_matches(key, frame.references, n=1)
    hint = f"Add {key} to references in the front matter, or write \\[{name}] for plain text."
    if near:
        hint = f"Did you mean [@{near[0]}]? {hint}"
    elif re.search(r"[\s,;]", key):
        hint = "A citation is one key alone; for two write [@one][@two]."
    return Fault(
        code="post.citation",
        expected="a key of references",
        got=f"[{name[:60]}]",
        hint=hint,
        kind="at",
        at=at,
    )


def _undefined(spot: Spot) -> Fault:
    return Fault(
        code="post.footnote",
        expected=f"a footnote [^{spot.target}]: …",
        got="none",
        hint=f"Add a line  [^{spot.target}]: …  or write \\[^{spot.target}] for plain text.",
        kind="at",
        at=spot.at,
    )


def _unlinked(href: str, expected: str, hint: str) -> Fault:
    return Fault(
        code="post.link", expected=expected, got=href, hint=hint, kind="link", target=href
    )


def _undescribed(src: str) -> Fault:
    shown = src or "picture.png"
    return Fault(
        code="post.alt",
        expected="words for those who do not see the image",
        got="none",
        hint=f"Say what it shows:  ![…]({shown})",
        kind="image",
        target=src,
    )


def _unseen(src: str, name: str, frame: Frame) -> Fault:
    near = difflib.get_close_matches(name, frame.images, n=1)
    hint = "Put the image beside index.md, in the post's own folder."
    if near:
        hint = f"Did you mean {near[0]}?"
    elif src.lower().startswith("http:"):
        hint = f"Write https:{src[5:]}, or put the image beside index.md."
    return Fault(
        code="post.image",
        expected="an image in the post's own folder, or an address with https://",
        got=src or "no address",
        hint=hint,
        kind="image",
        target=src,
    )
