"""What people read on a terminal: colour only where it is wanted, progress only where it helps."""

from __future__ import annotations

import io
import itertools
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typing_extensions import override

from publisher.cli import telling
from publisher.cli.frame import Frame
from publisher.cli.progress import Progress
from publisher.errors import Problem
from publisher.model import Edition, EditionState

if TYPE_CHECKING:
    from collections.abc import Callable

PROBLEM = Problem(code="x", path="posts/[a].md", line=2, expected="one", got="two", hint="Do it.")
EDITION = Edition(
    id=1,
    digest="weekly",
    number=12,
    rehearsal=False,
    slot="now:x",
    fire_at=datetime(2026, 11, 24, tzinfo=UTC),
    state=EditionState.SENDING,
    audience=2_000,
)


def _progress(frame: Frame) -> Progress:
    """Progress of 2,000 mails, by a clock that goes on 20 seconds each time it is read."""
    ticks = itertools.count()
    return Progress(
        frame,
        lambda: EDITION.fire_at + next(ticks) * timedelta(seconds=20),
        lambda _edition: 2_000,
    )


class _Terminal(io.StringIO):
    @override
    def isatty(self) -> bool:
        return True


@pytest.fixture
def stderr(monkeypatch: pytest.MonkeyPatch) -> Callable[[io.StringIO], io.StringIO]:
    """Put a stream in the place of stderr."""
    monkeypatch.delenv("NO_COLOR", raising=False)

    def put(stream: io.StringIO) -> io.StringIO:
        monkeypatch.setattr(sys, "stderr", stream)
        return stream

    return put


def test_problem_is_one_line_and_its_fix(stderr: Callable[[io.StringIO], io.StringIO]) -> None:
    """Without a terminal a problem is plain text: a shape, file:line, the fix below."""
    told = stderr(io.StringIO())

    Frame().complain([PROBLEM])

    assert told.getvalue() == "✗ posts/[a].md:2  expected one; got two\n  Do it.\n"


def test_terminal_gets_colour_unless_it_says_no(
    stderr: Callable[[io.StringIO], io.StringIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Colour is for terminals, and neither for --no-color nor for NO_COLOR."""
    stderr(_Terminal())

    assert Frame().has_colour
    assert not Frame(no_color=True).has_colour
    monkeypatch.setenv("NO_COLOR", "1")
    assert not Frame().has_colour


def test_terminal_keeps_the_words(stderr: Callable[[io.StringIO], io.StringIO]) -> None:
    """On a terminal the words are the same, brackets and all."""
    told = stderr(_Terminal())

    Frame().complain([PROBLEM])

    assert "posts/[a].md:2  expected one; got two" in told.getvalue()


def test_progress_is_a_line_each_tenth(stderr: Callable[[io.StringIO], io.StringIO]) -> None:
    """Without a terminal sending tells a line each tenth of the audience."""
    told = stderr(io.StringIO())
    progress = _progress(Frame())

    for done in range(1, 2_001):
        progress.tell(EDITION, done)
    progress.end()

    lines = told.getvalue().splitlines()
    assert len(lines) == 10
    assert lines[0] == "weekly/12: 200 of 2,000 accepted, 10.0/s, 3:00 left"
    assert lines[-1] == "weekly/12: 2,000 of 2,000 accepted, 10.0/s, 0:00 left"


def test_progress_is_a_bar_on_a_terminal(stderr: Callable[[io.StringIO], io.StringIO]) -> None:
    """On a terminal sending shows a bar that names the edition."""
    told = stderr(_Terminal())
    progress = _progress(Frame())

    progress.tell(EDITION, 1_000)
    progress.end()

    assert "Sending weekly/12" in told.getvalue()


def test_progress_begins_anew_with_each_edition(
    stderr: Callable[[io.StringIO], io.StringIO],
) -> None:
    """The second edition of a round is counted from its own first mail, on a terminal too."""
    told = stderr(io.StringIO())
    progress = _progress(Frame())
    for done in range(1, 201):
        progress.tell(EDITION, done)
    for done in range(201, 401):
        progress.tell(replace(EDITION, id=2, number=13), done)
    shown = stderr(_Terminal())
    bars = _progress(Frame())
    for done in range(1, 5):
        bars.tell(replace(EDITION, id=done), done)
        bars.tell(replace(EDITION, id=done), done + 1)
    bars.end()

    assert [line.split(" of ")[0] for line in told.getvalue().splitlines()] == [
        "weekly/12: 200",
        "weekly/13: 200",
    ]
    assert "2,000" in shown.getvalue()


@pytest.mark.parametrize("frame", [Frame(quiet=True), Frame(json=True)])
def test_progress_is_silent_when_asked(
    stderr: Callable[[io.StringIO], io.StringIO], frame: Frame
) -> None:
    """With --quiet or --json nothing is told meanwhile."""
    told = stderr(io.StringIO())

    _progress(frame).tell(EDITION, 1_000)

    assert told.getvalue() == ""


def test_counts_stand_before_their_nouns() -> None:
    """One is singular, thousands have their comma."""
    assert telling.count(1, "letter") == "1 letter"
    assert telling.count(2_000, "letter") == "2,000 letters"
    assert telling.people(1) == "1 person"
    assert telling.people(412) == "412 people"


def test_paths_and_program_can_be_typed_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paths below the working directory are short; the program is told as it was called."""
    monkeypatch.chdir(tmp_path)

    assert telling.near(tmp_path / "public") == "public"
    assert telling.near(Path("/elsewhere/public")) == "/elsewhere/public"
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "bin" / "publisher")])
    assert telling.program() == "bin/publisher"
    monkeypatch.setattr(sys, "argv", ["/usr/lib/python3/dist-packages/publisher/__main__.py"])
    assert telling.program() == "publisher"


def test_moment_is_told_with_its_zone() -> None:
    """Staff read weekday, date, time and the zone's short name."""
    at = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)

    assert telling.local(at, "America/New_York") == "Tuesday 24 November 2026, 07:30 EST"
