"""Dates, bylines and counts as a person would write them."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from publisher.editorial.moments import MONTHS, tell_date, tell_day

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, tzinfo

    from publisher.model import Body, Place, Post, Series
    from publisher.pages.views import SiteView

WORDS_PER_MINUTE = 220


def spell_month(day: date) -> str:
    """Return ``November``."""
    return MONTHS[day.month - 1]


def time_element(at: datetime, zone: tzinfo, form: str = "long") -> Markup:
    """Return a ``<time>`` of the day in the zone.

    ``form`` is ``long`` (24 November 2026), ``short`` (24 Nov 2026) or ``day`` (24).
    """
    local = at.astimezone(zone)
    if form == "long":
        words = tell_date(local)
    elif form == "short":
        words = f"{local.day} {MONTHS[local.month - 1][:3]} {local.year}"
    else:
        words = str(local.day)
    moment = local.isoformat(timespec="seconds")
    return Markup(f'<time datetime="{moment}">{words}</time>')  # noqa: S704 - digits and months


def day_element(iso_day: str, form: str = "long") -> Markup:
    """Return a ``<time>`` of an ISO date; ``form`` is ``long`` or ``weekday``."""
    day = date.fromisoformat(iso_day)
    words = tell_day(day) if form == "weekday" else tell_date(day)
    return Markup(f'<time datetime="{day.isoformat()}">{words}</time>')  # noqa: S704 - the same


def reading_time(words: int) -> str:
    """Return how long a text takes, in minutes rounded up: ``4 minutes to read``."""
    minutes = max(1, -(-words // WORDS_PER_MINUTE))
    return f"{minutes} minute{'s' * (minutes > 1)} to read"


def count_parts(count: int) -> str:
    """Return ``1 part`` or ``6 parts``."""
    return f"{count} part{'s' * (count != 1)}"


def count_posts(count: int) -> str:
    """Return ``1 post`` or ``12 posts``."""
    return f"{count} post{'s' * (count != 1)}"


def count_so_far(series: Series) -> str:
    """Return ``4 of 6 parts so far``, or ``4 parts so far`` where no more are planned yet."""
    out = len(series.posts)
    if out == series.total:
        return f"{count_parts(out)} so far"
    return f"{out} of {count_parts(series.total)} so far"


def joiners(things: Sequence[object]) -> list[str]:
    """Return what stands before each thing of a list in a sentence."""
    last = len(things) - 1
    if last == 1:
        return ["", " and "]
    return ["" if turn == 0 else "; and " if turn == last else "; " for turn in range(last + 1)]


def place_line(place: Place) -> Markup:
    """Return the line that is the same on page, feed and letter: ``Sleep · Part 3 of 6``.

    Its second half stays on one line.
    """
    part = f'<span class="part">Part {place.number} of {place.series.total}</span>'
    return Markup(f"{escape(place.series.title)} · {part}")  # noqa: S704 - escaped, and numbers


def withdrawal_reason(reason: str) -> str:
    """Return a withdrawal's ``date reason`` as a sentence; what begins with no date stays."""
    first, _, rest = reason.partition(" ")
    try:
        day = date.fromisoformat(first)
    except ValueError:
        return reason
    return f"Withdrawn on {tell_date(day)}. {rest}".rstrip()


def describe_site(site: SiteView, *, in_series: bool) -> str:
    """Return one sentence on what the site has."""
    by = f" by {site.author}" if site.author not in {"", site.name} else ""
    return f"Letters and articles{by}{', in ordered series' if in_series else ''}."


def title_notes(post: Post, body: Body) -> str:
    """Return the heading of a post's notes: sources, remarks, or both."""
    if not post.references:
        return "Notes"
    return "References" if len(body.notes) <= len(post.references) else "Notes and references"
