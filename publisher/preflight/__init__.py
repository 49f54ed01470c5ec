"""Preflight: what is wrong with a letter, found before anyone gets it.

Every finding is a ``Problem``: an error blocks the edition until it is mended, a warning is shown and
stops nothing. Findings about the HTML name its line in ``letter.html``, as ``preview`` writes it.

document   the HTML as a mail program meets it
mailers    what mail programs drop: one table of rules with sources
words      the lists of words, and what they are looked for in
wording    subject, preheader and the words of the letter
markup     the HTML: size, links, pictures, colours, what is dropped or loads
tracking   what a page or a letter tells others of who reads it
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from publisher.preflight.facts import Facts
from publisher.preflight.markup import BUDGET, MOST_OCTETS, WAYS_OUT_WITHIN, look_at_markup
from publisher.preflight.tracking import find_trackers
from publisher.preflight.wording import look_at_wording

if TYPE_CHECKING:
    from publisher.errors import Problem
    from publisher.model import EditionContent, Letter

__all__ = ["BUDGET", "MOST_OCTETS", "WAYS_OUT_WITHIN", "Facts", "find_trackers", "inspect"]


def inspect(content: EditionContent, letter: Letter, facts: Facts) -> list[Problem]:
    """Return everything wrong with an edition and the letter of all its posts, errors first."""
    found = [*look_at_wording(content, facts), *look_at_markup(content, letter, facts)]
    return sorted(dict.fromkeys(found), key=lambda problem: problem.level != "error")
