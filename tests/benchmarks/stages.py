"""Where the time of our build goes: ``python -m tests.benchmarks.stages CONFIG`` builds and tells.

The whole command runs in this process, with a stopwatch around the functions that do the work of
each stage. Time counts for the innermost stage that is open, so no second is counted twice. The
marks are kept in memory that forked workers share, so what they do is counted too, apart.
"""

from __future__ import annotations

import functools
import importlib
import json
import mmap
import os
import pkgutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import publisher
from tests.benchmarks.build import as_table
from tests.benchmarks.programs import PUBLISHER, REPOSITORY
from tests.benchmarks.sites import write_sites

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import ModuleType

STAGES: Final = {
    "find the files and look whether they changed": (
        "publisher.posts.scanning:scan",
        "publisher.posts.scanning:outline",
        "publisher.publishing.memory:look_at",
    ),
    "read them": ("publisher.posts.files:read",),
    "parse them: front matter, checks": ("publisher.posts.reading:parse_all",),
    "Markdown to HTML, sanitised": ("publisher.posts.reading:render_all",),
    "decide what is published": ("publisher.editorial.catalog:decide_catalog",),
    "list every file, with digests of what it is made from": (
        "publisher.publishing.outputs:list_outputs",
    ),
    "pages: templates": ("publisher.pages.templating:Templates.render",),
    "pages: the text made ready": (
        "publisher.pages.markup:dress_body",
        "publisher.pages.markup:list_notes",
    ),
    "feeds: described": (
        "publisher.feeds.describe:site_feed",
        "publisher.feeds.describe:series_feed",
        "publisher.feeds.describe:tag_feed",
        "publisher.feeds.history:cut_archives",
    ),
    "feeds: addresses made absolute": ("publisher.feeds.markup:absolute_html",),
    "feeds: entries in Atom and RSS, through feedgen": ("publisher.feeds.xml_formats:plate_xml",),
    "feeds: entries in JSON Feed": ("publisher.feeds.json_format:plate_json",),
    "feeds: entries joined": ("publisher.feeds:write",),
    "compress: Brotli": ("brotli:compress",),
    "compress: gzip": ("publisher.renditions:gzip",),
    "write files": (
        "publisher.site.files:Batch.write",
        "publisher.site.files:Batch.put_in_place",
        "publisher.site.files:remove",
        "publisher.site.files:sweep",
    ),
    "wait for the disk": ("os:fsync", "os:sync"),
    "database": (
        "publisher.store.posts:pin",
        "publisher.store.posts:load_record",
        "publisher.store.posts:keep_series",
        "publisher.store.editions:read_public",
        "publisher.store:Store.prepare",
        "sqlalchemy.engine.default:DefaultDialect.do_execute",
        "sqlalchemy.engine.default:DefaultDialect.do_executemany",
        "sqlalchemy.engine.default:DefaultDialect.do_commit",
    ),
    "memory of the build": (
        "publisher.publishing.memory:load_memory",
        "publisher.publishing.memory:dump_memory",
        "publisher.publishing.memory:Memory.details",
    ),
}
"""Each stage with the functions that do its work, as ``module:name``."""
OUTSIDE: Final = (
    "write files",
    "compress: gzip",
    "compress: Brotli",
    "wait for the disk",
    "database",
)
"""The stages in which hardly any Python runs."""
REST: Final = "everything else"

_PROCESSES = 64
_WIDTH = 2 * (len(STAGES) + 1)
"""Numbers a process keeps: seconds and calls of each stage and of the rest."""


