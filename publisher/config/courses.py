"""The settings of one mailing by name: a digest's own, or those that a course has."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from publisher.config.tree import Digest
from publisher.editorial.slots import parse_words
from publisher.model import corrected_digest, course_series

if TYPE_CHECKING:
    from publisher.config.tree import Config


def find_digest(config: Config, name: str, title: str = "") -> Digest | None:
    """Return the digest of a name; nothing where the configuration has none such.

    A correction's (``correction:<digest>``) is as that of what it corrects, and goes by a person's
    word only. A course (``course:<series>``) has the site's zone, the time of courses, its post's title as
    subject, and the rest as the first digest has it.
    """
    corrected = corrected_digest(name)
    if corrected is not None:
        found = find_digest(config, corrected, title)
        return found and replace(
            found,
            name=name,
            title=f"{found.title}, correction",
            approval="required",
            heads_up=None,
        )
    series = course_series(name)
    if series is None:
        return config.digests.get(name)
    first = next(iter(config.digests.values()), None)
    discreet = (one.discreet_from for one in config.digests.values() if one.discreet_from)
    return Digest(
        name=name,
        title=title or series,
        schedule=parse_words(f"every day at {config.courses.at:%H:%M}", config.site.timezone),
        zone=config.site.timezone,
        subject="{first}",
        discreet_subject=first.discreet_subject if first else "Your reading",
        discreet_from=next(discreet, None),
        content=first.content if first else "summary",
        max_posts=1,
        approval="none",
        prepare=timedelta(0),
        heads_up=None,
        late_after=timedelta(days=1),
    )
