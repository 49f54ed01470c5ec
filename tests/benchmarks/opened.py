"""The goals of opening an edition, and whether what was measured meets them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from tests.benchmarks.bench_opening import DATABASES, LARGE, MANY, SMALL
from tests.benchmarks.verdict import Measure

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.benchmarks.bench_opening import Round

_NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def list_goals(rounds: Sequence[Round]) -> list[Measure]:
    """Return every goal of an opening with its figures, as far as they were measured."""
    return [goal for name in DATABASES for goal in _goals_of(name, rounds)]


def _goals_of(database: str, rounds: Sequence[Round]) -> Iterator[Measure]:
    here = {one.people: one for one in rounds if one.database == database}
    large, small = here.get(LARGE), here.get(SMALL)
    most = here.get(max((n for n in here if n >= MANY), default=0))

    def figures(one: Round | None, name: str, by: float = 1.0) -> list[float]:
        return [one.opened[name] * by] if one else []

    def peak(found: dict[str, Any] | None) -> list[float]:
        return [found["peak_mb"]] if found else []

    of = f"{_NAMES[database]}, {LARGE:,} subscribers"
    under = partial(Measure, is_strict=True)
    yield under(name=f"{of}, opening", goal=10, unit=" s", figures=figures(large, "seconds"))
    longest = figures(most, "longest", 1e3)
    any_of = f"{_NAMES[database]}, {most.people if most else LARGE:,} subscribers"
    yield under(name=f"{any_of}, longest transaction", goal=300, unit=" ms", figures=longest)
    yield Measure(
        name=f"{any_of}, rate of the last tenth, of the first",
        goal=0.95,
        at_least=True,
        figures=figures(most, "evenness"),
    )
    ratio = figures(most, "peak_mb", 1 / small.opened["peak_mb"]) if small else []
    yield Measure(
        name=f"{any_of}, peak memory, of that with {SMALL:,}",
        goal=1.15,
        figures=ratio,
    )
    served, worked = (large.served, large.worked) if large else (None, None)
    yield under(name=f"{of}, `publisher run`", goal=180, unit=" MB", figures=peak(served))
    if database == "postgresql":
        yield under(name=f"{of}, `publisher worker`", goal=110, unit=" MB", figures=peak(worked))
