"""Taking in what comes back, from where the configuration or the command says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from publisher import inbox
from publisher.errors import Problem, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from publisher.app.opening import Site
    from publisher.feedback import Intake


def has_inbox(site: Site) -> bool:
    """Return whether the configuration says where bounces arrive."""
    return bool(site.config.feedback.maildir or site.config.feedback.imap)


def open_inbox(
    site: Site,
    *,
    maildir: Path | None = None,
    use_imap: bool = False,
    files: Sequence[Path] = (),
    is_stopping: Callable[[], bool] = lambda: False,
) -> list[inbox.Source]:
    """Return the places that were named, or where none was, those of the configuration.

    Raises UsageError where there is no place at all, ConfigError for a password that is not there.
    """
    configured = site.config.feedback
    sources: list[inbox.Source] = [inbox.MailFile(path) for path in files]
    if not (maildir or use_imap or files):
        maildir, use_imap = configured.maildir, bool(configured.imap)
    if maildir:
        sources.append(inbox.Maildir(maildir))
    if use_imap:
        if configured.imap is None:
            raise UsageError(_nowhere("feedback.imap"))
        password = configured.imap_password.read(site.environ)
        sources.append(inbox.ImapMailbox(configured.imap, password, is_stopping=is_stopping))
    if not sources:
        raise UsageError(_nowhere("feedback.maildir or feedback.imap"))
    return sources


def take_in_feedback(
    site: Site,
    sources: Sequence[inbox.Source],
    *,
    now: datetime,
    dry_run: bool = False,
    is_stopping: Callable[[], bool] = lambda: False,
) -> Intake:
    """Take in bounces, complaints and mailto unsubscribes.

    Raises Refused for a copy of a database: what it put away the real one would never see.
    """
    from publisher import feedback  # noqa: PLC0415
    from publisher.operating import adopt_epoch  # noqa: PLC0415

    adopt_epoch(site.store, site.config.paths.state, is_new=False)
    return feedback.take_in(site.store, sources, now=now, dry_run=dry_run, is_stopping=is_stopping)


def _nowhere(key: str) -> Problem:
    return Problem(
        code="feedback.nowhere",
        path=key,
        expected="a place that bounces arrive at",
        got="none",
        hint="Set it in config.toml, or name files: publisher feedback FILE",
    )
