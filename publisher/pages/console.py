"""The console's pages, as text: for staff, dense where numbers are, and whole without a script."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from publisher import look, urls
from publisher.editorial import answers, moments
from publisher.editorial.alerting import WHY_HELD
from publisher.editorial.replies import tell_reply
from publisher.model import HeldReason, Role
from publisher.pages.templating import Templates

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from publisher.errors import Problem
    from publisher.model import Edition, Staff
    from publisher.pages.views import SiteView

ROOT: Final = urls.CONSOLE
ASSETS: Final = f"{ROOT}assets/"

SECTIONS: Final = (
    ("today", "Today", ROOT),
    ("posts", "Posts", f"{ROOT}posts"),
    ("digests", "Digests", f"{ROOT}digests"),
    ("subscribers", "Subscribers", f"{ROOT}subscribers"),
    ("settings", "Settings", f"{ROOT}settings"),
)
"""What the menu leads to: the section, its word, its page."""

_PAGES = (
    "account",
    "base",
    "digest",
    "digest-edit",
    "digest-send",
    "digests",
    "dns",
    "doctor",
    "edition",
    "backups",
    "edition-check",
    "edition-correct",
    "import",
    "import-check",
    "import-columns",
    "import-done",
    "import-parts",
    "letter",
    "live",
    "mail",
    "message",
    "outbox",
    "parts",
    "password",
    "post-conflict",
    "post-edit",
    "post-mail",
    "post-new",
    "post-proof",
    "posts",
    "people",
    "person",
    "person-add",
    "person-erase",
    "people-export",
    "people-suppressions",
    "progress",
    "prove",
    "review",
    "review-parts",
    "reviews",
    "series",
    "settings",
    "setup",
    "sign-in",
    "sign-in-link",
    "sign-in-mail",
    "staff",
    "staff-one",
    "today",
    "trail",
    "values",
)
_STYLE = "console/console.css"
_SCRIPTS = ("console", "editor")
_COMMAND = re.compile(r"[^.]*\bpublisher [a-z]+\b[^.]*\.?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What every page of the console says around its own."""

    now: datetime
    staff: Staff | None = None
    """Who is signed in."""
    section: str = ""
    said: str = ""
    """What the last act came to, said once."""
    problems: Sequence[Problem] = ()
    """What was wrong with what was just sent."""

    @property
    def sees_people(self) -> bool:
        """Whether who is signed in may see who is on the list."""
        return self.staff is not None and not self.staff.roles.isdisjoint(
            (Role.PUBLISHER, Role.ADMIN)
        )


class ConsolePages:
    """Renders every page of the console with the templates as they were when it was made.

    Raises ContentError with every template that is missing or cannot be read.
    """

    def __init__(self, template_paths: Sequence[Path], site: SiteView) -> None:
        self._zone = site.zone
        sources = [f"console/{name}.js" for name in _SCRIPTS]
        names = (_STYLE, *sources, *(f"console/{name}.html" for name in _PAGES))
        self._templates = Templates(template_paths, names)
        self._css = self._templates.render(
            _STYLE, variables=look.css_variables(look.palette(site.accent))
        )
        self.stylesheet_name = f"console-{_short(self._css)}.css"
        texts = {name: self._templates.render(f"console/{name}.js") for name in _SCRIPTS}
        self.scripts = {f"{name}-{_short(text)}.js": text for name, text in texts.items()}
        """The scripts by the names of their files; every page is whole without them."""
        follow, editor = (f"{ASSETS}{name}" for name in self.scripts)
        self._templates.add(
            {
                "site": site,
                "direction": look.direction(site.language),
                "stylesheet": f"{ASSETS}{self.stylesheet_name}",
                "script": follow,
                "editor": editor,
                "sections": SECTIONS,
                "root": ROOT,
                "moment": self._moment,
                "brief": self._brief,
                "gap": _gap,
                "day": moments.tell_date,
                "people": answers.people,
                "count": answers.count,
                "plain_hint": plain_hint,
                "browser": tell_browser,
                "meaning": tell_reply,
                "why": _tell_why,
            }
        )

    def stylesheet(self) -> str:
        """Return the style sheet that every page of the console links."""
        return self._css

    def render(self, page: str, frame: Frame, /, **values: object) -> str:
        """Return a page; raises ContentError where its template asks for other values."""
        return self._templates.render(f"console/{page}.html", frame=frame, **values)

    def _moment(self, at: datetime, zone: str = "") -> Markup:
        return _time(at, moments.tell_moment(at, zone or self._zone))

    def _brief(self, at: datetime, now: datetime, zone: str = "") -> Markup:
        return _time(at, moments.tell_briefly(at, zone or self._zone, now=now))


def _tell_why(edition: Edition) -> str:
    return WHY_HELD.get(HeldReason(edition.reason), "") if edition.reason else ""


def _gap(at: datetime, now: datetime) -> Markup:
    return _time(at, moments.tell_gap(at, now=now))


def _time(at: datetime, words: str) -> Markup:
    iso = at.astimezone(ZoneInfo("UTC")).isoformat(timespec="seconds")
    return Markup('<time datetime="{}">{}</time>').format(iso, escape(words))


def plain_hint(hint: str) -> str:
    """Return a hint without the sentences that name a command: there is a button for it here."""
    return " ".join(_COMMAND.sub("", hint).split())


_BROWSERS = (
    ("Edg/", "Edge"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "Mac"),
    ("Linux", "Linux"),
)


def tell_browser(agent: str) -> str:
    """Return what a browser calls itself in a few words: ``Firefox on Windows``."""
    browser = next((name for mark, name in _BROWSERS if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    if browser and system:
        return f"{browser} on {system}"
    return browser or system or agent[:40] or "unknown"


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
