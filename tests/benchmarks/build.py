"""Whole commands of publisher and Hugo, measured in turns on the same texts.

A turn runs every case of both programs once, so that what else the machine does meets both; the
one that goes first changes from turn to turn. Ratios are taken within a turn.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from tests.benchmarks.generate import Sites, write_sites

if TYPE_CHECKING:
    from collections.abc import Iterable

REPOSITORY = Path(__file__).parents[2]
PUBLISHER, HUGO = "publisher", "Hugo"
FULL, UNCHANGED, ONE_POST = "full", "no change", "one post changed"
CASES = (FULL, UNCHANGED, ONE_POST)

_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in what the system calls one of ``ru_maxrss``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one command took."""

    wall_seconds: float
    cpu_seconds: float
    """User and system time of the command and its children."""
    peak_mb: float
    """The most memory it held at one moment, in millions of bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Every run for one number of posts: by program and case, a run a turn."""

    posts: int
    markdown_bytes: int
    runs: dict[tuple[str, str], list[Run]]

    def numbers(self, program: str, case: str, unit: str) -> list[float]:
        """Return one number a turn; ``unit`` is a field of ``Run``."""
        return [getattr(run, unit) for run in self.runs[program, case]]


def compare(folder: Path, posts: int, *, rounds: int, warm_ups: int) -> Comparison:
    """Measure every case of both programs ``rounds`` times; warm-up turns are not counted.

    Raises RuntimeError where a program fails or leaves a post out.
    """
    sites = write_sites(folder, posts)
    runs: dict[tuple[str, str], list[Run]] = {
        (program, case): [] for case in CASES for program in (PUBLISHER, HUGO)
    }
    for turn in range(-warm_ups, rounds):
        say(f"{posts:,} posts, turn {turn + 1} of {rounds}")
        for key, run in _take_turn(sites, turn):
            if turn >= 0:
                runs[key].append(run)
    return Comparison(posts=posts, markdown_bytes=sites.markdown_bytes, runs=runs)


def _take_turn(sites: Sites, turn: int) -> Iterable[tuple[tuple[str, str], Run]]:
    programs = (PUBLISHER, HUGO) if turn % 2 == 0 else (HUGO, PUBLISHER)
    for case in CASES:
        if case == FULL:
            _clear(sites)
        elif case == ONE_POST:
            sites.change_post(turn)
        for program in programs:
            yield (program, case), measure(_command(program, sites))
        _check(sites, f"added in turn {turn}." if case == ONE_POST else "")


def _command(program: str, sites: Sites) -> list[str]:
    if program == HUGO:
        return ["hugo", "--quiet", "--source", str(sites.hugo)]
    config = str(sites.publisher / "config.toml")
    return [sys.executable, "-m", "publisher", "--config", config, "--quiet", "build"]


def _clear(sites: Sites) -> None:
    """Remove everything that an earlier build of either program left."""
    for folder in (
        sites.publisher / "public",
        sites.publisher / "var",
        sites.hugo / "public",
        sites.hugo / "resources",
    ):
        shutil.rmtree(folder, ignore_errors=True)


def _check(sites: Sites, sentence: str) -> None:
    """Raise RuntimeError unless both sites have a page for every post, and the new sentence."""
    for site in (sites.publisher, sites.hugo):
        pages = list((site / "public").glob("series-*/*/index.html"))
        if len(pages) != sites.posts:
            raise RuntimeError(f"{site.name}: {len(pages)} pages for {sites.posts} posts")
        if sentence and not any(sentence in page.read_text("utf-8") for page in pages):
            raise RuntimeError(f"{site.name}: the changed post's page is the old one")


def measure(command: list[str]) -> Run:
    """Run a command to its end and return what it took; raises RuntimeError where it fails."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("PUBLISHER_", "HUGO_"))}
    started = time.perf_counter()
    with subprocess.Popen(command, cwd=REPOSITORY, env=environ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        wall_seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    return Run(
        wall_seconds=wall_seconds,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_mb=usage.ru_maxrss * _MAXRSS_UNIT / 1e6,
    )


def say(line: str) -> None:
    """Tell the person who waits what is being done."""
    print(line, file=sys.stderr, flush=True)


# -------------------------------------------------------------------------------------- in words


def write_table(compared: Comparison) -> str:
    """Return the comparison as a Markdown table: medians, with the least and the most."""
    rows = [
        ["", PUBLISHER, HUGO, f"{PUBLISHER} / {HUGO}"],
        ["---", "---:", "---:", "---:"],
    ]
    for unit, label, form in (
        ("wall_seconds", "seconds", ".2f"),
        ("cpu_seconds", "CPU seconds", ".2f"),
        ("peak_mb", "peak memory, MB", ".0f"),
    ):
        for case in CASES:
            ours, theirs = (compared.numbers(program, case, unit) for program in (PUBLISHER, HUGO))
            figures = [_spread(ours, form), _spread(theirs, form), _spread(_ratios(ours, theirs))]
            rows.append([f"{case}, {label}", *figures])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def write_shares(compared: Comparison) -> str:
    """Return what is left of publisher's own full build where less has changed, as a sentence."""
    full = compared.numbers(PUBLISHER, FULL, "wall_seconds")
    shares = [
        _spread(_ratios(compared.numbers(PUBLISHER, case, "wall_seconds"), full))
        for case in (UNCHANGED, ONE_POST)
    ]
    return (
        f"Of publisher's own full build, one without a change takes {shares[0]}, "
        f"one with one changed post {shares[1]}."
    )


def _ratios(ours: list[float], theirs: list[float]) -> list[float]:
    return [one / other for one, other in zip(ours, theirs, strict=True)]


def _spread(values: list[float], form: str = ".2f") -> str:
    least, most = format(min(values), form), format(max(values), form)
    return f"{median(values):{form}} [{least}–{most}]"  # noqa: RUF001 - a range, in type
