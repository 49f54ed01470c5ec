"""How long the console's pages take before a large site: ``python -m tests.benchmarks.bench_console``.

A site of 1,000 posts and 100,000 readers, one edition of it open. Each page is asked for in turn, so
that the first look at what is kept for a while is told apart from those that follow.
"""

from __future__ import annotations

import argparse
import socket
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import httpx
import uvicorn

from publisher import app, staffing
from publisher.engine import clock
from publisher.model import Role
from publisher.store import subscribers
from publisher.web import make_site
from publisher.web.console import make_console
from tests.benchmarks.build import as_table
from tests.benchmarks.verdict import Measure, write_verdict
from tests.conftest import empty_site
from tests.stores import make_person

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from publisher.app import Site
    from tests.conftest import Folder

_PAGES = (
    "",
    "posts",
    "posts/edit/series-1/01-post-0.md",
    "reviews",
    "digests",
    "digests/weekly",
    "digests/weekly/letter",
    "digests/weekly/edit",
    "editions/{edition}",
    "editions/{edition}/progress",
    "subscribers",
    "subscribers/{person}",
    "subscribers/suppressions",
    "settings/trail",
)
_POSTS, _PEOPLE = 1_000, 100_000
"""The site that the goal speaks of."""
_GOAL_MS = 100
_BATCH = 5_000
_BODY = "A paragraph of a post, with words enough to be one.\n\n" * 8


def _fill(folder: Folder, posts: int) -> None:
    for n in range(posts):
        series, part = divmod(n, 20)
        folder.post(f"series-{series + 1}/{part + 1:02}-post-{n}.md", f"Post {n}", body=_BODY)


def _join(site: Site, people: int) -> None:
    for start in range(0, people, _BATCH):
        some = [make_person(f"reader{n}") for n in range(start, min(start + _BATCH, people))]
        with site.store.write() as tx:
            subscribers.add(tx, some)


@contextmanager
def _served(site: Site) -> Iterator[httpx.Client]:
    console = make_console(site, app.make_console_pages(site.config), clock.now)
    asgi = make_site(
        site.config, site.store, app.make_pages(site.config), clock.now, console=console
    )
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(asgi, lifespan="off", log_config=None))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            headers = {"Sec-Fetch-Site": "same-origin"}
            with httpx.Client(base_url=url, headers=headers, timeout=120) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join()


@dataclass(frozen=True, slots=True)
class Asked:
    """Milliseconds of one page: by the clock and by the processor, the first time before the rest."""

    page: str
    walls: list[float]
    cpus: list[float]

    def cells(self) -> list[str]:
        """Return the page as a row of the table."""
        then = (median(self.walls[1:]), max(self.walls[1:]), median(self.cpus[1:]))
        return [f"`{self.page}`", *(f"{one:.0f}" for one in (self.walls[0], *then))]


def write(asked: Sequence[Asked], *, is_site_of_goal: bool) -> str:
    """Return the goals and the pages as Markdown."""
    slowest = [max(median(one.walls[1:]) for one in asked)] if is_site_of_goal else []
    name = f"{_POSTS:,} posts, {_PEOPLE:,} subscribers, the slowest page"
    goals = [Measure(name=name, goal=_GOAL_MS, unit=" ms", is_strict=True, figures=slowest)]
    head = ["page", "first, ms", "then, ms", "the slowest of these, ms", "processor, ms"]
    rows = [head, ["---", "---:", "---:", "---:", "---:"], *(one.cells() for one in asked)]
    return f"{write_verdict(goals)}\n\n{as_table(rows)}"


def _measure(client: httpx.Client, path: str, rounds: int) -> Asked:
    walls, cpus = [], []
    for _ in range(rounds + 1):
        wall, cpu = time.perf_counter(), time.process_time()
        reply = client.get(f"/console/{path}")
        cpus.append((time.process_time() - cpu) * 1000)
        walls.append((time.perf_counter() - wall) * 1000)
        if reply.status_code != httpx.codes.OK:
            raise RuntimeError(f"{path}: {reply.status_code}")
    return Asked(f"/console/{path}", walls, cpus)


def main() -> None:
    """Measure every page and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posts", type=int, default=_POSTS)
    parser.add_argument("--people", type=int, default=_PEOPLE)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as path:
        folder = empty_site(Path(path) / "site")
        _fill(folder, options.posts)
        site = folder.open()
        _join(site, options.people)
        done = app.publish_once(
            site, now=clock.now(), clock=clock.now, digest="weekly", deliver_too=False
        )
        if done.build.problems:  # else a site of nothing would be measured
            raise RuntimeError(done.build.problems[0].as_text())
        folder.post("new.md", "A new one")
        app.publish_once(site, now=clock.now(), clock=clock.now, deliver_too=False)
        who = staffing.add(
            site.store, "x@example.org", name="X", roles=list(Role), by="bench", now=clock.now()
        )
        token = staffing.make_link(site.store, who, now=clock.now())
        with _served(site) as client:
            client.post(f"/console/link/{token}")
            opened = next(one for one in app.list_newest(site, limit=10) if one.letters)
            pages = [one.format(edition=opened.id, person=options.people // 2) for one in _PAGES]
            asked = [_measure(client, page, options.rounds) for page in pages]
        site.store.close()
    is_site_of_goal = (options.posts, options.people) == (_POSTS, _PEOPLE)
    print(write(asked, is_site_of_goal=is_site_of_goal))


if __name__ == "__main__":
    main()
