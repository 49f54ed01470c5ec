"""What the benchmarks build is sound: the same posts each time, and posts that load."""

from __future__ import annotations

from typing import TYPE_CHECKING

from publisher import posts
from tests.benchmarks.build import (
    CASES,
    HUGO,
    PUBLISHER,
    Comparison,
    Run,
    write_shares,
    write_table,
)
from tests.benchmarks.generate import PARTS, make_post, write_sites

if TYPE_CHECKING:
    from pathlib import Path

SITE_ID = "0d3f6a52-6c1e-4b7a-9f0e-5a1c2b3d4e5f"


def test_generated_post_is_the_same_each_time() -> None:
    """A post depends on its number alone, so that runs on two days compare."""
    assert make_post(7) == make_post(7)
    assert make_post(7) != make_post(8)


def test_generated_posts_load_without_a_problem(tmp_path: Path) -> None:
    """Every post is one that publisher takes as it is, at about 6 kB, in series of 50."""
    sites = write_sites(tmp_path, PARTS + 5)

    scan = posts.scan(sites.publisher / "posts")
    sources = [posts.read(sites.publisher / "posts", found) for found in scan.found]
    parsed = [posts.parse(source, site_id=SITE_ID, zone="UTC") for source in sources]

    assert not scan.problems
    assert [post.part for post in parsed] == [*range(1, PARTS + 1), *range(1, 6)]
    assert 5_000 < sites.markdown_bytes / sites.posts < 7_000


def test_both_sites_have_the_same_texts_before_and_after_a_change(tmp_path: Path) -> None:
    """What is measured is two programs on one set of texts."""
    sites = write_sites(tmp_path, 3)
    ours, theirs = sites.publisher / "posts", sites.hugo / "content"

    sites.change_post(1)

    files = sorted(path.relative_to(ours) for path in ours.rglob("*.md"))
    assert len(files) == 3
    assert [(ours / file).read_bytes() for file in files] == [
        (theirs / file).read_bytes() for file in files
    ]
    assert "added in turn 1." in (ours / sites.changing).read_text("utf-8")


def test_ratio_is_taken_within_a_turn() -> None:
    """Ours was twice theirs in both turns, though one turn was ten times slower."""
    fast, slow = (
        Run(wall_seconds=seconds, cpu_seconds=seconds, peak_mb=100) for seconds in (1.0, 10.0)
    )
    double_fast, double_slow = (
        Run(wall_seconds=seconds, cpu_seconds=seconds, peak_mb=100) for seconds in (2.0, 20.0)
    )
    runs = {(PUBLISHER, case): [double_fast, double_slow] for case in CASES}
    runs |= {(HUGO, case): [fast, slow] for case in CASES}

    compared = Comparison(posts=1, markdown_bytes=1, runs=runs)

    table = write_table(compared).splitlines()
    assert table[2].endswith("| 2.00 [2.00–2.00] |")  # noqa: RUF001 - a range, in type
    assert "one with one changed post 1.00" in write_shares(compared)
