"""Notices: the transactional mails, tiny and topic-free, as plain text and as simple HTML.

The words of each kind stand once, in ``templates/notices/<kind>.txt``: the subject, then paragraphs.
A paragraph ``[label] address`` is a link, the first one a button. ``notice.txt`` and ``notice.html``
show them. Nothing is loaded, and the same values give the same notice.
"""

from __future__ import annotations

import re
import textwrap
import traceback
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import FileSystemLoader, StrictUndefined, TemplateSyntaxError, select_autoescape
from jinja2.sandbox import ImmutableSandboxedEnvironment

from publisher.compiled import Compiled
from publisher.errors import ContentError, Problem
from publisher.look import TOKENS, direction, palette
from publisher.model import Notice

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_COLUMNS = 72
_LINK = re.compile(r"\[([^\[\]\n]+)\] (https?://[!-~]+)")
_URL = re.compile(r"https?://[!-~]+")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class Kind(StrEnum):
    """What a notice is for."""

    CONFIRM = "confirm"  # link, within; perhaps never_link
    WELCOME = "welcome"  # preferences_link, unsubscribe_link
    SIGN_IN = "sign-in"  # link, within
    KNOWN = "known"  # preferences_link, unsubscribe_link: somebody on the list asked again
    ERASE = "erase"  # link, within: the page that shows, changes and erases what is kept
    MOVE = "move"  # link, within: to a new address
    ALERT = "alert"  # what; perhaps details and link: for staff


_SAMPLE_LINK = "https://example.org/sample"
SAMPLES: Mapping[Kind, Mapping[str, str | Sequence[str]]] = {
    Kind.CONFIRM: {
        "link": _SAMPLE_LINK,
        "within": "7 days",
        "never_link": f"{_SAMPLE_LINK}/never",
    },
    Kind.WELCOME: {
        "preferences_link": _SAMPLE_LINK,
        "unsubscribe_link": f"{_SAMPLE_LINK}/leave",
    },
    Kind.KNOWN: {
        "preferences_link": _SAMPLE_LINK,
        "unsubscribe_link": f"{_SAMPLE_LINK}/leave",
    },
    Kind.SIGN_IN: {"link": _SAMPLE_LINK, "within": "15 minutes"},
    Kind.ERASE: {"link": _SAMPLE_LINK, "within": "1 hour"},
    Kind.MOVE: {"link": _SAMPLE_LINK, "within": "1 day"},
    Kind.ALERT: {
        "what": "weekly/12 is held",
        "details": ["It is later than late_after.", "Nobody was mailed."],
        "link": _SAMPLE_LINK,
    },
}
"""Values to try each kind with."""

