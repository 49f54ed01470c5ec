"""Mail that comes in: from a Maildir, an IMAP mailbox or files, as bytes; and what it reports.

reading    bytes to a report: RFC 3464, RFC 5965, mailto unsubscribes, automatic replies
oddities   bounces in forms of their own
maildir    a folder that a mail server delivers to
imap       a mailbox on another machine
files      a file named on the command line

Nothing is ever answered or erased. A mail is put away as read only after what it came to is kept;
one that is for a person stays unread for that person.
"""

from publisher.inbox.arriving import Arrival, Source
from publisher.inbox.files import MailFile
from publisher.inbox.imap import ImapMailbox
from publisher.inbox.maildir import Maildir
from publisher.inbox.reading import MOST_OCTETS, read_report

__all__ = [
    "MOST_OCTETS",
    "Arrival",
    "ImapMailbox",
    "MailFile",
    "Maildir",
    "Source",
    "read_report",
]
