"""What a site needs before it mails people, what its signatures do not reach, and what is unread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from publisher.config.hosts import is_reserved_domain
from publisher.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from publisher.config.tree import Config


def live_problems(config: Config) -> tuple[Problem, ...]:
    """Return what a live site still lacks; nothing for a site that is not live."""
    return missing_for_live(config) if config.live else ()


def missing_for_live(config: Config) -> tuple[Problem, ...]:
    """Return what a site lacks to be live, whether it is or not."""
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


def signing_problems(config: Config) -> Iterator[Problem]:
    """Yield warnings about what is signed: DMARC asks that the From domain be aligned (RFC 7489 3.1).

    Relaxed alignment is by organisational domain, which DNS alone does not tell; a domain above or
    below the other is aligned for sure, anything else is warned of.
    """
    dkim = config.mail.dkim
    if not (dkim.rsa_key.is_set or dkim.ed25519_key.is_set):
        return
    senders = {"mail.from": config.mail.from_} | {
        f"digests.{name}.discreet_from": digest.discreet_from
        for name, digest in config.digests.items()
        if digest.discreet_from
    }
    for key, sender in senders.items():
        if not _are_related(sender.domain, dkim.domain):
            yield _warn(
                config,
                expected=f"mail.dkim.domain to be the domain of {key}, or one above or below it",
                got=f"{dkim.domain} for mail from {sender.domain}",
                hint="Receivers that check DMARC do not count such a signature.",
            )
    if not dkim.rsa_key.is_set:
        yield _warn(
            config,
            expected="mail.dkim.rsa_key to be set beside mail.dkim.ed25519_key",
            got="an Ed25519 key alone",
            hint="Many receivers know only RSA. Type:  publisher dns --make-keys",
        )


def feedback_problems(config: Config) -> Iterator[Problem]:
    """Yield a warning where letters go to people and nothing reads what comes back."""
    if config.live and not (config.feedback.maildir or config.feedback.imap):
        yield Problem(
            code="config.feedback",
            path=str(config.path),
            level="warning",
            expected="feedback.maildir or feedback.imap to be set, because letters go to people",
            got=f"nothing that reads b+…@ and u+…@ at {config.mail.bounce_domain}",
            hint="Bounces and mails to unsubscribe go there. A server that hands each one to "
            '"publisher feedback -" will do too.',
        )


def _are_related(one: str, other: str) -> bool:
    return f".{one}".endswith(f".{other}") or f".{other}".endswith(f".{one}")


def _warn(config: Config, *, expected: str, got: str, hint: str) -> Problem:
    return Problem(
        code="config.dkim",
        path=str(config.path),
        level="warning",
        expected=expected,
        got=got,
        hint=hint,
    )
