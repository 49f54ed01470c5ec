"""The console: pages for staff.

routes    the table: every page and act, and the role each needs
gate      where a request comes from, who sends it, whether they may
asking    what a handler is given and may answer: values, no HTTP
doors     how often somebody may try to come in
the rest  one noun each: handlers that ask ``app`` and the use cases, never the store
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from fastapi import FastAPI

    from publisher.app import Site
    from publisher.pages.console import ConsolePages


def make_console(
    site: Site,
    pages: ConsolePages,
    clock: Callable[[], datetime],
    *,
    wake: Callable[[], None] = lambda: None,
) -> FastAPI:
    """Return the console as an application; ``wake`` lets the schedule look at once."""
    from publisher.web.console.gate import Console  # noqa: PLC0415 - the site's files need none

    return Console(site, pages, clock, wake).application()
