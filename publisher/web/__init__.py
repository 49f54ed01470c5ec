"""Pages for people: the site as files, and behind it the few that act."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from publisher.config import Config
    from publisher.pages import Pages
    from publisher.store import Store
    from publisher.web.site import StaticSite


def make_site(
    config: Config,
    store: Store,
    pages: Pages,
    clock: Callable[[], datetime],
    *,
    metrics: Callable[[], str] | None = None,
) -> StaticSite:
    """Return the whole web: files first, then the pages that act.

    ``metrics`` gives the text of ``/metrics``, for callers on this machine alone.
    """
    from publisher.web.answers import Bounded  # noqa: PLC0415
    from publisher.web.courses import add_course_feeds  # noqa: PLC0415 - files need none of it
    from publisher.web.coursing import add_course_forms  # noqa: PLC0415
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
        fallback=Bounded(app),
        hub=config.feeds.hub,
        url=config.site.url,
    )
