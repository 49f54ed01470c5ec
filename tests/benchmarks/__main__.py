"""``python -m tests.benchmarks``: measures everything and writes ``docs/benchmarks.md``."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from publisher import __version__
from tests.benchmarks.build import REPOSITORY, Comparison, compare, say, write_shares, write_table

PAGE = REPOSITORY / "docs" / "benchmarks.md"

_BEGINNING = """\
# Benchmarks

`make bench` measures what stands here and writes this page. It was written on {date},
from publisher {version}.

- The machine: {machine}.
- Python {python}; {hugo}.

Numbers are medians, with the least and the most in brackets. The machine does other things too, so
trust the ratios before the seconds, and a ratio only within its own table: each is taken from runs
that followed one another, and its median is the median of those.
"""

_BUILD = """\
## Building a site

The same posts are built by publisher and by [Hugo](https://gohugo.io), which is written in Go and
known for its speed. A small program makes the posts from a seed: Markdown of about 6 kB each with
headings, lists, links, emphasis, a table in every fourth and a footnote in every third, in series
of 50 parts, three tags to each. Both sites have a page for every post, with its neighbours and a
list of the parts around it, a page for every series and tag, a first page, an archive and a
sitemap. The site, every series and every tag have a feed of the newest 30 posts with their whole
text: Hugo writes it as RSS; publisher as RSS, Atom and JSON Feed, each also compressed twice.
Hugo's templates are in `tests/benchmarks/hugo_site/`; there is no theme.

Each number is one whole command, from its start to its end, as you would type it:
`publisher build` and `hugo`. The two take turns: {rounds} that count, after {warm_ups} to warm up, and the
one that goes first changes from turn to turn.

- **full**: nothing is there but the posts and the templates. publisher also makes its database and
  keeps each post's source in it.
- **no change**: the command again. publisher sees that nothing changed and writes nothing; Hugo
  builds everything again, as it always does.
- **one post changed**: a sentence was added to one post.

**Seconds** is what you wait; **CPU seconds** is what all processors did meanwhile: Hugo works on all
of them at once, publisher on one. **Peak memory** is the most that was held at one moment.
"""

_LIMITS = """\
What this does not say: how either program does with images, with a theme, or on a cold disk (the
posts were read before, so they come from memory). Generated posts are more alike than real ones.
"""

_MARKDOWN = """\
## The Markdown engine

The engine that turns Markdown into HTML decides what a full build costs at the least.
"""

_MAIL = """\
## One mail

A letter is compiled once; a mail is its pieces joined around what belongs to one reader. This is
what that takes, without sending.
"""


def main() -> int:
    """Measure, and write or print the page."""
    options = _read_options()
    if shutil.which("hugo") is None:
        sys.exit("Hugo is not installed. Type:  sudo apt-get install hugo")
    posts, rounds, warm_ups = (
        ([200], 1, 0) if options.quick else (options.posts, options.rounds, options.warm_ups)
    )
    compared = []
    for number in posts:
        with tempfile.TemporaryDirectory(prefix="publisher-bench-") as folder:
            compared.append(
                compare(Path(folder), number, rounds=rounds, warm_ups=warm_ups),
            )
    sections = [_begin(), _write_build(compared, rounds, warm_ups)]
    if not options.quick:
        sections += _run_others()
        sections.append(_write_repeat(posts, rounds))
    page = "\n".join(sections)
    if options.quick:
        sys.stdout.write(page)
    else:
        PAGE.write_text(page, "utf-8")
        say(f"Written: {PAGE.relative_to(REPOSITORY)}")
    return 0


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--posts", type=int, nargs="+", default=[1000, 5000], metavar="N")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="turns that count")
    parser.add_argument("--warm-ups", type=int, default=1, metavar="N", help="turns before them")
    parser.add_argument(
        "--quick", action="store_true", help="200 posts, one turn; prints and writes nothing"
    )
    return parser.parse_args()


def _begin() -> str:
    return _BEGINNING.format(
        date=time.strftime("%-d %B %Y"),
        version=__version__,
        machine=_describe_machine(),
        python=platform.python_version(),
        hugo=_hugo_version(),
    )


def _describe_machine() -> str:
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [
            line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0].partition(":")[2].strip() if names else model
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return (
        f"{os.cpu_count()} processors ({model}, {platform.machine()}), {gigabytes:.0f} GB of "
        f"memory, {platform.system()}"
    )


def _hugo_version() -> str:
    told = subprocess.run(["hugo", "version"], capture_output=True, text=True, check=True)
    return (
        " ".join(told.stdout.split()[:2]).replace("hugo", "Hugo").replace("+", " ").split("-")[0]
    )


def _write_build(compared: list[Comparison], rounds: int, warm_ups: int) -> str:
    parts = [_BUILD.format(rounds=rounds, warm_ups=warm_ups)]
    for one in compared:
        parts.append(f"### {one.posts:,} posts, {one.markdown_bytes / 1e6:.1f} MB of Markdown\n")
        parts.append(f"{write_table(one)}\n\n{write_shares(one)}\n")
    return "\n".join([*parts, _LIMITS])


def _run_others() -> list[str]:
    """Run the benchmarks beside this one that are there, and return what each printed."""
    sections = []
    for name, beginning in (("bench_markdown", _MARKDOWN), ("bench_mail", _MAIL)):
        module = f"tests.benchmarks.{name}"
        if find_spec(module) is None:
            continue
        say(name)
        command = [sys.executable, "-m", module]
        ran = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
        sections.append(f"{beginning}\n{_as_block(ran.stdout.strip())}\n")
    return sections


def _as_block(printed: str) -> str:
    """Return Markdown as it is, and lines that are none as they were printed."""
    return printed if "| --" in printed else f"```text\n{printed}\n```"


def _write_repeat(posts: list[int], rounds: int) -> str:
    words = f"--posts {' '.join(map(str, posts))} --rounds {rounds}"
    return (
        "## To repeat it\n\n"
        "`make bench` installs Hugo where it is missing (with apt), measures and writes this page;\n"
        "that takes some minutes. What it ran here:\n\n"
        f"```sh\n.venv/bin/python -m tests.benchmarks {words}\n```\n\n"
        "`--quick` builds 200 posts once and prints the result. Everything is made in a temporary\n"
        "directory and removed.\n"
    )


if __name__ == "__main__":
    sys.exit(main())
