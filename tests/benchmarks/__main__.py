"""``python -m tests.benchmarks``: measures everything and writes ``docs/benchmarks.md``."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks import page, serving, stages
from tests.benchmarks.build import compare, say
from tests.benchmarks.programs import ALL, QUICK, REPOSITORY, install

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.build import Comparison
    from tests.benchmarks.programs import Program

PAGE = REPOSITORY / "docs" / "benchmarks.md"
_QUICK_POSTS = 200
_BRIEF = {
    "bench_opening": ("--subscribers", "10000", "200000"),
    "bench_courses": ("--readers", "20000"),
    "bench_people": ("--people", "100", "--rounds", "2"),
}


def main() -> int:
    """Measure, and write or print the page."""
    options = _read_options()
    # One folder, removed at the very end: where files were deleted just before, some file systems
    # look at each of their places before a new file gets another.
    try:
        with tempfile.TemporaryDirectory(prefix="publisher-bench-") as name:
            folder = Path(name)
            if options.profile:
                profile = stages.profile(folder, posts=max(options.posts))
                sys.stdout.write(page.write_profile(profile))
            elif options.quick:
                sys.stdout.write(_compare_quickly(folder, options))
            else:
                PAGE.write_text(_measure_all(folder, options), "utf-8")
                say(f"Written: {PAGE.relative_to(REPOSITORY)}")
    except RuntimeError as error:
        sys.exit(str(error))
    return 0


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--posts", type=int, nargs="+", default=[1000, 5000], metavar="N")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="turns that count")
    parser.add_argument("--warm-ups", type=int, default=1, metavar="N", help="turns before them")
    parser.add_argument(
        "--slow-rounds",
        type=int,
        default=2,
        metavar="N",
        help="turns of Pelican and Eleventy; 0 leaves them out",
    )
    parser.add_argument(
        "--seconds", type=int, default=3, metavar="N", help="a turn of asking a server"
    )
    parser.add_argument(
        "--brief",
        action="store_true",
        help="fewer people in the benchmarks of opening, courses, coming and leaving",
    )
    parser.add_argument(
        "--quick", action="store_true", help="200 posts, one turn; prints and writes nothing"
    )
    parser.add_argument(
        "--profile", action="store_true", help="print where the time of our full build goes"
    )
    return parser.parse_args()


def _compare_quickly(folder: Path, options: argparse.Namespace) -> str:
    options.posts, options.rounds, options.warm_ups, options.slow_rounds = [_QUICK_POSTS], 1, 0, 0
    load = page.read_load()
    compared = _compare(folder, QUICK, options)
    return "\n".join(
        [page.begin(compared, None, QUICK, load), page.write_build(compared, options)]
    )


def _measure_all(folder: Path, options: argparse.Namespace) -> str:
    load = page.read_load()
    programs = ALL if options.slow_rounds else QUICK
    compared = _compare(folder, programs, options)
    say("where the time goes")
    profile = stages.profile(_make(folder / "stages"), posts=max(options.posts))
    served = serving.serve(
        _make(folder / "served"), rounds=options.rounds, seconds=options.seconds
    )
    return "\n".join(
        [
            page.begin(compared, served, programs, load),
            page.write_build(compared, options),
            page.write_profile(profile),
            page.write_serving(served, options),
            *_run_others(brief=options.brief),
            page.write_repeat(options),
        ]
    )


def _compare(
    folder: Path, programs: Sequence[Program], options: argparse.Namespace
) -> list[Comparison]:
    for program in programs:
        install(program)
    return [
        compare(
            _make(folder / str(posts)),
            posts,
            programs,
            rounds=options.rounds,
            warm_ups=options.warm_ups,
            slow_rounds=options.slow_rounds,
        )
        for posts in options.posts
    ]


def _make(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _run_others(*, brief: bool) -> list[str]:
    """Run the benchmarks beside this one, and return what each printed."""
    sections = []
    for name, beginning in page.OTHERS:
        say(name)
        smaller = _BRIEF.get(name, ()) if brief else ()
        command = [sys.executable, "-m", f"tests.benchmarks.{name}", *smaller]
        ran = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
        sections.append(f"{beginning}\n{_as_block(ran.stdout.strip())}\n")
    return sections


def _as_block(printed: str) -> str:
    """Return Markdown as it is, and lines that are none as they were printed."""
    return printed if "| --" in printed else f"```text\n{printed}\n```"


if __name__ == "__main__":
    sys.exit(main())