class Stopwatch:
    """Seconds and calls a stage, of this process and of those it forks."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._shared = mmap.mmap(-1, 8 * _WIDTH * _PROCESSES)
        self._cells = memoryview(self._shared).cast("d")
        self._forks = 0
        self._row = 0
        self._open = threading.local()
        os.register_at_fork(before=self._count_fork, after_in_child=self._move)

    def _count_fork(self) -> None:
        self._forks += 1

    def _move(self) -> None:
        """Count in a row of its own from here on: this is a child."""
        self._row = self._forks
        self._open = threading.local()

    def wrap(self, function: Callable[..., Any], stage: int) -> Callable[..., Any]:
        """Return the function with its time and calls counted for the stage."""

        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            stages, marks = self._thread()
            now = self._clock()
            if stages:
                self._add(stages[-1], now - marks[0], 0)
            stages.append(stage)
            marks[0] = now
            try:
                return function(*args, **kwargs)
            finally:
                now = self._clock()
                self._add(stages.pop(), now - marks[0], 1)
                marks[0] = now

        return timed

    def _thread(self) -> tuple[list[int], list[float]]:
        """Return the stages that are open in this thread, and since when the innermost runs."""
        if not hasattr(self._open, "stages"):
            self._open.stages, self._open.marks = [], [0.0]
        return self._open.stages, self._open.marks

    def _add(self, stage: int, seconds: float, calls: int) -> None:
        at = self._row * _WIDTH + 2 * stage
        self._cells[at] += seconds
        self._cells[at + 1] += calls

    def rows(self) -> Iterator[list[tuple[float, int]]]:
        """Yield the seconds and calls of every stage, of this process and then of each fork."""
        for row in range(self._forks + 1):
            cells = self._cells[row * _WIDTH : (row + 1) * _WIDTH]
            yield [(cells[at], int(cells[at + 1])) for at in range(0, _WIDTH, 2)]


def attach(stopwatch: Stopwatch) -> None:
    """Put the stopwatch around every function of ``STAGES``, wherever it was imported to.

    Raises AttributeError where one is not there any more.
    """
    modules = [importlib.import_module(name) for name in _module_names()]
    for stage, names in enumerate(STAGES.values()):
        for name in names:
            owner, attribute = find(name)
            original = getattr(owner, attribute)
            timed = stopwatch.wrap(original, stage)
            setattr(owner, attribute, timed)
            for module in modules:
                for key in [key for key, value in vars(module).items() if value is original]:
                    setattr(module, key, timed)


def find(name: str) -> tuple[ModuleType | type, str]:
    """Return what holds the function of this name, and its name there."""
    module, _, path = name.partition(":")
    owner: Any = importlib.import_module(module)
    *classes, attribute = path.split(".")
    for one in classes:
        owner = getattr(owner, one)
    getattr(owner, attribute)
    return owner, attribute


def _module_names() -> list[str]:
    found = pkgutil.walk_packages(publisher.__path__, "publisher.")
    # Alembic alone can load a migration.
    return [
        one.name
        for one in found
        if not one.name.endswith("__main__") and ".migrations" not in one.name
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What one stage took."""

    name: str
    seconds: float
    """In the process that was started."""
    worker_seconds: float
    """In those it forked, together."""
    calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Where the time of one full build went."""

    posts: int
    wall_seconds: float
    workers: int
    stages: list[Stage]
    """The longest first; the last is what none of them explains."""


def profile(folder: Path, posts: int) -> Profile:
    """Build that many posts in a process of its own; raises RuntimeError where that fails."""
    site = write_sites(folder, posts, [PUBLISHER]).folders[PUBLISHER.name]
    command = [sys.executable, "-m", __name__, str(site / "config.toml")]
    ran = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}\n{ran.stderr}")
    told = json.loads(ran.stdout)
    taken = [Stage(name=name, **one) for name, one in told["stages"].items()]
    taken.sort(key=lambda one: -one.seconds - one.worker_seconds)
    rest = told["wall_seconds"] - sum(one.seconds for one in taken)
    return Profile(
        posts=posts,
        wall_seconds=told["wall_seconds"],
        workers=told["workers"],
        stages=[*taken, Stage(name=REST, seconds=rest, worker_seconds=0, calls=0)],
    )


def write_stages(profile: Profile) -> str:
    """Return the stages as a Markdown table; what workers did stands apart where there are any."""
    forked = profile.workers > 0
    rows = [
        ["stage", "seconds", "of all", *(["in workers, seconds"] if forked else []), "calls"],
        ["---", "---:", "---:", *(["---:"] if forked else []), "---:"],
    ]
    for one in profile.stages:
        share = f"{one.seconds / profile.wall_seconds:.0%}"
        workers = [f"{one.worker_seconds:.2f}"] if forked else []
        calls = f"{one.calls:,}" if one.calls else ""
        rows.append([one.name, f"{one.seconds:.2f}", share, *workers, calls])
    workers = [f"{sum(one.worker_seconds for one in profile.stages):.2f}"] if forked else []
    rows.append(["all", f"{profile.wall_seconds:.2f}", "", *workers, ""])
    return as_table(rows)


def write_outside(profile: Profile) -> str:
    """Return how much of the time no Python of ours could give back, as a sentence."""
    outside = [one for one in profile.stages if one.name in OUTSIDE]
    theirs = sum(one.seconds + one.worker_seconds for one in outside)
    every = profile.wall_seconds + sum(one.worker_seconds for one in profile.stages)
    return (
        f"In files, compression, the disk and the database hardly any Python runs: they are "
        f"{theirs:.1f} of the {every:.1f} seconds that all processes worked or waited."
    )


def main() -> int:
    """Build the site of this configuration, and print where the time went as JSON."""
    stopwatch = Stopwatch()
    attach(stopwatch)
    from publisher.cli import main as run  # noqa: PLC0415 - its parts are timed from here on

    started = time.perf_counter()
    sys.argv = ["publisher", "--config", sys.argv[1], "--quiet", "build"]
    try:
        run()
    except SystemExit as ended:
        if ended.code:
            raise
    wall_seconds = time.perf_counter() - started
    ours, *workers = stopwatch.rows()
    said = {
        "wall_seconds": wall_seconds,
        "stages": {
            name: {
                "seconds": ours[at][0],
                "calls": ours[at][1] + sum(worker[at][1] for worker in workers),
                "worker_seconds": sum(worker[at][0] for worker in workers),
            }
            for at, name in enumerate(STAGES)
        },
        "workers": len(workers),
    }
    print(json.dumps(said))
    return 0


if __name__ == "__main__":
    sys.exit(main())
