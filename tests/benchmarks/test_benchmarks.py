"""What the benchmarks build is sound: the same posts each time, sums that are right, goals kept."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from publisher import posts
from tests.benchmarks.bench_opening import Round
from tests.benchmarks.build import (
    CASES,
    Comparison,
    Run,
    check,
    measure,
    write_full_builds,
    write_shares,
    write_table,
)
from tests.benchmarks.generate import PARTS, make_post
from tests.benchmarks.memory import Watch
from tests.benchmarks.opened import list_goals
from tests.benchmarks.programs import ALL, HUGO, PELICAN, PUBLISHER, REPOSITORY
from tests.benchmarks.sites import write_sites
from tests.benchmarks.stages import (
    OUTSIDE,
    STAGES,
    Profile,
    Stage,
    find,
    profile,
    write_outside,
    write_stages,
)
from tests.benchmarks.verdict import FLOOR_MET, MET, MISSED, UNKNOWN, Measure, list_measures

if TYPE_CHECKING:
    from pathlib import Path

SITE_ID = "0d3f6a52-6c1e-4b7a-9f0e-5a1c2b3d4e5f"


def make_comparison(*runs: tuple[float, float], posts: int = 1) -> Comparison:
    """Return a comparison with these seconds of publisher and Hugo, a pair a turn."""
    programs = (PUBLISHER.name, HUGO.name)
    return Comparison(
        posts=posts,
        markdown_bytes=1,
        runs={
            (program, case): [
                Run(wall_seconds=pair[at], cpu_seconds=pair[at], peak_mb=100) for pair in runs
            ]
            for at, program in enumerate(programs)
            for case in CASES
        },
        watched={
            (program, case): Run(wall_seconds=99, cpu_seconds=99, peak_mb=160)
            for program in programs
            for case in CASES
        },
    )


# ------------------------------------------------------------------------------------- the posts


def test_generated_post_is_the_same_each_time() -> None:
    """A post depends on its number alone, so that runs on two days compare."""
    assert make_post(7) == make_post(7)
    assert make_post(7) != make_post(8)


def test_generated_posts_load_without_a_problem(tmp_path: Path) -> None:
    """Every post is one that publisher takes as it is, at about 6 kB, in series of 50."""
    sites = write_sites(tmp_path, PARTS + 5, [PUBLISHER])
    folder = sites.texts(PUBLISHER)

    scan = posts.scan(folder)
    sources = [posts.read(folder, found) for found in scan.found]
    parsed = [posts.parse(source, site_id=SITE_ID, zone="UTC") for source in sources]

    assert not scan.problems
    assert [post.part for post in parsed] == [*range(1, PARTS + 1), *range(1, 6)]
    assert 5_000 < sites.markdown_bytes / sites.posts < 7_000


def test_all_sites_have_the_same_texts_before_and_after_a_change(tmp_path: Path) -> None:
    """What is measured is four programs on one set of texts; only Pelican's keys look otherwise."""
    sites = write_sites(tmp_path, 3, ALL)

    sites.change_post(ALL, 1)

    files = sorted(
        path.relative_to(sites.texts(HUGO)) for path in sites.texts(HUGO).rglob("*-*.md")
    )
    assert len(files) == 3
    for program in ALL:
        for file in files:
            ours, theirs = (
                (sites.texts(one) / file).read_text("utf-8").split("---\n", 2)
                for one in (PUBLISHER, program)
            )
            assert ours[2] == theirs[2]
            assert (ours[1] == theirs[1]) is (program is not PELICAN)
        assert "added in turn 1." in (sites.texts(program) / sites.changing).read_text("utf-8")


def test_pelican_gets_front_matter_as_it_reads_it(tmp_path: Path) -> None:
    """Its reader would keep quotation marks and brackets as part of a title or a tag."""
    sites = write_sites(tmp_path, 1, [PELICAN])

    front = (sites.texts(PELICAN) / sites.changing).read_text("utf-8").split("---\n")[1]

    assert [line.partition(": ")[0] for line in front.splitlines()] == [
        "title", "date", "summary", "tags", "part",
    ]  # fmt: skip
    assert not set('"[]') & set(front)


# -------------------------------------------------------------------------------------- the sums


