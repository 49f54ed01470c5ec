"""From an open edition to mail on the wire: claim, begin, send, record, close.

rounds      what a round of sending is given and came to; every open edition in turn
loop        one edition: which mail begins when, and what becomes of it
feed        what may begin: chunks claimed, rows read, mails composed and signed ahead
gone        readers whose address takes no mail any more
limits      what all senders of one database share
committing  the thread that owns the ledger while an edition is sent
composing   from a frozen letter to the mail of one reader

The unit of durability is one mail a connection. The commit that records how a mail ended also says
that the next one begins, and the steps of all connections share it; nothing goes on the wire before
it. So a kill loses nothing, and can repeat only the mails that were on the wire.
"""

from publisher.delivering.composing import (
    Heading,
    Reader,
    address_letter,
    compile_for,
    heading_of,
    readable_parts,
)
from publisher.delivering.rounds import Round, Sending, deliver

__all__ = [
    "Heading",
    "Reader",
    "Round",
    "Sending",
    "address_letter",
    "compile_for",
    "deliver",
    "heading_of",
    "readable_parts",
]
