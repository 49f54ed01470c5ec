"""How far sending is, on stderr: a bar on a terminal, a line each tenth elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from publisher.editorial.progress import measure_pace, tell_pace

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from publisher.cli.frame import Frame
    from publisher.model import Edition

_SMALL = 100
"""Mails of an edition that are over before a line would be read."""
_STEPS = 1_000
"""Places of a bar: it is moved no more often."""


@dataclass(slots=True)
class _Run:
    """One edition in one round of sending."""

    edition: Edition
    began_at: datetime
    before: int
    """How many the round had handed over when this edition began."""
    total: int
    told: int = 0


class Progress:
    """Tells of each edition how many were accepted, how fast, and how long the rest takes."""

    def __init__(
        self,
        frame: Frame,
        clock: Callable[[], datetime],
        count_waiting: Callable[[Edition], int],
    ) -> None:
        """Take the clock, and how to ask how many mails of an edition are still to be accepted."""
        self._frame = frame
        self._clock = clock
        self._count_waiting = count_waiting
        self._run: _Run | None = None
        self._bar: Bar | None = None
        self._task: TaskID | None = None

    def tell(self, edition: Edition, done: int) -> None:
        """Say that the round handed over so many, of which the last ones are this edition's."""
        if self._frame.quiet or self._frame.json:
            return
        run = self._run
        if run is None or run.edition.id != edition.id:
            run = self._begin(edition, done)
        if self._frame.has_colour:
            self._move_bar(run, done - run.before)
        else:
            self._tell_tenth(run, done - run.before)

    def _begin(self, edition: Edition, done: int) -> _Run:
        self.end()
        before = done - 1
        # This one may be written already or not: the number is for people, not for the ledger.
        total = max(self._count_waiting(edition), 1)
        self._run = _Run(edition=edition, began_at=self._clock(), before=before, total=total)
        return self._run

    def _tell_tenth(self, run: _Run, done: int) -> None:
        if done - run.told < max(run.total // 10, _SMALL):
            return
        run.told = done
        told = f"{run.edition.name}: {done:,} of {run.total:,} accepted, {self._pace(run, done)}"
        click.echo(told, err=True)

    def _pace(self, run: _Run, done: int) -> str:
        seconds = (self._clock() - run.began_at).total_seconds()
        return tell_pace(measure_pace(done, seconds, max(run.total - done, 0)))

    def _move_bar(self, run: _Run, done: int) -> None:
        from rich.progress import BarColumn, TextColumn  # noqa: PLC0415 - only a terminal pays
        from rich.progress import Progress as Bar  # noqa: PLC0415

        if self._bar is None or self._task is None:
            columns = (
                TextColumn("Sending {task.description}"),
                BarColumn(),
                TextColumn("{task.completed:,.0f}/{task.total:,.0f} · {task.fields[pace]}"),
            )
            self._bar = Bar(*columns, console=self._frame.console(), transient=True)
            self._task = self._bar.add_task(run.edition.name, total=run.total, pace="")
            self._bar.start()
        if run.told and done - run.told < run.total // _STEPS:
            return
        run.told = done
        self._bar.update(self._task, completed=done, pace=self._pace(run, done))

    def end(self) -> None:
        """Take the bar away."""
        if self._bar:
            self._bar.stop()
        self._bar = self._task = self._run = None
