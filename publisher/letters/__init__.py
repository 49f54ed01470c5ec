"""Letters: one edition's mail for one set of its posts, as inlined HTML and as plain text.

A letter is a pure function of the edition's frozen content and the set. What differs from reader
to reader is left open as a token, so that the costly step, inlining the style, happens once.
"""

from __future__ import annotations

import hashlib
import json
import re
import traceback
from bisect import bisect_left
from dataclasses import asdict, fields, is_dataclass, replace
from functools import cache, lru_cache
from typing import TYPE_CHECKING, TypeVar

from jinja2 import FunctionLoader, StrictUndefined, TemplateSyntaxError, select_autoescape
from jinja2.sandbox import ImmutableSandboxedEnvironment

from publisher.compiled import Compiled
from publisher.errors import ContentError, Problem
from publisher.letters.contents import (
    describe_items,
    find_starts,
    name_edition,
    name_sender,
    shortenings,
    spell_date,
)
from publisher.letters.markup import Reason, find_faults, find_loads, find_miscounts, inline, weigh
from publisher.letters.plain import plain_text, readable, underline, wrap
from publisher.look import TOKENS as LOOK
from publisher.look import direction, palette
from publisher.model import EditionContent, Letter, LetterPost
from publisher.preflight import BUDGET, WAYS_OUT_WITHIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from publisher.letters.contents import Item

__all__ = ["TOKENS", "Letters", "content_sha256", "letter_key", "name_edition", "plain_text"]

TOKENS = ("@@UNSUBSCRIBE_URL@@", "@@PREFERENCES_URL@@", "@@REASON@@", "@@PREHEADER@@")
"""The places of a letter that ``mail`` fills for each reader; the last one is in the HTML only."""

WAYS_OUT = TOKENS[:2]
"""Those that may stand in the HTML more than once."""

_HTML = "letters/letter.html"
_TEXT = "letters/letter.txt"
_OUTPUT_CHARACTERS = 2_000_000
_KEPT = 16
"""Letters kept at hand, newest first."""
_FILLER = "\u034f\u200c\u00a0" * 60
"""Takes the room after a short preheader, so that no mail program shows the text that follows."""

_T = TypeVar("_T")