_REQUIRED: Mapping[Kind, frozenset[str]] = {
    Kind.CONFIRM: frozenset({"link", "within"}),
    Kind.WELCOME: frozenset({"preferences_link", "unsubscribe_link"}),
    Kind.KNOWN: frozenset({"preferences_link", "unsubscribe_link"}),
    Kind.SIGN_IN: frozenset({"link", "within"}),
    Kind.ERASE: frozenset({"link", "within"}),
    Kind.MOVE: frozenset({"link", "within"}),
    Kind.ALERT: frozenset({"what"}),
}
_OPTIONAL: Mapping[Kind, Mapping[str, str | Sequence[str]]] = {
    Kind.CONFIRM: {"never_link": ""},
    Kind.ALERT: {"details": (), "link": ""},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeSite:
    """Who writes, and how it looks."""

    name: str
    language: str
    accent: str
    postal_address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Paragraph:
    """What stands between two empty lines: text, or a link with its label."""

    text: str
    url: str = ""
    button: bool = False


class Notices:
    """Renders notices with a site's templates; the first path that has one wins."""

    def __init__(self, template_paths: Sequence[Path], site: NoticeSite) -> None:
        self._site = site
        self._environment = ImmutableSandboxedEnvironment(
            loader=FileSystemLoader(template_paths),
            autoescape=select_autoescape(["html"], default=False),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            bytecode_cache=Compiled("notices"),
        )
        self._environment.filters["wrap"] = _wrap

    def render(self, kind: Kind, /, **values: str | Sequence[str]) -> Notice:
        """Return the notice; which values a kind takes stands beside it.

        A value is one line, ``details`` several; one whose name ends in ``link`` is an address.

        Raises:
            ContentError: a template fails, or gives no subject; it names the template and its line.
            ValueError: a value is missing, is not the kind's, or is not what it must be.
        """
        values = {**_OPTIONAL.get(kind, {}), **values}
        _check(kind, values)
        name = f"notices/{kind}.txt"
        words = self._fill(name, {**values, "site_name": self._site.name})
        subject, _, rest = words.strip().partition("\n")
        if not subject.strip() or not rest.strip():
            raise ContentError(_problem(name, None, "a subject, then paragraphs", "fewer lines"))
        links = {value for key, value in values.items() if key.endswith("link")}
        context = self._describe(subject.strip(), _read_paragraphs(rest, links))
        return Notice(
            subject=subject.strip(),
            text=self._fill("notices/notice.txt", context).strip("\n") + "\n",
            html=self._fill("notices/notice.html", context).strip("\n") + "\n",
        )

    def _describe(self, subject: str, paragraphs: Sequence[_Paragraph]) -> dict[str, object]:
        site, colours = self._site, palette(self._site.accent)
        way = direction(site.language)
        address = [line.strip() for line in site.postal_address.split("\n") if line.strip()]
        return {
            "subject": subject,
            "paragraphs": paragraphs,
            "site_name": site.name,
            # The author's name may say more of a person than the site's: it is left out.
            "sender": [site.name, *address],
            "language": site.language,
            "direction": way,
            "near": "left" if way == "ltr" else "right",
            "light": colours.light,
            "dark": colours.dark,
            "type": {name: stack.replace('"', "") for name, stack in TOKENS["type"].items()},
            "size": TOKENS["letter"],
            "space": TOKENS["space"],
        }

    def _fill(self, name: str, context: Mapping[str, object]) -> str:
        try:
            return self._environment.get_template(name).render(context)
        except Exception as error:  # whatever a site's own template does, it is told where
            path, line = _place(name, error)
            got = f"{type(error).__name__}: {error}"
            raise ContentError(_problem(path, line, "a template that renders", got)) from error


def _check(kind: Kind, values: Mapping[str, str | Sequence[str]]) -> None:
    wanted = _REQUIRED[kind] | set(_OPTIONAL.get(kind, {}))
    if set(values) != wanted:
        raise ValueError(f"expected {', '.join(sorted(wanted))} for {kind}; got {sorted(values)}")
    for name, value in values.items():
        lines = [value] if isinstance(value, str) else value
        if any(_CONTROLS.search(line) for line in lines):
            raise ValueError(f"expected lines of text for {name}; got {value!r}")
        if name.endswith("link") and value and not _URL.fullmatch(str(value)):
            raise ValueError(f"expected an address in plain ASCII for {name}; got {value!r}")


def _read_paragraphs(text: str, links: set[str | Sequence[str]]) -> list[_Paragraph]:
    """Return the paragraphs; a link is one only to where we meant it to lead."""
    found: list[_Paragraph] = []
    for block in re.split(r"\n\s*\n", text.strip()):
        single = " ".join(block.split())
        match = _LINK.fullmatch(single)
        if match and match[2] in links:
            is_first = not any(one.url for one in found)
            found.append(_Paragraph(text=match[1], url=match[2], button=is_first))
        else:
            found.append(_Paragraph(text=single))
    return found


def _wrap(text: str) -> str:
    return textwrap.fill(text, _COLUMNS, break_long_words=False, break_on_hyphens=False)


def _place(name: str, error: Exception) -> tuple[str, int | None]:
    """Return the file and line to mend: jinja2 puts them into the traceback."""
    if isinstance(error, TemplateSyntaxError):
        return error.filename or name, error.lineno
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if Path(frame.filename).parent.name == "notices":
            return frame.filename, frame.lineno
    return name, None


def _problem(path: str, line: int | None, expected: str, got: str) -> Problem:
    return Problem(
        code="notice.template",
        path=path,
        line=line,
        expected=expected,
        got=got,
        hint="Mend the template, or remove it to use the one that ships.",
    )