def test_ratio_is_taken_within_a_turn() -> None:
    """Ours was twice theirs in both turns, though one turn was ten times slower."""
    compared = make_comparison((2.0, 1.0), (20.0, 10.0))

    assert write_table(compared).splitlines()[2].endswith("| 2.00 [2.00–2.00] |")  # noqa: RUF001 - a range, in type
    assert "one with one changed post 1.00" in write_shares(compared)


def test_slow_program_is_compared_with_the_turns_it_took_part_in() -> None:
    """Pelican ran in the first turn only, so it is set beside our run of that turn."""
    compared = make_comparison((2.0, 1.0), (20.0, 10.0))
    compared.runs[PELICAN.name, "full"] = [Run(wall_seconds=8, cpu_seconds=8, peak_mb=50)]

    row = write_full_builds(compared).splitlines()[-1]

    assert compared.ratios(PELICAN.name, "full") == [0.25]
    assert row.startswith("| Pelican | 8.00 ") and row.endswith("| 1 |")


def test_peak_memory_is_the_greater_of_the_two_numbers() -> None:
    """The largest process's own peak cannot hide what all processes hold together."""
    compared = make_comparison((1.0, 1.0))

    assert compared.peak_mb(PUBLISHER.name, "full") == 160
    assert compared.watched[PUBLISHER.name, "full"].wall_seconds not in compared.numbers(
        PUBLISHER.name, "full", "wall_seconds"
    )


@pytest.mark.parametrize(
    ("measure", "verdict"),
    [
        (Measure(name="", goal=0.5, floor=0.7, figures=[0.5]), MET),
        (Measure(name="", goal=0.5, floor=0.7, figures=[0.1, 0.6, 0.9]), FLOOR_MET),
        (Measure(name="", goal=0.5, floor=0.7, figures=[0.71]), MISSED),
        (Measure(name="", goal=0.1, figures=[0.11]), MISSED),
        (Measure(name="", goal=1, figures=[1], is_strict=True), MISSED),
        (Measure(name="", goal=0.3, floor=0.2, figures=[0.4], at_least=True), MET),
        (Measure(name="", goal=0.3, floor=0.2, figures=[0.2], at_least=True), FLOOR_MET),
        (Measure(name="", goal=0.3, floor=0.2, figures=[0.1], at_least=True), MISSED),
        (Measure(name="", goal=0.5), UNKNOWN),
    ],
)
def test_verdict_follows_from_the_median(measure: Measure, verdict: str) -> None:
    """A goal is met, or its floor is, or it is missed; what was not measured is not met."""
    assert measure.verdict == verdict
    assert measure.cells()[-1] == verdict


def test_goals_speak_of_the_runs_with_their_number_of_posts() -> None:
    """A quick run of other sizes leaves every goal open rather than meeting it."""
    small, large = (
        make_comparison((0.4, 2.0), posts=1000),
        make_comparison((4.0, 10.0), posts=5000),
    )

    verdicts = {one.name: one.verdict for one in list_measures([small, large], None)}

    assert verdicts["5,000 posts, full build, of Hugo's time"] == MET
    assert verdicts["5,000 posts, no change, of Hugo's time"] == MISSED
    assert verdicts["5,000 posts, peak memory of all processes, any case"] == MISSED
    assert verdicts["1,000 posts, no change"] == MET
    assert verdicts["304 from our own server, of nginx's rate"] == UNKNOWN
    assert {one.verdict for one in list_measures([make_comparison((1.0, 1.0))], None)} == {UNKNOWN}


def test_goals_of_opening_speak_of_a_million() -> None:
    """Of fewer people only what does not grow with them is judged; the worker is PostgreSQL's."""
    opened = {"seconds": 9.0, "longest": 0.4, "evenness": 0.96, "peak_mb": 100.0}
    served, worked = {"peak_mb": 190.0}, {"peak_mb": 90.0}
    small, large, million = (
        Round("postgresql", people, opened, {}, served, worked)
        for people in (10_000, 200_000, 1_000_000)
    )

    brief = [one.verdict for one in list_goals([small, large])[5:]]
    whole = [one.verdict for one in list_goals([small, million])]

    assert brief == [UNKNOWN, MISSED, MET, MET, UNKNOWN, UNKNOWN]
    assert whole == [UNKNOWN] * 5 + [MET, MISSED, MET, MET, MISSED, MET]


# ---------------------------------------------------------------------------------- the measuring


