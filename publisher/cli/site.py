"""Commands about the site and its posts: init new withdraw import check build."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import click

from publisher.cli import telling
from publisher.cli.frame import Command, Frame, current_time, with_frame
from publisher.errors import ConfigError, ContentError, Problem, Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from publisher.app import Site
    from publisher.cli.frame import Group

_SAMPLE_FOLDERS = ("sleep-slowly",)
_MOST_SOURCE_BYTES = 100_000_000
_REFUSING = frozenset({"config.live", "post.identity"})
"""The problems that publish refuses to go on with."""
_CONFIGURED = frozenset({"config.dkim", "config.secret"})
"""The problems of what the configuration names."""


def register(root: Group) -> None:
    """Add the commands to the program."""
    for command in (init, new, withdraw, import_, check, build):
        root.add_command(command)


@click.command(cls=Command, dry_run=True)
@click.argument("directory", type=click.Path(path_type=Path), default=Path())
@with_frame
def init(frame: Frame, directory: Path) -> None:
    """Make a site: a commented config.toml and a sample series in posts/."""
    from publisher.config import sample  # noqa: PLC0415
    from publisher.site import shipped  # noqa: PLC0415

    config, posts = directory / "config.toml", directory / "posts"
    if config.exists():
        raise Refused(
            Problem(
                code="init.exists",
                path=str(config),
                expected="a folder without a site",
                got="a config.toml",
                hint="Nothing was changed. Name another folder: publisher init DIR",
            )
        )
    name = directory.resolve().name.replace("-", " ").replace("_", " ").strip().title()
    text = sample(
        site_id=str(uuid.uuid4()),
        name=name or "Our letters",
        url="http://127.0.0.1:8000",
        timezone=_guess_zone(),
    )
    made = [str(config)]
    if not frame.dry_run:
        directory.mkdir(parents=True, exist_ok=True)
        config.write_text(text, "utf-8")
        if not posts.exists():
            posts.mkdir()
            for folder in _SAMPLE_FOLDERS:
                shutil.copytree(shipped("posts") / folder, posts / folder)
                made.append(str(posts / folder))
    if frame.json:
        frame.give({"made": made})
    where = "" if directory == Path() else f"cd {directory} && "
    frame.say(*(f"Made {one}" for one in made), f"Next: {where}publisher publish --now weekly")


def _guess_zone() -> str:
    """Return the machine's zone where it has a name we know, else UTC."""
    from zoneinfo import available_timezones  # noqa: PLC0415

    from tzlocal import get_localzone_name  # noqa: PLC0415 - APScheduler brings it

    name = str(get_localzone_name() or "UTC")
    return name if name in available_timezones() else "UTC"


@click.command(cls=Command)
@click.argument("title")
@click.option("--series", metavar="SERIES", help="The series it continues.")
@with_frame
def new(frame: Frame, title: str, series: str | None) -> None:
    """Make a post file with an id of its own and front matter, as a draft."""
    from publisher import writing  # noqa: PLC0415

    site = frame.open()
    path = writing.new_post(
        site.config,
        title,
        series=series,
        make_id=lambda: f"urn:uuid:{uuid.uuid4()}",
        now=current_time(),
    )
    full = site.config.paths.posts / path
    if frame.json:
        frame.give({"path": str(full)})
    frame.say(f"Made {telling.near(full)}, a draft. Write it, then remove the line draft: true.")


@click.command(cls=Command)
@click.argument("post")
@click.option("--reason", default="", metavar="TEXT", help="Told on the page that stays.")
@with_frame
def withdraw(frame: Frame, post: str, reason: str) -> None:
    """Take a published post back: its address answers 410 and it leaves every feed."""
    from publisher import moving  # noqa: PLC0415
    from publisher.app import make_workshop  # noqa: PLC0415
    from publisher.publishing import build as build_site  # noqa: PLC0415

    site, now = frame.open(), current_time()
    location = moving.withdraw(site.store, post, reason=reason, now=now)
    built = build_site(make_workshop(site), now=now)
    if frame.json:
        frame.give({"withdrawn": location, "build": telling.build_shape(built)})
    frame.say(f"Withdrawn: /{location}/. Letters already sent cannot be called back.")


