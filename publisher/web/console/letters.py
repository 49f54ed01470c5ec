"""Letters: how one looks by day, by night, on a phone, as text; its headers and its size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from publisher import app
from publisher.config import find_digest
from publisher.model import Role
from publisher.web.console.asking import Ask, Octets, Page
from publisher.web.console.editions import find, path_of

if TYPE_CHECKING:
    from publisher.app import Preview
    from publisher.web.console.asking import Answer

LETTER_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'self'"
)
"""A letter brings its own styles and nothing else; nothing of it runs or leads anywhere."""
CLIPPED_OCTETS: Final = 102_400
"""Gmail shows no more of a letter."""

_VIEWS = ("letter", "text", "headers")
_KEPT = ("n", "person", "discreet", "view", "scheme", "width")


def view_of(
    ask: Ask, preview: Preview, path: str, up: str, title: str, *, digest_path: str = ""
) -> Page:
    """Return the page around a letter; every way to look at it has an address.

    Of a letter that did not go yet, ``digest_path`` is where it is tested and scheduled.
    """
    asked = {name: ask.query[name] for name in _KEPT if name in ask.query}
    view = asked.get("view", "letter")

    def link(**changed: str) -> str:
        """Return the address of another view of the same letter."""
        wanted = {**asked, **changed}
        query = urlencode({name: value for name, value in wanted.items() if value})
        return f"{path}?{query}" if query else path

    which: dict[str, str] = {
        name: value for name, value in asked.items() if name in {"n", "person", "discreet"}
    }
    return Page(
        name="letter",
        section="digests",
        values={
            "preview": preview,
            "title": title,
            "up": up,
            "view": view if view in _VIEWS else "letter",
            "scheme": "dark" if asked.get("scheme") == "dark" else "light",
            "width": "phone" if asked.get("width") == "phone" else "wide",
            "link": link,
            "frame_path": f"{path}.html?{urlencode(which)}",
            "most_octets": CLIPPED_OCTETS,
            "digest_path": digest_path,
            "may_schedule": ask.may(Role.PUBLISHER),
        },
    )


def frame_of(preview: Preview) -> Octets:
    """Return a letter's HTML, shut off from everything."""
    return Octets(
        data=preview.mail.html.encode(),
        kind="text/html; charset=utf-8",
        policy=LETTER_POLICY,
    )


def _preview(ask: Ask) -> Preview:
    edition, wanted = find(ask), ask.parts["letter"]
    desk, _ = ask.survey.open(ask.now)
    return app.read_letter(
        ask.site,
        desk,
        edition,
        int(wanted) if wanted.isdecimal() and len(wanted) < 6 else 0,  # noqa: PLR2004 - as above
        at=ask.now,
        discreet=ask.query.get("discreet") == "1",
    )


def show(ask: Ask) -> Answer:
    """Show a letter of an edition, as it was mailed."""
    edition = find(ask)
    path = f"{path_of(edition)}/letters/{ask.parts['letter']}"
    digest = find_digest(ask.site.config, edition.digest)
    name = f"{digest.title} {edition.number}" if digest else edition.name
    return view_of(ask, _preview(ask), path, path_of(edition), name)


def give(ask: Ask) -> Answer:
    """Give that letter's HTML, for the frame that shows it."""
    return frame_of(_preview(ask))
