"""The ``config.toml`` that ``publisher init`` writes: every key with its default and its use."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from publisher.config.options import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from publisher.config.options import Option

_HEAD = """\
# The configuration of this site. Only site.id and site.name are required; every other key stands
# here with its default. `publisher check` reads it, `publisher config explain KEY` tells of a key.
#
# Secrets are never written here: { env = "NAME" } names an environment variable, { file = "path" }
# a file. A variable such as PUBLISHER_MAIL__FROM overrides the key mail.from.
"""
_TABLE_NOTES = {
    "paths": "relative to this file",
    "digests.weekly": "a recurring mailing; another one is another table, such as [digests.monthly]",
}
_WIDEST_VALUE = 40
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_SPECIALS = re.compile(r'[\\"<>@,;:]')
_QUOTED = re.compile(r'[\\"]')
_ESCAPED = re.compile(r'[\\"\x00-\x1f\x7f]')


def sample(*, site_id: str, name: str, url: str, timezone: str) -> str:
    """Return the text of a commented configuration with one digest, which ``parse`` reads."""
    values = {
        "site.id": site_id,
        "site.name": name,
        "site.url": url,
        "site.timezone": timezone,
        "mail.from": f"{_quote(name)} <{OPTIONS['mail.from'].default}>",
        "digests.NAME.title": "Weekly letter",
        "digests.NAME.schedule": "every tuesday at 07:30",
        "digests.NAME.cron": "30 7 * * 2",
    }
    return f"{_HEAD}{''.join(_write(values))}"


def write_value(value: Any) -> str:
    """Return a value as TOML: text, a number, true or false, a list or an inline table."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return f'"{_ESCAPED.sub(_escape, value)}"'
        case list():
            return f"[{', '.join(map(write_value, value))}]"
        case dict():
            pairs = (f"{key} = {write_value(item)}" for key, item in value.items())
            return f"{{ {', '.join(pairs)} }}"
        case _:
            return str(value)


def _write(values: Mapping[str, Any]) -> Iterator[str]:
    table = ""
    for option in OPTIONS.values():
        owner, _, name = option.key.replace("NAME", "weekly").rpartition(".")
        if owner != table:
            table = owner
            note = _TABLE_NOTES.get(table)
            yield f"\n{_comment(f'[{table}]', note) if note else f'[{table}]'}\n"
        value = write_value(values.get(option.key, option.default))
        yield f"{_comment(_assign(option, name, value), option.about)}\n"


def _assign(option: Option, name: str, value: str) -> str:
    # Exactly one of schedule and cron may be set.
    return f"# {name} = {value}" if option.key == "digests.NAME.cron" else f"{name} = {value}"


def _comment(text: str, note: str) -> str:
    return f"{text:<{_WIDEST_VALUE}}  # {note}"


def _quote(name: str) -> str:
    """Return a display name, as a quoted string where it must be one (RFC 5322 section 3.2.4)."""
    if not _SPECIALS.search(name):
        return name
    return '"' + _QUOTED.sub(r"\\\g<0>", name) + '"'


def _escape(match: re.Match[str]) -> str:
    return _ESCAPES.get(match[0], f"\\u{ord(match[0]):04x}")
