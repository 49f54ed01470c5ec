"""What a site needs before it mails people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from publisher.config.hosts import is_reserved_domain
from publisher.errors import Problem

if TYPE_CHECKING:
    from publisher.config.tree import Config


def live_problems(config: Config) -> tuple[Problem, ...]:
    """Return what a live site still lacks; nothing for a site that is not live."""
    if not config.live:
        return ()
    domain = config.mail.from_.domain
    wanting = (
        (
            not config.site.postal_address.strip(),
            "site.postal_address to be set, because letters go to people",
            "nothing",
            "Write the address where post reaches you; the law asks for it in every letter.",
        ),
        (
            not config.site.url.startswith("https://"),
            "site.url to begin with https://, because letters go to people",
            f'"{config.site.url}"',
            "Write the address where the site is reached from everywhere.",
        ),
        (
            is_reserved_domain(domain),
            "mail.from to be at a domain of yours, because letters go to people",
            f"{domain}, which is reserved and reaches nobody",
            'Write from = "Name <letters@your-domain>".',
        ),
    )
    return tuple(
        Problem(code="config.live", path=str(config.path), expected=expected, got=got, hint=hint)
        for is_wanting, expected, got, hint in wanting
        if is_wanting
    )
