"""What a handler of the console is given, and what it may answer: values, no HTTP."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from publisher.errors import NotFound, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from publisher.app import Site, Survey
    from publisher.model import Role, Session, Staff
    from publisher.web.console.doors import Doors


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that was sent with a form."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request, let in by the gate."""

    site: Site
    now: datetime
    path: str
    survey: Survey
    """What is costly to find out, kept while it holds."""
    doors: Doors
    """How often somebody may try to come in."""
    signed_in: Session | None = None
    parts: Mapping[str, str] = field(default_factory=dict)
    """The open places of the route's path."""
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, Sequence[str]] = field(default_factory=dict)
    files: Mapping[str, Upload] = field(default_factory=dict)
    client: str = ""
    """The address of the visitor, as far as proxies are believed."""
    agent: str = ""
    wake: Callable[[], None] = lambda: None
    """Lets the schedule look at once, where it runs in this process."""

    def changed(self) -> None:
        """Say that something was changed that the schedule, or the next page, should look at."""
        self.survey.forget()
        self.wake()

    @property
    def session(self) -> Session:
        """The session; a route that anybody may ask must not."""
        if self.signed_in is None:
            raise NotFound(unknown("session", "none"))
        return self.signed_in

    @property
    def staff(self) -> Staff:
        """Who asks."""
        return self.session.staff

    @property
    def by(self) -> str:
        """Who asks, as the trail and approvals name them."""
        return self.staff.name

    def may(self, *roles: Role) -> bool:
        """Whether whoever asks has one of these roles."""
        return self.signed_in is not None and not self.staff.roles.isdisjoint(roles)

    def text(self, name: str) -> str:
        """Return a field of the form, without spaces around it; "" where it was not sent."""
        return self.raw(name).strip()

    def raw(self, name: str) -> str:
        """Return a field of the form as it was typed, but for the ends of its lines."""
        values = self.form.get(name, ())
        return values[0].replace("\r\n", "\n") if values else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page: the name of its template and its values."""

    name: str
    section: str = ""
    values: Mapping[str, object] = field(default_factory=dict)
    status: int = 200
    problems: Sequence[Problem] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """Done: look at another page of the console, which says what it came to."""

    to: str
    said: str = ""
    cookie: str | None = None
    """The session's cookie from now on; "" takes it away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Octets:
    """Anything that is no page."""

    data: bytes = b""
    kind: str
    name: str = ""
    """Given, the browser saves it under this name."""
    policy: str = ""
    """Its own Content-Security-Policy."""
    file: Path | None = None
    """The file that is given, where it may be too large to be held."""
    is_lasting: bool = False
    """Whether it is the same for ever under its address."""


Answer = Page | Moved | Octets


def unknown(what: str, got: str) -> Problem:
    """Return the problem of a thing that is not there."""
    return Problem(
        code=f"{what}.unknown",
        path=what,
        expected=f"{'an' if what[0] in 'aeiou' else 'a'} {what} that is there",
        got=got,
        hint="It may have been renamed or removed meanwhile.",
    )
