"""What Markdown costs: run it as a script; numbers are printed, nothing is asserted.

The engines are compared as far as they are installed; none is a dependency but ours.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module
from importlib.util import find_spec
from time import perf_counter
from typing import TYPE_CHECKING

from publisher.posts import Source, parse, render

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

POSTS = 200
ROUNDS = 5

_PARAGRAPH = (
    "Sleep depends on *two things* that work together [@a]. One is **pressure**, which builds "
    "with every hour awake; the other is the [body clock](https://example.org/clock), which "
    "likes regular hours and is confused when they change.[^1] Neither listens to effort.\n\n"
)
_TEXT = (
    "".join(
        f"## Section {number}\n\n{_PARAGRAPH * 4}- one thing\n- and another\n\n"
        for number in range(1, 6)
    )
    + "| Habit | Worth trying |\n| --- | --- |\n| Same rising time | First |\n\n[^1]: A note.\n"
)
_FRONT = """---
title: What keeps people awake
date: 2027-01-05
summary: Two things work together, and neither listens to effort.
tags: [sleep, insomnia]
references: {a: {text: "Lee A. Sleep and worry.", doi: 10.1000/182}}
---

"""


def bench_markdown() -> None:
    """Print how long each engine takes for the same posts, and ours from bytes to HTML."""
    print(f"{POSTS} posts of {len(_TEXT) / 1000:.1f} kB, the best of {ROUNDS} rounds")
    taken = {name: _measure(partial(convert, _TEXT)) for name, convert in _engines().items()}
    for name, seconds in sorted(taken.items(), key=lambda one: one[1]):
        print(f"{name:<16}{seconds * 1e3:9.1f} ms {seconds / taken['pyromark']:9.1f}")

    source = Source(path="sleep/01-awake.md", data=(_FRONT + _TEXT).encode())
    post = parse(source, site_id="bench", zone="UTC")
    reading = _measure(lambda: parse(source, site_id="bench", zone="UTC")) / POSTS
    rendering = _measure(lambda: render(source, post)) / POSTS
    print(f"a post of ours: parse {reading * 1e6:.0f} µs, render {rendering * 1e6:.0f} µs")


def _engines() -> Mapping[str, Callable[[str], object]]:
    """Return a converter for each engine that is installed, with tables and footnotes if it can."""
    engines: dict[str, Callable[[str], object]] = {}
    pyromark = import_module("pyromark")
    options = pyromark.Options
    ours = pyromark.Markdown(options=options.ENABLE_TABLES | options.ENABLE_FOOTNOTES)
    engines["pyromark"] = ours.html
    if find_spec("markdown_it"):
        engines["markdown-it-py"] = (
            import_module("markdown_it").MarkdownIt().enable("table").render
        )
    if find_spec("mistune"):
        engines["mistune"] = import_module("mistune").create_markdown(
            plugins=["table", "footnotes"]
        )
    if find_spec("markdown"):
        markdown = import_module("markdown")
        engines["markdown"] = lambda text: markdown.markdown(
            text, extensions=["tables", "footnotes"]
        )
    return engines


def _measure(work: Callable[[], object]) -> float:
    """Return the seconds of the fastest round."""
    rounds = []
    for _ in range(ROUNDS):
        started = perf_counter()
        for _ in range(POSTS):
            work()
        rounds.append(perf_counter() - started)
    return min(rounds)


if __name__ == "__main__":
    bench_markdown()