class Letters:
    """Renders letters with the templates as they were when it was made."""

    def __init__(self, template_paths: Sequence[Path]) -> None:
        """Read every template below ``letters/``; the first path that has one wins.

        Raises:
            ContentError: a template is not UTF-8.
        """
        self._sources = _read_templates(template_paths)
        self._environment = ImmutableSandboxedEnvironment(
            loader=FunctionLoader(self._load),
            autoescape=select_autoescape(["html"], default=False),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            bytecode_cache=Compiled("letters"),
        )
        self._environment.filters.update(wrap=wrap, underline=underline)
        # The letter that was tried before an edition was frozen is the one that most readers get.
        self._make = lru_cache(maxsize=_KEPT)(self._render)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the names and sources of the templates, not where they lie."""
        return _sha256({name: source for name, (source, _) in self._sources.items()})

    def render(
        self,
        content: EditionContent,
        post_ids: Sequence[str],
        known: Sequence[str] = (),
        coming: str = "",
    ) -> Letter:
        """Return the letter for these posts of the edition, in the edition's order.

        ``known`` are posts that its readers have: first parts of their series, where it offers no
        start then, and posts that were corrected since, of which it tells.
        ``coming`` is what a course's letter says of the part that follows.

        Raises:
            ContentError: the set is empty or has a stranger, or a template fails or does what a
                letter must not; each problem names the template, and its line where there is one.
        """
        chosen = tuple(post.post_id for post in _choose(content, post_ids))
        return self._make(content, chosen, tuple(known), coming)

    def _render(
        self,
        content: EditionContent,
        chosen: tuple[str, ...],
        known: tuple[str, ...],
        coming: str,
    ) -> Letter:
        posts = _choose(content, chosen)
        page, context = self._compose(_clean(content), _clean(posts), known, coming)
        self._refuse(_HTML, find_loads(page))
        html = self._try_style(inline, page)
        self._refuse(_HTML, find_faults(page, html, TOKENS, many=WAYS_OUT))
        text = _tidy(self._fill(_TEXT, context))
        self._refuse(_TEXT, find_miscounts(text, TOKENS[:-1]))
        return Letter(key=letter_key(chosen, known, coming), post_ids=chosen, html=html, text=text)

    def _compose(
        self,
        content: EditionContent,
        posts: tuple[LetterPost, ...],
        known: Sequence[str] = (),
        coming: str = "",
    ) -> tuple[str, dict[str, object]]:
        """Return the page, its posts shortened as far as the budget asks, and what it was made of."""
        lengths = tuple(shortenings(describe_items(posts)))
        context = _describe(content) | {
            "starts": find_starts(posts, known),
            "corrected": [one for one in content.corrected if one.post_id in known],
            "coming": coming,
        }

        @cache
        def write(at: int, *, early: bool = False) -> tuple[str, int]:
            # Own templates may name what changes here, and nothing else of it changes.
            page = self._fill(_HTML, context | {"items": lengths[at], "ways_out_early": early})
            return page, self._try_style(weigh, page)

        # Texts that are too much by themselves need not be written to know it.
        at = next(n for n, items in enumerate(lengths) if _said(items) <= BUDGET)
        if write(at)[1] > BUDGET:
            steps = range(at, len(lengths) - 1)
            at += bisect_left(steps, x=True, key=lambda n: write(n)[1] <= BUDGET)
        page, octets = write(at)
        early = octets > WAYS_OUT_WITHIN
        if early:
            page, _ = write(at, early=True)
        return page, context | {"items": lengths[at], "ways_out_early": early}

    def _load(self, name: str) -> tuple[str, str, Callable[[], bool]] | None:
        if name not in self._sources:
            return None
        source, path = self._sources[name]
        return source, path, lambda: True

    def _fill(self, name: str, context: dict[str, object]) -> str:
        try:
            return _join(self._environment.get_template(name).generate(context))
        except Exception as error:  # whatever a site's own template does, it is told where
            raise ContentError(self._blame(name, error)) from error

    def _try_style(self, act: Callable[[str], _T], page: str) -> _T:
        try:
            return act(page)
        except Exception as error:  # premailer and cssutils raise whatever they stumble over
            raise ContentError(self._problem(_HTML, _bad_style(error))) from error

    def _blame(self, name: str, error: Exception) -> Problem:
        """Return the problem with the file and line of the template that raised the error."""
        ours = {path for _, path in self._sources.values()}
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename in ours]
        path: str = self._path(name)
        line: int | None = None
        if isinstance(error, TemplateSyntaxError):
            path, line = error.filename or path, error.lineno
        elif frames:
            path, line = frames[-1].filename, frames[-1].lineno
        return Problem(
            code="letter.template",
            path=path,
            line=line,
            expected="a template that renders",
            got=f"{type(error).__name__}: {error}",
            hint="Mend the template, or remove it to use the one that ships.",
        )

    def _refuse(self, name: str, reasons: Iterable[Reason]) -> None:
        if problems := [self._problem(name, reason) for reason in reasons]:
            raise ContentError(*problems)

    def _problem(self, name: str, reason: Reason) -> Problem:
        code, expected, got = reason
        return Problem(
            code=code,
            path=self._path(name),
            expected=expected,
            got=got,
            hint="Compare the template with the one that ships.",
        )

    def _path(self, name: str) -> str:
        return self._sources[name][1] if name in self._sources else name


def letter_key(post_ids: Sequence[str], known: Sequence[str] = (), coming: str = "") -> str:
    """Return the SHA-256 over the ids of a letter's posts, in order, and of what its readers have.

    And over what it says of the part that follows.
    """
    facts: list[object] = list(post_ids)
    facts += [["known", *sorted(known)]] if known else []
    return _sha256([*facts, {"coming": coming}] if coming else facts)


def content_sha256(content: EditionContent) -> str:
    """Return the SHA-256 over everything in the content, as canonical JSON."""
    return _sha256(asdict(content))


def _sha256(value: object) -> str:
    return hashlib.sha256(
        json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    ).hexdigest()


def _read_templates(paths: Sequence[Path]) -> dict[str, tuple[str, str]]:
    """Return by name the source and the path of each template; the first path wins."""
    sources: dict[str, tuple[str, str]] = {}
    for root in reversed(paths):
        for file in sorted(path for path in (root / "letters").rglob("*") if path.is_file()):
            try:
                source = file.read_text(encoding="utf-8")
            except UnicodeDecodeError as error:
                raise ContentError(_not_utf8(file, error)) from error
            sources[file.relative_to(root).as_posix()] = (source, str(file))
    return sources


def _not_utf8(file: Path, error: UnicodeDecodeError) -> Problem:
    return Problem(
        code="letter.template",
        path=str(file),
        line=error.object.count(b"\n", 0, error.start) + 1,
        expected="text in UTF-8",
        got=f"the byte 0x{error.object[error.start]:02x}",
        hint="Save the template as UTF-8.",
    )


def _choose(content: EditionContent, post_ids: Sequence[str]) -> tuple[LetterPost, ...]:
    wanted = set(post_ids)
    posts = tuple(post for post in content.posts if post.post_id in wanted)
    strangers = sorted(wanted - {post.post_id for post in posts})
    if strangers or not posts:
        raise ContentError(
            Problem(
                code="letter.posts",
                path=f"{content.digest}/{content.number}",
                expected="one or more posts of this edition",
                got=", ".join(strangers) or "no post",
            ),
        )
    return posts


def _clean(value: _T) -> _T:
    """Return the content with every text readable, and no text that passes for a token."""
    if isinstance(value, str):
        return re.sub("@@(?=[A-Z_]+@@)", "@\u2060@", readable(value))  # type: ignore[return-value]
    if isinstance(value, tuple):
        return tuple(map(_clean, value))  # type: ignore[return-value]
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{f.name: _clean(getattr(value, f.name)) for f in fields(value)})
    return value


def _describe(content: EditionContent) -> dict[str, object]:
    """Return what a template may speak of beside the posts."""
    colours = palette(content.accent)
    way = direction(content.language)
    return {
        "content": content,
        "edition": name_edition(content),
        "dated": spell_date(content.dated_on),
        "intro": [text for text in re.split(r"\n\s*\n", content.intro.strip()) if text],
        "sender": name_sender(content),
        "slots": {token.strip("@").lower(): token for token in TOKENS},
        "filler": _FILLER,
        "type": {name: stack.replace('"', "") for name, stack in LOOK["type"].items()},
        "size": LOOK["letter"],
        "space": LOOK["space"],
        "light": colours.light,
        "dark": colours.dark,
        "direction": way,
        "near": "right" if way == "rtl" else "left",
    }


def _said(items: Sequence[Item]) -> int:
    """Return the characters of the posts themselves."""
    return sum(len(item.html) + len(item.summary) for item in items)


def _join(chunks: Iterable[str]) -> str:
    """Return the output of a template; stop one that does not end by itself."""
    taken, size = [], 0
    for chunk in chunks:
        size += len(chunk)
        if size > _OUTPUT_CHARACTERS:
            raise OverflowError(f"more than {_OUTPUT_CHARACTERS} characters of output")
        taken.append(chunk)
    return "".join(taken)


def _tidy(text: str) -> str:
    """Return the text without spaces at line ends and with two blank lines at most."""
    lines = (line if line == "-- " else line.rstrip() for line in text.split("\n"))
    return re.sub(r"\n{4,}", "\n\n\n", "\n".join(lines)).strip("\n") + "\n"


def _bad_style(error: Exception) -> Reason:
    return "letter.style", "style that can be inlined", f"{type(error).__name__}: {error}"