def test_site_that_lacks_something_is_no_result(tmp_path: Path) -> None:
    """A build that leaves out a page, or a feed, or its text, would be a fast one."""
    sites = write_sites(tmp_path, 3, [PUBLISHER])
    site = sites.folders[PUBLISHER.name]
    measure(PUBLISHER.command(site), site)
    check(sites, PUBLISHER)

    with pytest.raises(RuntimeError, match="the old one"):
        check(sites, PUBLISHER, "a sentence that was never added")
    feed = site / "public" / "series-001" / "feed.rss"
    feed.write_bytes(feed.read_bytes()[:500] + b"<item>")
    with pytest.raises(RuntimeError, match=r"feed\.rss is not whole"):
        check(sites, PUBLISHER)
    feed.unlink()
    with pytest.raises(RuntimeError, match=r"feed\.rss is missing"):
        check(sites, PUBLISHER)
    next(site.glob("public/series-001/*/index.html")).unlink()
    with pytest.raises(RuntimeError, match="2 pages for 3 posts"):
        check(sites, PUBLISHER)


def test_memory_of_children_is_counted() -> None:
    """Two processes of 60 MB each are no smaller than one of 120, whatever each of them says."""
    hold = "held = bytearray(b'x') * 60_000_000; import time; time.sleep(0.4)"
    other = f"import subprocess, sys; other = subprocess.Popen([sys.executable, '-c', {hold!r}])"

    peaks = []
    for script in (hold, f"{other}; {hold}; sys.exit(other.wait())"):
        with (
            subprocess.Popen([sys.executable, "-c", script]) as process,
            Watch(process.pid) as seen,
        ):
            assert process.wait() == 0
        peaks.append(seen.peak_mb)

    assert 60 < peaks[0] < 110
    assert 120 < peaks[1] < 200


def test_command_that_fails_is_no_result(tmp_path: Path) -> None:
    """An error is quick, and says nothing of speed."""
    with pytest.raises(RuntimeError, match="ended with 3"):
        measure([sys.executable, "-c", "raise SystemExit(3)"], tmp_path)


def test_stages_name_functions_that_are_there() -> None:
    """A function that was renamed would leave its time unexplained."""
    for names in STAGES.values():
        for name in names:
            owner, attribute = find(name)
            assert callable(getattr(owner, attribute)), name


_NESTED = """
import json, os
from tests.benchmarks.stages import Stopwatch

now = [100.0]

def spend(seconds):
    now[0] += seconds

stopwatch = Stopwatch(clock=lambda: now[0])
inner = stopwatch.wrap(lambda: spend(5), 1)

def work():
    spend(2)
    inner()
    spend(1)

stopwatch.wrap(work, 0)()
worker = os.fork()
if worker == 0:
    inner()
    inner()
    os._exit(0)
os.waitpid(worker, 0)
print(json.dumps([row[:2] for row in stopwatch.rows()]))
"""


def test_stopwatch_counts_a_second_once_and_a_fork_apart() -> None:
    """Time belongs to the innermost stage; what a worker does is not lost."""
    command = [sys.executable, "-c", _NESTED]

    ran = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)

    ours, worker = json.loads(ran.stdout)
    assert ours == [[3, 1], [5, 1]]
    assert worker == [[0, 0], [10, 2]]


def test_profile_explains_where_the_time_of_a_build_goes(tmp_path: Path) -> None:
    """The stages and the rest come to the whole, and the work of each was seen."""
    told = profile(tmp_path, 100)

    seconds = {stage.name: stage.seconds for stage in told.stages}
    assert sum(seconds.values()) == pytest.approx(told.wall_seconds)
    assert all(stage.calls for stage in told.stages[:-1])
    assert seconds["everything else"] < told.wall_seconds / 2
    assert "| pages: templates |" in write_stages(told)


def test_profile_tells_what_no_python_could_give_back() -> None:
    """The files, the compression and the database of all processes, of all their time."""
    stages = [
        Stage(name="write files", seconds=1.0, worker_seconds=2.0, calls=1),
        Stage(name="pages: templates", seconds=3.0, worker_seconds=4.0, calls=1),
    ]
    told = Profile(posts=1, wall_seconds=5.0, workers=1, stages=stages)

    assert "they are 3.0 of the 11.0 seconds" in write_outside(told)
    assert set(OUTSIDE) <= set(STAGES)
