"""``/<series>/from/<date>/<n>d.atom``: a series from part 1 as a feed; the address says everything."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from fastapi import Request  # noqa: TC002 - FastAPI reads the annotation
from fastapi.responses import HTMLResponse, Response

from publisher import headers, urls
from publisher.editorial.pace import LONGEST_PACE_DAYS
from publisher.publishing.courses import CourseFeeds
from publisher.web.site import answer_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

    from publisher.config import Config
    from publisher.pages import Pages
    from publisher.store import Store

_FILE = re.compile(r"(\d{1,6})d\.(atom|rss|json)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_EARLIEST: Final = date(2000, 1, 1)
_AHEAD: Final = timedelta(days=366)


def add_course_feeds(
    app: FastAPI, config: Config, store: Store, pages: Pages, clock: Callable[[], datetime]
) -> None:
    """Let the application answer for these feeds; whoever asks, nothing is stored of it."""
    made = CourseFeeds(config, store)

    @app.api_route("/{series}/from/{start}/{file}", methods=["GET", "HEAD"])
    def give(request: Request, series: str, start: str, file: str) -> Response:
        now = clock()
        asked = _FILE.fullmatch(file)
        if asked is None:
            return _refuse(pages, 404, "There is no such feed", _describe(file))
        start_on, pace = _read_date(start, now), int(asked[1])
        if start_on is None:
            latest = (now.astimezone(UTC) + _AHEAD).date()
            words = f"“{start}” is no day from {_EARLIEST} to {latest}. Write it as 2027-01-31."
            return _refuse(pages, 400, "That is not a day", words)
        if not 1 <= pace <= LONGEST_PACE_DAYS:
            words = (
                f"A part can come every 1 to {LONGEST_PACE_DAYS} days; the address says {pace}."
            )
            return _refuse(pages, 400, "That is not a pace", words)
        form = next(one for one in urls.FEED_FORMATS if one == asked[2])
        path = urls.course_feed_path(series, start_on, pace, form)
        if path != request.url.path:
            return _refuse(pages, 404, "There is no such feed", f"Perhaps you mean {path}.")
        feed = made.make(series, form, start_on=start_on, every_days=pace, now=now)
        if feed is None:
            return _refuse(
                pages, 404, "There is no such series", f"No series here is called “{series}”."
            )
        answer = answer_bytes(request.scope, feed.data, modified_at=feed.changed_at)
        response = Response(status_code=answer.status)
        response.body = answer.body if request.method == "GET" else b""
        response.raw_headers = answer.headers
        return response


def _read_date(text: str, now: datetime) -> date | None:
    """Return the day that the address names, or nothing where it is none that makes sense."""
    try:
        day = date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        return None
    if day is None or not _EARLIEST <= day <= (now + _AHEAD).date():
        return None
    return day


def _describe(file: str) -> str:
    return f"“{file}” is none. A feed's name is a number of days and a format, such as 3d.atom."


def _refuse(pages: Pages, status: int, title: str, sentence: str) -> HTMLResponse:
    text = pages.message(title, sentence, links=((urls.FEEDS, "Every feed of this site"),))
    said = {**dict(headers.guards("/")), "Cache-Control": headers.ERROR_CACHE}
    return HTMLResponse(text, status_code=status, headers=said)
