"""Mail: the bytes that go on the wire, compiled once a letter and joined once a reader.

A letter becomes segments of quoted-printable around its open places; a mail is its headers and the
join of the segments with the reader's values. There is no MIME object and no template per reader.

composing  letters and notices to whole mails
headers    who, what, when, and what a list says of itself
quoting    bodies as lines that no server changes
dkim       signatures
keys       the private keys they are made with
"""

from publisher.mail.composing import CompiledLetter, compile_letter, compose, compose_notice
from publisher.mail.dkim import Signer
from publisher.mail.headers import Mailbox, MailingList

__all__ = [
    "CompiledLetter",
    "Mailbox",
    "MailingList",
    "Signer",
    "compile_letter",
    "compose",
    "compose_notice",
]
