"""``/metrics``: figures for Prometheus, to callers on this machine that ask the service itself."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from fastapi import Request  # noqa: TC002 - FastAPI reads it at run time
from fastapi.responses import HTMLResponse, Response

from publisher.app import CONTENT_TYPE

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

    from publisher.pages import Pages

_PASSED_ON = ("via", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
"""Headers by which a proxy says that it passes on what somebody else asks (RFC 9110 section 7.6.3,
RFC 7239)."""


def add_metrics(app: FastAPI, pages: Pages, metrics: Callable[[], str]) -> None:
    """Answer ``/metrics``; for everybody else there is no such page."""

    @app.get("/metrics")
    def show_metrics(request: Request) -> Response:
        if not _is_from_here(request):
            return HTMLResponse(pages.not_found(), status_code=404)
        return Response(metrics(), headers={"Cache-Control": "no-store"}, media_type=CONTENT_TYPE)


def _is_from_here(request: Request) -> bool:
    """Whether a program of this machine asks us by our own address, and for itself."""
    asked_by = request.client.host if request.client else ""
    named = request.url.hostname or ""
    passed_on = any(name in request.headers for name in _PASSED_ON)
    return _is_loopback(asked_by) and _is_loopback(named) and not passed_on


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
