"""The gate of the console: where a request comes from, who sends it, whether they may; and answers.

Nothing acts on GET. Whatever acts must come from a page of ours, by what the browser says of it
(``Sec-Fetch-Site``, else ``Origin``), from somebody who is signed in and has the role that the table
of routes asks for.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.datastructures import UploadFile
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from publisher import app, staffing
from publisher.config import is_loopback
from publisher.errors import (
    ContentError,
    NotFound,
    Problem,
    PublisherError,
    Refused,
    Unavailable,
    UsageError,
)
from publisher.headers import HASHED_CACHE
from publisher.pages.console import ROOT, Frame
from publisher.web.client import address_of
from publisher.web.console.asking import Ask, Moved, Octets, Page, Upload
from publisher.web.console.doors import Doors
from publisher.web.console.routes import ROUTES, Needs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import datetime

    from publisher.app import Site
    from publisher.model import Session
    from publisher.pages.console import ConsolePages
    from publisher.web.console.asking import Answer
    from publisher.web.console.routes import Route

MOST_OCTETS: Final = 25 * 1024 * 1024
"""Of one request: an import of a list, or a few pictures."""
COOKIE: Final = "publisher_console"
"""The cookie's name on this machine over plain HTTP; elsewhere ``__Host-`` stands before it."""

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_GUARDS = {
    # With "no-referrer" a browser would say "Origin: null" of our own forms.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_SAFE = frozenset({"GET", "HEAD"})
_OURS = re.compile(
    r"/console/(?!.*(?:\.\.|//))[\w./~-]*(?:\?[\w./=&%~+:-]*)?(?:#[\w-]*)?", re.ASCII
)
_STATUS: Mapping[type[PublisherError], int] = {
    UsageError: 422,
    ContentError: 422,
    Refused: 409,
    NotFound: 404,
    Unavailable: 503,
}

_log = logging.getLogger(__name__)


class Console:
    """What every request meets."""

    def __init__(
        self,
        site: Site,
        pages: ConsolePages,
        clock: Callable[[], datetime],
        wake: Callable[[], None],
    ) -> None:
        self._site = site
        self._pages = pages
        self._clock = clock
        self._wake = wake
        self._doors = Doors()
        self._survey = app.Survey(site)

    def application(self) -> FastAPI:
        """Return the application that answers every route of the table."""
        made = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
        for route in ROUTES:
            methods: list[str] = ["GET", "HEAD"] if route.method == "GET" else [route.method]
            made.add_api_route(route.path, self._endpoint(route), methods=methods)
        styles = [(self._pages.stylesheet_name, self._pages.stylesheet(), "text/css")]
        scripts = [(name, text, "text/javascript") for name, text in self._pages.scripts.items()]
        for name, text, kind in (*styles, *scripts):
            give = _give_asset(text.encode(), f"{kind}; charset=utf-8")
            made.add_api_route(f"{ROOT}assets/{name}", give, methods=["GET", "HEAD"])
        made.add_exception_handler(404, self._absent)
        made.add_exception_handler(405, self._absent)
        return made

    # ------------------------------------------------------------------------------ one request

    def _endpoint(self, route: Route) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            if refusal := self._misdirected(request) or self._forged(request):
                return refusal
            form, files = await _read_form(request)
            if form is None:
                return self._plain(413, "That is too much", "Nothing was changed. At most 25 MB.")
            return await run_in_threadpool(self._serve, route, request, form, files)

        return endpoint

    def _serve(
        self,
        route: Route,
        request: Request,
        form: dict[str, list[str]],
        files: dict[str, Upload],
    ) -> Response:
        now = self._clock()
        cookie = request.cookies.get(self._cookie_name(request), "")
        found = staffing.find_session(self._site.store, cookie, now=now) if cookie else None
        session, said = found or (None, "")
        ask = Ask(
            site=self._site,
            now=now,
            path=request.url.path,
            survey=self._survey,
            doors=self._doors,
            signed_in=session,
            parts=request.path_params,
            query=dict(request.query_params),
            form=form,
            files=files,
            client=address_of(request, self._site.config.web.trusted_proxies),
            agent=request.headers.get("user-agent", ""),
            wake=self._wake,
        )
        answer = self._bar(route, ask) or self._handle(route, ask)
        return self._respond(answer, ask, said, request)

    def _bar(self, route: Route, ask: Ask) -> Answer | None:
        """Return what stands before whoever may not pass, nothing where they may."""
        if route.needs is Needs.NOBODY:
            return None
        target = quote(ask.path) if route.method == "GET" else ""
        if ask.signed_in is None:
            back = f"?next={target}" if target and target != ROOT else ""
            return Moved(to=f"{ROOT}sign-in{back}")
        if route.needs is not Needs.STAFF and not ask.may(*route.needs.roles):
            return _forbidden(route)
        if route.is_proved and ask.now - ask.session.proved_at > staffing.PROOF_WITHIN:
            return Moved(to=f"{ROOT}prove?next={target or quote(route.page)}")
        return None

    def _handle(self, route: Route, ask: Ask) -> Answer:
        try:
            return route.handler(ask)
        except PublisherError as error:
            return _tell(error)
        except Exception:  # noqa: BLE001 - whatever happens, staff get a page and the log the rest
            _log.exception("%s %s failed", route.method, route.path)
            return _failed()

    def _respond(self, answer: Answer, ask: Ask, said: str, request: Request) -> Response:
        session = ask.signed_in
        match answer:
            case Moved():
                if answer.said and session and answer.cookie is None:
                    staffing.say_next(self._site.store, session, answer.said)
                return self._moved(answer, request)
            case Octets():
                return _octets(answer)
            case Page():
                if said and session:
                    staffing.say_next(self._site.store, session, "")
                return self._page(answer, now=ask.now, session=session, said=said)

    def _page(
        self, page: Page, *, now: datetime, session: Session | None = None, said: str = ""
    ) -> Response:
        frame = Frame(
            now=now,
            staff=session.staff if session else None,
            section=page.section,
            said=said,
            problems=page.problems,
        )
        text = self._pages.render(page.name, frame, **page.values)
        return HTMLResponse(text, status_code=page.status, headers=_headers())

    def _moved(self, answer: Moved, request: Request) -> Response:
        to = answer.to if _OURS.fullmatch(answer.to) else ROOT
        response = RedirectResponse(to, status_code=303, headers=_headers())
        if answer.cookie is not None:
            self._set_cookie(response, request, answer.cookie)
        return response

    # ----------------------------------------------------------------------------- where it comes

    def _misdirected(self, request: Request) -> Response | None:
        """Refuse a request to a name that is not ours, or in the clear to another machine."""
        host = request.url.hostname or ""
        config = self._site.config
        own = {urlsplit(config.site.url).hostname, urlsplit(app.console_url(config)).hostname}
        if not is_loopback(host) and config.web.console_listen is None and host not in own:
            return self._plain(
                421, "The console is not here", f"It is at {app.console_url(config)}{ROOT}"
            )
        if not is_loopback(host) and self._is_plain(request):
            return self._plain(
                403,
                "The console asks for https",
                "Passwords would cross the network for all to read. Put it behind https and set "
                "site.url so, or reach it on the machine itself, through a tunnel.",
            )
        return None

    def _is_plain(self, request: Request) -> bool:
        """Whether the browser speaks to us without TLS; a proxy before us may have taken it off."""
        config = self._site.config
        if config.web.console_listen is None:
            return config.site.url.startswith("http:")
        return request.headers.get("x-forwarded-proto", request.url.scheme) != "https"

    def _forged(self, request: Request) -> Response | None:
        """Refuse what acts and does not come from a page of ours."""
        if request.method in _SAFE or is_from_here(request.headers):
            return None
        return self._plain(
            403,
            "Nothing was changed",
            "This was not sent from a page of the console. Open the console and try again there.",
        )

    def _plain(self, status: int, title: str, sentence: str) -> Response:
        page = Page(name="message", values={"title": title, "sentence": sentence}, status=status)
        return self._page(page, now=self._clock())

    async def _absent(self, request: Request, _error: Any) -> Response:
        if refusal := self._misdirected(request):
            return refusal
        return self._plain(
            404, "There is no such page", "The address may have a slip in it. Nothing was changed."
        )

    # ---------------------------------------------------------------------------------- the cookie

    def _cookie_name(self, request: Request) -> str:
        return COOKIE if is_loopback(request.url.hostname or "") else f"__Host-{COOKIE}"

    def _set_cookie(self, response: Response, request: Request, value: str) -> None:
        response.set_cookie(
            self._cookie_name(request),
            value,
            max_age=int(staffing.LASTS_AT_MOST.total_seconds()) if value else 0,
            path="/",
            secure=not is_loopback(request.url.hostname or ""),
            httponly=True,
            samesite="lax",
        )


def is_from_here(headers: Mapping[str, str]) -> bool:
    """Whether a browser says that a request comes from a page of ours."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == headers.get("host")


async def _read_form(
    request: Request,
) -> tuple[dict[str, list[str]] | None, dict[str, Upload]]:
    """Return the fields and the files of a form; no fields where it is too large."""
    if request.method in _SAFE:
        return {}, {}
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > MOST_OCTETS or _has_no_length(request):
        return None, {}
    fields: dict[str, list[str]] = {}
    files: dict[str, Upload] = {}
    async with request.form(max_files=20, max_fields=1000, max_part_size=MOST_OCTETS) as form:
        for name, value in form.multi_items():
            if isinstance(value, str):
                fields.setdefault(name, []).append(value)
            elif isinstance(value, UploadFile) or hasattr(value, "read"):
                files[name] = Upload(name=value.filename or "", data=await value.read())
    return fields, files


def _has_no_length(request: Request) -> bool:
    return "transfer-encoding" in request.headers


def _give_asset(data: bytes, kind: str) -> Callable[[], Awaitable[Response]]:
    async def give() -> Response:
        return _octets(Octets(data=data, kind=kind, is_lasting=True))

    return give


def _headers() -> dict[str, str]:
    return {**_GUARDS, "Cache-Control": "no-store", "Content-Security-Policy": _POLICY}


def _octets(answer: Octets) -> Response:
    headers = {
        **_GUARDS,
        "Content-Security-Policy": answer.policy or "default-src 'none'; sandbox",
    }
    headers["Cache-Control"] = HASHED_CACHE if answer.is_lasting else "no-store"
    if answer.name:
        safe = re.sub(r"[^\w.-]+", "-", answer.name, flags=re.ASCII)
        headers["Content-Disposition"] = f'attachment; filename="{safe}"'
    if answer.file:
        return FileResponse(answer.file, headers=headers, media_type=answer.kind)
    return Response(answer.data, headers=headers, media_type=answer.kind)


def _forbidden(route: Route) -> Page:
    who = " or ".join(f"{role}s" for role in sorted(route.needs.roles))
    return Page(
        name="message",
        status=403,
        values={
            "title": "This is not yours to do",
            "sentence": f"It is for {who}. An admin can give you the role, under Settings, Staff. "
            "Nothing was changed.",
        },
    )


def _tell(error: PublisherError) -> Page:
    status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 500)
    title = "There is no such page" if status == 404 else "Nothing was changed"  # noqa: PLR2004
    return Page(
        name="message",
        status=status,
        problems=error.problems,
        values={"title": title, "sentence": ""},
    )


def _failed() -> Page:
    problem = Problem(
        code="unexpected",
        path="console",
        expected="no fault of its own",
        got="one, told in the log of the service",
        hint="What was done before is kept.",
    )
    return Page(
        name="message",
        status=500,
        problems=[problem],
        values={"title": "Something went wrong here", "sentence": ""},
    )
