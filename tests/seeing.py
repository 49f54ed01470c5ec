"""What a page must be for everybody, asked of a real browser: axe's rules, and nothing that sticks out."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from playwright.sync_api import Page

Scheme = Literal["light", "dark"]

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COLOURS = ["color-contrast", "link-in-text-block"]
"""The rules of axe that look at colours."""
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
WIDTHS = (375, 1280)

# What sticks out of the page to the right and is in no box that scrolls; of each its beginning.
STICKING_OUT = """() => {
    const page = document.documentElement;
    const scrolls = one => one && one !== page && (
        ['auto', 'scroll', 'hidden'].includes(getComputedStyle(one).overflowX)
        || scrolls(one.parentElement));
    const out = [...document.querySelectorAll('body *')].filter(one =>
        one.getBoundingClientRect().right > page.clientWidth + 0.5 && !scrolls(one.parentElement));
    return out.map(one => one.outerHTML.slice(0, 80)).concat(
        page.scrollWidth > page.clientWidth ? ['the page itself'] : []);
}"""


def find_faults(page: Page, scheme: Scheme = "light") -> list[str]:
    """Return what axe has against the page: the rule, and where.

    By night only colours are others, so by night only the rules about colours are asked. What is in
    a frame is a letter, which is looked at by itself.
    """
    rules = RULES if scheme == "light" else {"type": "rule", "values": COLOURS}
    result: dict[str, Any] = page.evaluate(
        "rules => axe.run({exclude: ['iframe']}, {runOnly: rules, resultTypes: ['violations']})",
        rules,
    )
    return [
        f"{one['id']}: {node['html'][:100]}"
        for one in result["violations"]
        for node in one["nodes"]
    ]
