"""What ``config.toml`` says: parsed once, every problem at once, then never looked at again.

tree      what the file means: frozen values
options   one row a key: what it takes, its default, what it is for
kinds     what a value of each kind looks like, and how to mend one that does not
lines     where in the file a key stands
reading   bytes and environment to a ``Config``, or to its problems
sources   every setting with its value and where that comes from
live      what a site needs before it mails people
courses   the settings of one mailing by name, a course's included
sample    the file that ``publisher init`` writes
"""

from __future__ import annotations

from publisher.config.courses import find_digest
from publisher.config.hosts import is_loopback, is_reserved_domain
from publisher.config.live import (
    feedback_problems,
    live_problems,
    missing_for_live,
    signing_problems,
)
from publisher.config.options import KEYS, OPTIONS, Option
from publisher.config.reading import MISSING_FILE, missing, parse
from publisher.config.sample import sample, write_value
from publisher.config.sources import Setting, list_settings
from publisher.config.tree import (
    Alerts,
    Config,
    Courses,
    Database,
    Digest,
    Dkim,
    Feedback,
    Feeds,
    Hooks,
    Imap,
    Listen,
    Mail,
    Mailbox,
    Paths,
    Privacy,
    Rate,
    Review,
    Secret,
    Site,
    Smtp,
    Subscribe,
    Web,
)

__all__ = [
    "KEYS",
    "MISSING_FILE",
    "OPTIONS",
    "Alerts",
    "Config",
    "Courses",
    "Database",
    "Digest",
    "Dkim",
    "Feedback",
    "Feeds",
    "Hooks",
    "Imap",
    "Listen",
    "Mail",
    "Mailbox",
    "Option",
    "Paths",
    "Privacy",
    "Rate",
    "Review",
    "Secret",
    "Setting",
    "Site",
    "Smtp",
    "Subscribe",
    "Web",
    "feedback_problems",
    "find_digest",
    "is_loopback",
    "is_reserved_domain",
    "list_settings",
    "live_problems",
    "missing",
    "missing_for_live",
    "parse",
    "sample",
    "signing_problems",
    "write_value",
]
