"""Whole commands of publisher and its peers, measured in turns on the same texts.

A turn runs every case of the programs once, so that what else the machine does meets all of them;
the one that goes first changes from turn to turn. Ratios are taken within a turn.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import count
from statistics import median
from typing import TYPE_CHECKING

from tests.benchmarks.memory import Watch
from tests.benchmarks.programs import HUGO, PUBLISHER, QUICK, attach
from tests.benchmarks.sites import write_sites

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from tests.benchmarks.programs import Program
    from tests.benchmarks.sites import Sites

FULL, UNCHANGED, ONE_POST = "full", "no change", "one post changed"
CASES = (FULL, UNCHANGED, ONE_POST)
FEED_POSTS = 30
"""How many of the newest posts a feed has."""

_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in what the system calls one of ``ru_maxrss``."""
_FOREIGN = ("PUBLISHER_", "HUGO_", "PYTHONDONTWRITEBYTECODE")
"""How variables begin that would make a command another than the one a person types."""
_LEAST_TEXT = 3000
_numbers = count()
"""Octets of a post in a feed, if its text is whole."""

Key = tuple[str, str]
"""A program's name and a case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one command took."""

    wall_seconds: float
    cpu_seconds: float
    """User and system time of the command and its children."""
    peak_mb: float
    """The most memory that was held at one moment, in millions of bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Every run for one number of posts: by program and case, a run a turn."""

    posts: int
    markdown_bytes: int
    runs: dict[Key, list[Run]]
    """The slow programs have fewer: those of the first turns."""
    watched: dict[Key, Run]
    """One run more of each, slowed by looking at its memory; only ``peak_mb`` is of use."""

    def numbers(self, program: str, case: str, unit: str) -> list[float]:
        """Return one number a turn; ``unit`` is a field of ``Run``."""
        return [getattr(run, unit) for run in self.runs[program, case]]

    def ratios(self, program: str, case: str, unit: str = "wall_seconds") -> list[float]:
        """Return publisher's number by the program's, a ratio a turn."""
        ours = self.numbers(PUBLISHER.name, case, unit)
        return divide(ours, self.numbers(program, case, unit))

    def shares(self, case: str) -> list[float]:
        """Return what a case takes of publisher's own full build, a ratio a turn."""
        ours = self.numbers(PUBLISHER.name, case, "wall_seconds")
        return divide(ours, self.numbers(PUBLISHER.name, FULL, "wall_seconds"))

    def peak_mb(self, program: str, case: str) -> float:
        """Return the most memory of any run: of the largest process, or of all together."""
        watched = [self.watched[program, case].peak_mb] if (program, case) in self.watched else []
        return max([*self.numbers(program, case, "peak_mb"), *watched])


def compare(
    folder: Path,
    posts: int,
    programs: Sequence[Program],
    *,
    rounds: int,
    warm_ups: int,
    slow_rounds: int,
) -> Comparison:
    """Measure every case of the programs ``rounds`` times; warm-up turns are not counted.

    Of a slow program, only the full build is measured, in the first ``slow_rounds`` of the turns
    that count. Raises RuntimeError where a program fails or leaves something out.
    """
    sites = write_sites(folder, posts, programs)
    for program in programs:
        attach(program, sites.folders[program.name])
    runs: dict[Key, list[Run]] = {}
    for turn in range(-warm_ups, rounds):
        say(f"{posts:,} posts, turn {turn + 1} of {rounds}")
        slow = 0 <= turn < slow_rounds
        taking = [one for one in programs if slow or not one.is_slow]
        for key, run in _take_turn(sites, taking if turn % 2 == 0 else taking[::-1], turn):
            say(f"  {key[0]}, {key[1]}: {run.wall_seconds:.2f} s")
            if turn >= 0:
                runs.setdefault(key, []).append(run)
    say(f"{posts:,} posts, memory")
    quick = [one for one in programs if one in QUICK]
    watched = dict(_take_turn(sites, quick, rounds, watching=True))
    return Comparison(posts=posts, markdown_bytes=sites.markdown_bytes, runs=runs, watched=watched)


def _take_turn(
    sites: Sites, programs: Sequence[Program], turn: int, *, watching: bool = False
) -> Iterator[tuple[Key, Run]]:
    quick = [one for one in programs if not one.is_slow]
    for case in CASES:
        taking = programs if case == FULL else quick
        if case == FULL:
            _clear(sites, taking)
        elif case == ONE_POST:
            sites.change_post(taking, turn)
        for program in taking:
            site = sites.folders[program.name]
            yield (program.name, case), measure(program.command(site), site, watching=watching)
        for program in taking:
            check(sites, program, f"added in turn {turn}." if case == ONE_POST else "")


def _clear(sites: Sites, programs: Iterable[Program]) -> None:
    """Put everything that an earlier build left out of the way.

    It is removed with the folder of all sites, at the end: where files were deleted just before,
    some file systems look at each of their places before a new file gets another.
    """
    for program in programs:
        site = sites.folders[program.name]
        for name in program.leaves:
            if (site / name).exists():
                aside = site.parent / "earlier" / str(next(_numbers))
                aside.parent.mkdir(exist_ok=True)
                (site / name).rename(aside)


