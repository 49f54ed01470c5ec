"""What every command shares: its options before or after the verb, its errors, its exit codes."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click
from typing_extensions import override

from publisher import __version__
from publisher.errors import Problem, PublisherError, Unavailable, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from rich.console import Console

    from publisher.app import Site

USAGE, INTERRUPTED, UNEXPECTED = 2, 130, 1


@dataclass(slots=True)
class Frame:
    """The options that every command takes."""

    config: str = "config.toml"
    json: bool = False
    quiet: bool = False
    no_color: bool = False
    yes: bool = False
    dry_run: bool = False

    def open(self) -> Site:
        """Open the site the command is about."""
        from publisher import app  # noqa: PLC0415 - `--help` needs none of it
        from publisher.site import private_umask  # noqa: PLC0415

        private_umask()
        return app.open_site(Path(self.config), os.environ)

    def give(self, value: object) -> None:
        """Print data for a program."""
        click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))

    def say(self, *lines: str) -> None:
        """Print a report for a person; ``--quiet`` and ``--json`` leave it out."""
        if not self.quiet and not self.json:
            for line in lines:
                click.echo(line)

    def complain(self, problems: Sequence[Problem]) -> None:
        """Print problems for a person, to stderr; in JSON they are part of the data."""
        if self.json:
            return
        for problem in problems:
            # A shape in front, never colour alone.
            mark, colour = ("✗", "red") if problem.level == "error" else ("!", "yellow")
            if self.has_colour:
                told = click.style(mark, fg=colour, bold=True)
                click.echo(f"{told} {problem.as_text()}", err=True)
            else:
                click.echo(f"{mark} {problem.as_text()}", err=True)

    @property
    def has_colour(self) -> bool:
        """Whether talk goes to a terminal that wants colour (https://no-color.org)."""
        return sys.stderr.isatty() and not self.no_color and not os.environ.get("NO_COLOR")

    def console(self) -> Console:
        """Return the terminal that talk goes to."""
        from rich.console import Console  # noqa: PLC0415 - only a terminal pays for it

        return Console(stderr=True, no_color=self.no_color, highlight=False, soft_wrap=True)


_OPTIONS = (
    click.Option(["--config"], metavar="PATH", help="The configuration file.", default=None),
    click.Option(["--json"], is_flag=True, default=None, help="Data for a program, to stdout."),
    click.Option(["--quiet"], is_flag=True, default=None, help="Only errors."),
    click.Option(["--no-color"], is_flag=True, default=None, help="No colour."),
    click.Option(["--yes"], is_flag=True, default=None, help="Yes to every question."),
    click.Option(
        ["--dry-run"], is_flag=True, default=None, help="Say what would be done; do nothing."
    ),
)
_NAMES = {option.name for option in _OPTIONS}
_DRY_RUN = _OPTIONS[-1]


def _take_frame(context: click.Context) -> Frame:
    frame: Frame = context.ensure_object(Frame)
    for name in _NAMES:
        value = context.params.pop(name, None)
        if value is not None:
            setattr(frame, str(name), value)
    return frame


class Command(click.Command):
    """A command that takes the shared options too; ``--dry-run`` only where it is one that can."""

    def __init__(self, *args: Any, dry_run: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._takes_dry_run = dry_run

    @override
    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        shared = [one for one in _OPTIONS if self._takes_dry_run or one is not _DRY_RUN]
        return [*super().get_params(ctx), *shared]

    @override
    def invoke(self, ctx: click.Context) -> Any:
        frame = _take_frame(ctx)
        if frame.dry_run and not self._takes_dry_run:
            # Said before the verb, it must not be swallowed by a command that would act.
            raise click.NoSuchOption("--dry-run", ctx=ctx)
        return super().invoke(ctx)


class Group(click.Group):
    """A noun; the shared options may stand before its verb."""

    command_class = Command

    @override
    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        return [*super().get_params(ctx), *_OPTIONS]

    @override
    def invoke(self, ctx: click.Context) -> Any:
        _take_frame(ctx)
        return super().invoke(ctx)


Group.group_class = Group


class _Root(Group):
    """The program: every error leaves it as a message and an exit code.

    Its commands are loaded part by part until the one that is asked for is there: a build that
    finds nothing to do would spend much of its time on loading the others.
    """

    def __init__(self, parts: Iterable[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._parts = iter(parts)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        while cmd_name not in self.commands and self._load_part():
            pass
        return super().get_command(ctx, cmd_name)

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        while self._load_part():
            pass
        return super().list_commands(ctx)

    def _load_part(self) -> bool:
        """Load the next part with its commands; return whether there was one."""
        part = next(self._parts, None)
        if part:
            import_module(part).register(self)
        return part is not None

    @override
    def main(self, *args: Any, **kwargs: Any) -> NoReturn:
        argv = list(kwargs.get("args") or sys.argv[1:])
        as_json = "--json" in argv
        # A frame of its own for each run: nothing said to one command is heard by the next.
        kwargs |= {"standalone_mode": False, "prog_name": "publisher", "obj": Frame()}
        try:
            code = super().main(*args, **kwargs)
        except PublisherError as error:
            code = _tell(error.problems, error.exit_code, as_json=as_json)
        except click.exceptions.Exit as error:
            code = error.exit_code
        except (click.Abort, KeyboardInterrupt):
            click.echo("Interrupted.", err=True)
            code = INTERRUPTED
        except click.ClickException as error:
            code = _tell([_usage_problem(error)], USAGE, as_json=as_json)
        except BrokenPipeError:
            # The reader of our output left; there is nobody to tell.
            sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
            code = UNEXPECTED
        except Exception as error:
            if os.environ.get("PUBLISHER_TRACEBACK"):
                raise
            if isinstance(error, OSError) and error.filename:
                code = _tell([_unusable(error)], Unavailable.exit_code, as_json=as_json)
            else:
                code = _tell([_unexpected(error)], UNEXPECTED, as_json=as_json)
        sys.exit(code if isinstance(code, int) else 0)


def _usage_problem(error: click.ClickException) -> Problem:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "publisher"
    return Problem(
        code="usage",
        path=command,
        expected="words that the command takes",
        got=error.format_message(),
        hint=f"See: {command} --help",
    )


def _unusable(error: OSError) -> Problem:
    return Problem(
        code="file.unusable",
        path=str(error.filename),
        expected="a place that this user may read and write",
        got=error.strerror or str(error),
        hint="Name another, or clear the way. What was done before is kept.",
    )


def _unexpected(error: Exception) -> Problem:
    return Problem(
        code="unexpected",
        path="publisher",
        expected="no fault of its own",
        got=f"{type(error).__name__}: {error}",
        hint="PUBLISHER_TRACEBACK=1 shows where. What was done before is kept.",
    )


def _tell(problems: Sequence[Problem], code: int, *, as_json: bool) -> int:
    frame = Frame(json=False)
    if as_json:
        shapes = [_error_shape(problem) for problem in problems]
        value: dict[str, object] = {"error": shapes[0] if shapes else {"code": "unexpected"}}
        if len(shapes) > 1:
            value["errors"] = shapes
        frame.give(value)
    else:
        frame.complain(problems)
    return code


def _error_shape(problem: Problem) -> dict[str, object]:
    return {
        "code": problem.code,
        "path": problem.path,
        "line": problem.line,
        "expected": problem.expected,
        "got": problem.got,
        "hint": problem.hint,
    }


def make_root(parts: Iterable[str]) -> Group:
    """Return the program; ``parts`` are the modules with its commands."""
    root = _Root(
        parts,
        name="publisher",
        help="Posts in ordered series become pages, feeds and a digest, mailed once each.",
        context_settings={"help_option_names": ["-h", "--help"]},
        no_args_is_help=True,
    )
    click.version_option(__version__, prog_name="publisher")(root)
    return root


def with_frame(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the shared options as its first argument."""
    return click.make_pass_decorator(Frame, ensure=True)(function)


def current_time() -> datetime:
    """Return the moment a command begins, in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - the edge of the program


def parse_moment(text: str, zone: str, option: str) -> datetime:
    """Return an instant from ``2026-12-01``, ``2026-12-01T07:30`` or one with an offset.

    Without an offset it is local to ``zone``. Raises UsageError.
    """
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            Problem(
                code="usage",
                path=option,
                expected="a date or time such as 2026-12-01 or 2026-12-01T07:30",
                got=text,
                hint="Nothing was done.",
            )
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))
