"""Commands about one edition, from ls and show to mail, which makes one of a single post."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import click

from publisher.cli import telling
from publisher.cli.frame import Command, Frame, Group, current_time, with_frame
from publisher.errors import NotFound, Problem, Refused, UsageError
from publisher.model import Act, Correction

if TYPE_CHECKING:
    from collections.abc import Callable

    from publisher.app import Site
    from publisher.config import Digest


def register(root: Group) -> None:
    """Add the commands to the program."""
    root.add_command(edition)


@click.group(cls=Group)
def edition() -> None:
    """Look at editions and let them go."""


@edition.command("ls")
@click.option("--courses", is_flag=True, help="Those of courses too.")
@with_frame
def list_editions(frame: Frame, courses: bool) -> None:  # noqa: FBT001 - click gives it by name
    """List the editions, oldest first; those of courses where they are asked for."""
    from publisher import app  # noqa: PLC0415

    site = frame.open()
    reports = [one for one in app.report_editions(site) if courses or not one.edition.is_course]
    if frame.json:
        frame.give([telling.edition_shape(one) for one in reports])
    for one in reports:
        frame.say(*telling.tell_edition(one))
    if not reports:
        frame.say("No editions yet.")


@edition.command("show")
@click.argument("name")
@with_frame
def show_edition(frame: Frame, name: str) -> None:
    """Show one edition: its posts, its letters, what each delivery came to, and why."""
    from publisher import app  # noqa: PLC0415

    site, now = frame.open(), current_time()
    shown = app.describe_edition(site, app.find_edition(site, name), now=now)
    if frame.json:
        frame.give({**telling.edition_shape(shown.report), **shown.details})
    pace = [f"  {shown.pace}"] if shown.pace else []
    frame.say(*telling.tell_edition(shown.report), *pace, *telling.tell_details(shown.details))


@edition.command("approve")
@click.argument("name")
@click.option("--by", default="", metavar="NAME", help="Who approves; your login name if absent.")
@with_frame
def approve_edition(frame: Frame, name: str, by: str) -> None:
    """Approve an edition as it is now: what was approved is what is sent."""
    from publisher import app, editing  # noqa: PLC0415

    site, now = frame.open(), current_time()
    found = app.find_edition(site, name)
    desk, _ = app.open_desk(site, now=now)
    problems = editing.approve(desk, found, by=by or getpass.getuser(), now=now)
    if problems:
        raise Refused(*problems)
    shown = app.describe_edition(site, app.find_edition(site, name), now=now)
    if frame.json:
        frame.give({**telling.edition_shape(shown.report), **shown.details})
    frame.say(
        f"Approved {found.name}: {shown.report.edition.content_sha256[:12]}. "
        "It goes at its slot, or with the next publish where that has passed."
    )


# --------------------------------------------------------------------------------- staff's hand

_BY = click.option(
    "--by", default="", metavar="NAME", help="Who does it; your login name if absent."
)
_HELP = {
    Act.HOLD: "Keep an edition that has not begun from going, until it is released.",
    Act.RELEASE: "Let a held edition go on from where it was: as it was frozen, if it was.",
    Act.PAUSE: "Stop sending after the mail on the wire; what waits keeps its place.",
    Act.RESUME: "Go on sending a paused edition.",
    Act.CANCEL: "End an edition for good: whoever was not emailed will not be.",
}


def _make_command(act: Act) -> Callable[..., None]:
    @edition.command(str(act), help=_HELP[act])
    @click.argument("name")
    @_BY
    @with_frame
    def command(frame: Frame, name: str, by: str) -> None:
        from publisher import app  # noqa: PLC0415

        site, now = frame.open(), current_time()
        found = app.find_edition(site, name)
        done = app.handle_edition(site, found, act, by=by or getpass.getuser(), now=now)
        if frame.json:
            report = app.EditionReport(edition=done.edition, counts=done.counts)
            frame.give({**telling.edition_shape(report), "changed": done.changed})
        digest = site.config.digests.get(found.digest)
        zone = digest.zone if digest else site.config.site.timezone
        frame.say(telling.tell_act(act, done, zone=zone, now=now))

    return cast("Callable[..., None]", command)


for _act in Act:
    _make_command(_act)


@edition.command("resolve")
@click.argument("name")
@click.option(
    "--as",
    "as_",
    type=click.Choice(["accepted", "resend"]),
    required=True,
    help="Whether its uncertain mails count as accepted, or go again.",
)
@click.option("--for", "for_", metavar="ADDRESS", help="Only this subscriber's.")
@_BY
@with_frame
def resolve_edition(frame: Frame, name: str, as_: str, for_: str | None, by: str) -> None:
    """Say what became of mails that nobody else can tell of: accepted, or send them again."""
    from publisher import app  # noqa: PLC0415

    site, now = frame.open(), current_time()
    done = app.resolve_edition(
        site,
        app.find_edition(site, name),
        cast("Literal['accepted', 'resend']", as_),
        address=for_,
        by=by or getpass.getuser(),
        now=now,
    )
    if frame.json:
        report = app.EditionReport(edition=done.edition, counts=done.counts)
        decided = {"decided": done.decided, "posts": done.posts}
        frame.give({**telling.edition_shape(report), **decided})
    frame.say(telling.tell_resolved(done, as_))


# ----------------------------------------------------------------------------------- correcting


@edition.command("correct", cls=Command, dry_run=True)
@click.argument("name")
@click.option("--text", default="", metavar="MARKDOWN", help="What was wrong, and what is right.")
@click.option(
    "--file",
    "file",
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE",
    help="The same from a file; - is what comes in.",
)
@click.option(
    "--subject", default="", help="Its subject; if absent Correction: and the edition's."
)
@click.option(
    "--post", "post", default="", metavar="POST", help="Which post it is about: its path or id."
)
@_BY
@with_frame
def correct_edition(
    frame: Frame, name: str, text: str, file: Path | None, subject: str, post: str, by: str
) -> None:
    """Mail a correction to exactly those who have an edition, once its minute to undo is over."""
    from publisher import app  # noqa: PLC0415

    site, now = frame.open(), current_time()
    found = app.find_edition(site, name)
    wanted = Correction(
        corrects_id=found.id,
        subject=subject,
        text=_read_text(text, file),
        post_id=app.find_post(site, found, post),
    )
    if frame.dry_run:
        done = app.try_correction(site, found, wanted, now=now)
    else:
        done = app.correct_edition(site, found, wanted, by=by or getpass.getuser(), now=now)
    if frame.json:
        frame.give(telling.correction_shape(done, found))
    frame.say(*telling.tell_correction(done, found, now=now, dry_run=frame.dry_run))


# ------------------------------------------------------------------------------------ one post


@edition.command("mail", cls=Command, dry_run=True)
@click.argument("post")
@click.option("--digest", "name", default="", metavar="DIGEST", help="Whose readers get it.")
@_BY
@with_frame
def mail_post(frame: Frame, post: str, name: str, by: str) -> None:
    """Mail one published post now, alone, to the readers of a digest who do not have it.

    POST is its path or its id. It goes once its minute to undo is over.
    """
    from publisher import app, editing  # noqa: PLC0415

    site, now = frame.open(), current_time()
    digest = _only_digest(site, name)
    desk, _ = app.open_desk(site, now=now)
    found = editing.find_published(desk, post)
    if frame.dry_run:
        done = editing.check_alone(desk, digest, found, now=now)
    else:
        done = editing.mail_alone(desk, digest, found, by=by or getpass.getuser(), now=now)
    if frame.json:
        frame.give(telling.mailing_shape(done, dry_run=frame.dry_run))
    frame.say(*telling.tell_mailing(done, now=now, dry_run=frame.dry_run))


def _only_digest(site: Site, name: str) -> Digest:
    """Return the digest of a name, or the only one there is."""
    digests = site.config.digests
    if not name and len(digests) == 1:
        return next(iter(digests.values()))
    if name in digests:
        return digests[name]
    problem = Problem(
        code="digest.unknown" if name else "usage",
        path=name or "--digest",
        expected=f"a digest of the configuration: {', '.join(digests)}",
        got=name or "none, and there are several",
        hint="Name one with --digest. No one was emailed.",
    )
    raise NotFound(problem) if name else UsageError(problem)


def _read_text(text: str, file: Path | None) -> str:
    if bool(text) == (file is not None):
        raise UsageError(
            Problem(
                code="usage",
                path="--text",
                expected="either --text MARKDOWN or --file FILE",
                got="both" if text else "neither",
                hint="No one was emailed.",
            )
        )
    if file is None:
        return text
    from publisher.posts import decode  # noqa: PLC0415 - only a text from a file needs it

    data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    return decode(data, str(file))