def check(sites: Sites, program: Program, sentence: str = "") -> None:
    """Raise RuntimeError unless the site has its pages and feeds whole, and the new sentence."""
    public = sites.folders[program.name] / "public"
    pages = list(public.glob("series-*/*/index.html"))
    if len(pages) != sites.posts:
        raise RuntimeError(f"{program.name}: {len(pages)} pages for {sites.posts} posts")
    if sentence and sentence not in _changed_page(public, sites).read_text("utf-8"):
        raise RuntimeError(f"{program.name}: the changed post's page is the old one")
    for place in ("", "archive", "series-*", "tags/*"):
        if not list(public.glob(f"{place}/index.html".lstrip("/"))):
            raise RuntimeError(f"{program.name}: there is no page {place or 'at the root'}")
    feeds = [
        public / program.feed,
        *_beside(public, program, "series-*"),
        *_beside(public, program, "tags/*"),
    ]
    for feed in feeds:
        text = feed.read_bytes()
        if len(text) < text.count(b"<item>") * _LEAST_TEXT or b"<item>" not in text:
            raise RuntimeError(f"{program.name}: {feed.relative_to(public)} is not whole")
    newest = feeds[0].read_bytes().count(b"<item>")
    if newest != min(FEED_POSTS, sites.posts):
        raise RuntimeError(f"{program.name}: {newest} posts in the site's feed")


def _changed_page(public: Path, sites: Sites) -> Path:
    """Return the page of the post that changes; the others keep its number in the address."""
    series, _, file = sites.changing.partition("/")
    slug = file.removesuffix(".md").partition("-")[2]
    return next(public.glob(f"{series}/*{slug}/index.html"))


def _beside(public: Path, program: Program, place: str) -> list[Path]:
    """Return the feed of every series or tag; raises RuntimeError where a page has none."""
    feeds = sorted(page.parent / program.feed for page in public.glob(f"{place}/index.html"))
    for feed in feeds:
        if not feed.is_file():
            raise RuntimeError(f"{program.name}: {feed.relative_to(public)} is missing")
    return feeds


def measure(command: list[str], folder: Path, *, watching: bool = False) -> Run:
    """Run a command to its end in a folder; raises RuntimeError where it fails.

    Its memory is that of its largest process, as the system keeps it; where it is watched, that of
    all its processes together, if it is more.
    """
    environ = {k: v for k, v in os.environ.items() if not k.startswith(_FOREIGN)}
    started = time.perf_counter()
    with subprocess.Popen(command, cwd=folder, env=environ, stdout=subprocess.DEVNULL) as process:
        watch = Watch(process.pid) if watching else None
        with watch or nullcontext():
            _, status, usage = os.wait4(process.pid, 0)
        wall_seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    # The system's number is never less than what we held when we started the command.
    return Run(
        wall_seconds=wall_seconds,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_mb=max(usage.ru_maxrss * _MAXRSS_UNIT / 1e6, watch.peak_mb if watch else 0),
    )


def say(line: str) -> None:
    """Tell the person who waits what is being done."""
    print(line, file=sys.stderr, flush=True)


# -------------------------------------------------------------------------------------- in words


def write_table(compared: Comparison) -> str:
    """Return publisher beside Hugo as a Markdown table: medians, with the least and the most."""
    ours, theirs = PUBLISHER.name, HUGO.name
    rows = [["", ours, theirs, f"{ours} / {theirs}"], ["---", "---:", "---:", "---:"]]
    for unit, label in (("wall_seconds", "seconds"), ("cpu_seconds", "CPU seconds")):
        for case in CASES:
            taken = [spread(compared.numbers(one, case, unit)) for one in (ours, theirs)]
            ratio = spread(compared.ratios(theirs, case, unit))
            rows.append([f"{case}, {label}", *taken, ratio])
    for case in CASES:
        peaks = [compared.peak_mb(one, case) for one in (ours, theirs)]
        held = [f"{peak:.0f}" for peak in peaks]
        rows.append([f"{case}, peak memory, MB", *held, f"{peaks[0] / peaks[1]:.2f}"])
    return as_table(rows)


def write_full_builds(compared: Comparison) -> str:
    """Return the full build of every program as a Markdown table."""
    rows = [
        [
            "full build",
            "seconds",
            "CPU seconds",
            "peak memory, MB",
            "publisher's seconds / its",
            "turns",
        ],
        ["---", "---:", "---:", "---:", "---:", "---:"],
    ]
    for program, case in compared.runs:
        if case == FULL:
            seconds = compared.numbers(program, case, "wall_seconds")
            cpu = compared.numbers(program, case, "cpu_seconds")
            ratio = "" if program == PUBLISHER.name else spread(compared.ratios(program, case))
            peak = f"{compared.peak_mb(program, case):.0f}"
            rows.append([program, spread(seconds), spread(cpu), peak, ratio, str(len(seconds))])
    return as_table(rows)


def write_shares(compared: Comparison) -> str:
    """Return what is left of publisher's own full build where less has changed, as a sentence."""
    unchanged, one_post = (spread(compared.shares(case)) for case in (UNCHANGED, ONE_POST))
    return (
        f"Of publisher's own full build, one without a change takes {unchanged}, "
        f"one with one changed post {one_post}."
    )


def as_table(rows: Iterable[Sequence[str]]) -> str:
    """Return rows of cells as a Markdown table."""
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def divide(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Return ratios turn by turn, as far as both were measured."""
    return [one / other for one, other in zip(ours, theirs, strict=False)]


def spread(values: Sequence[float], form: str = ".2f") -> str:
    """Return the median, with the least and the most in brackets."""
    least, most = format(min(values), form), format(max(values), form)
    return f"{median(values):{form}} [{least}–{most}]"  # noqa: RUF001 - a range, in type
