"""What mail programs drop or break of HTML and CSS: one table of rules, each with its source.

Sources are pages of caniemail.com, ``/features/NAME/``, as they stood in November 2026. A program is
named where its most read form drops the thing: Outlook is the one for Windows, which draws with Word.
"""

from __future__ import annotations

import re
from typing import NamedTuple

GMAIL, OUTLOOK, APPLE, YAHOO = "Gmail", "Outlook", "Apple Mail", "Yahoo"
EVERY = (GMAIL, OUTLOOK, APPLE, YAHOO)

LONGEST_BLOCK = 8_192
"""Characters of one style block that Gmail reads."""


class Rule(NamedTuple):
    """Something that some mail programs drop."""

    what: re.Pattern[str]
    """The tag, ``name: value`` of a declaration, or an at-rule, in lower case, whole."""
    dropped_by: tuple[str, ...]
    source: str
    """The page of caniemail.com; empty for what every one of them takes out for safety."""
    blocking: bool = False
    """Whether the letter would lose words or a way to act, or ask somebody for something."""


def _rule(what: str, *by: str, source: str = "", blocking: bool = False) -> Rule:
    return Rule(re.compile(what), by, source, blocking)


ELEMENTS = (
    _rule("script|iframe|frame|frameset|applet", *EVERY, blocking=True),
    _rule("object|embed", GMAIL, OUTLOOK, YAHOO, source="html-object", blocking=True),
    _rule("link", GMAIL, YAHOO, source="html-link", blocking=True),
    _rule("base", GMAIL, OUTLOOK, YAHOO, source="html-base", blocking=True),
    _rule("form|input|button|select|textarea", OUTLOOK, YAHOO, source="html-form", blocking=True),
    _rule("svg|math|canvas", GMAIL, OUTLOOK, YAHOO, source="html-svg", blocking=True),
    _rule("video|audio|source|track", GMAIL, OUTLOOK, YAHOO, source="html-video", blocking=True),
    _rule("picture", GMAIL, OUTLOOK, YAHOO, source="html-picture"),
)
DECLARATIONS = (
    _rule(r"[^:]+:.*\b(?:url|expression)\(.*", *EVERY, blocking=True),
    _rule(r"--[^:]*:.*|[^:]+:.*\bvar\(.*", GMAIL, OUTLOOK, YAHOO, source="css-variables"),
    _rule(r"[^:]+:.*\b(?:clamp|min|max)\(.*", OUTLOOK, YAHOO, source="css-function-clamp"),
    _rule(r"[^:]+:.*\drem\b.*", OUTLOOK, YAHOO, source="css-unit-rem"),
    _rule("display: (?:inline-)?flex.*|flex.*", OUTLOOK, source="css-display-flex"),
    _rule("display: (?:inline-)?grid.*|grid.*", GMAIL, OUTLOOK, YAHOO, source="css-display-grid"),
    _rule("(?:row-|column-)?gap:.*", OUTLOOK, YAHOO, source="css-gap"),
    _rule("position: (?!static|relative).*", GMAIL, OUTLOOK, YAHOO, source="css-position"),
    _rule("float:.*", OUTLOOK, source="css-float"),
    _rule(r"margin[a-z-]*:.*(?<![\w.])-[\d.]+[a-z].*", GMAIL, OUTLOOK, source="css-margin"),
    _rule("animation.*|transition.*", GMAIL, OUTLOOK, YAHOO, source="css-animation"),
    _rule("clip-path:.*", GMAIL, OUTLOOK, YAHOO, source="css-clip-path"),
    _rule(r"[^:]+:.*gradient\(.*", OUTLOOK, YAHOO, source="css-linear-gradient"),
)
AT_RULES = (
    _rule("import", *EVERY, blocking=True),
    _rule("font-face", GMAIL, OUTLOOK, YAHOO, source="css-at-font-face"),
    _rule("keyframes", GMAIL, OUTLOOK, YAHOO, source="css-animation"),
    _rule("supports|layer|container", GMAIL, OUTLOOK, source="css-at-supports"),
)


def find_rule(rules: tuple[Rule, ...], what: str) -> Rule | None:
    """Return the rule that speaks of this tag, declaration or at-rule, the strictest first."""
    return next((rule for rule in rules if rule.what.fullmatch(what)), None)


def tell(rule: Rule) -> str:
    """Return who drops it and where that is written."""
    by = " and ".join(filter(None, (", ".join(rule.dropped_by[:-1]), rule.dropped_by[-1])))
    where = f" (caniemail.com/features/{rule.source}/)" if rule.source else ""
    return f"{by} {'drops' if len(rule.dropped_by) == 1 else 'drop'} it{where}"
