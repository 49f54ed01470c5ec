"""The page ``docs/benchmarks.md``: what was measured, how, and what it says of the goals."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path
from typing import TYPE_CHECKING

from publisher import __version__
from tests.benchmarks import serving
from tests.benchmarks.build import write_full_builds, write_shares, write_table
from tests.benchmarks.programs import version
from tests.benchmarks.stages import write_outside, write_stages
from tests.benchmarks.verdict import list_measures, write_verdict

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from tests.benchmarks.build import Comparison
    from tests.benchmarks.programs import Program
    from tests.benchmarks.serving import Serving
    from tests.benchmarks.stages import Profile

_BEGINNING = """\
# Benchmarks

`make bench` measures what stands here and writes this page. It was written on {date},
from publisher {version}.

{verdict}

Whether a goal is met is computed from the median of the turns; a floor is the least that would do.

- The machine: {machine}.
- It does other things too: {load}.
- Python {python}; {programs}.

Numbers are medians, with the least and the most in brackets. Trust the ratios before the seconds, and
a ratio only within its own table: each is taken from runs that followed one another, and its median
is the median of those.
"""

_BUILD = """\
## Building a site

The same posts are built by publisher, by [Hugo](https://gohugo.io), which is written in Go and known
for its speed, by [Pelican](https://getpelican.com), which is written in Python as we are, and by
[Eleventy](https://www.11ty.dev), which is written in JavaScript. A small program makes the posts from
a seed: Markdown of about 6 kB each with headings, lists, links, emphasis, a table in every fourth and
a footnote in every third, in series of 50 parts, three tags to each. Every site has a page for every
post, with its neighbours and a list of the parts around it, a page for every series and tag, a first
page, an archive and a sitemap. The site, every series and every tag have a feed of the newest 30
posts with their whole text: the others write it as RSS; publisher as RSS, Atom and JSON Feed, each
also compressed twice. After every build the pages are counted and every feed is looked into.

The templates of the others are in `tests/benchmarks/` (`hugo_site/`, `pelican_site/`,
`eleventy_site/`); there is no theme. Each converts Markdown as it comes; Eleventy gets the plugin it
needs for footnotes, and is told not to look for templates in the posts. Ours alone checks the posts,
sanitises their HTML and makes addresses in feeds absolute. Hugo comes from Debian; the other two are
installed with `pip` and `npm` at the versions named in their folders, Eleventy's own dependencies at
whatever it asks for.

Each number is one whole command, from its start to its end, as you would type it:
`publisher build`, `hugo`, `pelican`, `eleventy`, publisher's modules compiled before, as pip compiles
them where it installs them. They take turns: {rounds} that count, after {warm_ups} to
warm up, and the one that goes first changes from turn to turn. Pelican and Eleventy are slow and
always build everything, so only their full build is measured, and in fewer turns: {slow_rounds}.

- **full**: nothing is there but the posts and the templates. publisher also makes its database and
  keeps each post's source in it.
- **no change**: the command again. publisher sees that nothing changed and writes nothing; Hugo
  builds everything again, as it always does.
- **one post changed**: a sentence was added to one post.

**Seconds** is what you wait; **CPU seconds** is what all processors did meanwhile, for a command and
its children. **Peak memory** is the most that was held at one moment: the greater of two numbers, the
largest process's resident set as the system keeps it, over all turns, and, for publisher and Hugo in
one turn more that does not count for time, the proportional sets (PSS) of all processes together,
looked at every 20 ms. Pelican and Eleventy are one process each, so the first number is the whole.
"""

_LIMITS = """\
What this does not say: how any program does with images, with a theme, or on a cold disk (the
posts were read before, so they come from memory). Generated posts are more alike than real ones.
"""

_STAGES = """\
### Where the time of a full build goes

One full build of {posts:,} posts with a stopwatch around what does the work (`python -m
tests.benchmarks --profile`), apart from the turns above. It begins when Python and the libraries are
loaded. A second counts for the innermost stage only; waiting for a processor that others use counts
too.
"""

_SERVING = """\
## Answering feed readers

Nine requests of ten to a feed ask whether anything is new; the answer is 304 and no body. The same
feed ({octets}, compressed before) is served from the same folder by `publisher run`, as anybody
starts it, and by {nginx} with the server of `docs/deploy/nginx.conf`, one worker process and no log
of accesses; only the lines that name a machine are changed. `wrk` asks over loopback, {connections}
connections kept alive, one thread: {rounds} turns of {seconds} s for each kind and server, the one that goes
first changing. Every answer is checked by its size, and none may fail. `wrk` works on the same
processors.
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

_OPENING = """\
## Opening an edition

At its slot an edition gets a row for every reader and a receipt for each of their posts, in
transactions of 10,000 people: here three posts, two of them of a series that one reader of twenty
declined, and one reader of a hundred who must not be mailed. A transaction is timed from its turn to
the end of its commit, flushed to the disk. **Processor** is what our own process worked; PostgreSQL's
own processes come on top. Then it is opened again while another process adds one person after another.
**`publisher run`** is the memory of the service itself, which opened an edition of a site like this one
at its slot; **`publisher worker`** that of a process that sent twenty chunks of the open one, 1,000
mails each. **Rate** is that of the last tenth of the batches of people, of that of the first: whether
it grows slower as the tables grow; of fewer than 100,000 people there are too few.
"""

_COURSES = """\
## Opening the courses of a morning

Readers on a course of one series of eight parts, at two paces, who have none to six of them: one
edition of fourteen letters, opened as above. Whose turn it is is counted first, so everybody is looked
at twice.
"""

_SENDING = """\
## Sending

Senders take turns, the first one changing, at the same sink on this machine: Postfix's `smtp-sink`,
which takes mails and keeps none. Ours sends an open edition as `publisher run` does: every mail
composed for its reader, every start and end in SQLite and flushed to the disk (`synchronous = FULL`)
before the next, one mail under way a connection. `smtp-source` is Postfix's own generator, in C: it
sends one mail that it made once, and keeps no record. nodemailer composes each mail and keeps no
record; smtplib sends one mail that was ready. [Mailman 3](https://list.org) sends the same mail to the
members of a list on SQLite, a copy with a footer for each, with a sender of its own by which it would
know a bounce (VERP). Only the call by which it delivers is timed: its queues, the runners that hand a
mail from one to the next and its rows of members are left out, which favours it. The slow ones send
fewer mails. Programs in Python and Node.js are watched from when they are loaded.
"""

_PEOPLE = """\
## Coming and leaving

`publisher run` as one process, its database on SQLite and flushed to the disk at every commit, asked
by HTTP over four connections: a person subscribes and confirms, with the notices that this sends,
and leaves by one click; once with nothing else to do, and once while an edition is sent to a relay on
this machine.
"""
_CONSOLE = """\
## The console

Each page of the console is asked for by HTTP, one after another, of a site of 1,000 posts and 100,000
subscribers, an edition to all of them open: once, so that what it keeps for a while is not there yet,
and then seven times, of which the median counts.
"""
OTHERS = (
    ("bench_markdown", _MARKDOWN),
    ("bench_mail", _MAIL),
    ("bench_opening", _OPENING),
    ("bench_courses", _COURSES),
    ("bench_sending", _SENDING),
    ("bench_people", _PEOPLE),
    ("bench_console", _CONSOLE),
)
"""The benchmarks beside this one, with what the page says before each."""


def begin(
    compared: Sequence[Comparison],
    served: Serving | None,
    programs: Sequence[Program],
    load_before: float,
) -> str:
    """Return the head of the page: the goals, the machine, the versions."""
    told = [version(program) for program in programs[1:]]
    if served:
        told.append(serving.nginx_version())
    return _BEGINNING.format(
        date=time.strftime("%-d %B %Y"),
        version=__version__,
        verdict=write_verdict(list_measures(compared, served)),
        machine=_describe_machine(),
        load=describe_load(load_before),
        python=platform.python_version(),
        programs="; ".join(told),
    )


def describe_load(before: float) -> str:
    """Return how many processes wanted a processor, before the run and at its end."""
    return (
        f"before the run {before:.1f} processes wanted a processor, at its end {read_load():.1f} "
        "(averages of five minutes; at the end our own are among them)"
    )


def read_load() -> float:
    """Return how many processes wanted a processor, on average of the last five minutes."""
    return os.getloadavg()[1]


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


def write_build(compared: Sequence[Comparison], options: argparse.Namespace) -> str:
    """Return the section on building, a part for each number of posts."""
    parts = [
        _BUILD.format(
            rounds=options.rounds, warm_ups=options.warm_ups, slow_rounds=options.slow_rounds
        )
    ]
    for one in compared:
        parts.append(f"### {one.posts:,} posts, {one.markdown_bytes / 1e6:.1f} MB of Markdown\n")
        parts.append(f"{write_full_builds(one)}\n\n{write_table(one)}\n\n{write_shares(one)}\n")
    return "\n".join([*parts, _LIMITS])


def write_profile(profile: Profile) -> str:
    """Return the section on the stages of a full build."""
    begun = _STAGES.format(posts=profile.posts)
    return f"{begun}\n{write_stages(profile)}\n\n{write_outside(profile)}\n"


def write_serving(served: Serving, options: argparse.Namespace) -> str:
    """Return the section on the server."""
    sizes = sorted({f"{octets:,} octets" for octets in served.octets.values()})
    begun = _SERVING.format(
        octets=" and ".join(sizes),
        nginx=serving.nginx_version(),
        connections=serving.CONNECTIONS,
        rounds=options.rounds,
        seconds=options.seconds,
    )
    return f"{begun}\n{serving.write_rates(served)}\n"


def write_repeat(options: argparse.Namespace) -> str:
    """Return how to come by the same page."""
    words = (
        f"--posts {' '.join(map(str, options.posts))} --rounds {options.rounds} "
        f"--warm-ups {options.warm_ups} --slow-rounds {options.slow_rounds} "
        f"--seconds {options.seconds}{' --brief' if options.brief else ''}"
    )
    return (
        "## To repeat it\n\n"
        "`make bench` installs Hugo, nginx, wrk and Node.js where they are missing (with apt), and\n"
        "Pelican and Eleventy below `.venv/`; it measures and writes this page, which takes about a\n"
        "quarter of an hour. What it ran here:\n\n"
        f"```sh\n.venv/bin/python -m tests.benchmarks {words}\n```\n\n"
        "`--quick` builds 200 posts once, beside Hugo alone, and prints the result; `--profile`\n"
        "prints where the time of our own full build goes. Everything is made in a temporary\n"
        "directory and removed.\n"
    )
