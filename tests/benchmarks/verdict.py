"""The goals, and whether what was measured meets them."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from tests.benchmarks import serving
from tests.benchmarks.build import CASES, FULL, ONE_POST, UNCHANGED, as_table
from tests.benchmarks.programs import ELEVENTY, HUGO, PELICAN, PUBLISHER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tests.benchmarks.build import Comparison
    from tests.benchmarks.serving import Serving

LARGE, SMALL = 5000, 1000
"""The numbers of posts that the goals speak of."""
MET, FLOOR_MET, MISSED, UNKNOWN = "met", "goal missed, floor met", "**missed**", "not measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One measure: what was aimed at, the least that would do, and what came out."""

    name: str
    goal: float
    floor: float | None = None
    """Where it is more lenient than the goal."""
    figures: Sequence[float] = ()
    """One a turn; their median counts. None: not measured."""
    unit: str = ""
    at_least: bool = False
    """Whether more is better."""
    is_strict: bool = False
    """Whether the goal itself is not enough."""

    @property
    def verdict(self) -> str:
        """Whether the median meets the goal, else the floor."""
        if not self.figures:
            return UNKNOWN
        if self._meets(self.goal):
            return MET
        return FLOOR_MET if self.floor is not None and self._meets(self.floor) else MISSED

    def _meets(self, limit: float) -> bool:
        figure = median(self.figures)
        if figure == limit:
            return not self.is_strict
        return (figure > limit) is self.at_least

    def cells(self) -> list[str]:
        """Return the measure as a row of the table."""
        figure = self._spread() if self.figures else ""
        floor = "" if self.floor is None else self._limit(self.floor)
        return [self.name, self._limit(self.goal), floor, figure, self.verdict]

    def _limit(self, limit: float) -> str:
        words = (
            ("over" if self.is_strict else "at least")
            if self.at_least
            else ("under" if self.is_strict else "at most")
        )
        return f"{words} {limit:g}{self.unit}"

    def _spread(self) -> str:
        form = ".0f" if self.goal >= 100 else ".3f" if self.goal < 0.1 else ".2f"
        middle = f"{median(self.figures):{form}}{self.unit}"
        least, most = min(self.figures), max(self.figures)
        if len(self.figures) == 1:
            return middle
        return f"{middle} [{least:{form}}–{most:{form}}]"  # noqa: RUF001 - a range, in type


def list_measures(compared: Iterable[Comparison], served: Serving | None) -> list[Measure]:
    """Return every goal with its figures, as far as they were measured."""
    by_posts = {one.posts: one for one in compared}
    return [*_builds(by_posts.get(LARGE)), *_small(by_posts.get(SMALL)), *_served(served)]


def _builds(large: Comparison | None) -> Iterator[Measure]:
    def by(program: str, case: str) -> list[float]:
        if large is None or (program, case) not in large.runs:
            return []
        return large.ratios(program, case)

    posts = f"{LARGE:,} posts"
    hugo = HUGO.name
    yield Measure(
        name=f"{posts}, full build, of Hugo's time", goal=0.5, floor=0.7, figures=by(hugo, FULL)
    )
    yield Measure(
        name=f"{posts}, full build, of Pelican's time (a fifth is five times faster)",
        goal=0.2,
        figures=by(PELICAN.name, FULL),
    )
    yield Measure(
        name=f"{posts}, full build, of Eleventy's time",
        goal=1,
        is_strict=True,
        figures=by(ELEVENTY.name, FULL),
    )
    yield Measure(
        name=f"{posts}, no change, of Hugo's time",
        goal=0.05,
        floor=0.1,
        figures=by(hugo, UNCHANGED),
    )
    yield Measure(
        name=f"{posts}, one post changed, of our own full build",
        goal=0.1,
        figures=large.shares(ONE_POST) if large else [],
    )
    yield Measure(
        name=f"{posts}, peak memory of all processes, any case",
        goal=150,
        unit=" MB",
        is_strict=True,
        figures=[max(large.peak_mb(PUBLISHER.name, case) for case in CASES)] if large else [],
    )


def _small(small: Comparison | None) -> Iterator[Measure]:
    yield Measure(
        name=f"{SMALL:,} posts, no change",
        goal=0.5,
        unit=" s",
        is_strict=True,
        figures=small.numbers(PUBLISHER.name, UNCHANGED, "wall_seconds") if small else [],
    )


def _served(served: Serving | None) -> Iterator[Measure]:
    yield Measure(
        name="304 from our own server, of nginx's rate",
        goal=0.3,
        floor=0.2,
        at_least=True,
        figures=served.ratios(serving.UNCHANGED) if served else [],
    )


def write_verdict(measures: Iterable[Measure]) -> str:
    """Return the goals as a Markdown table."""
    rows = [["measure", "goal", "floor", "figure", ""], ["---", "---", "---", "---", "---"]]
    return as_table([*rows, *(measure.cells() for measure in measures)])
