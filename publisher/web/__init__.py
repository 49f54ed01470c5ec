"""Pages for people: the site as files, and behind it the few that act."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from fastapi import FastAPI

    from publisher.config import Config
    from publisher.pages import Pages
    from publisher.store import Store
    from publisher.web.site import App, Receive, Scope, Send, StaticSite


def make_site(
    config: Config,
    store: Store,
    pages: Pages,
    clock: Callable[[], datetime],
    *,
    metrics: Callable[[], str] | None = None,
    console: FastAPI | None = None,
) -> StaticSite:
    """Return the whole web: files first, then the pages that act.

    ``metrics`` gives the text of ``/metrics``, for callers on this machine alone; ``console``
    answers below ``/console`` where it has no address of its own.
    """
    from publisher.web.answers import Bounded  # noqa: PLC0415
    from publisher.web.courses import add_course_feeds  # noqa: PLC0415 - files need none of it
    from publisher.web.coursing import add_course_forms  # noqa: PLC0415
    from publisher.web.followers import FollowerCount  # noqa: PLC0415
    from publisher.web.metrics import add_metrics  # noqa: PLC0415
    from publisher.web.public import make_app  # noqa: PLC0415
    from publisher.web.site import StaticSite  # noqa: PLC0415

    app = make_app(config, store, pages, clock)
    add_course_feeds(app, config, store, pages, clock)
    add_course_forms(app, config, store, pages, clock)
    if metrics:
        add_metrics(app, pages, metrics)
    return StaticSite(
        config.paths.output,
        fallback=_beside(Bounded(app), console) if console else Bounded(app),
        hub=config.feeds.hub,
        url=config.site.url,
        on_feed=FollowerCount(store, clock).note,
    )


def _beside(app: App, console: App) -> App:
    """Return both as one: what is below ``/console`` is the console's."""

    async def choose(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        is_its = path == "/console" or path.startswith("/console/")
        await (console if is_its else app)(scope, receive, send)

    return choose
