"""The service in parts, on PostgreSQL: web scheduler worker."""

from __future__ import annotations

import sys
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from publisher.cli.frame import Command, Frame, current_time, with_frame
from publisher.errors import Problem, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from uvicorn import Server

    from publisher.app import Meter, Report, Site
    from publisher.cli.frame import Group
    from publisher.model import Edition


def register(root: Group) -> None:
    """Add the commands to the program."""
    for command in (web, scheduler, worker):
        root.add_command(command)


def _join(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--join", is_flag=True, help="Once on each machine more: it works for this site too."
    )(function)


def _open(frame: Frame, command: str, *, join: bool) -> Site:
    """Open the site of a process that shares its database with others."""
    from publisher import app  # noqa: PLC0415
    from publisher.engine import logbook  # noqa: PLC0415

    site = frame.open()
    app.refuse_embedded(site, command)
    if join:
        app.join_site(site)
    logbook.open_log(site, sys.stderr, as_json=frame.json)
    app.refuse_unready(site)
    return site


def _say(frame: Frame, text: str) -> None:
    frame.say(text)
    sys.stdout.flush()


@click.command(cls=Command)
@_join
@with_frame
def web(frame: Frame, join: bool) -> None:  # noqa: FBT001 - click gives it by name
    """Serve pages and feeds, and answer what links in letters lead to; on PostgreSQL."""
    from publisher import app  # noqa: PLC0415
    from publisher.engine import embedded, signals  # noqa: PLC0415

    site = _open(frame, "web", join=join)
    listen = site.config.web.listen
    served = f"Serving {site.config.site.url}/ on {listen.host}:{listen.port}. Ctrl-C ends it."
    served = "\n".join((served, *tell_console(site)))
    with signals.stop_requested() as stopping:
        failed = embedded.serve(
            make_servers(site, app.Meter()), None, stopping, on_ready=lambda: _say(frame, served)
        )
    if failed is not None:
        raise Unavailable(not_listening(site, is_console=failed > 0))
    frame.say("Stopped.")


def make_servers(
    site: Site, meter: Meter, *, wake: Callable[[], None] = lambda: None
) -> list[Server]:
    """Return the server of the site's pages, and that of the console where it has an address of its own.

    They listen later. ``wake`` lets the schedule look at once, where it runs in this process.
    """
    from publisher import app  # noqa: PLC0415
    from publisher.engine import clock, embedded  # noqa: PLC0415
    from publisher.web import make_site  # noqa: PLC0415
    from publisher.web.console import make_console  # noqa: PLC0415
    from publisher.web.wire import make_protocol  # noqa: PLC0415

    listen, apart = site.config.web.listen, site.config.web.console_listen
    console = make_console(site, app.make_console_pages(site.config), clock.now, wake=wake)
    asgi = make_site(
        site.config,
        site.store,
        app.make_pages(site.config),
        clock.now,
        metrics=lambda: app.describe_metrics(site, meter, now=clock.now()),
        console=None if apart else console,
    )
    public = embedded.make_server(asgi, make_protocol(asgi), host=listen.host, port=listen.port)
    if apart is None:
        return [public]
    own = embedded.make_server(console, "httptools", host=apart.host, port=apart.port)
    return [public, own]


def tell_console(site: Site) -> list[str]:
    """Say where the console is and, while nobody has an account, how to make the first."""
    from publisher import app  # noqa: PLC0415

    link = app.make_setup_link(site, now=current_time())
    if link is None:
        return [f"The console for staff: {app.link_to(site.config, '')}"]
    return ["The console for staff. Make your account there, once, within a day:", f"  {link}"]


def not_listening(site: Site, *, is_console: bool = False) -> Problem:
    """Return what is wrong where the web, or the console apart from it, cannot listen."""
    key, where = "listen", site.config.web.listen
    if is_console and site.config.web.console_listen:
        key, where = "console_listen", site.config.web.console_listen
    return Problem(
        code="web.listen",
        path=f"web.{key}",
        expected=f"to listen on {where.host}:{where.port}",
        got="an address that is in use or not ours",
        hint=f'Set another one in config.toml:  [web] {key} = "127.0.0.1:8001"',
    )


@click.command(cls=Command)
@_join
@with_frame
def scheduler(frame: Frame, join: bool) -> None:  # noqa: FBT001 - click gives it by name
    """Keep the schedule: build, open editions, call workers, read what comes back; on PostgreSQL."""
    from publisher.engine import clock, distributed, embedded, logbook, signals  # noqa: PLC0415

    site = _open(frame, "scheduler", join=join)
    book = logbook.Logbook(site, clock.now)

    def tell_tick(report: Report) -> None:
        book.look()
        book.complain((*report.build.problems, *report.problems))

    calling = replace(site, ring=distributed.Bells(site).ring)
    service = embedded.Service(calling, on_report=tell_tick, sends=False)
    with signals.stop_requested() as stopping:
        service.start()
        _say(frame, "Keeping the schedule. Ctrl-C ends it.")
        stopping.wait()
        service.stop()
    frame.say("Stopped.")


@click.command(cls=Command)
@_join
@with_frame
def worker(frame: Frame, join: bool) -> None:  # noqa: FBT001 - click gives it by name
    """Send what there is to send, beside any number of other workers; on PostgreSQL."""
    from publisher import app  # noqa: PLC0415
    from publisher.engine import clock, distributed, embedded, logbook, signals  # noqa: PLC0415

    site = _open(frame, "worker", join=join)
    bells = distributed.Bells(site)
    book = logbook.Logbook(site, clock.now)

    def tell_mail(edition: Edition, done: int) -> None:
        book.progress(edition, done)

    with app.take_seat(site) as seat, signals.stop_requested() as stopping:
        sender = embedded.Sender(site, seat=seat, on_progress=tell_mail)
        listener = threading.Thread(target=bells.answer, args=(sender, stopping), name="bells")
        listener.start()
        sender.start()
        _say(frame, f"Sending as {seat}. Ctrl-C ends it.")
        stopping.wait()
        sender.stop()
        listener.join()
    frame.say("Stopped. What was on the wire is finished and recorded.")