@click.command(cls=Command, name="import", dry_run=True)
@click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--format", "form", metavar="F", help="page-text or subscribers-csv; else guessed.")
@click.option("--series", metavar="S", help="The series that pages go to.")
@click.option(
    "--as",
    "as_",
    type=click.Choice(["new", "sent"]),
    help="Whether posts are new to digests; one page is new, several count as sent.",
)
@click.option("--consent", default="", metavar="TEXT", help="How the people of a list agreed.")
@with_frame
def import_(
    frame: Frame,
    sources: tuple[Path, ...],
    form: str | None,
    series: str | None,
    as_: str | None,
    consent: str,
) -> None:
    """Take in foreign pages and subscriber lists; say what came and what was skipped."""
    from publisher import exchange  # noqa: PLC0415

    site, now = frame.open(), current_time()
    pages: list[tuple[str, bytes]] = []
    lists: list[tuple[str, bytes]] = []
    problems: list[Problem] = []
    for source in sources:
        data = _read_source(source, problems)
        if data is None:
            continue
        kind = form or exchange.recognise(source.name, data)
        if kind == "page-text":
            pages.append((str(source), data))
        elif kind == "subscribers-csv":
            lists.append((str(source), data))
        else:
            problems.append(_unknown_format(source, kind))
    shape: dict[str, object] = {"posts": [], "subscribers": []}
    if pages:
        counts_as_sent = as_ == "sent" or (as_ is None and len(pages) > 1)
        shape["posts"] = _import_pages(frame, site, pages, series, problems, counts_as_sent)
    if lists:
        from publisher.cli.people import take_lists  # noqa: PLC0415

        shape["subscribers"] = take_lists(frame, site, lists, consent, problems, now)
    if frame.json:
        frame.give({**shape, "problems": [problem.as_json() for problem in problems]})
    frame.complain(problems)
    if any(problem.level == "error" for problem in problems):
        raise click.exceptions.Exit(ContentError.exit_code)


def _read_source(source: Path, problems: list[Problem]) -> bytes | None:
    try:
        if source.stat().st_size > _MOST_SOURCE_BYTES:
            got = f"{source.stat().st_size / 1e6:.0f} MB"
            expected = "at most 100 MB"
        else:
            return source.read_bytes()
    except OSError as error:
        expected, got = "a file that can be read", error.strerror or str(error)
    problems.append(
        Problem(
            code="import.source",
            path=str(source),
            expected=expected,
            got=got,
            hint="The other sources were taken in.",
        )
    )
    return None


def _import_pages(
    frame: Frame,
    site: Site,
    pages: Sequence[tuple[str, bytes]],
    series: str | None,
    problems: list[Problem],
    counts_as_sent: bool,  # noqa: FBT001 - as above
) -> list[dict[str, object]]:
    from publisher import moving  # noqa: PLC0415

    haul = moving.import_pages(
        site.config,
        site.store,
        pages,
        series=series,
        counts_as_sent=counts_as_sent,
        dry_run=frame.dry_run,
        now=current_time(),
    )
    problems += haul.problems
    for one in haul.arrivals:
        verb = "Would make" if frame.dry_run else "Made"
        frame.say(
            f"{verb} posts/{one.path} from {one.source}"
            if one.is_new
            else f"Unchanged: {one.source} is posts/{one.path}"
        )
        frame.say(*(f"  {note}" for note in one.notes))
    return [
        {
            "source": one.source,
            "path": f"posts/{one.path}",
            "title": one.title,
            "new": one.is_new,
            "notes": list(one.notes),
        }
        for one in haul.arrivals
    ]


def _unknown_format(source: Path, kind: str | None) -> Problem:
    from publisher.exchange import FORMATS  # noqa: PLC0415

    return Problem(
        code="import.format",
        path=str(source),
        expected="one of " + ", ".join(one.name for one in FORMATS),
        got=kind or "a file of none of these",
        hint="Name it with --format.",
    )


@click.command(cls=Command)
@with_frame
def check(frame: Frame) -> None:
    """Look at config, posts, series, templates and letters; tell every problem with its fix."""
    from publisher.app import check_site  # noqa: PLC0415

    site = frame.open()
    problems = check_site(site, now=current_time())
    if frame.json:
        frame.give({"problems": [problem.as_json() for problem in problems]})
    frame.complain(problems)
    errors = sum(problem.level == "error" for problem in problems)
    warnings = len(problems) - errors
    frame.say(
        f"{telling.count(errors, 'error')}, {telling.count(warnings, 'warning')}."
        if problems
        else "Everything is in order."
    )
    if any(problem.code in _REFUSING for problem in problems):
        raise click.exceptions.Exit(Refused.exit_code)
    if any(problem.code in _CONFIGURED and problem.level == "error" for problem in problems):
        raise click.exceptions.Exit(ConfigError.exit_code)
    if errors:
        raise click.exceptions.Exit(ContentError.exit_code)


@click.command(cls=Command)
@with_frame
def build(frame: Frame) -> None:
    """Bring public/ to what the posts say; write only what changed."""
    from publisher.app import make_workshop  # noqa: PLC0415
    from publisher.publishing import build as build_site  # noqa: PLC0415

    site = frame.open()
    built = build_site(make_workshop(site), now=current_time())
    if frame.json:
        frame.give(telling.build_shape(built))
    frame.complain(built.problems)
    frame.say(*telling.tell_build(built, str(site.config.paths.output)))
    if built.refused:
        raise click.exceptions.Exit(Refused.exit_code)
    if any(problem.level == "error" for problem in built.problems):
        raise click.exceptions.Exit(ContentError.exit_code)
