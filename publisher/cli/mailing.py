"""Commands about mailings: plan preview test publish run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from publisher.cli import telling
from publisher.cli.frame import Command, Frame, current_time, parse_moment, with_frame
from publisher.cli.processes import make_servers, not_listening, tell_console
from publisher.cli.progress import Progress
from publisher.errors import NotFound, Problem, Unavailable
from publisher.model import DeliveryState, course_series

if TYPE_CHECKING:
    from publisher.app import Report, Site
    from publisher.cli.frame import Group
    from publisher.config import Digest
    from publisher.model import Edition


def register(root: Group) -> None:
    """Add the commands to the program."""
    for command in (plan, preview, test, publish, run):
        root.add_command(command)


def _digest(site: Site, name: str, *, courses_too: bool = False) -> Digest:
    from publisher.config import find_digest  # noqa: PLC0415 - `--help` needs none of it

    is_course = courses_too and course_series(name) is not None
    found = find_digest(site.config, name) if is_course else site.config.digests.get(name)
    if found is None:
        listed = ", ".join(site.config.digests) or "none"
        raise NotFound(
            Problem(
                code="digest.unknown",
                path=name,
                expected=f"a digest of the configuration: {listed}",
                got=name,
                hint=f"Add a table [digests.{name}] to config.toml, or use another name.",
            )
        )
    return found


# --------------------------------------------------------------------------------------- looking


@click.command(cls=Command)
@click.argument("digest", required=False)
@click.option("--until", metavar="DATE", help="Every edition up to then, not only the next.")
@with_frame
def plan(frame: Frame, digest: str | None, until: str | None) -> None:
    """Say which editions will go when, which posts in each and why, and to how many."""
    from publisher import app, editing  # noqa: PLC0415

    site, now = frame.open(), current_time()
    digests = [_digest(site, digest)] if digest else list(site.config.digests.values())
    moment = parse_moment(until, site.config.site.timezone, "--until") if until else None
    desk, shelf = app.open_desk(site, now=now)
    planned = [
        one
        for each in digests
        for one in editing.plan(desk, each, shelf.catalog_at, now=now, until=moment)
    ]
    if frame.json:
        frame.give({"editions": [telling.plan_shape(one) for one in planned]})
    for one in planned:
        zone = site.config.digests[one.digest].zone
        frame.say(*telling.tell_plan(one, zone))
    if not planned:
        frame.say("No digest has a slot to come.")


@click.command(cls=Command, dry_run=True)
@click.argument("digest")
@click.option("--at", metavar="TIME", help="As it would be then.")
@click.option("--for", "for_", metavar="ADDRESS", help="As this subscriber would get it.")
@click.option("--signed", is_flag=True, help="With our signature, addressed to our own From.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("preview"),
    metavar="DIR",
    help="Where the files go; preview if absent.",
)
@with_frame
def preview(
    frame: Frame,
    digest: str,
    at: str | None,
    for_: str | None,
    signed: bool,  # noqa: FBT001 - click gives it by name
    out: Path,
) -> None:
    """Write letter.html, letter.txt and letter.eml: what would be sent, with inert tokens.

    DIGEST is a digest, or course:SERIES for the letter of a course.
    """
    from publisher import app  # noqa: PLC0415

    site, now = frame.open(), current_time()
    chosen = _digest(site, digest, courses_too=True)
    moment = parse_moment(at, site.config.site.timezone, "--at") if at else now
    files, facts, problems = app.preview_letter(
        site, chosen, at=moment, address=for_, signed=signed
    )
    if not frame.dry_run:
        out.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (out / name).write_bytes(data)
    written = [str(out / name) for name in files]
    if frame.json:
        shown = [problem.as_json() for problem in problems]
        frame.give({"files": written, **facts, "problems": shown})
    frame.complain(problems)
    frame.say(
        f"Subject: {facts['subject']}",
        f"{facts['posts']} posts, {facts['html_octets']:,} octets of HTML",
        *(f"Written {name}" for name in written),
        "Its links are inert: nobody can be unsubscribed by them.",
    )


@click.command(cls=Command)
@click.argument("digest")
@click.option("--to", required=True, metavar="ADDRESS", help="Who gets it.")
@with_frame
def test(frame: Frame, digest: str, to: str) -> None:
    """Mail a marked test letter to one address; its links are inert."""
    from publisher import app  # noqa: PLC0415
    from publisher.subscribing import read_address  # noqa: PLC0415

    site, now = frame.open(), current_time()
    chosen, address = _digest(site, digest, courses_too=True), read_address(to)
    outcome, where = app.send_test(site, chosen, address, now=now)
    if frame.json:
        frame.give({"to": address.typed, "outcome": outcome, "where": where})
    frame.say(f"Test letter for {address.typed}: {outcome}, {where}")
    if outcome != DeliveryState.ACCEPTED:
        raise click.exceptions.Exit(Unavailable.exit_code)


# ------------------------------------------------------------------------------------------ doing


@click.command(cls=Command, dry_run=True)
@click.option("--now", "digest", metavar="DIGEST", help="One edition of it more, now.")
@with_frame
def publish(frame: Frame, digest: str | None) -> None:
    """Do the scheduled job once: build, open due editions, deliver, report."""
    from publisher import app  # noqa: PLC0415
    from publisher.engine import clock, signals  # noqa: PLC0415

    site, now = frame.open(), current_time()
    if digest is not None:
        _digest(site, digest)
    if frame.dry_run:
        _tell_dry_run(frame, site, digest)
        return
    # A first rehearsal with nobody on the list would show nothing.
    sampled = digest is not None and app.add_sample_reader(site, now=now)
    progress = Progress(frame, clock.now, lambda one: app.count_waiting(site, one))
    with signals.stop_requested() as stopping:
        report = app.publish_once(
            site,
            now=now,
            clock=clock.now,
            digest=digest,
            is_stopping=stopping.is_set,
            on_progress=progress.tell,
        )
    progress.end()
    if frame.json:
        frame.give(telling.report_shape(report))
    frame.complain((*report.build.problems, *report.problems))
    _tell_report(frame, site, report, sampled=sampled)
    raise click.exceptions.Exit(report.exit_code)


def _tell_dry_run(frame: Frame, site: Site, digest: str | None) -> None:
    from publisher import app, editing  # noqa: PLC0415

    now = current_time()
    desk, shelf = app.open_desk(site, now=now)
    chosen = [site.config.digests[digest]] if digest else list(site.config.digests.values())
    planned = [
        one
        for each in chosen
        for one in editing.plan(desk, each, shelf.catalog_at, now=now, until=None)
    ]
    if frame.json:
        frame.give({"editions": [telling.plan_shape(one) for one in planned]})
    for one in planned:
        frame.say(*telling.tell_plan(one, site.config.digests[one.digest].zone))
    frame.say("Nothing was written and no one was emailed.")


def _tell_report(frame: Frame, site: Site, report: Report, *, sampled: bool) -> None:
    config = site.config
    frame.say(*telling.tell_build(report.build, telling.near(config.paths.output)))
    if sampled:
        frame.say("Added one made-up reader, so that there is a letter to see.")
    if not report.editions:
        frame.say("No new edition: nothing new to send. No one was emailed.")
    frame.say(*tell_trial(site))
    for one in report.editions:
        frame.say(*telling.tell_edition(one))
        if one.edition.rehearsal and one.counts[DeliveryState.ACCEPTED]:
            folder = config.paths.outbox / f"{one.edition.digest}-{one.edition.number}"
            frame.say(f"  Letters in {telling.near(folder)}; nothing left this machine.")
    if report.round and report.round.left_to:
        frame.say(f"Delivery is left to the running service: {report.round.left_to}.")
    program = telling.program()
    frame.say(f"See the pages: {program} run, then open {config.site.url}/")
    shown = [one.edition for one in report.editions if not one.edition.is_correction]
    for name in dict.fromkeys(one.digest for one in shown):
        frame.say(f"See the letter: {program} preview {name}, then open preview/letter.html")


def tell_trial(site: Site) -> tuple[str, ...]:
    """Say that only staff are mailed, where it is so."""
    from publisher import app  # noqa: PLC0415

    trial = app.read_trial(site)
    return (app.tell_trial(trial, now=current_time()),) if trial.is_on else ()


@click.command(cls=Command)
@with_frame
def run(frame: Frame) -> None:
    """Serve pages and feeds, keep the schedule and deliver, in one process, until stopped."""
    from publisher import app  # noqa: PLC0415
    from publisher.engine import clock, embedded, logbook, signals  # noqa: PLC0415

    site = frame.open()
    logbook.open_log(site, sys.stderr, as_json=frame.json)
    app.refuse_unready(site)
    listen, meter = site.config.web.listen, app.Meter()
    book = logbook.Logbook(site, clock.now)

    def tell_ready() -> None:
        frame.say(
            f"Serving {site.config.site.url}/ on {listen.host}:{listen.port}. Ctrl-C ends it.",
            *tell_console(site),
            *tell_trial(site),
        )
        sys.stdout.flush()

    def tell_tick(report: Report) -> None:
        meter.note_publish(report, now=clock.now())
        book.look()
        book.complain((*report.build.problems, *report.problems))

    def tell_mail(edition: Edition, done: int) -> None:
        meter.count_accepted(now=clock.now())
        book.progress(edition, done)

    service = embedded.Service(
        site, on_report=tell_tick, on_progress=tell_mail, on_round=book.look
    )
    servers = make_servers(site, meter, wake=service.wake)
    with app.run_alone(site), signals.stop_requested() as stopping:
        failed = embedded.serve(servers, service, stopping, on_ready=tell_ready)
    if failed is not None:
        raise Unavailable(not_listening(site, is_console=failed > 0))
    frame.say("Stopped. What was on the wire is finished and recorded.")
